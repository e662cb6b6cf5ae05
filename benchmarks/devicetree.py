"""verify-dt: one board against dt-validate, a large one by the rules alone, a hundred on every processor."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import KINFO, alternating, best, command, peak_mib, processor, row
from kinfo.dt.blob import HEADER, MAGIC, parse
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
        peer = [DT_VALIDATE, "-s", schema, "-l", "google,debug-kinfo", str(small)]
        size = f"{small.stat().st_size / 1000:.0f} KB"
        found = alternating(
            {
                "bare": [sys.executable, "-c", "pass"],
                "peer": peer,
                "schema": [KINFO, "verify-dt", str(small)],
                "rules": [KINFO, "verify-dt", "--no-schema", str(small)],
            },
            15,
        )
        print(f"{f'dt-validate, one binding, {size}, processor':<46}{found['peer'] * 1e3:>9.1f} ms")
        row(f"kinfo verify-dt, {size}, processor", found["schema"], "dt-validate", found["peer"], "at most 1.1")
        row(f"kinfo verify-dt --no-schema, {size}", found["rules"], "python -c pass", found["bare"], "at most 6")
        whole = best(command(KINFO, "verify-dt", "--no-schema", str(large)), 7)
        size = f"{large.stat().st_size / 1000:.0f} KB, 2,600 nodes"
        print(f"{f'kinfo verify-dt --no-schema, {size}':<46}{whole * 1e3:>9.1f} ms   {'':<28} target: under 1 s")
        data = large.read_bytes()
        parsing, building = best(lambda: parse(data), 9), best(lambda: tree_of(parse(data)), 9)
        print(f"{'  its structure check, in process':<46}{parsing * 1e3:>9.1f} ms; with the tree {building * 1e3:.1f} ms")
        print(f"{'  peak memory':<46}{peak_mib(KINFO, 'verify-dt', '--no-schema', str(large)):>9.1f} MiB")
        many(folder, small, found["peer"])
        hostile(folder, found["bare"])


def hostile(folder: str, bare: float) -> None:
    """Files that were slow once: headers that begin no tree, NOPs, a list without end."""
    header = HEADER.pack(MAGIC, 0x1000, 0x38, 0x48, 0x28, 17, 16, 0, 0, 16)
    nops = cells(1, 0) + cells(4) * (15 << 20) + cells(2, 9)
    named = N("", {}, [N("x", {"compatible": b"a,b\0" * (3 << 20)})])
    for name, data in (
        ("600,000 headers in 28 MB", (header + bytes(7)) * 600_000),
        (
            "60 MB of NOPs",
            HEADER.pack(MAGIC, 56 + len(nops), 56, 56 + len(nops), 40, 17, 16, 0, 0, len(nops)) + bytes(16) + nops,
        ),
        ("a compatible of 12 MB", blob(named)),
    ):
        path = Path(folder, "hostile.bin")
        path.write_bytes(data)
        seconds = min(processor(KINFO, "verify-dt", "--no-schema", str(path)) for _ in range(3))
        row(f"  {name}", seconds, "python -c pass", bare, "at most 60")


def many(folder: str, board_file: Path, peer: float) -> None:
    """Boards in one call, with the schema: seconds for 25, 50 and 100, and the processor time of each."""
    paths = [Path(folder, f"{number}.dtb") for number in range(100)]
    data, reg = board_file.read_bytes(), cells(0, 0x4E000000, 0x10000)
    for number, path in enumerate(paths):  # each with a region of its own: boards that share theirs are validated once
        path.write_bytes(data.replace(reg, cells(0, 0x4E000000 + 0x10000 * number, 0x10000)))
    each = processor(KINFO, "verify-dt", *map(str, paths)) / len(paths)
    row("kinfo verify-dt, each of 100, processor", each, "dt-validate for one", peer, "at most 0.33")
    seconds = [best(command(KINFO, "verify-dt", *map(str, paths[:count])), 1) for count in (25, 50, 100)]
    shown = ", ".join(f"{count}: {taken:.2f} s" for count, taken in zip((25, 50, 100), seconds, strict=True))
    print(f"{'kinfo verify-dt, boards in one call':<46}{shown}   target: linear, every processor busy")
