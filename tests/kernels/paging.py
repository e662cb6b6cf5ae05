"""Page tables of arm64, x86-64 and 32-bit arm kernels, written entry by entry; and a plain walk over them, to test that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.kernels import arm_tables

SPACE = 1 << 64

Reader = Callable[[int, int], bytes]


@dataclass(frozen=True)
class Format:
    """A kind of page table: `high` says where address bits from 48 on go ("", "lpa2", "64k"), `arm` which of 32-bit arm's."""

    name: str
    page_shift: int
    va_bits: int
    high: str = ""
    is_x86: bool = False
    arm: str = ""

    @property
    def word(self) -> int:
        """Bytes of an entry."""
        return 4 if self.arm in ("short", "v5") else 8

    @property
    def end(self) -> int:
        """The VA behind the last."""
        return 1 << 32 if self.arm else SPACE

    @property
    def page(self) -> int:
        """Bytes of a page, and of every table but the top one."""
        return 1 << self.page_shift

    @property
    def stride(self) -> int:
        """VA bits that a full table resolves."""
        return 8 if self.word == 4 else self.page_shift - 3

    @property
    def shifts(self) -> tuple[int, ...]:
        """The lowest VA bit that each level resolves, top first."""
        if self.word == 4:
            return 20, 12
        return tuple(range(self.page_shift, self.va_bits, self.stride))[::-1]

    @property
    def top_entries(self) -> int:
        """Entries of the top table; it may be smaller than a page."""
        return 1 << (self.va_bits - self.shifts[0])

    @property
    def block_shifts(self) -> tuple[int, ...]:
        """The levels at which an entry may map memory itself, largest first: 1G and 2M, 32M, 512M, and pages."""
        if self.arm:
            return arm_tables.BLOCKS[self.arm]
        by_page = {12: (30, 21, 12), 14: (25, 14), 16: (29, 16)}
        return tuple(shift for shift in by_page[self.page_shift] if shift in self.shifts)


_ALL = (
    *(Format(f"arm64-4k-{bits}", 12, bits) for bits in (39, 48)),
    Format("arm64-4k-52", 12, 52, "lpa2"),
    *(Format(f"arm64-16k-{bits}", 14, bits) for bits in (36, 47, 48)),
    Format("arm64-16k-52", 14, 52, "lpa2"),
    *(Format(f"arm64-64k-{bits}", 16, bits, "64k") for bits in (42, 48, 52)),
    Format("x86-4", 12, 48, is_x86=True),
    Format("x86-5", 12, 57, is_x86=True),
    *(Format(f"arm-{kind}", 12, 32, arm=kind) for kind in arm_tables.LEVELS),
)
FORMATS = {form.name: form for form in _ALL}

# arm64 descriptors
_VALID, _TABLE, _ATTR_NORMAL, _READ_ONLY, _INNER, _ACCESSED = 1, 2, 0, 1 << 7, 3 << 8, 1 << 10
_DIRTY_MANAGED, _PXN, _UXN, _UXN_TABLE = 1 << 51, 1 << 53, 1 << 54, 1 << 60
# x86 entries
_PRESENT, _WRITABLE, _A, _D, _LARGE, _GLOBAL, _NX = 1, 1 << 1, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1 << 63


def put_address(form: Format, pa: int) -> int:
    """A physical address in the bits of an entry where this format has it."""
    if form.is_x86:
        return pa & 0x000F_FFFF_FFFF_F000
    if form.high == "lpa2":
        return pa & 0x0003_FFFF_FFFF_F000 | (pa >> 50 & 3) << 8
    if form.high == "64k":
        return pa & 0x0000_FFFF_FFFF_0000 | (pa >> 48 & 15) << 12
    if pa >> 48:
        raise ValueError(f"{form.name} has no room for the address {pa:#x}")
    return pa


def table_entry(form: Format, pa: int) -> int:
    """The entry that leads to the next table."""
    if form.arm:
        return arm_tables.table_entry(form.arm, pa)
    bits = _PRESENT | _WRITABLE | _A | _D if form.is_x86 else _VALID | _TABLE | _UXN_TABLE
    return put_address(form, pa) | bits


def leaf_entry(form: Format, pa: int, shift: int, executable: bool) -> int:
    """The entry that maps the page or block of 1 << shift bytes; what is executable is read-only."""
    if form.arm:
        return arm_tables.leaf_entry(form.arm, pa, shift, executable)
    is_block = shift != form.page_shift
    if form.is_x86:
        bits = _PRESENT | _A | _GLOBAL | (_LARGE if is_block else 0)
        return put_address(form, pa) | bits | (0 if executable else _NX | _WRITABLE | _D)
    bits = _VALID | (0 if is_block else _TABLE) | _ACCESSED | _ATTR_NORMAL | _UXN
    if form.high != "lpa2":
        bits |= _INNER  # with LPA2 these two bits are part of the address
    return put_address(form, pa) | bits | (_READ_ONLY if executable else _PXN | _DIRTY_MANAGED)


