"""File and line behind the names in a log: `vfs_read+0x10/0x2b0` of vmlinux, `open+0x8/0x100 [wlan]` of a module's file.

As scripts/decode_stacktrace.sh of the kernel does it, but for what is not sure: a name that the file has not, or with another
size, or several times with the same, gets none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Self

from kinfo.errors import DumpError, KernelError
from kinfo.kernel_build.line_tool import LineTool, SourceFrame, tool
from kinfo.kernel_build.module_file import ModuleFile
from kinfo.kernel_build.symbol_list import SymbolList, read_symbols
from kinfo.sources import kinds, open_file

_NAMED = re.compile(
    rb"(?<![\w.$])([A-Za-z_.][\w.$]{0,511})\+0x([0-9a-f]{1,8})/0x([0-9a-f]{1,8})"
    rb"(?: \[([\w-]{1,64})(?: [0-9a-f]{40})?\])?(?! \([^)\n]{0,512}:\d)"
)
# The program counter of a line, and what stands behind a number that is none's return address.
_EXACT = re.compile(
    rb"(?:\b(?:pc|elr|[re]?ip|nip)(?: is at)?\s{0,4}[:=]?\s{0,4}(?:[0-9a-f]{2,4}:)?)[^a-z]{0,40}$", re.IGNORECASE
)
_RAW = re.compile(rb"[0-9a-fA-F]{8,16}[>\]]{0,2} <$")
_LINK = re.compile(
    rb"(?:\blr|\bra|\bx30|\br14|\bfrom)\W{0,8}[0-9a-fxA-F]{8,18}\W{0,3}$|\[<[0-9a-fA-F]{8,16}>\] <$", re.IGNORECASE
)
_MOST_FILES = 1 << 18
_MOST_CHILDREN = 32
_REACH = 96
_MOST_KNOWN = 1 << 16


def source_lines(path: str, modules: str | None = None) -> SourceLines:
    """What puts lines behind names by a vmlinux, and by the modules' files in a folder.

    Raises DumpError for a file that is packed or no vmlinux, KernelError where it has no symbols or no tool is installed.
    """
    with open_file(path) as file:
        if file.packing:
            raise DumpError(f"{path}: is packed: no tool reads its lines", f"unpack it first: {file.packing.unpack} {path}")
        if file.recognised.kind is not kinds.ELF:
            raise DumpError(
                f"{path}: is no ELF file, hence no vmlinux", "name the vmlinux with debug information of the build"
            )
    return SourceLines(path, read_symbols(path), modules)


class _Known(NamedTuple):
    """Where a symbol is in a file: its address there, its size, and the section that the address counts from."""

    address: int
    size: int
    section: str = ""


class SourceLines:
    """Puts lines behind names, with vmlinux at `path` (its symbols: `symbols`) and the modules' files in a folder.

    `notes` are what could not be had, in words; `asked` how many names there were, `count` how many got a line.
    Raises KernelError where no tool is installed. Close it.
    """

    def __init__(self, path: str, symbols: SymbolList, modules: str | None = None) -> None:
        tool()
        self.path, self.symbols = path, symbols
        self._known: dict[str, Mapping[str, Sequence[_Known]]] = {"": _of_build(symbols)}
        self._files = _module_files(modules) if modules is not None else {}
        self._paths = {"": path}
        self._children: dict[tuple[str, str], LineTool] = {}
        self._labels: dict[tuple[bytes, ...], bytes] = {}
        self._has_folder = modules is not None
        self.notes: list[str] = []
        self.asked = self.count = 0

    def text(self, text: bytes) -> bytes:
        """The text with lines."""
        return _NAMED.sub(self._replacement, text)

    def _replacement(self, found: re.Match[bytes]) -> bytes:
        behind = self._label(found, is_exact=_is_exact(found))
        self.asked += 1
        self.count += bool(behind)
        return found[0] + behind

    def _label(self, found: re.Match[bytes], *, is_exact: bool) -> bytes:
        key = (found[1], found[2], found[3], found[4] or b"", b"=" if is_exact else b"")
        if key not in self._labels:
            if len(self._labels) >= _MOST_KNOWN:
                self._labels.clear()
            name, module = found[1].decode(), (found[4] or b"").decode()
            self._labels[key] = self._words(name, int(found[2], 16), int(found[3], 16), module, is_exact=is_exact)
        return self._labels[key]

    def _words(self, name: str, offset: int, size: int, module: str, *, is_exact: bool) -> bytes:
        places = self._places(module).get(name, ())
        fit = [one for one in places if one.size in (size, 0)]
        if len(fit) != 1 or offset > size:
            return b""
        frames = self._frames(module, fit[0], fit[0].address + offset - (not is_exact and offset > 0))
        if fit[0].section and frames and frames[-1].function.partition(".")[0] != name.partition(".")[0]:
            return b""  # sections of an object file all begin at 0
        return _shown(frames).encode("utf-8", "replace") if frames else b""

    def _frames(self, module: str, known: _Known, address: int) -> list[SourceFrame]:
        key = (module, known.section)
        if key not in self._children:
            if len(self._children) >= _MOST_CHILDREN:
                self._children.pop(next(iter(self._children))).close()
            self._children[key] = LineTool(self._paths[module], known.section)
        return self._children[key].frames(address)

    def _places(self, module: str) -> Mapping[str, Sequence[_Known]]:
        if module not in self._known:
            self._known[module] = self._of_module(module)
        return self._known[module]

    def _of_module(self, module: str) -> Mapping[str, Sequence[_Known]]:
        path = self._files.get(module.replace("-", "_"))
        if path is None:
            if self._has_folder:
                self.notes.append(f"module {module}: its file {module}.ko is not in the folder of --modules")
            return {}
        try:
            file = ModuleFile(path)
        except (DumpError, KernelError) as error:
            self.notes.append(f"{error.message}; {error.hint}")
            return {}
        self._paths[module] = path
        return {name: [_Known(*one) for one in places] for name, places in file.symbols.items()}

    def close(self) -> None:
        """End the children."""
        for child in self._children.values():
            child.close()
        self._children.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _of_build(symbols: SymbolList) -> dict[str, list[_Known]]:
    """The symbols of vmlinux by name, with their sizes: up to the next address."""
    places = sorted({one.va for one in symbols.entries})
    sizes = {low: high - low for low, high in pairwise(places)}
    found: dict[str, list[_Known]] = {}
    for one in symbols.entries:
        if (known := _Known(one.va, sizes.get(one.va, 0))) not in found.setdefault(one.name, []):
            found[one.name].append(known)
    return found


def _module_files(folder: str) -> dict[str, str]:
    """The .ko files below a folder by their modules' names; those with debug information (.ko.debug) before others."""
    if not os.path.isdir(folder):
        raise DumpError(f"{folder}: is no folder", "name the folder that has the modules' .ko files")
    found: dict[str, str] = {}
    count = 0
    for at, _, names in os.walk(folder):
        for name in sorted(names):
            count += 1
            stem, ko, rest = name.partition(".ko")
            if ko and rest in ("", ".debug"):
                key = stem.replace("-", "_")
                if rest or key not in found:
                    found[key] = os.path.join(at, name)
        if count > _MOST_FILES:
            raise DumpError(f"{folder}: has more than {_MOST_FILES} files", "name the folder that has the modules' .ko files")
    return found


def _is_exact(found: re.Match[bytes]) -> bool:
    """Whether the address itself is meant, and not that of the call before it: a program counter, a number's name."""
    text, start = found.string, found.start()
    line = text[max(0, start - _REACH, text.rfind(b"\n", 0, start) + 1) : start]
    if _EXACT.search(line):
        return True
    return bool(_RAW.search(line)) and not _LINK.search(line)


def _shown(frames: Sequence[SourceFrame]) -> str:
    """` (fs/read_write.c:474)`; with what was inlined: ` (get at a.h:7, inlined at fs/read_write.c:474)`."""
    *inner, outer = frames
    place = outer.place.partition(" (discriminator")[0]
    words = [f"{one.function} at {one.place.partition(' (discriminator')[0]}, inlined at " for one in inner]
    return f" ({''.join(words)}{place})"
