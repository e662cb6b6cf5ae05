"""The kernels that other tests read: bytes worked out by hand, and what lies in memory read back the plain way."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import kinfo
from tests.kernels import modules, paging, tables
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleShape, ModuleSpec, ModuleSymbol
from tests.kernels.symbols import long_name
from tests.kernels.tables import Shape, Symbol

TEXT_VA = 0xFFFFFFC008000000
TWO = [Symbol("a", "T", 0), Symbol(b"bc", "t", 0x10)]
PLAIN = Shape(compress=False)


def cut(built: tables.Tables, name: str, size: int) -> bytes:
    return built.blob[built.offsets[name] :][:size]


# Tables, by hand


def test_new_order() -> None:
    built = tables.build(TWO, PLAIN, text_va=TEXT_VA, at=0x1000)
    assert built.offsets == {
        "num_syms": 0,
        "names": 8,
        "markers": 16,
        "token_table": 24,
        "token_index": 288,
        "offsets": 800,
        "relative_base": 808,
        "seqs": 816,
    }
    head, tail = built.blob[:24], built.blob[800:]
    assert head.hex(" ", 8) == "0200000000000000 0254610374626300 0000000000000000"
    assert tail.hex(" ", 8) == "0000000010000000 00000008c0ffffff 0000000000010000"
    assert cut(built, "token_table", 261) == bytes(84) + b"T\0" + bytes(12) + b"a\0b\0c\0" + bytes(16) + b"t\0" + bytes(139)
    index = struct.unpack("<256H", cut(built, "token_index", 512))
    assert (index[0], index[84], index[85], index[97], index[98], index[99], index[116], index[255]) == (
        *(0, 84, 86, 98, 100, 102, 120, 260),
    )


def test_old_order() -> None:
    built = tables.build(TWO, replace(PLAIN, order="old"), text_va=TEXT_VA, at=0)
    assert list(built.offsets.items()) == [
        ("offsets", 0),
        ("relative_base", 8),
        ("num_syms", 16),
        ("names", 24),
        ("markers", 32),
        ("seqs", 40),
        ("token_table", 48),
        ("token_index", 312),
    ]


def test_order_of_old_counters_without_seqs() -> None:
    built = tables.build(TWO, replace(PLAIN, order="old", counter=8, seqs=False), text_va=TEXT_VA, at=0)
    assert cut(built, "num_syms", 8) == b"\2" + bytes(7)
    assert (built.offsets["markers"], built.offsets["token_table"]) == (32, 40)
    assert "seqs" not in built.offsets


def test_place_relative() -> None:
    built = tables.build(TWO, replace(PLAIN, order="7.0", encoding="place"), text_va=TEXT_VA, at=0x1000)
    assert built.offsets == {
        "num_syms": 0,
        "names": 4,
        "markers": 12,
        "token_table": 16,
        "token_index": 280,
        "offsets": 792,
        "seqs": 800,
    }
    assert struct.unpack("<2i", cut(built, "offsets", 8)) == (-(0x1000 + 792), 0x10 - (0x1000 + 792 + 4))
    assert built.base_va is None
    late = tables.build([Symbol("x", "d", 0x9000)], replace(PLAIN, order="7.0", encoding="place"), text_va=TEXT_VA, at=0)
    assert struct.unpack("<i", cut(late, "offsets", 4)) == (0x9000 - late.offsets["offsets"],)


def test_percpu() -> None:
    symbols = [Symbol("cpu", "A", 0x1000, absolute=True), *TWO]
    built = tables.build(symbols, replace(PLAIN, encoding="percpu"), text_va=TEXT_VA, at=0)
    assert cut(built, "offsets", 12).hex(" ", 4) == "00100000 ffffffff efffffff"
    assert built.base_va == TEXT_VA


def test_absolute() -> None:
    built = tables.build(TWO, replace(PLAIN, encoding="absolute", order="old"), text_va=TEXT_VA, at=0)
    assert cut(built, "addresses", 16).hex(" ", 8) == "00000008c0ffffff 10000008c0ffffff"
    assert "relative_base" not in built.offsets


def test_direct_on_32_bits() -> None:
    built = tables.build(TWO, Shape("direct", "7.0", word=4, compress=False), text_va=0xC0008000, at=0)
    assert cut(built, "offsets", 8).hex(" ", 4) == "008000c0 108000c0"


def test_relative_counts_from_the_lowest_symbol() -> None:
    before = Symbol("early", "t", -0x20)
    built = tables.build([before, *TWO], PLAIN, text_va=TEXT_VA, at=0)
    assert (built.base_va, cut(built, "offsets", 12).hex(" ", 4)) == (TEXT_VA - 0x20, "00000000 20000000 30000000")


def test_seqs_are_sorted_by_name() -> None:
    symbols = [Symbol(name, "t", 4 * at) for at, name in enumerate(("b", "a", "Z", "ab", "b"))]
    built = tables.build(symbols, PLAIN, text_va=TEXT_VA, at=0)
    assert cut(built, "seqs", 15).hex(" ", 3) == "000002 000001 000003 000000 000004"


@pytest.mark.parametrize(
    ("length", "big", "written"),
    [
        (1, True, "01"),
        (127, True, "7f"),
        (128, True, "8001"),
        (200, True, "c801"),
        (0x3FFF, True, "ff7f"),
        (200, False, "c8"),
    ],
)
def test_lengths(length: int, big: bool, written: str) -> None:
    assert tables.length_bytes(length, big).hex() == written


@pytest.mark.parametrize(("length", "big"), [(0, True), (0x4000, True), (256, False)])
def test_lengths_that_do_not_exist(length: int, big: bool) -> None:
    with pytest.raises(ValueError, match="has no length"):
        tables.length_bytes(length, big)


def test_what_an_encoding_cannot_say() -> None:
    symbols = [Symbol("cpu", "A", 0x1000, absolute=True)]
    for encoding in ("relative", "place"):
        with pytest.raises(ValueError, match="absolute symbol"):
            tables.build(symbols, Shape(encoding), text_va=TEXT_VA, at=0)


# Page tables, by hand


@pytest.mark.parametrize(
    ("name", "pa", "shift", "executable", "entry"),
    [
        ("arm64-4k-39", 0x80200000, 21, True, 0x0040000080200781),
        ("arm64-4k-48", 0x80200000, 12, False, 0x0068000080200703),
        ("arm64-4k-52", 0x000C000080200000, 12, True, 0x0040000080200783),
        ("arm64-16k-52", 0x0007000082000000, 25, False, 0x006B000082000501),
        ("arm64-64k-52", 0x000A000080210000, 16, True, 0x004000008021A783),
        ("x86-4", 0x00200000, 21, True, 0x00000000002001A1),
        ("x86-5", 0x00201000, 12, False, 0x8000000000201163),
        ("arm-short", 0x80201000, 12, True, 0x8020161E),
        ("arm-short", 0x80201000, 12, False, 0x8020141F),
        ("arm-short", 0x80210000, 16, True, 0x8021061D),
        ("arm-short", 0x80210000, 16, False, 0x8021841D),
        ("arm-short", 0x80300000, 20, True, 0x8031940E),
        ("arm-short", 0x80300000, 20, False, 0x8031141E),  # as a booted 6.12 has it for its data
        ("arm-short", 0xA5_81000000, 24, False, 0x8155155E),
        ("arm-v5", 0x80300000, 20, True, 0x8030041E),
        ("arm-v5", 0x80201000, 12, True, 0x8020155E),
        ("arm-lpae", 0x8_80200000, 21, True, 0x000000088020078D),
        ("arm-lpae", 0x8_80201000, 12, False, 0x00C000088020170F),
    ],
)
def test_leaf_entries(name: str, pa: int, shift: int, executable: bool, entry: int) -> None:
    assert paging.leaf_entry(paging.FORMATS[name], pa, shift, executable) == entry


def test_table_entries() -> None:
    assert paging.table_entry(paging.FORMATS["arm64-4k-39"], 0x80300000) == 0x1000000080300003
    assert paging.table_entry(paging.FORMATS["x86-4"], 0x300000) == 0x300063
    assert paging.table_entry(paging.FORMATS["arm-short"], 0x80300C00) == 0x80300C11
    assert paging.table_entry(paging.FORMATS["arm-lpae"], 0x8_80300000) == 0x8_80300003


@pytest.mark.parametrize(
    ("name", "top", "shifts"),
    [
        ("arm64-4k-39", 512, (30, 21, 12)),
        ("arm64-4k-52", 16, (48, 39, 30, 21, 12)),
        ("arm64-16k-36", 2048, (25, 14)),
        ("arm64-16k-48", 2, (47, 36, 25, 14)),
        ("arm64-16k-52", 32, (47, 36, 25, 14)),
        ("arm64-64k-42", 8192, (29, 16)),
        ("arm64-64k-48", 64, (42, 29, 16)),
        ("arm64-64k-52", 1024, (42, 29, 16)),
        ("x86-5", 512, (48, 39, 30, 21, 12)),
        ("arm-short", 4096, (20, 12)),
        ("arm-lpae", 4, (30, 21, 12)),
    ],
)
def test_levels(name: str, top: int, shifts: tuple[int, ...]) -> None:
    form = paging.FORMATS[name]
    assert (form.top_entries, form.shifts) == (top, shifts)


def test_48_bits_of_52_use_the_end_of_the_table() -> None:
    page_tables = paging.PageTables(paging.FORMATS["arm64-64k-52"], 0x10000, lambda: 0x20000, actual_bits=48)
    page_tables.map(0xFFFF000000000000, 0, 0x20000000, executable=False)
    assert list(page_tables.tables[0x10000]) == [960]
    with pytest.raises(ValueError, match="not in the kernel's half"):
        page_tables.map(0xFFF0000000000000, 0, 0x20000000, executable=False)


def test_what_cannot_be_mapped() -> None:
    page_tables = paging.PageTables(paging.FORMATS["x86-4"], 0x1000, iter(range(0x2000, 0x9000, 0x1000)).__next__)
    page_tables.map(0xFFFFFFFF80000000, 0, 0x200000, executable=True)
    for va, message in ((0xFFFFFFFF80000000, "mapped twice"), (0xFFFFFFFF80001000, "a block lies"), (0x400000, "half")):
        with pytest.raises(ValueError, match=message):
            page_tables.map(va, 0, 0x200000 if va % 0x2000 == 0 else 0x1000, executable=True)
    with pytest.raises(ValueError, match="not aligned"):
        page_tables.map(0xFFFFFFFF80400800, 0, 0x1000, executable=True)
    with pytest.raises(ValueError, match="no room for the address"):
        paging.put_address(paging.FORMATS["arm64-4k-48"], 1 << 48)


# Whole kernels, read back


def names_of(kernel: Kernel) -> Iterator[tuple[str, str]]:
    """The names of the table, read with what the kernel documents and nothing clever."""
    at, count = kernel.addresses["names"], len(kernel.symbols)
    table = kernel.peek(kernel.addresses["token_table"], 4096)
    index = struct.unpack("<256H", kernel.peek(kernel.addresses["token_index"], 512))
    tokens = [table[start : table.index(b"\0", start)] for start in index]
    for _ in range(count):
        length = kernel.peek(at, 1)[0]
        at += 1
        if kernel.spec.shape.big and length >= 128:
            length = length & 127 | kernel.peek(at, 1)[0] << 7
            at += 1
        text = b"".join(tokens[code] for code in kernel.peek(at, length)).decode("utf-8", "surrogateescape")
        at += length
        yield text[1:], text[0]


RELEASES = ("4.14.186", "4.19.1", "5.10.43-android12", "6.1.5", "6.6.1", "6.12.1", "6.13.0", "6.16.1", "7.0.0-rc3", "7.1")


@pytest.mark.parametrize("arch", ["arm64", "x86", "arm"])
@pytest.mark.parametrize("release", RELEASES)
def test_every_release(release: str, arch: str) -> None:
    kernel = make(Spec(release, arch, count=600))
    assert list(names_of(kernel)) == [(symbol.name, symbol.type) for symbol in kernel.symbols]
    counter = kernel.spec.shape.counter
    assert counter == (8 if arch != "arm" and release.startswith("4.1") else 4)
    assert int.from_bytes(kernel.peek(kernel.addresses["num_syms"], counter), "little") == len(kernel.symbols)
    marker = int.from_bytes(kernel.peek(kernel.addresses["markers"] + counter, counter), "little")
    before = list(names_of(kernel))[256]
    assert expand(kernel, kernel.addresses["names"] + marker) == before[1] + before[0]
    at = kernel.record_pa - kernel.base
    record = kinfo.decode(bytes(kernel.memory[at:]), offset=0, layout=kernel.spec.record_layout)
    assert (record.state.value, record.fields["num_syms"]) == ("valid", len(kernel.symbols))
    assert addresses_of(kernel) == [symbol.va for symbol in kernel.symbols]
    assert not [finding for finding in record.findings if finding.severity.value == "error"]
    assert [symbol.va for symbol in kernel.symbols] == sorted(symbol.va for symbol in kernel.symbols)
    assert kernel.places["root"] >= kernel.addresses["token_index"] + 512 - kernel.spec.text


def addresses_of(kernel: Kernel) -> list[int]:
    """Every symbol's VA (or absolute value), by the rule of the encoding."""
    table, count = kernel.addresses["offsets"], len(kernel.symbols)
    signed = struct.unpack(f"<{count}i", kernel.peek(table, 4 * count))
    encoding, word = kernel.spec.shape.encoding, kernel.spec.word
    if encoding == "place":
        return [table + 4 * index + offset + kernel.voffset for index, offset in enumerate(signed)]
    if encoding == "direct":
        return [offset & 0xFFFFFFFF for offset in signed]
    base = int.from_bytes(kernel.peek(kernel.addresses["relative_base"], word), "little")
    if encoding == "percpu":
        return [offset if offset >= 0 else base - 1 - offset for offset in signed]
    return [base + offset for offset in signed]


