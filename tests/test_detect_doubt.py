"""A wrong layout is never certain, and the right one is named beside it: cut, padded, zeroed, flipped, in zeros, in noise."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

import kinfo
from kinfo import Confidence
from tests.synthetic import MAIN, VENDOR, make_fields, wrap

FLIPS = 60  # of the bits of each record and tail; which ones is drawn anew for each layout
HOW = {"alone": 1, "zero": 3, "noise": 3}  # what follows the record, and every how many of its words are zeroed in turn


def damaged(alias: str) -> Iterator[tuple[str, bytes]]:
    """A layout's record, whole, cut at every length (padded with zeros too), with a word zeroed, with a bit flipped."""
    record = kinfo.encode(make_fields(alias, 1), alias)
    rng = random.Random(alias)
    for how, step in HOW.items():
        yield how, wrap(record, how, 1)[0]
        for place in range(8, len(record), 4 * step):
            yield f"word {place} zeroed, {how}", wrap(record[:place] + bytes(4) + record[place + 4 :], how, 1)[0]
        for bit in rng.sample(range(len(record) * 8), FLIPS // step):
            flipped = bytearray(record)
            flipped[bit // 8] ^= 1 << bit % 8
            yield f"bit {bit} flipped, {how}", wrap(bytes(flipped), how, 1)[0]
    for size in range(24, len(record)):
        yield f"cut after {size}", record[:size]
    for size in range(max(24, len(record) - 160), len(record)):
        yield f"cut after {size}, padded", record[:size].ljust(4096, b"\0")


def verdict(data: bytes, alias: str) -> str:
    """What is wrong with the answer; nothing where it is right, or says that it may not be."""
    try:
        record = kinfo.decode(data)
    except kinfo.KinfoError:
        return ""
    if record.layout is kinfo.layout(alias):
        return ""
    if record.confidence is Confidence.CERTAIN:
        return f"certainly {record.layout}"
    named = [rival.layout.alias for rival in record.rivals]
    return "" if record.is_truncated or alias in named else f"{record.layout and record.layout.alias}, rivals {named}"


@pytest.mark.parametrize("alias", [*MAIN, *VENDOR])
def test_a_wrong_layout_is_never_certain_and_the_right_one_is_named(alias: str) -> None:
    wrong = [(how, said) for how, data in damaged(alias) if (said := verdict(data, alias))]
    assert wrong == []


def test_a_flag_that_its_release_has_no_option_for_leaves_b_among_the_layouts() -> None:
    fields = make_fields("B", 1) | {"last_uts_release": "6.11.0-rc1-mainline-00001-g1234567890ab"}
    record = kinfo.decode(kinfo.encode(fields, "B"))
    assert record.confidence is Confidence.AMBIGUOUS
    assert {"B", "C", "CR"} == {record.layout.alias if record.layout else "", *(one.layout.alias for one in record.rivals)}


def test_a_record_that_loses_its_last_zeros_is_said_to_be_cut() -> None:
    whole = kinfo.encode(make_fields("A6v2", 1), "A6v2")
    for size in range(485, 504):
        record = kinfo.decode(whole[:size])
        assert (record.layout, record.is_truncated) == (kinfo.layout("A6v2"), True), size
