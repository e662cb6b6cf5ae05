"""What is known of a kernel whose image is not in the dump, as a screen and as a document."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from kinfo.kernel.printk.without_kernel import WithoutKernel
from kinfo.printable import printable
from kinfo.report import triage
from kinfo.report.columns import Row, pairs, row
from kinfo.report.findings import finding_lines
from kinfo.report.style import Style

_MISSING = "symbols, tasks, stacks, modules, page tables"


def text(found: WithoutKernel, style: Style, words: Sequence[str]) -> str:
    """The screen; `words` name the dump on a command line."""
    sections: list[tuple[str, Iterable[str | Row]]] = [
        ("Crash", triage.lines(found.triage)),
        ("Kernel", _facts(found)),
        ("Findings", finding_lines(found.findings, style)),
    ]
    room = max(triage.ROOM, *(len(key) + 2 for key, _, _ in found.facts)) if found.facts else triage.ROOM
    blocks = [[style.paint(title, "bold"), *body] for title, lines in sections if (body := list(pairs(lines, room, style)))]
    shown = "\n\n".join("\n".join(block) for block in blocks) + "\n"
    if found.triage.log is None:
        return shown
    name = shlex.join(words)
    steps = ((f"kinfo dmesg {name}", "the kernel's log"), (f"kinfo table {name}", "the regions, and which series wrote them"))
    width = max(len(command) for command, _ in steps)
    return shown + "\nNext:\n" + "".join(f"  {command:<{width}}    # {why}\n" for command, why in steps)


def _facts(found: WithoutKernel) -> Iterator[Row]:
    yield row("dump", printable(found.name))
    for key, value, source in found.facts:
        yield row(printable(key), f"{printable(value)}, by {printable(source)}")
    yield row("not in it", f"{_MISSING}: {printable(found.reason)}")


def document(found: WithoutKernel) -> dict[str, object]:
    """The same as plain data."""
    from kinfo.report.document import finding_data

    return {
        "schema_version": 1,
        **triage.document(found.triage),
        "memory": {"name": found.name},
        "facts": [{"name": key, "value": value, "source": source} for key, value, source in found.facts],
        "not_in_it": {"what": _MISSING, "reason": found.reason},
        "findings": [finding_data(one) for one in found.findings],
    }
