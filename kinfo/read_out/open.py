"""From what a user names to the bytes of something in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import BinaryIO

from kinfo.kernel.beside import Beside
from kinfo.read_out.extent import FoundBytes
from kinfo.read_out.of_ram import RamSource
from kinfo.read_out.of_regions import RegionSource
from kinfo.read_out.wanted import wanted
from kinfo.region_memory.open import open_regions
from kinfo.sources import open_memory


@contextmanager
def found_in(
    paths: Sequence[str],
    word: str,
    size: int | None = None,
    kinfo: str | None = None,
    stdin: BinaryIO | None = None,
    beside: Beside | None = None,
) -> Iterator[FoundBytes]:
    """The bytes that a word names in a dump, while it is open. Raises KinfoError as RamSource.find and RegionSource.find."""
    asked = wanted(word)
    regions = open_regions(paths)
    if regions is not None:
        yield RegionSource(regions).find(asked, size)
        return
    with closing(open_memory(paths, stdin)) as opened:
        yield RamSource(opened, kinfo, beside).find(asked, size)
