"""The kernel's own words about reserved memory: its log, and /proc/iomem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kinfo.dt.ranges import Range
from kinfo.errors import TreeError

# drivers/of/of_reserved_mem.c: "OF: reserved mem: 0x00000000bffff000..0x00000000bfffffff (4 KiB) nomap non-reusable NAME".
_LINE = re.compile(
    r"OF: reserved mem: (0x[0-9a-fA-F]{1,16})\.\.(0x[0-9a-fA-F]{1,16}) \(\d+ KiB\) (?:no)?map (?:non-)?reusable (\S{1,200})$"
)
_VERSION = re.compile(r"Linux version (\d{1,3})\.(\d{1,3})\b")
_NAMED = re.compile(  # the complaints that name a node, by their words in 5.4 to 7.3
    r"OF: (?:reserved mem|fdt): (.{0,80}?(?:failed to reserve memory for node|failed to allocate memory for node|"
    r"invalid (?:reg|size|alignment|alloc-ranges) property in|too many defined dynamic regions, skip|"
    r"not enough space for all defined regions, skip) '(\S{1,200})'.{0,120})$"
)
_FAILED = re.compile(r"OF: (?:reserved mem|fdt): (node (\S{1,200}) compatible matching fail)$")
_WHOLE = re.compile(r"OF: (?:reserved mem|fdt): (Reserved memory: unsupported node format, ignoring)$")
_OVERLAP = re.compile(r"^(?:\[[^]]*\]\s*)?(\S{1,200}) \(0x[0-9a-f]+--0x[0-9a-f]+\) overlaps with (\S{1,200}) \(0x[0-9a-f]+--")
_IOMEM = re.compile(r"^( *)([0-9a-f]{1,16})-([0-9a-f]{1,16}) : (.{1,200})$")
_LONGEST = 600


class BootLog(NamedTuple):
    """What a log says.

    `release`: of the kernel, None where its first lines are missing; `placed`: regions by name, where they are listed;
    `complaints`: the line about a region, by name; `dropped`: the line that drops all of them.
    """

    release: tuple[int, int] | None
    placed: Mapping[str, Range]
    complaints: Mapping[str, str]
    dropped: str = ""


def read_log(lines: Iterable[str]) -> BootLog:
    """The log, of which the last line about a region counts. Lines that are something else are passed over."""
    release: tuple[int, int] | None = None
    placed: dict[str, Range] = {}
    complaints: dict[str, str] = {}
    dropped = ""
    for raw in lines:
        line = raw[:_LONGEST].rstrip()
        if match := _VERSION.search(line):
            release = int(match[1]), int(match[2])
        elif match := _LINE.search(line):
            first, last = int(match[1], 16), int(match[2], 16)
            if last >= first:
                placed[match[3]] = Range(first, last - first + 1)
        elif match := _NAMED.search(line) or _FAILED.search(line):
            complaints[match[2]] = match[1]
        elif match := _OVERLAP.search(line):
            complaints |= dict.fromkeys(match.groups(), f"OVERLAP DETECTED! {match[1]} overlaps with {match[2]}")
        elif match := _WHOLE.search(line):
            dropped = match[1]
    return BootLog(release, placed, complaints, dropped)


def placed_regions(lines: Iterable[str]) -> dict[str, Range]:
    """Regions by node name, as the log places them."""
    return dict(read_log(lines).placed)


class Iomem(NamedTuple):
    """/proc/iomem: RAM that the kernel uses, and what is marked reserved, inside RAM and outside of it."""

    ram: tuple[Range, ...]
    reserved: tuple[Range, ...]


def read_iomem(name: str, lines: Iterable[str]) -> Iomem:
    """The file's ranges. Raises TreeError for one without RAM, and for one that was read without the right to addresses."""
    ram: list[Range] = []
    reserved: list[Range] = []
    for raw in lines:
        match = _IOMEM.match(raw[:_LONGEST].rstrip())
        if not match:
            continue
        there = Range(int(match[2], 16), int(match[3], 16) - int(match[2], 16) + 1)
        if match[4] == "System RAM" and not match[1]:
            ram.append(there)
        elif match[4] == "reserved":
            reserved.append(there)
    if ram and all(one == Range(0, 1) for one in ram):
        raise TreeError(f"{name}: every address in it is 0", "read /proc/iomem as root: others get no addresses")
    if not ram:
        raise TreeError(f'{name}: has no line "System RAM"', "give a copy of /proc/iomem, read as root")
    return Iomem(tuple(ram), tuple(reserved))
