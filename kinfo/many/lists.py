"""A list of files: one name a line, or with a NUL behind each as `find -print0` writes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from kinfo.errors import KinfoError

_LONGEST = 4096  # bytes of a path, PATH_MAX of Linux with its end
_BLOCK = 1 << 16


def names_in(name: str, stdin: BinaryIO | None = None) -> Iterator[str]:
    """The names in the file `name` (`-`: `stdin`), as they come. They end with NULs where the first has one, else with lines.

    Raises KinfoError for a list that cannot be read, has no names, or is none: a name longer than any path, or empty.
    """
    if name == "-" and stdin is None:
        raise KinfoError("--files-from -: there is no standard input here", "name a file with the list")
    count = 0
    for one in _opened(name, stdin):
        count += 1
        yield os.fsdecode(one)
    if not count:
        raise KinfoError(f"{_shown(name)}: names no file", "check the command that wrote the list")


def _shown(name: str) -> str:
    return "--files-from: standard input" if name == "-" else f"--files-from {name}"


def _opened(name: str, stdin: BinaryIO | None) -> Iterator[bytes]:
    try:
        if name == "-":
            assert stdin is not None
            yield from _names(stdin, name)
            return
        with open(name, "rb") as file:
            yield from _names(file, name)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise KinfoError(f"{_shown(name)}: {reason}", "check the list's name and its permissions") from error


def _names(file: BinaryIO, name: str) -> Iterator[bytes]:
    """The names, without empty lines. An empty name between NULs is in no list, but in most dumps."""
    rest = file.read(_LONGEST)  # a whole name is in it, with its end
    end = b"\0" if b"\0" in rest else b"\n"
    while rest:
        *names, rest = rest.split(end)
        if end == b"\0" and b"" in names:
            hint = "name a list of files, one a line; a dump is named without --files-from"
            raise KinfoError(f"{_shown(name)}: is no list: NULs follow each other in it", hint)
        yield from filter(None, names)
        if len(rest) >= _LONGEST:
            raise KinfoError(f"{_shown(name)}: has a name of more than {_LONGEST} bytes", "name a list of files, one a line")
        block = file.read(_BLOCK)
        if not block:
            break
        rest += block
    if rest:
        yield rest
