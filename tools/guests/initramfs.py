"""The guest's only file system: busybox, a few modules, and an /init that tells what the kernel knows by serial port."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

MODULES = ("dummy", "loop", "tunnel4", "ip_tunnel", "ipip")  # in an order that loads: ipip needs the two before it
MARK = "@@"  # no line of base64 begins with it

# What the guest tells, in this order: the modules must be in before their symbols are listed.
TOLD = {
    "version": "cat /proc/version",
    "modules": "cat /proc/modules",
    "kallsyms": "cat /proc/kallsyms",
    "iomem": "cat /proc/iomem",
    "dmesg": "dmesg -r",  # the modules have said what they say
    "kcore": "head -c 65536 /proc/kcore",  # the ELF header and its notes, VMCOREINFO among them
}

_HEAD = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
stty raw
dmesg -n 1
echo 0 > /proc/sys/kernel/kptr_restrict
"""
_TAIL = f"""echo '{MARK} READY'
while true; do sleep 1000; done
"""


def script(told: Mapping[str, str] = TOLD) -> str:
    """The guest's /init: it loads the modules, tells, and then keeps still."""
    loads = [f"insmod /{name}.ko || echo '{MARK} FAILED insmod {name}'\n" for name in MODULES]
    tells = [f"echo '{MARK} {name}'; {command} | gzip -1 | base64\n" for name, command in told.items()]
    return _HEAD + "".join(loads) + "".join(tells) + _TAIL


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