def expand(kernel: Kernel, at: int) -> str:
    """One name with its type letter, at a physical address; it must be short."""
    table, index = kernel.addresses["token_table"], kernel.addresses["token_index"]
    starts = [struct.unpack("<H", kernel.peek(index + 2 * code, 2))[0] for code in kernel.peek(at + 1, kernel.peek(at, 1)[0])]
    return b"".join(kernel.peek(table + start, 64).split(b"\0")[0] for start in starts).decode()


def test_landmarks() -> None:
    kernel = make()
    banner = kernel.find("linux_banner")
    assert banner.pa
    assert kernel.peek(banner.pa, 26) == b"Linux version 6.12.1-test "
    assert kernel.peek(banner.pa, 200).split(b"\0")[0].endswith(b"\n")
    assert kernel.find("swapper_pg_dir").pa == kernel.root_pa
    assert kernel.find("_text") == ("_text", "T", kernel.text_va, kernel.spec.text)
    assert kernel.find("kallsyms_offsets").pa == kernel.addresses["offsets"]
    base = int.from_bytes(kernel.peek(kernel.addresses["relative_base"], 8), "little")
    assert base - kernel.voffset == kernel.spec.text
    assert 290 <= len(kernel.symbols) <= 310
    assert len({symbol.va for symbol in kernel.symbols}) < len(kernel.symbols)


