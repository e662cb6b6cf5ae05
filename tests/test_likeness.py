"""Regions read together, and known by a key of their kernel: as each of them alone, whatever the damage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kinfo
from kinfo.arch.address import PA_LIMIT
from kinfo.examine import columns as columns_room
from kinfo.examine import known_kernels, together
from kinfo.memory import BytesDump
from kinfo.record.asked import follow
from kinfo.record.asked.blobs import PART, Blobs, BlobShape, by_shape
from kinfo.record.asked.keys import AddressPlaces, keyed
from kinfo.record.asked.questions import DerivedTerm, Exactly, Negative, Seen, Sum, Summed, Word, Zero
from kinfo.record.asked.still_open import agree, of_key, open_questions
from kinfo.record.text import is_blank
from kinfo.survey.blobs import rows_of_blobs, table_of_blobs
from kinfo.survey.look import rows_of
from tests.synthetic import make_fields
from tools import likeness

_STEP = 0x200000


def moved(alias: str, seed: int, steps: int, **more: Any) -> bytes:
    fields = make_fields(alias, seed)
    away = {name: value + steps * _STEP for name, value in fields.items() if name.endswith("_pa") and value}
    return kinfo.encode(fields | away | more, alias).ljust(4096, b"\0")


def matrix_of(blobs: list[bytes]) -> Any:
    return np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), -1)


def keys_of(blobs: list[bytes], half: int = 0) -> list[bytes]:
    found = keyed(Blobs(matrix_of(blobs)), np.arange(len(blobs)), half)
    return [key for one in found for key in one.keys]


def test_damaged_regions_read_as_alone() -> None:
    found, together_count = likeness.differences(list(likeness.regions(800, 5)))
    assert not found
    assert together_count > 100


def test_so_they_do_where_every_way_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "WORTH_KEEPING", 1)
    monkeypatch.setattr(follow, "ALONE", 0)
    monkeypatch.setattr(columns_room, "TOGETHER", 1)
    found, together_count = likeness.differences(list(likeness.regions(96, 6)))
    assert not found
    assert together_count > 20


def test_a_difference_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = [moved("C", 1, step) for step in range(12)]
    assert not likeness.differences(blobs)[0]
    monkeypatch.setattr(likeness, "rows_of", lambda dump: [row | {"layout": "A2"} for row in rows_of(dump)])
    found, _ = likeness.differences(blobs)
    assert (found[0].column, found[0].together, found[0].alone) == ("layout", "C", "A2")
    monkeypatch.setattr(likeness, "rows_of", lambda dump: [*rows_of(dump)] * 2)
    assert likeness.differences(blobs)[0][0].column == "rows"


@pytest.mark.parametrize("alias", ["A0", "A2", "A6", "A6v2", "B", "C", "CR", "D", "Z0"])
def test_a_kernel_has_one_key_wherever_it_lies(alias: str) -> None:
    near = [moved(alias, 1, step) for step in (0, 1, 100)]
    assert len(set(keys_of(near))) == 1
    assert set(keys_of([moved(alias, 2, 0)])).isdisjoint(keys_of(near))
    (other,) = keys_of([moved(alias, 1, 0, thread_size=0x8000)])
    assert other not in keys_of(near)


def test_where_a_kernel_cannot_lie_it_is_found_out_though_its_key_is_known() -> None:
    """Addresses at the end of what is physical: the same distances, another answer."""
    near = [moved("C", 1, step) for step in range(32)]
    list(rows_of_blobs(["x"] * 32, near))
    far = [moved("C", 1, PA_LIMIT // _STEP + step) for step in range(32)]
    assert set(keys_of(far)) == set(keys_of(near))
    rows = list(rows_of_blobs(["x"] * 64, [*near, *far]))
    assert rows == [list(rows_of(BytesDump(blob, "x"))) for blob in (*near, *far)]
    assert rows[0][0]["findings"] != rows[-1][0]["findings"]


def test_no_key_is_made_of_what_is_not_whole() -> None:
    assert keys_of([b"\xff\xdd\xee\xcc".ljust(4096, b"\1")]) == []  # what stands behind would have to be in it
    assert keys_of([moved("C", 1, 0)[:4] + bytes(4) + moved("C", 1, 0)[8:]]) == []  # no sum holds
    assert keys_of([moved("C", 1, 0)[:512]], 256) == []  # the second half begins in the record
    end = kinfo.layout("C").size
    assert len(keys_of([moved("C", 1, 0)])[0]) < end + 32
    assert keys_of([moved("C", 1, 0)[:end] + b"\1" + moved("C", 1, 0)[end + 1 :]]) == []  # nor does it have what is behind


def test_a_known_kernel_is_asked_no_questions_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_kernels", {})
    blobs = [moved("A6", 7, step) for step in range(40)]
    first = [one.rows.tolist() for one in together.read(Blobs(matrix_of(blobs)), findings=True)]
    monkeypatch.setattr(together, "_asked", lambda *_, **__: [])
    assert [one.rows.tolist() for one in together.read(Blobs(matrix_of(blobs)), findings=True)] == first
    assert sum(map(len, first)) == 40


def test_no_more_keys_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_kernels", {})
    monkeypatch.setattr(known_kernels, "_MOST_KEYS", 1)
    for seed in (1, 2):
        together.read(Blobs(matrix_of([moved("C", seed, step) for step in range(10)])), findings=True)
    kept = [len(plans) for one in together._kernels.values() for plans in one._plans.values()]
    assert sum(kept) == 1


def test_a_key_counts_for_its_frame_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes stand for other regions where other words of them are distances."""
    monkeypatch.setattr(together, "_kernels", {})
    blobs = Blobs(matrix_of([moved("A6", 7, step) for step in range(40)]))
    together.read(blobs, findings=True)
    (kernels,) = together._kernels.values()
    (known,) = keyed(blobs, np.arange(40), 0)
    assert kernels.find(blobs, [known])[1].all()
    other = known._replace(frame=known.frame._replace(words=known.frame.words[:-1]))
    assert not kernels.find(blobs, [other])[1].any()


