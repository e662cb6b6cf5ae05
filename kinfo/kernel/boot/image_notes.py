"""The ELF notes of the kernel image, between __start_notes and __stop_notes."""

from __future__ import annotations

import struct

from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel

_NT_GNU_BUILD_ID = 3
_NOTES_LIMIT = 1 << 16


def image_build_id(kernel: Kernel) -> bytes:
    """The build id that the image itself has, usually 20 bytes; empty where its notes are not found."""
    return of_notes(variables.between(kernel, "__start_notes", "__stop_notes", _NOTES_LIMIT))


def of_notes(notes: bytes) -> bytes:
    """The build id among ELF notes with 4-byte alignment; empty where there is none."""
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from("<III", notes, at)
        at += 12
        name = notes[at : at + name_size]
        at += name_size + -name_size % 4
        if kind == _NT_GNU_BUILD_ID and name == b"GNU\0":
            return notes[at : at + size]
        at += size + -size % 4
    return b""
