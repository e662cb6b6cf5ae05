"""Where struct module keeps its memory ranges and its symbols.

`state`, `list` and `name` have not moved since 2.6: 0, a long, three longs. The rest depends on the configuration, so the
record says where it is; what lies there depends on the release:

* up to 6.3 `struct module_layout core_layout, init_layout`: base, then size as u32;
* since 6.4 `struct module_memory mem[7]` (MOD_MEM_NUM_TYPES): base, size; 6.13 put `rw_copy` and `is_rox` between the two,
  6.14 only `is_rox`. With CONFIG_MODULES_TREE_LOOKUP each entry carries a mod_tree_node, 56 bytes or, on 32 bits, 28.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from kinfo.kernel.modules.numbers import numbers_of
from kinfo.kernel.pointers import Pointers
from kinfo.named import NamedTuple
from kinfo.record import text
from kinfo.record.kernels import module_name_len
from kinfo.record.limits import MODULE_STRUCT_LIMIT

STATES = ("live", "coming", "going", "unformed")  # enum module_state
MEM_TYPES = ("text", "data", "rodata", "ro after init", "init text", "init data", "init rodata")
_TREE_NODE = 7  # longs of struct mod_tree_node: a pointer and two rb_nodes
_LARGEST_PART = 1 << 28
_PAGE = 4096  # the smallest there is: what is aligned to a larger one is aligned to it
_NAME = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_.,+-]*")  # KBUILD_MODNAME: the object's name
_FORMS = {  # of a mem[] entry, by the bytes of a long: offset of size, bytes without the tree node
    8: ((8, 16), (20, 24), (12, 16)),
    4: ((4, 8), (12, 16), (8, 12)),
}


class ModuleRange(NamedTuple):
    """A part of a module's memory: what is in it, the VA of its start, and its bytes."""

    kind: str
    start: int
    size: int


class StructModule(NamedTuple):
    """What can be read of one struct module, and how: `ranges` takes its bytes apart.

    `ranges_at` is the record's field that says where they are; "" where it does not, and nothing is known of them.
    """

    size: int
    word: int
    name_len: int
    kallsyms: int  # offset of the pointer to struct mod_kallsyms; 0 where the record does not say
    source: str  # who says where its members are
    ranges_at: str
    parts: Callable[[bytes], list[ModuleRange]]
    fits: Callable[[bytes], bool]

    def ranges(self, raw: bytes) -> list[ModuleRange]:
        """The parts of a module's memory; none where what is there cannot be a module's."""
        return self.parts(raw) if self.fits(raw) else []

    def name(self, raw: bytes) -> bytes:
        """A module's name, as it is in memory."""
        return text.before_nul(raw[3 * self.word : 3 * self.word + self.name_len])

    def problem(self, raw: bytes) -> str:
        """Why this can be no struct module, whatever its configuration; "" where it can."""
        state = _number(raw, 0, 4)
        if state >= len(STATES):
            return f"its state is {state:#x}"
        if not _NAME.fullmatch(self.name(raw)):
            return f"its name is {text.escape(self.name(raw)[:16])!r}"
        return ""


def layout_of(pointers: Pointers, samples: Iterable[bytes]) -> StructModule:
    """The layout of struct module: as record or types say, and where that is not enough as fits the `samples` best."""
    said, word = numbers_of(pointers), pointers.word
    core, init, mem, kallsyms = said.core, said.init, said.mem, said.kallsyms
    name_len = said.name_len or module_name_len(8 * word)
    tree = _TREE_NODE * word if said.has_tree else 0
    if mem:
        ways = [_MemArray(mem, word, size_at, entry + tree) for size_at, entry in _FORMS[word]]
        parts: _MemArray | _Layouts = max(ways, key=lambda way: sum(way.fits(sample) for sample in samples))
        end = mem + len(MEM_TYPES) * (max(entry for _, entry in _FORMS[word]) + tree)
    else:
        parts = _Layouts(core, init, word)
        end = max(core, init) + 2 * word
    size = min(max(end, kallsyms + word, 3 * word + name_len), MODULE_STRUCT_LIMIT)
    stated = "mod_mem_offset" if mem else "mod_core_layout_offset" if core else ""
    return StructModule(size, word, name_len, kallsyms, said.source, stated, parts, parts.fits)


def struct_size(pointers: Pointers) -> int:
    """How many bytes of struct module are of interest, whatever the form of its ranges."""
    return layout_of(pointers, ()).size


class _MemArray:
    """mem[]: an entry for each kind of memory."""

    def __init__(self, offset: int, word: int, size_at: int, stride: int) -> None:
        self.offset, self.word, self.size_at, self.stride = offset, word, size_at, stride

    def __call__(self, raw: bytes) -> list[ModuleRange]:
        return [ModuleRange(kind, base, size) for kind, base, size in self._entries(raw) if base and size]

    def fits(self, raw: bytes) -> bool:
        """Whether every entry is empty or has a page's start and a size, and the text is not empty."""
        entries = self._entries(raw)
        return all(_is_part(base, size) for _, base, size in entries) and bool(entries[0][1])

    def _entries(self, raw: bytes) -> list[tuple[str, int, int]]:
        starts = [(kind, self.offset + index * self.stride) for index, kind in enumerate(MEM_TYPES)]
        return [(kind, _number(raw, at, self.word), _number(raw, at + self.size_at, 4)) for kind, at in starts]


class _Layouts:
    """core_layout and init_layout; an offset is 0 where the record does not say."""

    def __init__(self, core: int, init: int, word: int) -> None:
        self.parts = [(kind, offset) for kind, offset in (("core", core), ("init", init)) if offset]
        self.word = word

    def __call__(self, raw: bytes) -> list[ModuleRange]:
        return [ModuleRange(*entry) for entry in self._entries(raw) if entry[1]]

    def fits(self, raw: bytes) -> bool:
        """Whether the core has a page's start and a size, and the init part has the same or neither."""
        entries = self._entries(raw)
        return bool(entries) and all(_is_part(base, size) for _, base, size in entries) and bool(entries[0][1])

    def _entries(self, raw: bytes) -> list[tuple[str, int, int]]:
        return [(kind, _number(raw, at, self.word), _number(raw, at + self.word, 4)) for kind, at in self.parts]


def _is_part(base: int, size: int) -> bool:
    return bool(base) == bool(size) and base % _PAGE == 0 and size < _LARGEST_PART


def _number(raw: bytes, at: int, size: int) -> int:
    return int.from_bytes(raw[at : at + size], "little")
