"""The files of a survey: what a user named becomes files, in an order that stays, and each file becomes rows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.printable import printable
from kinfo.sources import Opened, open_file
from kinfo.sources.memory import as_source, close_all
from kinfo.sources.specs import Spec
from kinfo.survey import remote
from kinfo.survey.look import rows_of
from kinfo.survey.rows import NONE, UNREAD, FileFacts, without_record
from kinfo.survey.schema import TableRow

_SETTLED = 2_000_000_000  # ns; FAT keeps time in steps of two seconds, everything else in finer ones


class Named(NamedTuple):
    """A file that is to be looked at. `size` and `modified` are what its folder says of it: None where nobody asked."""

    source: str
    size: int | None = None
    modified: int | None = None


def named(sources: Sequence[str]) -> Iterator[Named]:
    """Every file of what a user named: files as they are, folders by name, whatever is below them; links to folders not.

    What cannot be read comes too: the survey says so in its row. Raises KinfoError for object storage without pyarrow.
    """
    for source in sources:
        if remote.is_remote(source):
            yield from (Named(*one) for one in remote.listed(source))
        elif os.path.isdir(source):
            yield from _below(source)
        else:
            yield _stated(source)


def _below(folder: str) -> Iterator[Named]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        yield Named(folder)
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
        elif not (entry.is_symlink() and entry.is_dir()):
            yield _stated(entry.path)


def _stated(path: str) -> Named:
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return Named(path)
    return Named(path, state.st_size, state.st_mtime_ns)


class Looked(NamedTuple):
    """What a file was found to hold: a row a record, or one with the reason why there is none."""

    rows: list[TableRow]
    is_changed: bool = False
    """Whether it changed while it was read."""


def looked_at(path: str) -> Looked:
    """The rows of one file."""
    if remote.is_remote(path):
        return _remote(path)
    before = _stated(path)
    rows = list(_rows(path))
    after = _stated(path)
    is_changed = before != after
    is_settled = not is_changed and before.modified is not None and time.time_ns() - before.modified > _SETTLED
    return Looked(_with(FileFacts(*before, is_settled), rows), is_changed)


def unread(file: Named, reason: str) -> Looked:
    """What stands for a file that was not read."""
    rows = [without_record(f"{remote.shown(file.source)}: {reason}", UNREAD)]
    return Looked(_with(FileFacts(*file, is_settled=False), rows))


def _remote(path: str) -> Looked:
    """An object is never changed in part, and its time is when it was stored: it is told from a later one of another time."""
    try:
        dump = remote.opened(path)
    except KinfoError as error:
        return Looked(_with(FileFacts(path, None, None, is_settled=False), [without_record(str(error), UNREAD)]))
    with Opened(Spec(path, None), dump) as file:
        rows = list(_rows_in(file))
    is_settled = dump.modified is not None and time.time_ns() - dump.modified > _SETTLED
    return Looked(_with(FileFacts(path, dump.size, dump.modified, is_settled), rows))


def _with(facts: FileFacts, rows: list[TableRow]) -> list[TableRow]:
    cells = facts.cells | {"source": printable(remote.shown(facts.source))}
    return [row | cells for row in rows]


def _rows(path: str) -> Iterator[TableRow]:
    try:
        file = open_file(path)
    except KinfoError as error:
        is_empty = os.path.isfile(path) and os.path.getsize(path) == 0
        yield without_record(str(error), NONE if is_empty else UNREAD)
        return
    try:
        yield from _rows_in(file)
    finally:
        close_all([file])


def _rows_in(file: Opened) -> Iterator[TableRow]:
    try:
        dump = as_source([file])
    except KinfoError as error:
        yield without_record(str(error), UNREAD)
        return
    yield from rows_of(dump)
