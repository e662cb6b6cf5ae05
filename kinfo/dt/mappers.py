"""Who maps the region and sets rmem->priv: no kinfo driver does it itself, each waits until a vendor's module has."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.board import Board, Region
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node, Tree

PIXEL = "google,debug-snapshot-debug-kinfo"
EXYNOS = "samsung,debug-snapshot-debug-kinfo"
SAMSUNG_QUALCOMM = "samsung,qcom-summary"
MEDIATEK = "mediatek,aee_debug_kinfo"
_TITLES = {PIXEL: "Pixel's debug-snapshot", EXYNOS: "Exynos' debug-snapshot", SAMSUNG_QUALCOMM: "Samsung's qcom-summary"}
_SAMSUNG_NAME = "google,debug_kinfo"


class Mapper(NamedTuple):
    """A mapper of a region: its node (None for Qualcomm's, which has none) and what it is."""

    node: Node | None
    title: str


def mappers(board: Board, region: Region) -> tuple[Mapper, ...]:
    """The mappers known for this region."""
    found = [Mapper(node, title) for node in board.consumers(region) if (title := _title(node))]
    if MEDIATEK in region.node.texts("compatible"):
        found.append(Mapper(region.node, "MediaTek's mrdump"))
    if not found and board.vendor == "qcom":
        found.append(Mapper(None, "Qualcomm's debug_symbol, which looks the kinfo node up itself"))
    return tuple(found)


def mapper_nodes(tree: Tree) -> Iterator[Node]:
    """Every node that is a known mapper by its compatible."""
    return (node for node in tree.root.walk() if "compatible" in node.properties and _title(node))


def maps_uncached(board: Board, region: Region) -> str:
    """The mapper that maps the region otherwise than the kernel does where it is not no-map; empty where there is none.

    Pixel's and Exynos' vmap() non-cached or write-combining, Samsung's on Qualcomm ioremap_wc(); Qualcomm's and MediaTek's
    memremap(MEMREMAP_WB), as the kernel itself.
    """
    return next((title for node in board.consumers(region) if (title := _title(node))), "")


def splits_region(board: Board, region: Region) -> bool:
    """Whether a Pixel mapper puts its own block into the second half."""
    return any(PIXEL in node.texts("compatible") for node in board.consumers(region))


def switched_off(board: Board) -> Node | None:
    """Pixel's dpm/feature/debug-kinfo where its `enabled` is 0: the mapper then does nothing."""
    for node in board.tree.root.walk():
        if node.name == "debug-kinfo" and node.path.endswith("/dpm/feature/debug-kinfo") and node.cells("enabled") == (0,):
            return node
    return None


def _title(node: Node) -> str:
    for compatible in node.texts("compatible"):
        if compatible == SAMSUNG_QUALCOMM and _SAMSUNG_NAME not in node.texts("memory-region-names"):
            continue
        if compatible in _TITLES:
            return _TITLES[compatible]
    return ""
