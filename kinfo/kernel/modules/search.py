"""The list of modules where no symbol says where it begins: recognised by its shape, and only taken when all of it fits.

`modules` is a list head in the image's data. The first module's struct lies in that module's own memory, points back at the
head, and says, at the record's offset, where that memory is: nothing else in a kernel looks like this.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kinfo.errors import DumpError, KernelError
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.kallsyms.table import Kallsyms
from kinfo.kernel.modules.layout import layout_of, struct_size
from kinfo.kernel.paging.space import Space
from kinfo.record.limits import IMAGE_LIMIT


def head_of(kallsyms: Kallsyms, space: Space) -> int | None:
    """PA of the list's head; None where nothing has its shape (no module is loaded, or the record has no offsets)."""
    borders, pointers = kallsyms.borders, kallsyms.pointers
    if pointers.word != 8 or not any(pointers.count(f"mod_{name}_offset") for name in ("core_layout", "mem")):
        return None
    start = borders.einittext + -borders.einittext % 8
    try:
        data = kallsyms.memory.view(start, min(max(borders.end - start, 0), IMAGE_LIMIT) & ~7)
    except DumpError:
        return None
    for pa, first in _heads(data, start, space):
        if _is_modules(kallsyms, space, space.va(pa), first):
            return pa
    return None


def _heads(data: memoryview, start: int, space: Space) -> Iterator[tuple[int, int]]:
    """PA and content of every two pointers that lead out of the image: what a list head with entries elsewhere looks like."""
    borders = space.kallsyms.borders
    low, high = space.va(borders.text), space.va(borders.end)
    half = space.form.half if space.form else 1 << 63
    for index, (first, last) in enumerate(pairwise(numbers(data, "Q"))):
        if first > half < last and not (first & 7 or last & 7 or low <= first < high or low <= last < high):
            yield start + 8 * index, first


def _is_modules(kallsyms: Kallsyms, space: Space, head: int, first: int) -> bool:
    word = kallsyms.pointers.word
    try:
        if space.number(first + word, word) != head:
            return False
        raw = space.read(first - word, struct_size(kallsyms.pointers))
    except (KernelError, DumpError):
        return False
    struct = layout_of(kallsyms.pointers, [raw])
    return any(part.start <= first < part.start + part.size for part in struct.ranges(raw))
