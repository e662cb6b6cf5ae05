"""core: the regions of a minidump against cat of the same files, and the header work alone against `python -c pass`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import KINFO, MIB, best, command, peak_mib, row
from tests import minidumps

_REGIONS = 16
_RUNS = 3


def everything(mib: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        small = minidumps.make(extra=[minidumps.dynamic(id_, 64) for id_ in range(48, 201)])
        small.write(Path(folder, "small"))
        bare = best(command(sys.executable, "-c", "pass"), 21)
        made = best(command(KINFO, "core", f"{folder}/small", "-o", f"{folder}/core", "--force"), 15)
        row(f"kinfo core, header work of {len(small.regions)} regions", made, "python -c pass", bare, "at most 9")
        _large(Path(folder), mib * MIB // _REGIONS)


def _large(folder: Path, size: int) -> None:
    """Regions of `size` bytes, one file by many names: what is read and written is the same, and the disk holds it once."""
    late = [minidumps.dynamic(id_, 4) for id_ in range(48, 48 + _REGIONS)]
    made = minidumps.make(extra=late)
    made.kelf = minidumps.kelf(made.regions, made.vmcoreinfo, sizes={one.id: size for one in late})
    files = made.write(folder / "md")
    with open(folder / "one", "wb") as file:
        file.writelines(os.urandom(MIB) for _ in range(size // MIB))
    for one in late:
        (files / made.name(one.id)).unlink()
        os.link(folder / "one", files / made.name(one.id))
    words = {
        "cat": ("sh", "-c", f"cat {files}/*.BIN > {folder}/out"),
        "kinfo": (KINFO, "core", str(files), "-o", f"{folder}/out"),
    }
    times = dict.fromkeys(words, float("inf"))
    for _ in range(_RUNS):  # in turn: what changes in the machine meets both
        for name, argv in words.items():
            Path(folder, "out").unlink(missing_ok=True)
            os.sync()
            started = time.perf_counter()
            command(*argv)()
            times[name] = min(times[name], time.perf_counter() - started)
    speed = times["cat"] / times["kinfo"]
    print(
        f"{'kinfo core, regions of ' + str(size * _REGIONS // MIB) + ' MiB':<46}{times['kinfo'] * 1e3:>9.1f} ms   "
        f"{speed:>5.2f} of the speed of cat      target: at least 0.85"
    )
    Path(folder, "out").unlink(missing_ok=True)
    print(f"{'  memory':<46}{peak_mib(*words['kinfo']):>9.1f} MiB                                target: under 60")
    shutil.rmtree(files)