def test_without_kallsyms_all() -> None:
    kernel = make(Spec(keep_all=False))
    names = [symbol.name for symbol in kernel.symbols]
    assert names[0] == "_stext"
    assert not {"_text", "modules", "linux_banner", "swapper_pg_dir"} & set(names)
    assert {"_etext", "_sinittext", "_einittext"} <= set(names)
    assert kernel.base_va == kernel.find("_stext").va


def test_big_names() -> None:
    kernel = make(Spec(compress=False, extra=[Symbol("g" * 500, "t", 0x11004), Symbol(b"\xff\xc3\xa9", "t", 0x11008)]))
    found = dict(names_of(kernel))
    assert {"g" * 500, "\udcffé", long_name()} <= set(found)
    with pytest.raises(ValueError, match="has no length"):
        make(Spec("5.10", compress=False, extra=[Symbol("g" * 256, "t", 0x11004)]))


def test_own_symbols() -> None:
    kernel = make(Spec(symbols=[Symbol("only", "t", 0x12340)]))
    assert kernel.find("only").pa == kernel.spec.text + 0x12340
    assert len(kernel.symbols) < 25


ARCHES = {"x86": "x86", "arm64": "arm64", "arm": "arm"}  # by the first word of a format's name
HIGH = {
    "arm-lpae": 0x880000000,
    "arm64-4k-52": 0x000D000080000000,
    "arm64-16k-52": 0x000E000080000000,
    "arm64-64k-52": 0x000B000080000000,
}


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("name", paging.FORMATS)
def test_every_format_maps_the_kernel(name: str, blocks: bool) -> None:
    arch = ARCHES[name.partition("-")[0]]
    kernel = make(Spec(arch=arch, page_format=name, phys_base=HIGH.get(name), blocks=blocks))
    form = kernel.spec.form
    for symbol in kernel.symbols:
        if symbol.pa is not None and symbol.name != "_end":
            walked = kernel.walk(symbol.va)
            assert walked
            assert walked.pa == symbol.pa
            offset = symbol.va - kernel.text_va
            is_text = kernel.places["text"] <= offset < kernel.places["rodata"]
            is_code = is_text or kernel.places["inittext"] <= offset < kernel.places["data"]
            assert walked.executable == (is_code or form.arm == "v5")
            linear = kernel.walk(symbol.pa + kernel.linear_voffset)
            assert linear
            assert linear[:2] == (symbol.pa, walked.executable if form.arm else False)
    for truth in kernel.module_symbols:
        walked = kernel.walk(truth.va)
        assert walked
        assert walked.pa == truth.pa
    assert form.arm or kernel.walk(kernel.va("end")) is None
    assert kernel.root_pa % form.page == 0


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("arm64-4k-48", {1 << 30, 1 << 21, 1 << 12}),
        ("arm64-16k-47", {1 << 25, 1 << 14}),
        ("arm64-64k-48", {1 << 29, 1 << 16}),
        ("x86-4", {1 << 30, 1 << 21, 1 << 12}),
        ("arm-short", {1 << 24, 1 << 20, 1 << 16, 1 << 12}),
        ("arm-v5", {1 << 20, 1 << 16, 1 << 12}),
        ("arm-lpae", {1 << 30, 1 << 21, 1 << 12}),
    ],
)
def test_blocks_of_every_size(name: str, sizes: set[int]) -> None:
    page = min(sizes)
    lead = (sum(sorted(sizes)[1:-1]) or max(sizes)) + 2 * page
    page_tables = paging.PageTables(paging.FORMATS[name], 0x10000, iter(range(0x20000, 1 << 20, 0x10000)).__next__)
    start, pa, size = page_tables.form.end - (2 << 30) - lead, 0x40000000 - lead, (1 << 30) + lead
    page_tables.map(start, pa, size, executable=True)
    memory = dict(page_tables.entries())
    found = set()
    for at in {0, 2 * page, size - 1, *range(0, size, 1 << 20)}:
        walked = paging.walk(lambda place, count: memory.get(place, 0).to_bytes(count, "little"), 0x10000, start + at, name)
        assert walked
        assert walked.pa == pa + at
        found.add(walked.size)
    assert found == sizes


