"""Start-up, decoding, and the search for records, against `python -c pass` and grep."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import kinfo
from benchmarks.measure import KINFO, MIB, SAMPLES, best, command, peak_mib, row
from kinfo.memory import BytesDump


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
    for path in sorted(SAMPLES.glob("*.bin")):
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
        words = best(command(KINFO, "find", path, "--step", "4"), 5)
        row("kinfo find --step 4", words, "grep -obUaF", fixed, "at most 1")
        row("kinfo regions", best(command(KINFO, "regions", path), 5), "kinfo find --step 4", words, "at most 1")
        for step in ("4096", "4"):
            peak = peak_mib(KINFO, "find", path, "--step", step)
            print(f"{f'peak memory of kinfo find --step {step}':<46}{peak:>9.1f} MiB")
