"""Regions with the compatible shared-dma-pool, which a setup function takes or refuses, and what refusal does.

kernel/dma/contiguous.c: rmem_cma_setup(); kernel/dma/coherent.c: rmem_dma_setup(); of_reserved_mem.c:
__reserved_mem_init_node().
"""

from __future__ import annotations

from kinfo.arch import arm64
from kinfo.dt.boot.releases import EarlyMemory
from kinfo.dt.boot.scan import Wish
from kinfo.dt.ranges import Range
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node

POOL = "shared-dma-pool"


def cma_alignment(release: EarlyMemory, page: int) -> int:
    """CMA_MIN_ALIGNMENT_BYTES; up to 5.15 the largest order of the allocator counts, 4 MiB with pages of 4 KiB."""
    huge = arm64.block_size(page)  # pageblock_order is that of a huge page
    return max(huge, page << 10) if release.version < (5, 17) else huge


def is_cma(node: Node) -> bool:
    """Whether the node asks for the contiguous allocator."""
    return POOL in node.texts("compatible") and "reusable" in node.properties and "no-map" not in node.properties


def aligned(node: Node, wish: Wish, release: EarlyMemory, page: int) -> Wish:
    """The wish with CMA's alignment where it is CMA's."""
    return wish._replace(alignment=max(wish.alignment, cma_alignment(release, page))) if is_cma(node) else wish


SKIPPED = 'Skipping dt linux,cma-default node in favor for "cma=" kernel param.'


def is_default(node: Node) -> bool:
    """Whether the node is to be the default pool: cma= of the command line then stands in its place."""
    return "linux,cma-default" in node.properties


def refusal(node: Node, extent: Range, release: EarlyMemory, page: int, *, replaced: bool) -> str:
    """Why the setup functions refuse the region and its memory is given back; empty where they do not.

    With no-map and reusable both refuse it with -EINVAL up to 6.12; from 7.x on neither feels concerned (-ENODEV).
    `replaced`: the command line has cma= (from 5.6 on).
    """
    if POOL not in node.texts("compatible"):
        return ""
    if replaced and is_default(node) and release.version >= (5, 10):
        return "cma= of bootargs replaces it"
    if "reusable" not in node.properties:
        return ""
    if "no-map" in node.properties:
        return "" if release.strict else "a shared-dma-pool is either no-map or reusable"
    wanted = cma_alignment(release, page)
    return (
        f"incorrect alignment of CMA region: it is no multiple of {wanted:#x}" if (extent.base | extent.size) % wanted else ""
    )
