"""Loaded modules in memory: struct module, its memory regions, its symbol table, and how the kernel finds them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MEM_TYPES = ("text", "data", "rodata", "ro_after_init", "init_text", "init_data", "init_rodata")
CORE_ORDER = ("text", "rodata", "ro_after_init", "data")  # how the one core region of a kernel before 6.4 is divided
CODE = ("text", "init_text")
LIVE, COMING, GOING, UNFORMED = range(4)
RED, BLACK = 0, 1

Poke = Callable[[int, bytes], None]  # writes bytes at a VA


class ModuleSymbol(NamedTuple):
    """A symbol of a module: `section` is one of MEM_TYPES, `offset` counts from where that begins."""

    name: str
    section: str = "text"
    offset: int = 0
    type: str = "t"
    size: int = 0x40


@dataclass(frozen=True)
class ModuleSpec:
    """A module to load. Sizes are in bytes by section; a section of 0 bytes has no memory.

    struct module lies at struct_offset in "data", behind it the symbol table; so "data" grows to hold them. `undefined` names
    symbols of section 0, `mapping` adds "$x" and "$d", as arm64 compilers do. `exports` and `gpl_exports` are names of its
    symbols.
    """

    name: str
    symbols: Sequence[ModuleSymbol] = ()
    text: int = 0x2400
    data: int = 0x1000
    rodata: int = 0x800
    ro_after_init: int = 0x100
    init_text: int = 0
    init_data: int = 0
    init_rodata: int = 0
    exports: Sequence[str] = ()
    gpl_exports: Sequence[str] = ()
    struct_offset: int = 0x40
    state: int = LIVE
    undefined: Sequence[str] = ()
    mapping: bool = False
    empty_names: int = 1

    def all_symbols(self) -> list[ModuleSymbol]:
        """The symbols given, or a usual set."""
        if self.symbols:
            return list(self.symbols)
        functions = [f"{self.name}_{verb}" for verb in ("open", "read", "write", "ioctl", "release", "probe", "remove")]
        found = [ModuleSymbol(name, "text", 0x100 * index, "t") for index, name in enumerate(functions)]
        found.append(ModuleSymbol("cleanup_module", "text", 0x800, "T"))
        found += [
            ModuleSymbol(f"{self.name}_fops", "rodata", 0x40, "r"),
            ModuleSymbol(f"{self.name}_major", "data", 0x8, "d"),
        ]
        if self.init_text:
            found.append(ModuleSymbol("init_module", "init_text", 0, "T"))
        return [*found, ModuleSymbol("__this_module", "data", self.struct_offset, "D", 0x400)]


@dataclass(frozen=True)
class ModuleShape:
    """Where a kernel keeps what: `variant` is "core_layout" (to 6.3), or the (stride, size offset) of module_memory.

    The stride is without the tree node: (16, 8), (24, 20) with rw_copy and is_rox, (16, 12) with is_rox alone. On 32 bits
    sizes follow from the same members.
    """

    word: int = 8
    tree_lookup: bool = True
    variant: str | tuple[int, int] = (16, 8)
    mem_offset: int = 0x140
    kallsyms_offset: int | None = None
    export_form: str = "PREL32 with namespace"
    has_gpl_array: bool = True

    @property
    def is_core(self) -> bool:
        """Whether this is a kernel with struct module_layout."""
        return self.variant == "core_layout"

    @property
    def list_offset(self) -> int:
        """Offset of the list_head in struct module."""
        return self.word

    @property
    def name_offset(self) -> int:
        """Offset of the name in struct module."""
        return 3 * self.word

    @property
    def name_size(self) -> int:
        """MODULE_NAME_LEN."""
        return 64 - self.word

    @property
    def node_size(self) -> int:
        """Bytes of struct mod_tree_node: a pointer and two rb_nodes of three words."""
        return 7 * self.word

    @property
    def node_offset(self) -> int:
        """Where the tree node lies in struct module_layout or struct module_memory: behind the plain members."""
        if self.is_core:
            return self.word + 16
        return self._members()[0]

    @property
    def size_offset(self) -> int:
        """Where the size lies in them."""
        return self.word if self.is_core else self._members()[1]

    @property
    def stride(self) -> int:
        """Bytes of one struct module_layout or struct module_memory."""
        return self.node_offset + (self.node_size if self.tree_lookup else 0)

    @property
    def init_offset(self) -> int:
        """mod_init_layout_offset: the init layout follows the core one."""
        return self.mem_offset + self.stride

    @property
    def kallsyms(self) -> int:
        """mod_kallsyms_offset."""
        if self.kallsyms_offset is not None:
            return self.kallsyms_offset
        if self.is_core:
            return self.mem_offset + 2 * self.stride + 9 * self.word
        return self.mem_offset + len(MEM_TYPES) * self.stride + 10 * self.word

    @property
    def struct_size(self) -> int:
        """Bytes of struct module as far as it is written, the embedded mod_kallsyms last."""
        return self.kallsyms + self.word + 4 * self.word

    def _members(self) -> tuple[int, int]:
        assert not isinstance(self.variant, str)
        if self.word == 8:
            return self.variant
        return {(16, 8): (8, 4), (24, 20): (16, 12), (16, 12): (12, 8)}[self.variant]


class Region(NamedTuple):
    """A piece of a module's memory: `kind` is one of MEM_TYPES, or "core" or "init" where the kernel has one region each."""

    kind: str
    va: int
    size: int


