"""The ELF notes of the kernel image, between __start_notes and __stop_notes."""

from __future__ import annotations

from kinfo.elf import notes
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel

_NOTES_LIMIT = 1 << 16


def image_build_id(kernel: Kernel) -> bytes:
    """The build id that the image itself has, usually 20 bytes; empty where its notes are not found."""
    return notes.build_id(variables.between(kernel, "__start_notes", "__stop_notes", _NOTES_LIMIT))
