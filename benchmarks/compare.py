"""compare: a thousand pairs in one call."""

from __future__ import annotations

import tempfile
from pathlib import Path

import kinfo
from benchmarks.measure import KINFO, best, command
from tests.synthetic import make_fields

_PAIRS = 1000


def everything() -> None:
    with tempfile.TemporaryDirectory() as folder:
        old, new = Path(folder, "old"), Path(folder, "new")
        for where, changes in ((old, {}), (new, {"build_info": ""})):
            where.mkdir()
            for seed in range(_PAIRS):
                record = kinfo.encode(make_fields("C", seed) | changes, "C")
                (where / f"{seed}.bin").write_bytes(record.ljust(4096, b"\0"))
        seconds = best(command(KINFO, "compare", str(old), str(new)), 3)
        rate = f"{_PAIRS / seconds:,.0f} pairs/s"
        print(
            f"{f'kinfo compare, {_PAIRS} pairs in two folders':<46}{seconds * 1e3:>9.1f} ms   {rate:<28} target: over 500/s"
        )
