"""The files of a survey: what a user named becomes files, in an order that stays, and each file becomes rows."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from kinfo.errors import KinfoError
from kinfo.many.names import NamedFiles
from kinfo.printable import printable
from kinfo.sources import Opened, open_all, open_file
from kinfo.sources.memory import close_all
from kinfo.sources.specs import Spec
from kinfo.survey import remote
from kinfo.survey.blobs import LARGEST, rows_of_blobs
from kinfo.survey.look import rows_in
from kinfo.survey.rows import NONE, UNREAD, FileFacts, file_time, without_record
from kinfo.survey.schema import TableRow

_SETTLED = 2_000_000  # us; FAT keeps time in steps of two seconds, everything else in finer ones


class FileState(NamedTuple):
    """A file, its size and the time of its last change (us); None where they are not known."""

    source: str
    size: int | None = None
    modified: int | None = None


class ToLookAt(NamedTuple):
    """A file that is to be looked at; `problem` where it cannot be. `size` and `modified` where its folder said them."""

    source: str
    problem: str = ""
    size: int | None = None
    modified: int | None = None

    @property
    def state(self) -> FileState:
        """What it is now, as far as the system says."""
        return state_of(self.source) if self.modified is None and not self.problem else FileState(self.source, *self[2:])


def wanted(sources: Sequence[str], files_from: str | None = None, stdin: BinaryIO | None = None) -> Iterator[ToLookAt]:
    """Every file of what a user named, as `many.NamedFiles` has them, and every object of object storage, each word once.

    Raises KinfoError for object storage that cannot be listed, and for a list that cannot be read.
    """
    words = list(dict.fromkeys(sources))
    for file in NamedFiles([word for word in words if not remote.is_remote(word)], files_from, stdin=stdin):
        yield ToLookAt(file.path, file.problem)
    for word in filter(remote.is_remote, words):
        for url, size, modified in remote.listed(word):
            yield ToLookAt(url, "", size, modified)


def state_of(path: str) -> FileState:
    """What the system says of a file."""
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return FileState(path)
    return FileState(path, state.st_size, file_time(state.st_mtime_ns))


class Looked(NamedTuple):
    """What a file was found to hold: a row a record, or one with the reason why there is none."""

    rows: list[TableRow]
    is_changed: bool = False
    """Whether it changed while it was read."""


class _Blob(NamedTuple):
    """A small file, read whole, and what it was before and after."""

    data: bytes
    before: FileState
    after: FileState


def looked_at_many(paths: Sequence[str]) -> Iterator[Looked]:
    """The rows of each file; small ones are read whole, and decoded together."""
    found = [None if remote.is_remote(path) else _blob(path) for path in paths]
    small = {path: blob for path, blob in zip(paths, found, strict=True) if blob}
    rows = dict(zip(small, rows_of_blobs(list(small), [blob.data for blob in small.values()]), strict=True))
    for path in paths:
        if path in small:
            yield _looked(rows[path], small[path].before, small[path].after)
        else:
            yield looked_at(path)


def _blob(path: str) -> _Blob | None:
    """A small regular file; None for any other, and for what cannot be read."""
    try:
        mode = os.stat(path).st_mode
        before = state_of(path)
        if not stat.S_ISREG(mode) or not 0 < (before.size or 0) <= LARGEST:
            return None
        with open(path, "rb", buffering=0) as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError):
        return None
    after = state_of(path)
    return _Blob(data, before, after) if data and len(data) <= LARGEST else None


def looked_at(path: str) -> Looked:
    """The rows of one file."""
    if remote.is_remote(path):
        return _remote(path)
    before = state_of(path)
    rows = list(_rows(path))
    after = state_of(path)
    return _looked(rows, before, after)


def _looked(rows: list[TableRow], before: FileState, after: FileState) -> Looked:
    is_changed = before != after
    is_settled = not is_changed and before.modified is not None and time.time_ns() // 1000 - before.modified > _SETTLED
    return Looked(_with(FileFacts(*before, is_settled), rows), is_changed)


def unread(file: ToLookAt, reason: str) -> Looked:
    """What stands for a file that was not read."""
    return Looked(_with(FileFacts(*file.state, is_settled=False), [without_record(reason, UNREAD)]))


def _remote(path: str) -> Looked:
    """An object is never changed in part, and its time is when it was stored: it is told from a later one of another time."""
    try:
        dump = remote.opened(path)
    except KinfoError as error:
        return Looked(_with(FileFacts(path, None, None, is_settled=False), [without_record(str(error), UNREAD)]))
    with Opened(Spec(path, None), dump) as file:
        rows = list(rows_in([file]))
    is_settled = dump.modified is not None and time.time_ns() // 1000 - dump.modified > _SETTLED
    return Looked(_with(FileFacts(path, dump.size, dump.modified, is_settled), rows))


def _with(facts: FileFacts, rows: list[TableRow]) -> list[TableRow]:
    cells = facts.cells | {"source": printable(remote.shown(facts.source))}
    return [row | cells for row in rows]


def _rows(path: str) -> Iterator[TableRow]:
    try:
        files = [open_file(path)] if os.path.exists(path) else open_all([path])
    except KinfoError as error:
        is_empty = os.path.isfile(path) and os.path.getsize(path) == 0
        yield without_record(str(error), NONE if is_empty else UNREAD)
        return
    try:
        yield from rows_in(files)
    finally:
        close_all(files)
