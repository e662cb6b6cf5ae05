"""Many records at once: every column says what `kinfo.decode` says of the blob alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kinfo
from kinfo.errors import KinfoError
from kinfo.examine import columns as columns_room
from kinfo.examine.columns import VENDOR, Columns, decode_many
from kinfo.findings import worst
from kinfo.record import text
from kinfo.record.asked import follow
from kinfo.record.model import Value
from tests.strategies import plausible, wrappings
from tests.synthetic import MAIN, make_fields, noise, wrap
from tests.synthetic import VENDOR as BLOCKS


def shown(value: Value) -> object:
    if isinstance(value, bytes):
        return text.escape(text.before_nul(value))
    return [shown(item) for item in value] if isinstance(value, tuple) else value


def fields_of(columns: Columns, row: int) -> dict[str, object]:
    found: dict[str, object] = {
        name: int(column.values[row]) for name, column in columns.numbers.items() if column.there[row]
    }
    found |= {name: column[row] for name, column in columns.texts.items() if column[row] is not None}
    return found | {name: column[row] for name, column in columns.arrays.items() if column[row] is not None}


def same_as_alone(blobs: list[bytes], *, findings: bool = True) -> Columns:
    """Every row against `kinfo.decode_all` of its blob."""
    columns = decode_many(blobs, findings=findings)
    for row, blob in enumerate(blobs):
        assert columns.regions[row] == len(blob)
        try:
            record, *others = kinfo.decode_all(blob)
        except KinfoError as error:
            assert columns.errors[row] == str(error)
            assert columns.aliases[row] == columns.confidences[row] == columns.states[row] == ""
            assert not fields_of(columns, row)
            continue
        assert columns.errors[row] is None
        assert columns.aliases[row] == (record.layout.alias if record.layout else "")
        assert (columns.confidences[row], columns.states[row]) == (record.confidence.value, record.state.value)
        assert (columns.offsets[row], columns.others[row]) == (record.offset, len(others))
        block = record.vendor
        assert columns.vendors[row] == (block.layout.alias if block and block.layout else "")
        assert columns.vendor_states[row] == (block.state.value if block else "")
        wanted = {name: shown(value) for name, value in record.values.items()}
        wanted |= {VENDOR + name: shown(value) for name, value in block.values.items()} if block else {}
        assert fields_of(columns, row) == wanted
        if findings:
            assert columns.codes is not None
            assert columns.worst is not None
            assert columns.writers is not None
            assert columns.codes[row] == tuple(finding.code for finding in record.findings)
            gravest = worst(record.findings)
            assert columns.worst[row] == (gravest.value if gravest else "")
            assert columns.writers[row] == record.writers
    return columns


def every_layout(seeds: int) -> Iterator[bytes]:
    for alias in (*MAIN, *BLOCKS):
        for seed in range(seeds):
            record = kinfo.encode(make_fields(alias, seed), alias)
            for how in ("alone", "zero", "noise", "embedded"):
                yield wrap(record, how, seed)[0]


def test_every_layout_in_every_wrapping() -> None:
    columns = same_as_alone(list(every_layout(1)))
    assert set(columns.aliases) == {*MAIN, *BLOCKS}
    assert columns.numbers["_stext_pa"].values.dtype == np.uint64


@pytest.mark.parametrize("findings", [True, False])
def test_bad_blobs_have_their_reason_and_stop_nobody(findings: bool) -> None:
    sound = kinfo.encode(make_fields("C", 1), "C")
    columns = same_as_alone([b"", b"\xff\xdd\xee\xcc", bytes(4096), noise(4096, 1), sound, sound[:300]], findings=findings)
    assert columns.aliases[4] == "C"
    assert (columns.codes is None) is not findings
    assert "5 records" not in repr(columns)
    assert "6 blobs" in repr(columns)


def test_no_blobs_give_no_rows() -> None:
    assert decode_many([]).aliases == []


def test_a_vendor_block_is_of_its_record() -> None:
    record, block = kinfo.encode(make_fields("A2", 2), "A2"), kinfo.encode(make_fields("V3l", 2), "V3l")
    columns = same_as_alone([record.ljust(2048, b"\0") + block.ljust(2048, b"\0"), record])
    assert columns.vendors == ["V3l", ""]
    assert columns.texts["vendor.uts_release"][1] is None


def test_others_are_counted() -> None:
    record = kinfo.encode(make_fields("A2", 2), "A2").ljust(4096, b"\0")
    assert list(same_as_alone([record * 3, record]).others) == [2, 0]


def test_damaged_records_read_as_alone() -> None:
    rng = random.Random(7)
    blobs = []
    for blob in every_layout(1):
        damaged = bytearray(blob[:4096])
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(min(len(damaged), 520))] ^= 1 << rng.randrange(8)
        blobs.append(bytes(damaged))
    same_as_alone(blobs)


@pytest.fixture
def everything_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way is kept when it is first gone, and every group answered together: nothing is left to `kinfo.decode`."""
    monkeypatch.setattr(follow, "WORTH_KEEPING", 1)
    monkeypatch.setattr(follow, "ALONE", 0)
    monkeypatch.setattr(columns_room, "TOGETHER", 1)


@pytest.mark.usefixtures("everything_is_kept")
def test_what_is_asked_decides_the_answer() -> None:
    """Records with one thing changed, so that many go nearly the same way."""
    rng = random.Random(5)
    blobs = []
    for alias in (*MAIN, *BLOCKS[1:]):
        fields, layout = make_fields(alias, 3), kinfo.layout(alias)
        for _ in range(5):
            field = rng.choice([one for one in layout.fields[2:] if not one.is_text and not one.elements])
            value = fields.get(field.name, 0) ^ rng.choice((0, 1, 1 << rng.randrange(field.bits)))
            record = kinfo.encode(fields | {field.name: value % (1 << field.bits)}, alias)
            blobs.append(record.ljust(rng.choice((len(record), 1024, 4096)), b"\0"))
    same_as_alone(blobs)


@pytest.mark.usefixtures("everything_is_kept")
@settings(max_examples=10, deadline=None)
@given(plausible(), wrappings, st.integers(0, 1 << 32), st.sampled_from(("V1", "V2", "V3l", "V4", "")))
def test_any_record_reads_as_alone(drawn: tuple[kinfo.Layout, dict[str, Any], int], how: str, seed: int, vendor: str) -> None:
    layout, fields, number = drawn
    rng = random.Random(seed)
    record = bytearray(wrap(kinfo.encode(fields, layout), how, number)[0])
    if vendor and how == "zero":
        block = kinfo.encode(make_fields(vendor, 1), vendor)
        record[2048 : 2048 + len(block)] = block
    damaged = bytearray(record)
    damaged[rng.randrange(min(len(record), 2200))] = rng.randrange(256)
    inverted = record[:4] + bytes(byte ^ 0xFF for byte in record[4:8]) + record[8:]
    same_as_alone([bytes(record), bytes(damaged), bytes(inverted), bytes(record[: rng.randrange(len(record))])])
