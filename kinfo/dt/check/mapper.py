"""Who maps the region, and who else uses it."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, Region, is_okay
from kinfo.dt.check.place import at
from kinfo.dt.mappers import mappers, switched_off
from kinfo.dt.profiles import is_kinfo
from kinfo.findings import Finding, Rule, Severity

_SHOWN = 16  # consumers that are looked at: a region has two or three

NO_MAPPER = Rule(
    "devicetree-no-mapper",
    Severity.WARNING,
    "nothing in the tree maps the region",
    "rmem->priv is never set: the kinfo driver's probe is deferred for ever and no record is written",
    "add the platform's mapper node (Pixel, Exynos: debug-snapshot-debug-kinfo), or make sure that a module sets rmem->priv",
    "debug_kinfo_probe(): if (!rmem->priv) return -EPROBE_DEFER; the same in meminspect v1 to v3",
)
MAPPER_OFF = Rule(
    "devicetree-mapper-off",
    Severity.WARNING,
    "the mapper is switched off",
    "it maps nothing, so the kinfo driver's probe is deferred for ever",
    "set `enabled = <1>;`",
    "Pixel debug-snapshot: DPM feature debug-kinfo",
)
CONSUMER = Rule(
    "devicetree-consumer",
    Severity.WARNING,
    "a node that is no known mapper uses the region too",
    "what it writes there destroys the record",
    "give it a region of its own",
    "known mappers: Pixel, Exynos and Samsung debug-snapshot and summary nodes, MediaTek mrdump",
)
RULES = (NO_MAPPER, MAPPER_OFF, CONSUMER)


def check(board: Board) -> Iterator[Finding]:
    """All of this module, once for each region."""
    for region in dict.fromkeys(use.region for use in board.uses if use.region):
        yield from _mapped(board, region)
        yield from _others(board, region)


def _mapped(board: Board, region: Region) -> Iterator[Finding]:
    found = mappers(board, region)
    if not found:
        where = at(next(use.node for use in board.uses if use.region == region))
        severity = Severity.INFO if board.tree.partial else None
        yield NO_MAPPER.at(where, "no known mapper of the region is there", severity)
        return
    for mapper in found:
        if mapper.node and not is_okay(mapper.node):
            yield MAPPER_OFF.at(
                at(mapper.node, "status"), f'its status is "{mapper.node.text("status")}"', remedy="enable the node"
            )
    if off := switched_off(board):
        yield MAPPER_OFF.at(at(off, "enabled"), "it is 0")


def _others(board: Board, region: Region) -> Iterator[Finding]:
    known = {mapper.node.path for mapper in mappers(board, region) if mapper.node}
    for node in board.consumers(region)[:_SHOWN]:
        if not is_kinfo(node) and node.path not in known:
            yield CONSUMER.at(at(node, "memory-region"), f"it names {region.node.path}")
