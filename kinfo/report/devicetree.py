"""Verdicts on trees: a screen of text, plain data, and the memory map in characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kinfo.dt.boot.verdict import Held
from kinfo.dt.check.place import split
from kinfo.dt.check.schema import SCHEMA_SKIPPED
from kinfo.dt.driver import Probe
from kinfo.dt.kernels import Outcome, names_text
from kinfo.dt.memory_map import Mapped
from kinfo.dt.ranges import Range, bytes_text
from kinfo.dt.verify import KinfoMemory, Verdict
from kinfo.findings import Finding
from kinfo.report.columns import Column, Row, Shape, pairs, row
from kinfo.report.findings import counted
from kinfo.report.style import Style
from kinfo.typed import Any

_OUTCOME = {"sound": "green", "broken": "red", "none": "yellow", "undecided": "yellow"}
_LETTERS = {"region": ".", "kinfo": "#", "memreserve": "m", "chosen": "c", "image": "k"}
_WIDTH = 16
_LISTED = (Column("", 44), Column("", 8, 0), Column("", 0, 0), Column(), Column("", is_text=True))
_ROOM = 14  # letters of a row's name
_NEAR = 3  # regions shown on each side of the kinfo memory; the rest are counted


def render(verdict: Verdict, style: Style) -> str:
    """The whole screen for one tree."""
    blocks = ["\n".join(pairs(_head(verdict, style), _ROOM, style))]
    if verdict.findings:
        blocks.append("\n".join([style.paint("Findings", "bold"), *_findings(verdict, style)]))
    if verdict.snippet:
        blocks.append(
            "\n".join([style.paint(f"As profile {verdict.profile.name} wants it", "bold"), verdict.snippet.rstrip()])
        )
    if verdict.memory and verdict.memory_map:
        blocks.append("\n".join([style.paint("Memory map", "bold"), *draw(verdict.memory_map, style)]))
    return "\n\n".join(blocks) + "\n"


def line(verdict: Verdict, style: Style) -> str:
    """One line for a tree that is one of many."""
    return f"{style.paint(verdict.label, 'bold')}: {_outcome(verdict, style)}\n"


def listed(label: str, kind: str, size: int, nodes: int, inside: str, style: Style) -> Iterator[str]:
    """A tree of a list, as they come: its size in bytes, how many kinfo nodes it has, and what holds it."""
    shape = Shape(_LISTED, [row("", "overlay", "123456789 bytes", "1 kinfo", "")], style, indent=0, titled=False)
    return shape.lines(row(label, kind, f"{size:>9} bytes", f"{nodes} kinfo", inside))


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many trees came out how."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    parts = [f"{counts['broken']} broken", f"{counts['sound']} sound", f"{counts['none']} without a kinfo node"]
    if counts["undecided"]:
        parts.append(f"{counts['undecided']} undecided")
    return f"{len(verdicts)} trees: {', '.join(parts)}\n{_skipped(verdicts)}"


def _skipped(verdicts: Sequence[Verdict]) -> str:
    """A line that says why no schema was checked, where that is so."""
    notes = {one.message for verdict in verdicts for one in verdict.findings if one.code == SCHEMA_SKIPPED.code}
    return "".join(f"the schema was not checked: {note}\n" for note in sorted(notes))


def document(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What JSON and YAML show; docs/verify-dt.schema.json describes it."""
    from kinfo.report.document import SCHEMA_VERSION

    return {"schema_version": SCHEMA_VERSION, "trees": [_data(verdict) for verdict in verdicts]}


def _outcome(verdict: Verdict, style: Style) -> str:
    parts = counted(verdict.findings)
    word = {"none": "no kinfo node", "broken": "not sound"}.get(verdict.outcome, verdict.outcome)
    shown = style.paint(word, "bold", _OUTCOME[verdict.outcome])
    return shown + (f": {', '.join(parts)}" if parts and verdict.outcome != "none" else "")


def _head(verdict: Verdict, style: Style) -> Iterator[str | Row]:
    yield f"{style.paint(verdict.label, 'bold')}: {_outcome(verdict, style)}"
    if verdict.inside:
        yield row("inside", verdict.inside)
    yield from _kernels(verdict, style)
    if verdict.memory:
        yield row("profile", f"{verdict.profile.name}: {verdict.profile.title}")
        yield row("", verdict.reason)
    for memory in verdict.memory:
        yield from _memory(memory)


def _memory(memory: KinfoMemory) -> Iterator[Row]:
    yield row("kinfo node", memory.node)
    if not memory.region:
        yield row("region", "none that the kernel would find")
        return
    if memory.region != memory.node:
        yield row("region", memory.region)
    flags = "no-map" if memory.no_map else "mapped by the kernel"
    size = f"{bytes_text(memory.size or 0)}, address chosen at boot"
    yield row("asked for", f"{memory.extent or size}, {memory.placing}, {flags}")
    yield row("mapped by", ", ".join(memory.mappers) or "nobody that is known")


def _kernels(verdict: Verdict, style: Style) -> Iterator[Row]:
    """The two verdicts; kernels that agree share a line."""
    for name, texts in (
        ("memory", [(one.kernel, _memory_text(one.memory, style)) for one in verdict.kernels]),
        ("driver", [(one.kernel, _driver_text(one.driver, style)) for one in verdict.kernels]),
    ):
        same: dict[str, list[str]] = {}
        for kernel, text in texts:
            same.setdefault(text, []).append(kernel)
        for place, (text, kernels) in enumerate(same.items()):
            yield row("" if place else name, f"{text} [on {names_text(kernels)}]")


