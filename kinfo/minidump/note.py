"""The notes of the core: CORE (NT_PRSTATUS), CORE (NT_PRPSINFO), VMCOREINFO, as the kernel lays them out.

v1 to v3 do not own the last page of that buffer: under memory pressure others write over the notes.
"""

from __future__ import annotations

from kinfo.elf import notes
from kinfo.minidump.header import PSINFO_SIZE, STATUS_SIZES, KernelHeader

_CORE = b"CORE"
_NT_PRPSINFO = 3
_STATE, _NAME = b"R", b"vmlinux"


def is_sound(raw: bytes, room: int) -> bool:
    """Whether the notes parse as CORE, CORE, VMCOREINFO; `raw` is their fixed part, `room` the bytes of VMCOREINFO."""
    found = list(notes.each(raw + bytes(room)))
    names = [(one.name, one.is_whole) for one in found[:3]]
    return names == [(_CORE, True), (_CORE, True), (notes.VMCOREINFO, True)] and found[2].content.nbytes + 3 >= room


def rebuilt(header: KernelHeader) -> bytes | None:
    """The fixed part of the notes, made again; None for a machine whose registers' size is not known here."""
    status = STATUS_SIZES.get(header.machine)
    return None if status is None else fixed(status, header.vmcoreinfo_room)


def fixed(status: int, room: int) -> bytes:
    """Both CORE notes with nothing in them, and the head of VMCOREINFO's, whose contents follow."""
    info = bytearray(PSINFO_SIZE)
    info[1:2] = _STATE
    info[40 : 40 + len(_NAME)] = _NAME
    core = notes.pack(_CORE, bytes(status), notes.NT_PRSTATUS) + notes.pack(_CORE, bytes(info), _NT_PRPSINFO)
    return core + notes.head(notes.VMCOREINFO, room)
