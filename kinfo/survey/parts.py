"""An unfinished table: parts beside the place where it will be, each whole, that a later run goes on from.

The folder TABLE.parts holds `plan.json` (of what survey the parts are) and part-00000 and so on. It goes at the end.
A part is written under another name and renamed: a run that is killed, even by SIGKILL, leaves whole parts alone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from kinfo import notices
from kinfo.errors import KinfoError
from kinfo.printable import printable
from kinfo.survey import remote, schema
from kinfo.survey.digests import DigestList, DigestSet, digest_of
from kinfo.survey.formats import SurveyForm
from kinfo.survey.schema import Cell
from kinfo.survey.storage import IsHeld, Storage, joined_name
from kinfo.version import __version__

KEY_COLUMNS = ("source", "file_size", "modified", "settled", "offset", "sha256", "reason")


class KnownRows:
    """What a table holds already: files that need not be read again, and records by place and hash (or by hash alone).

    `tables` are the rows of a table, or of parts of one, as KEY_COLUMNS; `counts` says how many each of them has.
    """

    def __init__(self, *tables: Iterable[tuple[Cell, ...]], is_once: bool) -> None:
        self._is_once = is_once
        files, records = DigestList(), DigestList()
        self.counts = [0] * len(tables)
        for at, rows in enumerate(tables):
            for cells in rows:
                source, size, modified, settled, *_ = cells
                if settled:
                    files.add(digest_of(source, size, modified))
                records.add(self._key(cells))
                self.counts[at] += 1
        self._files, self._records = DigestSet(files.sorted()), DigestSet(records.sorted())

    def has_file(self, source: str, size: int | None, modified: int | None) -> bool:
        """Whether it holds what lies in this file: one of the same name, size and time, which had been left alone by then."""
        return modified is not None and digest_of(printable(remote.shown(source)), size, modified) in self._files

    def takes(self, rows: Sequence[tuple[Cell, ...]]) -> list[bool]:
        """Which rows are new; they are known from then on."""
        return self._records.added([self._key(cells) for cells in rows])

    def _key(self, cells: tuple[Cell, ...]) -> bytes:
        source, _, _, _, offset, sha256, reason = cells
        return digest_of(sha256) if self._is_once and sha256 else digest_of(source, offset, sha256, reason)


class PartsPlan(NamedTuple):
    """What parts are of: they are of use to a run with the same plan alone."""

    form: str
    partition: str
    is_once: bool
    before: str
    """Which table was there when the run began: its identity, or nothing."""

    @property
    def document(self) -> dict[str, Any]:
        """As it is stored."""
        return {**self._asdict(), "kinfo": __version__, "schema": schema.VERSION}


class Parts:
    """The parts of one table."""

    def __init__(self, storage: Storage, table: str, form: SurveyForm) -> None:
        self._storage, self._form = storage, form
        self.folder = folder_of(table)
        self._names: list[str] = []
        self._is_held: IsHeld = lambda: None

    @contextlib.contextmanager
    def held(self, plan: PartsPlan) -> Iterator[None]:
        """While a survey runs: no other one writes here. Parts of another plan are let go of, those of this one kept."""
        with self.alone() as self._is_held:
            self._names = self._of_plan(plan)
            try:
                self._storage.write(
                    joined_name(self.folder, "plan.json"), lambda file: file.write(json.dumps(plan.document).encode())
                )
                yield
            finally:
                if not self._names:  # nothing to go on from
                    with contextlib.suppress(KinfoError):
                        self._is_held()  # else it is another's
                        self.remove()

    def _of_plan(self, plan: PartsPlan) -> list[str]:
        """The parts that a run with this plan left."""
        there = self._storage.names(self.folder)
        names = [name for name in there if name.startswith("part-") and name.endswith(self._form.suffix)]
        if names and ("plan.json" not in there or self._plan() != plan.document):
            notices.tell(f"{remote.shown(self.folder)}: is of another survey, and left out")
            for name in names:  # they may be more than those of this run, which would be taken for its own
                self._storage.delete(joined_name(self.folder, name))
            return []
        return names

    def alone(self) -> contextlib.AbstractContextManager[IsHeld]:
        """While this is done no other survey writes here. Raises KinfoError where one does."""
        return self._storage.lock(joined_name(self.folder, "lock"))

    @property
    def is_there(self) -> bool:
        """Whether a run has left anything."""
        return bool(self._storage.names(self.folder))

    def _plan(self) -> Any:
        with self._storage.read(joined_name(self.folder, "plan.json")) as file:
            try:
                return json.loads(file.read())
            except ValueError:
                return None

    def __len__(self) -> int:
        return len(self._names)

    def add(self, payloads: Iterable[Any]) -> None:
        """Write the next part. Raises KinfoError where it cannot be, and where another survey has begun to write here."""
        self._is_held()
        name = f"part-{len(self._names):05}{self._form.suffix}"
        self._storage.write(joined_name(self.folder, name), lambda file: self._form.write(file, payloads))
        self._names.append(name)

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """KEY_COLUMNS of every row."""
        for name in self._names:
            yield from keys_of(self._storage, self._form, joined_name(self.folder, name))

    def payloads(self) -> Iterator[Any]:
        """All of it, in order. Raises KinfoError where another survey has begun to write here."""
        self._is_held()
        for name in self._names:
            yield from payloads_of(self._storage, self._form, joined_name(self.folder, name))

    def remove(self) -> None:
        """Let go of all of them."""
        self._storage.remove(self.folder)


def folder_of(table: str) -> str:
    """Where the parts of a table lie."""
    path, mark, options = table.partition("?") if remote.is_remote(table) else (table, "", "")
    return f"{path.rstrip('/')}.parts{mark}{options}"


def keys_of(storage: Storage, form: SurveyForm, name: str) -> Iterator[tuple[Cell, ...]]:
    """KEY_COLUMNS of every row of a table. Raises KinfoError for what is no whole table of ours."""
    with storage.read(name) as file:
        yield from form.rows(file, remote.shown(name), KEY_COLUMNS)


def payloads_of(storage: Storage, form: SurveyForm, name: str) -> Iterator[Any]:
    """All of a table, to be written into another. Raises KinfoError likewise."""
    with storage.read(name) as file:
        yield from form.payloads(file, remote.shown(name))


def must_be_ours(storage: Storage, form: SurveyForm, name: str) -> None:
    """Raise KinfoError for a file that is no table of ours, which is not overwritten."""
    with storage.read(name) as file:
        try:
            next(iter(form.rows(file, remote.shown(name), KEY_COLUMNS)), None)
        except KinfoError as error:
            raise KinfoError(f"{error.message}: it is not overwritten", "name another file, or remove it") from error
