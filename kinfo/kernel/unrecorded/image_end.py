"""Where an image ends whose symbol table has no `_end`: with the last memory that the page tables map at its distance.

On 32-bit arm all low memory is mapped at the image's distance: there it is known to reach as far as VMCOREINFO has symbols.
"""

from __future__ import annotations

from collections.abc import Mapping

from kinfo.arch import arm
from kinfo.arch.address import align
from kinfo.errors import HoleError
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.space import Space
from kinfo.kernel.paging.walk import walk
from kinfo.memory.vmcoreinfo import symbols
from kinfo.record.limits import IMAGE_LIMIT

_POINTER = "mem_section"  # what is written is where it points, with CONFIG_SPARSEMEM_EXTREME
_GAP = 32 << 20  # of init memory, which the kernel gives back and unmaps


def settle_end(kernel: Kernel, values: Mapping[str, str]) -> None:
    """Put the image's end where the page tables have it, if its symbols do not say; without page tables it stays.

    `values` is the VMCOREINFO that led to the kernel, empty where none did.
    """
    kallsyms, space = kernel.kallsyms, kernel.space
    if space is None or space.form is None or kallsyms.named("_end"):
        return
    borders = kallsyms.borders
    end = _named_to(space, values) if space.form.machine == arm.MACHINE else _mapped_to(space, borders.end)
    kallsyms.borders = borders._replace(end=max(borders.end, end))


def _named_to(space: Space, values: Mapping[str, str]) -> int:
    """The end of the page of the last symbol that VMCOREINFO has in the image."""
    borders = space.kallsyms.borders
    reach = range(borders.text, borders.text + IMAGE_LIMIT)
    vas = (va for name, va in symbols(values).items() if name != _POINTER)
    pas = [pa for va in vas if va and (pa := space.image_pa(va)) in reach]
    return align(max(pas, default=0) + 1, space.form.page_size if space.form else 1)


def _mapped_to(space: Space, start: int) -> int:
    """The end of what is mapped at the image's distance, from a PA of the image on, over gaps of no more than init memory."""
    assert space.form
    at, end = start & -space.form.page_size, start
    while at < min(end + _GAP, start + IMAGE_LIMIT):
        try:
            mapping = walk(space.memory, space.root, space.form, space.va(at))
        except HoleError:
            return end
        if mapping and space.va(mapping.pa) == mapping.va:
            at = end = mapping.pa + mapping.size
        else:
            at += space.form.page_size
    return end
