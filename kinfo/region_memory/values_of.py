"""From what a user names to regions whose bytes are there: files, a core image, or a kernel's table in its RAM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO

from kinfo.errors import KinfoError
from kinfo.meminspect.ids import Series
from kinfo.region_memory.held import RegionMemory
from kinfo.region_memory.open import open_regions
from kinfo.sources import open_memory

_HINT = "name a folder of md_K*.BIN, the core image of the series, or a RAM dump with the table in it"


@contextmanager
def regions_with_bytes(
    source: str, series: Series | None = None, kinfo: str | None = None, stdin: BinaryIO | None = None
) -> Iterator[RegionMemory]:
    """The regions, while what holds them is open. Raises KinfoError where SOURCE says where regions are, and has none."""
    if (regions := open_regions([source], series)) is not None:
        yield regions
        return
    from kinfo.inspect_table import table_in
    from kinfo.kernel.open import kernel_in
    from kinfo.region_memory.of_ram import regions_in

    try:
        opened = open_memory([source], stdin)
    except KinfoError as error:
        raise KinfoError(f"{error.message}: it has no regions' bytes", _HINT) from None
    with closing(opened):
        try:
            kernel = kernel_in(opened, kinfo)
        except KinfoError as error:
            raise KinfoError(f"{source}: has no memory of regions: {error.message}", _HINT) from None
        yield regions_in(kernel, table_in(source, kernel.memory, kernel, series))
