"""Which kind of source a file is, by its content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from kinfo.errors import DumpError, RecordError
from kinfo.kernel_build import config, raw_image, symbols
from kinfo.kernel_build.model import Told
from kinfo.memory import Dump
from kinfo.sources import Opened, RawDump, kinds, open_all
from kinfo.sources.kinds import FileKind, Role
from kinfo.sources.memory import close_all, joined

_TEXT_LIMIT = 64 << 20  # a System.map is some 10 MB
_KINDS = "vmlinux, Image, System.map, .config, /proc/kallsyms or a RAM dump with a record"


def tell_all(sources: Sequence[str], kinfo: str | None, stdin: BinaryIO | None) -> list[Told]:
    """What every source says; files of memory are read together, as one dump. Raises KinfoError."""
    files = open_all(sources, stdin)
    try:
        return _tell_all(files, kinfo)
    finally:
        close_all(files)


def _tell_all(files: Sequence[Opened], kinfo: str | None) -> list[Told]:
    told: list[Told] = []
    ram: list[Opened] = []
    for file in files:
        if _is_memory(file):
            ram.append(file)
        else:
            told.append(_by_content(file))
    if kinfo is not None and not ram:
        raise DumpError(f"--kinfo {kinfo}: no RAM dump is named", f"name the memory that its record points at: {_KINDS}")
    if ram:
        told.insert(0, _tell_ram(ram, kinfo))
    return told


def _is_memory(file: Opened) -> bool:
    """Whether a file is memory. Raises DumpError for what is neither that nor a source."""
    if file.spec.base is not None:  # FILE@BASE
        return True
    file.refuse(Role.KERNEL)
    return file.recognised.kind.role is Role.MEMORY


def _by_content(file: Opened) -> Told:
    kind = file.recognised.kind
    if kind is kinds.ELF:
        return _tell_vmlinux(file.content)
    return _tell_raw(file.content) if kind is kinds.IMAGE else _tell_text(file.content, kind)


def _tell_vmlinux(dump: Dump) -> Told:
    from kinfo.kernel_build import image
    from kinfo.kernel_build.vmlinux import Vmlinux

    return image.tell_vmlinux(Vmlinux(dump))


def _tell_raw(dump: Dump) -> Told:
    from kinfo.kernel_build import image

    return image.tell_raw(raw_image.RawImage(dump))


def _tell_text(dump: Dump, kind: FileKind) -> Told:
    if kind not in (kinds.CONFIG, kinds.SYMBOLS):
        raise DumpError(f"{dump.name}: is no source of facts that kinfo knows", f"name {_KINDS}")
    if dump.size > _TEXT_LIMIT:
        raise DumpError(f"{dump.name}: is larger than {_TEXT_LIMIT >> 20} MiB", "name the System.map or .config of the build")
    told = Told(dump.name)
    if kind is kinds.SYMBOLS:
        symbols.tell_listing(told, dump.read(0, dump.size))
    else:
        config.tell(told, dump.read(0, dump.size).decode("utf-8", "replace"), ".config")
    return told


def _tell_ram(ram: Sequence[Opened], kinfo: str | None) -> Told:
    from kinfo.kernel.open import kernel_in
    from kinfo.kernel_build.ram import tell

    memory = joined(ram)
    try:
        return tell(kernel_in(memory, kinfo))
    except RecordError:
        if kinfo is not None or isinstance(memory, RawDump):
            raise
        from kinfo.kernel_build import core

        told = core.tell(memory)  # what a core without a record says; None for other memory
        if told is None:
            raise
        return told
