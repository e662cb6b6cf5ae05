"""Let real kernels leave records in ramoops, and the boot after that say what they are.

`python -m tools.guests.ramoops [--kernel NAME] [--debs IMAGE.deb...] [CASE...]` boots each case three times with its memory
kept: a restart, a panic, and a boot that tells what /sys/fs/pstore shows. The region as the panic left it (with bytes changed
on purpose, where there is ECC) lies beside what the kernel made of it, in ramoops/KERNEL-CASE.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import mmap
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tools.guests import initramfs
from tools.guests.boot import running
from tools.guests.initramfs import MARK
from tools.guests.machines import GUESTS, GuestError, cache_folder, run
from tools.guests.packages import debs_of, unpack

QEMU = "qemu-system-aarch64"
RAM, MEMORY = 0x40000000, 256 << 20
REGION = 0x4E000000
_LIMIT = 240  # seconds for a boot
_KERNEL = r".*/vmlinuz(-.*)?|.*/(reed_solomon|ramoops)\.ko(\.xz)?"
_HEADER = 12
_KILLED = ("setpriv", "--pdeathsig", "KILL")
_SCRATCH = ("ram", "serial", "initramfs", "busybox", "plain.dtb", "board.dts")


class Case(NamedTuple):
    """A region of `size` bytes: the node's or the module's sizes in bytes, and whether by a node of the tree."""

    name: str
    size: int
    sizes: Mapping[str, int]
    by_tree: bool


_ODD = {"record": 0x10000, "console": 0x20000, "ftrace": 0x1000, "pmsg": 0x10000}  # 12 records that are not page aligned
_EVEN = {"record": 0x8000, "console": 0x8000, "ftrace": 0x8000, "pmsg": 0x8000}
CASES = (
    Case("parameters", 0x100000, _ODD, by_tree=False),
    Case("parameters-ecc", 0x100000, {**_ODD, "ecc": 16}, by_tree=False),
    Case("tree", 0x80000, _EVEN, by_tree=True),
    Case("tree-ecc", 0x80000, {**_EVEN, "ecc": 16}, by_tree=True),
)


def script(case: Case) -> str:
    """The guest's /init: by how many records are there already, it restarts, panics, or tells."""
    parameters = "max_reason=5"
    if not case.by_tree:
        parameters += f" mem_address={REGION:#x} mem_size={case.size:#x}"
        parameters += "".join(f" {name}{'' if name == 'ecc' else '_size'}={size}" for name, size in case.sizes.items())
    return f"""#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /sys
mount -t sysfs sysfs /sys
stty raw
dmesg -n 1
insmod /reed_solomon.ko || echo '{MARK} FAILED insmod reed_solomon'
insmod /ramoops.ko dyndbg=+p {parameters} || echo '{MARK} FAILED insmod ramoops'
mount -t pstore pstore /sys/fs/pstore
echo 1 > /proc/sys/kernel/sysrq
case $(ls /sys/fs/pstore | grep -c dmesg) in
0) echo "boot one" > /dev/kmsg; sync; reboot -f ;;
1) dmesg | grep attached > /dev/null; echo "boot two" > /dev/kmsg; echo c > /proc/sysrq-trigger ;;
esac
echo '{MARK} version'; gzip -1 < /proc/version | base64
echo '{MARK} attached'; dmesg | grep attached | gzip -1 | base64
for file in $(ls /sys/fs/pstore); do echo "{MARK} file $file"; gzip -1 < /sys/fs/pstore/$file | base64; done
echo '{MARK} READY'
while true; do sleep 1000; done
"""


def tree(case: Case, folder: Path) -> Path:
    """QEMU's own tree with the region in it."""
    out = folder / "board.dtb"
    plain = folder / "plain.dtb"
    run([QEMU, "-machine", f"virt,dumpdtb={plain}", "-cpu", "cortex-a57", "-m", str(MEMORY >> 20), "-smp", "2"])
    source = run(["dtc", "-q", "-I", "dtb", "-O", "dts", plain])
    names = {"ecc": "ecc-size"}
    sizes = "".join(f"{names.get(name, f'{name}-size')} = <{size}>; " for name, size in case.sizes.items())
    sizes = f'compatible = "ramoops"; max-reason = <5>; flags = <1>; {sizes}' if case.by_tree else "no-map;"
    node = f"ramoops@{REGION:x} {{ reg = <0 {REGION:#x} 0 {case.size:#x}>; {sizes} }};"
    source += f"\n/ {{ reserved-memory {{ #address-cells = <2>; #size-cells = <2>; ranges; {node} }}; }};\n"
    (folder / "board.dts").write_text(source)
    run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", out, folder / "board.dts"])
    return out


@contextmanager
def _machine(kernel: Path, archive: Path, blob: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        QEMU,
        "-machine",
        "virt,memory-backend=ram",
        "-cpu",
        "cortex-a57",
        "-smp",
        "2",
    ]
    command += [
        "-object",
        f"memory-backend-file,id=ram,mem-path={folder / 'ram'},size={MEMORY},share=on",
        "-m",
        str(MEMORY >> 20),
    ]
    command += ["-accel", "tcg", "-nodefaults", "-nic", "none", "-display", "none", "-qmp", "stdio"]
    command += ["-action", "reboot=shutdown,shutdown=pause", "-serial", f"file:{folder / 'serial'}"]
    command += [
        "-kernel",
        str(kernel),
        "-initrd",
        str(archive),
        "-dtb",
        str(blob),
        "-append",
        "console=ttyAMA0 quiet panic=1",
    ]
    with running(command, stderr=subprocess.STDOUT) as process:
        yield process


