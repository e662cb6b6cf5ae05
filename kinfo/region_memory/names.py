"""Names by regions alone: those that the table and VMCOREINFO name. kallsyms' own tables are in no region."""

from __future__ import annotations

from kinfo.arch import arm64
from kinfo.arch.address import KERNEL_HALF, MASK
from kinfo.errors import KernelError
from kinfo.kernel.place import Place
from kinfo.memory.vmcoreinfo import value
from kinfo.printable import quoted
from kinfo.region_memory.held import HeldRegion, RegionMemory

_CODE = ("_text", "_stext", "_sinittext")  # borders at which code begins
_UNKNOWN = "?"  # a type that nothing tells, as nm writes it


class RegionNames:
    """Addresses and names of a region memory, for lookups (a Namer). Sizes are those of regions."""

    word = 8
    image = range(0)

    def __init__(self, memory: RegionMemory) -> None:
        self.memory = memory
        self._half = _half(memory)

    def is_virtual(self, address: int) -> bool:
        """Whether an address is of the kernel's half."""
        return address >= KERNEL_HALF

    def unsigned(self, number: int) -> int | None:
        """The VA that a number stands for, pointer authentication taken off where the VA bits are known."""
        if number >= self._half:
            return number
        return arm64.without_pac(number, self._half) if self.memory.voffset is not None else None

    def at(self, address: int) -> Place | None:
        """What an address belongs to: a region, or a symbol at just that address."""
        is_virtual = self.is_virtual(address)
        found = self.memory.at(address, is_virtual=is_virtual)
        if found and found[0].name and not (found[0].is_mark and found[1]):
            return self._of_region(*found)
        va = address if is_virtual else self._va(address)
        exact = next((name for name, at in self.memory.symbols if at == va), None)
        if exact is None or va is None:
            return None
        return Place(exact, _type(exact), 0, 0, "", self._pa(va), va)

    def places(self, address: int) -> list[Place]:
        """The same as a list."""
        found = self.at(address)
        return [found] if found else []

    def named(self, name: str) -> list[Place]:
        """The symbol of a name, `name` or `name+0x10`; none where it is not known.

        Raises KernelError for an offset that is none or leaves its region, and where nothing says where its region lies.
        """
        stem, plus, behind = name.partition("+")
        try:
            offset = int(behind.partition("/")[0], 0) if plus else 0
        except ValueError:
            raise KernelError(f"{quoted(behind)} is no offset", "write name+0x10") from None
        region = self.memory.by_name(stem)
        if region is not None and region.va is not None and region.name == stem and not region.is_mark:
            if not 0 <= offset < region.size:
                raise KernelError(f"{region.words} has {region.size:#x} bytes: {offset:#x} is beyond them")
            return [self._of_region(region, offset)]
        va = dict(self.memory.symbols).get(stem)
        if region is not None and va is None:
            hint = f"`kinfo read {self.memory.source} {stem}` reads it; md_KELF1.BIN and md_Kvmcorein2.BIN say where it lies"
            raise KernelError(f"nothing says where {region.words} lies", hint)
        return [Place(stem, _type(stem), 0, 0, "", self._pa(va), va)] if va is not None and not offset else []

    def why_unnamed(self, address: int) -> str:
        """What is known of an address that has no name, and what would name it."""
        borders = dict(self.memory.symbols)
        start, end = borders.get("_stext"), borders.get("_end")
        va = address if self.is_virtual(address) else self._va(address)
        if va is not None and start is not None and start <= va < (end or MASK):
            return f"in the kernel image, whose names no region has; {self.remedy}"
        found = self.memory.at(address, is_virtual=self.is_virtual(address))
        if found:
            return f"in {found[0].words} at offset {found[1]:#x}: what lies there has no name"
        return "in no region, and neither the table nor VMCOREINFO names it"

    @property
    def remedy(self) -> str:
        """What names addresses of the image: the build's symbols, moved by the slide that VMCOREINFO states."""
        return f"name the build's symbols: kinfo symbolize {self.memory.source} --symbols System.map"

    @property
    def why_no_such_name(self) -> str:
        """Why a name is not known here."""
        if self.memory.no_series:
            return f"its regions have ids and no names: {self.memory.no_series}"
        return "neither a region nor VMCOREINFO has that name, and no region has kallsyms: look into the build's System.map"

    def _of_region(self, region: HeldRegion, offset: int) -> Place:
        va = None if region.va is None else region.va + offset
        pa = None if region.pa is None else region.pa + offset
        return Place(region.name, _type(region.name), offset, 0 if region.is_mark else region.size, "", pa, va)

    def _pa(self, va: int) -> int | None:
        """PA of a symbol of the image, by kimage_voffset."""
        voffset = self.memory.voffset
        return None if voffset is None else va - voffset & MASK

    def _va(self, pa: int) -> int | None:
        voffset = self.memory.voffset
        return None if voffset is None else pa + voffset & MASK


def _type(name: str) -> str:
    return "T" if name in _CODE else _UNKNOWN


def _half(memory: RegionMemory) -> int:
    """The lowest VA of the kernel's half, by the VA bits that VMCOREINFO states."""
    used = value(memory.values, "NUMBER(TCR_EL1_T1SZ)")
    bits = value(memory.values, "NUMBER(VA_BITS)", 10)
    width = 64 - used if used is not None and 12 <= used <= 28 else bits
    return (MASK & -(1 << width)) if width is not None and 36 <= width <= 52 else KERNEL_HALF
