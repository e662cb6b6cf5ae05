"""The model's run over a tree's memory, as the kernel's log would tell it."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.dt.boot.memblock import joined
from kinfo.dt.boot.run import Boot
from kinfo.dt.kernels import Outcome, names_text
from kinfo.dt.verify import Verdict
from kinfo.report.style import Style

_STEPS = {
    "memreserve": "/memreserve/",
    "fixed": "regions with reg, in the tree's order",
    "dynamic": "regions without reg, placed",
    "elfcorehdr": "the core header of a crashed kernel",
}


def render(verdict: Verdict, style: Style) -> str:
    """Kernels with the same run share it."""
    same: dict[str, list[Outcome]] = {}
    for one in verdict.kernels:
        same.setdefault("\n".join(_run(one.boot)), []).append(one)
    blocks = []
    for text, rows in same.items():
        head = f"{verdict.label}: early memory on {names_text(one.kernel for one in rows)}"
        blocks.append(f"{style.paint(head, 'bold')}\n{text}")
    return "\n\n".join(blocks) + "\n"


def _speaker(boot: Boot, line: str) -> str:
    """Who logs it: drivers/of/fdt.c read the regions up to 6.6, and reserves the core header still."""
    of_fdt = line.startswith("elfcorehdr") or (line.startswith("Reserved memory:") and not boot.release.late)
    return "fdt" if of_fdt else "reserved mem"


def _run(boot: Boot) -> Iterator[str]:
    if boot.ram_known:
        yield from (f"  RAM           {bank}" for bank in joined(boot.ram))
    else:
        yield "  RAM           not in the tree: all that can be addressed is taken for RAM"
    for one in boot.owned:
        yield f"  in use        {one.extent} {one.name}"
    for place, step in enumerate(boot.release.order, start=1):
        yield f"  {'order' if place == 1 else '':<14}{place}. {_STEPS[step]}"
    if boot.release.late:
        yield f"{'':<16}{len(boot.release.order) + 1}. when memory is mapped: the list of regions with reg"
    for line in boot.log:
        yield f"  OF: {_speaker(boot, line)}: {line}"
    for entry in boot.listed:
        flags = "nomap" if entry.no_map else "map"
        refused = ", refused" if entry.refused else ""
        yield f"  listed        {entry.node.name}: {entry.extent or 'nonsense'}, {flags}{refused}"
    for path, why in boot.missing.items():
        yield f"  not listed    {path}: {why}"
