"""The kernel's address space: kimage_voffset, VA bits and page size, each with what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from kinfo.arch import arm, arm64, machines, x86_64
from kinfo.arch.address import KERNEL_HALF, MASK
from kinfo.errors import HoleError, KernelError
from kinfo.findings import Finding
from kinfo.kernel import rules
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.kallsyms.tables import stored_base
from kinfo.kernel.paging.formats import FORMATS, PageFormat
from kinfo.kernel.paging.walk import Mapping, find, walk
from kinfo.memory import Memory
from kinfo.named import NamedTuple
from kinfo.printable import brief

_FIRST_OF_48 = 960  # 64K pages, 52-bit VA: a CPU with 48 bits uses the last 64 entries of the top table
_MAPPINGS = 8  # executable mappings of _stext that are looked at: the image's is one of the first


class Space:
    """How virtual and physical addresses go together.

    `voffset` is kimage_voffset: VA minus PA of everything in the kernel image, modulo 2^64; `evidence` says what it rests on.
    `form` is the page tables' format, None where they could not be read; `reason` then says why. `findings` has what is
    wrong.
    """

    def __init__(self, memory: Memory, kallsyms: Kallsyms) -> None:
        self.memory, self.kallsyms = memory, kallsyms
        self.root = kallsyms.pointers.page_table
        self.mask = (1 << 8 * kallsyms.pointers.word) - 1  # of a VA; a PA can have more bits (LPAE)
        self.reason = self.remedy = ""
        self.findings: tuple[Finding, ...] = ()
        stored = _stored_voffset(memory, kallsyms)
        walked = self._walked(stored)
        if stored is None and walked is None:
            raise KernelError(f"no virtual address can be had: {self.reason}", "symbols have physical addresses all the same")
        self.form: PageFormat | None = walked[0] if walked else None
        self.voffset = walked[1] if walked else stored.voffset if stored else 0
        self.evidence = _evidence(stored, walked)
        if not walked:
            self.findings += (rules.KERNEL_NO_PAGE_TABLE.at("swapper_pg_dir_pa", self.reason, remedy=self.remedy),)
        elif stored and stored.voffset != walked[1]:
            message = f"{stored.source} gives {stored.voffset:#x}, the page table {walked[1]:#x}"
            self.findings += (rules.KERNEL_VOFFSET.at("kimage_voffset", message),)

    def _walked(self, stored: Stored | None) -> tuple[PageFormat, int] | None:
        """PageFormat and voffset as the page tables have them; sets `reason` where they say nothing."""
        pointers, machine = self.kallsyms.pointers, self.memory.machine
        forms = [form for form in FORMATS if form.word == pointers.word and machine in (None, form.machine)]
        if not forms:
            name, is_known = machines.name_of(machine or 0), any(form.machine == machine for form in FORMATS)
            other = f"{pointers.source} is of a kernel with {8 * pointers.word} bits, the dump is of {name}"
            self.reason = other if is_known else f"page tables of {name} kernels are not read"
            self.remedy = "nothing to do here: page tables of arm64, x86-64 and 32-bit arm are read"
        elif not self.root:
            self.reason = f"{pointers.source} has no swapper_pg_dir_pa"
        elif not self.memory.holds(self.root, 64):
            self.reason = f"the page table at PA {self.root:#x} is not in the dump"
        else:
            forms = [form for form in forms if not self.root % form.root_align]
            return self._confirmed(forms, stored) or self._searched(forms)
        return None

    def _confirmed(self, forms: list[PageFormat], stored: Stored | None) -> tuple[PageFormat, int] | None:
        """The format under which the voffset that is known already holds."""
        if stored is None:
            return None
        found = next(((form, stored.voffset) for form in forms if self._holds(form, stored.voffset)), None)
        if found is None and any(self._is_cut(form, stored.voffset) for form in forms):
            self.reason = f"tables that the page table at PA {self.root:#x} leads to are not in the dump"
            self.remedy = "dump all RAM: the kernel takes the memory of its page tables from anywhere in it"
        return found

    def _is_cut(self, form: PageFormat, voffset: int) -> bool:
        """Whether the walk to the image's code ends at a table that the dump lacks."""
        try:
            walk(self.memory, self.root, form, (self.kallsyms.borders.stext + voffset) & self.mask)
        except HoleError:
            return True
        return False

    def _searched(self, forms: list[PageFormat]) -> tuple[PageFormat, int] | None:
        """PageFormat and voffset of the first executable mapping of _stext under which the rest of the image holds too."""
        reason = f"the page table at PA {self.root:#x} maps the image in no format that is known"
        for form in forms:
            try:
                for mapping in islice(self._mappings(form), _MAPPINGS):
                    if self._holds(form, voffset := mapping.va - mapping.pa & MASK):
                        return form, voffset
            except KernelError as error:
                reason = error.message
        self.reason = self.reason or reason
        return None

    def _mappings(self, form: PageFormat) -> Iterator[Mapping]:
        version = self.kallsyms.pointers.version
        upwards = form.machine == arm64.MACHINE and version is not None and not arm64.is_flipped(version)
        return find(self.memory, self.root, form, self.kallsyms.borders.stext, upwards=upwards)

    def _holds(self, form: PageFormat, voffset: int) -> bool:
        """Whether the tables map code, read-only data and data of the image at one distance, and the code executable.

        No kernel maps its image with blocks that reach beyond it, but for the ends of the 2 MiB that x86-64 and LPAE take:
        other bytes, read as a table of big pages, often do.
        """
        borders = self.kallsyms.borders
        first, last = borders.text & -x86_64.IMAGE_ALIGN, borders.end + -borders.end % x86_64.IMAGE_ALIGN
        code = (borders.stext, (borders.stext + borders.etext) // 2, borders.etext - 1)
        for pa in (*code, *self.kallsyms.landmarks):
            try:
                mapping = walk(self.memory, self.root, form, (pa + voffset) & self.mask)
            except HoleError:
                return False
            if mapping is None or mapping.pa + (pa + voffset - mapping.va & self.mask) != pa:
                return False
            if mapping.pa < first or mapping.pa + mapping.size > last:
                return False
            if pa in code and not mapping.is_executable:
                return False
        return True

    @property
    def va_bits(self) -> int | None:
        """VA bits that this boot uses (vabits_actual); None where the page tables could not be read."""
        if self.form is None or self.form.page_shift != 16 or self.form.va_bits != 52:
            return self.form.va_bits if self.form else None
        table = self.memory.view(self.root, 8 * _FIRST_OF_48)
        return 52 if any(table) else 48

    @property
    def half(self) -> int:
        """The lowest VA that is the kernel's: of its half, or of 32-bit arm's modules below PAGE_OFFSET."""
        if self.mask > arm.SPACE:
            return self.form.half if self.form else KERNEL_HALF
        start = arm.page_offset(self.va(self.kallsyms.borders.stext))
        return (arm.PAGE_OFFSETS[0] if start is None else start) - arm.MODULES_SIZE

    def va(self, pa: int) -> int:
        """VA of a PA of the kernel image."""
        return (pa + self.voffset) & self.mask

    def image_pa(self, va: int) -> int:
        """PA of a VA of the kernel image; of any other VA a PA outside of it."""
        return va - self.voffset & MASK

    def pa(self, va: int) -> int | None:
        """PA of any VA of the kernel; None where nothing is mapped there. Raises HoleError for tables not in the dump."""
        found = self.piece(va)
        return found[0] if found else None

    def piece(self, va: int) -> tuple[int, int] | None:
        """The same, and how many bytes from there on lie in one piece: up to the end of the image, or of the mapping."""
        borders = self.kallsyms.borders
        if borders.text <= (pa := self.image_pa(va)) < borders.end:
            return pa, borders.end - pa
        mapping = walk(self.memory, self.root, self.form, va) if self.form else None
        return (mapping.pa + va - mapping.va, mapping.size - (va - mapping.va)) if mapping else None

    def read(self, va: int, size: int) -> bytes:
        """The bytes at a VA, page by page. Raises KernelError where nothing is mapped, HoleError for what is not dumped."""
        parts, at, end = [], va, va + size
        page = self.form.page_size if self.form else 1 << 12
        while at < end:
            pa = self.pa(at)
            if pa is None:
                raise KernelError(
                    f"nothing is mapped at VA {at & self.mask:#x}", "the pointer is damaged, or the page was never mapped"
                )
            part = min(end - at, page - at % page)
            parts.append(self.memory.read(pa, part))
            at += part
        return b"".join(parts)

    def number(self, va: int, size: int) -> int:
        """A little-endian integer at a VA. Errors as for `read`."""
        return int.from_bytes(self.read(va, size), "little")

    def __repr__(self) -> str:
        return brief(self, f"voffset {self.voffset:#x}, {self.form.name if self.form else 'no page table'}")


class Stored(NamedTuple):
    """A voffset that was stored, and where."""

    voffset: int
    source: str


def _stored_voffset(memory: Memory, kallsyms: Kallsyms) -> Stored | None:
    """kimage_voffset without a page walk: kallsyms keeps a VA whose PA is known (the base, or every address)."""
    pointers, addresses = kallsyms.pointers, kallsyms.encoding.addresses
    if voffset := pointers.count("kimage_voffset"):
        return Stored(voffset, f"{pointers.source}'s kimage_voffset")
    if not kallsyms.is_in_memory:
        return None
    if addresses.voffset is not None:
        return Stored(addresses.voffset, "kallsyms_addresses")
    pa = stored_base(kallsyms.tables, pointers, addresses.size)
    if not addresses.has_base or not memory.holds(pa, pointers.word):
        return None
    base = memory.number(pa, pointers.word)
    voffset = base - addresses.base & MASK
    lowest = KERNEL_HALF if pointers.word == 8 else arm.PAGE_OFFSETS[0]
    if voffset % 4096 or base < lowest:  # no page distance, or not in the kernel's half
        return None
    return Stored(voffset, "kallsyms_relative_base")


def _evidence(stored: Stored | None, walked: tuple[PageFormat, int] | None) -> str:
    if walked is None:
        return stored.source if stored else ""
    tables = "the page table's mapping of the image"
    return f"{stored.source} and {tables}" if stored and stored.voffset == walked[1] else tables
