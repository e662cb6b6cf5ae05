"""Let real kernels trace into memory that outlives them, and say what they traced.

`python -m tools.guests.trace --kernel NAME --arch x86_64|aarch64 --debs KERNEL.deb BUSYBOX.deb` boots twice with the memory
kept. The first boot traces into a persistent buffer (reserve_mem= and trace_instance=), into the global one and into another
instance, and tells each instance's own trace file; its memory is ram.elf. The second tells what the persistent instance shows
of the first. On x86-64, where the host has trace-cmd, the guest makes head.dat with it. All of it lies in trace/NAME-ARCH.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tools.guests import initramfs
from tools.guests.boot import ask, running
from tools.guests.initramfs import MARK
from tools.guests.machines import GuestError, cache_folder, run
from tools.guests.packages import unpack

_LIMIT = 420  # seconds for a boot
_WANTED = r".*/vmlinuz(-.*)?|\./(usr/)?bin/busybox"


class Machine(NamedTuple):
    """How QEMU is started for an architecture."""

    qemu: str
    words: tuple[str, ...]
    console: str


MACHINES = {
    "x86_64": Machine("qemu-system-x86_64", ("-machine", "q35,memory-backend=ram", "-cpu", "max"), "ttyS0"),
    "aarch64": Machine("qemu-system-aarch64", ("-machine", "virt,memory-backend=ram", "-cpu", "cortex-a57"), "ttyAMA0"),
}

SCRIPT = f"""#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin LD_LIBRARY_PATH=/lib
mkdir -p /sys /tmp
mount -t sysfs sysfs /sys
mount -t tracefs tracefs /sys/kernel/tracing || echo '{MARK} FAILED tracefs'
stty raw
dmesg -n 1
echo 0 > /proc/sys/kernel/kptr_restrict
T=/sys/kernel/tracing
I=$T/instances/boot_map
tell() {{ echo "{MARK} $1"; gzip -1 < $2 > /tmp/told; base64 < /tmp/told; }}
cd $T
if ! grep -q '^#.*entries-in-buffer/entries-written: 0/0' $I/trace; then
  tell last_boot_info $I/last_boot_info
  tell previous $I/trace
  echo '{MARK} READY two'
  while true; do sleep 1000; done
fi
echo 0 > options/hash-ptr; echo 0 > $I/options/hash-ptr
mkdir instances/other
O=$T/instances/other
echo 0 > $O/options/hash-ptr
echo 'p:probe vfs_open' > kprobe_events; echo 'r:probe_back vfs_open ret=$retval' >> kprobe_events
for event in sched irq timer syscalls/sys_enter_openat syscalls/sys_exit_openat task signal workqueue rcu kmem/mm_page_alloc
do echo 1 > $I/events/$event/enable; done
for event in sched/sched_process_fork sched/sched_process_exec kprobes; do echo 1 > events/$event/enable; done
echo 1 > $O/options/stacktrace; echo 1 > $O/events/sched/sched_process_exit/enable
echo 'vfs_*' > $O/set_ftrace_filter; echo function > $O/current_tracer
for n in $(seq 1 40); do
  echo "mark $n" > trace_marker; echo "boot mark $n" > $I/trace_marker; cat /proc/version > /dev/null