def _until(process: subprocess.Popen[str], *words: str) -> None:
    """Read what QEMU says until it has said all of these words, in whatever order."""
    assert process.stdout
    end, said, open_ = time.monotonic() + _LIMIT, "", set(words)
    for line in process.stdout:
        said = line
        open_ -= {word for word in open_ if word in line}
        if not open_:
            return
        if '"error"' in line or time.monotonic() > end:
            break
    raise GuestError(f"QEMU did not say {' and '.join(open_)}: {said.strip()}")


def _tell(process: subprocess.Popen[str], command: str, *events: str, **arguments: str) -> None:
    """Give QEMU's monitor a command; wait for its answer, and for events that come before or behind it."""
    assert process.stdin
    process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
    process.stdin.flush()
    _until(process, '"return"', *events)


def boots(kernel: Path, archive: Path, blob: Path, case: Case, folder: Path) -> dict[str, bytes]:
    """Boot three times; what the last told, by name, with the region before it as "region.bin"."""
    with (folder / "ram").open("wb") as file:
        file.truncate(MEMORY)
    with _machine(kernel, archive, blob, folder) as process:
        _tell(process, "qmp_capabilities")
        for _ in range(2):
            _until(process, '"SHUTDOWN"')
            region = _region(folder / "ram", case)
            _tell(process, "set-action", reboot="reset")  # else the monitor's reset would be a shutdown, too
            _tell(process, "system_reset", '"RESET"')
            _tell(process, "set-action", reboot="shutdown")
            _tell(process, "cont")
        return {**_told(process, folder / "serial"), "region.bin": region}


def _region(ram: Path, case: Case) -> bytes:
    """The region as it is; with ECC some bytes are changed first: none too many, but for one block of the last record."""
    with ram.open("r+b") as file, mmap.mmap(file.fileno(), MEMORY) as memory:
        at = REGION - RAM
        found = [match.start() for match in re.finditer(b"DBGC", memory[at : at + case.size])]
        if "ecc" in case.sizes and len(found) > 2 and memory[at + found[1] + 8] | memory[at + found[1] + 9]:
            size = int.from_bytes(memory[at + found[0] + 8 : at + found[0] + 12], "little")
            for place in (*range(1, 9), *range(200, 216, 2), *range(_HEADER + 512, _HEADER + min(size, 1400), 40)):
                memory[at + found[0] + place] ^= 0x55
            for place in (5, *range(_HEADER + 256, _HEADER + 296, 2)):
                memory[at + found[1] + place] ^= 0xAA
        return memory[at : at + case.size]


def _told(process: subprocess.Popen[str], serial: Path) -> dict[str, bytes]:
    end = time.monotonic() + _LIMIT
    while f"{MARK} READY" not in (text := serial.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > end:
            raise GuestError(f"the guest was not ready: {text[-200:]!r}")
        time.sleep(0.5)
    if failed := re.search(rf"{MARK} FAILED (.*)", text):
        raise GuestError(f"the guest could not {failed[1].strip()}")
    pieces = re.findall(rf"{MARK} (?:file )?(\S+)\s+([^@]+)", text)
    return {name: gzip.decompress(base64.b64decode(packed)) for name, packed in pieces if name != "READY"}


def make(name: str, debs: list[Path], busybox: Path, case: Case, cache: Path) -> None:
    """One case on one kernel, in a folder that appears when everything is in it."""
    place = cache / "ramoops" / f"{name}-{case.name}"
    folder = place.with_name(f".{place.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        files = {path.name.partition("-")[0]: path for deb in debs for path in _unpacked(deb, folder)}
        unpack(busybox, r"\./(usr/)?bin/busybox", folder)
        modules = [files["reed_solomon.ko"], files["ramoops.ko"]]
        initramfs.write(folder / "initramfs", folder / "busybox", modules, script(case))
        told = boots(files["vmlinuz"], folder / "initramfs", tree(case, folder), case, folder)
        for one in (
            "ram",
            "serial",
            "initramfs",
            "busybox",
            "plain.dtb",
            "board.dts",
            *(path.name for path in files.values()),
        ):
            (folder / one).unlink(missing_ok=True)
        _write(folder, case, told)
        shutil.rmtree(place, ignore_errors=True)
        folder.rename(place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{name} {case.name}: {', '.join(sorted(told))}", flush=True)


def _unpacked(deb: Path, folder: Path) -> list[Path]:
    try:
        return unpack(deb, _KERNEL, folder)
    except GuestError:
        return []  # a kernel of which another package has the image, or the modules


def _write(folder: Path, case: Case, told: Mapping[str, bytes]) -> None:
    (folder / "pstore").mkdir()
    for name, data in told.items():
        inside = name.startswith(("dmesg-", "console-", "pmsg-", "ftrace-"))
        (folder / "pstore" / name if inside else folder / name).write_bytes(data)
    meta: dict[str, Any] = {"region": hex(REGION), "size": case.size, "by_tree": case.by_tree, "sizes": dict(case.sizes)}
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.guests.ramoops", description=__doc__)
    parser.add_argument("cases", metavar="CASE", nargs="*", help=f"some of {', '.join(case.name for case in CASES)}")
    parser.add_argument("--kernel", default="6.12", help="the guest's name, as for python -m tools.guests")
    parser.add_argument("--debs", nargs="+", type=Path, help="the kernel's packages, where they are not of the mirror")
    options = parser.parse_args()
    cache = cache_folder()
    try:
        guest = next((guest for guest in GUESTS if guest.name == options.kernel), GUESTS[0])
        *debs, busybox = debs_of(guest, cache / "apt")
        debs = options.debs or debs
        for case in CASES:
            if not options.cases or case.name in options.cases:
                make(options.kernel, debs, busybox, case, cache)
    except (GuestError, OSError) as error:
        print(f"guests: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
