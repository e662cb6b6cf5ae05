"""Every symbol of a kernel build, in the order of addresses: out of System.map, a vmlinux, an Image or /proc/kallsyms."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from kinfo.errors import DumpError, KernelError
from kinfo.kernel.kallsyms.addresses import Addresses
from kinfo.kernel_build import raw_image
from kinfo.memory import Dump
from kinfo.sources import kinds
from kinfo.sources.kinds import Role
from kinfo.sources.opened import open_file

_LINE = re.compile(rb"^([0-9a-f]{8,16}) ([A-Za-z?]) (\S+?)(?:[\t ]\[(\S+)\])?$", re.MULTILINE)
_TEXT_LIMIT = 256 << 20
_BANNER = re.compile(rb"Linux version (\d[ -~]{1,127}?) \([ -~]{0,400}?\) (#\d[ -~]{0,200})")
_NOT_NAMED = re.compile(r"(?:__pi_|__kvm_nvhe_)?(?:\$|\.L)|L0\x01|__(?:kstrtab(?:ns)?|crc)_")  # not in kallsyms
_LINKERS = re.compile(r"^__(?:start|stop|end)_|_(?:start|end)$")
_LINKERS_LEAST = 8  # letters
_TABLES = frozenset(
    f"kallsyms_{name}"
    for name in (
        *("addresses", "offsets", "relative_base", "num_syms", "names", "markers"),
        *("token_table", "token_index", "seqs_of_names"),
    )
)
_KINDS = "a System.map, vmlinux, Image or /proc/kallsyms"


class BuildSymbol(NamedTuple):
    """A symbol: VA as the build has it, type letter, name, and the module it is of ("": the kernel)."""

    va: int
    type: str
    name: str
    module: str = ""


class SymbolList(NamedTuple):
    """The symbols of the build in `source`, in the order of their VAs.

    `text` is the VA of `_text` (else `_stext`); `release` and `build` ("#1 SMP DATE") are the banner's, "" where the file has
    none, and so are `banner` (the whole line) and `build_id`; `is_running` tells that the addresses are those of a boot
    (/proc/kallsyms), not of the link. `tables` are the VAs of the image's own symbol table, as the kernel names them
    (kallsyms_names and the like), which that table itself may leave out.
    """

    source: str
    entries: list[BuildSymbol]
    text: int
    release: str = ""
    build: str = ""
    banner: str = ""
    build_id: bytes = b""
    is_running: bool = False
    tables: Mapping[str, int] = MappingProxyType({})


def read_symbols(path: str | os.PathLike[str], stdin: BinaryIO | None = None) -> SymbolList:
    """The symbols in a file, compressed or not. Raises DumpError, or KernelError for a file that has none."""
    with open_file(path, stdin) as file:
        file.refuse(Role.KERNEL)
        kind = file.recognised.kind
        if kind.role is Role.MEMORY:
            raise DumpError(f"{path}: is a memory dump, no file of a build", f"name {_KINDS}")
        if kind is kinds.ELF:
            return _of_vmlinux(file.content)
        return _of_image(file.content) if kind is kinds.IMAGE else _of_text(file.content)


def same_build(first: SymbolList, second: SymbolList) -> None:
    """Raise KernelError unless two lists are of one build: the addresses of every name that both have, build ids, banners."""
    vas: dict[str, set[int]] = {}
    for one in first.entries:
        vas.setdefault(one.name, set()).add(one.va - first.text)
    differ = [
        one.name
        for one in second.entries
        if not one.module and one.va - second.text not in vas.get(one.name, {one.va - second.text})
    ]
    is_other = any(
        one and other and one != other
        for one, other in ((first.build_id, second.build_id), (first.release, second.release), (first.build, second.build))
    )
    if differ or is_other:
        how = f"{differ[0]} is elsewhere in it" if differ else f"{first.banner!r} is not {second.banner!r}"
        raise KernelError(f"{first.source}: is not of the build of {second.source}: {how}", "name files of one build")


def _of_text(dump: Dump) -> SymbolList:
    if dump.size > _TEXT_LIMIT:
        raise DumpError(f"{dump.name}: is larger than {_TEXT_LIMIT >> 20} MiB", f"name {_KINDS}")
    found = _LINE.findall(dump.read(0, dump.size))
    if not found:
        raise KernelError(f"{dump.name}: holds no symbols", f"name {_KINDS}")
    entries = [
        BuildSymbol(
            int(va, 16), kind.decode(), name.decode("utf-8", "backslashreplace"), module.decode("utf-8", "backslashreplace")
        )
        for va, kind, name, module in found
    ]
    if not any(one.va for one in entries):
        raise KernelError(f"{dump.name}: every address in it is 0", "read /proc/kallsyms as root: kptr_restrict hides them")
    return _listed(dump.name, entries, is_running=any(one.module for one in entries))


def _of_vmlinux(dump: Dump) -> SymbolList:
    from kinfo.kernel_build.vmlinux import Vmlinux

    kernel, tables = Vmlinux(dump), {}
    entries = [BuildSymbol(va, kind, name) for name, va, kind in kernel.every_symbol()]
    if not entries and kernel.listed:
        base_at = kernel.listed.found.base_at
        base = kernel.pointer(base_at) if base_at else 0
        entries = list(_of_tables(kernel.listed.found.names.blocks(), kernel.listed.found.addresses(base or 0), 0))
        tables = kernel.listed.places()
    else:
        entries.sort(key=lambda one: one.name)  # as `nm -n` has those of one address, which the kernel's table is made of
    listed = _listed(dump.name, entries, *_banner(kernel.parts))
    return listed._replace(build_id=kernel.build_id, tables=tables or listed.tables)


def _of_image(dump: Dump) -> SymbolList:
    image = raw_image.RawImage(dump)
    if image.listed is None or not image.text:
        raise KernelError(f"{dump.name}: its symbol table cannot be read", "name the System.map or vmlinux of the build")
    found = image.listed.found
    shift = image.text if image.listed.is_place_relative else 0
    entries = list(_of_tables(found.names.blocks(), found.addresses(image.base or 0), shift))
    tables = {name: image.text + at for name, at in image.listed.places().items()}
    listed = _listed(dump.name, entries, *_banner(image.parts))
    return listed._replace(build_id=image.build_id, tables=tables)


def _of_tables(blocks: Iterator[list[str]], addresses: Addresses, shift: int) -> Iterator[BuildSymbol]:
    for index, name in enumerate(chain.from_iterable(blocks)):
        yield BuildSymbol(addresses[index] + shift, name[0], name[1:])


def _banner(parts: Iterable[memoryview]) -> tuple[str, str, str]:
    found = next((one for part in parts if (one := _BANNER.search(part))), None)
    if found is None:
        return "", "", ""
    release, build, banner = (found[group].decode("ascii").rstrip() for group in (1, 2, 0))
    return release, build, banner


def _in_order(entry: BuildSymbol) -> tuple[int, bool, bool, int]:
    """What scripts/kallsyms.c sorts by, so that the first of several names of an address is the one that the kernel prints.

    Weak ones come behind others, then those that look like the linker script's, then those with more underscores in front.
    """
    name = entry.name
    is_linkers = len(name) >= _LINKERS_LEAST and name.startswith("__") and _LINKERS.search(name) is not None
    return entry.va, entry.type in "wW", is_linkers, len(name) - len(name.lstrip("_"))


def _listed(
    source: str,
    entries: list[BuildSymbol],
    release: str = "",
    build: str = "",
    banner: str = "",
    *,
    is_running: bool = False,
) -> SymbolList:
    """The list in order, without what kallsyms would leave out."""
    tables = {one.name: one.va for one in entries if one.name in _TABLES and not one.module}
    named = [one for one in entries if not _NOT_NAMED.match(one.name)]
    kept = sorted(named, key=(lambda one: one.va) if is_running else _in_order)
    text = next((one.va for name in ("_text", "_stext") for one in kept if one.name == name and not one.module), None)
    if text is None:
        raise KernelError(f"{source}: lists neither _text nor _stext", f"name {_KINDS} of the whole build")
    return SymbolList(source, kept, text, release, build, banner, is_running=is_running, tables=tables)
