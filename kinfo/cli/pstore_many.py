"""`kinfo pstore` of many sources: which words are one memory, and each of the others on its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from kinfo.cli import common, many
from kinfo.cli.many import FileShown, ManyTask, run
from kinfo.cli.words import safe
from kinfo.errors import KinfoError, OutputError
from kinfo.many.folders import folder_for
from kinfo.many.named import is_pattern
from kinfo.many.names import NamedFiles
from kinfo.memory import Memory, Segment
from kinfo.ramoops_source import NoRamoopsError
from kinfo.report import pstore as report
from kinfo.report.document import SCHEMA_VERSION
from kinfo.sources import open_all
from kinfo.sources.folder import is_dump
from kinfo.sources.memory import close_all
from kinfo.sources.specs import parse_spec

if TYPE_CHECKING:
    from kinfo.cli.pstore import Extracted, Options


def is_one_memory(words: Sequence[str], files_from: str | None) -> bool:
    """Whether what was named is one memory: a source by itself, or several files that say where they lie, beside each other.

    Raw files without an address cannot be one, nor can files that hold the same addresses: those are of several devices.
    FILE@BASE says that it is meant so.
    """
    if many.is_one_source(words, files_from):
        return True
    if files_from is not None or len(words) < 2 or "-" in words or any(is_pattern(one) or _is_folder(one) for one in words):
        return False
    try:
        if any(spec.base is not None for word in words for spec in parse_spec(word)):
            return True
    except KinfoError:
        return True  # a BASE that is no number: whoever opens it says so
    return _are_beside_each_other(words)


def _is_folder(word: str) -> bool:
    return os.path.isdir(word) and not many.is_one_source([word], None)


def _are_beside_each_other(words: Sequence[str]) -> bool:
    segments: list[Segment] = []
    for word in words:
        own = _segments(word)
        if not own:
            return False
        segments += own
    ordered = sorted(segments, key=lambda one: one.start)
    return all(one.end <= after.start for one, after in pairwise(ordered))


def _segments(word: str) -> list[Segment]:
    """What a source says of where it lies; nothing for a raw file, and for what cannot be read."""
    files = []
    try:
        files = open_all([word])
        held = [file.memory() for file in files]
    except (KinfoError, OSError):
        return []
    finally:
        close_all(files)
    return [segment for one in held if isinstance(one, Memory) for segment in one.segments]


def extract_each(options: Options, extracted: Callable[[Sequence[str], Options, str], Extracted], *, jobs: int | None) -> int:
    """Find and write out the zones of every source, as `extracted` does it with a single one, in a folder of its own.

    Raises KinfoError where there is no file.
    """
    style = common.style()

    def work(path: str) -> FileShown:
        under = folder_for(path)
        try:
            made = extracted([path], options, under)
        except NoRamoopsError as error:
            return FileShown(document=_refused(path, str(error)), problem=str(error))
        except OutputError as error:
            return FileShown(document=_refused(path, str(error)), problem=str(error), is_unwritten=True)
        found = made.found
        code = common.verdict(found.findings, strict=options.strict)
        shown = FileShown(things=len(found.regions), code=code, findings=tuple(found.findings))
        if options.form != "text":
            return shown._replace(document=report.document(found, made.written))
        if options.only_list:
            return shown._replace(text=report.render(found, style) + "\n")
        folder = os.path.join(options.folder or "", under)
        return shown._replace(text=report.block(found, sum(map(len, made.written.values())), folder, style))

    words = tuple(dict.fromkeys(options.source))  # twice, they would be written to one folder
    names = NamedFiles(words, options.files_from, stdin=common.stdin(), is_one=is_dump)
    task = ManyTask("reading", "ramoops region", work, _refused, is_writing=not options.only_list)
    return run(task, names, options.form, jobs=jobs, strict=options.strict).code


def _refused(name: str, problem: str) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "source": safe(name), "regions": [], "findings": [], "problem": problem}
