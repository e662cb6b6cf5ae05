"""A table and its entries, whatever form they came in."""

from __future__ import annotations

from enum import Enum
from struct import Struct

from kinfo.findings import Finding
from kinfo.meminspect.ids import Series
from kinfo.named import NamedTuple
from kinfo.printable import brief


class TableForm(Enum):
    """What a table was read from. It says what can be missing: a core has no ids, a section no PAs, a log no VAs."""

    LISTING = "listing"
    SECTION = "section"
    RUNTIME = "runtime array"
    CORE = "core image"
    MINIDUMP = "minidump regions"
    FILES = "minidump files"
    LOG = "log"


class EntryShape(NamedTuple):
    """How an entry lies in memory: struct code, the fields that it yields, the bytes of a pointer."""

    name: str
    code: Struct
    fields: tuple[str, ...]
    pointer: int


_FULL = ("id", "va", "pa", "size", "type")
LP64 = EntryShape("struct inspect_entry, 64 bit", Struct("<I4xQQQI4x"), _FULL, 8)
ILP32 = EntryShape("struct inspect_entry, 32 bit", Struct("<IIIII"), _FULL, 4)
LPAE = EntryShape("struct inspect_entry, 32 bit with LPAE", Struct("<IIQII"), _FULL, 4)
ZONE = EntryShape("struct kmemdump_zone (RFC v2)", Struct("<I4xQQ"), ("id", "va", "size"), 8)
SHAPES = (LP64, LPAE, ILP32, ZONE)


class Entry(NamedTuple):
    """One region. `id`, `va`, `pa`, `type`: None where the form does not hold them; a PA of 0 is one that was not set.

    `name` is the symbol where it is known, `dynamic` whether the id is one of those handed out at boot.
    """

    id: int | None
    name: str
    va: int | None
    pa: int | None
    size: int
    type: int | None = None
    dynamic: bool | None = None


class Table(NamedTuple):
    """A table: where it came from, its series and why, its entries, and what is wrong with it."""

    source: str
    form: TableForm
    series: Series
    why: tuple[str, ...]
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()

    def by_id(self, id_: int) -> Entry | None:
        """The entry of an id; the last one, which is what the kernel keeps."""
        return next((entry for entry in reversed(self.entries) if entry.id == id_), None)

    def by_name(self, name: str) -> Entry | None:
        """The entry of a symbol; the last one."""
        return next((entry for entry in reversed(self.entries) if entry.name == name), None)

    def __repr__(self) -> str:
        return brief(self, f"{self.source}: {len(self.entries)} entries, {self.series.name}, from a {self.form.value}")


class FoundEntries(NamedTuple):
    """What a reader found: entries as they stand, findings of the form, what it says of the series."""

    form: TableForm
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()
    why: tuple[str, ...] = ()
    series: str = ""
