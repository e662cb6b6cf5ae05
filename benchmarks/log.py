"""The kernel's log: 1 MiB of it through a record against `python -c pass`, and out of a core against vmcore-dmesg and drgn.

drgn has the ring's types from debug information that gcc makes, and is asked for the records alone; its start is counted, as
the others' is.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks.measure import KINFO, alternating, peak_mib, row
from tests.kernels.printk import PRB, Ring, places, ram_with_log, ring_core
from tests.kernels.printk_types import compiled

_MESSAGES = 40_000  # more than there is room for: the ring is full
_DRGN = """
import json, sys
import drgn
from drgn.helpers.linux.printk import get_printk_records
program = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
for va, path in json.load(open(sys.argv[2])).items():
    data = open(path, "rb").read()
    program.add_memory_segment(int(va), len(data), lambda _va, size, at, _is_pa, data=data: data[at : at + size])
program.extra_module("types", create=True).try_file(sys.argv[1], force=True)
for record in get_printk_records(program):
    sys.stdout.buffer.write(b"[%5d.%06d] %b\\n" % (*divmod(record.timestamp // 1000, 10**6), record.text))
"""


def everything() -> None:
    """All of this module's rows."""
    ring = Ring(15, 20)  # CONFIG_LOG_BUF_SHIFT=20
    for number in range(_MESSAGES):
        text = b"usb %d-%d: new high-speed USB device number %d using xhci_hcd" % (number % 7, number % 3, number)
        ring.store(text[: 30 + number % 50], number * 100_000_000, number % 8)
    with tempfile.TemporaryDirectory() as folder:
        _with_record(ring, Path(folder))
        _peers(ring, Path(folder))


def _with_record(ring: Ring, folder: Path) -> None:
    ram_with_log(folder / "ram.elf", ring)
    ours = (KINFO, "dmesg", str(folder / "ram.elf"))
    found = alternating({"bare": (sys.executable, "-c", "pass"), "ours": ours}, 15)
    row("kinfo dmesg, 1 MiB log, with a record", found["ours"], "python -c pass", found["bare"], "at most 8")
    print(f"{'  its peak memory':<46}{peak_mib(*ours):>9.1f} MiB")


def _peers(ring: Ring, folder: Path) -> None:
    core = folder / "core.elf"
    ring_core(core, ring)
    commands: dict[str, tuple[str, ...]] = {"ours": (KINFO, "dmesg", str(core))}
    if program := shutil.which("vmcore-dmesg"):
        commands["vmcore-dmesg"] = (program, str(core))
    else:
        print("vmcore-dmesg is not installed (apt-get install kexec-tools): it is not measured")
    if (drgn := _drgn(ring, folder)) is not None:
        commands["drgn"] = drgn
    found = alternating(commands, 7)
    targets = {"vmcore-dmesg": "none: it is C", "drgn": "below 1"}
    for peer in [one for one in commands if one in targets]:
        row("kinfo dmesg, the same log out of a core", found["ours"], peer, found[peer], targets[peer])


def _drgn(ring: Ring, folder: Path) -> tuple[str, ...] | None:
    """The command that has drgn read the ring; None, and why, where that cannot be had."""
    missing = [what for what, there in (("gcc", shutil.which("gcc")), ("drgn", find_spec("drgn"))) if there is None]
    if missing:
        print(f"{' and '.join(missing)} not installed: drgn is not measured")
        return None
    pieces = {PRB: places()["ring"].to_bytes(8, "little"), **ring.pieces(places())}
    files = {}
    for va, data in pieces.items():
        files[va] = str(folder / f"{va:x}")
        Path(files[va]).write_bytes(data)
    (folder / "files.json").write_text(json.dumps(files))
    return sys.executable, "-c", _DRGN, str(compiled(folder)), str(folder / "files.json")


if __name__ == "__main__":
    everything()
