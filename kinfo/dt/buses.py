"""Of which nodes the kernel makes platform devices by itself: drivers/of/platform.c, of_platform_default_populate_init()."""

from __future__ import annotations

from kinfo.dt.board import ancestors
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node

# of_default_bus_match_table: below these devices are made of children.
BUSES = frozenset({"simple-bus", "simple-mfd", "isa", "arm,amba-bus"})
# Places of whose children nobody makes platform devices.
_NO_DEVICES = frozenset({"chosen", "aliases", "cpus", "memory", "reserved-memory", "__symbols__"})


def why_no_device(node: Node) -> tuple[str, bool]:
    """Why no device is made of a node, and whether that is certain; empty where one is made.

    of_platform_bus_create() passes over a node without a compatible, and goes below one whose compatible is a bus. Below
    other compatibles a driver of that device may do it (of_platform_populate()): not certain.
    """
    chain = [parent for parent in ancestors(node) if parent.name]
    if chain and chain[-1].name.partition("@")[0] in _NO_DEVICES:
        return f"nobody makes devices of the children of /{chain[-1].name}", True
    for parent in chain:
        if parent.path == "/firmware" or not BUSES.isdisjoint(parent.texts("compatible")):
            continue
        if "compatible" not in parent.properties:
            return f"{parent.path} has no compatible: the kernel makes no device of it, nor of what is in it", True
        return f"{parent.path} is no simple-bus: only a driver of its own could make the device", False
    return "", True
