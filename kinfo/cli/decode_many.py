"""`kinfo decode` of many dumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kinfo.cli import common
from kinfo.cli.many import FileShown, ManyTask, run
from kinfo.cli.words import safe
from kinfo.errors import RecordError
from kinfo.examine import Examined
from kinfo.many.names import NamedFiles
from kinfo.memory import Dump
from kinfo.report import document
from kinfo.report.judged import Judged
from kinfo.report.records import block
from kinfo.report.style import Style
from kinfo.sources import open_source
from kinfo.sources.folder import is_dump

if TYPE_CHECKING:
    from kinfo.cli.decode import Options

Records = Callable[[Dump, "Options"], tuple[Examined, ...]]
Screens = Callable[[Dump, Sequence[Examined], "Options", Style], Iterator[str]]


def decode(options: Options, records_of: Records, screens: Screens, *, jobs: int | None) -> int:
    """Decode the record of every dump, as `decode` reads and shows the one of a single dump.

    Raises KinfoError where there is no file.
    """
    style, stdin = common.style(), common.stdin()

    def work(path: str) -> FileShown:
        with open_source(path, stdin) as source:
            name, source.name = source.name, safe(source.name)
            try:
                records = records_of(source, options)
            except RecordError as error:
                return FileShown(document=_refused(name, str(error)), problem=str(error))
            shown = records if options.every else records[:1]
            findings = tuple(finding for record in shown for finding in record.findings)
            if options.form == "text" and (options.explain or options.hexdump):
                made = FileShown("".join(screens(source, shown, options, style)) + "\n")
            else:
                made = _made(source, name, shown, options, style, more=len(records) - len(shown))
            return made._replace(things=len(shown), code=common.verdict(findings, strict=options.strict), findings=findings)

    names = NamedFiles(options.dumps, options.files_from, stdin=stdin, is_one=is_dump)
    task = ManyTask("decoding", "record", work, _refused)
    return run(task, names, options.form, jobs=jobs, strict=options.strict).code


def _made(source: Dump, name: str, shown: Sequence[Examined], options: Options, style: Style, *, more: int) -> FileShown:
    if options.form == "text":
        note = f"{more} more; --all shows them" if more else ""
        return FileShown("".join(block(source.name, record, style, note) for record in shown))
    if options.form in ("json", "jsonl", "yaml"):
        return FileShown(document=document.decoded(safe(name), shown, explain=options.explain))
    return FileShown(judged=tuple(Judged("decode", name, record.offset, record.findings) for record in shown))


def _refused(name: str, problem: str) -> dict[str, Any]:
    return {**document.decoded(safe(name), ()), "problem": problem}
