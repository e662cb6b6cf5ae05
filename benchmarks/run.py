"""`make bench`: kinfo against its yardsticks, all in one run on one machine; ratios are what counts.

Nothing is asserted here; the targets are printed beside what was measured.
"""

from __future__ import annotations

import argparse
import compileall
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import compare, debugged, devicetree, facts, kernel, log, minidump, record, tasks, trace
from benchmarks.measure import RATIOS, ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="size of the file that is searched")
    parser.add_argument("--json", type=Path, help="write the ratios here, for make bench-compare")
    parser.add_argument("--core", type=Path, help="the core of a kernel whose debug information is in --vmlinux")
    parser.add_argument("--vmlinux", type=Path, help="that kernel's vmlinux, for drgn")
    given = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.platform()}")
    compileall.compile_dir(ROOT / "kinfo", quiet=1)
    parts: tuple[Callable[[], object], ...] = (
        record.start_up,
        record.library,
        record.many,
        *(part.everything for part in (compare, devicetree, kernel, log, tasks, trace, facts)),
        lambda: debugged.everything(given.core, given.vmlinux),
        lambda: minidump.everything(given.mib),
        lambda: record.search(given.mib),
    )
    failed = [error for part in parts if (error := _failed(part))]
    if given.json:
        given.json.write_text(json.dumps({"python": sys.version, "ratios": RATIOS}, indent=1) + "\n")
    if failed:
        sys.exit("\n".join(("parts that were not measured whole:", *failed)))


def _failed(part: Callable[[], object]) -> str:
    """Measure a part; what went wrong, if anything did: the others are measured all the same."""
    try:
        part()
    except Exception as error:  # noqa: BLE001  # a peer that is broken here, a full disk
        where = f"{part.__module__}.{part.__name__}: {type(error).__name__}: {error}"
        print(f"NOT MEASURED: {where}")
        return where
    return ""


if __name__ == "__main__":
    main()
