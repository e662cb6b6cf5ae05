"""The kinfo node: whether there is one, whether a device will be made of it, whether it is enabled."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, Use, ancestors, is_okay, is_unresolved
from kinfo.dt.buses import why_no_device
from kinfo.dt.check.place import at
from kinfo.dt.profiles import COMPATIBLES, is_region
from kinfo.findings import Finding, Rule, Severity
from kinfo.typed import TYPE_CHECKING
from kinfo.writer_rows.rows import KINFO

if TYPE_CHECKING:
    from kinfo.dt.tree import Node

_OF_PLATFORM = "drivers/of/platform.c: of_platform_default_populate_init()"

NO_NODE = Rule(
    "devicetree-no-node",
    Severity.WARNING,
    "no node has a kinfo compatible",
    "no kinfo driver is probed: the kernel leaves no record",
    "check the tree that the kernel gets (/sys/firmware/fdt: boot loaders add the node), or give the DTBO with --overlay",
    "drivers/android/debug_kinfo.c: of_device_id table; MediaTek's LK adds the node at boot",
)
REGION_WITHOUT_NODE = Rule(
    "devicetree-region-without-node",
    Severity.INFO,
    "a region is named after kinfo, but no node uses it",
    "the memory is kept from the kernel and nobody writes a record into it",
    "add a node with `compatible` and `memory-region`, or look for it in an overlay",
    "mainline gs101 and exynos2200 trees have the region alone",
)
SEVERAL_NODES = Rule(
    "devicetree-several-nodes",
    Severity.WARNING,
    "more than one node has a kinfo compatible",
    "each probe clears and writes its record: the boot loader looks at one place only",
    "leave one node",
    "debug_kinfo_probe(): memset of the region, then update_kernel_all_info()",
)
NO_DEVICE = Rule(
    "devicetree-no-device",
    Severity.ERROR,
    "no platform device is made of the kinfo node",
    "the driver is never probed",
    'put the node under the root, or under a node with the compatible "simple-bus"',
    _OF_PLATFORM,
)
NOT_A_REGION = Rule(
    "devicetree-not-a-region",
    Severity.ERROR,
    "the node with the compatible is no child of /reserved-memory",
    "the driver of this profile looks its own node up among the reserved regions, and fails",
    "put the compatible on the /reserved-memory child, as the snippet shows",
    "meminspect v2, v3: of_reserved_mem_lookup(dev->of_node)",
)
OLDER_SHAPE = Rule(
    "devicetree-older-shape",
    Severity.ERROR,
    "the tree has the older shape: a device node with memory-region",
    "the driver of this profile does not follow memory-region: it finds no memory",
    "change the tree as the snippet shows, or check it with --profile downstream",
    "meminspect v2 moved the compatible onto the region (review of v1, November 2025)",
)
NEWER_SHAPE = Rule(
    "devicetree-newer-shape",
    Severity.ERROR,
    "the tree has the newer shape: the compatible is on the region",
    "Android's driver wants memory-region on a device node: its probe fails",
    "add a device node as the snippet shows, or check the tree with --profile v3",
    'drivers/android/debug_kinfo.c: of_parse_phandle(node, "memory-region", 0)',
)
MATCHES = Rule(
    "devicetree-needs-match",
    Severity.INFO,
    "only a kernel that carries the series makes a device of this node",
    "on other kernels the memory is reserved and nobody writes into it",
    "check that reserved_mem_matches[] of the kernel has google,debug-kinfo",
    "drivers/of/platform.c: reserved_mem_matches[]; not in Linux 7.3",
)
COMPATIBLE = Rule(
    "devicetree-compatible",
    Severity.ERROR,
    "no driver binds this compatible",
    "the driver is never probed",
    'write `compatible = "google,debug-kinfo";`',
    "meminspect v1: the schema has google,kinfo; its example and its driver's of_device_id table have google,debug-kinfo",
)
DISABLED = Rule(
    "devicetree-disabled",
    Severity.ERROR,
    "the node or one above it is disabled",
    "a disabled device is not made, a disabled region is not reserved: the driver fails",
    'remove status, or write `status = "okay";`',
    'drivers/of/base.c: __of_device_is_available(): all but an absent status, "ok" and "okay" is off',
)
BOTH_SHAPES = Rule(
    "devicetree-both-shapes",
    Severity.INFO,
    "a device node and the region that it names both have the compatible",
    "one device is made: Android's kernel goes by the device node, a kernel with the posted series by the region",
    "nothing to do; leave one of the two where only one kernel is meant",
    "drivers/of/platform.c: children of /reserved-memory become devices only where reserved_mem_matches[] has them",
)
RULES = (
    *(NO_NODE, REGION_WITHOUT_NODE, SEVERAL_NODES, NO_DEVICE, NOT_A_REGION, OLDER_SHAPE, NEWER_SHAPE, MATCHES, COMPATIBLE),
    DISABLED,
    BOTH_SHAPES,
)


def check(board: Board) -> Iterator[Finding]:
    """All of this module."""
    if not board.nodes:
        yield from _none(board)
        return
    yield from _several(board)
    for node in board.spare:
        yield BOTH_SHAPES.at(at(node, "compatible"), f"profile {board.profile.name} does not go by this one")
    for use in board.uses:
        yield from _compatible(board, use.node)
        yield from _shape(board, use)
        yield from _status(use)


def _none(board: Board) -> Iterator[Finding]:
    options = board.options
    severity = Severity.ERROR if options.require else Severity.INFO if options.if_present else Severity.WARNING
    yield NO_NODE.at("/", f"no node is compatible with {', '.join(COMPATIBLES[:-1])} or {COMPATIBLES[-1]}", severity)
    for region in board.regions:
        if is_kinfo_name(region.node.name):
            yield REGION_WITHOUT_NODE.at(at(region.node), f"{region.extent or 'it'} is reserved for it")


def is_kinfo_name(name: str) -> bool:
    """Whether a region's name speaks of kinfo; a hint, never more."""
    return "kinfo" in name.replace("-", "_").lower()


