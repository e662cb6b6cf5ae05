"""Where an image ends whose symbol table has no `_end`: with the last memory that the page tables map at its distance."""

from __future__ import annotations

from kinfo.errors import HoleError
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.space import Space
from kinfo.kernel.paging.walk import walk
from kinfo.record.limits import IMAGE_LIMIT

_GAP = 32 << 20  # of init memory, which the kernel gives back and unmaps


def settle_end(kernel: Kernel) -> None:
    """Put the image's end where the page tables have it, if its symbols do not say; without page tables it stays."""
    kallsyms, space = kernel.kallsyms, kernel.space
    if space is None or space.form is None or kallsyms.named("_end"):
        return
    borders = kallsyms.borders
    kallsyms.borders = borders._replace(end=max(borders.end, _mapped_to(space, borders.end)))


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
