"""Which memory a kernel hands out first, and whether it is mapped: a piece of less than a page traps the boot."""

from __future__ import annotations

import pytest

from kinfo.dt.boot.linear import trap
from kinfo.dt.boot.memblock import Memblock
from kinfo.dt.ranges import Range

PAGE = 4096
RAM = 0x40000000


def _memory(*banks: tuple[int, int], reserved: tuple[tuple[int, int], ...] = ()) -> Memblock:
    memory = Memblock(Range(*bank) for bank in banks)
    for one in reserved:
        memory.reserved.add(Range(*one))
    return memory


def test_whole_pages_are_mapped() -> None:
    assert trap(_memory((RAM, 0x8000000)), PAGE, None) is None


def test_a_piece_above_the_last_whole_page_is_handed_out_first() -> None:
    assert trap(_memory((RAM, 0x8000000 + 512)), PAGE, None) == Range(RAM + 0x8000000, 512)


def test_a_piece_that_holds_nothing_is_passed_over() -> None:
    assert trap(_memory((RAM, 0x8000000 + 63)), PAGE, None) is None
    assert trap(_memory((RAM, 0x8000000 + 64)), PAGE, None) == Range(RAM + 0x8000000, 64)


@pytest.mark.parametrize(("free_pages", "is_trapped"), [(1, True), (1000, False)])
def test_a_piece_below_counts_only_where_page_tables_take_all_above(free_pages: int, is_trapped: bool) -> None:
    """128 MiB of pages need 64 tables and a few above them: what lies below them is handed out after they are."""
    memory = _memory((RAM, 0x8000000), (RAM + 0x10000000, free_pages * PAGE), reserved=((RAM + 512, 0x8000000 - 512),))
    memory.memory.remove(Range(RAM, 256))
    found = trap(memory, PAGE, None)
    assert (found == Range(RAM + 256, 256)) is is_trapped


def test_an_image_mapped_by_blocks_needs_fewer_tables() -> None:
    """Of 64 MiB, 62 are the image's: 31 tables of 2 MiB fewer are taken, and the free pages above last."""
    memory = _memory((RAM, 0x4000000), (RAM + 0x10000000, 20 * PAGE), reserved=((RAM + 512, 0x4000000 - 512),))
    memory.memory.remove(Range(RAM, 256))
    assert trap(memory, PAGE, None) == Range(RAM + 256, 256)
    assert trap(memory, PAGE, Range(RAM + 0x200000, 62 << 20)) is None