def test_64k_kernel_on_a_processor_of_48_bits() -> None:
    kernel = make(Spec(page_format="arm64-64k-52", actual_bits=48))
    used = [index for index in range(1024) if any(kernel.peek(kernel.root_pa + 8 * index, 8))]
    assert used
    assert min(used) == 960
    walked = kernel.walk(kernel.text_va + 0x10000)
    assert walked == (kernel.spec.text + 0x10000, True, 0x10000)


def test_head_of_old_kernels_is_not_mapped() -> None:
    assert make(Spec("6.1.5")).walk(Spec("6.1.5").text_va) is None
    assert make(Spec("6.1.5", map_head=True)).walk(Spec("6.1.5").text_va) is not None


# Modules

VARIANTS: list[tuple[str | tuple[int, int], str]] = [
    ("core_layout", "struct memory { void *base; unsigned size, text_size, ro_size, ro_after_init_size; TREE };"),
    ((16, 8), "struct memory { void *base; unsigned size; TREE };"),
    ((24, 20), "struct memory { void *base, *rw_copy; _Bool is_rox; unsigned size; TREE };"),
    ((16, 12), "struct memory { void *base; _Bool is_rox; unsigned size; TREE };"),
]
OTHER_STRUCTS = """
struct list_head { void *next, *prev; };
struct node { void *mod; struct { unsigned long color; void *right, *left; } node[2]; };
struct module { int state; struct list_head list; char name[64 - sizeof(long)]; };
struct kallsyms { void *symtab; unsigned num; char *strtab, *typetab; };
struct tree { unsigned seq; void *tree[2]; unsigned long addr_min, addr_max; };
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
@pytest.mark.parametrize("word", [8, 4])
@pytest.mark.parametrize("tree", [True, False])
@pytest.mark.parametrize(("variant", "definition"), VARIANTS)
def test_offsets_against_gcc(tmp_path: Path, variant: str | tuple[int, int], definition: str, tree: bool, word: int) -> None:
    shape = ModuleShape(word, tree, variant)
    facts = {
        "sizeof(struct memory)": shape.stride,
        "__builtin_offsetof(struct memory, size)": shape.size_offset,
        "sizeof(struct node)": shape.node_size,
        "__builtin_offsetof(struct module, list)": shape.list_offset,
        "__builtin_offsetof(struct module, name)": shape.name_offset,
        "sizeof(((struct module *)0)->name)": shape.name_size,
        "sizeof(struct kallsyms)": 4 * word,
        "__builtin_offsetof(struct kallsyms, strtab)": 2 * word,
        "__builtin_offsetof(struct tree, tree)": word,
        "__builtin_offsetof(struct tree, addr_min)": 3 * word,
        "__builtin_offsetof(struct node, node[1])": 4 * word,
    }
    if tree:
        facts["__builtin_offsetof(struct memory, mtn)"] = shape.node_offset
    source = tmp_path / "facts.c"
    memory = definition.replace(" TREE", " struct node mtn;" if tree else "")
    checks = "".join(f'_Static_assert({what} == {value}, "{what}");\n' for what, value in facts.items())
    source.write_text(OTHER_STRUCTS + memory + "\n" + checks)
    done = subprocess.run(["gcc", f"-m{8 * word}", "-fsyntax-only", source], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_offsets_of_measured_kernels() -> None:
    assert (ModuleShape().stride, ModuleShape().kallsyms) == (72, 0x388)
    plain = ModuleShape(tree_lookup=False)
    assert (plain.stride, plain.kallsyms) == (16, 0x200)
    core = ModuleShape(variant="core_layout")
    assert (core.stride, core.init_offset, core.kallsyms) == (80, 0x190, 0x228)


class Reader:
    """Reads a kernel's memory by VA."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.word = kernel, kernel.spec.word

    def read(self, va: int, size: int) -> bytes:
        return b"".join(self.kernel.peek(self._pa(va + at), 1) for at in range(size))

    def _pa(self, va: int) -> int:
        walked = self.kernel.walk(va)
        return walked.pa if walked else va - self.kernel.voffset

    def pointer(self, va: int) -> int:
        return int.from_bytes(self.read(va, self.word), "little")

    def u32(self, va: int) -> int:
        return int.from_bytes(self.read(va, 4), "little")

    def text(self, va: int) -> str:
        return self.read(va, 64).split(b"\0")[0].decode()


