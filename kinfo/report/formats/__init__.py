"""The output formats: each is one file of this folder and one row of FORMATS. What a command offers is said here, once.

A command has a screen of its own (`text`), plain data (its document) and, where it judges, findings; a format makes text of
one of the two. A format's file is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinfo.report.judged import Judged

TEXT = "text"


class Format(NamedTuple):
    """A name, the file with its `parts(Shown)`, whether it shows findings or data, and whether every command offers it.

    Those that show findings are offered by commands that judge; `is_of_judging`: one that shows data, likewise.
    """

    name: str
    module: str
    is_of_findings: bool
    is_of_judging: bool = False


FORMATS: tuple[Format, ...] = (
    Format("json", "kinfo.report.formats.as_json", is_of_findings=False),
    Format("yaml", "kinfo.report.formats.as_yaml", is_of_findings=False),
    Format("jsonl", "kinfo.report.formats.as_jsonl", is_of_findings=False),
    Format("sarif", "kinfo.report.formats.sarif", is_of_findings=True),
    Format("junit", "kinfo.report.formats.junit", is_of_findings=True),
    Format("github", "kinfo.report.formats.github", is_of_findings=True),
    Format("gitlab", "kinfo.report.formats.gitlab", is_of_findings=True),
    Format("gcc", "kinfo.report.formats.gcc", is_of_findings=True),
    Format("html", "kinfo.report.formats.as_html", is_of_findings=False, is_of_judging=True),
)


def _no_findings() -> Iterable[Judged]:
    return ()


class Shown(NamedTuple):
    """What a command has to show; only what the format needs is made.

    `document`: plain data; lists at its top may be iterators, whose items are written as they come. `findings`: what was
    checked and found, one after another. `is_strict`: warnings count as failures. `each`: of a command that was given many,
    a document of its own for every one, for formats that show them one after another.
    """

    document: Callable[[], Any]
    findings: Callable[[], Iterable[Judged]] = _no_findings
    is_strict: bool = False
    each: Callable[[], Iterable[Any]] | None = None


def names_for_data() -> tuple[str, ...]:
    """What a command offers that shows data."""
    return (TEXT, *(one.name for one in FORMATS if not (one.is_of_findings or one.is_of_judging)))


def names_for_findings() -> tuple[str, ...]:
    """What a command offers that judges as well."""
    return (*names_for_data(), *(one.name for one in FORMATS if one.is_of_findings or one.is_of_judging))


def rendered(name: str, what: Shown) -> Iterator[str]:
    """What a command shows, in a format, piece by piece. Raises LookupError for a name that is no format's."""
    row = next((one for one in FORMATS if one.name == name), None)
    if row is None:
        raise LookupError(f"there is no output format {name}")
    parts: Iterator[str] = import_module(row.module).parts(what)
    return parts
