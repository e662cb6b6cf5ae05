"""The modules of a kernel, and the names of addresses in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from kinfo.errors import DumpError, KernelError
from kinfo.findings import Finding
from kinfo.kernel import rules
from kinfo.kernel.kallsyms.table import Kallsyms
from kinfo.kernel.modules import lists, symbols
from kinfo.kernel.modules.layout import Range, StructModule, layout_of, struct_size
from kinfo.kernel.modules.symbols import ModuleSymbol
from kinfo.kernel.paging.space import Space
from kinfo.record import text

_STATES = ("live", "coming", "going", "unformed")  # enum module_state
_UNFORMED = 3
_MOST_SYMBOLS = 1 << 20
_NO_NAMES = ("$", ".L", "L0")  # the assembler's marks; the kernel passes them by


class Module:
    """One module: its name, its state, the ranges of memory it has, and its symbols.

    `no_symbols` says why these could not be read, once that was tried.
    """

    def __init__(self, raw: bytes, va: int, struct: StructModule, space: Space) -> None:
        self.va = va
        state = int.from_bytes(raw[:4], "little")
        self.state = _STATES[state] if state < len(_STATES) else f"state {state}"
        name_at = 3 * struct.word
        self.name = text.escape(text.before_nul(raw[name_at : name_at + struct.name_len]))
        self.ranges: list[Range] = struct.ranges(raw)
        self._kallsyms = int.from_bytes(raw[struct.kallsyms :][: struct.word], "little") if struct.kallsyms else 0
        self._space, self._word = space, struct.word
        self.no_symbols = ""

    @cached_property
    def symbols(self) -> list[ModuleSymbol]:
        """Its symbols, in its own order; none while it is being loaded, or where they cannot be read (`no_symbols`)."""
        if not self._kallsyms or self.state == _STATES[_UNFORMED]:
            return []
        try:
            return symbols.read(self._space, self._kallsyms, self._word, self._space.kallsyms.pointers.version)
        except (KernelError, DumpError) as error:
            self.no_symbols = error.message
            return []

    @cached_property
    def _by_address(self) -> list[ModuleSymbol]:
        """The symbols that the kernel names addresses by, in order, the first of aliases only."""
        firsts: dict[int, ModuleSymbol] = {}
        for symbol in self.symbols:
            if not symbol.name.startswith(_NO_NAMES) and symbol.type not in "uU":
                firsts.setdefault(symbol.va, symbol)
        return sorted(firsts.values(), key=lambda symbol: symbol.va)

    def range_of(self, va: int) -> Range | None:
        """The part of its memory that a VA is in."""
        return next((part for part in self.ranges if part.start <= va < part.start + part.size), None)

    def at(self, va: int) -> tuple[ModuleSymbol, int] | None:
        """The symbol that a VA in the module belongs to, and its size; None below the first symbol of its range."""
        part = self.range_of(va)
        index = bisect_right(self._by_address, va, key=lambda symbol: symbol.va) - 1
        if part is None or index < 0 or self._by_address[index].va < part.start:
            return None
        end = min((symbol.va for symbol in self._by_address[index + 1 : index + 2]), default=part.start + part.size)
        return self._by_address[index], min(end, part.start + part.size) - self._by_address[index].va


class Modules:
    """Every module of a dump, newest first as the kernel lists them; `findings` says what kept some of them back."""

    def __init__(self, kallsyms: Kallsyms, space: Space) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.all: list[Module] = []
        word = kallsyms.pointers.word
        if space.form is None:
            self.findings += (rules.KERNEL_NO_MODULES.at("modules", f"modules lie outside the image: {space.reason}"),)
            return
        try:
            root = lists.root_of(kallsyms, space)
        except KernelError as error:
            self.findings += (rules.KERNEL_NO_MODULES.at("modules", error.message),)
            return
        raws: list[tuple[int, bytes]] = []
        try:
            for va in lists.addresses(root, space, word):
                raws.append((va, space.read(va, struct_size(kallsyms.pointers))))  # noqa: PERF401  # what came before stays
        except (KernelError, DumpError) as error:
            message = f"after {len(raws)} modules of {root.name}: {error.message}"
            self.findings += (rules.KERNEL_MODULES_BROKEN.at("modules", message),)
        struct = layout_of(kallsyms.pointers, [raw for _, raw in raws])
        self.all = [Module(raw, va, struct, space) for va, raw in raws]

    def symbols(self) -> Iterator[tuple[Module, ModuleSymbol]]:
        """Every symbol of every module, in the kernel's order. Raises KernelError after a million of them."""
        count = 0
        for module in self.all:
            count += len(module.symbols)
            if count > _MOST_SYMBOLS:
                raise KernelError(f"the modules have more than {_MOST_SYMBOLS} symbols", "the module list is damaged")
            yield from ((module, symbol) for symbol in module.symbols)

    def holding(self, va: int) -> Module | None:
        """The module that a VA is in."""
        return next((module for module in self.all if module.range_of(va)), None)
