"""The reserved memory of /proc/iomem's text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kinfo.named import NamedTuple

_LINE = re.compile(r"^ *([0-9a-f]{1,16})-([0-9a-f]{1,16}) : (.{1,200})$")
_NAMES = ("reserved", "Crash kernel", "ramoops", "persistent_ram")  # how the kernel begins them, in any case of letters
_MOST = 4096


class IomemRange(NamedTuple):
    """A stretch of memory that is kept: its name, its address, its size in bytes."""

    name: str
    at: int
    size: int


def reserved(lines: Iterable[str]) -> Iterator[IomemRange]:
    """Every line of reserved memory. Raises ValueError for text that is no /proc/iomem.

    And where all addresses are 0: it was read without the right to them.
    """
    found = [match for line in lines if (match := _LINE.match(line[:300].rstrip()))][:_MOST]
    if not found:
        raise ValueError("has no line of /proc/iomem")
    if all(int(match[2], 16) == 0 for match in found):
        raise ValueError("every address in it is 0")
    for match in found:
        first, last = int(match[1], 16), int(match[2], 16)
        if last >= first and match[3].lower().startswith(tuple(name.lower() for name in _NAMES)):
            yield IomemRange(match[3], first, last - first + 1)
