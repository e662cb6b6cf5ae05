"""The shapes that a kinfo tree can have: what ships, and what was posted for mainline."""

from __future__ import annotations

from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.named import NamedTuple
from kinfo.printable import quoted
from kinfo.record.layouts import LAYOUTS, layout_named
from kinfo.record.model import Layout
from kinfo.typed import TYPE_CHECKING
from kinfo.writer_rows import rows
from kinfo.writer_rows.rows import DEBUG_KINFO

if TYPE_CHECKING:
    from kinfo.dt.tree import Node, Tree

_TREES = tuple((row, row.tree) for row in rows.ROWS if row.tree)
COMPATIBLES = tuple(dict.fromkeys(name for _, tree in _TREES for name in tree.compatibles))
_RAW = tuple(name.encode() for name in COMPATIBLES)


class Profile(NamedTuple):
    """One binding.

    `on_region`: the compatible sits on the /reserved-memory child itself, not on a device node with memory-region. `probed`
    are the compatibles that the profile's driver binds, `compatibles` those that its schema knows. `layouts` are the records
    (by alias) that its writers leave, `kernels` the releases that carry the driver and are modelled: Android's common
    kernels, or those that the series was posted against.
    """

    name: str
    title: str
    on_region: bool
    compatibles: tuple[str, ...]
    probed: tuple[str, ...]
    layouts: tuple[str, ...]
    kernels: tuple[tuple[int, int], ...]

    @property
    def records(self) -> tuple[Layout, ...]:
        """The layouts of the record that fit this binding, the smallest first."""
        return tuple(sorted((layout_named(alias) for alias in self.layouts), key=lambda layout: layout.size))


_DOWNSTREAM = "downstream"
PROFILES = tuple(
    Profile(
        *(row.key or _DOWNSTREAM, tree.title, tree.on_region, tree.compatibles, tree.probed),
        tuple(one.alias for one in LAYOUTS if one.alias in row.layouts),
        tree.kernels,
    )
    for row, tree in _TREES
)
_BY_NAME = {profile.name: profile for profile in PROFILES}


def profile_named(name: str) -> Profile:
    """The profile of this name. Raises UnknownNameError."""
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        hint = did_you_mean(name.lower(), _BY_NAME, f"choose one of: {', '.join(_BY_NAME)}")
        raise UnknownNameError(f"no profile is called {quoted(name)}", hint) from None


def is_kinfo(node: Node) -> bool:
    """Whether the node has a kinfo compatible: the name of a node says nothing, Pixels have a `debug-kinfo` without one."""
    raw = node.properties.get("compatible", b"")
    return any(name in raw for name in _RAW) and not set(COMPATIBLES).isdisjoint(node.texts("compatible"))


def kinfo_nodes(tree: Tree) -> tuple[Node, ...]:
    """Every node with a kinfo compatible, in the tree's order."""
    return tuple(node for node in tree.root.walk() if is_kinfo(node))


def is_region(node: Node) -> bool:
    """Whether the node is a direct child of /reserved-memory."""
    parent = node.parent
    if parent is None or parent.name.partition("@")[0] != "reserved-memory":
        return False
    return parent.parent is not None and not parent.parent.name


def recognised(nodes: tuple[Node, ...]) -> tuple[Profile, str]:
    """The profile whose shape the first kinfo node has, and why. v2 and v3 look the same: it is called v3."""
    downstream, *posted = PROFILES
    if not nodes:
        return downstream, "no kinfo node: the shape that ships is assumed"
    node = next((one for one in nodes if not is_region(one)), nodes[0])
    names = set(node.texts("compatible"))
    for profile in reversed(posted):
        if own := sorted(names & set(profile.compatibles) - set(downstream.compatibles)):
            return profile, f"{node.path} has the compatible {own[0]}"
    if is_region(node) and "memory-region" not in node.properties:
        *others, last = (one for one in posted if one.on_region and DEBUG_KINFO in one.compatibles)
        alike = "; ".join(f"{one.name} looks the same: --profile {one.name}" for one in others)
        return last, f"{node.path} has the compatible and is the region itself ({alike})"
    return downstream, f"{node.path} is a device node with the compatible {DEBUG_KINFO}"
