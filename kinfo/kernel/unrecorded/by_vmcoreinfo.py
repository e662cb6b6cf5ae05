"""Tables by VMCOREINFO, which has said where they are since 6.0 (kernel/vmcore_info.c, before 6.9 kernel/crash_core.c).

It has no markers and no order of names: they lie where scripts/kallsyms.c puts them, between or behind the others. Its
addresses are VAs; kimage_voffset (arm64) or phys_base (x86-64) makes PAs of them, and where it has neither (32-bit arm),
the place of kallsyms_token_index, which is known by its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from kinfo.arch import x86_64
from kinfo.arch.address import MASK, align
from kinfo.errors import HoleError, KernelError
from kinfo.kernel.base import index_offsets
from kinfo.kernel.kallsyms.kallsyms import Symbol
from kinfo.kernel.kallsyms.tables import MARKED
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.unrecorded.stated import StatedPointers
from kinfo.memory import Dump, Memory
from kinfo.memory.vmcoreinfo import symbols, value

_NEEDED = ("kallsyms_names", "kallsyms_num_syms", "kallsyms_token_table", "kallsyms_token_index", "_stext")
_DAMAGED = "one of its addresses may be damaged"
_TABLES = ("names", "token_table", "token_index", "offsets", "addresses")


def has_tables(values: Mapping[str, str]) -> bool:
    """Whether a VMCOREINFO says where the tables are."""
    return all(value(values, f"SYMBOL({name})") for name in _NEEDED)


def hold(kernel: Kernel, values: Mapping[str, str]) -> None:
    """Hold the symbols that VMCOREINFO has addresses of against the table.

    A table that is read from one entry too far on gives every symbol the address of the next, and `_stext` has aliases
    that hide it. A symbol or two differ in sound kernels: mem_section is a pointer there, and its value is written.
    Raises KernelError where as many differ as agree.
    """
    voffset = stated_voffset(values)
    if voffset is None:  # 32-bit arm: what made a PA of its VAs
        voffset = (value(values, "SYMBOL(_stext)") or 0) - kernel.pointers.pa("stext")
    kallsyms = kernel.kallsyms
    same, differ = _held(kallsyms.named_in_order, values, voffset)
    if not same and not differ:  # no order of names, or a damaged one
        same, differ = _held(kallsyms.named, values, voffset)
    if differ and len(differ) >= len(same):
        names = ", ".join(differ[:4])
        raise KernelError(f"kallsyms has {len(differ)} symbols elsewhere than VMCOREINFO: {names}", _DAMAGED)


def _held(named: Callable[[str], list[Symbol]], values: Mapping[str, str], voffset: int) -> tuple[list[str], list[str]]:
    """The symbols that the table has where VMCOREINFO has them, and those that it has elsewhere."""
    same: list[str] = []
    differ: list[str] = []
    for name, va in symbols(values).items():
        places = [one.pa for one in named(name) if one.name == name and not one.is_absolute] if va else []
        if places:
            (same if (va - voffset) & MASK in places else differ).append(name)
    return same, differ


def token_index(values: Mapping[str, str]) -> int | None:
    """PA of kallsyms_token_index; None where the VMCOREINFO has VAs alone."""
    voffset = stated_voffset(values)
    va = value(values, "SYMBOL(kallsyms_token_index)")
    return None if voffset is None or va is None else (va - voffset) & MASK


def readings(values: Mapping[str, str], memory: Memory, source: str) -> Iterator[StatedPointers]:
    """What it says, in each way that it can be meant; the tables tell which.

    Raises HoleError for num_syms in a hole, KernelError where tables that adjoin (scripts/kallsyms.c, since 4.6) do not.
    """
    for voffset in _voffsets(values, memory.as_dump):
        yield from _with(values, voffset, memory, source)


def stated_voffset(values: Mapping[str, str]) -> int | None:
    """kimage_voffset as a VMCOREINFO has it, or as its phys_base makes it; None where it has neither."""
    stated = value(values, "NUMBER(kimage_voffset)")
    base = value(values, "NUMBER(phys_base)", 10)
    return stated if stated is not None else x86_64.voffset(base) if base is not None else None


def _voffsets(values: Mapping[str, str], dump: Dump) -> Iterator[int]:
    stated = stated_voffset(values)
    if stated is not None:
        yield stated
        return
    va = value(values, "SYMBOL(kallsyms_token_index)") or 0
    yield from dict.fromkeys((va - pa) & MASK for pa in index_offsets(dump, va))


def _with(values: Mapping[str, str], voffset: int, memory: Memory, source: str) -> Iterator[StatedPointers]:
    def pa(symbol: str) -> int:
        va = value(values, f"SYMBOL({symbol})")
        return (va - voffset) & MASK if va else 0

    word = 8 if (value(values, "SYMBOL(_stext)") or 0) >> 32 else 4
    places = {"stext": pa("_stext"), **{name: pa(f"kallsyms_{name}") for name in _TABLES}}
    counts = {"num_syms": memory.number(pa("kallsyms_num_syms"), 4), "bit_per_long": 8 * word}
    if stated_voffset(values) is not None:
        counts["kimage_voffset"] = voffset
    if base := pa("kallsyms_relative_base"):
        if places["offsets"] + align(4 * counts["num_syms"], word) != base:
            raise KernelError(f"{source}: kallsyms_relative_base is not where kallsyms_offsets ends", _DAMAGED)
        places["relative"] = (memory.number(base, word) - voffset) & MASK
    release = values.get("OSRELEASE", "")
    for markers in marker_places(memory, places["names"], places["token_table"], counts["num_syms"]):
        yield StatedPointers(source, release, word, places | {"markers": markers}, counts, pa("swapper_pg_dir"))


def marker_places(memory: Memory, names: int, token_table: int, num_syms: int) -> Iterator[int]:
    """PAs where kallsyms_markers can be: before the token table, and from 6.1 to 6.3 with seqs_of_names between the two.

    Each table begins at a multiple of a long, from 7.0 on of 4.
    """
    size = (num_syms + MARKED - 1) // MARKED * 4
    for behind in (0, 3 * num_syms):
        for label in (8, 4):
            place = token_table - align(behind, label) - align(size, label)
            if names < place and _begins(memory, place, size):
                yield place


def _begins(memory: Memory, place: int, size: int) -> bool:
    """Whether a table of markers begins there: with 0, and then with one above it."""
    try:
        return memory.number(place, 4) == 0 and (size == 4 or memory.number(place + 4, 4) > 0)
    except HoleError:
        return False
