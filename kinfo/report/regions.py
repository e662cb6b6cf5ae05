"""What lies in reserved memory, as one screen with the next command for each, and as plain data."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import chain

from kinfo.named import NamedTuple
from kinfo.printable import painted
from kinfo.regions import magics
from kinfo.report.columns import Column, Shape, row
from kinfo.report.style import Style
from kinfo.reserved import Content, FoundThing, Survey
from kinfo.typed import Any

_COLUMNS = (Column(room=20), Column(room=14, gap=0), Column(gap=0, is_text=True))


class Typed(NamedTuple):
    """What was typed: the next commands name the same files."""

    source: Sequence[str]
    dtb: str | None

    def words(self) -> str:
        """The files as a shell takes them."""
        return " ".join("FILE" if word == "-" else shlex.quote(word) for word in self.source)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def render(survey: Survey, typed: Typed, style: Style) -> str:
    """The whole screen."""
    places, things = _count(len(survey.found), "place"), _count(len(survey.contents), "thing")
    lines = [style.paint(f"{survey.source}: {places}, {things} in {'it' if len(survey.found) == 1 else 'them'}", "bold")]
    rows = [[row(f"{one.at:#x}", one.kind or "-", one.what) for one in found.contents] for found in survey.found]
    shape = Shape(_COLUMNS, list(chain.from_iterable(rows)), style, indent=4, titled=False)
    for found, inside in zip(survey.found, rows, strict=True):
        lines += [_title(found, survey.unit), *chain.from_iterable(map(shape.lines, inside))]
    steps = list(dict.fromkeys(_steps(survey, typed)))
    if steps:
        lines += ["", style.paint("Next:", "bold"), *(f"  {step}" for step in steps)]
    return "\n".join(painted(line) for line in lines) + "\n"


def _title(found: FoundThing, unit: str) -> str:
    place = found.place
    return "  " + (
        "in no region that was named" if place is None else f"{place.name}, {place.size} bytes at {unit} {place.at:#x}"
    )


def _steps(survey: Survey, typed: Typed) -> Iterator[str]:
    """What to type next, for each kind of thing that was found."""
    words = typed.words()
    tree = f" --dtb {shlex.quote(typed.dtb)}" if typed.dtb else ""
    several = sum(content.kind == magics.TRACE for content in survey.contents) > 1
    for content in survey.contents:
        if content.is_alone and survey.unit == "offset":  # at addresses a dump can have holes, and parts of the kernel
            yield f"kinfo decode {words}    # the record at {content.at:#x}, and which memory to dump for its kernel"
        elif step := _step(content, words, tree, _cut(content, survey, typed), several=several):
            yield step
    if any(not content.kind and content.what.startswith("nothing") for content in survey.contents) and typed.dtb:
        yield f"kinfo verify-dt {shlex.quote(typed.dtb)}    # whether the kernel got the memory that holds nothing"


def _cut(content: Content, survey: Survey, typed: Typed) -> str:
    """What takes a blob out of a raw file, for verify-dt; "" for containers, and where there are several files."""
    if len(typed.source) != 1 or typed.source[0] == "-" or content.kind != magics.TREE:
        return ""
    name, _, base = typed.source[0].rpartition("@")
    start = int(base, 0) if name and re.fullmatch(r"0x[0-9a-fA-F]{1,16}|[0-9]{1,20}", base) else 0
    if survey.unit == "PA" and not start:
        return ""
    file = shlex.quote(name if start else typed.source[0])
    take = f"dd if={file} iflag=skip_bytes,count_bytes skip={content.at - start} count={content.size} of=found.dtb"
    return f"{take}; kinfo verify-dt found.dtb"


def _step(content: Content, words: str, tree: str, tree_file: str, *, several: bool) -> str:
    if content.kind == magics.RECORD:
        return f"kinfo info {words}    # the kernel of the record at {content.at:#x}; kinfo decode {words} shows the record"
    if content.kind == magics.RAMOOPS:
        return f"kinfo pstore {words}{tree} -o crash/ --join"
    if content.kind == magics.TRACE:
        return f"kinfo trace {words}{f' --region {content.at:#x}' if several else ''}    # --text shows its events"
    if content.kind == magics.TREE and tree_file:
        return tree_file
    if content.kind == "crash kernel":
        return f"kinfo dmesg {words}"
    return ""


def document(survey: Survey) -> dict[str, Any]:
    """What JSON and YAML show."""
    from kinfo.report.document import SCHEMA_VERSION

    return {
        "schema_version": SCHEMA_VERSION,
        "source": survey.source,
        "address": survey.unit,
        "places": [
            {
                "name": found.place.name if found.place else None,
                "at": f"{found.place.at:#x}" if found.place else None,
                "size": found.place.size if found.place else None,
                "contents": [
                    {"kind": content.kind or None, "at": f"{content.at:#x}", "what": content.what}
                    for content in found.contents
                ],
            }
            for found in survey.found
        ],
    }
