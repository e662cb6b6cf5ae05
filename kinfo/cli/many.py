"""Commands that were given many files: each is a piece of the output, made where the file was read; then the summary."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import chain

from kinfo.cli import common, declare, streams
from kinfo.cli.formats import show
from kinfo.cli.words import say
from kinfo.errors import KinfoError
from kinfo.many.named import is_one_file
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinfo.cli.tally import Tally
    from kinfo.many.each import Result
    from kinfo.many.named import Named
    from kinfo.many.names import NamedFiles
    from kinfo.report.judged import Judged

files_from_option = declare.option("--files-from", metavar="LIST", help="Names, a line or a NUL each; - for standard input.")
jobs_option = declare.option(
    "--jobs", kind=declare.AtLeast(1), metavar="N", help="Files read at once (default: one a processor)."
)


class FileShown(NamedTuple):
    """What is shown of one file: only what the format needs.

    `text` for the screen, `document` plain data, `judged` for formats of findings; `things`: how many there are of what was
    looked for; `problem`: why there are none, in a line; `code`: the exit code that it would be alone; `findings`: those that
    the summary counts; `is_unwritten`: it is what was to be written of it that has the problem.
    """

    text: str = ""
    document: Any = None
    judged: tuple[Judged, ...] = ()
    things: int = 0
    problem: str = ""
    code: int = 0
    findings: tuple[Any, ...] = ()
    is_unwritten: bool = False


def _in_files(documents: Iterator[Any]) -> dict[str, Any]:
    return {"schema_version": 1, "files": documents}


class ManyTask(NamedTuple):
    """What is done with every file.

    `work` makes what is shown of it, and raises KinfoError; `refused` the document of one that cannot be read, with the
    reason. `doing` and `noun` are words for people: "decoding", "record". `done` is called in every process at its end.
    `title` comes before the first file's text. `whole` makes one document of all, for formats that show one; `whole_says`:
    why some cannot be read is in it. `is_writing`: files are written besides, for all of them though nobody reads the output.
    """

    doing: str
    noun: str
    work: Callable[[str], FileShown]
    refused: Callable[[str, str], Any]
    done: Callable[[], None] = lambda: None
    title: str = ""
    whole: Callable[[Iterator[Any]], Any] = _in_files
    whole_says: bool = True
    is_writing: bool = False


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


def run(task: ManyTask, names: NamedFiles, form: str, *, jobs: int | None, strict: bool = False) -> Tally:
    """Do the task with all of the files, show what comes of it and sum it up on standard error; the numbers.

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
        shown = _each_shown(task, progress.counted(results), tally, form)
        first = next(shown, None)
        refuse_none(names, first is not None)
        assert first is not None
        try:
            _show(task, form, chain((first,), shown), strict=strict)
        except BrokenPipeError:
            if not task.is_writing:
                raise
            streams.drop()
            deque(_each_shown(task, results, tally, form), maxlen=0)
    _say(tally.summary(names.passed))
    return tally


def _say(text: str) -> None:
    """Behind what was shown before it, where both go to one place."""
    sys.stdout.flush()
    say(text)


def refuse_none(names: NamedFiles, count: int) -> None:
    """Raise KinfoError where no file was there."""
    if not count:
        from kinfo.cli.tally import Tally

        raise KinfoError(f"{names}: no file is there{Tally.passed_over(names.passed)}", "name some, or another folder")


def _each_shown(
    task: ManyTask, results: Iterator[tuple[Named, Result[FileShown]]], tally: Tally, form: str
) -> Iterator[FileShown]:
    is_in_document = form == "jsonl" or (form in ("json", "yaml") and task.whole_says)
    for one, result in results:
        shown = result.value or FileShown(document=task.refused(one.path, result.problem), problem=result.problem)
        tally.add(shown, is_read=result.value is not None)
        for note in result.notes:
            _say(note)
        if shown.problem and not is_in_document:
            _say(shown.problem)
        yield shown


def _show(task: ManyTask, form: str, files: Iterator[FileShown], *, strict: bool) -> None:
    if form == "text":
        common.tell(task.title)
        for one in files:
            common.tell(one.text)
        return
    documents = (one.document for one in files)
    show(
        form,
        lambda: task.whole(documents),
        lambda: (judged for one in files for judged in one.judged),
        each=lambda: documents,
        strict=strict,
    )