class PageTables:
    """Tables under construction: entries by physical address of table and index.

    `allocate` gives the address of a new table, one page of the format. `actual_bits` is what the processor has where the
    kernel was built for more (64K pages: 48 of 52; only the last 64 of the top table's 1024 entries then serve).
    """

    def __init__(self, form: Format, root: int, allocate: Callable[[], int], actual_bits: int | None = None) -> None:
        self.form = form
        self.root = root
        self.tables: dict[int, dict[int, int]] = {root: {}}
        self._allocate = allocate
        self._places = arm_tables.Places(form.arm, root, allocate) if form.arm else None
        self._children: dict[int, int] = {}  # by the address of the entry that leads there
        self._bits = actual_bits or form.va_bits

    def map(self, va: int, pa: int, size: int, executable: bool, *, blocks: bool = True) -> None:
        """Maps size bytes at va to pa, with the largest blocks that fit."""
        if va % self.form.page or pa % self.form.page or size % self.form.page:
            raise ValueError(f"not aligned to a page of {self.form.name}: {va:#x} -> {pa:#x}, {size:#x} bytes")
        shifts = self.form.block_shifts if blocks else (self.form.page_shift,)
        while size:
            shift = next(each for each in shifts if not (va | pa) % (1 << each) and size >= 1 << each)
            self._map_one(va, pa, shift, executable)
            va, pa, size = va + (1 << shift), pa + (1 << shift), size - (1 << shift)

    def entries(self) -> Iterator[tuple[int, int]]:
        """Physical address and value of every entry in use."""
        for table, entries in self.tables.items():
            for index, value in entries.items():
                yield table + self.form.word * index, value

    def _map_one(self, va: int, pa: int, shift: int, executable: bool) -> None:
        table = self.root
        self._check_half(va)
        for level in self.form.shifts:
            index = self._index(va, level)
            if level <= shift:
                entries = self.tables[table]
                for each in range(index, index + (1 << shift - level)):  # more than one: large pages, supersections of arm
                    if each in entries:
                        raise ValueError(f"mapped twice: {va:#x}")
                    entries[each] = leaf_entry(self.form, pa, shift, executable)
                return
            table = self._next(table, index)

    def _next(self, table: int, index: int) -> int:
        place = table + self.form.word * index
        if place not in self._children:
            if index in self.tables[table]:
                raise ValueError("a block lies where a table is needed")
            child = self._places.child(table, index) if self._places else self._allocate()
            self._children[place] = child
            self.tables[child] = {}
            self.tables[table][index] = table_entry(self.form, child)
        return self._children[place]

    def _index(self, va: int, shift: int) -> int:
        is_top = shift == self.form.shifts[0]
        return (va >> shift) % (self.form.top_entries if is_top else 1 << self.form.stride)

    def _check_half(self, va: int) -> None:
        bits = self._bits - 1 if self.form.is_x86 else self._bits
        if not self.form.end - (1 << bits) <= va < self.form.end:
            raise ValueError(f"{va:#x} is not in the kernel's half of {self._bits} bits")


class Walked(NamedTuple):
    """Where a VA leads, and the size of the page or block that holds it."""

    pa: int
    executable: bool
    size: int


# (lowest bit, number of bits) of each level's index, typed from the architecture manuals and not worked out
_LEVELS: dict[str, tuple[tuple[int, int], ...]] = {
    "arm64-4k-39": ((30, 9), (21, 9), (12, 9)),
    "arm64-4k-48": ((39, 9), (30, 9), (21, 9), (12, 9)),
    "arm64-4k-52": ((48, 4), (39, 9), (30, 9), (21, 9), (12, 9)),
    "arm64-16k-36": ((25, 11), (14, 11)),
    "arm64-16k-47": ((36, 11), (25, 11), (14, 11)),
    "arm64-16k-48": ((47, 1), (36, 11), (25, 11), (14, 11)),
    "arm64-16k-52": ((47, 5), (36, 11), (25, 11), (14, 11)),
    "arm64-64k-42": ((29, 13), (16, 13)),
    "arm64-64k-48": ((42, 6), (29, 13), (16, 13)),
    "arm64-64k-52": ((42, 10), (29, 13), (16, 13)),
    "x86-4": ((39, 9), (30, 9), (21, 9), (12, 9)),
    "x86-5": ((48, 9), (39, 9), (30, 9), (21, 9), (12, 9)),
    **{f"arm-{kind}": levels for kind, levels in arm_tables.LEVELS.items()},
}


def walk(read: Reader, root: int, va: int, name: str) -> Walked | None:
    """Where va leads by the tables at root, of the format of this name; None where nothing is mapped."""
    table = root
    levels = _LEVELS[name]
    if name.startswith("arm-"):
        return _walk_arm(read, root, va, name.removeprefix("arm-"))
    for shift, bits in levels:
        index = va >> shift & (1 << bits) - 1
        entry = int.from_bytes(read(table + 8 * index, 8), "little")
        if not entry & 1:
            return None
        address = _address(name, entry)
        is_last = shift == levels[-1][0]
        if is_last or _is_block(name, entry):
            inside = (1 << shift) - 1
            no_execute = 63 if name.startswith("x86") else 53
            return Walked(address & ~inside | va & inside, not entry >> no_execute & 1, inside + 1)
        table = address
    return None


def _walk_arm(read: Reader, table: int, va: int, kind: str) -> Walked | None:
    size, runs = 8 if kind == "lpae" else 4, True
    for shift, bits in arm_tables.LEVELS[kind]:
        index = va >> shift & (1 << bits) - 1
        found = arm_tables.entry(kind, int.from_bytes(read(table + size * index, size), "little"), shift)
        if found is None:
            return None
        runs, table = runs and found.executable, found.pa
        if found.size:
            return Walked(found.pa | va & found.size - 1, runs, found.size)
    return None


def _is_block(name: str, entry: int) -> bool:
    return bool(entry & 0x80) if name.startswith("x86") else not entry & 2


def _address(name: str, entry: int) -> int:
    if name.startswith("x86"):
        return entry & 0xF_FFFF_FFFF_F000
    if name.endswith("-52") and "64k" not in name:
        return entry & 0x3_FFFF_FFFF_F000 | (entry & 0x300) << 42
    if "64k" in name:
        return entry & 0xFFFF_FFFF_0000 | (entry & 0xF000) << 36
    return entry & 0xFFFF_FFFF_F000