def _memory_text(memory: Held, style: Style) -> str:
    if memory.outcome == "lost":
        return f"{style.paint('lost', 'bold', 'red')}: {memory.why}"
    where = f" at {memory.extent.base:#x}-{memory.extent.end - 1:#x}" if memory.extent else ""
    flags = "no-map" if memory.no_map else "mapped by the kernel"
    return f"{style.paint('held', 'green')}{where}, {flags}" + (f"; {memory.why}" if memory.why else "")


def _driver_text(driver: Probe, style: Style) -> str:
    colour = {"works": ("green",), "fails": ("bold", "red"), "unknown": ("yellow",)}[driver.outcome]
    return f"{style.paint({'unknown': 'not known'}.get(driver.outcome, driver.outcome), *colour)}: {driver.why}"


def _findings(verdict: Verdict, style: Style) -> Iterator[str]:
    for finding in verdict.findings:
        head = style.severity(finding.severity, f"{finding.severity.value:<8}")
        node, name = split(finding.where)
        yield f"  {head}{style.paint(finding.code, 'bold')}  {finding.effect}"
        yield f"          why:    {node}: {f'{name}: ' if name else ''}{finding.message}"
        if place := verdict.places.get(finding.where):
            yield f"          at:     {place}"
        if source := verdict.sources.get(finding.where):
            yield f"          {source}"
        yield f"          do:     {finding.remedy}"


def draw(mapped: Sequence[Mapped], style: Style) -> Iterator[str]:
    """A line for each stretch of memory, RAM banks as frames around what lies in them; far regions are counted only."""
    shown = _near(mapped)
    bank: Range | None = None
    for one, hidden in shown:
        while bank and one.extent.base >= bank.end:
            yield _frame(bank.end)
            bank = None
        if one.kind == "ram":
            yield _frame(one.extent.base, f"RAM, {bytes_text(one.extent.size)}")
            bank = one.extent
            continue
        if hidden:
            yield f"  {'':<14} |{'':{_WIDTH}}| {hidden} more region{'s' if hidden > 1 else ''}"
        yield _stretch(one, style)
    if bank:
        yield _frame(bank.end)


def _near(mapped: Sequence[Mapped]) -> Iterator[tuple[Mapped, int]]:
    """What is shown, with how many regions were left out before it."""
    others = [place for place, one in enumerate(mapped) if one.kind != "ram"]
    ours = [place for place, where in enumerate(others) if mapped[where].kind != "region"]
    near = {others[at] for place in ours for at in range(max(place - _NEAR, 0), min(place + _NEAR + 1, len(others)))}
    hidden = 0
    for place, one in enumerate(mapped):
        if one.kind == "ram" or place in near:
            yield one, 0 if one.kind == "ram" else hidden
            hidden = hidden if one.kind == "ram" else 0
        else:
            hidden += 1


def _frame(address: int, text: str = "") -> str:
    return f"  {address:#014x} +{'-' * _WIDTH}+ {text}".rstrip()


def _stretch(one: Mapped, style: Style) -> str:
    body = _LETTERS[one.kind] * _WIDTH
    text = f"{one.name}, {bytes_text(one.extent.size)}"
    if one.kind == "kinfo":
        body, text = style.paint(body, "bold", "green"), style.paint(f"{text}  <- kinfo", "bold")
    return f"  {one.extent.base:#014x} |{body}| {text}"


def _data(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "label": verdict.label,
        "inside": verdict.inside,
        "outcome": verdict.outcome,
        "profile": {"name": verdict.profile.name, "title": verdict.profile.title, "reason": verdict.reason},
        "kernels": [_kernel_data(one) for one in verdict.kernels],
        "memory": [_memory_data(memory) for memory in verdict.memory],
        "findings": [_finding_data(finding, verdict) for finding in verdict.findings],
        "memory_map": [{"kind": one.kind, "name": one.name, **_extent(one.extent)} for one in verdict.memory_map],
        "snippet": verdict.snippet,
    }


def _kernel_data(one: Outcome) -> dict[str, Any]:
    extent = one.memory.extent
    return {
        "kernel": one.kernel,
        "memory": {
            "outcome": one.memory.outcome,
            "start": f"{extent.base:#x}" if extent else None,
            "end": f"{extent.end - 1:#x}" if extent else None,
            "no_map": one.memory.no_map,
            "why": one.memory.why,
        },
        "driver": {"outcome": one.driver.outcome, "why": one.driver.why},
    }


def _memory_data(memory: KinfoMemory) -> dict[str, Any]:
    return {
        "node": memory.node,
        "region": memory.region or None,
        "address": f"{memory.extent.base:#x}" if memory.extent else None,
        "size": None if memory.size is None else f"{memory.size:#x}",
        "placing": memory.placing or None,
        "no_map": memory.no_map,
        "mappers": list(memory.mappers),
    }


def _extent(extent: Range) -> dict[str, str]:
    return {"address": f"{extent.base:#x}", "size": f"{extent.size:#x}"}


def _finding_data(finding: Finding, verdict: Verdict) -> dict[str, str | int | None]:
    from kinfo.report.document import finding_data

    node, property_ = split(finding.where)
    place = verdict.places.get(finding.where)
    return {
        **finding_data(finding),
        "node": node,
        "property": property_ or None,
        "value": verdict.sources.get(finding.where),
        "file": place.file if place else None,
        "line": place.line if place else None,
    }
