"""32-bit arm: page tables in both formats, and what is read by them: addresses, tasks, the log, cores; what is not."""

from __future__ import annotations

import dataclasses
import io
import random
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.arch import arm
from kinfo.errors import HoleError, KernelError
from kinfo.kernel.boot.linear_map import linear_map
from kinfo.kernel.boot.slide import slide
from kinfo.kernel.boot.summary import summary
from kinfo.kernel.paging import formats
from kinfo.kernel.paging.walk import find, walk
from kinfo.memory import BytesDump, Memory, Segment
from tests.conftest import Cli
from tests.kernels import paging
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec, ModuleSymbol
from tests.kernels.printk import Ring
from tests.kernels.tables import Symbol
from tests.kernels.tasks import USUAL, world

MIB = 1 << 20
SHORT, LPAE, V5 = (one for one in formats.FORMATS if one.machine == formats.ARM)
READ = {"arm-short": SHORT, "arm-lpae": LPAE, "arm-v5": V5}
TABLES_PA, SLOT = 0x10000000, 64 * MIB


def tables(name: str) -> paging.PageTables:
    """Empty tables; the root is aligned as the kernel's is."""
    pages = iter(range(TABLES_PA + 0x8000, TABLES_PA + 32 * MIB, 0x1000))
    return paging.PageTables(paging.FORMATS[name], TABLES_PA, pages.__next__)


def memory_of(written: paging.PageTables) -> Memory:
    entries = dict(written.entries())
    raw = bytearray(max(entries, default=TABLES_PA) + 0x8000 - TABLES_PA)
    for place, value in entries.items():
        width = written.form.word
        raw[place - TABLES_PA : place - TABLES_PA + width] = value.to_bytes(width, "little")
    return Memory("tables", [Segment(TABLES_PA, TABLES_PA + len(raw), BytesDump(bytes(raw), "tables"), 0)])


