"""The log of a kernel that a record led to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from kinfo.errors import HoleError
from kinfo.kernel import variables
from kinfo.kernel.boot.banner import release
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.vmcoreinfo import value, vmcoreinfo
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.walk import walk
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.reach import Translated, runs_of_pages
from kinfo.kernel.printk.read import Where, read

_PAGE = 4096


def log_of(kernel: Kernel) -> PrintkLog:
    """The log. Raises KernelError where no VA can be had, nothing says where the log is, or nothing of it is in the dump."""
    if kernel.space is None:
        raise kernel.no_space
    values = _values(kernel)
    return read(
        Where(
            reach=Translated(kernel.memory, partial(runs_of_pages, partial(_pa_of, kernel)), kernel.pointers.word),
            address=partial(_address, kernel, values),
            values=values,
            source=f"the variables of the kernel in {kernel.memory.name}",
            release=release(kernel)[0],
            version=kernel.pointers.version,
        )
    )


def _values(kernel: Kernel) -> Mapping[str, str]:
    """VMCOREINFO; none where kallsyms lists the log and no VMCOREINFO: the kernel has none, RAM need not be searched."""
    listed = {name for name in ("vmcoreinfo_data", "prb", "log_buf") if variables.pa_of(kernel, name) is not None}
    return {} if listed and "vmcoreinfo_data" not in listed and not kernel.memory.vmcoreinfo else vmcoreinfo(kernel)


def _address(kernel: Kernel, values: Mapping[str, str], name: str) -> int | None:
    """A variable's VA: by kallsyms, else by VMCOREINFO."""
    pa = variables.pa_of(kernel, name)
    if pa is not None and kernel.space is not None:
        return kernel.space.va(pa)
    return value(dict(values), f"SYMBOL({name})")


def _pa_of(kernel: Kernel, va: int) -> tuple[int | None, int]:
    """The PA of a VA, and how many bytes from there on lie in one piece.

    The image by its distance, everything else by the page tables; by the linear map's distance where these are not in the
    dump. 32-bit kernels have image and low memory at one distance.
    """
    space, borders = kernel.space, kernel.kallsyms.borders
    assert space is not None
    pa = va - space.voffset & space.mask
    if borders.text <= pa < borders.end:
        return pa, borders.end - pa
    if kernel.pointers.word == 4:
        return pa, _PAGE - va % _PAGE
    try:
        mapping = walk(kernel.memory, space.root, space.form, va) if space.form else None
    except HoleError:
        mapping = None
    if mapping:
        return mapping.pa + va - mapping.va, mapping.size - (va - mapping.va)
    shift = linear_map(kernel).shift
    return (None if shift is None else va - shift & space.mask), _PAGE - va % _PAGE
