"""`make bench-compare OLD=FILE NEW=FILE`: which ratios of two runs of `make bench` got worse.

Ratios only: yardstick and subject ran in turn on one machine, so that two machines can be held together. Exit 1 for a ratio
that grew by more than 15 %, or that the new run does not have.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

MOST = 1.15


def worse(old: Mapping[str, float], new: Mapping[str, float]) -> Iterator[str]:
    """A line for each ratio that got worse."""
    for name, before in old.items():
        if name not in new:
            yield f"{name}: {before:.2f} before, not measured now"
        elif new[name] > before * MOST:
            yield f"{name}: {before:.2f} before, {new[name]:.2f} now (+{new[name] / before - 1:.0%})"


def main(arguments: list[str]) -> int:
    """Print what got worse."""
    if len(arguments) != 2:
        print("make bench-compare OLD=FILE NEW=FILE: two files that `make bench JSON=FILE` wrote", file=sys.stderr)
        return 2
    try:
        old, new = (json.loads(Path(path).read_text())["ratios"] for path in arguments)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"cannot be compared: {error}; name two files that `make bench JSON=FILE` wrote", file=sys.stderr)
        return 2
    found = list(worse(old, new))
    print("\n".join(found) or f"{len(old)} ratios, none more than {MOST - 1:.0%} worse")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
