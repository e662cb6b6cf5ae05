"""Records of many dumps at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from kinfo.api.records import decode_all
from kinfo.named import NamedTuple
from kinfo.printable import brief

if TYPE_CHECKING:
    from kinfo.examine import Examined
    from kinfo.record.model import Layout

Path = str | os.PathLike[str]


class DecodedFile(NamedTuple):
    """One of many dumps: its `path` as it can be opened, and its `records`, best first, with their findings.

    Where there is none, `problem` says why in a line, and what to do. `notes`: what was left out or missing meanwhile.
    """

    path: str
    records: tuple[Examined, ...]
    problem: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return brief(self, self.problem or f"{self.path}: {len(self.records)} records")


def decode_each(
    paths: Path | Iterable[Path],
    *,
    files_from: Path | None = None,
    stdin: BinaryIO | None = None,
    base: int | None = None,
    layout: Layout | str | None = None,
    jobs: int | None = None,
) -> Iterator[DecodedFile]:
    """The records of every dump, one dump after another in a stable order, on every processor.

    `paths` are files, folders (every file below, but for hidden ones), patterns and "-" for `stdin`; `files_from` is a file
    with a path a line, or a NUL behind each. They are taken as they are needed, and no more than some hundred results are
    held. What is wrong with one dump stops none of the others: it is that one's `problem`, the death of the process that read
    it included. `base` and `layout` as for `decode`. `jobs`: how many processes at most (None: one a processor, but none of
    its own where this program has threads, for they are forked). Leaving the loop early ends them.
    Raises UnknownNameError for a layout that there is not, KinfoError for a list that cannot be read.
    """
    from kinfo.many.each import each
    from kinfo.many.names import NamedFiles
    from kinfo.record.layouts import layout_named
    from kinfo.sources import open_source
    from kinfo.sources.folder import is_dump

    wanted = layout_named(layout) if isinstance(layout, str) else layout
    words = [os.fspath(one) for one in ((paths,) if isinstance(paths, (str, os.PathLike)) else paths)]
    names = NamedFiles(words, None if files_from is None else os.fspath(files_from), stdin=stdin, is_one=is_dump)

    def work(path: str) -> tuple[Examined, ...]:
        with open_source(path, stdin) as source:
            records = decode_all(source, base=base, layout=wanted)
            for record in records:
                _ = record.findings  # made here, by one of many processes
            return records

    if jobs is None and threading.active_count() > 1:
        jobs = 1
    for one, result in each(lambda named: work(named.path), names, jobs=jobs):
        yield DecodedFile(one.path, result.value or (), result.problem, result.notes)
