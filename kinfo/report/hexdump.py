"""An annotated hex dump: every field on its own line, a colour each, with the gaps and what lies behind the record."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.record.fields import HEAD_FIELDS
from kinfo.record.model import Field, Value
from kinfo.record.record import Record
from kinfo.record.shown import show
from kinfo.report.style import CYCLE, Style

_PER_LINE = 16
_TAIL = 64  # bytes shown behind the record where they are not zero


def render(record: Record, behind: bytes, style: Style) -> str:
    """The record's bytes by field; `behind` is what follows it in its region."""
    lines = [style.paint("Bytes", "bold")]
    layout = record.layout
    if layout is None:
        lines.append(f"  {len(record.raw)} bytes of {record.raw[:1].hex()}")
        return "\n".join(lines) + "\n"
    for index, field in enumerate(layout.fields):
        colour = CYCLE[index % len(CYCLE)]
        raw = record.raw[field.offset : field.end]
        if not raw:
            lines.append(f"  {field.offset:04x}  {style.paint('(behind the end of the dump)', 'dim')}  {field.name}")
            continue
        value = record.values.get(field.name)
        label = field.name if value is None else f"{field.name} = {_shown(field, value)}"
        lines += _lines(field.offset, raw, label, style, colour)
    lines += _behind(layout.size, behind, style)
    return "\n".join(lines) + "\n"


def _shown(field: Field, value: Value) -> str:
    if field.name in HEAD_FIELDS and isinstance(value, int):
        return f"{value:#010x}"
    shown = show(field, value)
    return f'"{shown}"' if field.is_text and not field.elements else str(shown)


def _lines(offset: int, raw: bytes, label: str, style: Style, colour: str) -> Iterator[str]:
    kept = len(raw.rstrip(b"\0"))
    shown = raw if kept > len(raw) - _PER_LINE else raw[: -(-max(kept, 1) // _PER_LINE) * _PER_LINE]
    for start in range(0, len(shown), _PER_LINE):
        chunk = shown[start : start + _PER_LINE]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)
        note = label if start == 0 else ""
        digits = style.paint(f"{chunk.hex(' '):<47}", colour)
        yield f"  {offset + start:04x}  {digits}  {text:<16}  {note}".rstrip()
    if len(shown) < len(raw):
        yield f"  {offset + len(shown):04x}  {style.paint(f'{len(raw) - len(shown)} zero bytes', 'dim')}"


def _behind(offset: int, behind: bytes, style: Style) -> Iterator[str]:
    if not behind:
        return
    if not any(behind):
        yield f"  {offset:04x}  {style.paint(f'{len(behind)} zero bytes behind the record', 'dim')}"
        return
    yield from _lines(offset, behind[:_TAIL], "(behind the record: no field)", style, "dim")
    if len(behind) > _TAIL:
        yield f"  {offset + _TAIL:04x}  {style.paint(f'{len(behind) - _TAIL} more bytes behind the record', 'dim')}"
