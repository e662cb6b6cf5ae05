"""A 32-bit arm kernel to read: Debian's armmp 6.12 booted under QEMU, dumped, with what it said of itself.

`python -m tools.guests.armhf` makes the guest 6.12-armhf beside the others. The kernel has page tables of short descriptors,
no /proc/kcore and no BTF, and its kallsyms names code only. There is no record: its VMCOREINFO leads to its tables.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools.guests import initramfs
from tools.guests.boot import boot
from tools.guests.machines import Guest, GuestError, cache_folder
from tools.guests.packages import debs_of, unpack

GUEST = Guest("6.12-armhf", r"linux-image-6\.12\.[0-9.+deb-]+-armmp", "cortex-a15", ("trixie",), "armhf", has_record=False)
NAME = GUEST.name
_TOLD = {name: command for name, command in initramfs.TOLD.items() if name != "kcore"}
_TOLD["stat"] = "cat /proc/[0-9]*/stat"
_KERNEL = rf"\./boot/vmlinuz-.*|.*/({'|'.join(initramfs.MODULES)})\.ko(\.xz)?"


def make(cache: Path) -> None:
    """The guest's folder, which appears when everything is in it."""
    parts, folder = cache / f".{NAME}.in", cache / f".{NAME}.part"
    for one in (parts, folder):
        shutil.rmtree(one, ignore_errors=True)
        one.mkdir(parents=True)
    try:
        deb, busybox = debs_of(GUEST, cache / "apt")
        unpack(busybox, r"\./(usr/)?bin/busybox", parts)
        files = {path.name.partition("-")[0]: path for path in unpack(deb, _KERNEL, parts)}
        modules = [files[f"{name}.ko"] for name in initramfs.MODULES]
        initramfs.write(parts / "initramfs", parts / "busybox", modules, initramfs.script(_TOLD))
        told = boot(GUEST, files["vmlinuz"], parts / "initramfs", folder, tells=tuple(_TOLD))
        for name, content in told.items():
            (folder / f"{name}.txt").write_bytes(content)
        shutil.rmtree(cache / NAME, ignore_errors=True)
        folder.rename(cache / NAME)
    finally:
        shutil.rmtree(parts, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    if not shutil.which(GUEST.machine.program):
        print(f"guests: {GUEST.machine.program} is missing; install Debian's {GUEST.machine.package}", file=sys.stderr)
        return 2
    try:
        make(cache_folder())
    except (GuestError, OSError) as error:
        print(f"guests: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
