"""Records of many dumps, a block each: a line where nothing is wrong, what is wrong below it."""

from __future__ import annotations

from kinfo.examine import Examined
from kinfo.findings import Severity
from kinfo.report.style import Style
from kinfo.report.text import state_words, verdict_words


def block(name: str, record: Examined, style: Style, note: str = "") -> str:
    """The dump, its record, whether that is sound; below it a line for each error and warning, and the `note`."""
    place = style.paint(name, "bold") + (f" at {record.offset:#x}" if record.offset else "")
    if record.layout is None:
        known = f"no record in {record.size} bytes"
    else:
        known = ", ".join(one for one in (record.layout.alias, state_words(record), record.release_text) if one)
    lines = [f"{place}: {known}: {verdict_words(record, style)}"]
    for finding in record.findings:
        if finding.severity is not Severity.INFO:
            head = style.severity(finding.severity, f"{finding.severity.value:<8}")
            lines.append(f"  {head}{style.paint(finding.code, 'bold')}  {finding.where}: {finding.message}")
    if note:
        lines.append(f"  {note}")
    return "\n".join(lines) + "\n"
