"""`kinfo core --only kernel`: everything of the kernel's is in it, and not a byte of a process's or a file's."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.kernel.excerpt.page_layout import page_layout
from kinfo.kernel.excerpt.page_tables import page_tables
from kinfo.kernel.excerpt.parts import excerpt
from kinfo.kernel.excerpt.ranges import PhysicalRange, joined, segments_of, size_of, without
from kinfo.kernel.excerpt.struct_pages import PageOwner, StructPages
from kinfo.memory import BytesDump, Memory, Segment
from kinfo.region_memory.open import open_regions
from tests.conftest import GUESTS, Cli
from tests.kernels import printk
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.tasks import MIB, World, types, world

MARKER = b"what a process has "
PAGE = 4096
RESERVED, LRU, SLAB, HEAD, UPTODATE = 13, 5, 9, 6, 3
BITS = {"PG_locked": 0, "PG_lru": LRU, "PG_reserved": RESERVED, "PG_slab": SLAB, "PG_head": HEAD, "PG_uptodate": UPTODATE}
SLAB_IS = "PAGE_SLAB_MAPCOUNT_VALUE"
MEMBERS = {"flags": 0, "compound_head": 8, "mapping": 24, "_mapcount": 48, "_refcount": 52}
BARE = 0xFFFF_FFFF  # _mapcount of a page that no process has mapped
LOG = {
    "prb": 0xC000,
    "printk_rb_static": 0xC100,
    "vmcoreinfo_data": 0xC200,
    "vmemmap_base": 0xC208,
    "__per_cpu_start": 0xA000,
}
LOG["__per_cpu_end"] = 0xA900
ARRAY, TEXT = 12 * MIB, 9 * MIB  # from the start of RAM: where struct pages are, and the log's tables

BYTES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def ranges(pairs: list[tuple[int, int]]) -> list[PhysicalRange]:
    return [PhysicalRange(min(one), max(one)) for one in pairs]


def bytes_of(found: list[PhysicalRange]) -> set[int]:
    return {at for start, end in found for at in range(start, end)}


@given(BYTES, BYTES)
def test_ranges_are_sets_of_bytes(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    one, other = ranges(some), ranges(others)
    whole = joined(one)
    assert bytes_of(whole) == bytes_of(one)
    assert all(low.end < high.start for low, high in pairwise(whole))
    rest = without(one, other)
    assert bytes_of(rest) == bytes_of(one) - bytes_of(other)
    assert size_of(rest) == len(bytes_of(rest))
    dump = BytesDump(bytes(range(64)))
    memory = Memory("m", [Segment(start, end, dump, start) for start, end in joined(other) if start < end])
    cut = list(segments_of(memory, whole))
    assert bytes_of([PhysicalRange(low.start, low.end) for low in cut]) == bytes_of(one) & bytes_of(other)
    assert all(low.offset == low.start for low in cut)


def btf(spec: Spec) -> bytes:
    """The types of tasks, with struct page and its flags."""
    out = types(spec)
    word = out.number("unsigned long", 8)
    half = out.number("unsigned int", 4)
    out.plain("page", 64, {name: (word if at < 48 else half, at) for name, at in MEMBERS.items()})
    flags = [part for name, bit in BITS.items() for part in (out.label(name), bit)]
    out.add("pageflags", 6, 4, flags, vlen=len(BITS))
    return out.blob()


def made(spec: Spec, *, has_types: bool = True, has_pages: bool = True) -> World:
    """A kernel with tasks, a log whose tables lie outside the image, and where `has_pages` struct pages."""
    found = world(spec, running={1: 40}, btf=btf(spec) if has_types else bytes(64), symbols=LOG)
    kernel = found.kernel
    data = kernel.va("data")
    ring = printk.Ring()
    for number in range(6):
        ring.store(b"line %d" % number, ns=number * 10**9)
    linear = kernel.spec.linear + TEXT
    where = {"ring": data + LOG["printk_rb_static"], "descs": linear, "infos": linear + 0x2000, "text": linear + 0x8000}
    for va, piece in ring.pieces(where).items():
        kernel.poke(va - kernel.voffset if va >= kernel.text_va else va - kernel.spec.linear + kernel.base, piece)
    kernel.poke(kernel.pa("data") + LOG["prb"], struct.pack("<Q", where["ring"]))
    info = "".join(f"{key}={value}\n" for key, value in ring.lines().items())
    if has_pages:
        start = kernel.spec.linear + ARRAY
        kernel.poke(kernel.pa("data") + LOG["vmemmap_base"], struct.pack("<Q", start))
        info += f"NUMBER(VMEMMAP_START)={start:#x}\nNUMBER(PHYS_OFFSET)={kernel.base:#x}\n"
        info += "".join(f"OFFSET(page.{name})={at}\n" for name, at in MEMBERS.items())
        info += f"SIZE(page)=64\nNUMBER(PG_lru)={LRU}\nNUMBER(PG_slab)={SLAB}\nNUMBER(PG_head_mask)={1 << HEAD}\n"
        pas = range(kernel.base, kernel.end, kernel.spec.page)
        is_image = (kernel.pa("head") & -PAGE <= pa < kernel.pa("end") for pa in pas)
        kernel.poke(kernel.base + ARRAY, b"".join(struct_page(one << RESERVED) for one in is_image))
    found.info = info  # type: ignore[attr-defined]
    return found


def place(kernel: Kernel, pa: int) -> int:
    """From the start of RAM: where the struct page of a page is."""
    return ARRAY + (pa - kernel.base) // kernel.spec.page * 64


def mark(
    kernel: Kernel, pa: int, flags: int = 0, head: int = 0, *, mapping: int = 0, mapcount: int = BARE, users: int = 1
) -> None:
    """The struct page of a page; `head` is the PA of the first page that it is one of."""
    above = kernel.spec.linear + place(kernel, head) + 1 if head else 0
    page = struct_page(flags, above, mapping=mapping, mapcount=mapcount, users=users)
    kernel.poke(kernel.base + place(kernel, pa), page)


def struct_page(flags: int, head: int = 0, *, mapping: int = 0, mapcount: int = BARE, users: int = 1) -> bytes:
    return struct.pack("<QQQQQQIIQ", flags, head, 0, mapping, 0, 0, mapcount, users, 0)


def user(kernel: Kernel, pa: int) -> None:
    """A page of a process, with its content."""
    mark(kernel, pa, 1 << LRU | 1 << UPTODATE, mapping=0xFFFF_0000_1234_5671, mapcount=0)
    kernel.poke(pa, MARKER * (kernel.spec.page // len(MARKER)))


def fill(kernel: Kernel) -> int:
    """Every page that holds nothing becomes a process's; how many there are."""
    taken = [(kernel.pa("head") & -PAGE, kernel.pa("end"))]
    taken += [(kernel.base + start, kernel.base + end) for start, end in ((5 * MIB, 7 * MIB), (TEXT, TEXT + 0x9000))]
    taken.append((kernel.base + ARRAY, kernel.base + ARRAY + (kernel.end - kernel.base) // PAGE * 64))
    for module in kernel.modules:
        for region in module.regions:
            for va in range(region.va & -PAGE, region.va + region.size, PAGE):
                found = kernel.walk(va)
                assert found
                taken.append((found.pa & -PAGE, (found.pa & -PAGE) + PAGE))
    count, page = 0, kernel.spec.page
    for pa in range(kernel.base, kernel.end, page):
        if not any(start <= pa < end for start, end in taken) and not any(kernel.peek(pa, page)):
            user(kernel, pa)
            count += page // PAGE
    return count


def written(found: World, path: Path) -> Path:
    found.kernel.write_elf(path, info=found.info)  # type: ignore[attr-defined]
    return path


SPECS = {
    "arm64": Spec(),
    "arm64-16k": Spec(page_format="arm64-16k-47"),
    "arm64-old": Spec("6.1.5"),
    "no-data": Spec(keep_all=False),
    "x86": Spec("6.15.1", arch="x86"),
}


def same(kinfo_cli: Cli, whole: Path, part: Path, *commands: tuple[str, ...]) -> None:
    """What commands print of the one, they print of the other; lines that name the file are left out."""
    for command, *options in commands:
        texts = []
        for path in (whole, part):
            ran = kinfo_cli(command, path, *options)
            texts.append((ran.code, [line for line in ran.out.splitlines() if str(path) not in line]))
        assert texts[0] == texts[1], command
        assert len(texts[0][1]) > 2, command


COMMANDS = (("ps", "--threads"), ("symbols", "--modules"), ("dmesg",), ("lookup", "schedule", "linux_banner", "alpha_read"))


@pytest.mark.parametrize("name", SPECS)
def test_the_same_answers_without_a_byte_of_processes(name: str, kinfo_cli: Cli, tmp_path: Path) -> None:
    spec = SPECS[name]
    found = made(spec)
    assert fill(found.kernel) > 500
    whole, part = written(found, tmp_path / "whole"), tmp_path / "part"
    ran = kinfo_cli("core", whole, "--only", "kernel", "-o", part)
    assert ran.code == 0
    in_it = re.search(r"in it: kernel image .*, page tables .*, modules .*, (log .*)?tasks .*, stacks .*", ran.err)
    assert in_it, ran.err
    assert "left out: " in ran.err
    assert MARKER in whole.read_bytes()
    assert MARKER not in part.read_bytes()
    chains = (("backtrace", "--all"),) if spec.arch == "arm64" else ()
    same(kinfo_cli, whole, part, *(one for one in COMMANDS if one[0] != "dmesg" or spec.keep_all), *chains)


def test_every_part_is_whole(tmp_path: Path) -> None:
    found = made(SPECS["arm64"])
    with kinfo.open_kernel(written(found, tmp_path / "whole")) as kernel:
        kept = excerpt(kernel)
        parts = {one.name: one for one in kept.parts}
        assert kernel.space
        tables = {one.start for one in page_tables(kernel.space)}
    held = [PhysicalRange(one.start, one.end) for one in kept.segments]

    def is_in(pa: int, size: int) -> bool:
        return size_of(without([PhysicalRange(pa, pa + size)], held)) == 0

    world_kernel = found.kernel
    assert all(is_in(place.pa, 2048) and is_in(place.stack_pa, 16384) for place in found.placed.values())
    assert is_in(found.percpu + LOG["__per_cpu_start"], 0x900)
    assert is_in(found.percpu + 0x10000 + LOG["__per_cpu_start"], 0x900)
    assert is_in(found.percpu + 0xC000, 16384)  # the IRQ stack
    assert is_in(world_kernel.record_pa, len(world_kernel.record))
    assert all(is_in(symbol.pa, 4) for symbol in world_kernel.module_symbols)
    assert is_in(world_kernel.base + TEXT + 0x8000, 512)
    assert world_kernel.tables is not None
    written_tables = {place & -PAGE for place, _ in world_kernel.tables.entries()}
    assert {one & -PAGE for one in tables} == written_tables
    assert (kept.of_processes, kept.findings) == (0, ())
    assert parts["kernel image"].size == world_kernel.pa("end") - (world_kernel.pa("head") & -PAGE)
    assert kept.left_out == world_kernel.end - world_kernel.base - sum(one.end - one.start for one in kept.segments)


def entry_of(kernel: Kernel, va: int) -> int:
    """PA of the last entry for a VA, with 4K pages and 39 bits."""
    table = kernel.root_pa
    for shift in (30, 21):
        table = int.from_bytes(kernel.peek(table + 8 * (va >> shift & 511), 8), "little") & 0xFFFF_FFFF_F000
    return table + 8 * (va >> 12 & 511)


def test_what_the_page_tables_no_longer_map_was_given_back(kinfo_cli: Cli, tmp_path: Path) -> None:
    """arm64 unmaps the init part as it gives it back: what lies there now is another's."""
    found = made(Spec(blocks=False))
    kernel = found.kernel
    last = kernel.pa("data") - PAGE  # of the init part
    kernel.poke(entry_of(kernel, last + kernel.voffset), bytes(8))
    kernel.poke(last, MARKER)
    part = tmp_path / "part"
    assert kinfo_cli("core", written(found, tmp_path / "whole"), "--only", "kernel", "-o", part).code == 0
    assert MARKER not in part.read_bytes()
    with kinfo.open_kernel(part) as opened:
        assert not opened.memory.holds(last)
        assert opened.memory.holds(last - 1)
        assert opened.memory.holds(last + PAGE)


@pytest.mark.parametrize("name", ["arm64", "x86"])
def test_what_struct_page_calls_given_back_or_a_processs(name: str, kinfo_cli: Cli, tmp_path: Path) -> None:
    found = made(SPECS[name])
    kernel = found.kernel
    given = kernel.pa("data") - PAGE
    mark(kernel, given, 0)
    kernel.poke(given, MARKER)
    user(kernel, found.placed[52].stack_pa)  # a stack that was freed while the dump was taken
    first = found.placed[51].stack_pa  # and one whose first two pages are a file's now
    second = first + PAGE
    mark(kernel, first, 1 << HEAD | 1 << LRU, mapping=0xFFFF_0000_1234_5678)
    mark(kernel, second, 0, head=first, users=0)
    for pa in (first, second):
        kernel.poke(pa, MARKER)
    part = tmp_path / "part"
    ran = kinfo_cli("core", written(found, tmp_path / "whole"), "--only", "kernel", "-o", part)
    assert ran.code == 0
    assert MARKER not in part.read_bytes()
    assert "left out as well: 12 KiB that a kernel pointer led to, but processes or files have" in ran.err


def test_x86_needs_its_types(kinfo_cli: Cli, tmp_path: Path) -> None:
    """It gives pages of its image back without unmapping them, and VMCOREINFO has not the number of PG_reserved."""
    whole = written(made(SPECS["x86"], has_types=False), tmp_path / "whole")
    ran = kinfo_cli("core", whole, "--only", "kernel", "-o", tmp_path / "part")
    assert (ran.code, ran.out) == (2, "")
    assert "nothing tells which pages of the image the kernel gave back: it has no BTF; add --btf FILE" in ran.err
    assert not (tmp_path / "part").exists()
    (tmp_path / "btf").write_bytes(btf(SPECS["x86"]))
    assert kinfo_cli("core", whole, "--only", "kernel", "-o", tmp_path / "part", "--btf", tmp_path / "btf").code == 0


def damaged(found: World, **lines: object) -> None:
    """Other values for lines of its VMCOREINFO, named by the word in brackets or before it; None: no such line."""
    info = found.info  # type: ignore[attr-defined]
    for key, value in lines.items():
        pattern = rf"(?m)^([A-Z]+\({key}\)|[A-Z]+\(page\.{key}\))=.*\n"
        assert re.search(pattern, info), key
        info = re.sub(pattern, "" if value is None else rf"\1={value}\n", info)
    found.info = info  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"flags": None}, "page.flags is not known: neither BTF nor VMCOREINFO has it"),
        ({"_refcount": 60}, "struct page of 64 bytes cannot be"),
        ({"page": 1 << 20}, "struct page of 1048576 bytes cannot be"),
        ({"mapping": 48}, "the struct page of the kernel's own code at PA 0x[0-9a-f]+ does not call it the kernel's"),
        ({"PG_lru": None}, "PG_lru is not known"),
        ({"VMEMMAP_START": None}, "VMEMMAP_START or PHYS_OFFSET is not known"),
        (
            {"VMEMMAP_START": hex(Spec().linear + ARRAY + 64)},
            "VMEMMAP_START is 0xf+[0-9a-f]+: no array of struct pages begins",
        ),
        ({"VMEMMAP_START": hex(Spec().linear + ARRAY + 2 * MIB)}, "the kernel's own code at PA"),
    ],
)
def test_struct_pages_that_cannot_be_are_refused(
    lines: dict[str, object], message: str, kinfo_cli: Cli, tmp_path: Path
) -> None:
    found = made(SPECS["arm64"], has_types=False)
    damaged(found, **lines)
    whole, part = written(found, tmp_path / "whole"), tmp_path / "part"
    with kinfo.open_kernel(whole) as kernel, pytest.raises(kinfo.KinfoError, match=message):
        StructPages(kernel)
    ran = kinfo_cli("core", whole, "--only", "kernel", "-o", part)
    assert (ran.code, part.exists()) == (2, False)
    assert "nothing tells whose a page is, so that none can be handed on: " in ran.err
    assert (
        "it takes arm64 or x86-64, all RAM, VMCOREINFO and BTF (or --btf FILE); without --only the whole is written"
        in ran.err
    )


