"""What the kernels in question make of a board: the memory's outcome and the driver's, for each."""

from __future__ import annotations

from collections.abc import Iterable

from kinfo.dt.boot.ram import LoadedFile
from kinfo.dt.boot.releases import RELEASES, release_of
from kinfo.dt.boot.run import Boot, boot
from kinfo.dt.boot.verdict import LOST, Held, memory_of
from kinfo.dt.driver import FAILS, WORKS, Probe, driver_of
from kinfo.named import NamedTuple
from kinfo.record.layouts import LAYOUTS
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.board import Board, Use
    from kinfo.dt.tree import Node


SMALLEST = min(layout.size for layout in LAYOUTS if not layout.vendor)  # of any driver's record, in bytes


class Outcome(NamedTuple):
    """One kernel's: its name ("6.1"), the boot as the model runs it, the memory, the driver."""

    kernel: str
    boot: Boot
    memory: Held
    driver: Probe

    @property
    def is_bad(self) -> bool:
        """Whether the memory is lost or the driver cannot have it."""
        return self.memory.outcome == LOST or self.driver.outcome == FAILS


def versions(board: Board) -> tuple[tuple[int, int], ...]:
    """The kernels in question: the one that is named, else the one that left the record, else those the profile ships on."""
    options = board.options
    named = options.kernel or (options.dump.kernel if options.dump else None)
    return (named,) if named else board.profile.kernels


def boots(board: Board) -> tuple[tuple[str, Boot], ...]:
    """The model's run for each kernel; none for an overlay without its base."""
    if board.tree.partial:
        return ()
    options = board.options
    image = options.image or (options.dump.image if options.dump else None)
    loaded = LoadedFile(image, options.blob, board.tree.size, options.page_size)
    names = [(f"{major}.{minor}", release_of((major, minor))) for major, minor in versions(board)]
    return tuple((name, boot(board.tree, release, loaded)) for name, release in names)


def outcomes(board: Board) -> tuple[Outcome, ...]:
    """Each kernel's outcome for the first kinfo node."""
    if not board.uses:
        return ()
    use = board.uses[0]
    node = _region(board, use)
    found = []
    for name, one in board.boots:
        memory, driver = memory_of(one, node, SMALLEST), driver_of(board, use, one)
        if one.dies:
            driver = Probe(FAILS, "the kernel does not come up")
        elif memory.outcome == LOST and driver.outcome == WORKS:
            driver = driver._replace(why="the driver finds the region all the same, and writes into what is not its own")
        found.append(Outcome(name, one, memory, driver))
    return tuple(found)


def _region(board: Board, use: Use) -> Node | None:
    """The region's node: what the kinfo node names; else what a mapper names, and else one that is called after kinfo."""
    from kinfo.dt.mappers import mapper_nodes

    if (target := board.target(use.node)) is not None:
        return target
    for node in mapper_nodes(board.tree):
        handles = node.cells("memory-region")
        if handles and (found := board.tree.phandle(handles[0])):
            return found[0]
    named = [region.node for region in board.regions if "kinfo" in region.node.name.replace("-", "_").lower()]
    return named[0] if len(named) == 1 else None


def names_text(names: Iterable[str]) -> str:
    """Releases for people: `6.1`, `5.10 to 6.6` where none that is modelled lies between, `5.15 and 6.1`."""
    known = [release.name for release in RELEASES]
    given = list(names)
    if len(given) > 2 and all(name in known for name in given):
        first = known.index(given[0])
        if known[first : first + len(given)] == given:
            return f"{given[0]} to {given[-1]}"
    return " and ".join([", ".join(given[:-1]), given[-1]] if given[1:] else given)
