"""What lies in the reserved memory of a dump, region by region: by the tree, by /proc/iomem, and by the magics in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.errors import KinfoError
from kinfo.kernel.extent import region_alone
from kinfo.memory import Dump, Memory
from kinfo.named import NamedTuple
from kinfo.record.decode import decode_at
from kinfo.regions import magics
from kinfo.regions.contents import described, tree_at
from kinfo.regions.iomem import IomemRange, reserved
from kinfo.regions.ramoops import find
from kinfo.regions.ramoops.read import read
from kinfo.regions.trace import find as trace
from kinfo.sources import open_memory
from kinfo.sources.text import refuse_no_text
from kinfo.typed import BinaryIO

_LARGEST_TEXT = 16 << 20


class Content(NamedTuple):
    """One thing that is there: `kind` is record, ramoops, devicetree, trace, "crash kernel" or "" where no magic tells.

    `size` is its bytes where it says so itself: a devicetree's. `is_alone`: a record, in memory that is too small for its
    kernel: a region's dump.
    """

    kind: str
    at: int
    what: str
    size: int = 0
    is_alone: bool = False


class FoundThing(NamedTuple):
    """A place (None: in none that was named) and what it holds."""

    place: IomemRange | None
    contents: tuple[Content, ...]


class Survey(NamedTuple):
    """Everything that was found; `unit` says what addresses count: PA, or offset where none is known."""

    source: str
    unit: str
    found: tuple[FoundThing, ...]

    @property
    def contents(self) -> tuple[Content, ...]:
        """All of it."""
        return tuple(content for one in self.found for content in one.contents)


def reserved_memory(
    source: Sequence[str], dtb: str | None = None, iomem: str | None = None, stdin: BinaryIO | None = None
) -> Survey:
    """Look at all of what a user named, in one pass. Raises KinfoError for files that cannot be read."""
    places = sorted({*(_of_tree(dtb) if dtb else ()), *(_of_iomem(iomem) if iomem else ())}, key=lambda place: place.at)
    opened = open_memory(source, stdin)
    with opened.as_dump if isinstance(opened, Memory) else opened.dump as dump:
        contents = sorted(_contents(dump), key=lambda content: content.at)
        unit = "PA" if isinstance(opened, Memory) else "offset"
        if places and unit == "offset":
            raise KinfoError(f"{dump.name}: is raw memory at an unknown address", f"write {dump.name}@0x80000000, say")
        return Survey(dump.name, unit, tuple(_by_place(dump, places, contents)))


def _of_tree(dtb: str) -> Iterator[IomemRange]:
    from kinfo.dt.board import Board, Options
    from kinfo.dt.open import Broken, open_trees

    for tree in open_trees(dtb):
        if isinstance(tree, Broken):
            raise tree.error
        board = Board(tree.tree, Options())
        for region in board.regions:
            for entry in region.entries:
                yield IomemRange(region.node.name, entry.base, entry.size)
        for base, size in board.tree.reservations:
            yield IomemRange("/memreserve/", base, size)


def _of_iomem(path: str) -> Iterator[IomemRange]:
    try:
        with open(path, "rb") as file:
            raw = file.read(_LARGEST_TEXT)
    except OSError as error:
        raise KinfoError(f"{path}: {error.strerror}", "check the path and its permissions") from None
    refuse_no_text(path, raw, "a copy of /proc/iomem")
    try:
        yield from reserved(raw.decode("utf-8", "replace").splitlines())
    except ValueError as error:
        raise KinfoError(f"{path}: {error}", "read /proc/iomem as root, and copy that: others get no addresses") from None


def _contents(dump: Dump) -> Iterator[Content]:
    found = magics.search(dump)
    vendors: set[int] = set()
    for at in found[magics.RECORD]:
        record = None if at in vendors else decode_at(dump, at)
        if record and record.layout:
            vendors |= {record.vendor.offset} if record.vendor else set()
            state = f"{record.layout.alias} {record.layout.name}, {record.confidence.value}, checksum {record.state.value}"
            is_alone = region_alone(dump, record) is not None
            yield Content(magics.RECORD, at, f"{state}, {record.release_text or 'no release'}", is_alone=is_alone)
    for region in find.regions(dump, found[magics.RAMOOPS]):
        zones = read(dump, region).zones
        records = [zone.record for zone in zones if zone.record]
        newest = max(records, key=lambda record: (record.seconds, record.micros), default=None)
        crash = f", the newest {newest.reason or 'without a reason'}" if newest else ""
        ecc = f"ECC {region.parity}" if region.parity else "no ECC"
        yield Content(magics.RAMOOPS, region.at, f"{len(zones)} zones, {ecc}, {len(records)} crash logs{crash}")
    for at in found[magics.TREE]:
        if tree := tree_at(dump, at):
            yield Content(magics.TREE, at, f"a devicetree blob of {tree.size} bytes, version {tree.version}", tree.size)
    for buffer in trace.regions(dump, found[magics.TRACE]):
        cpus = f"{len(buffer.cpus)} CPUs, {buffer.cpus[0].length} sub-buffers of {buffer.cpus[0].size} bytes each"
        damaged = f", damaged: {buffer.faults[0]}" if buffer.faults else ""
        yield Content(
            magics.TRACE, buffer.at, f"a persistent trace buffer as {buffer.form.name} lays it out, {cpus}{damaged}"
        )


def _by_place(dump: Dump, places: Sequence[IomemRange], contents: Sequence[Content]) -> Iterator[FoundThing]:
    left = list(contents)
    for place in places:
        inside = [content for content in left if place.at <= content.at < place.at + place.size]
        left = [content for content in left if content not in inside]
        if place.name.lower().startswith("crash kernel"):
            inside.insert(0, Content("crash kernel", place.at, f"kdump's kernel: {described(dump, place.at, place.size)}"))
        yield FoundThing(place, tuple(inside) or (Content("", place.at, described(dump, place.at, place.size)),))
    if left:
        yield FoundThing(None, tuple(left))