def listed(reader: Reader, head: int) -> list[int]:
    """struct module of each module on the list."""
    found, here = [], reader.pointer(head)
    while here != head:
        assert reader.pointer(reader.pointer(here) + reader.word) == here
        found.append(here - reader.word)
        here = reader.pointer(here)
    return found


def in_tree(reader: Reader, node: int, copy: int) -> Iterator[int]:
    """struct module of each node of a latch tree, left to right."""
    if node:
        yield from in_tree(reader, reader.pointer(node + 2 * reader.word), copy)
        yield reader.pointer(node - reader.word * (1 + 3 * copy))
        yield from in_tree(reader, reader.pointer(node + reader.word), copy)


def symbols_of(reader: Reader, struct_va: int, offset: int) -> list[tuple[str, str, int]]:
    """The named symbols of a module."""
    word = reader.word
    kallsyms = reader.pointer(struct_va + offset)
    symtab, count = reader.pointer(kallsyms), reader.u32(kallsyms + word)
    strtab, typetab = reader.pointer(kallsyms + 2 * word), reader.pointer(kallsyms + 3 * word)
    found = []
    for index in range(count):
        entry = symtab + index * (24 if word == 8 else 16)
        value = reader.pointer(entry + (8 if word == 8 else 4))
        if name := reader.text(strtab + reader.u32(entry)):
            found.append((name, chr(reader.read(typetab + index, 1)[0]), value))
    return found


