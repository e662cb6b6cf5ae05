"""The table itself, in one file: what it holds, and how new rows come to it. `partitions` has tables in folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Protocol

from kinfo.survey.formats import SurveyForm, form_of
from kinfo.survey.parts import Parts, keys_of, must_be_ours, payloads_of
from kinfo.survey.schema import Cell
from kinfo.survey.storage import Storage, storage_of


class Target(Protocol):
    """Where a survey's rows go."""

    name: str
    form: SurveyForm
    storage: Storage

    @property
    def identity(self) -> str:
        """What tells it from another of its name; empty where it is not there."""

    def keys(self) -> Iterator[tuple[Cell, ...]]:
        """KEY_COLUMNS of what it holds. Raises KinfoError for what is no whole table of ours."""

    def must_be_ours(self) -> None:
        """Raise KinfoError for what is no table of ours, which is not overwritten."""

    def finish(self, parts: Parts) -> None:
        """Let a run that ended while it put its files in place be at an end."""

    def write(self, parts: Parts, *, is_added: bool) -> None:
        """Put the rows of these parts in it, behind what it holds, or in its place. Raises KinfoError."""


class TableFile:
    """A table in one file."""

    def __init__(self, name: str) -> None:
        self.name, self.form, self.storage = name, form_of(name), storage_of(name)

    @property
    def identity(self) -> str:
        """See Target."""
        return self.storage.identity(self.name)

    def keys(self) -> Iterator[tuple[Cell, ...]]:
        """See Target."""
        return keys_of(self.storage, self.form, self.name)

    def must_be_ours(self) -> None:
        """See Target."""
        must_be_ours(self.storage, self.form, self.name)

    def finish(self, parts: Parts) -> None:
        """See Target: one file is renamed in one step."""

    def write(self, parts: Parts, *, is_added: bool) -> None:
        """See Target."""
        held: Iterable[Any] = payloads_of(self.storage, self.form, self.name) if is_added else ()
        self.storage.write(self.name, lambda file: self.form.write(file, chain(held, parts.payloads())))