PLACES = AddressPlaces(((32, "pa"), (40, "pa"), (48, "va")), (0,), (80,))
DATA = bytes(32) + b"\1" * 8 + b"\2" * 8 + b"\xff" * 8 + bytes(8) + b"text" + bytes(60)
ONE, TWO, OTHER = (Word(at, 8) for at in (32, 40, 48))


@pytest.mark.parametrize(
    ("question", "is_open"),
    [
        (Zero(Sum(((ONE, 1), (TWO, -1)), 8)), False),  # the same wherever they lie
        (Zero(Sum(((ONE, 1),), 8)), True),
        (Zero(Sum(((ONE, 1), (OTHER, -1)), 0)), True),  # moved by themselves
        (Zero(Sum(((Word(36, 8), 1), (TWO, -1)), 0)), True),  # across two addresses
        (Exactly(Word(64, 4)), False),
        (Exactly(Word(4, 4)), True),  # the checksum
        (Exactly(DerivedTerm("%", Sum(((ONE, 1),), 0), 4096)), False),
        (Exactly(DerivedTerm("%", Sum(((ONE, 1),), 0), 1 << 22)), True),
        (Exactly(DerivedTerm("&", Sum(((ONE, 1),), 0), 0xFFF)), False),
        (Exactly(DerivedTerm("//", Sum(((ONE, 1),), 0), 4096)), True),
        (Exactly(DerivedTerm("//", Sum(((ONE, 1), (TWO, -1)), 0), 4096)), False),
        (Seen(len, ((64, 68),)), False),
        (Seen(len, ((36, 68),)), True),
        (Seen(is_blank, ((36, 68),)), False),  # it is not, by an address or by what is beside
        (Seen(is_blank, ((34, 38),)), True),
        (Summed(0, kinfo.layout("C").words, 1), False),
        (Summed(0, 3, 1), True),
    ],
)
def test_what_a_key_does_not_say_is_asked(question: Any, is_open: bool) -> None:
    limits, asked = of_key(open_questions([(question, False)], PLACES, DATA), PLACES, DATA)
    assert bool(asked) is is_open
    assert all(low <= 0 and high >= PA_LIMIT for low, high in limits)


