"""A crashed device to learn on: `python -m tools.device FOLDER` writes its RAM, region, logs, devicetree and kernel build.

Dumps of real devices cannot be handed on. This one is written by what the tests write kernels with: symbol tables, page
tables, modules, tasks with their stacks, and the log of a panic. The same bytes come out on every run.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for tests, which are in no package

from tests import fdt
from tests.build_files import Extra, config_text, module_types, symbol_values, vmlinux
from tests.kernels.modules import ModuleSpec, ModuleTruth
from tests.kernels.printk import Ring
from tests.kernels.spec import Spec
from tests.kernels.stacks import Frames, note
from tests.kernels.tasks import USUAL, World, world

RELEASE = "6.12.38-android16-5-g1d9b3c5a7e20-ab13579246"
PAGE = 4096
LINKED = 0xFFFFFFC080000000  # where arm64 links a kernel of 39 bits
SLIDE, TEXT_PA = 0x12600000, 0x80200000
BL = 0x94000000
PANIC_CPU = 0x9810  # where tests.kernels.tasks puts it, from the start of data
SERVER, CPU, ERROR, EMERGENCY = 40, 1, 3, 0
MAIN_ID = 0x80000000  # of a message's caller: a CPU, not a task
LOG = {"prb": 0x16000, "ring": 0x16100, "descs": 0x17000, "infos": 0x18000, "text": 0x1A000}  # from the start of data
TRACE = (
    "panic+0x40/0x100",
    "wlan_open+0x48/0x100 [wlan]",
    "vfs_write+0x40/0x100",
    "el0_svc+0x40/0x100",
    "el0t_64_sync+0x40/0x100",
)


def files() -> dict[str, bytes]:
    """What is left of the device, and what was built for it, by file name."""
    made, registers = _panicked()
    kernel = made.kernel
    ring = _ring(made)
    for va, data in ring.pieces({name: kernel.va("data") + at for name, at in LOG.items() if name != "prb"}).items():
        kernel.poke(va - kernel.voffset, data)
    kernel.poke(kernel.pa("data") + LOG["prb"], (kernel.va("data") + LOG["ring"]).to_bytes(8, "little"))
    linked = _kernel(0).kernel
    return {
        "ram.elf": _core(made, "".join(f"{name}={value}\n" for name, value in ring.lines().items()), registers),
        "region.bin": kernel.peek(kernel.record_pa, PAGE),
        "uart.txt": _boot_loader(made).encode(),
        "board.dtb": fdt.blob(_board(kernel.record_pa, kernel.base, len(kernel.memory))),
        "vmlinux": vmlinux(linked, symbol_values(linked), extras=[Extra(".BTF", module_types(linked))]),
        ".config": config_text(RELEASE).encode(),
    }


def _kernel(slide: int) -> World:
    """The kernel, moved so far from where it was linked."""
    spec = Spec(release=RELEASE, modules=[ModuleSpec("wlan"), ModuleSpec("gpu")], text_pa=TEXT_PA, slide=slide)
    symbols = {"prb": LOG["prb"], "printk_rb_static": LOG["ring"]}
    tasks = [replace(one, state=0) if one.pid == SERVER else one for one in USUAL if one.pid not in (50, 52)]
    return world(spec, tasks, running={CPU: SERVER}, symbols=symbols)


def _panicked() -> tuple[World, bytes]:
    """A kernel whose `server`, on CPU 1, wrote to a device of wlan's and was there when wlan panicked; CPU 0 was idle."""
    made = _kernel(SLIDE)
    made.poke(made.kernel.pa("data") + PANIC_CPU, CPU, 4)
    idle = Frames(made, 0)
    idle_fp = idle.calls("secondary_startup", "do_idle")
    busy = Frames(made, SERVER)
    busy.calls("el0t_64_sync", "el0_svc", "vfs_write")
    opened = _wlan_open(made)
    made.poke(opened.pa + 0x44, BL, 4)  # the call of panic
    fp = busy.call(opened.va + 0x48)
    registers = note("arm64", {"pc": made.va("cpu_do_idle", 0x20), "sp": idle_fp - 64, "x29": idle_fp})
    return made, registers + note("arm64", {"pc": made.va("panic", 0x40), "sp": fp - 16, "x29": fp})


