"""The model of early memory: against a reference that counts pages, against typed expectations, against booted kernels."""

from __future__ import annotations

import hashlib
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.dt.blob import parse
from kinfo.dt.board import Board, Options
from kinfo.dt.boot.memblock import Memblock, Stretches, joined
from kinfo.dt.boot.place import heap_sorted
from kinfo.dt.boot.ram import initrd, memory_limit
from kinfo.dt.boot.releases import RELEASES, release_of
from kinfo.dt.boot.run import boot
from kinfo.dt.boot.verdict import Held
from kinfo.dt.kernels import names_text
from kinfo.dt.ranges import Range
from kinfo.dt.source import compiled
from kinfo.dt.tree import Tree, tree_of
from tests import early_boards
from tests.conftest import ROOT
from tests.fdt import N, blob, board, cells, texts
from tools.guests.machines import cache_folder

CASES = tuple(early_boards.cases())
TRUTH = Path(os.environ.get("KINFO_CASES", ROOT.parent / "shared" / "cases")) / "dt" / "kernel"
TOP = 64  # units of the reference's memory
RANGES = st.builds(Range, st.integers(0, TOP - 1), st.integers(1, 16))


def verdicts(tree: Tree, kernel: str) -> Any:
    """The outcome on one kernel, on the machine of early_boards."""
    major, _, minor = kernel.partition(".")
    options = Options(
        kernel=(int(major), int(minor.split(".")[0])),
        image=Range(early_boards.IMAGE, 0x2800000),
        blob=early_boards.BLOB,
    )
    (outcome,) = Board(tree, options).outcomes
    return outcome


def named(memory: Held) -> str:
    """The outcome as the boots have it: a kernel that dies has no region to speak of."""
    return "dead" if memory.code == "dies" else memory.outcome


def test_the_list_is_long_and_its_names_differ() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 150


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_list(case: early_boards.Case) -> None:
    tree = tree_of(parse(case.blob))
    assert {kernel for one in case.expected for kernel in one.kernels} >= {
        early_boards.OLD,
        early_boards.NEW,
        early_boards.LATE,
    }
    for expected in case.expected:
        for kernel in expected.kernels:
            memory = verdicts(tree, kernel).memory
            assert (kernel, named(memory)) == (kernel, expected.outcome), memory.why
            if expected.start is not None:
                assert (kernel, hex(memory.extent.base)) == (kernel, hex(expected.start))


def truth() -> list[tuple[str, str, dict[str, Any]]]:
    path = TRUTH / "truth.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return [(name, kernel, said) for name, rows in known.items() for kernel, said in rows.items()]


@pytest.mark.skipif(not TRUTH.is_dir(), reason="the trees that kernels booted are not here (KINFO_CASES)")
@pytest.mark.parametrize(("name", "kernel", "said"), truth(), ids=lambda value: value if isinstance(value, str) else "")
def test_booted_kernels_agree(name: str, kernel: str, said: dict[str, Any]) -> None:
    path = TRUTH / f"{name}.dts"
    memory = verdicts(tree_of(parse(compiled(str(path), path.read_bytes(), ()))), kernel).memory
    assert memory.outcome == said["outcome"], memory.why
    if memory.outcome == "held":
        assert (hex(memory.extent.base), hex(memory.extent.end - 1)) == (said["start"], said["end"])
        assert memory.no_map is said["nomap"]


def booted() -> list[tuple[str, str, dict[str, Any]]]:
    """What kernels made of the list: `make guests-dt` keeps it."""
    rows = []
    for path in sorted(cache_folder().glob("devicetrees-*.json")):
        kernel = path.stem.removeprefix("devicetrees-")
        rows += [(name, kernel, said) for name, said in json.loads(path.read_text()).items()]
    return rows


BOOTED = booted()


@pytest.mark.skipif(not BOOTED, reason="no kernel has booted the list here (make guests-dt)")
@pytest.mark.parametrize(("name", "kernel", "said"), BOOTED, ids=lambda value: value if isinstance(value, str) else "")
def test_the_list_s_boots_agree(name: str, kernel: str, said: dict[str, Any]) -> None:
    case = next((one for one in CASES if one.name == name), None)
    if case is None or hashlib.sha256(case.blob).hexdigest() != said["blob"]:
        pytest.skip("the tree has changed since it was booted")
    memory = verdicts(tree_of(parse(case.blob)), kernel).memory
    assert named(memory) == said["outcome"], memory.why
    if memory.outcome == "held":
        assert (hex(memory.extent.base), hex(memory.extent.end - 1), memory.no_map) == (
            said["start"],
            said["end"],
            said["nomap"],
        )


