"""The kernel's log of where it put reserved memory: the only source of a dynamic region's address."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kinfo.dt.ranges import Range

# drivers/of/of_reserved_mem.c: "OF: reserved mem: 0x00000000bffff000..0x00000000bfffffff (4 KiB) nomap non-reusable NAME".
_LINE = re.compile(
    r"OF: reserved mem: (0x[0-9a-fA-F]{1,16})\.\.(0x[0-9a-fA-F]{1,16}) \(\d+ KiB\) (?:no)?map (?:non-)?reusable (\S{1,200})$"
)


def placed_regions(lines: Iterable[str]) -> dict[str, Range]:
    """Regions by node name; the last line about a region counts. Lines that are something else are passed over."""
    found: dict[str, Range] = {}
    for line in lines:
        match = _LINE.search(line[:600].rstrip())
        if match:
            first, last = int(match[1], 16), int(match[2], 16)
            if last >= first:
                found[match[3]] = Range(first, last - first + 1)
    return found