def _wlan_open(made: World) -> ModuleTruth:
    return next(one for one in made.kernel.module_symbols if one.name == "wlan_open")


def _ring(made: World) -> Ring:
    """The kernel's log, up to where it stopped."""
    ring, kernel = Ring(6, 13), made.kernel
    ram = len(kernel.memory) >> 10
    boot = [
        kernel.banner.decode().strip(),
        "Machine model: Example board",
        "Kernel command line: console=ttyS0 panic=-1",
        f"Memory: {ram - 3072}K/{ram}K available (832K kernel code, 64K rwdata, 256K rodata)",
        "wlan: loading out-of-tree module taints kernel.",
        "wlan 1c000000.wifi: firmware 3.1.4 started",
    ]
    for at, text in enumerate(boot):
        ring.store(text.encode(), at * 210_000_000, caller=MAIN_ID if at < 4 else 1)
    said = [
        ("wlan 1c000000.wifi: firmware does not answer, command 0x21", ERROR),
        ("Kernel panic - not syncing: wlan: firmware is dead", EMERGENCY),
        (f"CPU: {CPU} UID: 0 PID: {SERVER} Comm: server Tainted: G           O      {RELEASE} #1", 4),
        ("Hardware name: Example board (DT)", 4),
        ("Call trace:", 4),
        *((f" {frame}", 4) for frame in TRACE),
        ("SMP: stopping secondary CPUs", 2),
        (f"Kernel Offset: {kernel.text_va - LINKED:#x} from {LINKED:#x}", EMERGENCY),
        ("---[ end Kernel panic - not syncing: wlan: firmware is dead ]---", EMERGENCY),
    ]
    for at, (text, level) in enumerate(said):
        ring.store(text.encode(), 12_345_678_000 + at * 41_000, level, caller=SERVER)
    return ring


def _boot_loader(made: World) -> str:
    """What the boot loader prints after the watchdog's reset: addresses, no names."""
    lines = (
        f"[bl31] watchdog reset, cpu {CPU}",
        f"[bl31] elr 0x{made.va('panic', 0x40):016x} esr 0x56000000 far 0x0000000000000000",
        f"[bl31] lr  0x{_wlan_open(made).va + 0x48:016x}",
        "[bl31] stack:",
        f"  {made.va('vfs_write', 0x40):016x} 0000000000000040 {made.va('el0_svc', 0x40):016x} 00000000deadbeef",
    )
    return "".join(f"{line}\n" for line in lines)


def _core(made: World, info: str, registers: bytes) -> bytes:
    """The RAM as an ELF core."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "core"
        made.kernel.write_elf(path, info=info, notes=registers)
        return path.read_bytes()


def _board(record: int, base: int, ram: int) -> fdt.N:
    """Android's shape: a region, and a device node that has it."""
    name, where = f"debug-kinfo@{record:x}", fdt.cells(0, record, 0x1000)
    region = fdt.N(name, {"reg": where, "no-map": b"", "phandle": fdt.cells(1)})
    cells = {"#address-cells": fdt.cells(2), "#size-cells": fdt.cells(1)}
    nodes = [
        fdt.N(f"memory@{base:x}", {"device_type": fdt.texts("memory"), "reg": fdt.cells(0, base, ram)}),
        fdt.N("reserved-memory", cells | {"ranges": b""}, [region]),
        fdt.N("debug-kinfo", {"compatible": fdt.texts("google,debug-kinfo"), "memory-region": fdt.cells(1)}),
        fdt.N("dss", {"compatible": fdt.texts("google,debug-snapshot-debug-kinfo"), "memory-region": fdt.cells(1)}),
    ]
    return fdt.N("", {"compatible": fdt.texts("example,board"), "model": fdt.texts("Example board")} | cells, nodes)


def write(folder: Path) -> None:
    """Write all files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files().items():
        (folder / name).write_bytes(data)


def main() -> int:
    """Write them, and say what each is."""
    if len(sys.argv) != 2:
        print("usage: python -m tools.device FOLDER", file=sys.stderr)
        return 2
    write(Path(sys.argv[1]))
    print(f"device: wrote {sys.argv[1]}: {', '.join(files())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
