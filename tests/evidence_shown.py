"""What detection sees in a record, as lines: the evidence, its points, and what a lost or overwritten field changes of it."""

from __future__ import annotations

from kinfo import Layout
from kinfo.record.evidence import Evidence, Subject, Window, body, frame


def subject_of(record: bytes, layout: Layout, *, is_end: bool = True) -> Subject:
    """One layout laid over a record that is whole."""
    window = Window(record, is_end=is_end)
    return Subject(layout, window, layout.unpack(record), window.checksum(layout))


def evidence_of(record: bytes, layout: Layout) -> list[Evidence]:
    """All that speaks for and against one layout, weak and hopeless alike."""
    subject = subject_of(record, layout)
    return [*body(subject), *frame(subject)]


def _lines(record: bytes, layout: Layout) -> list[str]:
    return [f"{item.points:+4d}  {item.text}" for item in evidence_of(record, layout)]


def shown(record: bytes, layout: Layout) -> str:
    """The evidence for a record, then what is other than that when one field of it is zeros, or ones."""
    sound = _lines(record, layout)
    text = [*sound]
    for field in layout.fields:
        for fill in (0, 0xFF):
            changed = bytearray(record)
            changed[field.offset : field.end] = bytes([fill]) * field.size
            other = [line for line in _lines(bytes(changed), layout) if line not in sound]
            text += [f"{field.name} {fill:02x}..", *(f"    {line}" for line in other)]
    return "\n".join(text) + "\n"
