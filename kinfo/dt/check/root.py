"""/reserved-memory itself: without it, or with the wrong cells, the kernel reserves nothing at all."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board
from kinfo.dt.check.place import at
from kinfo.dt.kernels import names_text
from kinfo.findings import Finding, Rule, Severity
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node

_SOURCE = "drivers/of/of_reserved_mem.c: __reserved_mem_check_root()"
_DROPPED = 'the kernel logs "Reserved memory: unsupported node format, ignoring" and drops every region of the board'

NO_RESERVED_MEMORY = Rule(
    "devicetree-no-reserved-memory",
    Severity.ERROR,
    "the tree has no /reserved-memory node",
    "the kernel reserves nothing, and the driver's lookup of its memory fails",
    "put the region into a /reserved-memory node directly under the root",
    "drivers/of/of_reserved_mem.c: fdt_scan_reserved_mem()",
)
PARENT_NAME = Rule(
    "devicetree-parent-name",
    Severity.WARNING,
    "/reserved-memory has a unit address",
    "kernels before 5.17 look for the bare name and reserve nothing; later ones find it, but make no device of its children",
    "call the node reserved-memory",
    "drivers/of/fdt.c: __fdt_scan_reserved_mem() by name; from 5.17 on fdt_path_offset(), which passes over a unit address",
)
CELLS = Rule(
    "devicetree-cells",
    Severity.ERROR,
    "/reserved-memory has other cells than the root",
    _DROPPED,
    "give /reserved-memory the root's #address-cells and #size-cells",
    _SOURCE,
)
RANGES = Rule(
    "devicetree-ranges",
    Severity.ERROR,
    "/reserved-memory has no ranges",
    _DROPPED,
    "add an empty `ranges;` to /reserved-memory",
    _SOURCE,
)
RANGES_TRANSLATE = Rule(
    "devicetree-ranges-translate",
    Severity.WARNING,
    "the ranges of /reserved-memory is not empty",
    "the kernel takes reg as it stands, without translating it: other readers may come to other addresses",
    "leave `ranges;` empty",
    _SOURCE,
)
ODDITY = Rule(
    "devicetree-blob",
    Severity.WARNING,
    "the blob is readable but not as the specification has it",
    "boot loaders and tools may read it differently from the kernel",
    "compile it again with a current dtc",
    "Devicetree Specification v0.4, 5 (flattened devicetree)",
)
RULES = (NO_RESERVED_MEMORY, PARENT_NAME, CELLS, RANGES, RANGES_TRANSLATE, ODDITY)


def check(board: Board) -> Iterator[Finding]:
    """All of this module; nothing of a board that has no kinfo, and of an overlay without a base only what is in it."""
    if not board.nodes:
        return
    for path, sentence in board.tree.oddities:
        yield ODDITY.at(path, sentence)
    if board.tree.partial:
        return
    if board.parent is None:
        yield NO_RESERVED_MEMORY.at("/", "there is no /reserved-memory")
        return
    if board.parent.unit_address is not None:
        lost = [one.kernel for one in board.outcomes if one.memory.code == "missing" and one.boot.release.nested]
        message = f"it is called {board.parent.name}" + (f": {names_text(lost)} do not find it" if lost else "")
        yield PARENT_NAME.at(at(board.parent), message, Severity.ERROR if lost else None)
    yield from _cells(board, board.parent)
    ranges = board.parent.properties.get("ranges")
    if ranges is None:
        yield RANGES.at(at(board.parent, "ranges"), "there is no ranges")
    elif ranges:
        yield RANGES_TRANSLATE.at(at(board.parent, "ranges"), f"it has {len(ranges)} bytes")


def _cells(board: Board, parent: Node) -> Iterator[Finding]:
    for name, wanted in (("#address-cells", board.cells.address), ("#size-cells", board.cells.size)):
        found = parent.cells(name)
        if not found or found[0] != wanted:
            message = f"it is {found[0] if found else 'missing'}; the root's is {wanted}"
            remedy = f"write `{name} = <{wanted}>;`"
            if written := _written_for(board):
                remedy += f", and {written} with {board.cells.address} and {board.cells.size} cells"
            yield CELLS.at(at(parent, name), message, remedy=remedy)


def _written_for(board: Board) -> str:
    """The kinfo region's reg, where it is written for the wrong cells and has to change with them."""
    for use in board.uses:
        if use.region and board.is_written_for_cells(use.region.node.properties.get("reg", b"")):
            return f"the reg of {use.region.node.name}"
    return ""
