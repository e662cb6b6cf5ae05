"""Addresses of a kernel to names and back, in the image and in modules.

One address of the image is what is asked for most, so what that does not need is imported when it is used.
"""

from __future__ import annotations

from functools import cached_property

from kinfo.arch.address import KERNEL_HALF
from kinfo.errors import DumpError, KernelError
from kinfo.kernel.kallsyms.kallsyms import Kallsyms, Symbol
from kinfo.kernel.paging.space import Space
from kinfo.kernel.place import Place
from kinfo.kernel.pointers import Pointers
from kinfo.memory import Memory
from kinfo.printable import quoted
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kinfo.kernel.kallsyms.nearest import Near
    from kinfo.kernel.modules.loaded import Modules


class Naming:
    """What has a name in a memory: symbols of the image and of modules, and the address space that both lie in."""

    def __init__(self, memory: Memory, pointers: Pointers, kallsyms: Kallsyms) -> None:
        self.memory, self.pointers, self.kallsyms = memory, pointers, kallsyms
        self._nameless: set[int] = set()  # 4K pages of VAs: most addresses in a register dump are of a heap or a stack

    @property
    def word(self) -> int:
        """The bytes of a long."""
        return self.pointers.word

    @property
    def image(self) -> range:
        """The PAs of the kernel image."""
        return range(self.kallsyms.borders.text, self.kallsyms.borders.end)

    def unsigned(self, number: int) -> int | None:
        """The VA of the kernel's half that a number stands for, pointer authentication taken off; None where it is none."""
        if number in self.image_vas or number >= self._half:
            return number
        from kinfo.kernel.calls import unsigned

        return unsigned(self, number)

    @cached_property
    def _space(self) -> Space | KernelError:
        try:
            return Space(self.memory, self.kallsyms)
        except KernelError as error:
            return error

    @property
    def space(self) -> Space | None:
        """The address space; None where no virtual address can be had (`no_space` says why)."""
        return self._space if isinstance(self._space, Space) else None

    @property
    def no_space(self) -> KernelError:
        """Why there is no address space."""
        assert isinstance(self._space, KernelError)
        return self._space

    @cached_property
    def modules(self) -> Modules | None:
        """The modules; None without an address space."""
        from kinfo.kernel.modules.loaded import Modules

        return Modules(self.kallsyms, self.space) if self.space else None

    def is_virtual(self, address: int) -> bool:
        """Whether an address is read as a VA; else it is a PA.

        On 64 bits VAs of the kernel's half are apart from PAs. On 32 bits RAM may reach beyond PAGE_OFFSET: what lies in the
        image's VAs is a VA whatever the dump holds, what lies in its PAs a PA; so is anything else that the dump holds,
        unless it is in a module.
        """
        if self.pointers.word == 8:
            return address >= KERNEL_HALF
        borders = self.kallsyms.borders
        if self.space and borders.text <= self.space.image_pa(address) < borders.end:
            return True
        if borders.text <= address < borders.end:
            return False
        return not self.memory.holds(address) or bool(self.modules and self.modules.holding(address))

    def places(self, address: int) -> list[Place]:
        """Every reading of an address: on 32 bits one can be a VA of the image and the PA of another place in it.

        Errors as for `at`.
        """
        found = [place for place in (self.at(address),) if place]
        if self.pointers.word == 4 and self.is_virtual(address):
            found += [place for place in (self._at_pa(address),) if place and place not in found]
        return found

    def at(self, address: int) -> Place | None:
        """What an address, VA or PA, belongs to; None where it has no name. Where it can be either, the VA (see `places`).

        Raises KernelError for a VA where the dump has none, HoleError where a page table on the way is not in it.
        """
        if address in self.image_vas:
            return self._in_image(address - self._image_shift, address)
        if not self.is_virtual(address):
            return self._at_pa(address)
        space = self.space
        if space is None:
            raise self.no_space
        if address > space.mask:
            return None
        pa = space.image_pa(address)
        borders = self.kallsyms.borders
        if borders.text <= pa < borders.end:
            return self._in_image(pa, address)
        return self._in_module(address) or self._alias(address)

    @cached_property
    def image_vas(self) -> range:
        """The VAs of the image: what is asked for most needs no other question. Empty where they are not plain."""
        if self.space is None:
            return range(0)
        borders = self.kallsyms.borders
        start = self.space.va(borders.text)
        end = start + borders.end - borders.text
        return range(start, end) if (self.word == 4 or start >= KERNEL_HALF) and end <= self.space.mask else range(0)

    @cached_property
    def _half(self) -> int:
        return self.space.half if self.space else KERNEL_HALF

    @cached_property
    def _image_shift(self) -> int:
        return self.image_vas.start - self.kallsyms.borders.text

    @cached_property
    def _extent_at(self) -> Callable[[int], Near | None]:
        return self.kallsyms.nearest.near

    def _at_pa(self, pa: int) -> Place | None:
        return self._in_image(pa, self.space.va(pa) if self.space else None) or self._in_module_by_pa(pa)

    def _alias(self, va: int) -> Place | None:
        """What lies at the PA that the page tables give for another VA: the linear map has image and modules once more."""
        if va >> 12 in self._nameless:
            return None
        pa = self._pa(va)
        place = self._at_pa(pa) if pa is not None else None
        if place is not None:
            return place._replace(va=va, is_alias=True)
        if pa is None or not self._may_name(pa >> 12):
            if len(self._nameless) >= _MOST_NAMELESS:
                self._nameless.clear()
            self._nameless.add(va >> 12)
        return None

    def _may_name(self, page: int) -> bool:
        """Whether an address in a 4K page of physical memory can have a name."""
        image = self.image
        return image.start >> 12 <= page <= image.stop >> 12 or page in self._module_pages

    def why_unnamed(self, address: int) -> str:
        """What is known of an address that has no name."""
        pa = self._pa(address) if self.is_virtual(address) else address
        if pa is None and self.space and not self.space.form:
            return f"outside the kernel image; what is mapped there is not known: {self.space.reason}"
        if pa is None:
            is_mapped = self.space is not None and self.space.form is not None
            return "nothing is mapped there" if is_mapped else f"not in the kernel image; {self.modules_gap}"
        where = f"PA {pa:#x} is " if self.is_virtual(address) else ""
        if pa in range(self.kallsyms.borders.text, self.kallsyms.borders.end):
            return f"{where}in the kernel image, at a place that its symbol table has no name for"
        if gap := self.modules_gap:
            return f"{where}not in the kernel image; whether in a module is not known: {gap}"
        held = "" if self.memory.holds(pa) else ", nor in the dump"
        return f"{where}neither in the kernel image nor in a module{held}"

    @property
    def why_no_such_name(self) -> str:
        """What is known of a name that no symbol has."""
        gap = self.modules_gap
        return f"no symbol of the image has that name; modules are not all known: {gap}" if gap else "no symbol has that name"

    @property
    def modules_gap(self) -> str:
        """What is not known of modules, so that a name or an address can be one's all the same; "" where all is."""
        if self.modules is None:
            return self.no_space.message
        return self.modules.gap

    def _in_image(self, pa: int, va: int | None) -> Place | None:
        found = self._extent_at(pa)
        if found is None:
            return None
        name, kind, start, size = found
        return _made(Place, (name, kind, pa - start, size, "", pa, va, False))

    def _in_module(self, va: int) -> Place | None:
        module = self.modules.holding(va) if self.modules else None
        found = module.at(va) if module else None
        if not module or not found:
            return None
        symbol, size = found
        name = self.kallsyms.shown(symbol.name)
        return Place(name, symbol.type, va - symbol.va, size, module.name, self._pa(va), va)

    def _in_module_by_pa(self, pa: int) -> Place | None:
        va = self._module_pages.get(pa >> 12)
        return self._in_module(va | pa & 0xFFF) if va is not None else None

    @cached_property
    def _module_pages(self) -> dict[int, int]:
        """VA of each 4K page of module memory, by the number of its physical page."""
        pages: dict[int, int] = {}
        for module in self.modules.all if self.modules else ():
            for part in module.ranges:
                for va in range(part.start & ~0xFFF, part.start + min(part.size, _MODULE_LIMIT), 1 << 12):
                    pa = self._pa(va)
                    if pa is not None:
                        pages[pa >> 12] = va
        return pages

    def _pa(self, va: int) -> int | None:
        try:
            return self.space.pa(va) if self.space else None
        except DumpError:
            return None

    def named(self, name: str) -> list[Place]:
        """Every symbol of that name, the image's before the modules'. A name as Place.label has it, `name+0xoff`, too."""
        stem, plus, behind = name.partition("+")
        offset = _offset(behind.partition("/")[0]) if plus else 0
        found = [self._placed(symbol, offset) for symbol in self.kallsyms.named(stem)]
        for module in self.modules.all if self.modules else ():
            for symbol in module.symbols:
                if stem in (symbol.name, shown := self.kallsyms.shown(symbol.name)):
                    at = module.at(symbol.va)
                    va = symbol.va + offset
                    found.append(Place(shown, symbol.type, offset, at[1] if at else 0, module.name, self._pa(va), va))
        return found

    def _placed(self, symbol: Symbol, offset: int) -> Place:
        extent = None if symbol.is_absolute else self.kallsyms.at(symbol.pa)
        pa = None if symbol.is_absolute else symbol.pa + offset
        va = symbol.pa + offset if symbol.is_absolute else self.space.va(symbol.pa + offset) if self.space else None
        name = self.kallsyms.shown(symbol.name)
        return Place(name, symbol.type, offset, extent.size if extent else 0, "", pa, va)


_made = tuple.__new__  # a third of the time of the class's own constructor
_MOST_NAMELESS = 1 << 16
_MODULE_LIMIT = 1 << 26  # of one part of a module's memory


def _offset(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise KernelError(f"{quoted(text)} is no offset", "write name+0x10") from None