UPPER = Word(36, 4)  # of the address ONE
AT = int.from_bytes(b"\1" * 8, "little")  # it, the base of its group
FAR = int.from_bytes(b"\2" * 8, "little") - AT  # from there to TWO


@pytest.mark.parametrize(
    ("question", "answer", "low", "high"),
    [
        (Negative(Sum(((ONE, 1),), -100)), True, None, 99),
        (Negative(Sum(((ONE, 1),), -100)), False, 100, None),
        (Negative(Sum(((ONE, -1),), 100)), True, 101, None),
        (Negative(Sum(((ONE, -1),), 100)), False, None, 100),
        (Negative(Sum(((TWO, 1),), -FAR - 100)), True, None, 99),  # the base is so far below
        (Zero(Sum(((ONE, 1),), -100)), True, 100, 100),
        (Zero(Sum(((ONE, -1),), 100)), True, 100, 100),
        (Zero(Sum(((UPPER, 1),), 0)), True, None, (1 << 32) - 1),
        (Zero(Sum(((UPPER, 1),), 0)), False, 1 << 32, None),
        (Negative(Sum(((UPPER, 1),), -2)), True, None, (2 << 32) - 1),
        (Negative(Sum(((UPPER, 1),), -2)), False, 2 << 32, None),
        (Seen(is_blank, ((37, 40),)), True, None, (1 << 40) - 1),
        (Seen(is_blank, ((37, 40),)), False, 1 << 40, None),
    ],
)
def test_what_is_asked_of_an_address_bounds_the_base(question: Any, answer: bool, low: int | None, high: int | None) -> None:
    limits, asked = of_key(open_questions([(question, answer)], PLACES, DATA), PLACES, DATA)
    assert not asked
    assert (limits[0][0] if limits[0][0] > 0 else None) == low
    assert (limits[0][1] if limits[0][1] < PA_LIMIT << 8 else None) == high
    blobs = Blobs(matrix_of([based(base) for base in _bases(low, high)]))
    agreed = agree(blobs, np.arange(len(blobs)), [(question, answer)])
    assert agreed.tolist() == [(low or 0) <= base <= (high or 1 << 62) for base in _bases(low, high)]


def based(base: int) -> bytes:
    """DATA with another base."""
    return DATA[:32] + base.to_bytes(8, "little") + (base + FAR).to_bytes(8, "little") + DATA[48:]


def _bases(*borders: int | None) -> list[int]:
    return [max(border + away, 1) for border in borders if border is not None for away in (-1, 0, 1)]


@pytest.mark.parametrize(("beside", "is_open"), [(bytes(4), True), (b"\0\1\0\0", False)])
def test_a_part_with_some_of_an_address_is_known_where_there_is_more_in_it(beside: bytes, is_open: bool) -> None:
    """The same way through the questions, of two kernels: one has nothing but the address there."""
    data = DATA[:28] + beside + bytes(2) + DATA[34:]  # the two lowest bytes of an address are in the key
    opened = open_questions([(Seen(is_blank, ((28, 36),)), False)], PLACES, data)
    _, asked = of_key(opened, PLACES, data)
    assert bool(asked) is is_open


def regions_of_one_size() -> list[bytes]:
    """Blank behind the record, with a second half, and with something in between, or at the end."""
    sound = moved("A6", 1, 0)
    half = sound[:2048] + moved("V4", 2, 0)[:2048]
    return [sound, half, sound[:1500] + b"\1" + sound[1501:], half[:-1] + b"\1", sound[:2047] + b"\1" + sound[2048:]]


def shape_of(blob: bytes) -> BlobShape:
    (shape,) = by_shape([blob])
    return shape


def test_blobs_of_every_size_and_shape_have_a_place() -> None:
    blobs = [*regions_of_one_size(), b"", bytes(100), bytes(4096), *regions_of_one_size()]
    found = by_shape(blobs)
    assert sorted(at for places in found.values() for at in places) == list(range(len(blobs)))
    assert all(shape_of(blobs[at]) == shape for shape, places in found.items() for at in places)


