"""What the boot loader that reads the record can make of this kernel."""

from __future__ import annotations

from kinfo.arch import arm64
from kinfo.findings import Finding
from kinfo.kernel import rules
from kinfo.kernel.kernel import Kernel

_VA_BITS, _PAGE_SHIFT = 39, 12  # fixed in LK's walk: three levels of 4K tables


def check(kernel: Kernel) -> tuple[Finding, ...]:
    """Whether LK's page walk fits this kernel; nothing where the layout is not one that it reads (A...)."""
    record, space = kernel.pointers.record, kernel.space
    layout = record.layout if record else None
    if layout is None or not layout.alias.startswith("A") or space is None or space.form is None:
        return ()
    form, bits = space.form, space.va_bits
    if form.machine != arm64.MACHINE or (bits, form.page_shift) == (_VA_BITS, _PAGE_SHIFT):
        return ()
    message = (
        f"this kernel has {bits}-bit VAs and {form.page_size >> 10}K pages; LK walks {_VA_BITS}-bit VAs in 4K pages only"
    )
    return (rules.KERNEL_LK_WALK.at("swapper_pg_dir_pa", message),)
