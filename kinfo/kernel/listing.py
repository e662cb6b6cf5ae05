"""Every symbol of a kernel with the address that is wanted, in the order of /proc/kallsyms."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise

from kinfo.errors import DumpError
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel


class Line(NamedTuple):
    """A symbol of the image (`module` is "") or of a module, with its VA or PA. `size` is 0 where it was not asked for."""

    address: int
    type: str
    name: str
    module: str = ""
    size: int = 0


def lines(kernel: Kernel, *, physical: bool, modules: bool) -> Iterator[Line]:
    """The kernel's symbols, then, if asked for, those of its modules.

    Raises KernelError where virtual addresses are asked for and cannot be had.
    """
    for _, names, addresses in blocks(kernel, physical=physical):
        for name, address in zip(names, addresses, strict=True):
            yield Line(address, name[0], name[1:])
    if modules:
        yield from module_lines(kernel, physical=physical)


def blocks(kernel: Kernel, *, physical: bool) -> Iterator[tuple[int, list[str], list[int]]]:
    """The image's symbols 256 at a time: index of the first, types and names as one string each, addresses."""
    shift = shift_of(kernel, physical=physical)
    absolute = kernel.kallsyms.absolute
    for first, names, addresses in kernel.kallsyms.blocks():
        plain = min(max(absolute - first, 0), len(names))
        yield first, names, addresses[:plain] + [address + shift for address in addresses[plain:]]


def shift_of(kernel: Kernel, *, physical: bool) -> int:
    """What turns a PA of the image into the address that is wanted. Raises KernelError where there are no VAs."""
    if physical:
        return 0
    if kernel.space is None:
        raise kernel.no_space
    stext = kernel.kallsyms.borders.stext
    return kernel.space.va(stext) - stext


def module_lines(kernel: Kernel, *, physical: bool) -> Iterator[Line]:
    """The modules' symbols; with physical addresses those whose page is mapped."""
    if kernel.modules is None or kernel.space is None:
        return
    for module, symbol in kernel.modules.symbols():
        address: int | None = symbol.va
        if physical:
            try:
                address = kernel.space.pa(symbol.va)
            except DumpError:
                address = None
        if address is not None:
            yield Line(address, symbol.type, symbol.name, module.name)


def sized(symbols: Iterable[Line], ranges: Iterable[tuple[int, int]]) -> Iterator[Line]:
    """Each symbol with its size: up to the next address that has one, at most to the end of the range that it is in."""
    rows, borders = list(symbols), sorted(ranges)
    starts = [start for start, _ in borders]
    above = dict(pairwise(sorted({row.address for row in rows} | {end for _, end in borders})))
    for row in rows:
        index = bisect_right(starts, row.address) - 1
        is_inside = index >= 0 and row.address < borders[index][1]
        yield row._replace(size=above[row.address] - row.address) if is_inside else row


def ranges(kernel: Kernel, *, physical: bool) -> Iterator[tuple[int, int]]:
    """Where symbols can be: the four parts of the image and, by VA, the parts of modules."""
    borders = kernel.kallsyms.borders
    shift = 0 if physical or kernel.space is None else kernel.space.va(borders.stext) - borders.stext
    for start, end in pairwise((borders.text, borders.etext, borders.sinittext, borders.einittext, borders.end)):
        yield start + shift, end + shift
    for module in kernel.modules.all if kernel.modules and not physical else ():
        for part in module.ranges:
            yield part.start, part.start + part.size
