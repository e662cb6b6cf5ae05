"""Records decoded one after another: what was decoded before makes the next one cheaper, and changes nothing."""

from __future__ import annotations

import random

import pytest

import kinfo
from kinfo.record import decode as decode_room
from kinfo.record.asked.questions import DerivedTerm, Exactly, Negative, Seen, Sum, Summed, SumSays, Word, Zero, answerer
from kinfo.record.asked.remembered import Remembered
from kinfo.record.checksum import State
from kinfo.record.text import is_blank
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
    for seed in range(4):
        for alias in (*MAIN, *VENDOR):
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


MAGIC, BODY = 0xCCEEDDFF, bytes.fromhex("11223344 01000000 00000080")
SUM = 0x44332211 ^ 1 ^ 0x80000000


@pytest.mark.parametrize(
    ("magic", "stored", "says"),
    [
        (MAGIC, SUM, SumSays(State.VALID, False, False)),
        (MAGIC, SUM ^ 0xFFFFFFFF, SumSays(State.INVERTED, False, False)),
        (MAGIC, SUM ^ 0x400, SumSays(State.MISMATCH, False, True)),
        (MAGIC, SUM ^ 0x401, SumSays(State.MISMATCH, False, False)),
        (MAGIC, 0, SumSays(State.NOT_WRITTEN, False, False)),
        (0, SUM, SumSays(State.NOT_WRITTEN, False, False)),
        (0, SUM ^ 0x400, SumSays(State.NOT_WRITTEN, False, True)),
        (MAGIC ^ 1, SUM, SumSays(State.MISMATCH, True, False)),
        (MAGIC ^ 1, SUM ^ 0x400, SumSays(State.MISMATCH, False, True)),
    ],
)
def test_a_sum_is_answered_without_being_made(magic: int, stored: int, says: SumSays) -> None:
    data = b"before.." + magic.to_bytes(4, "little") + stored.to_bytes(4, "little") + BODY
    question = Summed(8, 3, MAGIC)
    assert answerer(question)(data) == question.answer(data) == says
    ends_sooner = Summed(8, 3, None)  # of a record that goes on behind the bytes: no sum proves it
    assert answerer(ends_sooner)(data) == ends_sooner.answer(data)
    assert ends_sooner.answer(data).state is State.MISMATCH


@pytest.mark.parametrize(
    "question",
    [
        Exactly(Word(0, 4)),
        Exactly(Word(6, 4)),  # which the bytes end in
        Exactly(DerivedTerm("%", Sum(((Word(0, 4), 1),), 0), 4096)),
        Seen(is_blank, ((2, 4),)),
        Seen(lambda one, other: one + other, ((0, 2), (4, 9))),
        Zero(Sum(((Word(0, 2), 1), (Word(2, 2), -1)), 0)),
        Negative(Sum(((Word(0, 1), 3), (Word(4, 4), -1)), 7)),
    ],
)
def test_a_question_is_answered_as_quickly_as_ever_the_same(question: Exactly | Seen | Zero | Negative) -> None:
    rng = random.Random(str(question.kind))
    blobs = [bytes(8), b"\1\0\1\0" * 2, *(rng.randbytes(8) for _ in range(20))]
    assert [answerer(question)(blob) for blob in blobs] == [question.answer(blob) for blob in blobs]