class Pages:
    """The reference: a set of units for each list."""

    def __init__(self) -> None:
        self.memory: set[int] = set()
        self.nomap: set[int] = set()
        self.reserved: set[int] = set()

    def find(self, size: int, alignment: int, start: int, end: int, *, bottom_up: bool) -> int:
        free = self.memory - self.nomap - self.reserved
        candidates = range(max(start, 1), min(end, 4 * TOP) - size + 1)
        fitting = [one for one in candidates if one % alignment == 0 and free.issuperset(range(one, one + size))]
        return (min if bottom_up else max)(fitting, default=0)


def units(there: Range) -> range:
    return range(there.base, there.end)


@given(
    banks=st.lists(RANGES, max_size=5),
    steps=st.lists(st.tuples(st.sampled_from(("reserve", "nomap", "clear", "remove", "free")), RANGES), max_size=12),
    size=st.integers(1, 8),
    order=st.integers(0, 4),
    within=RANGES,
    bottom_up=st.booleans(),
)
def test_memblock_against_counted_pages(
    banks: list[Range], steps: list[tuple[str, Range]], size: int, order: int, within: Range, *, bottom_up: bool
) -> None:
    memory, pages = Memblock(banks), Pages()
    pages.memory = {unit for bank in banks for unit in units(bank)}
    for name, there in steps:
        covered = set(units(there))
        if name == "reserve":
            memory.reserved.add(there)
            pages.reserved |= covered
        elif name == "free":
            memory.reserved.remove(there)
            pages.reserved -= covered
        elif name == "remove":
            memory.memory.remove(there)
            pages.memory -= covered
            pages.nomap -= covered
        else:
            memory.memory.mark(there, mark=name == "nomap")
            pages.nomap = pages.nomap | (covered & pages.memory) if name == "nomap" else pages.nomap - covered
    assert {unit for one in memory.memory for unit in units(one)} == pages.memory
    assert {unit for one in memory.memory.marked() for unit in units(one)} == pages.nomap
    assert {unit for one in memory.reserved for unit in units(one)} == pages.reserved
    assert memory.memory.covers(within) is pages.memory.issuperset(units(within))
    assert memory.reserved.overlaps(within) is not pages.reserved.isdisjoint(units(within))
    found = memory.find(size, 1 << order, within.base, within.end, bottom_up=bottom_up, page=1)
    assert found == pages.find(size, 1 << order, within.base, within.end, bottom_up=bottom_up)


@given(st.lists(RANGES, max_size=6), st.integers(1, 80))
def test_a_limit_keeps_the_first_bytes(banks: list[Range], limit: int) -> None:
    memory = Memblock(banks)
    every = sorted({unit for bank in banks for unit in units(bank)})
    memory.limit(limit)
    assert sorted(unit for one in memory.memory for unit in units(one)) == every[:limit]


@given(st.lists(RANGES, max_size=6))
def test_neighbours_are_one(banks: list[Range]) -> None:
    found = joined(Stretches(banks))
    assert all(low.end < high.base for low, high in pairwise(found))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers()), max_size=20))
def test_the_heap_sort_sorts(rows: list[tuple[int, int, int]]) -> None:
    found = heap_sorted(rows, lambda row: row[:2])
    assert [row[:2] for row in found] == sorted(row[:2] for row in rows)
    assert sorted(found) == sorted(rows)


def test_the_heap_sort_is_the_kernel_s() -> None:
    """Equal rows in the order that lib/sort.c of 6.1 leaves them in, as a C program with its steps printed them."""
    assert heap_sorted("abc", lambda _: (0,)) == list("bca")
    assert heap_sorted("ab", lambda _: (0,)) == list("ba")


def test_releases_are_taken_for_the_older_row() -> None:
    for version, name in (
        ((4, 19), "5.4"),
        ((5, 10), "5.10"),
        ((6, 5), "6.1"),
        ((6, 11), "6.6"),
        ((7, 0), "6.12"),
        ((7, 2), "7.2"),
        ((7, 9), "7.3"),
    ):
        assert release_of(version).name == name
    assert [release.version for release in RELEASES] == sorted(release.version for release in RELEASES)


def test_releases_for_people() -> None:
    assert names_text(["5.10", "5.15", "6.1"]) == "5.10 to 6.1"
    assert names_text(["5.10", "6.1", "6.6"]) == "5.10, 6.1 and 6.6"
    assert (names_text(["5.15", "6.1"]), names_text(["6.12"])) == ("5.15 and 6.1", "6.12")


@pytest.mark.parametrize(
    ("bootargs", "limit"),
    [
        ("quiet", None),
        ("mem=64M x", 64 << 20),
        ("mem=64M mem=1g", 1 << 30),
        ("mem=0x1801", 0x1000),
        ("mem=x", 0),
        ("mem=", 0),
        ("mem=0400K", 256 << 10),
        ("mem=09M", 0),
        ("mem=16E", 0),
        ("mem=18446744073709555712", 4096),
        ('mem="64M"', 64 << 20),
        ("memx=1M", None),
    ],
)
def test_the_limit_of_the_command_line(bootargs: str, limit: int | None) -> None:
    root = N("", {}, [N("chosen", {"bootargs": texts(bootargs)})])
    assert memory_limit(tree_of(parse(blob(root))), 4096) == limit


