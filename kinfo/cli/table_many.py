"""`kinfo table` of many sources."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kinfo.cli import common
from kinfo.cli.many import FileShown, ManyTask, run
from kinfo.cli.words import safe
from kinfo.many.names import NamedFiles
from kinfo.report.document import SCHEMA_VERSION
from kinfo.report.inspect_table import block, document
from kinfo.sources.folder import is_dump

if TYPE_CHECKING:
    from kinfo.cli.table import Options
    from kinfo.meminspect.entry import Table

_REGIONS = ("md_k", ".bin")  # a region's file, as the series' reader names it, in any case


def tables(options: Options, table_of: Callable[[str], Table], *, jobs: int | None) -> int:
    """The table of every source, as `table_of` reads the one of a single source. Raises KinfoError where there is no file."""
    style = common.style()

    def work(path: str) -> FileShown:
        table = table_of(path)
        shown = FileShown(block(table, style)) if options.form == "text" else FileShown(document=document(table))
        code = common.verdict(table.findings, strict=options.strict)
        return shown._replace(things=1, code=code, findings=tuple(table.findings))

    names = NamedFiles(options.sources, options.files_from, stdin=common.stdin(), is_one=is_one)
    task = ManyTask("reading", "table", work, _refused)
    return run(task, names, options.form, jobs=jobs, strict=options.strict).code


def is_one(folder: str) -> bool:
    """Whether a folder is one source: regions' files, or a dump in several."""
    return _has_regions(folder) or is_dump(folder)


def _has_regions(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            names = (entry.name.lower() for entry in entries)
            return any(name.startswith(_REGIONS[0]) and name.endswith(_REGIONS[1]) for name in names)
    except OSError:
        return False


def _refused(name: str, problem: str) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "source": safe(name), "problem": problem}
