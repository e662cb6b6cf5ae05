"""The verdict on one tree, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kinfo.dt import check
from kinfo.dt.board import Board, Options, Use
from kinfo.dt.check.place import split
from kinfo.dt.check.record import DUMP_ELSEWHERE
from kinfo.dt.check.schema import SCHEMA_FAILED
from kinfo.dt.kernels import Outcome
from kinfo.dt.mappers import mappers
from kinfo.dt.memory_map import Mapped, memory_map
from kinfo.dt.places import SourcePlace
from kinfo.dt.profiles import Profile
from kinfo.dt.ranges import Range
from kinfo.dt.snippet import snippet
from kinfo.dt.tree import Tree
from kinfo.findings import Finding, Severity, gravest_first, worst
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.schema import SchemaCheck

_OPEN = frozenset((SCHEMA_FAILED.code, DUMP_ELSEWHERE.code))


class KinfoMemory(NamedTuple):
    """A kinfo node and its memory: paths, where it lies (None: not known), its size, and who maps it.

    `placing` is "static" or "dynamic", empty where no region was found.
    """

    node: str
    region: str
    extent: Range | None
    size: int | None
    placing: str
    no_map: bool
    mappers: tuple[str, ...]


class Verdict(NamedTuple):
    """What was found in one tree.

    `kernels` is what each kernel in question makes of it; `sources` has the properties that findings are about, as devicetree
    source; `places` the lines of a source tree that they are about.
    """

    name: str
    label: str
    inside: str
    profile: Profile
    reason: str
    memory: tuple[KinfoMemory, ...]
    kernels: tuple[Outcome, ...]
    findings: tuple[Finding, ...]
    sources: Mapping[str, str]
    memory_map: tuple[Mapped, ...]
    snippet: str
    places: Mapping[str, SourcePlace] = {}

    @property
    def outcome(self) -> str:
        """none: no kinfo node; broken: an error; undecided: no error, and a check came to no end; else sound."""
        if not self.memory:
            return "none"
        if worst(self.findings) is Severity.ERROR or any(one.is_bad for one in self.kernels):
            return "broken"
        return "undecided" if self.is_undecided else "sound"

    @property
    def is_undecided(self) -> bool:
        """Whether a check was begun that decided nothing."""
        return any(map(is_open, self.findings))

    def __repr__(self) -> str:
        return brief(self, f"{self.name}: {self.outcome}, {len(self.findings)} findings, profile {self.profile.name}")


def is_open(finding: Finding) -> bool:
    """Whether a finding says that a check decided nothing: then it is neither for the tree nor against it."""
    return finding.code in _OPEN


def verify(
    tree: Tree,
    options: Options = Options(),  # noqa: B008  # an immutable value
    *,
    schema: SchemaCheck | None = None,
    name: str = "",
    label: str = "",
    inside: str = "",
) -> Verdict:
    """Check a tree against the rules, and against the profile's schema where a SchemaCheck is given."""
    board = Board(tree, options)
    found = check.run(board)
    if schema and not (board.own_cells or any(finding.code == "devicetree-reg-empty" for finding in found)):
        # else it would tell the same fault again in other words: it decodes reg by the wrong cells, or stumbles over none
        found += schema.check(board)
    findings = gravest_first(found)
    return Verdict(
        name=name,
        label=label or name,
        inside=inside,
        profile=board.profile,
        reason="forced by --profile" if options.profile else board.reason,
        memory=tuple(_memory(board, use) for use in board.uses),
        kernels=board.outcomes,
        findings=findings,
        sources=dict(_sources(tree, findings)),
        memory_map=memory_map(board),
        snippet=snippet(board),
    )


def _memory(board: Board, use: Use) -> KinfoMemory:
    region = use.region
    if region is None:
        return KinfoMemory(use.node.path, "", None, None, "", no_map=False, mappers=())
    return KinfoMemory(
        use.node.path,
        region.node.path,
        region.extent,
        region.length,
        "static" if region.is_static else "dynamic",
        no_map="no-map" in region.node.properties,
        mappers=tuple(mapper.title for mapper in mappers(board, region)),
    )


def _sources(tree: Tree, findings: tuple[Finding, ...]) -> Iterator[tuple[str, str]]:
    for finding in findings:
        path, name = split(finding.where)
        node = tree.at(path) if name else None
        if node is not None and name in node.properties:
            from kinfo.dt.written import property_source

            yield finding.where, property_source(node, name)