@pytest.mark.parametrize("tree_lookup", [True, False])
@pytest.mark.parametrize(
    ("release", "arch"),
    [("6.1.5", "arm64"), ("6.6.1", "x86"), ("6.13.0", "arm64"), ("6.16", "arm64"), ("6.6", "arm"), ("5.10", "arm")],
)
def test_modules_in_memory(release: str, arch: str, tree_lookup: bool) -> None:
    specs = (
        ModuleSpec("alpha", init_text=0x400, init_rodata=0x40),
        ModuleSpec("beta", struct_offset=0xF80),
        ModuleSpec("gamma"),
    )
    kernel = make(Spec(release, arch, modules=specs, tree_lookup=tree_lookup, modules_by="both"))
    reader, shape = Reader(kernel), kernel.spec.module_shape
    found = listed(reader, kernel.find("modules").va)
    assert [reader.text(at + shape.name_offset) for at in found] == ["gamma", "beta", "alpha"]
    for at, module in zip(found, reversed(kernel.modules), strict=True):
        truth = [(symbol.name, symbol.type, symbol.va) for symbol in module.symbols]
        assert symbols_of(reader, at, shape.kallsyms) == truth
        first = module.regions[0]
        memory = at + shape.mem_offset
        assert (reader.pointer(memory), reader.u32(memory + shape.size_offset)) == (first.va, first.size)
    if tree_lookup:
        root = kernel.find("mod_tree").va
        for copy in range(2):
            nodes = list(in_tree(reader, reader.pointer(root + shape.word * (1 + copy)), copy))
            by_base = sorted((region.va, module.struct_va) for module in kernel.modules for region in module.regions)
            assert nodes == [struct_va for _, struct_va in by_base]


