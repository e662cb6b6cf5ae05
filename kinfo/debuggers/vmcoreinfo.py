"""VMCOREINFO as the kernel would have written it: what crash and drgn ask for, where the dump does not have it."""

from __future__ import annotations

from kinfo.arch import arm64, x86_64
from kinfo.errors import KernelError
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.slide import slide
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.formats import EntryKind, PageFormat
from kinfo.kernel.paging.space import Space


def lines(kernel: Kernel) -> list[bytes]:
    """Its lines; the kernel's own words where the dump has them, but not another kernel's.

    Raises KernelError where the page tables cannot be read.
    """
    return [f"{key}={value}\n".encode() for key, value in _values(kernel).items()]


def _values(kernel: Kernel) -> dict[str, str]:
    space = kernel.space
    if space is None:
        raise kernel.no_space
    form = space.form
    if form is None:
        raise KernelError(f"debuggers need the kernel's page tables: {space.reason}", "dump the kernel image whole")
    found, stext = slide(kernel), kernel.kallsyms.borders.stext
    values = {
        "OSRELEASE": kernel.pointers.release,
        "PAGESIZE": f"{form.page_size}",
        "SYMBOL(_stext)": f"{space.va(stext):x}",
        "SYMBOL(swapper_pg_dir)": f"{space.va(space.root):x}",
    }
    values |= {f"SYMBOL({name})": f"{space.va(pa):x}" for name, pa in kernel.kallsyms.places().items()}
    if found is not None:
        values["KERNELOFFSET"] = f"{found.slide:x}"
    if form.machine == arm64.MACHINE:
        values |= _of_arm64(kernel, space, form)
    elif form.machine == x86_64.MACHINE:
        values["NUMBER(phys_base)"] = f"{stext - (space.va(stext) - x86_64.START_KERNEL_MAP)}"
        values["NUMBER(pgtable_l5_enabled)"] = f"{int(form.va_bits == 57)}"
    elif form.kind is EntryKind.LPAE:
        values["CONFIG_ARM_LPAE"] = "y"  # all that 32-bit arm adds: arch/arm/kernel/vmcore_info.c
    return values | vmcoreinfo(kernel)


def _of_arm64(kernel: Kernel, space: Space, form: PageFormat) -> dict[str, str]:
    linear = linear_map(kernel)
    values = {
        "NUMBER(VA_BITS)": f"{linear.va_bits or form.va_bits}",  # those that PHYS_OFFSET counts with
        "NUMBER(TCR_EL1_T1SZ)": f"{64 - (space.va_bits or form.va_bits):#x}",
        "NUMBER(kimage_voffset)": f"{space.voffset:#x}",
    }
    if linear.phys_offset is not None:
        values["NUMBER(PHYS_OFFSET)"] = f"{linear.phys_offset:#x}"
    return values
