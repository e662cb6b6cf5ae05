"""Facts, and records built of them, as text and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kinfo.kernel_build.model import Facts, shown
from kinfo.record import text as escaped
from kinfo.record.shown import words
from kinfo.report.columns import Column, Row, pairs, row, table
from kinfo.report.style import Style
from kinfo.writers import Built

SCHEMA_VERSION = 1
_WIDEST = 46


def text(facts: Facts, style: Style) -> str:
    """A line a fact: value, source, how; then what is not known and how to give it."""
    rows = [
        (name, _safe(str(shown(name, fact.value))), _safe(fact.source), _safe(fact.how)) for name, fact in facts.of.items()
    ]
    lines = list(_table(("fact", "value", "source", "how"), rows, style))
    missing = facts.missing
    if missing:
        lines += ["", style.paint("Not known", "bold")]
        width = max(len(known.name) for known in missing) + len("  ")
        lines += pairs([row(known.name, f"{known.meaning}: give {known.remedy}") for known in missing], width, style)
    return "\n".join(lines) + "\n"


def document(facts: Facts) -> dict[str, Any]:
    """The same as data."""
    return {
        "schema_version": SCHEMA_VERSION,
        "facts": {
            name: {"value": shown(name, fact.value), "source": fact.source, "how": fact.how}
            for name, fact in facts.of.items()
        },
        "missing": [{"name": one.name, "meaning": one.meaning, "give": one.remedy} for one in facts.missing],
    }


def explained(built: Built, facts: Facts, style: Style) -> str:
    """Every field of a record that was built: its value, the driver's expression, where the facts come from, and why."""
    title = f"{built.driver}: {built.layout.name} ({built.layout.alias}), {len(built.data)} bytes, checksum {checksum(built)}"
    rows = [
        (one.field, _value(words(one.field, one.value), style), one.expression or "-", _behind(one.facts, facts, one.why))
        for one in built.written
    ]
    lines = [style.paint(title, "bold"), *_table(("field", "value", "driver stores", "from, and why"), rows, style)]
    lines += [f"note: {note}" for note in built.notes]
    return "\n".join(lines) + "\n"


def built_document(built: Built, facts: Facts) -> dict[str, Any]:
    """The same as data. `fields` is what `kinfo encode` takes."""
    raw = built.layout.unpack(built.data)
    tails = {name: escaped.after_nul(value).hex() for name, value in raw.items() if isinstance(value, bytes)}
    return {
        "schema_version": SCHEMA_VERSION,
        "driver": built.driver,
        "layout": built.layout.name,
        "size": len(built.data),
        "checksum": checksum(built),
        "fields": {one.field: words(one.field, one.value) for one in built.written},
        "after_nul": {name: tail for name, tail in tails.items() if tail},
        "explained": [
            {
                "field": one.field,
                "stores": one.expression or None,
                "facts": {name: facts.of[name].source for name in one.facts if name in facts.of},
                "why": one.why or None,
            }
            for one in built.written
        ],
        "notes": list(built.notes),
    }


def checksum(built: Built) -> str:
    """The record's checksum word, in hex."""
    return f"{int.from_bytes(built.data[4:8], 'little'):#010x}"


def _behind(names: tuple[str, ...], facts: Facts, why: str) -> str:
    sources = dict.fromkeys(_safe(facts.of[name].source) for name in names if name in facts.of)
    return "; ".join(part for part in (", ".join(sources), why) if part)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], style: Style) -> Iterator[str]:
    widths = [min(max(len(row[at]) for row in [head, *rows]), _WIDEST) for at in range(len(head))]
    columns = [Column(title, width, is_text=at > 1) for at, (title, width) in enumerate(zip(head, widths, strict=True))]
    return table(columns, map(Row, rows), style, indent=0)


def _value(value: Any, style: Style) -> str:
    """A value: cut where its column is no terminal's."""
    shown_ = str(value)
    return shown_ if style.width or len(shown_) <= _WIDEST else f"{shown_[: _WIDEST - 3]}..."


def _safe(name: str) -> str:
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter) & 0xFF:02x}" for letter in name)