def test_core_layout_boundaries() -> None:
    kernel = make(Spec("6.1.5"))
    reader, module = Reader(kernel), kernel.modules[0]
    layout = module.struct_va + 0x140
    sizes = [reader.u32(layout + at) for at in (8, 12, 16, 20)]
    assert sizes == [0x6000, 0x3000, 0x4000, 0x5000]
    for at, executable in ((0, True), (0x2FFF, True), (0x3000, False), (0x5FFF, False)):
        walked = kernel.walk(module.regions[0].va + at)
        assert walked
        assert walked.executable == executable


def test_symbols_that_name_nothing() -> None:
    one = ModuleSymbol("run", "text", 0x10, "T")
    kernel = make(
        Spec(modules=[ModuleSpec("odd", [one], undefined=["_printk"], mapping=True, empty_names=2, state=modules.COMING)])
    )
    struct_va = kernel.modules[0].struct_va
    found = symbols_of(Reader(kernel), struct_va, 0x388)
    assert [name for name, _, _ in found] == ["$x", "$d", "run", "_printk"]
    assert [symbol.name for symbol in kernel.module_symbols] == ["run"]
    assert Reader(kernel).u32(struct_va) == 1


def test_module_memory_is_not_in_order() -> None:
    kernel = make()
    region = kernel.modules[0].regions[0]
    first, second = kernel.walk(region.va), kernel.walk(region.va + 0x1000)
    assert first
    assert second
    assert second.pa != first.pa + 0x1000


def test_no_modules() -> None:
    kernel = make(Spec(modules=(), modules_by="both"))
    assert listed(Reader(kernel), kernel.find("modules").va) == []
    assert Reader(kernel).pointer(kernel.find("mod_tree").va + 8) == 0