class ModuleTruth(NamedTuple):
    """A symbol of a module and where it really is."""

    module: str
    name: str
    type: str
    va: int
    pa: int


@dataclass
class Module:
    """A module in memory; `sections` says where each section begins."""

    spec: ModuleSpec
    regions: list[Region]
    sections: dict[str, int]
    struct_va: int
    symbols: list[ModuleTruth] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The module's name."""
        return self.spec.name


def data_size(spec: ModuleSpec, shape: ModuleShape) -> int:
    """Bytes of "data" once struct module and the symbol table are in it."""
    return max(spec.data, _align(spec.struct_offset + shape.struct_size) + len(_symbol_table(spec, shape, {}, 0)[0]))


def section_sizes(spec: ModuleSpec, shape: ModuleShape) -> dict[str, int]:
    """Bytes of every section of a module."""
    return {kind: getattr(spec, kind) for kind in MEM_TYPES} | {"data": data_size(spec, shape)}


def _align(value: int, to: int = 8) -> int:
    return -(-value // to) * to


# Symbol tables


class _Entry(NamedTuple):
    name: str
    type: str
    value: int
    size: int
    section: int


def _entries(spec: ModuleSpec, sections: dict[str, int]) -> list[_Entry]:
    start = sections.get("text", 0)
    found = [_Entry("", "\0", 0, 0, 0), *[_Entry("", "t", start, 0, 1)] * spec.empty_names]
    if spec.mapping:
        found += [_Entry("$x", "t", start, 0, 1), _Entry("$d", "d", sections.get("data", 0), 0, 2)]
    for symbol in spec.all_symbols():
        value = sections.get(symbol.section, 0) + symbol.offset
        found.append(_Entry(symbol.name, symbol.type, value, symbol.size, 1 + MEM_TYPES.index(symbol.section)))
    return found + [_Entry(name, "U", 0, 0, 0) for name in spec.undefined]


def _elf_symbol(entry: _Entry, name_at: int, word: int) -> bytes:
    kind = 2 if entry.type in "tTwW" else 1 if entry.section else 0
    info = bytes(((1 if entry.type.isupper() else 0) << 4 | kind, 0)) + entry.section.to_bytes(2, "little")
    numbers = entry.value.to_bytes(word, "little") + entry.size.to_bytes(word, "little")
    name = name_at.to_bytes(4, "little")
    return name + info + numbers if word == 8 else name + numbers + info


def _symbol_table(spec: ModuleSpec, shape: ModuleShape, sections: dict[str, int], at: int) -> tuple[bytes, bytes]:
    """symtab, strtab and typetab to lie at a VA, and the struct mod_kallsyms that points to them."""
    entries = _entries(spec, sections)
    strings, symtab = bytearray(b"\0"), bytearray()
    for entry in entries:
        symtab += _elf_symbol(entry, len(strings) if entry.name else 0, shape.word)
        if entry.name:
            strings += entry.name.encode() + b"\0"
    typetab = "".join(entry.type for entry in entries).encode()
    word = shape.word
    pointers = [at, len(entries), at + len(symtab), at + len(symtab) + len(strings)]
    return bytes(symtab + strings + typetab), b"".join(pointer.to_bytes(word, "little") for pointer in pointers)


# struct module


def place(spec: ModuleSpec, shape: ModuleShape, allocate: Callable[[int, int], int], page: int = 4096) -> Module:
    """Gives a module its memory: `allocate` takes a size, and how much of it is code, and returns a VA."""
    sizes = section_sizes(spec, shape)
    regions: list[Region] = []
    sections: dict[str, int] = {}
    if not shape.is_core:
        for kind in MEM_TYPES:
            if sizes[kind]:
                regions.append(Region(kind, allocate(sizes[kind], sizes[kind] if kind in CODE else 0), sizes[kind]))
                sections[kind] = regions[-1].va
        return Module(spec, regions, sections, sections["data"] + spec.struct_offset)
    for kind, parts in (("core", CORE_ORDER), ("init", ("init_text", "init_rodata", "init_data"))):
        size = sum(_align(sizes[part], page) for part in parts)
        if size:
            at = allocate(size, sizes[parts[0]])
            regions.append(Region(kind, at, size))
            for part in parts:
                sections[part] = at
                at += _align(sizes[part], page)
    return Module(spec, regions, sections, sections["data"] + spec.struct_offset)


def write(module: Module, shape: ModuleShape, poke: Poke) -> None:
    """Writes struct module without its links, and the tables behind it."""
    spec, word, at = module.spec, shape.word, module.struct_va
    tables_at = _align(at + shape.struct_size)
    tables, pointers = _symbol_table(spec, shape, module.sections, tables_at)
    poke(tables_at, tables)
    poke(at, spec.state.to_bytes(4, "little"))
    poke(at + shape.name_offset, spec.name.encode().ljust(shape.name_size, b"\0")[: shape.name_size])
    poke(at + shape.kallsyms, (at + shape.kallsyms + word).to_bytes(word, "little") + pointers)
    _write_exports(module, shape, poke)
    for region in module.regions:
        memory = at + _memory_offset(region.kind, shape)
        poke(memory, region.va.to_bytes(word, "little"))
        poke(memory + shape.size_offset, region.size.to_bytes(4, "little"))
        if region.kind == "core":
            poke(memory + word + 4, _boundaries(module))
        if region.kind == "init":
            poke(memory + word + 4, (module.sections["init_rodata"] - region.va).to_bytes(4, "little"))


# struct kernel_symbol: what is in it, and whether as distances from the member itself
EXPORT_FORMS = {
    "PREL32 with namespace": (3, 4, True),  # 5.4 on
    "PREL32": (2, 4, True),  # 4.19 on
    "with namespace": (3, 8, False),
    "plain": (2, 8, False),
}
_EXPORTS_AT, _NAMES_AT = 0x200, 0x500  # in read-only data
# In struct module: num_gpl_syms lies before gpl_syms, num_syms two words behind syms (three from 7.x on).
_SYMS_AT, _GPL_SYMS_AT = 0xC8, 0x100


def _write_exports(module: Module, shape: ModuleShape, poke: Poke) -> None:
    """The arrays of struct kernel_symbol, one behind the other, and what struct module says of them."""
    spec, start = module.spec, module.sections.get("rodata", 0)
    plain, gpl = sorted(spec.exports), sorted(spec.gpl_exports)
    if plain or gpl:
        poke(module.struct_va + _SYMS_AT - 8, (0xFFFF000012345678).to_bytes(8, "little"))  # holders_dir
    if not shape.has_gpl_array:
        plain, gpl = sorted([*plain, *gpl]), []
    at, name_at = start + _EXPORTS_AT, start + _NAMES_AT
    values = {
        one.name: module.sections[one.section] + one.offset for one in spec.all_symbols() if one.section in module.sections
    }
    count_behind = 16 if shape.has_gpl_array else 24
    if plain and not shape.has_gpl_array:
        poke(module.struct_va + _SYMS_AT + 16, (start + _NAMES_AT - 8).to_bytes(8, "little"))  # flagstab
    for names, slot, count_at in ((plain, _SYMS_AT, _SYMS_AT + count_behind), (gpl, _GPL_SYMS_AT, _GPL_SYMS_AT - 4)):
        if names:
            poke(module.struct_va + slot, at.to_bytes(8, "little"))
            poke(module.struct_va + count_at, len(names).to_bytes(4, "little"))
        for name in names:
            poke(name_at, name.encode() + b"\0")
            at = _write_export(at, (values[name], name_at, name_at + len(name)), shape, poke)
            name_at += len(name) + 1
    if gpl:
        poke(module.struct_va + _GPL_SYMS_AT + 16, b"\1")  # using_gplonly_symbols


def _write_export(at: int, members: tuple[int, ...], shape: ModuleShape, poke: Poke) -> int:
    count, width, is_relative = EXPORT_FORMS[shape.export_form]
    for place, member in enumerate(members[:count]):
        value = member - (at + place * width) if is_relative else member
        poke(at + place * width, value.to_bytes(width, "little", signed=is_relative))
    return at + count * width


def _boundaries(module: Module) -> bytes:
    """text_size, ro_size, ro_after_init_size of the core layout: each counts from its base."""
    base = module.sections["text"]
    ends = (module.sections["rodata"], module.sections["ro_after_init"], module.sections["data"])
    return b"".join((end - base).to_bytes(4, "little") for end in ends)


def _memory_offset(kind: str, shape: ModuleShape) -> int:
    if shape.is_core:
        return shape.init_offset if kind == "init" else shape.mem_offset
    return shape.mem_offset + MEM_TYPES.index(kind) * shape.stride


# How the kernel finds them


def link_list(modules: Sequence[Module], head: int, shape: ModuleShape, poke: Poke) -> None:
    """Chains the modules to the list head, the newest first: each is added at the front."""
    ring = [head, *(module.struct_va + shape.list_offset for module in reversed(modules))]
    for index, here in enumerate(ring):
        links = (ring[(index + 1) % len(ring)], ring[index - 1])
        poke(here, b"".join(link.to_bytes(shape.word, "little") for link in links))


class _Node(NamedTuple):
    base: int
    at: int  # VA of the mod_tree_node


def link_tree(modules: Sequence[Module], root: int, shape: ModuleShape, poke: Poke) -> None:
    """Writes `mod_tree` and its nodes: a latch tree of every region of every module, ordered by base, in both copies."""
    word = shape.word
    nodes, ends = [], []
    for module in modules:
        for region in module.regions:
            at = module.struct_va + _memory_offset(region.kind, shape) + shape.node_offset
            poke(at, module.struct_va.to_bytes(word, "little"))
            nodes.append(_Node(region.va, at))
            ends.append(region.va + region.size)
    nodes.sort()
    poke(root, (2 * len(nodes)).to_bytes(4, "little"))
    for copy in range(2):
        offset = word * (1 + 3 * copy)  # of the rb_node in the mod_tree_node
        top = _balance(nodes, 0, offset, (shape, poke), len(nodes).bit_length())
        poke(root + word * (1 + copy), top.to_bytes(word, "little"))
    span = (nodes[0].base if nodes else (1 << 8 * word) - 1, max(ends, default=0))
    poke(root + 3 * word, b"".join(value.to_bytes(word, "little") for value in span))


def _balance(nodes: list[_Node], parent: int, offset: int, how: tuple[ModuleShape, Poke], height: int) -> int:
    """Writes these nodes as a tree below parent and returns the VA of its top rb_node, 0 for none. The lowest row is red."""
    if not nodes:
        return 0
    shape, poke = how
    middle = len(nodes) // 2
    here = nodes[middle].at + offset
    left = _balance(nodes[:middle], here, offset, how, height - 1)
    right = _balance(nodes[middle + 1 :], here, offset, how, height - 1)
    colour = RED if height == 1 and parent else BLACK
    poke(here, b"".join(value.to_bytes(shape.word, "little") for value in (parent | colour, right, left)))
    return here
