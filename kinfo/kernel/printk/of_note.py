"""The log by VMCOREINFO alone: a core's note, or the kernel's own copy in RAM. No record is needed, and no symbol table.

The distance between VA and PA is in it: kimage_voffset for arm64's image, PHYS_OFFSET and VA_BITS for its linear map
(arch/arm64/kernel/vmcore_info.c, 4.19 on), phys_base and the page tables for x86-64. That the addresses are this memory's is
proved by what they lead to: every message is at its place in the log, or it is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from kinfo.arch import arm64, x86_64
from kinfo.arch.address import MASK
from kinfo.errors import DrawError, KernelError
from kinfo.kernel.boot.vmcoreinfo import in_ram
from kinfo.kernel.paging.formats import FORMATS
from kinfo.kernel.paging.walk import walk
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.reach import PaOf, Translated, runs_of_pages
from kinfo.kernel.printk.read import read
from kinfo.kernel.printk.where import Where
from kinfo.memory import Memory
from kinfo.memory.vmcoreinfo import parse, value
from kinfo.record.kernels import parse_release

_PAGE = 4096
_OF_BOOT = ("SYMBOL(prb)", "SYMBOL(log_buf)", "NUMBER(kimage_voffset)", "NUMBER(phys_base)")


def log_of(memory: Memory) -> PrintkLog:
    """The log by the core's note, else by a VMCOREINFO in the memory.

    Raises KernelError where there is none, or none that leads to a log here; DrawError where several lead to one each.
    """
    if values := parse(memory.vmcoreinfo):
        try:
            return of_values(memory, values, f"the VMCOREINFO note of {memory.name}")
        except KernelError as error:
            found = _in_ram(memory)
            if not found:
                raise
            if len(found) > 1:
                raise _draw(memory, found, error) from None
            return found[0]
    found = _in_ram(memory)
    if not found:
        hint = "name a record with --kinfo, or a dump of all RAM: VMCOREINFO is a page of the kernel's (6.0 on says enough)"
        raise KernelError(f"{memory.name}: no VMCOREINFO in it leads to the kernel's log", hint)
    if len(found) > 1:
        raise _draw(memory, found)
    return found[0]


def _in_ram(memory: Memory) -> list[PrintkLog]:
    """The log of every boot whose VMCOREINFO is still in the memory and leads to one."""
    logs: dict[tuple[str | None, ...], PrintkLog] = {}
    for values in in_ram(memory):
        key = tuple(
            values.get(name) for name in ("SYMBOL(prb)", "SYMBOL(log_buf)", "NUMBER(kimage_voffset)", "NUMBER(phys_base)")
        )
        if key not in logs and any(key[:2]):
            try:
                logs[key] = of_values(memory, values, f"a VMCOREINFO in {memory.name}")
            except KernelError:
                continue
    return list(logs.values())


def _draw(memory: Memory, logs: list[PrintkLog], error: KernelError | None = None) -> DrawError:
    told = "; ".join(f"Linux {one.release}, up to {one.messages[-1].ns / 1e9:.3f} s" for one in logs)
    why = f" ({error.message})" if error else ""
    hint = "name the record of the kernel that ran with --kinfo"
    return DrawError(f"{memory.name}: has the logs of {len(logs)} boots, and nothing tells which ran last: {told}{why}", hint)


def of_values(memory: Memory, values: Mapping[str, str], source: str) -> PrintkLog:
    """The log by the lines of one VMCOREINFO. Raises KernelError."""
    values = dict(values)
    release = values.get("OSRELEASE", "")
    parsed = parse_release(release)
    reach = Translated(memory, partial(runs_of_pages, _translation(memory, values, parsed.version if parsed else None)), 8)

    def address(name: str) -> int | None:
        return value(values, f"SYMBOL({name})")

    return read(Where(reach, address, values, source, release, parsed.version if parsed else None))


def _translation(memory: Memory, values: dict[str, str], version: tuple[int, int] | None) -> PaOf:
    voffset = value(values, "NUMBER(kimage_voffset)")
    if voffset is not None:
        return partial(_arm64, voffset, _linear(values), version is not None and not arm64.is_flipped(version))
    base = value(values, "NUMBER(phys_base)", 10)
    if base is not None:
        return partial(_x86, memory, base, values)
    raise KernelError(
        f"{memory.name}: its VMCOREINFO does not say where the image lies", "kernels say so on arm64 (4.19 on) and x86-64"
    )


def _linear(values: dict[str, str]) -> tuple[int, int, int] | None:
    """PAGE_OFFSET, PHYS_OFFSET and where the image's half begins; None where VMCOREINFO does not say."""
    bits, offset = value(values, "NUMBER(VA_BITS)", 10), value(values, "NUMBER(PHYS_OFFSET)")
    if bits is None or offset is None or not 36 <= bits <= 52:
        return None
    used, page = value(values, "NUMBER(TCR_EL1_T1SZ)"), value(values, "PAGESIZE", 10) or _PAGE
    least = arm64.va_bits_min(bits, page.bit_length() - 1)
    narrow = least if used is None or not 12 <= used <= 28 else min(64 - used, least)
    return arm64.page_offset(bits), offset, arm64.page_end(narrow)


def _arm64(voffset: int, linear: tuple[int, int, int] | None, is_below: bool, va: int) -> tuple[int | None, int]:
    """The PA of a VA and the bytes up to the end of the page; `is_below`: the image lies below the linear map (until 5.3)."""
    rest = _PAGE - va % _PAGE
    if linear is None:
        return va - voffset & MASK, rest
    start, offset, middle = linear
    if (va >= middle) == is_below:
        return (va - (middle if is_below else start) + offset) & MASK, rest
    return va - voffset & MASK, rest


def _x86(memory: Memory, base: int, values: dict[str, str], va: int) -> tuple[int | None, int]:
    if x86_64.is_image(va):
        return x86_64.image_pa(va, base), _PAGE - va % _PAGE
    root = value(values, "SYMBOL(swapper_pg_dir)")
    levels = 5 if value(values, "NUMBER(pgtable_l5_enabled)", 10) else 4
    form = next(one for one in FORMATS if one.machine == x86_64.MACHINE and one.levels == levels)
    mapping = walk(memory, x86_64.image_pa(root, base), form, va) if root is not None else None
    if mapping is None:
        return None, _PAGE - va % _PAGE
    return mapping.pa + va - mapping.va, mapping.size - (va - mapping.va)
