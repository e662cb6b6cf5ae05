"""Pages of HTML: one for a case."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from kinfo.named import NamedTuple
from kinfo.printable import brief

if TYPE_CHECKING:
    from kinfo.dt.given import DtOptions

Path = str | os.PathLike[str]


class TriagePage(NamedTuple):
    """The page of a case as HTML, the sentence on top of it, and the findings of everything on it, the gravest first.

    `level` is good, warn, bad (a crash, or an error), or unknown: nothing tells what happened.
    """

    html: str
    level: str
    verdict: str
    findings: tuple[dict[str, Any], ...]

    def __repr__(self) -> str:
        return brief(self, f"{self.verdict}: {len(self.html):,} letters of HTML, {len(self.findings)} findings")


def triage_page(
    sources: Path | Sequence[Path],
    *,
    log: Path | None = None,
    dtb: Path | None = None,
    kinfo: Path | int | None = None,
    options: DtOptions | None = None,
    cache: Path | None = None,
    stdin: BinaryIO | None = None,
) -> TriagePage:
    """One page of HTML on a case: a RAM dump, a core, region files, a record's region, a board's devicetree, or several.

    `log` is a log beside the dump (a boot loader's, a console's), `dtb` the board's tree, `kinfo` the record as
    `kinfo.open_kernel` takes it; `options` and `cache` are as for `kinfo.verify_dt`. The page stands alone: it runs no script
    and loads nothing. Raises KinfoError where a file cannot be read, or nothing on the page would be known.
    """
    from kinfo.case.given import given
    from kinfo.case.made import documents
    from kinfo.dt.given import DtOptions
    from kinfo.kernel.open import record_word
    from kinfo.pages.html import rendered
    from kinfo.pages.triage import page
    from kinfo.sources.specs import paths_of

    where, board = (None if one is None else os.fspath(one) for one in (log, dtb))
    case = given(paths_of(sources), where, board, record_word(kinfo))
    made = documents(case, options or DtOptions(), None if cache is None else os.fspath(cache), stdin)
    shown = page(made)
    return TriagePage(rendered(shown), shown.level, shown.verdict, tuple(made.findings))
