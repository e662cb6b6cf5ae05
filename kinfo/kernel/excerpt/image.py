"""The pages of the kernel image that are the kernel's still: once it has booted it gives some back, and processes get them.

free_initmem() gives back __init_begin to __init_end, and on arm64 unmaps them from the image; arm64 does so with _text to
_stext since 5.11. x86-64 gives back gaps between its sections too, and what is left of .brk, without unmapping them
(arch/x86/mm/init.c, free_kernel_image_pages()): there only struct page tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch import arm64
from kinfo.errors import HoleError, KernelError
from kinfo.kernel.excerpt.ranges import PhysicalRange, joined
from kinfo.kernel.excerpt.struct_pages import StructPages
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.space import Space
from kinfo.kernel.paging.walk import walk


def own_pages(kernel: Kernel, pages: StructPages) -> list[PhysicalRange]:
    """The image without what was given back: pages that the page tables map at its VAs, and struct page calls reserved.

    Raises KernelError where nothing tells which pages those are.
    """
    space = kernel.space
    assert space
    assert space.form
    if space.form.machine != arm64.MACHINE and not pages.knows_reserved:
        raise KernelError("nothing tells which pages of the image the kernel gave back: it has no BTF", "add --btf FILE")
    return joined(_reserved(joined(_mapped(kernel, space)), pages, space.form.page_size))


def _mapped(kernel: Kernel, space: Space) -> Iterator[PhysicalRange]:
    """The parts of the image that are mapped at its own VAs; a table that is not in the dump maps nothing here."""
    assert space.form
    borders, page = kernel.kallsyms.borders, space.form.page_size
    at, end = borders.text & -page, borders.end + -borders.end % page
    while at < end:
        va = space.va(at)
        try:
            mapping = walk(space.memory, space.root, space.form, va)
        except HoleError:
            mapping = None
        size = min(mapping.size - (va - mapping.va) if mapping else page, end - at)
        if mapping and mapping.pa + va - mapping.va == at:
            yield PhysicalRange(at, at + size)
        at += size


def _reserved(mapped: list[PhysicalRange], pages: StructPages, page: int) -> Iterator[PhysicalRange]:
    """Those of the pages that were never given to the allocator; one whose struct page cannot be read is left out."""
    for start, end in mapped:
        for at in range(start, end, page):
            if pages.is_reserved(at):
                yield PhysicalRange(at, at + page)
