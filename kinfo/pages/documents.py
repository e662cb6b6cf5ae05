"""What is known of one case, document by document, and what the words of its parts come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kinfo.pages.model import Input, NextStep

Document = Mapping[str, Any]


class TextLog(NamedTuple):
    """A log beside the dump: its name, its lines, how many of them got names out of the dump's kernel."""

    name: str
    lines: Sequence[str]
    note: str = ""


class Missing(NamedTuple):
    """What the page would show and could not: what it is, and why."""

    what: str
    why: str


class Documents(NamedTuple):
    """The documents of one case, None where there is none. `layouts` has those of the records, by their aliases."""

    name: str
    info: Document | None = None
    log: Document | None = None
    named: Sequence[str] = ()
    text_log: TextLog | None = None
    backtrace: Document | None = None
    tasks: Document | None = None
    records: Sequence[Document] = ()
    layouts: Mapping[str, Document] = {}
    trees: Sequence[Document] = ()
    regions: Document | None = None
    missing: Sequence[Missing] = ()
    steps: Sequence[NextStep] = ()
    inputs: Sequence[Input] = ()
    version: str = ""

    @property
    def findings(self) -> list[dict[str, Any]]:
        """All findings, each once, the gravest first."""
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        parts = (self.info, self.backtrace, self.tasks, *self.records, *self.trees)
        for one in (finding for part in parts if part for finding in part["findings"]):
            found.setdefault((one["code"], one["where"], one["message"]), one)
        return sorted(found.values(), key=lambda one: ("error", "warning", "info").index(one["severity"]))
