"""What every language needs to name layouts and fields: words that are identifiers, and each field's kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template
from typing import NamedTuple

from kinfo.record.model import Field, Layout

_SIZES = {"B": 1, "H": 2, "L": 4, "Q": 8}


class FieldKind(NamedTuple):
    """A field as it is in every layout that has it: bytes of one element, elements (0: no array), bytes in all."""

    name: str
    width: int
    elements: int
    size: int
    is_text: bool
    meaning: str


def kind_of(field: Field) -> FieldKind:
    """The field's kind."""
    width = int(field.item[:-1]) if field.is_text else _SIZES[field.item]
    return FieldKind(field.name, width, field.elements, field.size, field.is_text, field.note.meaning)


def kinds(layouts: Iterable[Layout]) -> list[FieldKind]:
    """Every field of the layouts once, as they come. Raises ValueError for a name that means two kinds."""
    found: dict[str, FieldKind] = {}
    for layout in layouts:
        for field in layout.fields:
            if found.setdefault(field.name, kind_of(field)) != kind_of(field):
                raise ValueError(f"{field.name} of {layout.alias} is another kind of field elsewhere")
    return list(found.values())


def constant(name: str) -> str:
    """A name in capitals, as in RELATIVE_PA of _relative_pa and DEBUG_KINFO_2020 of debug-kinfo-2020."""
    return name.strip("_").replace("-", "_").replace(".", "_").upper()


def snake(layout: Layout) -> str:
    """The layout's name as an identifier, as in debug_kinfo_2020."""
    return constant(layout.name).lower()


def camel(name: str) -> str:
    """A name as a type, as in DebugKinfo2020 of debug-kinfo-2020 and RelativePa of _relative_pa."""
    return "".join(word.capitalize() for word in constant(name).split("_"))


def filled(template: str, **words: str) -> str:
    """A file of templates/ with its $words filled in."""
    text = (files("kinfo.exports") / "templates" / template).read_text(encoding="utf-8")
    return Template(text).substitute(words)


def rows(cells: Sequence[str], lead: str, width: int = 124) -> str:
    """Cells with commas between, in lines that begin with `lead`."""
    lines, line = [], lead
    for cell in cells:
        if line != lead and len(line.expandtabs(8)) + len(cell) + 2 > width:
            lines.append(line.rstrip())
            line = lead
        line += f"{cell}, "
    return "\n".join([*lines, line.rstrip().rstrip(",")])
