"""Commands that were given many files: each is a piece of the output, made where the file was read; then the summary."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kinfo.cli import common, declare
from kinfo.cli.formats import show
from kinfo.cli.words import say
from kinfo.errors import KinfoError
from kinfo.many.named import is_one_file
from kinfo.named import NamedTuple

if TYPE_CHECKING:
    from kinfo.many.each import Result
    from kinfo.many.named import Named
    from kinfo.many.names import NamedFiles
    from kinfo.report.judged import Judged

files_from_option = declare.option(
    "--files-from", metavar="LIST", help="A file with a name a line, or a NUL behind each; - for standard input."
)
jobs_option = declare.option(
    "--jobs", kind=declare.AtLeast(1), metavar="N", help="Files that are read at once (default: one a processor)."
)


class FileShown(NamedTuple):
    """What is shown of one file: only what the format needs.

    `text` for the screen, `document` plain data, `judged` for formats of findings; `things`: how many there are of what was
    looked for; `problem`: why there are none, in a line; `code`: the exit code that it would be alone; `findings`: those that
    the summary counts.
    """

    text: str = ""
    document: Any = None
    judged: tuple[Judged, ...] = ()
    things: int = 0
    problem: str = ""
    code: int = 0
    findings: tuple[Any, ...] = ()


class ManyTask(NamedTuple):
    """What is done with every file.

    `work` makes its piece, and raises KinfoError; `refused` makes the document of one that cannot be read, with the reason.
    `doing` and `noun` are words for people: "decoding", "record". `done` is called in every process at its end.
    """

    doing: str
    noun: str
    work: Callable[[str], FileShown]
    refused: Callable[[str, str], Any]
    done: Callable[[], None] = lambda: None


def refuse_mistakes(words: Sequence[str], files_from: str | None, metavar: str) -> None:
    """Raise UsageError where nothing is named, or standard input twice."""
    if not words and files_from is None:
        raise declare.UsageError(f"Missing argument '{metavar}...'")
    if [*words, files_from].count("-") > 1:
        raise declare.UsageError("- can be named once")


def is_one_source(words: Sequence[str], files_from: str | None) -> bool:
    """Whether that is one dump of memory: a file named by itself, or a folder that is one as a whole."""
    if is_one_file(words, files_from):
        return True
    from kinfo.sources.folder import is_meant_as_dump

    return files_from is None and len(words) == 1 and os.path.isdir(words[0]) and is_meant_as_dump(words[0])


def run(task: ManyTask, names: NamedFiles, form: str, *, jobs: int | None, strict: bool = False) -> int:
    """Do the task with all of the files, show what comes of it and sum it up; the exit code is that of the worst.

    Raises KinfoError where there is no file.
    """
    from kinfo.cli.progress import FilesProgress
    from kinfo.cli.tally import Tally
    from kinfo.many.each import each

    tally = Tally(task.noun)
    with (
        FilesProgress(task.doing, names.known) as progress,
        closing(each(lambda one: task.work(one.path), names, jobs=jobs, done=task.done)) as results,  # type: ignore[type-var]
    ):
        pieces = _pieces(task, progress.counted(results), tally, says_problems=form not in _WITH_PROBLEMS)
        first = next(pieces, None)
        if first is None:
            raise KinfoError(f"{names}: no file is there{tally.passed_over(names.passed)}", "name some, or another folder")
        _show(form, first, pieces, strict=strict)
    say(tally.summary(names.passed))
    return tally.code


_WITH_PROBLEMS = ("json", "jsonl", "yaml")  # what could not be read has a document there


def _pieces(
    task: ManyTask, results: Iterator[tuple[Named, Result[FileShown]]], tally: Any, *, says_problems: bool
) -> Iterator[FileShown]:
    for one, result in results:
        piece = result.value or FileShown(document=task.refused(one.path, result.problem), problem=result.problem)
        for note in result.notes:
            say(note)
        if piece.problem and says_problems:
            say(piece.problem)
        tally.add(piece, is_read=result.value is not None)
        yield piece


def _show(form: str, first: FileShown, rest: Iterator[FileShown], *, strict: bool) -> None:
    def pieces() -> Iterator[FileShown]:
        yield first
        yield from rest

    if form == "text":
        for piece in pieces():
            common.tell(piece.text)
        return
    show(
        form,
        lambda: {"schema_version": 1, "files": (piece.document for piece in pieces())},
        lambda: (one for piece in pieces() for one in piece.judged),
        each=lambda: (piece.document for piece in pieces()),
        strict=strict,
    )
