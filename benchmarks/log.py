"""The kernel's log: 1 MiB of it through a record against `python -c pass`, and out of a core against vmcore-dmesg and drgn.

drgn has the ring's types from debug information that gcc makes, and is asked for the records alone; its start is counted, as
the others' is.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import KINFO, MIB, best, command, peak_mib, row
from tests.kernels.image import Spec, make
from tests.kernels.printk import PRB, Ring, places, ring_core
from tests.kernels.printk_types import compiled
from tests.kernels.tables import Symbol

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
    spec = Spec(ram_size=24 * MIB)
    at = make(spec).places["data"] + 0x3000
    names = ("prb", "printk_rb_static", "vmcoreinfo_data")
    extra = [Symbol(name, "d", at + 0x100 * number) for number, name in enumerate(names)]
    kernel = make(Spec(ram_size=24 * MIB, extra=extra))
    tables = {name: kernel.base + 12 * MIB + number * 4 * MIB for number, name in enumerate(("descs", "infos", "text"))}
    where = {name: pa + kernel.linear_voffset for name, pa in tables.items()} | {"ring": kernel.find("printk_rb_static").va}
    pieces = ring.pieces(where)
    for name, pa in (*tables.items(), ("ring", kernel.find("printk_rb_static").pa or 0)):
        kernel.poke(pa, pieces[where[name]])
    kernel.poke(kernel.find("prb").pa or 0, where["ring"].to_bytes(8, "little"))
    note = "".join(f"{key}={value}\n" for key, value in {"OSRELEASE": spec.release, **ring.lines()}.items())
    kernel.poke(kernel.base + 11 * MIB, note.encode())
    kernel.poke(
        kernel.find("vmcoreinfo_data").pa or 0, (kernel.base + 11 * MIB + kernel.linear_voffset).to_bytes(8, "little")
    )
    kernel.write_elf(folder / "ram.elf")
    bare = best(command(sys.executable, "-c", "pass"), 21)
    ours = (KINFO, "dmesg", str(folder / "ram.elf"))
    row("kinfo dmesg, 1 MiB log, with a record", best(command(*ours), 15), "python -c pass", bare, "at most 8")
    print(f"{'  its peak memory':<46}{peak_mib(*ours):>9.1f} MiB")


def _peers(ring: Ring, folder: Path) -> None:
    core = folder / "core.elf"
    ring_core(core, ring)
    ours = best(command(KINFO, "dmesg", str(core)), 15)
    if program := shutil.which("vmcore-dmesg"):
        theirs = best(command(program, str(core)), 7)
        row("kinfo dmesg, the same log out of a core", ours, "vmcore-dmesg", theirs, "none: it is C")
    if shutil.which("gcc") is None:
        print("gcc is not installed: drgn is not measured")
        return
    pieces = {PRB: places()["ring"].to_bytes(8, "little"), **ring.pieces(places())}
    files = {}
    for va, data in pieces.items():
        files[va] = str(folder / f"{va:x}")
        Path(files[va]).write_bytes(data)
    (folder / "files.json").write_text(json.dumps(files))
    theirs = best(command(sys.executable, "-c", _DRGN, str(compiled(folder)), str(folder / "files.json")), 3)
    row("kinfo dmesg, the same", ours, "drgn", theirs, "below 1")


if __name__ == "__main__":
    everything()
