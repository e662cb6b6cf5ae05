"""compare: a thousand pairs in one call."""

from __future__ import annotations

import tempfile
from pathlib import Path

import kinfo
from benchmarks.measure import KINFO, rate
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
        rate(
            f"kinfo compare, {_PAIRS} pairs in two folders",
            _PAIRS,
            "pairs",
            "over 500/s",
            KINFO,
            "compare",
            str(old),
            str(new),
        )
