"""A table as people write it: YAML, JSON or CSV. docs/meminspect.md has examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kinfo.errors import KinfoError, did_you_mean
from kinfo.meminspect.entry import Entry, FoundEntries, Table, TableForm
from kinfo.meminspect.ids import series_named

KEYS = ("id", "name", "va", "pa", "size", "type", "dynamic")
_ALSO = ("pa_field", "file", "symbols_at_image_address")  # of tables read out by other tools
_TOP = ("series", "entries", "source", "form", "why", "findings", "schema_version")
_MOST = 4096
_LIMIT = 1 << 64


def of_data(data: Any) -> FoundEntries:
    """A listing's entries: a list of them, or a mapping with `entries` and perhaps `series`. Raises KinfoError."""
    series = ""
    if isinstance(data, Mapping):
        for key in data:
            if key not in _TOP:
                raise KinfoError(f"unknown key {key!r}", did_you_mean(str(key), _TOP, "its keys are series and entries"))
        series = series_named(str(data["series"])).name if data.get("series") else ""
        data = data.get("entries")
    if not isinstance(data, list) or not data:
        raise KinfoError("is no list of entries", "write `entries:` and a list under it")
    if len(data) > _MOST:
        raise KinfoError(f"has {len(data)} entries", f"a table has at most 201; up to {_MOST} are read")
    entries = tuple(_entry(number, given) for number, given in enumerate(data, start=1))
    return FoundEntries(TableForm.LISTING, entries, series=series)


def of_csv(lines: Iterable[str]) -> FoundEntries:
    """A CSV listing: a line of column names, then an entry a line; empty cells are not known. Raises KinfoError."""
    import csv

    reader = csv.DictReader(lines)
    for name in reader.fieldnames or ():
        if name not in KEYS:
            raise KinfoError(f"unknown column {name!r}", did_you_mean(name, KEYS, f"columns are {', '.join(KEYS)}"))
    found: list[dict[str, Any]] = []
    for row in reader:
        if None in row or len(found) > _MOST:
            raise KinfoError(
                f"line {reader.line_num} has too many cells, or is one of too many", f"columns are {', '.join(KEYS)}"
            )
        found.append({name: cell for name, cell in row.items() if cell})
    return of_data(found)


def _entry(number: int, given: Any) -> Entry:
    if not isinstance(given, Mapping):
        raise KinfoError(f"entry {number} is no mapping", "write `- {id: 31, va: 0x..., size: 8}`")
    for key in given:
        if key not in (*KEYS, *_ALSO):
            raise KinfoError(
                f"entry {number} has an unknown key {key!r}", did_you_mean(str(key), KEYS, f"keys are {', '.join(KEYS)}")
            )
    if given.get("id") is None and not given.get("name"):
        raise KinfoError(f"entry {number} has neither id nor name", "give one of them")
    stored = "pa_field" if "pa_field" in given else "pa"
    return Entry(
        id=_number(number, given, "id"),
        name=str(given.get("name") or ""),
        va=_number(number, given, "va"),
        pa=_number(number, given, stored),
        size=_number(number, given, "size") or 0,
        type=_number(number, given, "type"),
        dynamic=None,
    )


def _number(number: int, given: Mapping[str, Any], key: str) -> int | None:
    value = given.get(key)
    if isinstance(value, str):
        try:
            value = int(value, 0)
        except ValueError:
            raise KinfoError(f"entry {number}: {key} is {str(value)[:40]!r}", "write a number, as in 42 or 0x2a") from None
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LIMIT:
        raise KinfoError(f"entry {number}: {key} is {str(value)[:40]}", "write a number of up to 64 bits")
    return value


def rows(table: Table) -> list[dict[str, Any]]:
    """The entries as plain data, in the form that `of_data` takes."""
    return [
        {
            "id": entry.id,
            "name": entry.name,
            "va": _hex(entry.va),
            "pa": _hex(entry.pa),
            "size": entry.size,
            "type": entry.type,
            "dynamic": entry.dynamic,
        }
        for entry in table.entries
    ]


def to_csv(table: Table) -> str:
    """The entries as CSV, in the form that `of_csv` takes."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.DictWriter(out, KEYS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in row.items()} for row in rows(table))
    return out.getvalue()


def _hex(value: int | None) -> str | None:
    return None if value is None else f"{value:#x}"