def test_types_and_vmcoreinfo_must_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = made(SPECS["arm64"])
    info: str = found.info  # type: ignore[attr-defined]
    stated = dict(line.split("=", 1) for line in info.splitlines())
    numbers = [f"OFFSET(page.{name})" for name in MEMBERS] + ["SIZE(page)", "NUMBER(PG_lru)"]
    with kinfo.open_kernel(written(found, tmp_path / "whole")) as kernel:
        page_layout(kernel)
        for key in numbers:
            other = str(int(stated[key]) + 1)
            lines = stated | {key: other}
            monkeypatch.setattr("kinfo.kernel.excerpt.page_layout.vmcoreinfo", lambda _, lines=lines: lines)
            with pytest.raises(kinfo.KinfoError, match=rf"is \d+ by BTF, {other} by VMCOREINFO"):
                excerpt(kernel)


def test_one_page_of_the_code_that_is_not_the_kernels_is_enough(tmp_path: Path) -> None:
    """The array is damaged, or another place: nothing that it says is believed."""
    found = made(SPECS["arm64"])
    mark(found.kernel, found.kernel.pa("text") + PAGE, 0)
    message = "the kernel's own code at PA"
    with kinfo.open_kernel(written(found, tmp_path / "whole")) as kernel, pytest.raises(kinfo.KinfoError, match=message):
        excerpt(kernel)


