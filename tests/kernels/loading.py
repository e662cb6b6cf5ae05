"""Maps an image and all RAM, and loads modules: page tables and module memory, in the pages behind the image."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from tests.kernels import modules, paging
from tests.kernels.kernel import Kernel
from tests.kernels.modules import ModuleTruth


class _Pages:
    """Hands out free physical pages: tables from below, module memory from above, so that it never lies in order."""

    def __init__(self, start: int, end: int, page: int) -> None:
        self.low, self.high, self.page = -(-start // page) * page, end // page * page, page

    def table(self) -> int:
        self._take()
        self.low += self.page
        return self.low - self.page

    def data(self) -> int:
        self._take()
        self.high -= self.page
        return self.high

    def _take(self) -> None:
        if self.high - self.low < self.page:
            raise ValueError("RAM is too small for this kernel")


def load(kernel: Kernel) -> None:
    """Maps the image and all RAM, and loads the modules."""
    spec = kernel.spec
    top = min(kernel.end, kernel.record_pa if kernel.record_pa > kernel.pa("end") else kernel.end)
    pages = _Pages(kernel.pa("end"), top, spec.page)
    kernel.tables = paging.PageTables(spec.form, kernel.root_pa, pages.table, spec.actual_bits)
    _map_image(kernel, kernel.tables)
    _map_linear(kernel, kernel.tables)
    _load_modules(kernel, pages)
    for place, value in kernel.tables.entries():
        kernel.poke(place, value.to_bytes(spec.form.word, "little"))


def _map_linear(kernel: Kernel, page_tables: paging.PageTables) -> None:
    """All RAM in one piece; on 32-bit arm, where the image lies in it, what is below and above the image."""
    spec, end = kernel.spec, kernel.base + len(kernel.memory) // kernel.spec.page * kernel.spec.page
    parts = [(kernel.base, kernel.pa("text")), (kernel.pa("end"), end)] if spec.arch == "arm" else [(kernel.base, end)]
    for first, last in parts:
        page_tables.map(first + kernel.linear_voffset, first, last - first, executable=False, blocks=spec.blocks)


def _map_image(kernel: Kernel, page_tables: paging.PageTables) -> None:
    """The segments of the image: text and init text may be executed, the rest not."""
    places = kernel.places
    has_head = kernel.spec.version >= (6, 4) if kernel.spec.map_head is None else kernel.spec.map_head
    for first, last in pairwise(("head", "text", "rodata", "inittext", "data", "end")):
        size = places[last] - places[first]
        if size and (first != "head" or (has_head and kernel.spec.arch != "arm")):
            is_code = first in ("text", "inittext")
            page_tables.map(kernel.va(first), kernel.pa(first), size, is_code, blocks=kernel.spec.blocks)


def _load_modules(kernel: Kernel, pages: _Pages) -> None:
    spec, shape = kernel.spec, kernel.spec.module_shape
    backing: dict[int, int] = {}
    room = _Room(kernel, pages, backing)

    def poke(va: int, data: bytes) -> None:
        for start, part in _split(va, data, spec.page):
            page = start // spec.page * spec.page
            kernel.poke(backing[page] + start - page if page in backing else start - kernel.voffset, part)

    kernel.modules = [modules.place(module, shape, room.allocate, spec.page) for module in spec.modules]
    for module in kernel.modules:
        modules.write(module, shape, poke)
        module.symbols = [
            ModuleTruth(module.name, symbol.name, symbol.type, va, backing[va // spec.page * spec.page] + va % spec.page)
            for symbol in module.spec.all_symbols()
            for va in [module.sections[symbol.section] + symbol.offset]
        ]
    modules.link_list(kernel.modules, kernel.va("modules"), shape, poke)
    if spec.tree_lookup:
        modules.link_tree(kernel.modules, kernel.va("mod_tree"), shape, poke)


def _split(va: int, data: bytes, page: int) -> Iterable[tuple[int, bytes]]:
    while data:
        size = min(len(data), page - va % page)
        yield va, data[:size]
        va, data = va + size, data[size:]


class _Room:
    """VAs for modules, each region on pages of its own with a hole behind it."""

    def __init__(self, kernel: Kernel, pages: _Pages, backing: dict[int, int]) -> None:
        self.kernel, self.pages, self.backing = kernel, pages, backing
        self.next_va = kernel.spec.first_module_va

    def allocate(self, size: int, code: int) -> int:
        page = self.pages.page
        count = -(-size // page)
        assert self.kernel.tables
        start = self.next_va
        self.next_va += (count + 1) * page
        for va in range(start, start + count * page, page):
            self.backing[va] = self.pages.data()
            self.kernel.tables.map(va, self.backing[va], page, va < start + code)
        return start
