"""A fleet's regions as files: `python -m benchmarks.fleet_files FOLDER --records 1000000` makes them, 10,000 to a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import fleet

IN_A_FOLDER = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--damaged", type=float, default=fleet.DAMAGED, help="share of damaged ones")
    wanted = parser.parse_args()
    for number in range(wanted.first, wanted.first + wanted.records):
        folder = wanted.folder / f"{number // IN_A_FOLDER:04}"
        if number % IN_A_FOLDER == 0 or number == wanted.first:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:07}.bin").write_bytes(fleet.region(number, damaged=wanted.damaged))


if __name__ == "__main__":
    main()
