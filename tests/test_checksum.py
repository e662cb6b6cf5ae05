"""The checksum and its states."""

from __future__ import annotations

import struct
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.record.checksum import Checksum, State, judge, prefix_sums


def naive(body: bytes) -> int:
    """The driver's loop, word by word."""
    return reduce(xor, (word for (word,) in struct.iter_unpack("<I", body[: len(body) // 4 * 4])), 0)


@given(st.binary(max_size=200))
def test_every_prefix_is_the_drivers_sum(data: bytes) -> None:
    sums = prefix_sums(data)
    assert [*sums] == [naive(data[8 : 8 + 4 * words]) for words in range(max(len(data) - 8, 0) // 4 + 1)]


@pytest.mark.parametrize(
    ("magic", "stored", "computed", "state"),
    [
        (0xCCEEDDFF, 0x1234, 0x1234, State.VALID),
        (0xCCEEDDFF, 0, 0, State.VALID),
        (0xCCEEDDFF, 0xFFFFEDCB, 0x1234, State.INVERTED),
        (0xCCEEDDFF, 0xFFFFFFFF, 0, State.INVERTED),
        (0xCCEEDDFF, 0x1235, 0x1234, State.MISMATCH),
        (0xCCEEDDFF, 0, 0x1234, State.NOT_WRITTEN),
        (0, 0x1234, 0x1234, State.NOT_WRITTEN),
        (0xAACCBBDD, 0x1234, 0x1234, State.MISMATCH),
    ],
)
def test_states(magic: int, stored: int, computed: int, state: State) -> None:
    assert judge(magic, 0xCCEEDDFF, stored, computed) == Checksum(state, stored, computed)


def test_one_flipped_bit_is_recognised() -> None:
    assert Checksum(State.MISMATCH, 0x1000, 0x1400).flipped_bit == 10
    assert Checksum(State.MISMATCH, 0x1000, 0x1600).flipped_bit is None
    assert Checksum(State.VALID, 0x1000, 0x1000).flipped_bit is None


@pytest.mark.parametrize("layout", kinfo.layouts(), ids=lambda layout: layout.alias)
def test_encoded_records_carry_the_drivers_sum(layout: kinfo.Layout) -> None:
    name = "uts_release" if layout.vendor else "last_uts_release"
    record = kinfo.encode({name: "6.1.0-test"}, layout)
    assert struct.unpack_from("<II", record) == (layout.magic, naive(record[8:]))
