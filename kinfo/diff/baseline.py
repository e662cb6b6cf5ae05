"""The baseline: a folder of the records that later ones are compared with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kinfo.diff.classify import compare_records
from kinfo.diff.folders import files_below, record_name
from kinfo.diff.model import Kind
from kinfo.diff.of_files import READER, PairReader
from kinfo.errors import KinfoError
from kinfo.record.record import Record
from kinfo.whole_file import write_bytes

_MOST = 6  # fields that are named of a record that changed


class Update(NamedTuple):
    """What a baseline will become: records by their names there, and the state of each.

    A state is "new", "same", or "changed: " and the fields that did. `others` is how many records are there that were not
    named: they are left.
    """

    folder: str
    records: Mapping[str, Record]
    states: Mapping[str, str]
    others: int

    def write(self) -> Iterator[tuple[str, str]]:
        """Write what is not there already; each file's path and state as it is written. Raises KinfoError."""
        for where in sorted({os.path.dirname(os.path.join(self.folder, name)) for name in self.records}):
            try:
                os.makedirs(where, exist_ok=True)
            except OSError as error:
                raise KinfoError(f"{where}: cannot be made: {error.strerror}", "name a folder") from error
        for name, record in self.records.items():
            if self.states[name] != "same":
                target = os.path.join(self.folder, name)
                write_bytes(target, record.raw, force=True)
                yield target, self.states[name]


def update_of(folder: str, paths: Sequence[str], reader: PairReader = READER) -> Update:
    """What the records of the files, or of every file of the folders, make of a baseline; nothing is written yet.

    Raises KinfoError where one of them cannot be read, or two would have one name.
    """
    records: dict[str, Record] = {}
    for name, path in _named(folder, paths):
        if name in records:
            raise KinfoError(f"{path}: another file is called {name} too", "give them different names")
        records[name] = reader.record(path)
    there = files_below(folder) if os.path.isdir(folder) else {}
    states = {name: _state(folder, name, record, there.get(name), reader) for name, record in records.items()}
    return Update(folder, records, states, len(there.keys() - records.keys()))


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


def _state(folder: str, name: str, record: Record, there: str | None, reader: PairReader) -> str:
    """new, same, or changed with the fields that did. Raises KinfoError when another form of the record is there."""
    if there is None:
        return "new"
    if there != os.path.join(folder, name):
        raise KinfoError(f"{there}: holds the record {name} already", "remove it, or write the baseline elsewhere")
    try:
        before = reader.record(there)
    except KinfoError:
        return "changed: it held no record"
    if before.raw == record.raw:
        return "same"
    fields = [one.field for one in compare_records(before, record).differences if one.kind is not Kind.SAME]
    named = ", ".join(fields[:_MOST]) + (f" and {len(fields) - _MOST} more" if len(fields) > _MOST else "")
    return f"changed: {named or 'its bytes'}"
