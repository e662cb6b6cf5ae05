"""From what a user names to all the documents of the case."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from kinfo.case import of_kernel
from kinfo.case.given import CaseFiles, inputs
from kinfo.case.of_kernel import PartsRead
from kinfo.errors import DrawError, DumpError, KinfoError
from kinfo.examine import Examined
from kinfo.pages.documents import Document, Documents, Missing, TextLog
from kinfo.pages.logs import texts
from kinfo.pages.model import NextStep
from kinfo.report import devicetree, document, layouts
from kinfo.sources.text import refuse_no_text
from kinfo.version import __version__

if TYPE_CHECKING:
    from kinfo.dt.given import DtOptions

_LARGEST_LOG = 64 << 20


def documents(case: CaseFiles, options: DtOptions, cache: str | None, stdin: BinaryIO | None) -> Documents:
    """All that can be said of the case.

    Raises KinfoError where a file cannot be read, or none of them holds a kernel, a record, a log or a devicetree.
    """
    text_log = None if case.log is None else _text_log(case.log, stdin)
    trees = [one for path in case.boards for one in _trees(path, options, cache)]
    found = _of_dumps(case, text_log, stdin) if case.dumps else Documents("", text_log=text_log)
    parts = PartsRead()
    regions = parts.had("what lies in reserved memory", lambda: _regions(case)) if case.dumps and found.info else None
    missing = [*found.missing, *parts.missing]
    if not trees:
        missing.append(Missing("the board", "no devicetree was given: --dtb BOARD.dtb adds it"))
    return found._replace(
        name=", ".join((*case.dumps, *case.boards)),
        trees=trees,
        regions=regions,
        missing=missing,
        steps=tuple(_steps(case, found, trees)),
        inputs=tuple(inputs(case)),
        version=__version__,
    )


def _of_dumps(case: CaseFiles, text_log: TextLog | None, stdin: BinaryIO | None) -> Documents:
    """A kernel's documents; else those of a record and of the log without one."""
    from kinfo.kernel.open import open_kernel
    from kinfo.kernel.printk.without_kernel import files_named

    if names := files_named(case.dumps):
        reason = "region files hold neither the kernel's image nor its page tables"
        return _without_kernel(case, reason, names, text_log, stdin)
    try:
        kernel = open_kernel(case.dumps, case.kinfo, stdin)
    except KinfoError as error:
        if isinstance(error, DrawError) or case.kinfo is not None or "-" in case.dumps:
            raise
        return _of_less(case, error, text_log)
    with kernel:
        return of_kernel.documents(kernel, text_log)


def _of_less(case: CaseFiles, refusal: KinfoError, text_log: TextLog | None) -> Documents:
    """What is in a dump without its kernel: records, else a log and VMCOREINFO; else the refusal stands."""
    records = [one for path in case.dumps for one in _records(path)]
    if not records:
        try:
            return _without_kernel(case, refusal.message, (), text_log, None)
        except KinfoError:
            raise refusal from None
    missing = [Missing("the kernel", str(refusal))]
    return Documents("", records=records, layouts=layouts.by_alias(records), text_log=text_log, missing=missing)


def _records(path: str) -> list[Document]:
    from kinfo.record.locate import locate
    from kinfo.sources import open_source

    try:
        with open_source(path) as dump:
            return [document.record_data(Examined.of(one)) for one in locate(dump, base=dump.base)[:4]]
    except KinfoError:
        return []


def _without_kernel(
    case: CaseFiles, reason: str, names: Sequence[str], text_log: TextLog | None, stdin: BinaryIO | None
) -> Documents:
    from kinfo.kernel.printk.without_kernel import without_kernel
    from kinfo.report import dmesg
    from kinfo.report import without_kernel as report

    found = without_kernel(case.dumps, stdin, reason, names)
    if found is None:
        raise KinfoError(reason)
    log = found.triage.log
    if log is None and not found.facts:
        raise KinfoError(found.triage.no_log, "copy all md_K*.BIN files of one dump into one folder")
    made = report.document(found)
    not_there = made["not_in_it"]
    assert isinstance(not_there, dict)
    return Documents(
        found.name,
        info=made,
        log=None if log is None else dmesg.document(log, log.messages),
        text_log=text_log,
        missing=[Missing(not_there["what"], not_there["reason"])],
    )


def _regions(case: CaseFiles) -> Document:
    from kinfo.report import regions
    from kinfo.reserved import reserved_memory

    return regions.document(reserved_memory(case.dumps))


def _trees(path: str, options: DtOptions, cache: str | None) -> Sequence[Document]:
    from kinfo.dt.given import verdicts

    trees: Sequence[Document] = devicetree.document(verdicts(path, options, cache, None))["trees"]
    return trees


def _text_log(path: str, stdin: BinaryIO | None) -> TextLog:
    try:
        if path == "-" and stdin is not None:
            raw = stdin.read(_LARGEST_LOG)
        else:
            with open(path, "rb") as file:
                raw = file.read(_LARGEST_LOG)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DumpError(f"{path}: cannot read: {reason}", "check the name and its permissions") from error
    refuse_no_text(path, raw, "a log")
    return TextLog(path, texts(raw.splitlines()))


def _steps(case: CaseFiles, found: Documents, trees: Sequence[Document]) -> Iterator[NextStep]:
    dumps = shlex.join((*case.dumps, *(("--kinfo", case.kinfo) if case.kinfo else ())))
    if found.info:
        yield NextStep(f"kinfo dmesg {dumps}", "the whole log")
    if found.tasks:
        yield NextStep(f"kinfo backtrace {dumps} --all", "where every task was")
    if found.info and found.info.get("image"):
        yield NextStep(f"kinfo debug {dumps} --tool crash", "how crash opens it; gdb and drgn too")
        yield NextStep(f"kinfo core {dumps} --only kernel -o kernel.core", "a core to hand on, without processes")
    elif found.records:
        yield NextStep(f"kinfo decode {dumps} --explain", "what speaks for this layout")
    for code in dict.fromkeys(one["code"] for one in found.findings[:3]):
        yield NextStep(f"kinfo explain {code}", "what that finding means, and what to do")
    for board in case.boards if trees else ():
        yield NextStep(f"kinfo verify-dt {shlex.quote(board)} --explain-boot", "what the kernel does with the board's memory")