FOREIGN = {
    "nothing": bytes(64),
    "ones": bytes([255]) * 64,
    "free": struct_page(0, users=0),
    "free, in a list": struct_page(0, 0xFFFF_8000_1234_5678, users=0),
    "buddy": struct_page(0, mapcount=0xF000_0000, users=0),
    "below 0": struct_page(0, users=BARE),
    "not in the lists yet": struct_page(1 << UPTODATE, mapping=0xFFFF_0000_1234_5671, mapcount=0),
    "without LRU": struct_page(0, mapping=0xFFFF_0000_1234_5671),
    "cut off from its file": struct_page(1 << UPTODATE),
    "mapped alone": struct_page(0, mapcount=0),
    "reserved by a damaged bit": struct_page(1 << RESERVED, mapping=0xFFFF_0000_1234_5671, mapcount=0),
    "hugetlb": struct_page(1 << HEAD, mapcount=0xF400_0000),
    "zsmalloc": struct_page(0, mapcount=0xF600_0000),
    "tail of nothing": struct_page(0, 0xFFFF_FFFF_FFFF_0001, users=0),
}


def at_once(found: World, cases: list[bytes], tmp_path: Path) -> list[PageOwner]:
    """Whose pages are, by struct pages that are written one behind the other, 16 pages for each case."""
    kernel = found.kernel
    first = kernel.base + 14 * MIB
    for number, pages in enumerate(cases):
        kernel.poke(kernel.base + place(kernel, first + 16 * number * PAGE), pages)
    with kinfo.open_kernel(written(found, tmp_path / "whole")) as opened:
        pages_of = StructPages(opened)
        count = [len(pages) // 64 for pages in cases]
        return [
            pages_of.owner(first + (16 * number + index) * PAGE) for number, many in enumerate(count) for index in range(many)
        ]


@pytest.mark.parametrize("arch", ["arm64", "x86"])
def test_what_its_struct_page_does_not_call_the_kernels(arch: str, tmp_path: Path) -> None:
    owners = at_once(made(SPECS[arch]), list(FOREIGN.values()), tmp_path)
    assert [name for name, owner in zip(FOREIGN, owners, strict=True) if owner is PageOwner.KERNELS] == []
    of_process = {name for name, owner in zip(FOREIGN, owners, strict=True) if owner is PageOwner.PROCESSS}
    assert of_process == {
        "not in the lists yet",
        "without LRU",
        "cut off from its file",
        "mapped alone",
        "reserved by a damaged bit",
    }


def test_a_stack_that_is_anothers_by_now(kinfo_cli: Cli, tmp_path: Path) -> None:
    found = made(SPECS["arm64"])
    kernel = found.kernel
    stack = found.placed[52].stack_pa
    kernel.poke(stack, MARKER * (2 * PAGE // len(MARKER)))
    kernel.poke(kernel.base + place(kernel, stack), FOREIGN["free, in a list"] + FOREIGN["nothing"])
    ran = kinfo_cli("core", written(found, tmp_path / "whole"), "--only", "kernel", "-o", tmp_path / "part")
    assert ran.code == 0
    assert MARKER not in (tmp_path / "part").read_bytes()
    message = f"stacks: 8 KiB left out, the first at PA {stack:#x}: the page is free, or its struct page makes no sense"
    assert f"warning kernel-part-missing: {message}" in ran.err


KERNELS = {
    "plain": [struct_page(0)] * 4,
    "slab": [struct_page(1 << SLAB, mapping=0x1234, mapcount=0x30003, users=1)] * 4,
    "page table of 6.1": [struct_page(0, mapcount=0xFFFF_FDFF)] * 4,
    "without a head": [struct_page(0)] + [struct_page(0, users=0)] * 3,
    "once in a list": [struct_page(0)] + [struct_page(0, 0xDEAD_0000_0000_0100, users=0)] * 3,
}


def test_every_page_of_the_kernels(tmp_path: Path) -> None:
    found = made(SPECS["arm64"])
    kernel = found.kernel
    first = kernel.base + 14 * MIB + 16 * len(KERNELS) * PAGE
    tail = struct_page(0, kernel.spec.linear + place(kernel, first) + 1, users=0)
    cases = [*(b"".join(pages) for pages in KERNELS.values()), struct_page(1 << HEAD) + 3 * tail]
    owners = at_once(found, cases, tmp_path)
    assert len(owners) == 4 * len(cases)
    assert set(owners) == {PageOwner.KERNELS}


PAGE_TYPES = {
    "6.1": ({}, {}, [0xFFFF_FDFF], [0xFFFF_FF7F, 0xFFFF_FEFF]),
    "6.10": ({}, {SLAB_IS: -4097}, [0xFFFF_EFFF, 0xFFFF_FDFF], [0xFFFF_FF7F]),
    "6.11": ({"PG_table": 1 << 28}, {SLAB_IS: -(1 << 25) - 1}, [0xEFFF_FFFF, 0xFDFF_FFFF], [0xBFFF_FFFF]),
    "6.12": ({}, {SLAB_IS: -184549376}, [0xF200_0000, 0xF500_0003], [0xF000_0000, 0xF400_0000, 0xF600_0000]),
    "later": (
        {"PGTY_table": 0xE2, "PGTY_slab": 0xE5, "PGTY_large_kmalloc": 0xE8},
        {},
        [0xE200_0000, 0xE800_0001],
        [0xF200_0000],
    ),
}


@pytest.mark.parametrize(("named", "lines", "own", "others"), PAGE_TYPES.values(), ids=PAGE_TYPES)
def test_page_types_of_every_release(
    named: dict[str, int], lines: dict[str, int], own: list[int], others: list[int], tmp_path: Path
) -> None:
    found = made(SPECS["arm64"])
    out = types(found.kernel.spec)
    out.add("pagetype", 6, 4, [part for one, value in named.items() for part in (out.label(one), value)], vlen=len(named))
    if named:
        found.kernel.poke(found.kernel.pa("data") + 0x4000, out.blob().ljust(0x2000, b"\0"))
    found.info += "".join(f"NUMBER({key})={value}\n" for key, value in lines.items())  # type: ignore[attr-defined]
    with kinfo.open_kernel(written(found, tmp_path / "whole")) as kernel:
        layout = page_layout(kernel)
    assert all(map(layout.is_kernels_type, own))
    assert not any(map(layout.is_kernels_type, [*others, BARE, 0, 1]))


def test_a_kernel_without_types_says_what_is_missing(kinfo_cli: Cli, tmp_path: Path) -> None:
    """No BTF: no tasks and no stacks. VMCOREINFO has what tells whose the pages are. All else is there."""
    found = made(SPECS["arm64"], has_types=False)
    assert fill(found.kernel) > 500
    whole, part = written(found, tmp_path / "whole"), tmp_path / "part"
    ran = kinfo_cli("core", whole, "--only", "kernel", "-o", part)
    assert ran.code == 0
    assert MARKER not in part.read_bytes()
    said = [line for line in ran.err.splitlines() if "kernel-part-missing" in line]
    assert [line.split(": ")[2] for line in said] == ["tasks", "stacks", "per-CPU variables"], ran.err
    wanted = "this is no BTF; name what leads there (--btf FILE for tasks and stacks), or hand the"
    assert "warning kernel-part-missing: tasks: " in said[0]
    assert wanted in said[0]
    same(kinfo_cli, whole, part, ("symbols", "--modules"), ("dmesg",))


def test_a_kernel_without_struct_pages_is_refused(kinfo_cli: Cli, tmp_path: Path) -> None:
    make().write_elf(tmp_path / "whole")
    ran = kinfo_cli("core", tmp_path / "whole", "--only", "kernel", "-o", tmp_path / "part")
    assert (ran.code, (tmp_path / "part").exists()) == (2, False)
    assert "nothing tells whose a page is, so that none can be handed on: page.flags is not known" in ran.err


def test_the_library_writes_the_same(kinfo_cli: Cli, tmp_path: Path) -> None:
    whole = written(made(SPECS["arm64"]), tmp_path / "whole")
    kinfo_cli("core", whole, "--only", "kernel", "-o", tmp_path / "one")
    assert kinfo.core(whole, tmp_path / "two", only_kernel=True) == ()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert open_regions([str(tmp_path / "two")]) is None
    message = "regions, series and from_table are for regions"
    with kinfo.open_kernel(whole) as kernel:
        for source in (whole, kernel):
            with pytest.raises(kinfo.KinfoError, match=message):
                kinfo.core(source, tmp_path / "three", regions=tmp_path / "none")
            with pytest.raises(kinfo.KinfoError, match=message):
                kinfo.core(source, tmp_path / "three", series="v1", only_kernel=True)
        with pytest.raises(kinfo.KinfoError, match=message):
            kinfo.core(kernel, tmp_path / "three", from_table=True)
    assert not (tmp_path / "three").exists()
    with pytest.raises(kinfo.KinfoError, match="exists already"):
        kinfo.core(whole, tmp_path / "two", only_kernel=True)


def test_types_of_another_file(kinfo_cli: Cli, tmp_path: Path) -> None:
    found = made(SPECS["arm64"], has_types=False)
    written(found, tmp_path / "whole")
    (tmp_path / "btf").write_bytes(btf(found.kernel.spec))
    command = ("core", tmp_path / "whole", "--btf", tmp_path / "btf", "-o", tmp_path / "part")
    assert "; name" in kinfo_cli("core", tmp_path / "whole", "--only", "kernel", "-o", tmp_path / "none").err
    ran = kinfo_cli(*command, "--only", "kernel")
    assert "tasks 24.2 KiB, stacks 216 KiB, per-CPU variables " in ran.err
    ran = kinfo_cli(*command)
    assert (ran.code, "--btf says where tasks are, for --only kernel" in ran.err) == (2, True)


def test_words_of_the_command_line(kinfo_cli: Cli, tmp_path: Path) -> None:
    ran = kinfo_cli("core", "x", "--only", "user", "-o", tmp_path / "out")
    assert ran.code == 2
    assert "'user' is not 'kernel'" in ran.err
    make(Spec(arch="arm")).write_elf(tmp_path / "arm", cls=32)
    ran = kinfo_cli("core", tmp_path / "arm", "--only", "kernel", "-o", tmp_path / "out")
    assert (ran.code, (tmp_path / "out").exists()) == (2, False)


def test_readelf_takes_it(tmp_path: Path) -> None:
    if not shutil.which("readelf"):
        pytest.skip("readelf is not installed")
    kinfo.core(written(made(SPECS["arm64"]), tmp_path / "whole"), tmp_path / "part", only_kernel=True)
    done = subprocess.run(["readelf", "-hlnW", tmp_path / "part"], capture_output=True, text=True, check=True)
    assert "CORE (Core file)" in done.stdout
    assert "arning" not in done.stdout + done.stderr


# Real kernels: the same answers, and nothing that a process of the guest had


def unpacked(packed: Path, path: Path) -> Path:
    with packed.open("rb") as source, path.open("wb") as out:
        zstandard.ZstdDecompressor().copy_stream(source, out)
    return path


REAL = ["ram", "crash-6.18", "6.1", "6.12"]


@pytest.fixture(scope="module", params=REAL)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path, list[str]]:
    """A booted kernel's whole memory, the part, and how its record is named."""
    folder, name = tmp_path_factory.mktemp("real"), request.param
    if name in ("6.1", "6.12"):
        if not (GUESTS / name / "ram.elf").is_file():
            pytest.skip(f"no guest {name} here: make it with `python -m tools.guests {name}`")
        whole, record = GUESTS / name / "ram.elf", ["--kinfo", str(GUESTS / name / "kinfo.bin")]
    else:
        samples = request.getfixturevalue("real_samples") / name
        packed = samples / ("ram.elf.zst" if name == "ram" else "crash.elf.zst")
        if not packed.is_file():
            pytest.skip(f"no {packed.name} among the real samples")
        whole = unpacked(packed, folder / "whole")
        record = [] if name == "ram" else ["--kinfo", str(samples / "kinfo.bin")]
    kinfo.core(whole, folder / "part", only_kernel=True, kinfo=record[1] if record else None)
    return name, whole, folder / "part", record


def test_a_real_kernel_says_the_same(real: tuple[str, Path, Path, list[str]], kinfo_cli: Cli) -> None:
    _, whole, part, record = real
    assert part.stat().st_size < 50 * MIB
    commands = [("ps", "--threads"), ("backtrace", "--all"), ("symbols", "--modules"), ("dmesg",), ("lookup", "schedule")]
    for command, *options in commands:
        texts = []
        for path in (whole, part):
            ran = kinfo_cli(command, path, *options, *record)
            texts.append((ran.code, [line for line in ran.out.splitlines() if str(path) not in line]))
        assert texts[0] == texts[1], command
        assert texts[0][1], command
    known = [kinfo.info(path, record[1] if record else None) for path in (whole, part)]
    assert known[0].banner == known[1].banner
    assert [one.code for one in known[0].findings] == [one.code for one in known[1].findings]


def test_no_page_of_a_real_process_is_in_it(real: tuple[str, Path, Path, list[str]]) -> None:
    """Pages that the kernel's own lists of processes' and files' pages have: their lines of text are nowhere in the part."""
    name, whole, part, record = real
    left = part.read_bytes()
    seen = 0
    with kinfo.open_kernel(whole, record[1] if record else None) as kernel:
        pages = StructPages(kernel)
        for segment in kernel.memory.segments:
            for pa in range(segment.start, segment.end, PAGE):
                if pages.is_of_process(pa) and any(content := kernel.memory.read(pa, PAGE)):
                    seen += 1
                    assert content not in left, hex(pa)
    assert seen > 20, "the marker must be in the whole dump"
    if name == "ram":
        script = b"/bin/busybox cat /proc/kallsyms | show kallsyms.txt"  # of the guest's init, a page of a file
        assert script in whole.read_bytes()
        assert script not in left


def test_vmcore_dmesg_reads_the_log_of_it(real: tuple[str, Path, Path, list[str]]) -> None:
    program = shutil.which("vmcore-dmesg")
    if not program:
        pytest.skip("vmcore-dmesg is not installed")
    _, whole, part, record = real
    done = subprocess.run([program, part], capture_output=True, check=True)
    lines = [line.partition(b"] ")[2] for line in done.stdout.splitlines()]
    log = kinfo.dmesg(whole, record[1] if record else None)
    wanted = [line.encode("utf-8", "surrogateescape") for one in log.messages for line in one.text.split("\n")]
    assert len(lines) == len(wanted)
    assert sum(one == other for one, other in zip(lines, wanted, strict=True)) > 0.95 * len(lines)


def test_drgn_opens_it(real: tuple[str, Path, Path, list[str]]) -> None:
    drgn = pytest.importorskip("drgn", reason="drgn is not installed: pip install drgn")
    _, whole, part, record = real
    program = drgn.Program()
    program.set_core_dump(str(part))
    assert program.flags & drgn.ProgramFlags.IS_LINUX_KERNEL
    with kinfo.open_kernel(whole, record[1] if record else None) as kernel:
        assert kernel.space
        va = kernel.space.va(kernel.kallsyms.borders.stext)
        assert program.read(va, 64) == kernel.space.read(va, 64)
        module = kernel.modules.all[0] if kernel.modules else None
        assert module
        at = module.ranges[0].start  # through drgn's own walk of the page tables
        assert program.read(at, 64) == kernel.space.read(at, 64)
        for task in kernel.tasks().all:
            assert program.read(task.va, 64) == kernel.space.read(task.va, 64)
            assert program.read(task.stack, 64) == kernel.space.read(task.stack, 64)
