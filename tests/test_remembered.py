"""Records decoded one after another: what was decoded before makes the next one cheaper, and changes nothing."""

from __future__ import annotations

import random

import pytest

import kinfo
from kinfo.record import decode as decode_room
from kinfo.record.asked.remembered import Remembered
from tests.synthetic import MAIN, VENDOR, make_fields, wrap


def said(record: kinfo.Record) -> tuple[object, ...]:
    return (
        record.layout,
        record.confidence,
        record.rivals,
        record.raw,
        record.checksum,
        dict(record.values),
        record.weighed,
        record.region_size,
        record.tail_start,
        said(record.vendor) if record.vendor else None,
    )


@pytest.mark.parametrize("how", ["alone", "zero", "noise"])
def test_the_next_record_reads_as_the_first(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    rng = random.Random(how)
    blobs = []
    for alias in (*MAIN, *VENDOR):
        for seed in range(4):
            blob = bytearray(wrap(kinfo.encode(make_fields(alias, seed % 2), alias), how, seed)[0])
            if seed == 3:
                blob[rng.randrange(len(blob))] ^= 1 << rng.randrange(8)
            blobs.append(bytes(blob))
    monkeypatch.setattr(decode_room, "_before", decode_room._Before())
    monkeypatch.setattr(decode_room, "_FEW", 1 << 30)
    first = [said(kinfo.decode(blob)) for blob in blobs]
    found: list[object] = []
    find = Remembered.find

    def watched(remembered: Remembered[object], data: bytes, *, is_end: bool) -> object:
        found.append(find(remembered, data, is_end=is_end))
        return found[-1]

    monkeypatch.setattr(Remembered, "find", watched)
    monkeypatch.setattr(decode_room, "_FEW", 0)
    assert [said(kinfo.decode(blob)) for blob in blobs] == first
    assert sum(one is not None for one in found) >= 10


def test_ways_are_kept_as_long_as_they_are_of_use() -> None:
    asked = []
    remembered = Remembered(lambda window: asked.append(window.word(0)))
    for number in range(100):
        remembered.keep(number.to_bytes(16, "little"), is_end=True)
    assert len(asked) == 32
