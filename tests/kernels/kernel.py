"""A kernel in memory: its bytes, where everything lies, and the files that dumps of it would be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.kernels import dumps, paging
from tests.kernels.modules import Module, ModuleTruth
from tests.kernels.spec import Spec


class Truth(NamedTuple):
    """A symbol and where it really is; `pa` is None for an absolute one."""

    name: str
    type: str
    va: int
    pa: int | None


@dataclass
class Kernel:
    """A kernel in memory, and the truth about it.

    `memory` are the bytes from physical address `base`. `symbols` are those of the table, in its order; `places` says where
    each section begins, from `_text`; `addresses` where each kallsyms table begins, by physical address.
    """

    spec: Spec
    base: int
    memory: bytearray
    places: dict[str, int]
    root_pa: int
    record_pa: int
    record: bytes = b""
    symbols: list[Truth] = field(default_factory=list)
    addresses: dict[str, int] = field(default_factory=dict)
    base_va: int | None = None
    modules: list[Module] = field(default_factory=list)
    tables: paging.PageTables | None = None

    @property
    def end(self) -> int:
        """The physical address behind the last byte of RAM."""
        return self.base + len(self.memory)

    @property
    def text_va(self) -> int:
        """VA of `_text`."""
        return self.spec.text_va

    @property
    def voffset(self) -> int:
        """VA minus physical address of everything in the image."""
        return self.spec.text_va - self.spec.text

    @property
    def linear_voffset(self) -> int:
        """VA minus physical address in the linear map."""
        return self.spec.linear - self.base

    @property
    def banner(self) -> bytes:
        """The content of `linux_banner`, without its NUL."""
        return f"Linux version {self.spec.release} (build@host) (gcc 12.2.0, GNU ld 2.40) #1 SMP PREEMPT\n".encode()

    @property
    def module_symbols(self) -> list[ModuleTruth]:
        """The symbols of all modules."""
        return [symbol for module in self.modules for symbol in module.symbols]

    def pa(self, section: str) -> int:
        """Physical address of a section or landmark of `places`."""
        return self.spec.text + self.places[section]

    def va(self, section: str) -> int:
        """VA of a section or landmark of `places`."""
        return self.spec.text_va + self.places[section]

    def poke(self, pa: int, data: bytes) -> None:
        """Writes bytes at a physical address."""
        if not self.base <= pa <= self.end - len(data):
            raise ValueError(f"{pa:#x} is not in RAM")
        self.memory[pa - self.base : pa - self.base + len(data)] = data

    def peek(self, pa: int, size: int) -> bytes:
        """Bytes at a physical address."""
        if not self.base <= pa <= self.end - size:
            raise ValueError(f"{pa:#x} is not in RAM")
        return bytes(self.memory[pa - self.base : pa - self.base + size])

    def walk(self, va: int) -> paging.Walked | None:
        """Where a VA leads by the page tables in memory, or None; the fixture's own walk."""
        return paging.walk(self.peek, self.root_pa, va, self.spec.form.name)

    def find(self, name: str) -> Truth:
        """The first symbol of this name."""
        return next(symbol for symbol in self.symbols if symbol.name == name)

    def write_raw(self, path: str | os.PathLike[str], *, start: int | None = None, end: int | None = None) -> None:
        """The bytes of RAM, or of physical addresses start to end."""
        first, last = self.base if start is None else start, self.end if end is None else end
        Path(path).write_bytes(self.peek(first, last - first))

    def write_elf(
        self,
        path: str | os.PathLike[str],
        *,
        cls: int = 64,
        holes: Iterable[tuple[int, int]] = (),
        info: str = "",
        pcs: Iterable[int] = (),
        notes: bytes = b"",
    ) -> None:
        """An ELF core without the holes, each a pair of physical addresses; `info` to `notes` as for dumps.write_elf."""
        machine, release = dumps.MACHINES[self.spec.arch], self.spec.release
        dumps.write_elf(
            Path(path), self._pieces(holes), machine, cls, release, self.spec.page, info=info, pcs=pcs, notes=notes
        )

    def write_lime(self, path: str | os.PathLike[str], *, holes: Iterable[tuple[int, int]] = ()) -> None:
        """A LiME image without the holes."""
        dumps.write_lime(Path(path), self._pieces(holes))

    def _pieces(self, holes: Iterable[tuple[int, int]]) -> list[dumps.Piece]:
        ranges = dumps.without(self.base, self.end, holes)
        return [dumps.Piece(first, first + self.linear_voffset, self.peek(first, last - first)) for first, last in ranges]
