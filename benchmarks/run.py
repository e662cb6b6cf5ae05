"""`make bench`: kinfo against its yardsticks, all in one run on one machine; ratios are what counts.

Nothing is asserted here; the targets are printed beside what was measured.
"""

from __future__ import annotations

import argparse
import compileall

from benchmarks import compare, devicetree, facts, kernel, log, record, tasks
from benchmarks.measure import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="size of the file that is searched")
    size = parser.parse_args().mib
    compileall.compile_dir(ROOT / "kinfo", quiet=1)
    record.start_up()
    record.library()
    compare.everything()
    devicetree.everything()
    kernel.everything()
    log.everything()
    tasks.everything()
    facts.everything()
    record.search(size)


if __name__ == "__main__":
    main()
