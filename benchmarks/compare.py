"""compare: two records against `python -c pass`, and a thousand pairs in one call."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import kinfo
from benchmarks.measure import KINFO, best, command, row
from tests.synthetic import make_fields

_PAIRS = 1000


def everything() -> None:
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old"), Path(folder, "new")
        for where, changes in ((old, {}), (new, {"build_info": ""})):
            where.mkdir()
            for seed in range(_PAIRS):
                (where / f"{seed}.bin").write_bytes(kinfo.encode(make_fields("C", seed) | changes, "C").ljust(4096, b"\0"))
        bare = best(command(sys.executable, "-c", "pass"), 21)
        two = best(command(KINFO, "compare", str(old / "1.bin"), str(new / "1.bin")), 15)
        row("kinfo compare, two records", two, "python -c pass", bare, "at most 8")
        seconds = best(command(KINFO, "compare", str(old), str(new)), 3)
        rate = f"{_PAIRS / seconds:,.0f} pairs/s"
        print(f"{f'kinfo compare, {_PAIRS} pairs in two folders':<46}{seconds * 1e3:>9.1f} ms   {rate:<28} target: over 500/s")
