"""The guest's only file system: busybox, a few modules, and an /init that tells what the kernel knows by serial port."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

MODULES = ("dummy", "loop", "tunnel4", "ip_tunnel", "ipip")  # in an order that loads: ipip needs the two before it
MARK = "@@"  # no line of base64 begins with it

# What the guest tells, in this order: the modules must be in before their symbols are listed, and who runs comes last.
TOLD = {
    "version": "cat /proc/version",
    "modules": "cat /proc/modules",
    "kallsyms": "cat /proc/kallsyms",
    "iomem": "cat /proc/iomem",
    "dmesg": "dmesg -r",  # the modules have said what they say
    "kcore": "head -c 65536 /proc/kcore",  # the ELF header and its notes, VMCOREINFO among them
    "ps": "cat /ps",
    "stacks": "cat /stacks",
}

_HEAD = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mknod /dev/null c 1 3
stty raw -echo
dmesg -n 1
echo 0 > /proc/sys/kernel/kptr_restrict
"""

# Some who sleep, each elsewhere in the kernel, and the time to get there.
_SLEEPERS = """mkfifo /pipe
sleep 100000 &
cat /pipe &
sh -c 'sleep 100000; true' &
sleep 1
"""

# /proc/PID/stat of every thread, and the stack of each as /proc/PID/stack has it. By the shell itself: a program that was
# started for it would be among them.
_TASKS = """for task in /proc/[0-9]*/task/[0-9]*; do
read -r line < $task/stat && echo "$line"
done > /ps
for task in /proc/[0-9]*/task/[0-9]*; do
echo "pid ${task##*/}"
while read -r line; do echo "$line"; done < $task/stack
done > /stacks
"""

# One who runs in user space meanwhile. sysrq's messages come before the panic's, which are printed at any level.
_PANIC = f"""echo '{MARK} READY'
read -r word
dmesg -n 8
echo 1 > /proc/sys/kernel/sysrq
while :; do :; done &
echo c > /proc/sysrq-trigger
"""


def script(told: Mapping[str, str] = TOLD) -> str:
    """The guest's /init: it loads the modules, tells, keeps still until somebody types a line, and panics."""
    loads = [f"insmod /{name}.ko || echo '{MARK} FAILED insmod {name}'\n" for name in MODULES]
    tells = [f"echo '{MARK} {name}'; {command} | gzip -1 | base64\n" for name, command in told.items()]
    return _HEAD + "".join(loads) + _SLEEPERS + _TASKS + "".join(tells) + _PANIC


def write(
    path: Path, busybox: Path, modules: Sequence[Path], init: str = "", others: Mapping[str, Path] | None = None
) -> None:
    """The initramfs as an uncompressed archive; `init` is its /init (default: `script`), `others` what else is in it."""
    files = {"bin/busybox": busybox.read_bytes(), "init": (init or script()).encode()}
    files |= {module.name: module.read_bytes() for module in modules}
    files |= {name: file.read_bytes() for name, file in (others or {}).items()}
    path.write_bytes(_archive(files))


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A cpio archive in the "newc" format: folders, the console's node (init has no output without), the files."""
    members = [_member(name, stat.S_IFDIR | 0o755) for name in _folders(files)]
    members.append(_member("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)))
    members += [_member(name, stat.S_IFREG | 0o755, data) for name, data in files.items()]
    return b"".join([*members, _member("TRAILER!!!", 0)])


def _folders(files: Mapping[str, bytes]) -> list[str]:
    return sorted({"bin", "dev", "proc", *(name.rpartition("/")[0] for name in files if "/" in name)})


def _member(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    # inode (0: no hard links), mode, uid, gid, links, mtime, size, device of the file, device it stands for, name size, sum
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name.encode() + b"\0"
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
