"""Where a node or property stands in devicetree source: file and line, as dtc's --annotate writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kinfo.named import NamedTuple

# Patterns are compiled when there is a source.
_NODE = r"\s*(?:[\w.,+-]+:\s+)*([^\s{:]+)\s+\{ /\* (.*) \*/$"
_PROPERTY = r"\s*(?:[\w.,+-]+:\s+)*([^\s=;{}/]+)(?: = .*)?; /\* (.*) \*/$"
_END = r"\s*\};"
_LAST = r"(?:^|, )((?:(?!, ).)+?):(\d+)(?::(\d+))?(?:-\d+(?::\d+)?)?$"  # the last place of several
_STDIN = "<stdin>"


class SourcePlace(NamedTuple):
    """A line of a file and the column in it, both counted from 1; column 0: not known."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def places_of(annotated: str, name: str) -> dict[str, SourcePlace]:
    """Places by node path, and by `path:property`, of annotated source whose main file is `name`.

    Of what several files write the last counts: it is what holds. Lines that are something else are passed over.
    """
    found: dict[str, SourcePlace] = {}
    path: list[str] = []
    for line in annotated.splitlines():
        if match := re.match(_NODE, line):
            path.append("" if match[1] == "/" else match[1])
            _put(found, "/".join(path) or "/", match[2], name)
        elif re.match(_END, line):
            path = path[:-1]
        elif path and (match := re.match(_PROPERTY, line)):
            _put(found, f"{'/'.join(path) or '/'}:{match[1]}", match[2], name)
    return found


def _put(found: dict[str, SourcePlace], where: str, said: str, name: str) -> None:
    if match := re.search(_LAST, said):
        found[where] = SourcePlace(name if match[1] == _STDIN else match[1], int(match[2]), int(match[3] or 0))


def place_of(places: Mapping[str, SourcePlace], where: str) -> SourcePlace | None:
    """A finding's place: the property's where it has one, else the node's, else that of the nearest node above."""
    if where in places:
        return places[where]
    path = where.partition(":")[0]
    while path and path not in places:
        path = path.rpartition("/")[0]
    return places.get(path) or places.get("/")