def test_old_kernels_read_below_the_regions() -> None:
    """__fdt_scan_reserved_mem() goes by depth: up to 5.15 a region in a region is one, too."""
    shape = early_boards.Shape(below=[N("inner", {"reg": early_boards.Shape().pair((0x5A000000, 0x1000))})])
    tree = tree_of(parse(blob(shape.tree())))
    names = {release.name: [one.node.name for one in boot(tree, release).listed] for release in RELEASES}
    assert names["5.15"] == ["kinfo@58000000", "inner"]
    assert names["6.1"] == names["7.2"] == ["kinfo@58000000"]


def test_old_kernels_take_no_map_from_whoever_has_it() -> None:
    """memblock_remove() before 5.12 asks nobody; the region is lost all the same where the initrd lies in it."""
    shape = early_boards.Shape(region={"reg": early_boards.Shape().pair((early_boards.INITRD, 0x1000))})
    outcome = verdicts(tree_of(parse(blob(shape.tree()))), "5.10")
    assert (outcome.memory.outcome, outcome.memory.why.split(" lies")[0]) == ("lost", "the initrd")
    assert "failed to reserve" not in " ".join(outcome.boot.log)
    assert "failed to reserve" in " ".join(verdicts(tree_of(parse(blob(shape.tree()))), "5.15").boot.log)


def test_ram_that_the_tree_does_not_say() -> None:
    root = board()
    bare = N("", root.properties, [child for child in root.children if not child.name.startswith("memory")])
    outcome = verdicts(tree_of(parse(blob(bare))), "6.12")
    assert (outcome.memory.outcome, outcome.memory.why) == ("held", "if there is RAM: the tree does not say where it is")


@given(st.binary(max_size=40), st.sampled_from(("reg", "size", "alignment", "alloc-ranges", "status", "compatible")))
def test_no_property_stops_the_model(raw: bytes, name: str) -> None:
    shape = early_boards.Shape(region={name: raw})
    tree = tree_of(parse(blob(shape.tree())))
    for release in RELEASES:
        found = boot(tree, release)
        assert len(found.listed) <= 1


@given(st.integers(0, 8), st.integers(0, 8))
def test_no_cells_stop_the_model(address: int, size: int) -> None:
    root = early_boards.Shape().tree()
    root = root._replace(properties=dict(root.properties) | {"#address-cells": cells(address), "#size-cells": cells(size)})
    tree = tree_of(parse(blob(root)))
    for release in RELEASES:
        boot(tree, release)


@pytest.mark.parametrize(
    ("below", "size", "where"),
    [(0x1000, 0x800, "kinfo"), (0x800, 0x800, "kinfo"), (0x1000, 0x1000, ""), (0x1000, 0xFE0, ""), (0x10000000, 0x800, "")],
)
def test_a_kernel_that_dies_says_whose_fault_it_is(below: int, size: int, where: str) -> None:
    base = early_boards.RAM_END - below
    shape = early_boards.Shape(name="kinfo", region={"reg": early_boards.Shape().pair((base, size))})
    tree = tree_of(parse(blob(shape.tree())))
    found = {release.name: boot(tree, release).dies for release in RELEASES}
    dying = {name for name, death in found.items() if death}
    assert dying == ({"6.12", "7.3"} if where else set())
    assert {death.where for death in found.values() if death} == ({f"/reserved-memory/{where}"} if where else set())


def test_the_driver_of_a_kernel_that_dies() -> None:
    shape = early_boards.Shape(region={"reg": early_boards.Shape().pair((early_boards.RAM_END - 0x1000, 0x800))})
    outcome = verdicts(tree_of(parse(blob(shape.tree()))), "7.3")
    assert (outcome.memory.outcome, outcome.driver) == ("lost", ("fails", "the kernel does not come up"))


@pytest.mark.parametrize(
    ("bootargs", "extent"),
    [
        ("initrdmem=0x50000000,1M", Range(0x50000000, 1 << 20)),
        ("initrd=0x50000000,4096 x", Range(0x50000000, 4096)),
        ("initrd=image.gz", Range(early_boards.INITRD, early_boards.INITRD_SIZE)),
        ("initrdmem=0x50000000", Range(early_boards.INITRD, early_boards.INITRD_SIZE)),
        ("initrdmem=0,0", None),
    ],
)
def test_the_initrd_of_the_command_line(bootargs: str, extent: Range | None) -> None:
    assert initrd(tree_of(parse(blob(early_boards.Shape(bootargs=bootargs).tree())))) == extent
