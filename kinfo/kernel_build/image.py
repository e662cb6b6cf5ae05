"""Facts out of a kernel image: an ELF vmlinux, or a raw Image."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from kinfo.errors import DumpError, KernelError
from kinfo.kernel.types.btf import search
from kinfo.kernel.types.types import Types
from kinfo.kernel_build import config, constants, symbols
from kinfo.kernel_build.listed import ListedSymbols
from kinfo.kernel_build.model import Told
from kinfo.kernel_build.names import SYMBOLS
from kinfo.kernel_build.raw_image import RawImage
from kinfo.kernel_build.vmlinux import Vmlinux

_BANNER = re.compile(rb"Linux version (\d[!-~]{0,63}) \(")
_DWARF = (".debug_info", ".debug_abbrev", ".debug_str", ".debug_line_str", ".debug_str_offsets")
_RELEASE_AT = 130  # in struct new_utsname: sysname and nodename of 65 bytes each come first


class Image(Protocol):
    """What a kernel image can be asked."""

    name: str
    machine: str

    @property
    def parts(self) -> list[memoryview]:
        """What is loaded into memory."""
        ...

    @property
    def listed(self) -> ListedSymbols | None:
        """Its kallsyms tables, where they had to be searched for."""
        ...

    def symbols(self, wanted: Iterable[str]) -> dict[str, int]:
        """VA of each of these symbols that is known."""
        ...

    def read(self, va: int, size: int) -> bytes:
        """Up to `size` bytes at a VA."""
        ...

    def pointer(self, va: int) -> int | None:
        """The pointer at a VA, relocated."""
        ...

    def types(self) -> memoryview | None:
        """Where BTF is, or may be."""
        ...


def tell_vmlinux(image: Vmlinux) -> Told:
    """What an ELF kernel says. Raises DumpError for one that is cut off, or that has neither symbols nor kallsyms."""
    told = _tell(image, "symbol" if image.has_symbols else "kallsyms in it")
    text = told.facts.get("_text")
    first = next((one for one in image.segments if text and one.va <= int(text.value) < one.va + one.size), None)
    if image.machine == "x86-64" and first and text:  # p_paddr of arm64 is a copy of p_vaddr
        is_fixed = told.facts.get("CONFIG_RANDOMIZE_BASE")
        if is_fixed is not None and not is_fixed.value:
            told.add("text_pa", int(text.value) - first.va + first.pa, "as linked: no KASLR", is_fallback=True)
    if "module.kallsyms" not in told.facts:
        _tell_dwarf(told, image)
    return told


def tell_raw(image: RawImage) -> Told:
    """What a raw Image says. Raises DumpError for one that has no kallsyms tables."""
    told = _tell(image, "kallsyms in it")
    told.text_offset = image.text_offset
    told.add("CONFIG_KALLSYMS_ALL", int(image.listed.has_data) if image.listed else None, "kallsyms in it: lists data or not")
    return told


def _tell(image: Image, how: str) -> Told:
    told = Told(image.name)
    told.add("arch", image.machine, "header")
    told.add("BITS_PER_LONG", 64, "header")
    found = image.symbols(SYMBOLS)
    if not found:
        raise DumpError(
            f"{image.name}: has neither a symbol table nor kallsyms tables",
            "name System.map, or a vmlinux that is not stripped",
        )
    symbols.tell(told, found, how)
    _tell_contents(told, image, found)
    _tell_release(told, image)
    _tell_config(told, image)
    _tell_types(told, image, found)
    return told


def _tell_contents(told: Told, image: Image, found: dict[str, int]) -> None:
    """The two numbers that the kernel keeps beside its tables."""
    if at := found.get("kallsyms_num_syms"):
        raw = image.read(at, 4)
        told.add("num_syms", int.from_bytes(raw, "little") if len(raw) == 4 else None, "content of kallsyms_num_syms")
    if at := found.get("kallsyms_relative_base"):
        told.add("relative_base", image.pointer(at), "content of kallsyms_relative_base, relocated")


def _tell_release(told: Told, image: Image) -> None:
    for part in image.parts:
        if found := _BANNER.search(part):
            told.add("release", found[1].decode(), "linux_banner")
            return


def _tell_config(told: Told, image: Image) -> None:
    for part in image.parts:
        text = config.embedded(part, image.name)
        if text:
            config.tell(told, text, "configuration in it")
            return


def _tell_types(told: Told, image: Image, found: dict[str, int]) -> None:
    where = image.types()
    if where is None:
        return
    try:
        types = Types(search(where))
        constants.tell_more(told, types.find, "BTF")
        namespace = types.find("uts_namespace")
    except KernelError:
        return  # other sources may know; what nobody knows is named as missing
    at = found.get("init_uts_ns")
    if namespace and at and "name" in namespace.members:
        raw = image.read(at + namespace.members["name"].offset + _RELEASE_AT, 65).partition(b"\0")[0]
        told.add("release", raw.decode("ascii", "replace") or None, "content of init_uts_ns")


def _tell_dwarf(told: Told, image: Vmlinux) -> None:
    sections = {name: data for name in _DWARF if (data := image.section(name)) is not None}
    if ".debug_info" not in sections or ".debug_abbrev" not in sections:
        return
    from kinfo.kernel_build.dwarf import Dwarf

    try:
        constants.tell(told, Dwarf(sections).find, "DWARF")
    except KernelError as error:
        raise KernelError(f"{image.name}: {error.message}", error.hint) from None
