"""The files of a survey: what a user named becomes files, in an order that stays, and each file becomes rows."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from kinfo.errors import KinfoError
from kinfo.many.names import NamedFiles
from kinfo.printable import printable
from kinfo.sources import Opened, open_all, open_file
from kinfo.sources.memory import close_all
from kinfo.sources.specs import Spec
from kinfo.survey import remote
from kinfo.survey.blobs import LARGEST, rows_of_blobs, table_of_blobs
from kinfo.survey.look import rows_in
from kinfo.survey.rows import NONE, UNREAD, FileFacts, file_time, without_record
from kinfo.survey.schema import OF_FIELDS, OF_FILE, OF_RECORD, TableRow

if TYPE_CHECKING:
    import pyarrow as pa

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
    return _state(path, state)


def _state(path: str, state: os.stat_result) -> FileState:
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
        seen = os.stat(path)
        if not stat.S_ISREG(seen.st_mode) or not 0 < seen.st_size <= LARGEST:
            return None
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(handle, seen.st_size + 1)
            after = os.fstat(handle)
        finally:
            os.close(handle)
    except (OSError, ValueError):
        return None
    if len(data) != seen.st_size:  # it changed, or the system gave less: it is opened as any
        return None
    return _Blob(data, _state(path, seen), _state(path, after))


def table_of_files(paths: Sequence[str]) -> tuple[pa.Table, list[str]]:
    """The rows of files in their order as a survey's Arrow table, and the files that changed while they were read.

    Small ones are read whole, and decoded together.
    """
    import pyarrow as pa

    from kinfo.survey.arrow import arrow_schema, batch_of, schema_of

    found = [None if remote.is_remote(path) else _blob(path) for path in paths]
    small = [at for at, blob in enumerate(found) if blob]
    blobs = [blob for blob in found if blob]
    names = [paths[at] for at in small]
    rows, origins = table_of_blobs(names, [blob.data for blob in blobs], schema_of((*OF_RECORD, *OF_FIELDS)))
    facts = [_facts(blob.before, blob.after) for blob in blobs]
    wanted = arrow_schema()
    cells = [_cells_of(one) for one, _ in facts]
    of_files = [pa.array([one[column.name] for one in cells], wanted.field(column.name).type) for column in OF_FILE]
    turn = pa.array(origins)
    table = pa.Table.from_arrays([*(column.take(turn) for column in of_files), *rows.columns], schema=wanted)
    changed = [path for path, (_, is_changed) in zip(names, facts, strict=True) if is_changed]
    others = [(at, looked_at(path)) for at, path in enumerate(paths) if found[at] is None]
    if not others:
        return table, changed
    more = [(at, row) for at, looked in others for row in looked.rows]
    places = [*(small[origin] for origin in origins.tolist()), *(at for at, _ in more)]
    order = sorted(range(len(places)), key=places.__getitem__)
    whole = pa.concat_tables([table, pa.Table.from_batches([batch_of([row for _, row in more], wanted)])])
    return whole.take(pa.array(order, pa.int64())), [*changed, *(paths[at] for at, looked in others if looked.is_changed)]


def looked_at(path: str) -> Looked:
    """The rows of one file."""
    if remote.is_remote(path):
        return _remote(path)
    before = state_of(path)
    rows = list(_rows(path))
    after = state_of(path)
    found = _looked(rows, before, after)
    if os.access(path, os.R_OK):
        return found
    return found._replace(rows=[row | {"settled": False} for row in found.rows])  # rights change, and no time with them


def _looked(rows: list[TableRow], before: FileState, after: FileState) -> Looked:
    facts, is_changed = _facts(before, after)
    return Looked(_with(facts, rows), is_changed)


def _facts(before: FileState, after: FileState) -> tuple[FileFacts, bool]:
    """What is said of a file, and whether it changed while it was read."""
    is_changed = before != after
    is_settled = not is_changed and before.modified is not None and time.time_ns() // 1000 - before.modified > _SETTLED
    return FileFacts(*before, is_settled), is_changed


def unread(file: ToLookAt, reason: str) -> Looked:
    """What stands for a file that was not read."""
    return Looked(_with(FileFacts(*file.state, is_settled=False), [without_record(reason, UNREAD)]))


def _remote(path: str) -> Looked:
    """An object is never changed in part, but one that is large, or grows, may be stored anew between two answers.

    What is read then is of no version. What could not be read is not known from then on: the next call finds the network
    as it is then.
    """
    try:
        dump = remote.opened(path)
    except KinfoError as error:
        return Looked(_with(FileFacts(path, None, None, is_settled=False), [without_record(str(error), UNREAD)]))
    with Opened(Spec(path, None), dump) as file:
        rows = list(rows_in([file]))
    is_changed = remote.state_now(path) != (dump.size, dump.modified)
    if is_changed:
        reason = f"{dump.name}: was stored anew or removed while it was read; survey it again"
        rows = [without_record(reason, UNREAD)]
    is_known = not is_changed and dump.modified is not None and all(row["kind"] != UNREAD for row in rows)
    is_settled = is_known and time.time_ns() // 1000 - (dump.modified or 0) > _SETTLED
    return Looked(_with(FileFacts(path, dump.size, dump.modified, is_settled), rows), is_changed)


def _with(facts: FileFacts, rows: list[TableRow]) -> list[TableRow]:
    cells = _cells_of(facts)
    return [row | cells for row in rows]


def _cells_of(facts: FileFacts) -> TableRow:
    return facts.cells | {"source": printable(remote.shown(facts.source))}


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
