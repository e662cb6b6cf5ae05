"""The modules of a kernel, and the names of addresses in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate

from kinfo.errors import DumpError, KernelError
from kinfo.findings import Finding
from kinfo.kernel import rules
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.modules import lists, symbols
from kinfo.kernel.modules.exports import Exporter, Exports
from kinfo.kernel.modules.layout import STATES, ModuleRange, StructModule, layout_of
from kinfo.kernel.modules.symbols import ModuleSymbol
from kinfo.kernel.paging.space import Space
from kinfo.printable import brief
from kinfo.record import text

_UNFORMED = 3
_MOST_SYMBOLS = 1 << 20
_NO_NAMES = ("$", ".L", "L0")  # the assembler's marks; the kernel passes them by


class Module:
    """One module: its name, its state, the ranges of memory it has (none where they are not known), and its symbols.

    `no_symbols` says why these could not be read, once that was tried.
    """

    def __init__(self, raw: bytes, va: int, struct: StructModule, space: Space, exports: Exports) -> None:
        self.va = va
        self.state = STATES[int.from_bytes(raw[:4], "little")]
        self.name = text.escape(struct.name(raw))
        self.ranges: list[ModuleRange] = struct.ranges(raw)
        self._kallsyms = int.from_bytes(raw[struct.kallsyms :][: struct.word], "little") if struct.kallsyms else 0
        self._space, self._word, self._exports = space, struct.word, exports
        self._raw = raw
        self.no_symbols = "" if struct.kallsyms else f"{struct.source} does not say where they are (mod_kallsyms_offset)"
        if struct.kallsyms and not self._kallsyms and self.state != STATES[_UNFORMED]:
            self.no_symbols = "its pointer to them is 0"

    @cached_property
    def symbols(self) -> list[ModuleSymbol]:
        """Its symbols, in its own order; none while it is being loaded, or where they cannot be read (`no_symbols`)."""
        if not self._kallsyms or self.state == STATES[_UNFORMED]:
            return []
        exported = self._exports.of(Exporter(self._raw, self.ranges))
        try:
            return symbols.read(self._space, self._kallsyms, self._word, exported)
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

    def range_of(self, va: int) -> ModuleRange | None:
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

    def __repr__(self) -> str:
        return brief(
            self,
            f"{self.name}, {self.state}, at VA {self.ranges[0].start:#x}" if self.ranges else f"{self.name}, {self.state}",
        )


class Modules:
    """Every module of a dump, newest first as the kernel lists them; `findings` says what kept some of them back.

    `unknown` says why there is no list at all; "" where there is one, be it empty.
    """

    def __init__(self, kallsyms: Kallsyms, space: Space) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.all: list[Module] = []
        self.unknown = ""
        if space.form is None:
            self._give_up(f"modules lie outside the image: {space.reason}")
            return
        try:
            root = lists.root_of(kallsyms, space)
        except KernelError as error:
            self._give_up(error.message)
            return
        raws = self._read(root, kallsyms, space)
        struct = layout_of(kallsyms.pointers, [raw for _, raw in raws])
        self._check_ranges(struct, [raw for _, raw in raws])
        exporters = (Exporter(raw, struct.ranges(raw)) for _, raw in raws)
        exports = Exports(space, struct.word, 3 * struct.word + struct.name_len, exporters)
        self.all = [Module(raw, va, struct, space, exports) for va, raw in raws]

    def _give_up(self, reason: str) -> None:
        self.unknown = reason
        self.findings += (rules.KERNEL_NO_MODULES.at("modules", reason),)

    def _read(self, root: lists.Root, kallsyms: Kallsyms, space: Space) -> list[tuple[int, bytes]]:
        """VA and bytes of every struct module, up to where the list breaks off or leads to something else."""
        struct = layout_of(kallsyms.pointers, ())
        raws: list[tuple[int, bytes]] = []
        try:
            for va in lists.addresses(root, space, struct.word):
                raw = space.read(va, struct.size)
                if problem := struct.problem(raw):
                    raise KernelError(f"what is at VA {va:#x} is no module: {problem}", "")
                raws.append((va, raw))
        except (KernelError, DumpError) as error:
            message = f"after {len(raws)} modules of {root.name}: {error.message}"
            self.findings += (rules.KERNEL_MODULES_BROKEN.at("modules", message),)
            if not raws:
                self.unknown = message
        return raws

    def _check_ranges(self, struct: StructModule, raws: list[bytes]) -> None:
        """Whether the record says where in struct module the memory is, and what is there can be that."""
        unfit = sum(not struct.fits(raw) for raw in raws)
        if raws and not struct.ranges_at:
            fields = "mod_mem_offset, mod_core_layout_offset"
            message = f"{struct.source} has no offset of a module's memory in struct module ({fields})"
            self.findings += (rules.KERNEL_NO_MODULE_RANGES.at("modules", message),)
        elif unfit:
            message = f"what {struct.source}'s {struct.ranges_at} leads to is no memory of a module in {unfit} of {len(raws)}"
            self.findings += (rules.KERNEL_MODULE_RANGES.at(struct.ranges_at, message),)

    @property
    def gap(self) -> str:
        """What kept modules, their memory or (once they were read) their symbols from being known; "" where nothing did."""
        if self.findings:
            return self.findings[0].message
        reasons = (f"{module.name}: {module.no_symbols}" for module in self.all if module.no_symbols)
        return next(reasons, "")

    def symbols(self) -> Iterator[tuple[Module, ModuleSymbol]]:
        """Every symbol of every module, in the kernel's order. Raises KernelError after a million of them."""
        count = 0
        for module in self.all:
            count += len(module.symbols)
            if count > _MOST_SYMBOLS:
                raise KernelError(f"the modules have more than {_MOST_SYMBOLS} symbols", "the module list is damaged")
            yield from ((module, symbol) for symbol in module.symbols)

    def holding(self, va: int) -> Module | None:
        """The module that a VA is in; the first of the list where two claim it."""
        starts, reach, owners = self._parts
        last = bisect_right(starts, va) - 1
        if last < 0 or va >= reach[last]:
            return None
        if last == 0 or va >= reach[last - 1]:
            return owners[last]
        return next((module for module in self.all if module.range_of(va)), None)

    @cached_property
    def _parts(self) -> tuple[list[int], list[int], list[Module]]:
        """Where the parts of modules begin, in order, how far each and those before it reach, and whose each is."""
        parts = [(part.start, part.start + part.size, module) for module in self.all for part in module.ranges if part.size]
        parts.sort(key=lambda part: part[0])
        reach = accumulate((end for _, end, _ in parts), max)
        return [start for start, _, _ in parts], list(reach), [module for _, _, module in parts]

    def __repr__(self) -> str:
        return brief(
            self, f"{len(self.all)}: {', '.join(one.name for one in self.all)}" if self.all else self.unknown or "none"
        )