@st.composite
def maps(draw: st.DrawFn, name: str) -> list[tuple[int, int, int, bool, bool]]:
    """Maps that do not touch: VA, PA, bytes, whether code may run there, whether large blocks are used."""
    high = {"arm-short": 1 << 20, "arm-lpae": 1 << 28, "arm-v5": 1 << 20}[name] - 0x10000  # of a page's number
    found = []
    for slot in draw(st.lists(st.integers(0, (1 << 32) // SLOT - 1), unique=True, max_size=5)):
        step = 1 << draw(st.sampled_from((0, 4, 8, 12)))  # pages: so that large pages, sections and supersections fit
        va = slot * SLOT + draw(st.integers(0, 0x2000 // step)) * step * 0x1000
        size = draw(st.integers(1, 16)) * draw(st.sampled_from((1, 16, 256))) * 0x1000
        pa = draw(st.integers(0, high // step)) * step * 0x1000
        is_code, blocks = draw(st.booleans()), size > 4 * MIB or draw(st.booleans())
        found.append((va, pa, size, is_code, blocks))
    return found


@pytest.mark.parametrize("name", READ)
@given(data=st.data())
def test_random_maps_are_walked_as_they_were_written(name: str, data: st.DataObject) -> None:
    written, wanted = tables(name), data.draw(maps(name))
    for va, pa, size, is_code, blocks in wanted:
        written.map(va, pa, size, is_code, blocks=blocks)
    memory, form = memory_of(written), READ[name]
    for va, pa, size, is_code, _ in wanted:
        for at in {0, size - 1, *(data.draw(st.integers(0, size - 1)) for _ in range(4))}:
            found = walk(memory, TABLES_PA, form, va + at)
            own = paging.walk(memory.read, TABLES_PA, va + at, name)
            assert found
            assert own
            assert found.pa + va + at - found.va == pa + at == own.pa
            assert found.is_executable == (is_code or name == "arm-v5") == own.executable
            assert found.size == own.size
            assert found.va % found.size == 0
        for outside in (va - 1, va + size):
            is_free = not any(start <= outside < start + length for start, _, length, _, _ in wanted)
            if is_free and 0 <= outside < 1 << 32:
                assert walk(memory, TABLES_PA, form, outside) is None
        if is_code:
            middle = pa + size // 2
            assert va + size // 2 in [one.va + middle - one.pa for one in find(memory, TABLES_PA, form, middle, upwards=True)]
    assert walk(memory, TABLES_PA, form, 1 << 32) is None


@pytest.mark.parametrize("form", READ.values(), ids=lambda form: form.name)
@given(seed=st.integers(0, 1 << 32), va=st.integers(0, (1 << 32) - 1))
def test_tables_of_noise_end(form: formats.PageFormat, seed: int, va: int) -> None:
    raw = random.Random(seed).randbytes(1 << 16)
    memory = Memory("noise", [Segment(0, len(raw), BytesDump(raw, "noise"), 0)])
    try:
        found = walk(memory, 0, form, va)
    except HoleError:
        return
    assert found is None or found.va <= va < found.va + found.size


@pytest.mark.parametrize(
    ("form", "level", "raw", "wanted"),
    [
        (SHORT, 1, 0x0, None),
        (SHORT, 1, 0x4031140E, (0x40300000, 1 << 20, True)),
        (SHORT, 1, 0x4031141E, (0x40300000, 1 << 20, False)),
        (SHORT, 1, 0x4031140F, (0x40300000, 1 << 20, False)),  # PXN
        (SHORT, 1, 0x4155155E, (0xA5_41000000, 1 << 24, False)),  # a supersection: PA bits 39:32 at 8:5 and 23:20
        (SHORT, 1, 0x4031AC11, (0x4031AC00, 0, True)),
        (SHORT, 1, 0x4031AC15, (0x4031AC00, 0, False)),  # PXN of a table
        (SHORT, 0, 0x4031A45F, (0x4031A000, 1 << 12, False)),
        (SHORT, 0, 0x4031A45E, (0x4031A000, 1 << 12, True)),
        (SHORT, 0, 0x4031F45D, (0x40310000, 1 << 16, False)),  # a large page: bit 15 is XN, 14:12 are TEX
        (SHORT, 0, 0x4031745D, (0x40310000, 1 << 16, True)),
        (SHORT, 0, 0x4031A45C, None),
        (V5, 1, 0x40300C1E, (0x40300000, 1 << 20, True)),  # bit 4 is always set there
        (V5, 1, 0x40300C13, None),  # tables of 1 KiB pages: no Linux has them
        (V5, 0, 0x4031A55E, (0x4031A000, 1 << 12, True)),
        (LPAE, 2, 0x40205003, (0x40205000, 0, True)),
        (LPAE, 1, 0x0000000840200711, (0x840200000, 1 << 21, True)),
        (LPAE, 1, 0x0040000840200711, (0x840200000, 1 << 21, False)),  # XN
        (LPAE, 0, 0x0020000840201713, (0x840201000, 1 << 12, False)),  # PXN
        (LPAE, 0, 0x0380000840201713, (0x840201000, 1 << 12, True)),  # bits that the kernel keeps for itself
        (LPAE, 0, 0x0000000840201711, None),
        (LPAE, 1, 0x1000000840205003, (0x840205000, 0, False)),  # XNTable
    ],
)
def test_entries(form: formats.PageFormat, level: int, raw: int, wanted: tuple[int, int, bool] | None) -> None:
    assert form.entry(raw, level) == wanted


# Kernels


def opened(kernel: Kernel, folder: Path, **how: object) -> kinfo.Kernel:
    kernel.write_elf(folder / "ram.elf", **({"cls": 32} if kernel.end <= 1 << 32 else {}), **how)  # type: ignore[arg-type]
    return kinfo.open_kernel(folder / "ram.elf")


PLACES = {
    "3G": {},
    "3G, RAM above it": {"phys_base": 0xD0000000},
    "3G_OPT": {"linear_va": 0xB0000000},
    "2G": {"linear_va": 0x80000000, "phys_base": 0x10000000},
    "1G": {"linear_va": 0x40000000, "phys_base": 0x60000000},
}


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("place", PLACES)
def test_every_split(name: str, place: str, tmp_path: Path) -> None:
    made = make(Spec(arch="arm", page_format=name, **PLACES[place]))  # type: ignore[arg-type]
    with opened(made, tmp_path) as kernel:
        assert kernel.space
        assert kernel.space.half == made.spec.linear - 16 * MIB
        found = linear_map(kernel)
        assert (found.shift, found.phys_offset) == (made.linear_voffset % (1 << 64), made.base)
        assert found.sources == ("the page tables' linear map",)
        assert slide(kernel) == (0, made.text_va, "32-bit arm, which has no KASLR")
        for symbol in made.symbols:
            if symbol.name not in ("_end", "_einittext"):
                assert kernel.space.pa(symbol.va) == symbol.pa
                place_of = kernel.at(symbol.va)
                assert place_of
                assert place_of.offset == 0
        for one in made.module_symbols:
            assert kernel.space.pa(one.va) == one.pa
        assert [one.name for one in summary(kernel).modules] == ["gamma", "beta", "alpha"]
        assert kernel.findings == ()


def test_sections_of_arm_v5_are_told_by_what_may_run(tmp_path: Path) -> None:
    """Bit 4 of a section is always set there, and read as XN no code of the image could run."""
    spec = Spec(arch="arm", page_format="arm-v5", text_pa=0x800F0000, count=8000)  # text from 0x80100000 on
    made = make(spec)
    walked = made.walk(made.va("text") + 2 * MIB)
    assert walked
    assert walked.size == 1 * MIB
    with opened(made, tmp_path) as kernel:
        assert kernel.space
        assert kernel.space.form == V5


def test_a_kernel_that_runs_from_flash_is_near_no_page_offset() -> None:
    assert arm.page_offset(0xBF010000) is None
    assert arm.page_offset(0xC0008000) == 0xC0000000
    assert arm.page_offset(0xB0008000) == 0xB0000000
    assert arm.page_offset(0x3F010000) is None
    assert arm.voffset(arm.voffset(0x1234)) == 0x1234


def test_functions_of_thumb_modules_begin_at_even_addresses(tmp_path: Path) -> None:
    """Bit 0 of st_value says that a function is Thumb's; the kernel takes it away since 5.0."""
    functions = [ModuleSymbol("thumb_open", "text", 0x101, "t"), ModuleSymbol("thumb_read", "text", 0x201, "t")]
    data = [ModuleSymbol("thumb_odd", "data", 0x11, "d"), ModuleSymbol("__this_module", "data", 0x40, "d", 0x400)]
    made = make(Spec(arch="arm", modules=[ModuleSpec("thumb", symbols=[*functions, *data])]))
    with opened(made, tmp_path) as kernel:
        assert kernel.modules
        [module] = kernel.modules.all
        wanted = {one.name: one.va - (one.type == "t") for one in made.module_symbols}
        assert {one.name: one.va for one in module.symbols} == wanted
        place = kernel.at(wanted["thumb_read"])
        assert place
        assert place.label.startswith("thumb_read+0x0/")


@pytest.mark.parametrize("wrong", [0, 0x100000])
def test_pv_offset_is_held_against_the_tables(wrong: int, tmp_path: Path) -> None:
    spec = Spec(arch="arm", phys_base=0xE0000000)
    extra = [Symbol("__pv_offset", "D", make(spec).places["data"] + 0x3000)]
    made = make(dataclasses.replace(spec, extra=extra))
    offset = made.base - made.spec.linear + wrong
    made.poke(made.pa("data") + 0x3000, offset.to_bytes(8, "little"))
    with opened(made, tmp_path) as kernel:
        found = summary(kernel)
        if not wrong:
            assert found.findings == ()
            assert found.linear.sources == ("__pv_offset", "the page tables' linear map")
            assert found.linear.phys_offset == made.base
        else:
            codes = [one.code for one in found.findings]
            assert codes == ["kernel-voffset", "kernel-phys-offset"]


@pytest.mark.parametrize(("line", "is_foreign"), [("CONFIG_ARM_LPAE=y", True), ("", False)])
def test_a_note_of_a_kernel_with_lpae(line: str, is_foreign: bool, tmp_path: Path) -> None:
    made = make(Spec(arch="arm"))
    info = f"SYMBOL(_stext)={made.find('_stext').va:x}\nSYMBOL(swapper_pg_dir)={made.root_pa + made.voffset:x}\n{line}\n"
    with opened(made, tmp_path, info=info) as kernel:
        codes = [one.code for one in summary(kernel).findings]
        assert ("kernel-foreign-note" in codes) == is_foreign


def test_a_wrong_digit_in_vmcoreinfo_names_no_symbol_by_its_neighbour(tmp_path: Path) -> None:
    """Arm's VMCOREINFO has no distance between VA and PA: its symbols are held against the tables all the same."""
    made = make(Spec(arch="arm"))
    made.poke(made.record_pa, bytes(len(made.record)))
    names = ("names", "num_syms", "token_table", "token_index", "offsets", "relative_base")
    vas = {f"kallsyms_{name}": made.addresses[name] + made.voffset for name in names}
    vas |= {
        name: made.find(name).va
        for name in ("_stext", "linux_banner", "init_uts_ns")
        if name in {s.name for s in made.symbols}
    }
    vas["swapper_pg_dir"] = made.root_pa + made.voffset
    for moved in (0, 4, -4):
        lines = [f"SYMBOL({name})={va + (moved if name == 'kallsyms_offsets' else 0):x}" for name, va in vas.items()]
        made.write_elf(tmp_path / "ram.elf", cls=32, info="\n".join(lines) + "\n")
        if moved:
            with pytest.raises(kinfo.KinfoError):
                kinfo.open_kernel(tmp_path / "ram.elf")
            continue
        with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
            assert [(one.name, one.address) for one in kernel.symbols()] == [(one.name, one.va) for one in made.symbols]
            assert kernel.space
            assert kernel.space.form == SHORT


def test_without_names_of_data_the_image_ends_behind_vmcoreinfo_s_symbols(tmp_path: Path) -> None:
    """All of low memory is mapped at the image's distance: the page tables do not tell where it ends."""
    made = make(Spec(arch="arm", keep_all=False))
    made.poke(made.record_pa, bytes(len(made.record)))
    names = ("names", "num_syms", "token_table", "token_index", "offsets", "relative_base")
    vas = {f"kallsyms_{name}": made.addresses[name] + made.voffset for name in names}
    vas |= {"_stext": made.find("_stext").va, "swapper_pg_dir": made.root_pa + made.voffset, "mem_map": made.va("bss")}
    vas["mem_section"] = made.base + 7 * MIB + made.voffset
    info = "".join(f"SYMBOL({name})={va:x}\n" for name, va in vas.items())
    with opened(made, tmp_path, info=info) as kernel:
        assert kernel.kallsyms.borders.end == made.pa("bss") + 0x1000


# What is read by the addresses


@pytest.mark.parametrize("name", ["arm-short", "arm-lpae"])
def test_tasks(name: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    spec = Spec(arch="arm", page_format=name, phys_base=0x8_8000_0000 if name == "arm-lpae" else None)
    made = world(spec, running={0: 40, 1: 51})
    with opened(made.kernel, tmp_path) as kernel:
        tasks = kernel.tasks()
        assert tasks.findings == ()
        assert [(one.pid, one.comm) for one in tasks if one.pid] == [(one.pid, one.comm) for one in USUAL]
        wanted = {one.pid: (one.parent, one.cpu if one.pid not in (40, 51) else {40: 0, 51: 1}[one.pid]) for one in USUAL}
        assert {one.pid: (one.ppid, one.cpu) for one in tasks if one.pid} == wanted
        assert {one.pid: one.va for one in tasks if one.pid} == {one.pid: made.placed[one.pid].va for one in USUAL}
        assert [one.pid for one in tasks.running] == [40, 51]
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--threads")
    assert (ran.code, "server-io" in ran.out) == (0, True)


def test_stacks_are_refused_in_words(tmp_path: Path, kinfo_cli: Cli) -> None:
    """Before types are asked for, which would not help."""
    for made in (world(Spec(arch="arm")).kernel, make(Spec(arch="arm"))):
        made.write_elf(tmp_path / "ram.elf", cls=32)
        registers = tmp_path / "cpus.txt"
        registers.write_text("PC=0xc0010000\n")
        for words in ((), ("--registers", registers), ("--all",)):
            ran = kinfo_cli("backtrace", tmp_path / "ram.elf", *words)
            assert (ran.code, ran.out) == (2, "")
            assert "the stacks of arm (32-bit) kernels are not read; `kinfo ps` lists the tasks" in ran.err
        with kinfo.open_kernel(tmp_path / "ram.elf") as kernel, pytest.raises(KernelError, match="are not read"):
            kernel.backtraces()


@pytest.mark.parametrize("base", [0x80000000, 0xD0000000, 0x8_8000_0000])
def test_the_log_outside_the_image(base: int, tmp_path: Path) -> None:
    """Where log_buf_len= put it: in low memory, above 4 GiB too."""
    spec = Spec(arch="arm", page_format="arm-lpae", phys_base=base)
    extra = [Symbol("prb", "d", make(spec).places["data"] + 0x3000)]
    made = make(dataclasses.replace(spec, extra=extra))
    at = 6 * MIB + made.spec.linear
    where = {"ring": at, "descs": at + 0x200, "infos": at + 0x600, "text": at + 0x1200}
    ring = Ring(word=4)
    for number in range(5):
        ring.store(b"message %d" % number, number)
    for va, data in ring.pieces(where).items():
        made.poke(va - made.linear_voffset, data)
    made.poke(made.pa("data") + 0x3000, at.to_bytes(4, "little"))
    for is_cut in (False, True):
        holes = [(made.root_pa, made.root_pa + 0x1000)] if is_cut else []
        with opened(made, tmp_path, holes=holes) as kernel:
            assert [one.text for one in kernel.log().messages] == [f"message {number}" for number in range(5)]


def loads(path: Path) -> tuple[int, list[tuple[int, int, int]]]:
    elf = ELFFile(io.BytesIO(path.read_bytes()))
    found = [(one["p_vaddr"], one["p_paddr"], one["p_filesz"]) for one in elf.iter_segments() if one["p_type"] == "PT_LOAD"]
    return elf.elfclass, found


def test_a_core_has_no_va_for_high_memory(tmp_path: Path) -> None:
    made = make(Spec(arch="arm"))
    made.write_elf(tmp_path / "ram.elf", cls=32)
    (tmp_path / "high").write_bytes(bytes(2 * MIB))
    parts = [str(tmp_path / "ram.elf"), f"{tmp_path / 'high'}@0xb0000000"]
    kinfo.core(parts, tmp_path / "out.core")
    bits, found = loads(tmp_path / "out.core")
    image = made.pa("end") - made.spec.text
    assert bits == 32
    assert found == [
        (made.text_va, made.spec.text, image),
        (0xC0000000, made.base, len(made.memory)),
        (0xFFFFFFFF, 0xB0000000, 2 * MIB),
    ]
    with kinfo.open_kernel(tmp_path / "out.core") as kernel:
        assert [(one.name, one.address) for one in kernel.symbols()] == [(one.name, one.va) for one in made.symbols]


def test_a_core_of_memory_above_4_gib_has_64_bits(tmp_path: Path) -> None:
    made = make(Spec(arch="arm", page_format="arm-lpae", phys_base=0x8_8000_0000))
    made.write_elf(tmp_path / "ram.elf")
    kinfo.core([tmp_path / "ram.elf"], tmp_path / "out.core")
    bits, found = loads(tmp_path / "out.core")
    assert bits == 64
    assert (0xC0000000, made.base, len(made.memory)) in found
    with kinfo.open_kernel(tmp_path / "out.core") as kernel:
        assert b"CONFIG_ARM_LPAE=y\n" in kernel.memory.vmcoreinfo
        assert b"phys_base" not in kernel.memory.vmcoreinfo
        assert kernel.space
        assert kernel.space.form == LPAE
        assert summary(kernel).findings == ()


def test_only_kernel_is_refused_in_words(tmp_path: Path, kinfo_cli: Cli) -> None:
    world(Spec(arch="arm")).kernel.write_elf(tmp_path / "ram.elf", cls=32)
    ran = kinfo_cli("core", tmp_path / "ram.elf", "--only", "kernel", "-o", tmp_path / "out.core")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "where arm (32-bit) kernels have their struct pages is not read" in ran.err


def test_debuggers(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = make(Spec(arch="arm"))
    made.write_elf(tmp_path / "ram.elf", cls=32)
    crash = kinfo_cli("debug", tmp_path / "ram.elf", "--tool", "crash").out
    assert crash == (
        "# crash 8.0.2 or later, built for 32-bit arm: `make target=ARM` on x86-64, "
        "where Debian's own crash refuses the dump\n"
        f"crash -m phys_base=0x80000000 vmlinux {tmp_path / 'ram.elf'}\n"
    )
    ran = kinfo_cli("debug", tmp_path / "ram.elf", "--tool", "drgn")
    assert ran.code == 2
    assert ran.err == (
        "kinfo: drgn does not translate virtual addresses of arm (32-bit) kernels; take --tool crash or --tool gdb\n"
    )


def test_a_slide_that_vmcoreinfo_states_is_not_held_against_x86_64(tmp_path: Path) -> None:
    """No release moves 32-bit arm; a kernel that says it was moved, in lines that are borne out, is believed."""
    made = make(Spec(arch="arm"))
    info = f"SYMBOL(_stext)={made.find('_stext').va:x}\nKERNELOFFSET=200000\n"
    with opened(made, tmp_path, info=info) as kernel:
        assert slide(kernel) == (0x200000, made.text_va - 0x200000, "the dump's VMCOREINFO note")
