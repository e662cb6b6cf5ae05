"""What a user names as memory: FILE, FILE@BASE, several of them; opened as one physical memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from kinfo.errors import DumpError
from kinfo.memory import elf, lime
from kinfo.memory.dump import Dump, open_dump
from kinfo.memory.physical import Memory, Segment

_OTHER_FORMATS = {
    b"KDUMP   ": ("a kdump-compressed dump", "write an ELF core: makedumpfile -E VMCORE OUT"),
    b"DISKDUMP": ("a diskdump", "write an ELF core: makedumpfile -E VMCORE OUT"),
    b"makedump": ("a flattened makedumpfile dump", "rearrange it: makedumpfile -R OUT < FILE, then makedumpfile -E"),
    b"AVML": ("a compressed AVML dump", "convert it: avml-convert FILE OUT"),
}


class Spec(NamedTuple):
    """A file, and the physical address of its first byte where the user said it."""

    path: str
    base: int | None


class RawDump(NamedTuple):
    """A raw file whose physical address is not known yet."""

    dump: Dump


def parse_spec(text: str) -> tuple[Spec, ...]:
    """FILE, FILE@BASE, or several with commas between them, as crash writes them.

    A file of just that name comes first, whatever signs are in it. Raises DumpError for a BASE that is no number.
    """
    if os.path.exists(text):
        return (Spec(text, None),)
    parts = text.split(",") if all("@" in part for part in text.split(",")) else [text]
    return tuple(_one(part) for part in parts)


def _one(text: str) -> Spec:
    path, at, base = text.rpartition("@")
    if not at:
        return Spec(text, None)
    try:
        number = int(base, 0)
    except ValueError:
        raise DumpError(f"{text}: {base!r} is no address", "write FILE@0x80000000") from None
    if not 0 <= number < 1 << 64:
        raise DumpError(f"{text}: {base} is not within 64 bits", "write FILE@0x80000000")
    return Spec(path, number)


def open_file(path: str, stdin: BinaryIO | None = None) -> Dump | Memory:
    """A dump file: unpacked where it is compressed, as Memory where it is a container with addresses (ELF core, LiME)."""
    dump = _unpacked(path, stdin)
    try:
        return _contained(dump)
    except BaseException:
        dump.close()
        raise


def open_source(path: str, stdin: BinaryIO | None = None) -> Dump:
    """The same for whoever looks for records: a container's offsets are its PAs; one that is damaged is plain bytes."""
    dump = _unpacked(path, stdin)
    try:
        opened = _contained(dump)
    except DumpError:
        return dump
    return opened.as_dump if isinstance(opened, Memory) else opened


def _unpacked(path: str, stdin: BinaryIO | None) -> Dump:
    dump = open_dump(path, stdin)
    try:
        if command := dump.packed_with():
            from kinfo.memory.packed import unpack

            dump = unpack(dump, command)
        head = dump.read(0, 8)
        for magic, (what, how) in _OTHER_FORMATS.items():
            if head.startswith(magic):
                raise DumpError(f"{dump.name}: is {what}", how)
    except BaseException:
        dump.close()
        raise
    return dump


def _contained(dump: Dump) -> Dump | Memory:
    head = dump.read(0, 4)
    if head == elf.MAGIC:
        return elf.read(dump)
    return lime.read(dump) if head == lime.MAGIC else dump


def open_memory(texts: Sequence[str], stdin: BinaryIO | None = None) -> Memory | RawDump:
    """Everything a user named, as one memory; a RawDump for the one raw file that was named without its address.

    Raises DumpError: for a file as `open_dump` does, for a raw file without @BASE beside others, for @BASE on a container.
    """
    specs = [spec for text in texts for spec in parse_spec(text)]
    opened: list[Dump | Memory] = []
    try:
        for spec in specs:
            opened.append(open_file(spec.path, stdin))  # noqa: PERF401  # those opened before an error are closed
        return _joined(specs, opened)
    except BaseException:
        for one in opened:
            one.close()
        raise


def _joined(specs: Sequence[Spec], opened: Sequence[Dump | Memory]) -> Memory | RawDump:
    segments: list[Segment] = []
    machine: int | None = None
    vmcoreinfo = notes = b""
    for spec, one in zip(specs, opened, strict=True):
        if isinstance(one, Memory):
            if spec.base is not None:
                raise DumpError(f"{one.name}: has physical addresses of its own", f"leave @{spec.base:#x} out")
            segments += one.segments
            machine, vmcoreinfo = machine or one.machine, vmcoreinfo or one.vmcoreinfo
            notes = notes or one.notes  # the parts of a split dump repeat them
        elif spec.base is not None:
            segments.append(Segment(spec.base, spec.base + one.size, one, 0))
        elif len(specs) == 1:
            return RawDump(one)
        else:
            raise DumpError(f"{one.name}: is raw memory at an unknown address", f"write {one.name}@0x80000000, say")
    name = opened[0].name if len(opened) == 1 else f"{opened[0].name} and {len(opened) - 1} more"
    is_raw = not any(isinstance(one, Memory) for one in opened)
    return Memory(name, segments, machine=machine, vmcoreinfo=vmcoreinfo, notes=notes, is_raw=is_raw)
