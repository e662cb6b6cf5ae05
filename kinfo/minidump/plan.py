"""What goes where in a core, and what is wrong with it: made before a byte is written."""

from __future__ import annotations

import os
from typing import IO, NamedTuple, Protocol

from kinfo.findings import Findings
from kinfo.minidump.region import DumpedRegion


class Closable(Protocol):
    """Whatever has a file open."""

    def close(self) -> None:
        """Let go of it."""


class CorePiece(NamedTuple):
    """The first `size` bytes of a region, at `offset` in the core."""

    offset: int
    region: DumpedRegion
    size: int


class CorePlan(NamedTuple):
    """A core to be written: bytes of our own at offsets, then pieces; all else of its `size` reads as zeros.

    `vmcoreinfo` is the text of its note, `machine` its ELF machine, `held` what must be open until it is written.
    """

    literals: tuple[tuple[int, bytes], ...]
    pieces: tuple[CorePiece, ...]
    size: int
    findings: Findings
    vmcoreinfo: bytes = b""
    machine: int = 0
    held: tuple[Closable, ...] = ()

    def close(self) -> None:
        """Let go of the files that hold regions."""
        for one in self.held:
            one.close()

    def write(self, file: IO[bytes]) -> None:
        """Write it to a file that can seek. What is not there stays a hole. Raises OSError, DumpError."""
        for offset, data in self.literals:
            file.seek(offset)
            file.write(data)
        file.flush()
        out = file.fileno()
        for piece in self.pieces:
            piece.region.copy(out, piece.offset, piece.size)
        os.ftruncate(out, self.size)
