"""A ring of 2 MiB with 100,000 events made text, against trace-cmd report on the same data."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import KINFO, alternating, command, row
from tests import trace_rings as rings

_EVENTS, _PAGE = 100_000, 4080


def region() -> bytes:
    """Mostly small events, as interrupts leave them; every eighth a switch between tasks."""
    pages: list[list[rings.Event]] = [[]]
    room = _PAGE
    for number in range(_EVENTS):
        time = 1_000_000_000 + 1000 * number
        if number % 8:
            event = rings.vector(time, number % 10)
        else:
            event = rings.switch(time, (f"task-{number % 50}", number % 50), (f"task-{(number + 8) % 50}", (number + 8) % 50))
        size = 4 + len(event.data)
        if size > room:
            pages.append([])
            room = _PAGE
        pages[-1].append(event)
        room -= size
    return rings.old_region([rings.ring(pages)])


def everything() -> None:
    tool = shutil.which("trace-cmd")
    if tool is None:
        print("trace-cmd is not installed: reading traces is not measured")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = region()
        (folder / "region").write_bytes(raw)
        (folder / "head.dat").write_bytes(rings.head_dat((rings.VECTOR, rings.SWITCH, rings.PRINT, rings.FUNCTION)))
        command(KINFO, "trace", str(folder / "region"), "-o", name)()
        parts = [str(path) for path in sorted(folder.glob("*.raw"))]
        trace = str(folder / "trace.dat")
        subprocess.run(
            [tool, "restore", "-o", trace, "-i", str(folder / "head.dat"), *parts], check=True, capture_output=True
        )
        found = alternating(
            {
                "kinfo": (KINFO, "trace", str(folder / "region"), "--text", "--head", str(folder / "head.dat")),
                "trace-cmd": (tool, "report", "-i", trace),
            },
            5,
        )
    row(
        f"kinfo trace --text, {_EVENTS:,} events, {len(raw) >> 20} MiB",
        found["kinfo"],
        "trace-cmd report (CPU)",
        found["trace-cmd"],
        "at most 2",
    )
