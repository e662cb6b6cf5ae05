"""The list of modules where no symbol says where it begins: recognised by its shape, and only taken when all of it fits.

`modules` is a list head in the image's data. From there the list leads through every struct module and back, and each points
back at the one before it. Each has a state of 0 to 3, a module's name, and says, at the record's offset, where the module's
memory is: whole pages, in which the struct itself lies. Nothing else in a kernel looks like this.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kinfo.arch.address import align
from kinfo.errors import DumpError, KernelError
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.modules.layout import layout_of, struct_size
from kinfo.kernel.modules.numbers import numbers_of
from kinfo.kernel.paging.space import Space
from kinfo.record.limits import IMAGE_LIMIT

_ENOUGH = 64  # modules of a list that are looked at to know it: what is wrong further on is said when it is read


def head_of(kallsyms: Kallsyms, space: Space) -> int:
    """PA of the list's head. Raises KernelError where nothing has its shape, or several things have."""
    borders, pointers = kallsyms.borders, kallsyms.pointers
    said = numbers_of(pointers)
    if not (said.core or said.mem):
        raise KernelError(f"its shape does not tell it: {pointers.source} has no offset into struct module", "")
    word = pointers.word
    start = align(borders.einittext, word)
    end = min(borders.end, start + IMAGE_LIMIT)
    found = {
        pa: _length(kallsyms, space, space.va(pa), first)
        for at, data in kallsyms.memory.parts_between(start, end)
        for pa, first in _heads(data[-at % word :], align(at, word), space)
    }
    for is_whole in (True, False):
        fitting = [pa for pa, (closes, length) in found.items() if length and closes is is_whole]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            places = ", ".join(f"PA {pa:#x}" for pa in fitting[:4])
            raise KernelError(f"{len(fitting)} lists have its shape ({places}): nothing tells which it is", "")
    if start < end and not kallsyms.memory.holds(start, end - start):
        raise KernelError("nor does the dump hold the image's data whole, where its shape would tell it", "")
    raise KernelError(
        "and nothing in its data has the shape of the list: no module is loaded, or the first cannot be read", ""
    )


def _heads(data: memoryview, start: int, space: Space) -> Iterator[tuple[int, int]]:
    """PA and content of every two pointers that lead out of the image: what a list head with entries elsewhere looks like."""
    borders = space.kallsyms.borders
    low, high = space.va(borders.text), space.va(borders.end)
    word, half = space.kallsyms.pointers.word, space.half
    for index, (first, last) in enumerate(pairwise(numbers(data[: len(data) & -word], "Q" if word == 8 else "I"))):
        if first > half < last and not ((first | last) % word or low <= first < high or low <= last < high):
            yield start + word * index, first


def _length(kallsyms: Kallsyms, space: Space, head: int, first: int) -> tuple[bool, int]:
    """Whether a list of modules comes back to its head, and how many modules there are until then; 0 where one is none."""
    word = kallsyms.pointers.word
    node, before, length = first, head, 0
    try:
        while node != head and length < _ENOUGH:
            if not _is_module(kallsyms, space, node, before):
                return False, 0
            node, before, length = space.number(node, word), node, length + 1
        return node != head or space.number(head + word, word) == before, length
    except (KernelError, DumpError):
        return False, length


def _is_module(kallsyms: Kallsyms, space: Space, node: int, before: int) -> bool:
    """Whether a node of a list is struct module's, with the one before it behind it. Raises where it cannot be read."""
    word = kallsyms.pointers.word
    if space.number(node + word, word) != before:
        return False
    raw = space.read(node - word, struct_size(kallsyms.pointers))
    struct = layout_of(kallsyms.pointers, [raw])
    is_inside = any(part.start <= node < part.start + part.size for part in struct.ranges(raw))
    return is_inside and not struct.problem(raw)
