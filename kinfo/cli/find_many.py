"""`kinfo find` in many dumps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from kinfo import api, notices
from kinfo.cli import common
from kinfo.cli.main import FINDINGS, SOUND, UNDECIDED
from kinfo.cli.many import FileShown, ManyTask, run
from kinfo.cli.words import safe
from kinfo.many.names import NamedFiles
from kinfo.record.scan import WORD
from kinfo.report.document import SCHEMA_VERSION, found
from kinfo.report.hits import hit_rows, hits_shape
from kinfo.sources import open_source
from kinfo.sources.folder import is_dump

if TYPE_CHECKING:
    from kinfo.cli.find import Options


def find(options: Options, *, jobs: int | None) -> int:
    """List the records of every dump. Raises KinfoError where there is no file."""
    stdin = common.stdin()
    shape = hits_shape([safe(name) for name in options.dumps], common.style())

    def work(path: str) -> FileShown:
        with open_source(path, stdin) as source:
            name = safe(source.name)
            hits = list(api.find(source, step=options.step))
        records = sum(hit.record is not None for hit in hits)
        if not records and options.form != "jsonl":
            notices.tell(f"{name}: no record found")
        if options.form == "text":
            return FileShown(
                _text(line for hit in hits for row in hit_rows(name, hit) for line in shape.lines(row)), things=records
            )
        return FileShown(document={**found((name, hit) for hit in hits), "source": name}, things=records)

    names = NamedFiles(options.dumps, options.files_from, stdin=stdin, is_one=is_dump)
    task = ManyTask("searching", "record", work, _refused, title=_text(shape.titles()), whole=_whole, whole_says=False)
    tally = run(task, names, options.form, jobs=jobs)
    if not tally.things and options.step > WORD:
        notices.tell("no record found: try --step 4 for records that are not at a page boundary")
    if tally.unread:
        return UNDECIDED
    return SOUND if tally.things else FINDINGS


def _refused(name: str, problem: str) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "hits": [], "source": safe(name), "problem": problem}


def _whole(documents: Iterator[Any]) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "hits": (hit for one in documents for hit in one["hits"])}


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
