"""The shapes that a kinfo tree can have: what ships, and what was posted for mainline."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.record.layouts import DEBUG_KINFO, LAYOUTS, layout_named
from kinfo.record.model import Layout

if TYPE_CHECKING:
    from kinfo.dt.tree import Node, Tree

DEBUG_KINFO_V2 = "google,debug-kinfo-v2"
KINFO = "google,kinfo"
COMPATIBLES = (DEBUG_KINFO, DEBUG_KINFO_V2, KINFO)


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


_ANDROID = tuple(one.alias for one in LAYOUTS if one.compatible in (DEBUG_KINFO, DEBUG_KINFO_V2) and one.alias != "D")
_GKI = ((5, 10), (5, 15), (6, 1), (6, 6), (6, 12))
_V1, _POSTED = ((6, 12), (7, 2)), ((7, 2),)
_BOTH = (DEBUG_KINFO, DEBUG_KINFO_V2)
_ON_REGION = "compatible on the reserved-memory child"

PROFILES = (
    Profile("downstream", "device node with memory-region (Android; all that ships)", False, _BOTH, _BOTH, _ANDROID, _GKI),
    Profile("v1", "google,kinfo device node (meminspect v1, posted 2025-11)", False, (KINFO,), (DEBUG_KINFO,), ("C",), _V1),
    Profile("v2", f"{_ON_REGION} (meminspect v2, posted 2026-03)", True, (DEBUG_KINFO,), (DEBUG_KINFO,), ("C",), _POSTED),
    Profile("v3", f"{_ON_REGION} (meminspect v3, posted 2026-07)", True, (DEBUG_KINFO,), (DEBUG_KINFO,), ("D",), _POSTED),
)
_BY_NAME = {profile.name: profile for profile in PROFILES}


def profile_named(name: str) -> Profile:
    """The profile of this name. Raises UnknownNameError."""
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        hint = did_you_mean(name.lower(), _BY_NAME, f"choose one of: {', '.join(_BY_NAME)}")
        raise UnknownNameError(f"no profile is called {name!r}", hint) from None


def is_kinfo(node: Node) -> bool:
    """Whether the node has a kinfo compatible: the name of a node says nothing, Pixels have a `debug-kinfo` without one."""
    return "compatible" in node.properties and not set(COMPATIBLES).isdisjoint(node.texts("compatible"))


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
    if not nodes:
        return _BY_NAME["downstream"], "no kinfo node: the shape that ships is assumed"
    node = next((one for one in nodes if not is_region(one)), nodes[0])
    if KINFO in node.texts("compatible"):
        return _BY_NAME["v1"], f"{node.path} has the compatible {KINFO}"
    if is_region(node) and "memory-region" not in node.properties:
        return _BY_NAME["v3"], f"{node.path} has the compatible and is the region itself (v2 looks the same: --profile v2)"
    return _BY_NAME["downstream"], f"{node.path} is a device node with the compatible {DEBUG_KINFO}"
