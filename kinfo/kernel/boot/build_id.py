"""The kernel's build id: .notes of the image, between __start_notes and __stop_notes."""

from __future__ import annotations

import struct

from kinfo.kernel.boot import variables
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.kernel.kernel import Kernel

_NT_GNU_BUILD_ID = 3
_NOTES_LIMIT = 1 << 16


def build_id(kernel: Kernel) -> bytes:
    """The build id, usually 20 bytes; empty where neither the notes nor VMCOREINFO tell."""
    notes = variables.between(kernel, "__start_notes", "__stop_notes", _NOTES_LIMIT)
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from("<III", notes, at)
        at += 12
        name = notes[at : at + name_size]
        at += name_size + -name_size % 4
        if kind == _NT_GNU_BUILD_ID and name == b"GNU\0":
            return notes[at : at + size]
        at += size + -size % 4
    stated = vmcoreinfo(kernel).get("BUILD-ID", "")
    try:
        return bytes.fromhex(stated)
    except ValueError:
        return b""
