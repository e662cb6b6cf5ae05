"""ELF files: their structs, a bounded reader and the writers, by the System V ABI. Nothing here knows what a kernel is."""

from __future__ import annotations

MAGIC = b"\x7fELF"