def test_what_is_left_out_of_a_shape_is_blank() -> None:
    blobs = regions_of_one_size()
    shapes = [shape_of(blob) for blob in blobs]
    assert [(one.size, one.is_blank_behind, one.half) for one in shapes] == [
        (4096, True, 0),
        (4096, True, 2048),
        (4096, False, 0),
        (4096, False, 0),
        (4096, False, 0),
    ]
    assert shape_of(bytes(100)) == (100, False, 0)
    assert shape_of(bytes(2 * PART)).is_blank_behind
    assert not shape_of(bytes(2 * PART + 4)).is_blank_behind
    for blob, shape in zip(blobs, shapes, strict=True):
        assert Blobs.of([blob] * 2, shape).blob(1) == blob


@pytest.mark.parametrize("number", range(5))
def test_parts_of_a_shape_are_those_of_the_whole(number: int) -> None:
    blob = regions_of_one_size()[number]
    some, whole = Blobs.of([blob] * 3, shape_of(blob)), Blobs(matrix_of([blob] * 3))
    borders = (
        0,
        4,
        12,
        100,
        1000,
        1024,
        PART - 1,
        PART,
        PART + 4,
        1500,
        2040,
        2048,
        2052,
        2800,
        2048 + PART,
        4000,
        4096,
        5000,
    )
    for start in borders:
        for end in borders:
            expected = blob[start:end]
            if start <= end:
                assert some.part(start, end).shape == whole.part(start, end).shape
                assert some.part(start, end)[2].tobytes() == expected
            for one in (some, whole):
                assert one.blank(start, end).tolist() == [not any(expected)] * 3
    assert (some.word(Word(2048, 4)) == whole.word(Word(2048, 4))).all()
    assert (some.sums(0, 100) == whole.sums(0, 100)).all()


def test_bounds_of_a_sum_are_asked_once() -> None:
    """Below 100, not below 50, not 70, not 7, and as much for what is less the other way round."""
    word = Word(4, 8)  # across a checksum
    terms, turned = ((word, 1),), ((word, -1),)
    way: list[Any] = [
        (Negative(Sum(terms, -100)), True),
        (Negative(Sum(terms, -200)), True),
        (Negative(Sum(terms, -50)), False),
        (Negative(Sum(turned, 40)), True),
        (Negative(Sum(turned, 99)), False),
        (Zero(Sum(terms, -70)), False),
        (Zero(Sum(terms, -7)), False),
    ]
    found = open_questions(way, PLACES, DATA).asked
    assert len(found) == 3
    blobs = Blobs(matrix_of([bytes(4) + value.to_bytes(8, "little") + bytes(116) for value in range(120)]))
    rows = np.arange(120)
    wanted = [value for value in range(120) if 50 <= value < 100 and value != 70]
    assert rows[agree(blobs, rows, found)].tolist() == wanted
    assert rows[agree(blobs, rows, way)].tolist() == wanted
    equal: list[Any] = [(Zero(Sum(turned, 60)), True)]
    exactly = open_questions(equal, PLACES, DATA).asked
    assert rows[agree(blobs, rows, exactly)].tolist() == [60]


def test_a_table_of_blobs_is_their_rows() -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")
    from kinfo.survey.arrow import schema_of
    from kinfo.survey.schema import OF_FIELDS, OF_RECORD

    blobs = [*likeness.regions(120, 9), *(moved("C", 1, step) for step in range(20)), b"", *likeness.regions(40, 10)]
    names = ["x"] * len(blobs)
    wanted = schema_of((*OF_RECORD, *OF_FIELDS))
    table, origins = table_of_blobs(names, blobs, wanted)
    rows = [
        (at, {name: row[name] for name in wanted.names})
        for at, some in enumerate(rows_of_blobs(names, blobs))
        for row in some
    ]
    assert list(zip(origins.tolist(), table.to_pylist(), strict=True)) == rows
    assert isinstance(table, pa.Table)
