"""Whether the kinfo driver gets its memory: a device is made, it finds the region, the region is mapped and has room."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import ancestors, is_okay
from kinfo.dt.boot.run import Boot
from kinfo.dt.boot.verdict import lookup
from kinfo.dt.buses import why_no_device
from kinfo.dt.mappers import mappers, switched_off
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.board import Board, Use

_FINE = "a device is made, finds the region, and the region has room"
WORKS, FAILS, UNKNOWN = "works", "fails", "unknown"


class Probe(NamedTuple):
    """The driver's outcome: `works`, `fails`, or `unknown` where something outside the tree decides; and why."""

    outcome: str
    why: str


def driver_of(board: Board, use: Use, boot: Boot) -> Probe:
    """What becomes of the probe on one release."""
    for why in (*_no_device(board, use), *_no_memory(board, use, boot)):
        return Probe(FAILS, why)
    if doubt := _doubt(board, use):
        return Probe(UNKNOWN, doubt)
    return Probe(WORKS, _FINE)


def _no_device(board: Board, use: Use) -> Iterator[str]:
    node = use.node
    if not is_okay(node):
        yield f'no device is made: the status of {node.path} is "{node.text("status")}"'
    if set(board.profile.probed).isdisjoint(node.texts("compatible")):
        yield f"no driver binds: the compatible is not {' or '.join(board.profile.probed)}"
    yield from _no_device_of_region(board, use) if board.profile.on_region else _no_device_of_node(board, use)


def _no_device_of_region(board: Board, use: Use) -> Iterator[str]:
    parent = use.node.parent
    if not board.on_region(use.node):
        yield f"no memory is found: the driver of {board.profile.name} looks its own node up, and that is no region"
    elif parent is not None and parent.name != "reserved-memory":
        yield f"no device is made: of_find_node_by_path() knows /reserved-memory, not /{parent.name}"


def _no_device_of_node(board: Board, use: Use) -> Iterator[str]:
    node = use.node
    if board.on_region(node):
        yield "no device is made of a child of /reserved-memory"
        return
    for parent in ancestors(node):
        if parent.name and not is_okay(parent):
            yield f'no device is made: the status of {parent.path} is "{parent.text("status")}"'
    why, is_certain = why_no_device(node)
    if why and is_certain:
        yield f"no device is made: {why}"


def _no_memory(board: Board, use: Use, boot: Boot) -> Iterator[str]:
    target = board.target(use.node)
    if target is None:
        yield "of_parse_phandle() finds no node for memory-region: -ENODEV"
        return
    found = lookup(boot, target)
    if found is None:
        yield f"of_reserved_mem_lookup() finds no region {target.name}"
        return
    if found.extent is None:
        yield "the region's address is what lies behind an empty reg"
        return
    records = (board.options.layout,) if board.options.layout else board.profile.records
    if not found.extent.base or not found.extent.size:
        yield f"-EINVAL: the address is {found.extent.base:#x}, the size {found.extent.size:#x}"
    elif found.extent.size < records[0].size:
        yield f"-EINVAL: {found.extent.size} bytes are less than the record's {records[0].size}"


def _doubt(board: Board, use: Use) -> str:
    why, _ = ("", True) if board.profile.on_region else why_no_device(use.node)
    if why:
        return f"only if a driver of its own makes the device: {why}"
    if use.region is None:
        return ""
    found = mappers(board, use.region)
    if not found:
        return "it waits (-EPROBE_DEFER) until a module sets rmem->priv: the tree has no mapper"
    off = [one.node for one in found if one.node and not is_okay(one.node)]
    if len(off) == len(found) or switched_off(board):
        return "it waits (-EPROBE_DEFER): the mapper is switched off"
    return ""
