"""`kinfo compare --update-baseline`: the records that later ones are compared with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from kinfo.cli.main import SOUND
from kinfo.cli.output import write_file
from kinfo.cli.records import opened
from kinfo.cli.words import say
from kinfo.diff.folders import files_below, record_name
from kinfo.errors import KinfoError
from kinfo.record.record import Record

_MOST = 6  # fields that are named of a record that changed


def update(folder: str, paths: Sequence[str]) -> int:
    """Write the record of every file, or every file of a folder, into the baseline; say what changed.

    Nothing is written when one of them cannot be read. Raises KinfoError.
    """
    records: dict[str, Record] = {}
    for name, path in _named(folder, paths):
        if name in records:
            raise KinfoError(f"{path}: another file is called {name} too", "give them different names")
        records[name] = opened(path)
    there = files_below(folder) if os.path.isdir(folder) else {}
    states = {name: _state(folder, name, record, there.get(name)) for name, record in records.items()}
    for where in sorted({os.path.dirname(os.path.join(folder, name)) for name in records}):
        try:
            os.makedirs(where, exist_ok=True)
        except OSError as error:
            raise KinfoError(f"{where}: cannot be made: {error.strerror}", "name a folder") from error
    for name, record in records.items():
        if states[name] != "same":
            target = os.path.join(folder, name)
            write_file(target, record.raw, force=True)
            say(f"{target}: {states[name]}")
    counts = [sum(state.startswith(word) for state in states.values()) for word in ("new", "changed", "same")]
    say(f"{folder}: {counts[0]} new, {counts[1]} changed, {counts[2]} same{_others(len(there.keys() - records.keys()))}")
    return SOUND


def _named(folder: str, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The name in the baseline and the path of every file: below a folder its path there, else its own name."""
    for path in paths:
        if path == "-":
            raise KinfoError("-: standard input has no name for the baseline", "write it to a file first")
        if os.path.isdir(path):
            inner, outer = os.path.realpath(folder), os.path.realpath(path)
            if os.path.commonpath((inner, outer)) == outer:
                raise KinfoError(f"{path}: the baseline {folder} lies within it", "keep the baseline elsewhere")
            yield from files_below(path).items()
        else:
            yield record_name(os.path.basename(path)), path


def _state(folder: str, name: str, record: Record, there: str | None) -> str:
    """new, same, or changed with the fields that did. Raises KinfoError when another form of the record is there."""
    from kinfo.diff.classify import compare_records
    from kinfo.diff.model import Kind

    if there is None:
        return "new"
    if there != os.path.join(folder, name):
        raise KinfoError(f"{there}: holds the record {name} already", "remove it, or write the baseline elsewhere")
    try:
        before = opened(there)
    except KinfoError:
        return "changed: it held no record"
    if before.raw == record.raw:
        return "same"
    fields = [one.field for one in compare_records(before, record).differences if one.kind is not Kind.SAME]
    named = ", ".join(fields[:_MOST]) + (f" and {len(fields) - _MOST} more" if len(fields) > _MOST else "")
    return f"changed: {named or 'its bytes'}"


def _others(count: int) -> str:
    return f"; {count} not named, and left" if count else ""
