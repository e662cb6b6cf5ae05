"""Which series a table is of. It does not say; ids, names, sizes and what is set do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.errors import KinfoError
from kinfo.meminspect.entry import Entry, FoundEntries, TableForm
from kinfo.meminspect.ids import MAX, SERIES, Series
from kinfo.meminspect.position import ids_by_position
from kinfo.named import NamedTuple

_POINTER = 8
_TELLING = (26, 27, 28, 43)  # ids whose regions differ in kind between the series
_SYMBOLS = frozenset(symbol for one in SERIES for symbol in one.symbols)
_POINTERS = frozenset(symbol for symbol in _SYMBOLS if symbol.startswith(("kallsyms_", "_s", "_e", "_text")))
_POINTERS |= {"swapper_pg_dir", "high_memory"}
_STRUCTS = frozenset(("init_mm", "tk_data", "clear_seq", "prb_descs", "prb_infos", "prb_data", "init_uts_ns", "linux_banner"))
# Names that say less than they seem: the minidump driver's are wrong in v3, and truncated.
_ALIASES = {"timekeeper_data": "tk_data"}


class WeighedSeries(NamedTuple):
    """What speaks for a series, and what rules it out."""

    series: Series
    pro: tuple[str, ...]
    contra: tuple[str, ...]


def decided(found: FoundEntries, forced: Series | None) -> tuple[Series, tuple[str, ...], bool]:
    """The series, why, and whether others fit as well. Raises KinfoError when none does, with what rules each out."""
    if forced:
        return forced, ("forced by --series",), False
    if found.series:
        series = next(one for one in SERIES if one.name == found.series)
        return series, (f"the {found.form.value} says so",), False
    weighed = [_weigh(series, found) for series in SERIES]
    fitting = [one for one in weighed if not one.contra]
    if not fitting:
        against = "; ".join(f"{one.series.name}: {one.contra[0]}" for one in weighed)
        raise KinfoError(
            f"no series fits: {against}", "name the series with --series, or check that this is an inspect table"
        )
    best = max(len(one.pro) for one in fitting)
    first = [one for one in fitting if len(one.pro) == best]
    chosen = next((one for one in first if one.series.preferred), first[0])  # v1 = v2 where nothing tells them apart
    return chosen.series, (*found.why, *chosen.pro), len(first) > 1


def contradictions(series: Series, found: FoundEntries) -> int:
    """How much speaks against a series."""
    return len(_weigh(series, found).contra)


def _weigh(series: Series, found: FoundEntries) -> WeighedSeries:
    pro: list[str] = []
    contra: list[str] = []
    for is_for, text in _evidence(series, found):
        (pro if is_for else contra).append(text)
    return WeighedSeries(series, tuple(pro), tuple(contra))


def _evidence(series: Series, found: FoundEntries) -> Iterator[tuple[bool, str]]:
    """Observations: whether each is for the series, and what it is."""
    if found.form is TableForm.CORE:
        if ids := ids_by_position(series, found.entries):
            yield True, "the regions that VMCOREINFO names lie where ascending ids put them"
            yield from _ids(series, {id_: one for id_, one in zip(ids, found.entries, strict=True) if id_ is not None})
        return
    yield from _names(series, found)
    by_id = {entry.id: entry for entry in found.entries if entry.id is not None}
    if any(id_ >= MAX for id_ in by_id):
        return
    yield from _ids(series, by_id)
    if found.form in (TableForm.RUNTIME, TableForm.LISTING):
        yield from _pas(series, by_id)


def _names(series: Series, found: FoundEntries) -> Iterator[tuple[bool, str]]:
    if found.form in (TableForm.MINIDUMP, TableForm.FILES, TableForm.LOG):
        for entry in found.entries:
            if entry.id is not None and entry.name.startswith("K"):
                fits = entry.name == series.region(entry.id)
                if not fits or series.strings[entry.id : entry.id + 1]:
                    yield fits, f"region {entry.id} is called {entry.name}"
        return
    for entry in found.entries:
        name = _ALIASES.get(entry.name, entry.name)
        known = any(one.id_of(name) is not None for one in SERIES)
        if entry.id is not None and name and known:
            yield series.id_of(name) == entry.id, f"id {entry.id} is {name}"


def _ids(series: Series, by_id: dict[int, Entry]) -> Iterator[tuple[bool, str]]:
    """Sizes against what the series has at that id; those that only some series have alike are worth saying."""
    for id_, entry in by_id.items():
        symbol = series.symbol(id_)
        if id_ < series.dynamic and not symbol:
            yield False, f"id {id_} is none of its own"
        elif symbol in _POINTERS and entry.size:
            fits = entry.size <= _POINTER
            if not fits or id_ in _TELLING:
                yield fits, f"id {id_} has {entry.size} bytes, {symbol} {_POINTER}"
        elif symbol in _STRUCTS and entry.size:
            fits = entry.size > _POINTER
            if not fits or id_ in _TELLING:
                yield (
                    fits,
                    f"id {id_} has {entry.size} bytes, as {symbol}"
                    if fits
                    else f"id {id_} has {entry.size} bytes, {symbol} more",
                )
    yield from _registered(series, by_id)


def _registered(series: Series, by_id: dict[int, Entry]) -> Iterator[tuple[bool, str]]:
    """What tells series of one map apart: ids that only some of them register, where the id behind is there."""
    alike = [one for one in SERIES if one.symbols == series.symbols]
    for symbol in dict.fromkeys(symbol for one in alike for symbol in one.dropped):
        id_ = series.id_of(symbol) or 0
        if id_ + 1 in by_id:
            is_there = id_ in by_id
            yield is_there == (symbol not in series.dropped), f"id {id_} ({symbol}) is {'there' if is_there else 'not there'}"


def _pas(series: Series, by_id: dict[int, Entry]) -> Iterator[tuple[bool, str]]:
    static = [entry for id_, entry in by_id.items() if 3 < id_ < series.dynamic and entry.pa is not None]
    # by most: one that a module registers itself has a PA in v1 and v2 as well
    if static and 2 * sum(bool(entry.pa) for entry in static) > len(static):
        yield series.pa is not False, "static entries have a PA"
    elif static:
        yield series.pa is not True, "static entries have no PA"


def named(series: Series, found: FoundEntries) -> tuple[Entry, ...]:
    """The entries with the series' names, and whether they are dynamic; a core's with ids by their order."""
    entries: Sequence[Entry] = found.entries
    if found.form is TableForm.CORE and (ids := ids_by_position(series, entries)):
        entries = [
            entry._replace(id=id_) for entry, id_ in zip(entries, ids, strict=True)
        ]  # None: behind the last that is told
    return tuple(_named(series, entry) for entry in entries)


def _named(series: Series, entry: Entry) -> Entry:
    id_ = series.id_of(_ALIASES.get(entry.name, entry.name)) if entry.id is None else entry.id
    if id_ is None:
        return entry
    given = "" if entry.name.startswith("K") and not entry.name.startswith("KERNEL") else entry.name
    name = series.symbol(id_) or given
    return entry._replace(id=id_, name=name, dynamic=id_ >= series.dynamic)
