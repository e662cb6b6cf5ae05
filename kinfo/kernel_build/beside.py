"""A build's files beside a memory: they lead to the kernel in it, or are held against what the memory says of that.

What a build says is put to the test as a record is: page tables must map its image at one distance, its banner must stand
where it has it, and where the memory has a symbol table of its own, that must say the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from kinfo.arch.address import MASK
from kinfo.errors import HoleError, KernelError
from kinfo.kernel.boot import vmcoreinfo
from kinfo.kernel.boot.banner import banner
from kinfo.kernel.boot.build_id import build_id
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.log import is_one_build
from kinfo.kernel.pointers import Pointers, RecordPointers
from kinfo.kernel.unrecorded import by_vmcoreinfo, placing
from kinfo.kernel.unrecorded.stated import StatedPointers
from kinfo.kernel_build.build_table import BuildTable
from kinfo.kernel_build.symbol_list import SymbolList, read_symbols
from kinfo.memory import Memory
from kinfo.memory.vmcoreinfo import parse, value
from kinfo.record.record import Record
from kinfo.sources import RawDump

_BANNER = re.compile(rb"Linux version (\d[ -~]{1,127}?) \(")
_LONGEST = 512  # bytes of a banner
_PAGE = 4096
_BLOCKS = 16  # of 256 symbols, besides the last, that are compared: another build moves nearly all of them
_ROOTS = ("swapper_pg_dir", "init_top_pgt")
_TABLES = ("names", "markers", "token_table", "token_index")  # without which no table can be read
_OWN = "name the files of the build that ran"


@dataclass(frozen=True)
class BuildBeside:
    """The symbols of a build, and what is stated of the boot: PA of `_text`, and how far KASLR moved the image."""

    symbols: SymbolList
    phys_base: int | None = None
    slide: int | None = None

    @property
    def source(self) -> str:
        """Who says so, in words."""
        return f"the build's {self.symbols.source}"

    def kernel(self, opened: Memory | RawDump, records: Sequence[Record] = ()) -> Kernel:
        """See `kinfo.kernel.beside.Beside`."""
        if not isinstance(opened, Memory):
            raise KernelError(
                f"{opened.dump.name}: {self.source} says where its symbols are in the image, not where that is in the file",
                f"write {opened.dump.name}@0x80000000, with the address of its first byte",
            )
        errors: list[KernelError | HoleError] = []
        found: dict[int, Kernel] = {}
        for text in dict.fromkeys(self._places(opened, records)):
            try:
                found[text] = self._at(opened, text)
            except (KernelError, HoleError) as error:
                errors.append(error)
        if len(found) > 1:
            places = ", ".join(f"{text:#x}" for text in found)
            raise KernelError(
                f"{opened.name}: {self.source} fits at {len(found)} places: {places}", "state one of them with --phys-base"
            )
        if not found:
            raise self._nowhere(opened, errors)
        return next(iter(found.values()))

    def held(self, kernel: Kernel) -> Kernel:
        """See `kinfo.kernel.beside.Beside`."""
        if not kernel.kallsyms.is_in_memory:
            return kernel
        text, count = self._checked(kernel)
        notes = (*kernel.notes, f"{self.symbols.source} is of this build: {count} symbols are the same in the memory")
        if kernel.kallsyms.has_data:
            kernel.notes = notes
            return kernel
        whole = self._by_list(kernel.memory, kernel.pointers, notes, text)
        whole.others, whole.told = kernel.others, kernel.told
        return whole

    def _checked(self, kernel: Kernel) -> tuple[int, int]:
        """PA of `_text`, and how many symbols are the same in the memory. Raises KernelError for another build or place."""
        text = self._text_of(kernel)
        count = self._compare(kernel, text) if kernel.kallsyms.is_in_memory else 0
        self._same_build(kernel)
        self._as_stated(kernel, text)
        return text, count

    def _by_list(self, memory: Memory, pointers: Pointers, notes: tuple[str, ...], text: int) -> Kernel:
        return Kernel(memory, pointers, notes, BuildTable(memory, pointers, self.symbols, text))

    def _places(self, memory: Memory, records: Sequence[Record]) -> Iterator[int]:
        """PAs where `_text` can be: as stated, by records, by VMCOREINFO, else by what reads as a banner."""
        if self.phys_base is not None:
            yield self.phys_base
            return
        for record in records:
            if stext := RecordPointers(record).pa("stext"):
                yield stext - self._above("_stext")
        infos = [parse(memory.vmcoreinfo), *vmcoreinfo.in_ram(memory)]
        for values in infos:
            voffset, va = by_vmcoreinfo.stated_voffset(values), value(values, "SYMBOL(_stext)")
            if voffset is not None and va:
                yield (va - voffset - self._above("_stext")) & MASK
        for pa, _ in placing.banners(memory) if "linux_banner" in self._vas else ():
            text = pa - self._above("linux_banner")
            if text >= 0 and text % _PAGE == 0:
                yield text

    def _nowhere(self, memory: Memory, errors: Sequence[KernelError | HoleError]) -> KernelError:
        """Why the build is at none of the places; the last one tried, which a banner speaks for, tells most."""
        if errors:
            return KernelError(f"{memory.name}: nothing leads to a kernel: {errors[-1].message}", errors[-1].hint)
        return KernelError(
            f"{memory.name}: nothing in it says where the build of {self.symbols.source} runs: it has no banner of a kernel",
            "state the PA of _text with --phys-base; or the dump is not of RAM",
        )

    @cached_property
    def _vas(self) -> dict[str, int]:
        """VA of each symbol, as linked; of a name that is there twice the first."""
        found: dict[str, int] = {}
        for one in self.symbols.entries:
            found.setdefault(one.name, one.va)
        return found | dict(self.symbols.tables)

    def _above(self, name: str) -> int:
        """How far above `_text` a symbol lies. Raises KernelError where the build does not list it."""
        if name not in self._vas:
            raise KernelError(f"{self.symbols.source}: does not list {name}", "name the System.map or vmlinux of the build")
        return self._vas[name] - self.symbols.text

    def _at(self, memory: Memory, text: int) -> Kernel:
        """The kernel with `_text` at a PA. Raises KernelError where it is not there."""
        said = self._banner_at(memory, text)
        pointers = StatedPointers(self.source, said, 8, *self._stated(memory, text))
        how = "where it is stated" if self.phys_base is not None else "with its banner where the memory has one"
        notes = (f"no record: its symbols are those of {self.source}, {how}",)
        kernel = self._by_own_table(memory, pointers, notes) or self._by_list(memory, pointers, notes, text)
        self._checked(kernel)
        if kernel.space is None or (kernel.space.form is None and self.slide is None):
            reason = kernel.space.reason if kernel.space else kernel.no_space.message
            raise KernelError(
                f"with _text at PA {text:#x} {reason}", "dump all RAM, for the page tables; or state the slide with --slide"
            )
        return kernel

    def _by_own_table(self, memory: Memory, pointers: Pointers, notes: tuple[str, ...]) -> Kernel | None:
        """The kernel by the table that the memory has where the build has it; None where there is none.

        It tells most: another build's cannot be read there. One that cannot be read is passed over where the build id shows
        that the build is the right one. Raises KernelError or HoleError where nothing does.
        """
        places = [pointers.pa(name) for name in _TABLES]
        if not all(pa and memory.holds(pa, 4) for pa in places) or not pointers.says("num_syms"):
            return None
        try:
            return Kernel(memory, pointers, notes)
        except (KernelError, HoleError) as error:
            text = pointers.pa("text")
            if self.symbols.build_id and build_id(self._by_list(memory, pointers, notes, text)) == self.symbols.build_id:
                return None
            where = f"with _text at PA {text:#x} its symbol table cannot be read where {self.symbols.source} has it"
            raise KernelError(
                f"{where}: {error.message}",
                f"{_OWN}; its vmlinux or Image shows by its build id whether it is the right one",
            ) from None

    def _banner_at(self, memory: Memory, text: int) -> str:
        """The release that stands where the build has its banner."""
        pa = text + self._above("linux_banner")
        found = _BANNER.match(bytes(memory.view_up_to(pa, _LONGEST))) if memory.holds(pa, 16) else None
        if found is None:
            what = "no banner there" if memory.holds(pa, 16) else "a hole there"
            raise KernelError(
                f"{self.symbols.source}: with _text at PA {text:#x}, linux_banner is at PA {pa:#x}: {what}",
                f"{_OWN}; --phys-base states where _text is",
            )
        return found[1].decode("ascii")

    def _stated(self, memory: Memory, text: int) -> tuple[dict[str, int], dict[str, int], int]:
        """What pointers say: places, counts, and the page table."""
        vas, shift = self._vas, text - self.symbols.text
        places = {"stext": vas.get("_stext", 0) + shift & MASK if "_stext" in vas else text, "text": text}
        for name, va in self.symbols.tables.items():
            places[name.removeprefix("kallsyms_")] = va + shift & MASK
        base = places.pop("relative_base", 0)
        if base:
            places["relative"] = text
        counts = {"bit_per_long": 64}
        at = places.pop("num_syms", 0)
        if at and memory.holds(at, 4):
            counts["num_syms"] = memory.number(at, 4)
        if self.slide is not None:
            counts["kimage_voffset"] = self.symbols.text + self.slide - text & MASK
        root = next((vas[name] + shift & MASK for name in _ROOTS if name in vas), 0)
        return places, counts, root

    def _text_of(self, kernel: Kernel) -> int:
        """PA of the build's `_text` in the kernel's memory, by its `_stext`."""
        name = "_stext" if "_stext" in self._vas else "_text"
        borders = kernel.kallsyms.borders
        return (borders.stext if name == "_stext" else borders.text) - self._above(name)

    def _compare(self, kernel: Kernel, text: int) -> int:
        """How many symbols are at the same place in both. Raises KernelError where one is not."""
        shift, table = self.symbols.text - text, kernel.kallsyms
        listed: dict[str, set[int]] = {}
        for one in self.symbols.entries:
            if not one.module:
                listed.setdefault(one.name, set()).add(one.va)
        same, differ = 0, []
        for first, names, pas in table.sample(_BLOCKS):
            for index, (name, pa) in enumerate(zip(names, pas, strict=True), first):
                if index >= table.absolute and (vas := listed.get(name[1:])):
                    same += (is_same := pa + shift & MASK in vas)
                    differ += [] if is_same else [(name[1:], pa - text, min(vas) - self.symbols.text)]
        if differ or not same:
            raise self._another(kernel, same, differ)
        return same

    def _another(self, kernel: Kernel, same: int, differ: Sequence[tuple[str, int, int]]) -> KernelError:
        """That the build is another one."""
        of = banner(kernel) or kernel.pointers.release or "a kernel of no known release"
        if differ:
            name, own, listed = differ[0]
            how = f"{len(differ)} of {same + len(differ)} symbols are elsewhere"
            how += f": {name} is {own:#x} behind _text, not {listed:#x}"
        else:
            how = "none of the symbols in the memory is in it"
        return KernelError(f"{self.symbols.source}: is not of the build in the memory: {how}", f"{_OWN}: {of}")

    def _same_build(self, kernel: Kernel) -> None:
        """Raise KernelError where build id or banner are others."""
        own, listed = build_id(kernel), self.symbols
        if own and listed.build_id:
            if own != listed.build_id:
                raise KernelError(
                    f"{listed.source}: has the build id {listed.build_id.hex()}, the kernel in the memory {own.hex()}", _OWN
                )
            return
        line = banner(kernel)
        found = re.match(r"Linux version (\S+) .*?(#\d.*)$", line)
        is_other = found is not None and (found[1] != listed.release or not is_one_build(found[2].rstrip(), listed.build))
        if listed.release and is_other:
            raise KernelError(f"{listed.source}: is of {listed.banner!r}, the kernel in the memory of {line!r}", _OWN)

    def _as_stated(self, kernel: Kernel, text: int) -> None:
        """Raise KernelError where the kernel runs elsewhere than is stated."""
        if self.phys_base is not None and self.phys_base != text:
            raise KernelError(
                f"--phys-base {self.phys_base:#x}: _text is at PA {text:#x}, by {kernel.pointers.source}",
                "leave --phys-base out",
            )
        if self.slide is None or kernel.space is None:
            return
        found = kernel.space.va(text) - self.symbols.text & MASK
        if found != self.slide & MASK:
            raise KernelError(
                f"--slide {self.slide:#x}: the image runs {found:#x} above its link address, by {kernel.space.evidence}",
                "leave --slide out",
            )


def build_beside(
    path: str | os.PathLike[str] | None,
    stdin: BinaryIO | None = None,
    *,
    phys_base: int | None = None,
    slide: int | None = None,
) -> BuildBeside | None:
    """The build in a file (System.map, vmlinux, Image), with what is stated of the boot; None where no file is named.

    Raises DumpError or KernelError for a file that has no symbols, KernelError where a place is stated and no file named.
    """
    if path is None:
        if phys_base is not None or slide is not None:
            raise KernelError("a place was stated for no build", "name the build's file with --symbols")
        return None
    return BuildBeside(read_symbols(path, stdin), phys_base, slide)
