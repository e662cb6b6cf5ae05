"""verify-dt: one board against dt-validate, a large one by the rules alone, a hundred on every processor."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import KINFO, best, command, peak_mib, row
from kinfo.dt.blob import parse
from kinfo.dt.profiles import profile_named
from kinfo.dt.schema import SchemaTool, processed
from kinfo.dt.tree import tree_of
from tests.fdt import N, blob, board, cells, texts

DT_VALIDATE = str(Path(sys.executable).parent / "dt-validate")


def sized(nodes: int) -> bytes:
    """A sound board with this many devices of some 190 bytes each."""
    devices = [
        N(
            f"device@{at:x}",
            {
                "compatible": texts("vendor,some-device-v2", "vendor,device"),
                "reg": cells(0, at, 0x1000),
                "interrupts": cells(0, at, 4),
                "clocks": cells(1, 2, 3, 4),
                "clock-names": texts("core", "iface", "bus"),
                "status": texts("okay"),
            },
        )
        for at in range(nodes)
    ]
    soc = N(
        "soc",
        {"compatible": texts("simple-bus"), "#address-cells": cells(2), "#size-cells": cells(1), "ranges": b""},
        devices,
    )
    return blob(board("vendor,board", soc))


def everything() -> None:
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.dtb"), Path(folder, "large.dtb")
        small.write_bytes(sized(250))
        large.write_bytes(sized(2600))
        os.environ["XDG_CACHE_HOME"] = folder
        schema = processed(profile_named("downstream"), SchemaTool(str(Path(folder, "kinfo", "schema"))))
        bare = best(command(sys.executable, "-c", "pass"), 21)
        peer = best(command(DT_VALIDATE, "-s", schema, "-l", "google,debug-kinfo", str(small)), 15)
        size = f"{small.stat().st_size / 1000:.0f} KB"
        print(f"{f'dt-validate, one binding, {size}':<46}{peer * 1e3:>9.1f} ms")
        row(f"kinfo verify-dt, {size}", best(command(KINFO, "verify-dt", str(small)), 15), "dt-validate", peer, "at most 1.2")
        rules = best(command(KINFO, "verify-dt", "--no-schema", str(small)), 15)
        row(f"kinfo verify-dt --no-schema, {size}", rules, "python -c pass", bare, "at most 8")
        whole = best(command(KINFO, "verify-dt", "--no-schema", str(large)), 7)
        size = f"{large.stat().st_size / 1000:.0f} KB, 2,600 nodes"
        print(f"{f'kinfo verify-dt --no-schema, {size}':<46}{whole * 1e3:>9.1f} ms   {'':<28} target: under 1 s")
        data = large.read_bytes()
        parsing, building = best(lambda: parse(data), 9), best(lambda: tree_of(parse(data)), 9)
        print(f"{'  its structure check, in process':<46}{parsing * 1e3:>9.1f} ms; with the tree {building * 1e3:.1f} ms")
        print(f"{'  peak memory':<46}{peak_mib(KINFO, 'verify-dt', '--no-schema', str(large)):>9.1f} MiB")
        many(folder, small)


def many(folder: str, board_file: Path) -> None:
    """Boards in one call, with the schema: seconds for 25, 50 and 100."""
    paths = [Path(folder, f"{number}.dtb") for number in range(100)]
    data, reg = board_file.read_bytes(), cells(0, 0x4E000000, 0x10000)
    for number, path in enumerate(paths):  # each with a region of its own: boards that share theirs are validated once
        path.write_bytes(data.replace(reg, cells(0, 0x4E000000 + 0x10000 * number, 0x10000)))
    seconds = [best(command(KINFO, "verify-dt", *map(str, paths[:count])), 1) for count in (25, 50, 100)]
    shown = ", ".join(f"{count}: {each:.2f} s" for count, each in zip((25, 50, 100), seconds, strict=True))
    print(f"{'kinfo verify-dt, boards in one call':<46}{shown}   target: linear, every processor busy")
