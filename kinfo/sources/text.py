"""Text that a user names beside a dump: a log, a copy of /proc/iomem."""

from __future__ import annotations

from kinfo.errors import DumpError
from kinfo.sources.kinds import Role
from kinfo.sources.recognise import HEAD, Sure, recognise


def refuse_no_text(name: str, head: bytes, wanted: str) -> None:
    """Raise DumpError for a file that begins as no text does: compressed, a kernel, a dump, a devicetree.

    `wanted` is what was to be named. What has no magic that is no accident passes: consoles print all bytes there are.
    """
    found = recognise(head[:HEAD])
    if found.kind.role is Role.PACKED:
        tool = found.kind.unpack.partition(" ")[0]
        piped = f"pipe it through {tool} -dc first"
        hint = piped if name in ("-", "<stdin>") else f"unpack it first: {found.kind.unpack} {name}"
        raise DumpError(f"{name}: is {found.kind.what}, not {wanted}", hint)
    if found.sure is Sure.CERTAIN and found.kind.role is not Role.TEXT:
        raise DumpError(f"{name}: is {found.kind.what}, not {wanted}", f"name {wanted}")
