"""Addresses and sizes in properties, as the kernel reads them."""

from __future__ import annotations

from collections.abc import Sequence

from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node, Tree


MAX_RANGES = 256


class Range(NamedTuple):
    """Physical memory: the address of the first byte and the number of bytes."""

    base: int
    size: int

    @property
    def end(self) -> int:
        """Address of the first byte behind it."""
        return self.base + self.size

    def __str__(self) -> str:
        return f"{self.base:#x}-{max(self.end - 1, self.base):#x} ({bytes_text(self.size)})"

    def overlaps(self, other: Range) -> bool:
        """Whether a byte is in both."""
        return self.base < other.end and other.base < self.end

    def holds(self, other: Range) -> bool:
        """Whether every byte of the other is in this one."""
        return self.base <= other.base and other.end <= self.end


class Cells(NamedTuple):
    """How many 32-bit cells an address and a size take."""

    address: int
    size: int

    @property
    def total(self) -> int:
        """Cells of one address and size."""
        return self.address + self.size

    def __str__(self) -> str:
        return f"{self.address}/{self.size}"


def bytes_text(size: int) -> str:
    """A size for people: 4 KiB, 6 bytes."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size:#x} bytes"


def number(cells: Sequence[int]) -> int:
    """The number that cells make, the most significant first: of more than two the last two (of_read_number(), 64 bits)."""
    value = 0
    for cell in cells[-2:]:
        value = value << 32 | cell
    return value


def root_cells(tree: Tree) -> Cells:
    """The root's cells; 1 and 1 where it has none (OF_ROOT_NODE_*_CELLS_DEFAULT, drivers/of/fdt.c)."""
    return Cells(_declared(tree.root, "#address-cells"), _declared(tree.root, "#size-cells"))


def _declared(node: Node, name: str) -> int:
    found = node.cells(name)
    return found[0] if found else 1


def whole_ranges(cells: Sequence[int], width: Cells) -> tuple[Range, ...]:
    """The whole address-size pairs among cells; the first MAX_RANGES, where no board has more than a few."""
    if not width.total:
        return ()
    starts = range(0, len(cells) - width.total + 1, width.total)[:MAX_RANGES]
    return tuple(
        Range(number(cells[at : at + width.address]), number(cells[at + width.address : at + width.total])) for at in starts
    )
