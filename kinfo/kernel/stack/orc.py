"""ORC: for every place in x86-64 code, where the caller's stack pointer and frame pointer are.

arch/x86/include/asm/orc_types.h and arch/x86/kernel/unwind_orc.c. Two tables of one length: places (each entry is a signed
32-bit distance from itself) in rising order, and entries of 6 bytes, whose bit fields changed in 6.3 and 6.4: the BTF says
how they are. It does not say that registers have other numbers in 7.3: the entries themselves do.
include/asm-generic/vmlinux.lds.h puts the entries straight behind the places, so that a kernel without
CONFIG_KALLSYMS_ALL, where neither has a name, is searched for the places.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from kinfo.errors import KernelError, KinfoError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.pointers import Borders
from kinfo.kernel.types import Types
from kinfo.named import NamedTuple
from kinfo.typed import overload

UNDEFINED, PREV_SP, DX, DI, BP, SP, R10, R13, BP_INDIRECT, SP_INDIRECT = range(10)
REGISTERS = {DX: "dx", DI: "di", R10: "r10", R13: "r13"}
# The numbers in Debian's 7.3.4 (ORC_REG_*), by where entries of both kernels have the same meaning; DI's was not seen.
_RENUMBERED = dict(enumerate((UNDEFINED, None, DX, SP, BP, None, R10, R13, PREV_SP, SP_INDIRECT, BP_INDIRECT)))
_NUMBERED = {number: number for number in range(10)}
_ASKED = 1 << 16  # entries that are asked how registers are numbered
_ENTRY, _PLACE = 6, 4
_SAMPLE = 4096  # bytes from one look for the places to the next: a kernel has a megabyte of them
_RISING = 64  # places in a row that rise
_ROW = 1024  # places that are looked at together
_MOST = 1 << 24


class Orc(NamedTuple):
    """One entry. `kind` is "call", "regs" (struct pt_regs lies there), "partial" (its last five words), "end" or "none"."""

    sp_reg: int
    sp_offset: int
    bp_reg: int
    bp_offset: int
    kind: str
    signal: bool


class OrcFormat:
    """How entries are made up. Raises KernelError where the types do not say."""

    def __init__(self, types: Types) -> None:
        entry = types["orc_entry"]
        self._members = [entry.member(name) for name in ("sp_reg", "sp_offset", "bp_reg", "bp_offset", "type")]
        self._end, self._signal = entry.find("end"), entry.find("signal")
        if entry.size != _ENTRY:
            raise KernelError(f"struct orc_entry has {entry.size} bytes and not {_ENTRY}", "the BTF is another kernel's")
        self._numbers: Mapping[int, int | None] = _NUMBERED

    def learn(self, entries: bytes | memoryview) -> None:
        """See by an image's entries how registers are numbered: nearly all count from SP, hardly one from DI."""
        step = max(len(entries) // _ENTRY // _ASKED, 1)
        first = self._members[0].offset
        registers = Counter(byte & 0xF for byte in bytes(entries[first :: _ENTRY * step]))
        new_sp = next(number for number, meaning in _RENUMBERED.items() if meaning == SP)
        self._numbers = _RENUMBERED if registers[new_sp] > registers[SP] else _NUMBERED

    def entry(self, raw: bytes) -> Orc:
        """An entry taken apart."""
        stored_sp, sp_offset, stored_bp, bp_offset, kind = (member.of(raw) for member in self._members)
        sp_reg, bp_reg = self._numbers.get(stored_sp), self._numbers.get(stored_bp)
        if sp_reg is None or bp_reg is None:
            return Orc(UNDEFINED, 0, UNDEFINED, 0, "none", signal=False)
        kinds: tuple[str, ...] = ("none", "end", "call", "regs", "partial")
        if self._end is not None:  # up to 6.3
            kinds = ("end",) if self._end.of(raw) and sp_reg == UNDEFINED else ("call", "regs", "partial")
        name = kinds[kind] if kind < len(kinds) else "none"
        if sp_reg == UNDEFINED and name != "end":
            name = "none"
        signal = bool(self._signal.of(raw)) if self._signal else name in ("regs", "partial")
        return Orc(sp_reg, sp_offset, bp_reg, bp_offset, name, signal)


class _Places(Sequence[int]):
    """VAs that the entries of a table are for."""

    def __init__(self, va: int, raw: memoryview) -> None:
        self._va, self._raw = va, raw.cast("i")

    def __len__(self) -> int:
        return len(self._raw)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            first, end, _ = index.indices(len(self))
            return [self._va + _PLACE * at + far for at, far in enumerate(self._raw[first:end], first)]
        return self._va + _PLACE * index + self._raw[index]


class OrcTable:
    """The entries of the image, or of a module: `places` from a VA on, `entries` in the same order."""

    def __init__(self, form: OrcFormat, va: int, places: bytes | memoryview, entries: bytes | memoryview) -> None:
        count = min(len(places) // _PLACE, len(entries) // _ENTRY)
        self._places = _Places(va, memoryview(places)[: count * _PLACE])
        self._form, self._entries = form, entries

    def __len__(self) -> int:
        return len(self._places)

    def find(self, ip: int) -> Orc | None:
        """The entry for a place in the code; None below the first."""
        index = bisect_right(self._places, ip) - 1
        return self._form.entry(bytes(self._entries[index * _ENTRY : (index + 1) * _ENTRY])) if index >= 0 else None


def of_image(kernel: Kernel, form: OrcFormat) -> OrcTable:
    """The image's table, by its symbols or known by its shape. Raises KernelError where it is not found."""
    assert kernel.space
    start, stop = variables.pa_of(kernel, "__start_orc_unwind_ip"), variables.pa_of(kernel, "__stop_orc_unwind_ip")
    entries = variables.pa_of(kernel, "__start_orc_unwind")
    if start is None or stop is None or entries is None:
        start, stop = _searched(kernel)
        entries = stop
    count = (stop - start) // _PLACE
    is_held = kernel.memory.holds(start, stop - start) and kernel.memory.holds(entries, count * _ENTRY)
    if not 0 < count <= _MOST or not is_held:
        raise KernelError("the image's ORC tables are not in the dump", "dump the kernel image whole")
    view = kernel.memory.view
    form.learn(view(entries, count * _ENTRY))
    return OrcTable(form, kernel.space.va(start), view(start, stop - start), view(entries, count * _ENTRY))


def _searched(kernel: Kernel) -> tuple[int, int]:
    """PAs of the first and the one behind the last place."""
    borders = kernel.kallsyms.borders
    for segment in kernel.memory.segments:
        low, high = max(segment.start, borders.etext) + 3 & ~3, min(segment.end, borders.end) & ~3
        if low >= high:
            continue
        places = _Places(low, kernel.memory.view_up_to(low, high - low))  # PAs of both: distances are the same
        for index in range(0, len(places) - _RISING, _SAMPLE // _PLACE):
            if borders.text <= places[index] < borders.etext and _rises(places[index : index + _RISING], borders):
                first, end = _extent(places, index, borders)
                return low + _PLACE * first, low + _PLACE * end
    hint = "a kernel with CONFIG_KALLSYMS_ALL names them"
    raise KernelError("the image's ORC tables have no symbols, and were not found", hint)


def _rises(row: list[int], borders: Borders) -> bool:
    """Whether places in a row are of the text, and rise."""
    return row[0] < row[-1] < borders.etext and all(low <= high for low, high in pairwise(row))


def _extent(places: _Places, index: int, borders: Borders) -> tuple[int, int]:
    """The first place, and the one behind the last: those of init and exit text follow those of the text.

    The entries come next: read as places, the first of them is below the last place, for they lie below the init text.
    """
    first, last = index, index
    while first and borders.text <= places[first - 1] <= places[first]:
        first -= 1
    while len(row := places[last : last + _ROW]) > 1:  # sorted() sees at once whether a whole row rises
        if row != sorted(row) or row[-1] >= borders.end:
            break
        last += len(row) - 1
    while last + 1 < len(places) and places[last] <= places[last + 1] < borders.end:
        last += 1
    return first, last + 1


class ModuleOrc:
    """The tables of modules (mod_arch_specific), each read when an address of it is first asked for."""

    def __init__(self, kernel: Kernel, form: OrcFormat) -> None:
        self._kernel, self._form = kernel, form
        self._known: dict[int, OrcTable | None] = {}

    def find(self, ip: int) -> Orc | None:
        """The entry for an address in a module; None where it is in none, or its table cannot be read."""
        module = self._kernel.modules.holding(ip) if self._kernel.modules else None
        if module is None:
            return None
        if module.va not in self._known:
            self._known[module.va] = self._table(module.va)
        table = self._known[module.va]
        return table.find(ip) if table else None

    def _table(self, va: int) -> OrcTable | None:
        space, module = self._kernel.space, self._kernel.types.find("module")
        if space is None or module is None:
            return None
        try:
            count, places, entries = (
                space.number(va + member.offset, member.size)
                for member in map(module.member, ("arch.num_orcs", "arch.orc_unwind_ip", "arch.orc_unwind"))
            )
            if count > _MOST:
                return None
            return OrcTable(self._form, places, space.read(places, count * _PLACE), space.read(entries, count * _ENTRY))
        except KinfoError:
            return None
