"""What a user types to name data: FILE, FILE@BASE, several of those with commas, `-` for standard input."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kinfo.errors import DumpError
from kinfo.named import NamedTuple
from kinfo.printable import quoted

Path = str | os.PathLike[str]


class Spec(NamedTuple):
    """A file, and the physical address of its first byte where the user said it; its size, where a listing did."""

    path: str
    base: int | None
    size: int | None = None


def paths_of(named: Path | Sequence[Path]) -> list[str]:
    """What was named, one or several, as text."""
    return [os.fspath(one) for one in ([named] if isinstance(named, (str, os.PathLike)) else named)]


def parse_spec(text: str) -> tuple[Spec, ...]:
    """FILE, FILE@BASE, or several with commas between them, as crash writes them.

    A file of just that name comes first, whatever signs are in it. Raises DumpError for a BASE that is no number.
    """
    if os.path.exists(text):
        return (Spec(text, None),)
    parts = text.split(",") if all("@" in part for part in text.split(",")) else [text]
    return tuple(_one(part) for part in parts)


def _one(text: str) -> Spec:
    path, at, base = text.rpartition("@")
    if not at:
        return Spec(text, None)
    try:
        number = int(base, 0)
    except ValueError:
        raise DumpError(f"{text}: {quoted(base)} is no address", "write FILE@0x80000000") from None
    if not 0 <= number < 1 << 64:
        raise DumpError(f"{text}: {base} is not within 64 bits", "write FILE@0x80000000")
    return Spec(path, number)
