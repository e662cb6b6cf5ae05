"""From what a reader found to a table: its series, its names, its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kinfo.findings import Finding, gravest_first
from kinfo.meminspect import rules
from kinfo.meminspect.entry import Entry, FoundEntries, Table, TableForm
from kinfo.meminspect.ids import CONFIG, MAX, Series
from kinfo.meminspect.version import decided, named

_LIMIT = 1 << 64
_BY_VA = (TableForm.SECTION, TableForm.RUNTIME, TableForm.CORE)


def table_of(source: str, found: FoundEntries, series: Series | None = None) -> Table:
    """The table. `series` forces one. Raises KinfoError when no series fits."""
    chosen, why, is_open = decided(found, series)
    entries = named(chosen, found)
    checked = (*found.findings, *_check(chosen, found, entries))
    if is_open and not chosen.preferred:
        checked = (*checked, rules.SERIES_OPEN.at("table", f"taken for {chosen.name}"))
    findings = gravest_first(checked)
    return Table(source, found.form, chosen, why, entries, findings)


def _check(series: Series, found: FoundEntries, entries: tuple[Entry, ...]) -> Iterator[Finding]:
    counts = Counter(entry.id for entry in entries if entry.id is not None)
    for id_, count in counts.items():
        if count > 1:
            sizes = ", ".join(str(entry.size) for entry in entries if entry.id == id_)
            yield rules.DUPLICATE_ID.at(_where(id_), f"it comes {count} times, with {sizes} bytes")
    for given, entry in zip(found.entries, entries, strict=True):
        yield from _entry(series, found.form, given, entry)
    static = [entry for entry in entries if entry.dynamic is False and (entry.id or 0) > CONFIG and entry.pa is not None]
    if series.late and series.late in {entry.name for entry in entries if entry.id is not None}:
        yield rules.LATE_ID.at(
            _where(series.id_of(series.late)), f"{series.name} has it for {series.late} and registers nothing there"
        )
    unknown = sum(entry.id is None for entry in entries)
    if found.form is TableForm.CORE and unknown:
        yield rules.ID_OPEN.at("table", f"not known for {unknown} of {len(entries)} regions")
    if static and not any(entry.pa for entry in static):
        yield rules.NO_PA.at("table", f"{len(static)} static entries have a PA of 0")


def _entry(series: Series, form: TableForm, given: Entry, entry: Entry) -> Iterator[Finding]:
    where = _where(entry.id) if entry.id is not None else f"VA {entry.va:#x}" if entry.va is not None else "entry"
    if entry.id is not None and (not 0 < entry.id < MAX or (entry.id < series.dynamic and not series.symbol(entry.id))):
        yield rules.UNKNOWN_ID.at(where, f"{series.name} has ids 1 to {MAX - 1}, static ones below {series.dynamic}")
    if not entry.va and not entry.pa and form is not TableForm.FILES:
        yield rules.NO_ADDRESS.at(where, "VA and PA are 0" if form in _BY_VA else "it has no address")
    for what, address in (("VA", entry.va), ("PA", entry.pa)):
        if address and address + entry.size > _LIMIT:
            yield rules.WRAPS.at(where, f"{entry.size} bytes from {what} {address:#x}")
    if not entry.size:
        yield rules.EMPTY_REGION.at(where, f"{entry.name or 'the region'} has no bytes")
    if given.name.startswith("K") and entry.id is not None:
        yield from _called(series, given.name, entry, where)
    elif given.name and entry.name and given.name != entry.name:
        yield rules.NAME.at(where, f"it is called {given.name}; id {entry.id} of {series.name} is {entry.name}")


def _called(series: Series, name: str, entry: Entry, where: str) -> Iterator[Finding]:
    """A name of the minidump driver: right by its own table, and that table right."""
    id_ = entry.id or 0
    if name != series.region(id_):
        yield rules.NAME.at(where, f"it is called {name}; the driver of {series.name} calls it {series.region(id_)}")
    elif id_ in series.misnamed:
        yield rules.NAME.at(where, f"it is called {name}, but id {id_} is {entry.name}")


def _where(id_: int | None) -> str:
    return f"id {id_}"
