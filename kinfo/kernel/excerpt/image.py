"""The pages of the kernel image that are the kernel's still: once it has booted it gives some back, and processes get them.

free_initmem() gives back __init_begin to __init_end, and on arm64 unmaps them from the image; arm64 does so with _text to
_stext since 5.11. x86-64 gives back gaps between its sections too, and what is left of .brk, without unmapping them
(arch/x86/mm/init.c, free_kernel_image_pages()): there only struct page tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch import arm64, machines, x86_64
from kinfo.errors import HoleError, KernelError, KinfoError
from kinfo.kernel.excerpt.ranges import PhysicalRange, joined
from kinfo.kernel.excerpt.struct_pages import StructPages
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.space import Space
from kinfo.kernel.paging.walk import walk


def own_pages(kernel: Kernel, pages: StructPages | None) -> list[PhysicalRange]:
    """The image without what was given back: pages that the page tables map at its VAs, and struct page calls reserved.

    Raises KernelError where nothing tells which pages those are.
    """
    space = kernel.space
    assert space
    assert space.form
    if pages is None and space.form.machine != arm64.MACHINE:
        if space.form.machine != x86_64.MACHINE:
            name = machines.name_of(space.form.machine)
            raise KernelError(
                f"which pages of the image {name} kernels gave back is not read", "write the whole: kinfo core RAM"
            )
        hint = "it takes a dump of all RAM, and a kernel with CONFIG_KALLSYMS_ALL and BTF (or --btf FILE)"
        raise KernelError("nothing tells which pages of the image the kernel gave back: no struct page can be read", hint)
    mapped = joined(_mapped(kernel, space))
    return mapped if pages is None else joined(_reserved(mapped, pages, space.form.page_size))


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
            try:
                is_own = pages.is_reserved(at)
            except KinfoError:
                is_own = False
            if is_own:
                yield PhysicalRange(at, at + page)
