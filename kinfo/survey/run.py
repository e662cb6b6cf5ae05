"""A survey: files looked at by all processors, their rows into parts, the parts into a table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from kinfo.errors import KinfoError
from kinfo.many.each import in_words, killed_words
from kinfo.printable import brief
from kinfo.survey import remote
from kinfo.survey.files import Looked, ToLookAt, looked_at, looked_at_many, table_of_files, unread, wanted
from kinfo.survey.formats import ParquetForm, SurveyForm, cells_of
from kinfo.survey.partitions import TableFolder
from kinfo.survey.parts import KEY_COLUMNS, KnownRows, Parts, PartsPlan
from kinfo.survey.schema import Cell
from kinfo.survey.share import shared
from kinfo.survey.target import TableFile, Target

PART_ROWS = 1 << 14
_PART_SECONDS = 60  # what a run that is killed loses, where files are big
_CHUNK = 8192  # files that a worker answers for together, at the most
_CHUNK_REMOTE = 8  # each of them waits for the network, and the rest of its chunk for it
_FIRST_CHUNK = 512
_CHUNK_BYTES = 32 << 20  # and bytes of them

Progress = Callable[[int, int], None]
Key = tuple[Cell, ...]


class Surveyed(NamedTuple):
    """What a survey did: `files` looked at, `skipped` because the table holds them, `rows` added, and of which kinds.

    `kinds` counts the rows by their `kind`, `severities` by the worst finding; `repeated` is how many rows were read and
    not added, since such a row is there; `changed` are the files that changed while they were read; `kept` is how many rows
    a run before, which did not end, had left.
    """

    table: str
    files: int
    skipped: int
    rows: int
    repeated: int
    kept: int
    kinds: dict[str, int]
    severities: dict[str, int]
    changed: tuple[str, ...]

    def __repr__(self) -> str:
        return brief(self, f"{self.table}: {self.rows:,} rows of {self.files:,} files, {self.skipped:,} skipped")


class _Answer(NamedTuple):
    """What a worker says of some files: their rows as they are written, of each the key, kind and severity."""

    payload: Any
    keys: list[Key]
    marks: list[tuple[Cell, Cell]]
    changed: list[str]


def survey_files(  # noqa: PLR0913  # each is an option of the command
    sources: Sequence[str],
    table: str,
    *,
    append: bool = False,
    force: bool = False,
    once: bool = False,
    partition: str | None = None,
    files_from: str | None = None,
    stdin: BinaryIO | None = None,
    progress: Progress | None = None,
    part_rows: int = PART_ROWS,
) -> Surveyed:
    """Write a table with a row for every record in files, folders and objects (s3://, gs://), and for every file without one.

    `table` ends in .parquet (with pyarrow), .csv or .jsonl. It appears whole or not at all; a run that did not end is gone on
    with by the same call. `append` adds to a table: a file of the same name, size and time is not read again, a record at the
    same place with the same SHA-256 is not added again; with `once` the same bytes are added once, wherever they lie.
    `files_from` is a file with a list of files ("-": `stdin`).
    `partition` ("day" of the file, "release": the kernel's MAJOR.MINOR) makes a folder of Parquet files. `progress` is told
    files and rows now and then; `part_rows` is how many rows are kept at once, in memory and against an end.

    Raises KinfoError where the table exists and neither `append` nor `force` is on, is not ours, or cannot be written.
    """
    target: Target = TableFolder(table, partition) if partition else TableFile(table)
    parts = Parts(target.storage, table, target.form)
    if parts.is_there:
        with parts.alone():
            target.finish(parts)
    _must_be_free(target, append=append, force=force)
    with parts.held(PartsPlan(target.form.suffix, partition or "", once, "" if force else target.identity)):
        is_added = append and bool(target.identity)
        known = KnownRows(target.keys() if is_added else (), parts.rows(), is_once=once)
        kept = known.counts[1]
        is_checked = once or is_added or bool(kept) or len(sources) > 1 or files_from is not None
        run = _Run(parts, target.form, known if is_checked else None, part_rows, progress)
        run.through(wanted(sources, files_from, stdin), is_remote=any(map(remote.is_remote, sources)))
        target.write(parts, is_added=is_added)
        parts.remove()
    return Surveyed(
        remote.shown(table),
        run.files,
        run.skipped,
        run.rows,
        run.repeated,
        kept,
        dict(run.kinds),
        dict(run.severities),
        tuple(map(remote.shown, run.changed)),
    )


def _must_be_free(target: Target, *, append: bool, force: bool) -> None:
    if not target.identity or append:
        return
    if not force:
        name = remote.shown(target.name)
        raise KinfoError(f"{name}: exists already", "add to it with --append, overwrite it with --force, or name another")
    target.must_be_ours()


class _Run:
    """One run through the files."""

    def __init__(
        self, parts: Parts, form: SurveyForm, known: KnownRows | None, part_rows: int, progress: Progress | None
    ) -> None:
        self.files = self.skipped = self.rows = self.repeated = 0
        self.kinds: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.changed: list[str] = []
        self._parts, self._form, self._known, self._progress = parts, form, known, progress
        self._waiting: list[Any] = []
        self._count, self._limit, self._since = 0, part_rows, time.monotonic()

    def through(self, files: Iterable[ToLookAt], *, is_remote: bool) -> None:
        """Look at every file; what a run before looked at is left out."""
        chunks = _chunks(self._new(files), _CHUNK_REMOTE if is_remote else _CHUNK)
        answered, killed = partial(_answered, self._form), partial(_killed, self._form)
        for answer in shared(answered, chunks, killed, is_remote=is_remote):
            self._take(answer)
            if self._count >= self._limit or time.monotonic() - self._since > _PART_SECONDS:
                self._flush()
        self._flush()

    def _new(self, files: Iterable[ToLookAt]) -> Iterator[ToLookAt]:
        for file in files:
            self.files += 1
            if self._known and self._known.has_file(*file.state):
                self.skipped += 1
            else:
                yield file

    def _take(self, answer: _Answer) -> None:
        self.changed += answer.changed
        mask = self._known.takes(answer.keys) if self._known else [True] * len(answer.keys)
        self.kinds.update(str(kind) for is_new, (kind, _) in zip(mask, answer.marks, strict=True) if is_new)
        self.severities.update(str(worst) for is_new, (_, worst) in zip(mask, answer.marks, strict=True) if is_new and worst)
        self._waiting.append(answer.payload if all(mask) else self._form.kept(answer.payload, mask))
        self._count += sum(mask)
        self.rows += sum(mask)
        self.repeated += len(mask) - sum(mask)
        if self._progress:
            self._progress(self.files, self.rows)

    def _flush(self) -> None:
        if self._count:
            self._parts.add(self._form.joined(self._waiting))
        self._waiting, self._count, self._since = [], 0, time.monotonic()


def _answered(form: SurveyForm, chunk: Sequence[ToLookAt]) -> _Answer:
    """In a worker."""
    try:
        if isinstance(form, ParquetForm) and not any(file.problem for file in chunk):
            return _of_table(*table_of_files([file.source for file in chunk]))
        many = looked_at_many([file.source for file in chunk if not file.problem])
        looked = [(file.source, unread(file, file.problem) if file.problem else next(many)) for file in chunk]
    except Exception:  # noqa: BLE001  # one bad file never stops the rest
        looked = [(file.source, _looked_at(file)) for file in chunk]
    return _of_looked(form, looked)


def _of_table(table: Any, changed: list[str]) -> _Answer:
    """What a survey says of files by their Arrow table."""
    keys = list(zip(*(cells_of(table.column(name)) for name in KEY_COLUMNS), strict=True))
    marks = list(zip(table.column("kind").to_pylist(), table.column("severity").to_pylist(), strict=True))
    (batch,) = table.combine_chunks().to_batches()
    return _Answer(batch, keys, marks, changed)


def _looked_at(file: ToLookAt) -> Looked:
    if file.problem:
        return unread(file, file.problem)
    try:
        return looked_at(file.source)
    except Exception as error:  # noqa: BLE001  # see above
        return unread(file, in_words(remote.shown(file.source), error))


def _of_looked(form: SurveyForm, looked: Sequence[tuple[str, Looked]]) -> _Answer:
    rows = [row for _, one in looked for row in one.rows]
    keys = [tuple(row[name] for name in KEY_COLUMNS) for row in rows]
    marks = [(row["kind"], row["severity"]) for row in rows]
    return _Answer(form.payload(rows), keys, marks, [source for source, one in looked if one.is_changed])


def _killed(form: SurveyForm, chunk: Sequence[ToLookAt], how: str) -> _Answer:
    """For a file whose worker was killed."""
    return _of_looked(form, [(file.source, unread(file, f"{file.source}: {killed_words(how)}")) for file in chunk])


def _chunks(files: Iterable[ToLookAt], size: int) -> Iterator[list[ToLookAt]]:
    """Lots of files: the first ones small, so that every processor has some, later ones as large as is quick."""
    chunk: list[ToLookAt] = []
    held = taken = 0
    for file in files:
        chunk.append(file)
        held += file.state.size or 0
        if len(chunk) >= min(size, max(_FIRST_CHUNK, taken // 4)) or held > _CHUNK_BYTES:
            taken += len(chunk)
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
