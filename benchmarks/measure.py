"""How everything is measured: yardstick and subject in turn, by processor time where that is what is asked; ratios count."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "kinfo" / "samples"
KINFO = str(Path(sys.executable).parent / "kinfo")
MIB = 1 << 20
RATIOS: dict[str, float] = {}  # of every row that was printed, by its name


def best(run: Callable[[], object], times: int) -> float:
    """Shortest of several runs, in seconds."""
    shortest = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        run()
        shortest = min(shortest, time.perf_counter() - started)
    return shortest


def command(*arguments: str | bytes) -> Callable[[], object]:
    return lambda: subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def processor(*arguments: str | bytes) -> float:
    """Processor time of a command and of what it starts, in seconds: a busy machine adds little to it."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command(*arguments)()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def alternating(commands: Mapping[str, Sequence[str | bytes]], times: int) -> dict[str, float]:
    """The median of each one's processor time, measured in turn: what changes in the machine meets all of them."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):
        for name, arguments in commands.items():
            found[name].append(processor(*arguments))
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def row(name: str, seconds: float, yardstick: str, reference: float, target: str) -> None:
    """Print one, and keep its ratio for `make bench-compare`."""
    RATIOS[f"{name} / {yardstick}"] = seconds / reference
    print(f"{name:<46}{seconds * 1e3:>9.1f} ms   {seconds / reference:>5.2f} x {yardstick:<20} target: {target}")


def peak_mib(*arguments: str) -> float:
    code = "import resource,subprocess,sys;subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL);"
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024
