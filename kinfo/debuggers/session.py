"""What it takes to start a debugger: its command line, and the files that it needs."""

from __future__ import annotations

from typing import NamedTuple


class Asked(NamedTuple):
    """What the user named: the memory's files, where the record is, and the kernel with debug information."""

    ram: tuple[str, ...]
    kinfo: str | None
    vmlinux: str

    @property
    def memory_words(self) -> tuple[str, ...]:
        """The same memory on another kinfo command line."""
        return (*self.ram, *(("--kinfo", self.kinfo) if self.kinfo else ()))


class Session(NamedTuple):
    """`argv` starts the debugger, with SCRIPT and SYMBOLS in place of files that are made first.

    `script` is the content of SCRIPT ("" where there is none), `symbols` that of SYMBOLS, `make_symbols` the command that
    makes it. `package` is what to install where the debugger is missing, `module` what Python must find ("" for programs).
    """

    argv: tuple[str, ...]
    package: str
    module: str = ""
    script: str = ""
    symbols: bytes = b""
    make_symbols: tuple[str, ...] = ()


SCRIPT, SYMBOLS = "kinfo-drgn.py", "vmlinux.syms"