done
sleep 2
for n in $(seq 1 40); do cat /proc/stat > /dev/null; done
echo 0 > $I/tracing_on; echo 0 > $O/tracing_on; echo 0 > tracing_on
[ -x /bin/trace-cmd ] && trace-cmd restore -c -o /tmp/head.dat > /dev/null 2>&1
tell version /proc/version
tell cmdline /proc/cmdline
tell iomem /proc/iomem
tell kallsyms /proc/kallsyms
tell boot_map $I/trace
tell global $T/trace
tell other $O/trace
for n in 0 1; do tell meta$n $I/per_cpu/cpu$n/buffer_meta; done
[ -f /tmp/head.dat ] && tell head /tmp/head.dat
echo '{MARK} READY one'
while true; do sleep 1000; done
"""


@contextmanager
def _machine(machine: Machine, files: dict[str, Path], folder: Path, size: int) -> Iterator[subprocess.Popen[str]]:
    command = ["setpriv", "--pdeathsig", "KILL", machine.qemu, *machine.words, "-accel", "tcg,thread=multi", "-smp", "2"]
    command += ["-object", f"memory-backend-ram,id=ram,size={size}", "-m", str(size >> 20)]
    command += ["-nodefaults", "-nic", "none", "-display", "none", "-qmp", "stdio", "-serial", f"file:{folder / 'serial'}"]
    append = f"console={machine.console} quiet reserve_mem=1M:4096:trace trace_instance=boot_map@trace"
    command += ["-kernel", str(files["kernel"]), "-initrd", str(files["initramfs"]), "-append", append]
    with running(command, stderr=subprocess.DEVNULL) as process:
        yield process


def _ready(process: subprocess.Popen[str], serial: Path, word: str) -> None:
    end = time.monotonic() + _LIMIT
    while f"{MARK} READY {word}" not in (text := serial.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > end or f"{MARK} FAILED" in text:
            raise GuestError(f"the guest was not ready: {text[-300:]!r}")
        time.sleep(0.5)


def boots(machine: Machine, files: dict[str, Path], folder: Path, size: int) -> dict[str, bytes]:
    """Boot twice; what both told, by name. The first's memory is ram.elf."""
    serial = folder / "serial"
    with _machine(machine, files, folder, size) as process:
        ask(process, "qmp_capabilities")
        _ready(process, serial, "one")
        ask(process, "stop")
        ask(process, "dump-guest-memory", protocol=f"file:{folder / 'ram.elf'}", paging=False, format="elf")
        ask(process, "system_reset")
        ask(process, "cont")
        with suppress(GuestError):  # a kernel that puts the region elsewhere has nothing to tell
            _ready(process, serial, "two")
    text = serial.read_text(errors="replace")
    pieces = re.findall(rf"{MARK} (\S+)\s+([^@]+)", text)
    return {name: gzip.decompress(base64.b64decode(packed)) for name, packed in pieces if name != "READY"}


def _archive(folder: Path, busybox: Path, *, with_tool: bool) -> Path:
    """The initramfs; with the host's trace-cmd and its libraries where the guest is of its architecture."""
    tool = shutil.which("trace-cmd") if with_tool else None
    others = {"bin/trace-cmd": Path(tool)} if tool else {}
    for library in re.findall(r"/lib\S+", run(["ldd", tool])) if tool else ():
        others[f"{'lib64' if 'ld-linux' in library else 'lib'}/{Path(library).name}"] = Path(library)
    initramfs.write(folder / "initramfs", busybox, [], SCRIPT, others)
    return folder / "initramfs"


def make(name: str, arch: str, debs: list[Path], cache: Path) -> None:
    """One guest, in a folder that appears when everything is in it."""
    place = cache / "trace" / f"{name}-{arch}"
    folder = place.with_name(f".{place.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        found = {path.name.partition("-")[0]: path for deb in debs for path in unpack(deb, _WANTED, folder)}
        files = {"kernel": found["vmlinuz"], "initramfs": _archive(folder, found["busybox"], with_tool=arch == "x86_64")}
        told = boots(MACHINES[arch], files, folder, 256 << 20)
        for path in (*files.values(), found["busybox"], folder / "serial"):
            path.unlink()
        for label, data in told.items():
            (folder / (f"{label}.dat" if label == "head" else f"{label}.txt")).write_bytes(data)
        (folder / "ram.elf").chmod(0o644)
        with suppress(GuestError):
            run(["fallocate", "--dig-holes", folder / "ram.elf"])
        shutil.rmtree(place, ignore_errors=True)
        folder.rename(place)
    finally:
        if not place.exists():
            print(f"left: {folder}", file=sys.stderr)
    print(f"{name} {arch}: {', '.join(sorted(told))}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.guests.trace", description=__doc__)
    parser.add_argument("--kernel", required=True, metavar="NAME", help="what the folder is called")
    parser.add_argument("--arch", choices=sorted(MACHINES), default="x86_64")
    parser.add_argument("--debs", nargs="+", type=Path, required=True, help="the packages with vmlinuz and busybox")
    options = parser.parse_args()
    try:
        make(options.kernel, options.arch, options.debs, cache_folder())
    except (GuestError, OSError, KeyError) as error:
        print(f"guests: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