def _several(board: Board) -> Iterator[Finding]:
    by_region: dict[str, list[Node]] = {}
    for use in board.uses:
        by_region.setdefault(use.region.node.path if use.region else use.node.path, []).append(use.node)
    for path, nodes in by_region.items():
        if len(nodes) > 1:
            others = ", ".join(node.path for node in nodes[1:])
            yield SEVERAL_NODES.at(at(nodes[0]), f"{others} uses the same memory, {path}", Severity.ERROR)
    if len(by_region) > 1:
        others = ", ".join(use.node.path for use in board.uses[1:])
        yield SEVERAL_NODES.at(at(board.uses[0].node), f"so has {others}")


def _compatible(board: Board, node: Node) -> Iterator[Finding]:
    names = node.texts("compatible")
    if set(board.profile.probed).isdisjoint(names):
        probed = ", ".join(board.profile.probed)
        reason = (
            "the schema of v1 has it, its driver has not: that" if KINFO in names else f"the driver of {board.profile.name}"
        )
        yield COMPATIBLE.at(at(node, "compatible"), f"{', '.join(names)}: {reason} binds {probed}")


def _shape(board: Board, use: Use) -> Iterator[Finding]:
    node = use.node
    if board.profile.on_region:
        yield from _on_region(board, node)
    elif board.on_region(node):
        yield NEWER_SHAPE.at(at(node), f"there is no device node with memory-region, as profile {board.profile.name} has it")
    else:
        yield from _device(board, node)


def _on_region(board: Board, node: Node) -> Iterator[Finding]:
    if board.on_region(node):
        if not board.tree.partial:
            yield MATCHES.at(at(node), "a kernel without the series ignores it")
    elif "memory-region" in node.properties:
        yield OLDER_SHAPE.at(
            at(node, "memory-region"), f"profile {board.profile.name} has the compatible on the region itself"
        )
    elif not is_unresolved(node):
        yield NOT_A_REGION.at(at(node), f"its parent is {node.parent.path if node.parent else '/'}")


def _device(board: Board, node: Node) -> Iterator[Finding]:
    if is_region(node):
        yield NO_DEVICE.at(at(node), "it is a child of /reserved-memory, of which no device is made")
        return
    if board.tree.partial:
        return
    why, is_certain = why_no_device(node)
    if why:
        yield NO_DEVICE.at(at(node), why, None if is_certain else Severity.WARNING)


def _status(use: Use) -> Iterator[Finding]:
    """The node, the buses above it, and the region: of /reserved-memory itself no kernel looks at the status."""
    nodes = [use.node, *(parent for parent in ancestors(use.node) if not _is_reserved_memory(parent))]
    if use.region and use.region.node is not use.node:
        nodes.append(use.region.node)
    for node in dict.fromkeys(nodes):
        if not is_okay(node):
            yield DISABLED.at(at(node, "status"), f'the status is "{node.text("status")}"')


def _is_reserved_memory(node: Node) -> bool:
    return node.name.partition("@")[0] == "reserved-memory" and node.parent is not None and not node.parent.name
