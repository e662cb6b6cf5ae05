"""Patterns that the shell left alone: `*`, `?`, `[...]` within a name, `**` for any folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import translate

from kinfo.many.walk import sorted_names

_SIGNS = re.compile(r"[*?[]")


def matching(pattern: str) -> Iterator[str]:
    """The paths that fit, in their order; hidden names only where the pattern has the dot. Unreadable folders have none.

    `**` goes into folders, and not through links to them.
    """
    root, rest = ("/", pattern.lstrip("/")) if pattern.startswith("/") else ("", pattern)
    yield from _matching(root, [part for part in rest.split("/") if part])


def _matching(folder: str, parts: list[str]) -> Iterator[str]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _at_any_depth(folder, rest)
    elif not _SIGNS.search(part):
        if os.path.lexists(path := os.path.join(folder, part)):
            yield from _matching(path, rest)
    else:
        fits = re.compile(translate(part)).match
        for name in _names(folder):
            if fits(name) and (part.startswith(".") or not name.startswith(".")):
                path = os.path.join(folder, name)
                if not rest or os.path.isdir(path):
                    yield from _matching(path, rest)


def _at_any_depth(folder: str, rest: list[str]) -> Iterator[str]:
    if rest:
        yield from _matching(folder, rest)
    for name in _names(folder):
        path = os.path.join(folder, name)
        if name.startswith("."):
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            yield from _at_any_depth(path, rest)
        elif not rest:
            yield path


def _names(folder: str) -> Iterator[str]:
    try:
        yield from sorted_names(folder or os.curdir)
    except OSError:
        return
