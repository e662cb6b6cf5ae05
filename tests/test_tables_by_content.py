"""The symbol tables by what is in them: markers by their neighbours, and what is wanted of the names by their order."""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import KinfoError
from kinfo.kernel.kallsyms import marker_runs
from kinfo.kernel.kallsyms.find import find_all
from kinfo.kernel.kallsyms.marker_runs import MarkerRun
from kinfo.kernel.unrecorded import placing
from kinfo.memory import BytesDump, Memory, Segment
from kinfo.sources import open_memory
from tests.conftest import RealKernel
from tests.kernels.image import Kernel, Spec
from tests.test_symbols_beside import system_map
from tests.test_unrecorded import BARE, BY_CONTENT, check, without_record

ORDERED = {"6.1.y", "6.3, markers are odd", "6.6, x86 per-CPU", "6.12", "6.12, 16K", "7.0", "7.0, x86"}  # and found so
STEPS = st.lists(st.integers(marker_runs.LEAST, marker_runs.MOST), min_size=1, max_size=20)


def opened(kernel: Kernel, tmp_path: Path) -> Memory:
    kernel.write_elf(tmp_path / "ram.elf")
    memory = open_memory([str(tmp_path / "ram.elf")])
    assert isinstance(memory, Memory)
    return memory


@pytest.mark.parametrize("name", BARE)
def test_no_kernel_needs_numpy(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as long to import as all the rest: the neighbours say where the markers are."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    kernel = without_record(BARE[name])
    kernel.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        check(kernel, found)
        assert found.notes == (BY_CONTENT,)


@pytest.mark.parametrize("name", BARE)
def test_the_order_of_names_says_what_all_names_say(name: str, tmp_path: Path) -> None:
    kernel = without_record(BARE[name])
    with opened(kernel, tmp_path) as memory:
        found = next(find_all(memory))
        by_all = placing._by_all_names(found)
        assert by_all.keys() >= {"_stext", "linux_banner"}
        assert placing._by_order(memory, found) == (by_all if name in ORDERED else {})


def test_the_order_of_names_of_a_real_kernel(real_kernel: RealKernel) -> None:
    memory = open_memory([str(real_kernel.ram)])
    assert isinstance(memory, Memory)
    with memory:
        found = next(find_all(memory))
        by_all = placing._by_all_names(found)
        assert by_all
        assert placing._by_order(memory, found) in (by_all, {})


def test_a_broken_order_of_names_hides_nothing(tmp_path: Path) -> None:
    kernel = without_record(Spec(count=700))
    with opened(kernel, tmp_path) as memory:
        seqs = next(find_all(memory)).tables.seqs
    kernel.poke(seqs, b"\xff" * 600)
    kernel.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        assert found.notes == (BY_CONTENT,)
        assert found.at(kernel.find("_stext").va)


def test_broken_names_lead_nowhere(tmp_path: Path) -> None:
    """Not all of them are looked at before they are read."""
    kernel = without_record(Spec(count=2000))
    with opened(kernel, tmp_path) as memory:
        tables = next(find_all(memory)).tables
        third = tables.names + memory.number(tables.markers + 2 * 4, 4)
    kernel.poke(third, b"\xff" * 8)
    kernel.poke(tables.seqs, b"\xff" * 6000)
    kernel.write_elf(tmp_path / "ram.elf")
    with pytest.raises(KinfoError, match=r"has no record, and nothing else leads to a kernel: .*names"):
        kinfo.open_kernel(tmp_path / "ram.elf")


def test_tables_that_list_code_only_need_the_builds_symbols(tmp_path: Path) -> None:
    """They do not list linux_banner, by which the others are placed: that is said, with what to name."""
    kernel = without_record(Spec(keep_all=False, count=700))
    kernel.write_elf(tmp_path / "ram.elf")
    with pytest.raises(KinfoError, match=r"nothing else leads to a kernel: .*no linux_banner that they list") as caught:
        kinfo.open_kernel(tmp_path / "ram.elf")
    assert f"its symbol tables are at PA {kernel.addresses['names']:#x}" in caught.value.message
    assert "--symbols" in caught.value.hint
    system_map(kernel, tmp_path / "System.map")
    with kinfo.open_kernel(tmp_path / "ram.elf", symbols=tmp_path / "System.map") as found:
        assert found.at(kernel.find("_stext").va)


def marked(steps: list[int], code: str, behind: bytes, before: bytes = b"name" * 8) -> tuple[bytes, MarkerRun]:
    """Names, markers and what is behind them, and the run that is there."""
    listed = [sum(steps[:number]) for number in range(len(steps) + 1)]
    data = before + struct.pack(f"<{len(listed)}{code}", *listed) + behind
    return data, MarkerRun(len(before), len(listed), struct.calcsize(code), listed[-1])


@given(STEPS, st.sampled_from("IQ"), st.sampled_from([b"", bytes(4)]))
def test_markers_in_front_of_the_tokens(steps: list[int], code: str, padding: bytes) -> None:
    data, run = marked(steps, code, padding)
    found = marker_runs.runs(memoryview(data), len(data))
    assert run in (next(found), next(found))  # the 0 of a number of 8 bytes can be taken for padding


@given(STEPS, st.integers(0, 255), st.integers(0, 1 << 32))
def test_markers_in_front_of_the_order_of_names(steps: list[int], fewer: int, seed: int) -> None:
    symbols = 256 * (len(steps) + 1) - fewer
    order = list(range(symbols))
    random.Random(seed).shuffle(order)
    seqs = b"".join(number.to_bytes(3, "big") for number in order)
    aligned = bytes(-4 * (len(steps) + 1) % 8)
    data, run = marked(steps, "I", aligned + seqs + bytes(-len(seqs) % 8))
    assert run in list(marker_runs._before_seqs(memoryview(data), len(data)))
    assert run in list(marker_runs.runs(memoryview(data), len(data)))


def test_a_room_that_is_too_small_or_too_big_is_no_order_of_names() -> None:
    for room in (256 * 3 - 8, 512 * 3 + 8):
        data, run = marked([5000], "I", b"\xff" * room)
        assert run not in list(marker_runs._before_seqs(memoryview(data), len(data)))
        assert run in list(marker_runs.runs(memoryview(data), len(data)))


def test_markers_that_no_neighbour_shows_are_found_among_all_numbers() -> None:
    data, run = marked([5000, 6000, 7000], "I", b"\xff" * 4000)
    shorter, _ = marked([5000], "I", b"\xff" * 400)
    whole = shorter + data
    found = list(marker_runs.runs(memoryview(whole), len(whole)))
    assert found[0] == run._replace(at=run.at + len(shorter))


def test_zeros_without_end_are_not_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    rising = marker_runs._rising

    def count(data: memoryview, start: int, end: int) -> Sequence[int]:
        looked.append(start)
        return rising(data, start, end)

    monkeypatch.setattr(marker_runs, "_rising", count)
    assert list(marker_runs._before_seqs(memoryview(bytes(1 << 20)), 1 << 20)) == []
    assert 0 < len(looked) <= marker_runs._MOST_ZEROS


def test_a_memory_that_begins_between_two_words() -> None:
    """Its first whole word is looked at, and not one in front of it."""
    kernel = without_record(Spec(count=700))
    data = bytes(kernel.memory)
    odd = kernel.base + 2
    with Memory("odd", [Segment(odd, kernel.base + len(data), BytesDump(data[2:]), 0)]) as memory:
        assert [found.tables.names for found in find_all(memory)] == [kernel.addresses["names"]]
