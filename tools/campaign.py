"""One wrong pointer in a sound record, its checksum made right again: what plausibility alone catches.

`python -m tools.campaign` prints the table of docs/format.md; `--seeds N` takes more records of each layout. A change is
caught where a warning or an error is raised that the sound record does not have.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, NamedTuple

import kinfo
from kinfo import Severity
from tests.synthetic import MAIN, VENDOR, make_fields

CHANGES = {
    "+8": 8,
    "-8": -8,
    "+4K": 1 << 12,
    "-4K": -(1 << 12),
    "+64K": 1 << 16,
    "-64K": -(1 << 16),
    "+4G": 1 << 32,
    "+1T": 1 << 40,
}
BITS = (2, 5, 11, 15, 18, 22, 26, 29, 33, 39, 47, 60)
_SUFFIXES = ("_pa", "_va", "page_offset", "page_end", "phys_offset", "kimage_voffset")


class Row(NamedTuple):
    """One field of one layout: how many changes were made to it, how many caught, and the names of those that were not."""

    layout: str
    field: str
    made: int
    caught: int
    missed: tuple[str, ...]


def _alarms(fields: dict[str, Any], alias: str) -> set[tuple[str, str]]:
    record = kinfo.decode(kinfo.encode(fields, alias), layout=alias)
    return {(found.code, found.where) for found in record.findings if found.severity is not Severity.INFO}


def _changed(value: int) -> Iterator[tuple[str, int]]:
    for name, delta in CHANGES.items():
        yield name, (value + delta) % (1 << 64)
    for bit in BITS:
        yield f"bit {bit}", value ^ (1 << bit)


def pointers(alias: str) -> list[str]:
    """The fields that hold an address, or what addresses are translated with."""
    return [name for name in kinfo.layout(alias).by_name if name.endswith(_SUFFIXES)]


def row(alias: str, field: str, seeds: range) -> Row:
    """Every change of one field, in records of as many kernels as there are seeds."""
    made, missed = 0, []
    for seed in seeds:
        fields = make_fields(alias, seed)
        sound = _alarms(fields, alias)
        for name, value in _changed(fields.get(field, 0)):
            made += 1
            if not _alarms(fields | {field: value}, alias) - sound:
                missed.append(name)
    return Row(alias, field, made, made - len(missed), tuple(dict.fromkeys(missed)))


def rows(seeds: range) -> Iterator[Row]:
    """The whole campaign."""
    for alias in (*MAIN, *VENDOR):
        for field in pointers(alias):
            yield row(alias, field, seeds)


def markdown(seeds: range) -> str:
    """A table: a line a field, with the layouts that fare alike."""
    alike: dict[tuple[str, int, str], list[str]] = {}
    for one in rows(seeds):
        key = (one.field, 100 * one.caught // one.made, ", ".join(one.missed) or "-")
        alike.setdefault(key, []).append(one.layout)
    lines = ["| field | layouts | caught | not caught |", "|---|---|---|---|"]
    lines += [
        f"| `{field}` | {', '.join(names)} | {share} % | {missed} |"
        for (field, share, missed), names in sorted(alike.items())
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="records of each layout")
    print(markdown(range(1, parser.parse_args().seeds + 1)), end="")


if __name__ == "__main__":
    main()
