"""Records in a whole dump: every magic looked at, records told from decoys, the best one chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinfo.errors import RecordError
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.record.checksum import State
from kinfo.record.decode import REGION_LIMIT, decode_at, erased_region
from kinfo.record.layouts import MAGICS, SMALLEST
from kinfo.record.model import Layout
from kinfo.record.record import Record
from kinfo.record.scan import NEAR_MAGICS, PAGE, WORD, ByteSource, magic_offsets, near_magic_offsets, page_magics

HEAD_END = 24  # flags, counts and lengths end here in every layout
MAX_MAGICS = 4096  # a dump with more is made of them; looking at each would take for ever


class Hit(NamedTuple):
    """One place of the magic: a record, or (`record` is None) a decoy: the magic with no sense behind it."""

    offset: int
    record: Record | None

    def __repr__(self) -> str:
        return brief(self, f"at {self.offset:#x}: {self.record or 'decoy'}")


def find(source: ByteSource, step: int = PAGE, *, base: int | None = None) -> Iterator[Hit]:
    """Every magic at a multiple of `step` bytes, in order. A vendor block comes with the record it belongs to.

    Behind them come the records at pages whose magic has one flipped bit.

    Raises RecordError after MAX_MAGICS of them.
    """
    vendor_offsets: set[int] = set()
    near: list[int] = []
    magics = page_magics(source, near) if step == PAGE else magic_offsets(source, step, near=near)
    for count, offset in enumerate(magics):
        if count == MAX_MAGICS:
            raise RecordError(
                f"{source.name}: more than {MAX_MAGICS} magics up to {offset:#x}: a test pattern, not a dump",
                "name the record's place with --offset",
            )
        if offset in vendor_offsets:
            continue
        record = decode_at(source, offset, base=base)
        if record and record.vendor:
            vendor_offsets.add(record.vendor.offset)
        yield Hit(offset, record)
    yield from (hit for hit in damaged_magics(source, base=base, near=near) if hit.offset not in vendor_offsets)


def damaged_magics(source: ByteSource, *, base: int | None = None, near: Iterable[int] | None = None) -> Iterator[Hit]:
    """Records whose magic has a flipped bit: at pages (`near`, where they are known), and at the half of a region's file."""
    half = source.size // 2
    extra = [half] if half % PAGE and source.size <= REGION_LIMIT and half + SMALLEST <= source.size else []
    places = [place for place in extra if int.from_bytes(source.read(place, 4), "little") in NEAR_MAGICS]
    for offset in (*(near_magic_offsets(source) if near is None else near), *places):
        record = decode_at(source, offset, base=base)
        if record:
            yield Hit(offset, record)


def locate(source: ByteSource, *, base: int | None = None) -> tuple[Record, ...]:
    """The records of a dump, best first: the region's own, those at pages, or, when none of them is sound, at any word.

    Raises RecordError, which says what was found instead and what to try.
    """
    if source.size < SMALLEST:
        raise RecordError(f"{source.name}: {source.size} bytes are shorter than any record ({SMALLEST})", _DUMP_MORE)
    records = _records(source, PAGE, base)
    if not records and source.size <= REGION_LIMIT and (record := _without_magic(source, base)):
        return (record,)
    if not any(record.state.verified for record in records):  # a damaged copy at a page must not hide a sound record
        records = _records(source, WORD, base)
    owned = {record.vendor.offset for record in records if record.vendor}
    records = [record for record in records if record.offset not in owned]  # of a record whose magic is damaged
    if not records:
        raise RecordError(*_nothing(source))
    return tuple(sorted(records, key=_rank))


def _records(source: ByteSource, step: int, base: int | None) -> list[Record]:
    """The records at a step; those found before it became clear that the dump is made of magics, if any were."""
    records: list[Record] = []
    try:
        records.extend(hit.record for hit in find(source, step, base=base) if hit.record)
    except RecordError:
        if not records:
            raise
    return records


_DUMP_MORE = "dump the whole reserved-memory region (a page at least)"


def _without_magic(source: ByteSource, base: int | None) -> Record | None:
    """A region whose writer never got to the magic, or in which nothing was written at all."""
    if erased := erased_region(source, base=base):
        return erased
    if int.from_bytes(source.read(0, 4), "little") == 0:
        return decode_at(source, 0, base=base)
    return None


def forced(source: ByteSource, layout: Layout, *, base: int | None = None) -> Record:
    """The dump read as one layout: at its first magic (pages before words), or at its start where there is none."""
    places = (offset for step in (PAGE, WORD) for offset in magic_offsets(source, step))
    return decode_offset(source, next(places, 0), base=base, layout=layout)


def decode_offset(source: ByteSource, offset: int, *, base: int | None = None, layout: Layout | None = None) -> Record:
    """The record at one offset, or RecordError."""
    if not 0 <= offset < source.size:
        raise RecordError(f"{source.name}: offset {offset:#x} is not within it", f"it has {source.size:#x} bytes")
    there = source.size - offset
    if layout and there < min(layout.size, HEAD_END):
        raise RecordError(
            f"{source.name}: {there} bytes at {offset:#x} are not even the head of {layout.name} ({layout.size} bytes)",
            _DUMP_MORE,
        )
    record = decode_at(source, offset, base=base, layout=layout)
    if record is None:
        raise RecordError(*_no_sense(source, offset))
    return record


def _rank(record: Record) -> tuple[bool, bool, bool, int]:
    is_vendor = record.layout is not None and record.layout.vendor
    return is_vendor, not record.state.verified, record.state is not State.VALID, record.offset


def _no_sense(source: ByteSource, offset: int) -> tuple[str, str]:
    word = source.read(offset, 4)
    value = int.from_bytes(word, "little")
    if value in MAGICS:
        what = f"the magic {value:#x} at {offset:#x} has no record behind it"
    elif int.from_bytes(word, "big") in MAGICS:
        what = f"big-endian word order: the magic at {offset:#x} is byte-swapped"
        return f"{source.name}: {what}", _SWAP
    else:
        what = f"no magic at {offset:#x} (found {value:#010x})"
    return (
        f"{source.name}: {what}",
        "force a layout with --layout to see the bytes as fields, or look with `kinfo find`",
    )


_SWAP = "swap each 32-bit word (objcopy -I binary -O binary --reverse-bytes=4 IN OUT) and decode again"


def _nothing(source: ByteSource) -> tuple[str, str]:
    """What to say of a dump without a record: the nearest thing that was found, and what to try."""
    at = f"{source.name}: "
    swapped = next(magic_offsets(source, PAGE, swapped=True), None)
    if swapped is not None:
        return at + f"big-endian word order: the magic at {swapped:#x} is byte-swapped", _SWAP
    first = next(magic_offsets(source, WORD), None)
    if first is not None:
        if source.size - first < SMALLEST:
            return at + f"the record at {first:#x} is cut after {source.size - first} bytes", _DUMP_MORE
        return (
            at + f"the magic at {first:#x} has no record behind it",
            "force a layout with --offset and --layout to look",
        )
    return (
        at + f"no record in {source.held:#x} bytes",
        "dump the memory that the devicetree's kinfo node names, or all RAM",
    )
