"""Where the linear map, the image and the slide are: every source is held against the others, and no guess is stated."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

import kinfo
from kinfo.kernel.boot import slide, vmcoreinfo
from kinfo.kernel.boot.linear_map import TABLES, LinearMap, linear_map
from kinfo.kernel.boot.summary import summary
from tests import build_files
from tests.conftest import Cli
from tests.kernels import dumps
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.tables import Symbol

SPACE = 1 << 64
MASK = SPACE - 1
MOVED = 0x1C0000000  # what KASLR adds to where the linear map begins
NAMES = ("memstart_addr", "page_offset_base", "kimage_voffset", "phys_base", "vmcoreinfo_data")
FORMS: dict[str, dict[str, Any]] = {
    "arm64-4k-39": {},
    "arm64-4k-48": {},
    "arm64-4k-52": {},
    "arm64-16k-47": {},
    "arm64-16k-52": {},
    "arm64-64k-42": {},
    "arm64-64k-52": {"actual_bits": 48},
    "x86-4": {"arch": "x86"},
    "x86-5": {"arch": "x86"},
}
PAGE_PA = 0x500000  # from the start of RAM: a page that nothing uses


def kernel_of(form: str = "arm64-4k-39", *variables: str, **more: Any) -> Kernel:
    """A kernel whose linear map KASLR moved, and whose image has these variables, with what a kernel has in them."""
    spec = Spec(page_format=form, **FORMS[form] | more)
    spec = replace(spec, linear_va=spec.linear + MOVED)
    data = make(spec).places["data"] + 0x9000
    listed = [Symbol(name.encode(), "D", data + 8 * NAMES.index(name)) for name in variables]
    kernel = make(replace(spec, extra=listed))
    own = {
        "memstart_addr": phys_offset(kernel),
        "page_offset_base": kernel.spec.linear - kernel.base,
        "kimage_voffset": kernel.voffset,
        "phys_base": 0xFFFFFFFF80000000 - kernel.voffset,
        "vmcoreinfo_data": kernel.spec.linear + PAGE_PA,
    }
    for name in variables:
        put(kernel, name, own[name])
    return kernel


def put(kernel: Kernel, name: str, value: int) -> None:
    pa = kernel.find(name).pa
    assert pa
    kernel.poke(pa, (value & MASK).to_bytes(8, "little"))


def phys_offset(kernel: Kernel) -> int:
    """As the kernel has it: counted with the VA bits that it was built for."""
    form = kernel.spec.form
    assert form
    return kernel.base - (kernel.spec.linear - (SPACE - (1 << form.va_bits))) & MASK


def linear_tables(kernel: Kernel) -> tuple[int, int]:
    """The table below the root that leads to the linear map, as a hole."""
    assert kernel.tables
    index = kernel.tables._index(kernel.spec.linear, kernel.tables.form.shifts[0])
    table = kernel.tables._children[kernel.root_pa + 8 * index]
    return table, table + kernel.spec.page


def note(kernel: Kernel, **changed: str) -> dict[str, str]:
    """What the kernel's own VMCOREINFO would say."""
    form = kernel.spec.form
    assert form
    stext = kernel.find("_stext")
    values = {
        "OSRELEASE": kernel.spec.release,
        "PAGESIZE": f"{form.page}",
        "SYMBOL(_stext)": f"{stext.va:x}",
        "SYMBOL(swapper_pg_dir)": f"{kernel.root_pa + kernel.voffset:x}",
        "KERNELOFFSET": "12610000",
    }
    if kernel.spec.arch == "arm64":
        values |= {"NUMBER(kimage_voffset)": f"{kernel.voffset:#x}", "NUMBER(PHYS_OFFSET)": f"{phys_offset(kernel):#x}"}
        values |= {"NUMBER(TCR_EL1_T1SZ)": f"{64 - (kernel.spec.actual_bits or form.va_bits):#x}"}
    else:
        values["NUMBER(phys_base)"] = f"{0xFFFFFFFF80000000 - kernel.voffset}"
    return values | changed


def text(values: dict[str, str]) -> bytes:
    return "".join(f"{key}={value}\n" for key, value in values.items()).encode()


def write(kernel: Kernel, path: Path, values: dict[str, str]) -> Path:
    """A core with this VMCOREINFO for its note."""
    lines = "\n".join((values["OSRELEASE"], *(f"{key}={value}" for key, value in values.items() if key != "OSRELEASE")))
    dumps.write_elf(path, kernel._pieces(()), dumps.MACHINES[kernel.spec.arch], 64, lines, int(values["PAGESIZE"]))
    return path


