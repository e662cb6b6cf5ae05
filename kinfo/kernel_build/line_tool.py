"""Source lines by a program that is installed: llvm-symbolizer or addr2line, one child for many addresses of a file."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from typing import NamedTuple, Self

from kinfo.errors import KernelError

_WAIT = 300.0  # seconds without an answer until a child is given up: debug information of a gigabyte is read in fewer
_MOST = 1 << 20  # bytes of an answer
_INSTALL = "apt-get install llvm (binutils has addr2line, for this machine's own files)"
# GNU form: the address, then function and file:line of each frame, the innermost first. llvm-symbolizer reads every machine.
_TOOLS = {
    "llvm-symbolizer": ("--output-style=GNU", "-a", "-i", "-f", "--no-demangle", "--obj={file}"),
    "addr2line": ("-a", "-i", "-f", "-e", "{file}"),
}


class SourceFrame(NamedTuple):
    """A function, and the line of it that an address is of, as the compiler named the file."""

    function: str
    place: str


def tool() -> tuple[str, str]:
    """Name and path of what is installed. Raises KernelError where nothing is."""
    for name in _TOOLS:
        if path := shutil.which(name):
            return name, path
    raise KernelError("source lines need llvm-symbolizer or addr2line, and neither is installed", _INSTALL)


class LineTool:
    """A child that answers for one ELF file; of an object file (`section`) addresses count from a section. Close it."""

    def __init__(self, path: str, section: str = "") -> None:
        self.name, program = tool()
        self.path = path
        words = [word.format(file=path) for word in _TOOLS[self.name]]
        if section and self.name == "addr2line":
            words += ["-j", section]
        try:
            self._child = subprocess.Popen(  # noqa: S603  # what was found in PATH, no shell
                [program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
            )
        except OSError as error:
            raise KernelError(f"{program}: cannot be run: {error.strerror}", _INSTALL) from error
        self._rest = b""

    def frames(self, address: int) -> list[SourceFrame]:
        """What lies at an address, the innermost inlined function first; empty where the file does not say.

        Raises KernelError where the child does not answer.
        """
        assert self._child.stdin
        try:
            self._child.stdin.write(f"{address:#x}\n0x0\n".encode())  # the second tells where the answer to the first ends
        except OSError:
            raise self._gone("came to an end") from None
        lines = self._lines()
        found = [SourceFrame(*pair) for pair in zip(lines[1::2], lines[2::2], strict=False)]
        return [one for one in found if _has_line(one)] if _is_known(found) else []

    def _lines(self) -> list[str]:
        """The lines up to the answer to 0x0, which has one pair."""
        while True:
            lines = self._rest.split(b"\n")
            ends = [at for at, line in enumerate(lines) if at and _is_zero(line) and at + 3 < len(lines)]
            if ends:
                self._rest = b"\n".join(lines[ends[0] + 3 :])
                return [line.decode("utf-8", "backslashreplace") for line in lines[: ends[0]]]
            self._rest += self._read()

    def _read(self) -> bytes:
        assert self._child.stdout
        if len(self._rest) > _MOST:
            raise self._gone(f"answered with more than {_MOST >> 20} MiB")
        if not select.select([self._child.stdout], [], [], _WAIT)[0]:
            raise self._gone(f"did not answer for {_WAIT:g} seconds")
        if not (piece := os.read(self._child.stdout.fileno(), 1 << 16)):
            raise self._gone("came to an end: it cannot read that file")
        return piece

    def _gone(self, how: str) -> KernelError:
        self.close()
        return KernelError(f"{self.path}: {self.name} {how}", _INSTALL)

    def close(self) -> None:
        """End the child."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_zero(line: bytes) -> bool:
    return line.startswith(b"0x") and not line[2:].strip(b"0")


def _has_line(frame: SourceFrame) -> bool:
    """Whether a place has a line; newer llvm-symbolizers (19) tell the file, by the symbol table, where there is none."""
    file, _, line = frame.place.rpartition(":")
    return not file.startswith("??") and line.split(" ")[0] not in ("?", "0")


def _is_known(found: list[SourceFrame]) -> bool:
    """Whether the outermost frame, which the address is in, has a line."""
    return bool(found) and _has_line(found[-1])
