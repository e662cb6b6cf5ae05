"""Regions read together, and known by a key of their kernel: as each of them alone, whatever the damage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kinfo
from kinfo.arch.address import PA_LIMIT
from kinfo.examine import columns as columns_room
from kinfo.examine import together
from kinfo.memory import BytesDump
from kinfo.record.asked import follow
from kinfo.record.asked.keys import AddressPlaces, agree, keyed, open_questions
from kinfo.record.asked.questions import DerivedTerm, Exactly, Negative, Seen, Sum, Summed, Word, Zero
from kinfo.record.asked.vectors import Blobs
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


def test_a_known_kernel_is_asked_no_questions_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_kernels", {})
    blobs = [moved("A6", 7, step) for step in range(40)]
    first = [one.rows.tolist() for one in together.read(matrix_of(blobs), findings=True)]
    monkeypatch.setattr(together, "_asked", lambda *_, **__: [])
    assert [one.rows.tolist() for one in together.read(matrix_of(blobs), findings=True)] == first
    assert sum(map(len, first)) == 40


def test_no_more_keys_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_kernels", {})
    monkeypatch.setattr(together, "_MOST_KEYS", 1)
    for seed in (1, 2):
        together.read(matrix_of([moved("C", seed, step) for step in range(10)]), findings=True)
    kept = [len(plans) for one in together._kernels.values() for plans in one._plans.values()]
    assert sum(kept) == 1


def test_a_key_counts_for_its_frame_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes stand for other regions where other words of them are distances."""
    monkeypatch.setattr(together, "_kernels", {})
    blobs = Blobs(matrix_of([moved("A6", 7, step) for step in range(40)]))
    together.read(blobs.matrix, findings=True)
    (kernels,) = together._kernels.values()
    (known,) = keyed(blobs, np.arange(40), 0)
    assert kernels.find(blobs, [known])[1].all()
    other = known._replace(frame=known.frame._replace(words=known.frame.words[:-1]))
    assert not kernels.find(blobs, [other])[1].any()


PLACES = AddressPlaces(((32, "pa"), (40, "pa"), (48, "va")), (0,))
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
    found = open_questions([(question, False)], PLACES, DATA)
    assert bool(found) is is_open


def test_bounds_of_a_sum_are_asked_once() -> None:
    """Below 100, not below 50, not 70, not 7, and as much for what is less the other way round."""
    terms, turned = ((ONE, 1),), ((ONE, -1),)
    way: list[Any] = [
        (Negative(Sum(terms, -100)), True),
        (Negative(Sum(terms, -200)), True),
        (Negative(Sum(terms, -50)), False),
        (Negative(Sum(turned, 40)), True),
        (Negative(Sum(turned, 99)), False),
        (Zero(Sum(terms, -70)), False),
        (Zero(Sum(terms, -7)), False),
    ]
    found = open_questions(way, PLACES, DATA)
    assert len(found) == 3
    blobs = Blobs(matrix_of([bytes(32) + value.to_bytes(8, "little") + bytes(88) for value in range(120)]))
    rows = np.arange(120)
    wanted = [value for value in range(120) if 50 <= value < 100 and value != 70]
    assert rows[agree(blobs, rows, found)].tolist() == wanted
    assert rows[agree(blobs, rows, way)].tolist() == wanted
    equal: list[Any] = [(Zero(Sum(turned, 60)), True)]
    exactly = open_questions(equal, PLACES, DATA)
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
    assert list(zip(origins, table.to_pylist(), strict=True)) == rows
    assert isinstance(table, pa.Table)
