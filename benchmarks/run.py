"""`make bench`: kinfo against its yardsticks, all in one run on one machine; ratios are what counts.

Start-up and decoding are measured against `python -c pass`, searching against grep. Nothing is asserted here; the targets are
printed beside what was measured.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import kinfo
from kinfo.memory import BytesDump

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "kinfo" / "samples"
KINFO = str(Path(sys.executable).parent / "kinfo")
MIB = 1 << 20


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


def row(name: str, seconds: float, yardstick: str, reference: float, target: str) -> None:
    print(f"{name:<46}{seconds * 1e3:>9.1f} ms   {seconds / reference:>5.2f} x {yardstick:<20} target: {target}")


def start_up() -> None:
    bare = best(command(sys.executable, "-c", "pass"), 21)
    print(f"{'python -c pass':<46}{bare * 1e3:>9.1f} ms")
    region = str(SAMPLES / "pixel-5.10.bin")
    for name, arguments, target in (
        ("kinfo --help", ("--help",), "at most 4"),
        ("kinfo decode REGION (4 KiB)", ("decode", region), "at most 7"),
        ("kinfo decode REGION --format json", ("decode", region, "--format", "json"), "at most 7"),
    ):
        row(name, best(command(KINFO, *arguments), 21), "python -c pass", bare, target)


def library() -> None:
    for path in sorted(SAMPLES.iterdir()):
        data = BytesDump(path.read_bytes())
        record = kinfo.decode(data)
        seconds = best(lambda data=data, at=record.offset: kinfo.decode(data, offset=at), 300)  # type: ignore[misc]
        target = "under 1 ms" if record.state.verified else "none: a flipped bit is traced"
        print(f"{'kinfo.decode of ' + path.name:<46}{seconds * 1e3:>9.2f} ms   {'':<28} target: {target}")


def big_file(folder: str, mib: int) -> Path:
    """RAM-like: a third zero, some 0xff, the rest random; the record near the end."""
    path = Path(folder) / "ram"
    random_block = os.urandom(MIB)
    with path.open("wb") as file:
        for index in range(mib):
            place = index % 100
            file.write(bytes(MIB) if place < 35 else b"\xff" * MIB if place < 42 else random_block)
        file.seek((mib - 2) * MIB)
        file.write((SAMPLES / "pixel-5.10.bin").read_bytes())
    return path


def peak_mib(*arguments: str) -> float:
    code = "import resource,subprocess,sys;subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL);"
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def search(mib: int) -> None:
    if shutil.which("grep") is None:
        print("grep is not installed: the search is not measured")
        return
    os.environ["LC_ALL"] = "C"
    with tempfile.TemporaryDirectory() as folder:
        path = str(big_file(folder, mib))
        perl = best(command("grep", "-obUaP", r"\xff\xdd\xee\xcc", path), 5)
        fixed = best(command("grep", "-obUaF", b"\xff\xdd\xee\xcc", path), 5)
        print(f"{f'grep -obUaP over {mib} MiB, warm':<46}{perl * 1e3:>9.1f} ms")
        print(f"{f'grep -obUaF over {mib} MiB, warm':<46}{fixed * 1e3:>9.1f} ms")
        row("kinfo find (pages)", best(command(KINFO, "find", path), 5), "grep -obUaP", perl, "below 1")
        row("kinfo find --step 4", best(command(KINFO, "find", path, "--step", "4"), 5), "grep -obUaF", fixed, "at most 1")
        for step in ("4096", "4"):
            peak = peak_mib(KINFO, "find", path, "--step", step)
            print(f"{f'peak memory of kinfo find --step {step}':<46}{peak:>9.1f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="size of the file that is searched")
    size = parser.parse_args().mib
    compileall.compile_dir(ROOT / "kinfo", quiet=1)
    start_up()
    library()
    search(size)


if __name__ == "__main__":
    main()
