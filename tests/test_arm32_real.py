"""A booted 32-bit arm kernel: what kinfo reads out of its memory against what it said of itself. Skipped where it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import kinfo
from kinfo.kernel.boot.summary import summary
from kinfo.kernel.paging.walk import walk
from tests.conftest import GUESTS, Cli

NAME = "6.12-armhf"


@pytest.fixture(scope="module")
def guest() -> Path:
    if not (GUESTS / NAME / "ram.elf").exists():
        pytest.skip(f"no guest {NAME} here: make it with `python -m tools.guests.armhf`")
    return GUESTS / NAME


@pytest.fixture(scope="module")
def kernel(guest: Path) -> Iterator[kinfo.Kernel]:
    with kinfo.open_kernel(guest / "ram.elf") as opened:
        yield opened


def built_in(guest: Path) -> list[list[str]]:
    """The lines of its /proc/kallsyms that are no module's."""
    lines = [line.split() for line in (guest / "kallsyms.txt").read_text().splitlines()]
    return [words for words in lines if len(words) == 3]


def test_every_symbol(guest: Path, kernel: kinfo.Kernel) -> None:
    wanted = [(int(address, 16), kind, name) for address, kind, name in built_in(guest)]
    assert len(wanted) > 50000
    assert [(one.address, one.type, one.name) for one in kernel.symbols()] == wanted


def test_every_symbol_is_walked_to(guest: Path, kernel: kinfo.Kernel) -> None:
    """By swapper_pg_dir alone; the image lies where /proc/iomem has its code."""
    space = kernel.space
    assert space
    assert space.form
    found = re.search(r"([0-9a-f]+)-[0-9a-f]+ : Kernel code", (guest / "iomem.txt").read_text())
    assert found
    start = int(found[1], 16)
    etext = next(int(words[0], 16) for words in built_in(guest) if words[2] == "_etext")
    ram = 0x40000000
    assert space.form.name == "arm, short descriptors"
    for address, _, _ in built_in(guest):
        va = int(address, 16)
        mapping = walk(space.memory, space.root, space.form, va)
        assert mapping
        assert mapping.is_executable or va >= etext  # what follows, and init text that was given back, is data by now
        assert start <= mapping.pa + va - mapping.va == va - 0xC0000000 + ram


def test_the_log(guest: Path, kinfo_cli: Cli) -> None:
    assert kinfo_cli("dmesg", "--raw", guest / "ram.elf").out == (guest / "dmesg.txt").read_text()


def test_memory_of_modules_is_mapped(guest: Path, kernel: kinfo.Kernel) -> None:
    assert kernel.space
    for line in (guest / "modules.txt").read_text().splitlines():
        start = int(line.split()[5], 16)
        pa = kernel.space.pa(start)
        assert pa is not None
        assert kernel.memory.holds(pa, 0x1000)
        assert kernel.space.half <= start < 0xC0000000


def test_what_is_said_of_it(guest: Path, kernel: kinfo.Kernel) -> None:
    found = summary(kernel)
    assert found.banner == (guest / "version.txt").read_text().strip()
    assert [one.code for one in found.findings] == ["kernel-no-modules"]  # no BTF, and names of code only
    assert (found.linear.phys_offset, found.slide and found.slide.slide) == (0x40000000, 0)
