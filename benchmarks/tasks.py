"""Tasks: `ps` and `backtrace` of 500, whole processes in turn with `python -c pass`.

drgn needs the debug information of a real kernel for the same: debugged.py measures it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import KINFO, alternating, row
from tests.kernels.tasks import TaskSpec, world

_TASKS = 500


def everything() -> None:
    """All of this module's rows."""
    named = [TaskSpec(1, "init", parent=0), *(TaskSpec(number, f"task-{number}") for number in range(10, 10 + _TASKS - 1))]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "ram.elf"))
        world(tasks=named, ram=32 << 20).kernel.write_elf(path)
        found = alternating(
            {
                "bare": (sys.executable, "-c", "pass"),
                "ps": (KINFO, "ps", path),
                "backtrace": (KINFO, "backtrace", path),
                "backtrace --all": (KINFO, "backtrace", "--all", path),
            },
            9,
        )
    for name, target in (("ps", "-"), ("backtrace", "-"), ("backtrace --all", "-")):
        row(f"kinfo {name}, {_TASKS} tasks, processor", found[name], "python -c pass", found["bare"], target)


if __name__ == "__main__":
    everything()