def test_how_modules_are_found() -> None:
    names = {by: {symbol.name for symbol in make(Spec(modules_by=by)).symbols} for by in ("list", "tree")}
    assert {by: found & {"modules", "mod_tree"} for by, found in names.items()} == {"list": {"modules"}, "tree": {"mod_tree"}}


# Records and files


@pytest.mark.parametrize("alias", ["Z0", "A0", "A1", "A1n", "A2", "A3", "A4", "A5", "A6", "A6v2", "B", "C", "CR", "D"])
def test_every_layout(alias: str) -> None:
    kernel = make(Spec(layout=alias))
    record = kinfo.decode(kernel.record, layout=alias)
    assert record.state.value == "valid"
    end = "_end_va" if alias == "Z0" else "_end_pa"
    expected = kernel.find("_end").va if alias == "Z0" else kernel.find("_end").pa
    assert record.fields[end] == expected


def test_absolute_record() -> None:
    record = kinfo.decode(make(Spec("6.1.5", encoding="absolute")).record).fields
    assert (record["_relative_pa"], record["_offsets_pa"], record["enabled_base_relative"]) == (0, 0, 0)
    assert record["_addresses_pa"] == 0x80271000


def test_raw(tmp_path: Path) -> None:
    kernel = make()
    kernel.write_raw(tmp_path / "all")
    kernel.write_raw(tmp_path / "part", start=kernel.record_pa, end=kernel.record_pa + 0x1000)
    assert (tmp_path / "all").read_bytes() == kernel.memory
    assert (tmp_path / "part").read_bytes() == kernel.record.ljust(0x1000, b"\0")


def test_elf(tmp_path: Path) -> None:
    kernel = make()
    hole = (kernel.base + 0x1000, kernel.base + 0x3000)
    kernel.write_elf(tmp_path / "core", holes=[hole])
    data = (tmp_path / "core").read_bytes()
    assert (data[:7], data[16:20]) == (b"\x7fELF\2\1\1", b"\4\0\xb7\0")
    start, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    headers = [struct.unpack_from("<IIQQQQQQ", data, start + 56 * index) for index in range(count)]
    assert [header[0] for header in headers] == [4, 1, 1]
    assert [(header[4], header[5]) for header in headers[1:]] == [(kernel.base, 0x1000), (hole[1], kernel.end - hole[1])]
    offset, size = headers[2][2], headers[2][5]
    assert data[offset : offset + size] == kernel.peek(hole[1], size)
    assert len(data) == offset + size


def test_elf_of_32_bits(tmp_path: Path) -> None:
    kernel = make(Spec(arch="arm"))
    kernel.write_elf(tmp_path / "core", cls=32)
    data = (tmp_path / "core").read_bytes()
    assert (data[:7], data[16:20]) == (b"\x7fELF\1\1\1", b"\4\0\x28\0")
    kind, offset, va, pa, size = struct.unpack_from("<5I", data, 52 + 32)
    assert (kind, va, pa, size) == (1, 0xC0000000, 0x80000000, len(kernel.memory))
    assert data[offset:] == kernel.memory


def test_lime(tmp_path: Path) -> None:
    kernel = make()
    kernel.write_lime(tmp_path / "lime", holes=[(kernel.base, kernel.base + 0x2000), (kernel.end - 0x1000, kernel.end)])
    data = (tmp_path / "lime").read_bytes()
    assert data[:8] == b"EMiL\1\0\0\0"
    assert struct.unpack_from("<QQ", data, 8) == (kernel.base + 0x2000, kernel.end - 0x1001)
    assert data[32:] == kernel.peek(kernel.base + 0x2000, len(kernel.memory) - 0x3000)


def test_poke_stays_in_memory() -> None:
    kernel = make()
    kernel.poke(kernel.base, b"abc")
    assert kernel.peek(kernel.base, 4) == b"abc\0"
    for pa in (kernel.base - 1, kernel.end - 2):
        with pytest.raises(ValueError, match="not in RAM"):
            kernel.poke(pa, b"abc")
