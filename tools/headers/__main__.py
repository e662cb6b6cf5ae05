"""`python -m tools.headers --cases 100000 [--seed 1] [--compiler gcc]`: the C header against decoding, on changed records.

Exits 1 when the header says a layout, a sum or a value that decoding does not bear out, or a sanitizer speaks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path

from tools.headers import cases as made
from tools.headers import compare

_PIECE = 5000
_SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compiler", default="gcc")
    given = parser.parse_args()
    total: Counter[str] = Counter()
    wrong, start = 0, time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        probe = compare.build(Path(folder), given.compiler)
        rest = made.cases(given.cases, given.seed)
        while piece := list(islice(rest, _PIECE)):
            said = compare.ask(probe, piece, Path(folder) / "cases")
            total += compare.tally(said)
            for number, (data, one) in enumerate(zip(piece, said, strict=True)):
                for line in compare.contradictions(data, one):
                    wrong += 1
                    if wrong <= _SHOWN:
                        print(f"case {sum(total.values()) - len(piece) + number}: {line}")
    counts = ", ".join(f"{name} {total[name]:,}" for name in compare.STATUSES)
    print(f"{sum(total.values()):,} cases of seed {given.seed} by {given.compiler} with sanitizers: {counts}; {wrong} wrong")
    print(f"{time.process_time() - start:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
