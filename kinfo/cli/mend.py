"""`kinfo verify-dt --fix`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinfo.cli import common
from kinfo.cli.main import FINDINGS, SOUND, UNDECIDED
from kinfo.cli.output import write_file
from kinfo.cli.words import safe, say
from kinfo.errors import KinfoError

if TYPE_CHECKING:
    from kinfo.dt.batch import CheckRequest


def write_mended(path: str, output: str, request: CheckRequest, *, force: bool) -> int:
    """Mend one tree: 0 when it has no error now and is written, 1 when something would be a guess and nothing is."""
    from kinfo.dt.batch import one_tree
    from kinfo.dt.fix import mend
    from kinfo.dt.source import decompiled
    from kinfo.dt.written import to_blob

    try:
        found = one_tree(path, request, common.stdin())
        mended = mend(found.tree, request.options)
        for change in mended.changes:
            common.tell(f"changed  {safe(change)}\n")
        for finding in mended.left:
            common.tell(f"left     {safe(finding.where)}: {safe(finding.message)}; do: {finding.remedy}\n")
        if mended.left or not mended.changes:
            say(f"{output}: not written: {'what is left would be a guess' if mended.left else 'there is nothing to mend'}")
            return FINDINGS if mended.left else SOUND
        blob = to_blob(mended.tree)
        write_file(output, decompiled(found.name, blob) if output.endswith(".dts") else blob, force=force)
    except KinfoError as error:
        say(str(error))
        return UNDECIDED
    return SOUND
