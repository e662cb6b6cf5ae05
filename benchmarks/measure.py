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


class Taken(float):
    """Seconds of processor time, user and system, of a command and of what it starts; `wall` are those that passed."""

    wall: float


def taken(seconds: float, wall: float) -> Taken:
    found = Taken(seconds)
    found.wall = wall
    return found


def processor(*arguments: str | bytes) -> Taken:
    """What a command takes: a busy machine adds little to its processor time."""
    import resource

    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command(*arguments)()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def alternating(commands: Mapping[str, Sequence[str | bytes]], times: int) -> dict[str, Taken]:
    """The medians of what each takes, measured in turn: what changes in the machine meets all of them."""
    return _medians({name: lambda one=one: processor(*one) for name, one in commands.items()}, times)  # type: ignore[misc]


def calls(runs: Mapping[str, Callable[[], object]], times: int) -> dict[str, Taken]:
    """The same for functions of this process."""

    def run(one: Callable[[], object]) -> Taken:
        before, started = time.process_time(), time.perf_counter()
        one()
        return taken(time.process_time() - before, time.perf_counter() - started)

    return _medians({name: lambda one=one: run(one) for name, one in runs.items()}, times)  # type: ignore[misc]


def _medians(runs: Mapping[str, Callable[[], Taken]], times: int) -> dict[str, Taken]:
    found: dict[str, list[Taken]] = {name: [] for name in runs}
    for _ in range(times):
        for name, run in runs.items():
            found[name].append(run())
    return {name: taken(statistics.median(all_), statistics.median(one.wall for one in all_)) for name, all_ in found.items()}


def row(name: str, seconds: float, yardstick: str, reference: float, target: str) -> None:
    """Print one, and keep its ratio for `make bench-compare`."""
    RATIOS[f"{name} / {yardstick}"] = seconds / reference
    wall = f" (wall {seconds.wall * 1e3:.0f} ms)" if isinstance(seconds, Taken) else ""
    print(f"{name:<46}{seconds * 1e3:>9.1f} ms   {seconds / reference:>5.2f} x {yardstick:<20} target: {target}{wall}")


def rate(name: str, count: int, what: str, target: str, *arguments: str) -> None:
    """Print how many of something a command gets through, of its processor time and of the time that passed."""
    took = statistics.median_low([processor(*arguments) for _ in range(3)])
    passed = f"(wall {took.wall * 1e3:.0f} ms: {count / took.wall:,.0f}/s)"
    print(f"{name:<46}{took * 1e3:>9.1f} ms   {count / took:,.0f} {what}/s a processor   target: {target} {passed}")


def peak_mib(*arguments: str) -> float:
    code = "import resource,subprocess,sys;subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL);"
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024
