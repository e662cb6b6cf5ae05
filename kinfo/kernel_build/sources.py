"""Which kind of source a file is, by its content."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from kinfo.errors import DumpError, RecordError
from kinfo.kernel_build import config, raw_image, symbols
from kinfo.kernel_build.model import Told
from kinfo.memory import Dump, elf, lime, open_dump

_ET_CORE = 4
_HEAD = 4096
_TEXT_LIMIT = 64 << 20  # a System.map is some 10 MB
_KINDS = "vmlinux, Image, System.map, .config, /proc/kallsyms or a RAM dump with a record"
_OTHERS = (
    (
        b"ANDROID!",
        0,
        "an Android boot image",
        "unpack it: unpack_bootimg --boot_img FILE --out DIR, then name the kernel in it",
    ),
    (b"zimg", 4, "a compressed EFI image (zboot)", "unpack the payload in it, or name the vmlinux or Image of the build"),
    (b"HdrS", 0x202, "an x86 bzImage", "name the vmlinux of the build; scripts/extract-vmlinux gets one without symbols"),
    (b"!<arch>\n", 0, "an archive", "name a file of its own: the vmlinux in it"),
    (b"070701", 0, "a cpio archive", "name a kernel, not an initramfs"),
    (b"\xd0\x0d\xfe\xed", 0, "a devicetree blob or FIT image", "name the kernel itself"),
)


def tell_all(sources: Sequence[str], kinfo: str | None, stdin: BinaryIO | None) -> list[Told]:
    """What every source says; files of memory are read together, as one dump. Raises KinfoError."""
    told: list[Told] = []
    ram: list[str] = []
    for source in sources:
        one = None if _is_placed(source) else _tell(source, stdin)
        if one is None:
            ram.append(source)
        else:
            told.append(one)
    if kinfo is not None and not ram:
        raise DumpError(f"--kinfo {kinfo}: no RAM dump is named", f"name the memory that its record points at: {_KINDS}")
    if ram:
        told.insert(0, _tell_ram(ram, kinfo))
    return told


def _is_placed(source: str) -> bool:
    """FILE@BASE: raw memory."""
    return "@" in source and not os.path.exists(source)


def _tell(source: str, stdin: BinaryIO | None) -> Told | None:
    """What a file says; None where it is memory."""
    dump = open_dump(source, stdin)
    try:
        head = _head(dump)
        if _is_memory(dump.name, head):
            if source == "-":
                raise DumpError("-: is memory, which is read more than once", "name the dump as a file")
            return None
        dump = _unpacked(dump)
        return _by_content(dump, head)
    finally:
        dump.close()


def _head(dump: Dump) -> bytes:
    command = dump.packed_with()
    if command is None:
        return dump.read(0, _HEAD)
    from kinfo.memory import packed

    return packed.head(dump, command, _HEAD)


def _unpacked(dump: Dump) -> Dump:
    command = dump.packed_with()
    if command is None:
        return dump
    from kinfo.memory import packed

    return packed.unpack(dump, command)


def _is_memory(name: str, head: bytes) -> bool:
    """Whether a file that begins so is memory, as far as its first bytes tell. Raises DumpError for what is neither."""
    for magic, at, what, how in _OTHERS:
        if head[at : at + len(magic)] == magic:
            raise DumpError(f"{name}: is {what}", how)
    if head.startswith(elf.MAGIC):
        return int.from_bytes(head[16:18], "little") == _ET_CORE
    return not raw_image.looks_like(head) and (head.startswith(lime.MAGIC) or b"\0" in head)


def _by_content(dump: Dump, head: bytes) -> Told:
    if head.startswith(elf.MAGIC):
        return _tell_vmlinux(dump)
    return _tell_raw(dump) if raw_image.looks_like(head) else _tell_text(dump, head)


def _tell_vmlinux(dump: Dump) -> Told:
    from kinfo.kernel_build import image
    from kinfo.kernel_build.vmlinux import Vmlinux

    return image.tell_vmlinux(Vmlinux(dump))


def _tell_raw(dump: Dump) -> Told:
    from kinfo.kernel_build import image

    return image.tell_raw(raw_image.RawImage(dump))


def _tell_text(dump: Dump, head: bytes) -> Told:
    is_config, is_listing = config.looks_like(head), symbols.looks_like(head)
    if not is_config and not is_listing:
        raise DumpError(f"{dump.name}: is no source of facts that kinfo knows", f"name {_KINDS}")
    if dump.size > _TEXT_LIMIT:
        raise DumpError(f"{dump.name}: is larger than {_TEXT_LIMIT >> 20} MiB", "name the System.map or .config of the build")
    told = Told(dump.name)
    if is_listing:
        symbols.tell_listing(told, dump.read(0, dump.size))
    else:
        config.tell(told, dump.read(0, dump.size).decode("utf-8", "replace"), ".config")
    return told


def _tell_ram(ram: list[str], kinfo: str | None) -> Told:
    from kinfo.kernel.open import open_kernel
    from kinfo.kernel_build.ram import tell

    try:
        kernel = open_kernel(ram, kinfo)
    except RecordError:
        told = _tell_core(ram) if kinfo is None else None
        if told is None:
            raise
        return told
    with kernel:
        return tell(kernel)


def _tell_core(ram: list[str]) -> Told | None:
    """What a core without a record says; None for other memory."""
    from kinfo.kernel_build.core import tell
    from kinfo.memory.specs import RawDump, open_memory

    opened = open_memory(ram)
    if isinstance(opened, RawDump):
        opened.dump.close()
        return None
    with opened:
        return tell(opened)