def found(kernel: Kernel, path: Path, *holes: tuple[int, int]) -> LinearMap:
    kernel.write_elf(path, holes=holes)
    with kinfo.open_kernel(str(path)) as opened:
        return linear_map(opened)


def codes(opened: kinfo.Kernel) -> dict[str, str]:
    return {finding.code: finding.message for finding in summary(opened).findings}


class TestLinearMap:
    @pytest.mark.parametrize("form", FORMS)
    def test_by_the_page_tables(self, tmp_path: Path, form: str) -> None:
        kernel = kernel_of(form)
        linear = found(kernel, tmp_path / "ram.elf")
        assert (linear.shift, linear.sources, linear.findings) == (kernel.linear_voffset & MASK, (TABLES,), ())
        assert linear.is_narrow == (form in ("arm64-4k-48", "arm64-16k-47"))
        assert linear.phys_offset == (phys_offset(kernel) if kernel.spec.arch == "arm64" else None)

    @pytest.mark.parametrize("release", ["4.19.1", "5.3.1"])
    def test_kernels_with_the_linear_map_above(self, tmp_path: Path, release: str) -> None:
        start = SPACE - (1 << 38)
        spec = Spec(
            release,
            linear_va=start + MOVED,
            kimage_va=SPACE - (1 << 39) + 0x8210000 + 0x12600000,
            module_va=SPACE - (1 << 39),
        )
        kernel = make(spec)
        linear = found(kernel, tmp_path / "ram.elf")
        assert (linear.shift, linear.phys_offset) == (kernel.linear_voffset & MASK, kernel.base - MOVED & MASK)

    @pytest.mark.parametrize("form", FORMS)
    def test_by_the_variable_where_the_tables_are_missing(self, tmp_path: Path, form: str) -> None:
        name = "page_offset_base" if form.startswith("x86") else "memstart_addr"
        kernel = kernel_of(form, name)
        linear = found(kernel, tmp_path / "ram.elf", linear_tables(kernel))
        assert (linear.shift, linear.sources, linear.findings) == (kernel.linear_voffset & MASK, (name,), ())

    @pytest.mark.parametrize("form", FORMS)
    def test_a_hole_is_not_an_empty_table(self, tmp_path: Path, form: str) -> None:
        kernel = kernel_of(form)
        linear = found(kernel, tmp_path / "ram.elf", linear_tables(kernel))
        assert (linear.shift, linear.phys_offset, linear.sources) == (None, None, ())
        assert [finding.code for finding in linear.findings] == ["kernel-no-linear-map"]

    def test_two_numbers_of_a_kernel_for_52_bits_on_a_cpu_with_48(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of("arm64-4k-48", "memstart_addr")
        own = phys_offset(kernel) - 0x000F000000000000 & MASK
        put(kernel, "memstart_addr", own)
        linear = found(kernel, tmp_path / "ram.elf")
        assert (linear.phys_offset, linear.va_bits, linear.used) == (own, 52, phys_offset(kernel))
        assert linear.sources == ("memstart_addr", TABLES)
        out = kinfo_cli("info", tmp_path / "ram.elf").out
        assert f"  PHYS_OFFSET     {own:#x}, by memstart_addr and {TABLES}\n" in out
        assert f"it counts with 52 VA bits; with those in use it is {phys_offset(kernel):#x} (crash wants that)\n" in out
        lines = kinfo_cli("debug", tmp_path / "ram.elf", "--tool", "crash").out.splitlines()
        assert lines[-1] == f"crash -m phys_offset={phys_offset(kernel):#x} vmlinux kinfo.core"
        assert f"-m phys_offset={phys_offset(kernel):#x} " in lines[1]
        assert kinfo_cli("core", tmp_path / "ram.elf", "-o", tmp_path / "core").code == 0
        with kinfo.open_kernel(str(tmp_path / "core")) as opened:
            assert b"NUMBER(VA_BITS)=52\n" in opened.memory.vmcoreinfo
            assert f"NUMBER(PHYS_OFFSET)={own:#x}\n".encode() in opened.memory.vmcoreinfo
            assert vmcoreinfo.belongs(opened)

    @pytest.mark.parametrize(("form", "name"), [("arm64-4k-39", "memstart_addr"), ("x86-4", "page_offset_base")])
    def test_a_draw_gives_nothing(self, tmp_path: Path, kinfo_cli: Cli, form: str, name: str) -> None:
        kernel = kernel_of(form, name)
        right = phys_offset(kernel) if name == "memstart_addr" else kernel.spec.linear
        put(kernel, name, right + (1 << 30))
        linear = found(kernel, tmp_path / "ram.elf")
        assert (linear.shift, linear.phys_offset) == (None, None)
        said = f"{right + (1 << 30) & MASK:#x} by {name}, {right:#x} by {TABLES}: which is right cannot be told"
        assert [(finding.code, finding.message) for finding in linear.findings] == [("kernel-phys-offset", said)]
        ran = kinfo_cli("core", tmp_path / "ram.elf", "-o", tmp_path / "core")
        assert (ran.code, ran.err.splitlines()[0].startswith(f"kinfo: error kernel-phys-offset: {said}")) == (1, True)
        assert loads(tmp_path / "core")[-1][0] == kernel.base

    def test_two_against_one(self, tmp_path: Path) -> None:
        kernel = kernel_of("arm64-4k-39", "memstart_addr")
        wrong = note(kernel, **{"NUMBER(PHYS_OFFSET)": "0x40000000"})
        with kinfo.open_kernel(str(write(kernel, tmp_path / "ram.elf", wrong))) as opened:
            linear = linear_map(opened)
            assert (linear.phys_offset, linear.sources) == (phys_offset(kernel), ("memstart_addr", TABLES))
            message = f"{phys_offset(kernel):#x} by memstart_addr, 0x40000000 by {vmcoreinfo.NOTE}, "
            assert codes(opened)["kernel-phys-offset"].startswith(message)

    def test_the_records_own(self, tmp_path: Path) -> None:
        kernel = make(Spec("5.17.1", layout="A4"))
        linear = found(kernel, tmp_path / "ram.elf")
        assert (linear.phys_offset, linear.sources) == (kernel.base, ("the record's phys_offset", TABLES))
        moved = make(Spec("5.17.1", layout="A4", linear_va=kernel.spec.linear + MOVED))  # its record says the start of RAM
        said = f"{moved.base:#x} by the record's phys_offset, {phys_offset(moved):#x} by {TABLES}: "
        assert [finding.message[: len(said)] for finding in found(moved, tmp_path / "ram.elf").findings] == [said]

    @pytest.mark.parametrize("value", [1, MASK, 0x123, 1 << 40])
    def test_what_no_kernel_has(self, tmp_path: Path, value: int) -> None:
        kernel = kernel_of("arm64-4k-39", "memstart_addr")
        put(kernel, "memstart_addr", value)
        assert found(kernel, tmp_path / "ram.elf").shift in (None, kernel.linear_voffset & MASK)
        assert found(kernel, tmp_path / "ram.elf", linear_tables(kernel)).shift is None

    @settings(max_examples=30, deadline=None)
    @given(st.sampled_from(["arm64-4k-39", "arm64-64k-42", "x86-4"]), st.data())
    def test_holes_never_make_a_wrong_one(
        self, tmp_path_factory: pytest.TempPathFactory, form: str, data: st.DataObject
    ) -> None:
        kernel = kernel_of(form)
        assert kernel.tables
        tables = [table for table in kernel.tables.tables if table != kernel.root_pa]
        missing = data.draw(st.lists(st.sampled_from(tables), unique=True))
        path = tmp_path_factory.mktemp("holes") / "ram.elf"
        linear = found(kernel, path, *((table, table + kernel.spec.page) for table in missing))
        assert linear.shift in (None, kernel.linear_voffset & MASK)


def loads(path: Path) -> list[tuple[int, int, int]]:
    """VA, PA and size of what a core holds."""
    with path.open("rb") as file:
        headers = [segment.header for segment in ELFFile(file).iter_segments("PT_LOAD")]
    return [(one.p_vaddr, one.p_paddr, one.p_filesz) for one in headers]


class TestPageTable:
    def test_other_bytes_are_no_table_of_big_pages(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        """An image alone lacks most tables: what lies behind the root can then look like a block of 512 MiB."""
        kernel = kernel_of("arm64-4k-48", modules=())
        assert kernel.root_pa % 0x10000 == 0
        kernel.poke(kernel.root_pa + 8 * 40, (kernel.base | 0x701).to_bytes(8, "little"))
        kernel.write_raw(tmp_path / "image.bin", start=kernel.spec.text, end=kernel.pa("end"))
        (tmp_path / "record.bin").write_bytes(kernel.record)
        words = (f"{tmp_path / 'image.bin'}@{kernel.spec.text:#x}", "--kinfo", tmp_path / "record.bin")
        ran = kinfo_cli("info", *words)
        assert f"  kimage_voffset  {kernel.voffset:#x}, from kallsyms_relative_base\n" in ran.out
        assert (ran.code, "kernel-voffset" in ran.out, "kernel-no-page-table" in ran.out) == (0, False, True)
        ran = kinfo_cli("core", *words, "-o", tmp_path / "core")
        assert (ran.code, ran.err.startswith("kinfo: debuggers need the kernel's page tables: ")) == (2, True)


class TestCore:
    @pytest.mark.parametrize("form", ["arm64-4k-39", "x86-4"])
    def test_the_linear_map(self, tmp_path: Path, kinfo_cli: Cli, form: str) -> None:
        kernel = kernel_of(form)
        kernel.write_elf(tmp_path / "ram.elf")
        kinfo_cli("core", tmp_path / "ram.elf", "-o", tmp_path / "core")
        assert loads(tmp_path / "core")[-1] == (kernel.spec.linear, kernel.base, len(kernel.memory))

    def test_what_is_not_known_is_said(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of()
        kernel.write_elf(tmp_path / "ram.elf", holes=[linear_tables(kernel)])
        ran = kinfo_cli("core", tmp_path / "ram.elf", "-o", tmp_path / "core")
        assert (ran.code, len(ran.err.splitlines())) == (0, 2)
        assert ran.err.startswith("kinfo: warning kernel-no-linear-map: the dump has neither memstart_addr nor VMCOREINFO")
        (image, pa, _), *others = loads(tmp_path / "core")
        assert (image, pa) == (kernel.text_va, kernel.spec.text)
        assert all(va == pa for va, pa, _ in others)

    def test_notes_stay_and_a_foreign_vmcoreinfo_goes(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of("arm64-4k-39", "memstart_addr")
        path = write(kernel, tmp_path / "ram.elf", note(kernel, OSRELEASE="9.9.9-other"))
        with_notes(path, [(b"CORE\0", 1, bytes(range(200)) + bytes(192)), (b"CORE\0", 2, b"odd"), (b"CORE\0", 1, bytes(392))])
        ran = kinfo_cli("core", path, "-o", tmp_path / "core")
        assert (ran.code, ran.err.startswith("kinfo: warning kernel-foreign-note: OSRELEASE is 9.9.9-other in it, ")) == (
            0,
            True,
        )
        with (tmp_path / "core").open("rb") as file:
            (segment,) = ELFFile(file).iter_segments("PT_NOTE")
            notes = [(one["n_name"], one["n_descdata"]) for one in segment.iter_notes()]  # type: ignore[attr-defined]
        assert [name for name, _ in notes] == ["CORE", "CORE", "CORE", "VMCOREINFO"]
        assert notes[0][1] == bytes(range(200)) + bytes(192)
        assert notes[1][1] == b"odd"
        assert b"OSRELEASE=6.12.1-test\n" in notes[3][1]

    def test_gdb_sees_the_registers(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        import shutil
        import subprocess

        gdb = shutil.which("gdb-multiarch")
        if gdb is None:
            pytest.skip("gdb-multiarch is not installed")
        kernel = kernel_of()
        kernel.write_elf(tmp_path / "ram.elf")
        pc = kernel.find("vfs_read").va
        status = bytearray(392)
        status[112 + 8 * 32 : 112 + 8 * 33] = pc.to_bytes(8, "little")  # struct elf_prstatus: pr_reg, its 33rd is pc
        with_notes(tmp_path / "ram.elf", [(b"CORE\0", 1, bytes(status))])
        kinfo_cli("core", tmp_path / "ram.elf", "-o", tmp_path / "core")
        command = [gdb, "-nx", "-batch", "-ex", f"core-file {tmp_path / 'core'}", "-ex", "p/x $pc"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert f"= {pc:#x}\n" in done.stdout


def with_notes(path: Path, notes: list[tuple[bytes, int, bytes]]) -> None:
    """Put notes into a core, before those that it has: its PT_NOTE is the first header."""
    data = bytearray(path.read_bytes())
    kind, flags, offset, va, pa, size, _, align = struct.unpack_from("<IIQQQQQQ", data, 64)
    assert kind == 4
    new = b""
    for name, number, content in notes:
        new += struct.pack("<III", len(name), len(content), number) + name + bytes(-len(name) % 4)
        new += content + bytes(-len(content) % 4)
    new += data[offset : offset + size]
    struct.pack_into("<IIQQQQQQ", data, 64, kind, flags, len(data), va, pa, len(new), len(new), align)
    path.write_bytes(data + new)


FOREIGN = {
    "OSRELEASE": "6.12.999",
    "PAGESIZE": "65536",
    "SYMBOL(_stext)": "ffffffc080010000",
    "SYMBOL(swapper_pg_dir)": "ffffffc080010000",
    "NUMBER(kimage_voffset)": "0xffff814071c00000",
    "NUMBER(TCR_EL1_T1SZ)": "0x10",
    "NUMBER(phys_base)": "4096",
    "KERNELOFFSET": "none",
    **{f"SYMBOL(kallsyms_{name})": "ffffffc092671010" for name in ("names", "token_table", "token_index")},
}


class TestNote:
    @pytest.mark.parametrize("form", FORMS)
    def test_its_own(self, tmp_path: Path, form: str) -> None:
        kernel = kernel_of(form)
        with kinfo.open_kernel(str(write(kernel, tmp_path / "ram.elf", note(kernel)))) as opened:
            assert vmcoreinfo.belongs(opened) is True
            read = vmcoreinfo.read(opened)
            assert (read.values, read.source, read.is_bound, read.findings) == (note(kernel), vmcoreinfo.NOTE, True, ())

    @pytest.mark.parametrize("key", [key for key in FOREIGN if key not in ("KERNELOFFSET", "NUMBER(phys_base)")])
    def test_another_kernels(self, tmp_path: Path, kinfo_cli: Cli, key: str) -> None:
        kernel = kernel_of("arm64-4k-39", "memstart_addr")
        wrong = note(kernel) | {"KERNELOFFSET": "111111e00000", "NUMBER(PHYS_OFFSET)": "0x40000000", key: FOREIGN[key]}
        path = write(kernel, tmp_path / "ram.elf", wrong)
        with kinfo.open_kernel(str(path)) as opened:
            assert vmcoreinfo.belongs(opened) is False
            assert vmcoreinfo.vmcoreinfo(opened) == {}
            assert codes(opened)["kernel-foreign-note"].startswith(f"{key} is {FOREIGN[key]} in it, ")
            made = summary(opened)
            assert made.linear.phys_offset == phys_offset(kernel)
            assert made.slide
            assert (made.slide.slide, made.slide.evidence) == (0x12610000, "the release's usual link address")
        assert kinfo_cli("info", path).code == 1
        lines = kinfo_cli("debug", path, "--tool", "crash").out.splitlines()
        assert lines[1].startswith("# the dump's VMCOREINFO note is not this kernel's")
        assert lines[-1] == "crash vmlinux kinfo.core"
        assert FOREIGN[key] not in kinfo_cli("debug", path, "--tool", "drgn").out

    def test_hostile_words_are_escaped(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of()
        path = write(kernel, tmp_path / "ram.elf", note(kernel, OSRELEASE="6.\x1b[31m" + "9" * 5000))
        out = kinfo_cli("info", path).out
        assert "\x1b" not in out
        assert "kernel-foreign-note  VMCOREINFO: OSRELEASE is 6.\\x1b[31m9" in out
        assert "9" * 80 not in out

    def test_x86(self, tmp_path: Path) -> None:
        kernel = kernel_of("x86-4")
        wrong = note(kernel, **{"NUMBER(phys_base)": "4096"})
        with kinfo.open_kernel(str(write(kernel, tmp_path / "ram.elf", wrong))) as opened:
            assert codes(opened)["kernel-foreign-note"].startswith("NUMBER(phys_base) is 4096 in it, ")

    def test_against_the_kernels_own_copy(self, tmp_path: Path) -> None:
        kernel = kernel_of("arm64-4k-39", "vmcoreinfo_data")
        kernel.poke(kernel.base + PAGE_PA, text(note(kernel)))
        with kinfo.open_kernel(str(write(kernel, tmp_path / "ram.elf", note(kernel, KERNELOFFSET="111111e00000")))) as opened:
            message = "KERNELOFFSET is 111111e00000 in it, 12610000 by VMCOREINFO in the RAM"
            assert codes(opened) == {"kernel-foreign-note": message}
            found_slide = slide.slide(opened)
            assert found_slide
            assert (found_slide.slide, found_slide.evidence) == (0x12610000, vmcoreinfo.IN_RAM)

    def test_it_is_found_in_the_ram_without_a_symbol(self, tmp_path: Path) -> None:
        kernel = kernel_of("arm64-4k-39", keep_all=False, modules=())
        other = note(kernel, **{"NUMBER(kimage_voffset)": "0xffff814071c00000", "KERNELOFFSET": "0"})
        kernel.poke(kernel.base + PAGE_PA - 0x1000, text(other))  # the last boot's
        kernel.poke(kernel.base + PAGE_PA, text(note(kernel)))
        hole = linear_tables(kernel)
        kernel.write_elf(tmp_path / "ram.elf", holes=[hole])
        with kinfo.open_kernel(str(tmp_path / "ram.elf")) as opened:
            assert vmcoreinfo.vmcoreinfo(opened)["KERNELOFFSET"] == "12610000"
            assert linear_map(opened).sources == (vmcoreinfo.IN_RAM,)
            assert linear_map(opened).phys_offset == phys_offset(kernel)

    def test_nothing_to_go_by(self, tmp_path: Path) -> None:
        kernel = kernel_of()
        kernel.write_elf(tmp_path / "ram.elf")
        with kinfo.open_kernel(str(tmp_path / "ram.elf")) as opened:
            assert vmcoreinfo.belongs(opened) is None


class TestSlide:
    def test_x86_without_text_in_the_record(self, tmp_path: Path) -> None:
        kernel = kernel_of("x86-4", release="6.1.5", layout="A2")
        values = note(kernel, KERNELOFFSET="1600000")
        with kinfo.open_kernel(str(write(kernel, tmp_path / "ram.elf", values))) as opened:
            found_slide = slide.slide(opened)
            assert found_slide
            assert (found_slide.slide, found_slide.evidence) == (0x1600000, vmcoreinfo.NOTE)

    @pytest.mark.parametrize("is_known", [True, False])
    def test_no_link_address_without_the_start_of_the_image(self, tmp_path: Path, kinfo_cli: Cli, is_known: bool) -> None:
        """_stext lies behind _text: what it was linked at is not the image's link address."""
        kernel = kernel_of("x86-4", release="6.1.5", layout="A2", keep_all=is_known)
        path = write(kernel, tmp_path / "ram.elf", note(kernel, KERNELOFFSET="1600000"))
        with kinfo.open_kernel(str(path)) as opened:
            found_slide = slide.slide(opened)
            assert (slide.image_start(opened) is not None) is is_known
            assert found_slide
            assert (found_slide.link is not None) is is_known
        shown = json.loads(kinfo_cli("info", path, "--format", "json").out)["virtual"]
        assert shown["kaslr_slide"] == "0x1600000"
        assert (shown["link_address"] is not None) is is_known
        row = kinfo_cli("info", path).out.partition("KASLR slide")[2].partition("\n")[0]
        assert (" above " in row) is is_known

    @pytest.mark.parametrize(
        ("page_format", "change", "border", "damaged", "wanted"),
        [
            ("arm64-4k-39", 0x1000, False, True, 0),  # no image is linked there
            ("arm64-4k-39", 0x10000000, True, True, 0),  # MODULES_END says where it was
            ("arm64-4k-39", 0x10000000, False, False, 0x10000000),  # a configuration may have moved it
            ("x86-4", 0x1000, False, True, 0),
            ("x86-4", 0x100000000, False, True, 0),  # outside of the image's map
            ("x86-4", -0x800000, False, False, -0x800000),
        ],
    )
    def test_a_wrong_digit_of_kerneloffset(
        self, page_format: str, change: int, border: bool, damaged: bool, wanted: int, tmp_path: Path
    ) -> None:
        kernel = kernel_of(page_format)
        link = kernel.text_va - kernel.spec.slide if page_format[:3] == "arm" else 0xFFFFFFFF81000000
        link -= link % (2 << 20)
        offset = kernel.text_va - link
        values = note(kernel, KERNELOFFSET=f"{offset + change:x}")
        if border:
            values["NUMBER(MODULES_END)"] = f"{link:#x}"
        with kinfo.open_kernel(str(write(kernel, tmp_path / "ram.elf", values))) as opened:
            found_slide = slide.slide(opened)
            assert found_slide
            assert found_slide.slide == offset + wanted
            finding = next(one for one in slide.check(opened) if one.code == "kernel-slide")
            assert ("the number is damaged" in finding.message) is damaged
            assert (finding.severity.value == "warning") is damaged

    def test_a_draw_gives_none(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of()
        thin = {"OSRELEASE": kernel.spec.release, "PAGESIZE": "4096", "KERNELOFFSET": "1000"}
        path = write(kernel, tmp_path / "ram.elf", thin)
        with kinfo.open_kernel(str(path)) as opened:
            assert slide.slide(opened) is None
            assert codes(opened)["kernel-slide"].startswith("0x1000 by the dump's VMCOREINFO note, 0x12610000 by the release")
        ran = kinfo_cli("debug", path, "--tool", "crash")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("kinfo: the KASLR slide is not known: 0x1000 by the dump's VMCOREINFO note, ")

    @pytest.mark.parametrize("word", ["-1000", "1001", "ffffffffffffffff0", "none"])
    def test_what_no_slide_is(self, tmp_path: Path, word: str) -> None:
        kernel = kernel_of()
        with kinfo.open_kernel(str(write(kernel, tmp_path / "ram.elf", note(kernel, KERNELOFFSET=word)))) as opened:
            found_slide = slide.slide(opened)
            assert found_slide
            assert found_slide.evidence == "the release's usual link address"


class TestBase:
    """A record made for another load address, which agrees with everything but what the kernel itself wrote down."""

    def raw(self, kernel: Kernel, folder: Path) -> tuple[Path, Path]:
        kernel.write_raw(folder / "ram.bin")
        elsewhere = make(replace(kernel.spec, phys_base=kernel.base + 0x40000000, linear_va=kernel.spec.linear))
        (folder / "other.bin").write_bytes(elsewhere.record)
        return folder / "ram.bin", folder / "other.bin"

    @pytest.mark.parametrize("source", ["the variable kimage_voffset", vmcoreinfo.IN_RAM])
    def test_refused(self, tmp_path: Path, kinfo_cli: Cli, source: str) -> None:
        kernel = kernel_of("arm64-4k-39", *(("kimage_voffset",) if "variable" in source else ()))
        if source == vmcoreinfo.IN_RAM:
            kernel.poke(kernel.base + PAGE_PA, text(note(kernel)))
        ram, other = self.raw(kernel, tmp_path)
        ran = kinfo_cli("info", ram, "--kinfo", other)
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
        assert f"by the record it begins at PA {kernel.base + 0x40000000:#x}, " in ran.err
        assert f"but {source} has {kernel.voffset:#x}, for which it begins at PA {kernel.base:#x} with" in ran.err
        assert f"kinfo build ... --phys-base {kernel.spec.text:#x}" in ran.err
        ran = kinfo_cli("info", f"{ram}@{kernel.base + 0x40000000:#x}", "--kinfo", other)  # the user's own word for it
        assert (ran.code, f"error   kernel-voffset  kimage_voffset: {source} gives {kernel.voffset:#x}, " in ran.out) == (
            1,
            True,
        )

    def test_the_right_one_is_taken(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of("arm64-4k-39", "kimage_voffset")
        kernel.write_raw(tmp_path / "ram.bin")
        ran = kinfo_cli("info", tmp_path / "ram.bin")
        assert (ran.code, f"begins at PA {kernel.base:#x}" in ran.err) == (0, True)

    def test_a_damaged_variable_is_a_finding(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of("arm64-4k-39", "kimage_voffset")
        put(kernel, "kimage_voffset", kernel.voffset + 0x200000)
        kernel.write_raw(tmp_path / "ram.bin")
        ran = kinfo_cli("info", tmp_path / "ram.bin")
        message = (
            f"the variable kimage_voffset gives {kernel.voffset + 0x200000:#x}, kallsyms_relative_base and the page table"
        )
        assert (ran.code, message in ran.out, f"begins at PA {kernel.base:#x}" in ran.err) == (1, True, True)

    def test_x86(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of("x86-4", "phys_base", phys_base=0x1000000)
        ram, other = self.raw(kernel, tmp_path)
        ran = kinfo_cli("info", ram, "--kinfo", other)
        assert (ran.code, "but the variable phys_base has" in ran.err) == (2, True)


class TestVmlinux:
    """A vmlinux that the user names is the kernel's own, or refused."""

    BUILD_ID = bytes(range(20))

    def elf_notes(self, build: bytes) -> build_files.Extra:
        data = struct.pack("<III4s", 4, len(build), 3, b"GNU\0") + build
        return build_files.Extra(".notes", data, 7, 2)

    def refused(self, kinfo_cli: Cli, ram: Path, vmlinux: Path, message: str, tool: str = "crash") -> None:
        ran = kinfo_cli("debug", ram, "--tool", tool, "--vmlinux", vmlinux)
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
        assert ran.err.startswith(f"kinfo: {vmlinux}: {message}")

    @pytest.mark.parametrize("tool", ["crash", "gdb"])
    def test_build_id(self, tmp_path: Path, kinfo_cli: Cli, tool: str) -> None:
        kernel = kernel_of()
        ram = write(kernel, tmp_path / "ram.elf", note(kernel, **{"BUILD-ID": self.BUILD_ID.hex()}))
        vmlinux = tmp_path / "vm linux"
        vmlinux.write_bytes(build_files.vmlinux(kernel, None, extras=[self.elf_notes(self.BUILD_ID)]))
        ran = kinfo_cli("debug", ram, "--tool", tool, "--vmlinux", vmlinux)
        assert (ran.code, ran.err, str(vmlinux) in ran.out) == (0, "", True)
        vmlinux.write_bytes(build_files.vmlinux(kernel, None, extras=[self.elf_notes(bytes(20))]))
        message = f"has the build id {bytes(20).hex()}, the kernel in the memory {self.BUILD_ID.hex()}; "
        self.refused(kinfo_cli, ram, vmlinux, message, tool)

    def test_banner(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel, vmlinux = kernel_of(), tmp_path / "vmlinux"
        kernel.write_elf(tmp_path / "ram.elf")
        vmlinux.write_bytes(build_files.vmlinux(kernel, None))
        assert kinfo_cli("debug", tmp_path / "ram.elf", "--tool", "crash", "--vmlinux", vmlinux).code == 0
        other = bytearray(build_files.vmlinux(kernel, None))
        at = other.index(b"#1 SMP")
        other[at : at + 2] = b"#2"
        vmlinux.write_bytes(other)
        self.refused(kinfo_cli, tmp_path / "ram.elf", vmlinux, "is 'Linux version 6.12.1-test (build@host) (gcc ")

    def test_other_files(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel, path = kernel_of(), tmp_path / "file"
        ram = tmp_path / "ram.elf"
        kernel.write_elf(ram)
        self.refused(kinfo_cli, ram, path, "No such file or directory; ")
        path.write_bytes(b"text")
        self.refused(kinfo_cli, ram, path, "is no ELF file, hence no vmlinux; ")
        path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(60))
        self.refused(kinfo_cli, ram, path, "is no ELF file, hence no vmlinux; unpack it first: zstd -dk ")
        path.write_bytes(build_files.vmlinux(kernel, None).replace(b"Linux version ", b"Other program "))
        self.refused(kinfo_cli, ram, path, "is no Linux kernel: it has no linux_banner; ")
        path.write_bytes(build_files.vmlinux(make(Spec(arch="x86")), None))
        self.refused(kinfo_cli, ram, path, "is a kernel for x86-64, the one in the memory is for arm64; ")
        path.write_bytes(build_files.vmlinux(kernel, None)[:0x2000])
        self.refused(kinfo_cli, ram, path, "")

    def test_not_for_drgn(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel_of().write_elf(tmp_path / "ram.elf")
        ran = kinfo_cli("debug", tmp_path / "ram.elf", "--tool", "drgn", "--vmlinux", "x")
        message = "kinfo: --vmlinux is for crash and gdb: drgn gets its symbols from the record; see `kinfo debug --help`\n"
        assert (ran.code, ran.err) == (2, message)

    def test_gdb_is_told_the_slide(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = kernel_of()
        kernel.write_elf(tmp_path / "ram.elf")
        vmlinux = tmp_path / "vm linux"
        vmlinux.write_bytes(build_files.vmlinux(kernel, None))
        make_core, gdb = kinfo_cli("debug", tmp_path / "ram.elf", "--tool", "gdb", "--vmlinux", vmlinux).out.splitlines()
        assert make_core == f"kinfo core {tmp_path / 'ram.elf'} -o kinfo.core"
        assert "symbol-file -o 0x12610000 " in gdb
        assert gdb.endswith(" -c kinfo.core")
