"""What it takes to start a debugger: its command line, and the files that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, NamedTuple

from kinfo.kernel.beside import kernel_words
from kinfo.printable import brief

TOOLS = ("crash", "gdb", "drgn")
Writer = Callable[[IO[bytes]], object]


class DebugRequest(NamedTuple):
    """What the user named: the memory's files, where the record is, the kernel with debug information ("": none).

    `symbols` are the build's that lead to the kernel, with the PA of `_text` and the slide where those were stated.
    """

    ram: tuple[str, ...]
    kinfo: str | None
    vmlinux: str
    symbols: str | None = None
    phys_base: int | None = None
    slide: int | None = None

    @property
    def memory_words(self) -> tuple[str, ...]:
        """The same memory on another kinfo command line."""
        return (*self.ram, *kernel_words(self))

    @property
    def arguments(self) -> str:
        """The same as arguments of kinfo.open_kernel."""
        given = {"symbols": self.symbols, "phys_base": self.phys_base, "slide": self.slide}
        named = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
        return f"{list(self.ram)!r}, {self.kinfo!r}{named}"


class Session(NamedTuple):
    """`shown` is what a user types, or the script they run. `argv` starts the debugger at once.

    `files` are made first, by name, and stand in `argv`. `package` is what to install where the debugger is missing, `module`
    what Python must find ("" for programs).
    """

    shown: str
    argv: tuple[str, ...]
    package: str
    module: str = ""
    files: Mapping[str, Writer] = {}

    def __repr__(self) -> str:
        return brief(self, self.argv[0] + f", {len(self.files)} files: {self.shown}")
