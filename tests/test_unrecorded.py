"""Kernels that no record points at: known by VMCOREINFO, in the dump's note or in its memory."""

from __future__ import annotations

import dataclasses
import io
import random
import struct
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import DrawError, KinfoError
from kinfo.kernel.boot import vmcoreinfo
from kinfo.kernel.kallsyms.find import find_all
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.unrecorded import by_vmcoreinfo
from kinfo.memory import BytesDump, Memory, Segment
from tests.conftest import Cli
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec

PAGE_PA = 0x500000  # from the start of RAM: a page that nothing uses
TABLES = ("names", "num_syms", "token_table", "token_index", "offsets", "relative_base", "addresses")
SPECS = {
    "6.1, no seqs": Spec(release="6.1.0", seqs=False),
    "6.1.y": Spec(release="6.1.99"),
    "6.1, text only": Spec(release="6.1.99", keep_all=False, count=500),
    "6.3, markers are odd": Spec(release="6.3.2", count=700),
    "6.6, x86 per-CPU": Spec(release="6.6.3", arch="x86"),
    "6.12": Spec(),
    "6.12, 16K": Spec(page_format="arm64-16k-47"),
    "6.12, VAs": Spec(encoding="absolute"),
    "6.12, text only": Spec(keep_all=False),
    "6.12, arm": Spec(arch="arm"),
    "7.0": Spec(release="7.0.2", count=900),
    "7.0, x86": Spec(release="7.0.2", arch="x86", page_format="x86-5"),
}


def without_record(spec: Spec) -> Kernel:
    kernel = make(spec)
    kernel.poke(kernel.record_pa, bytes(len(kernel.record)))
    return kernel


def info(kernel: Kernel, **changed: int) -> str:
    """What kernel/vmcore_info.c writes of addresses; `changed` adds to the VAs of symbols."""
    vas = {f"kallsyms_{name}": pa + kernel.voffset for name, pa in kernel.addresses.items() if name in TABLES}
    vas |= {"_stext": kernel.find("_stext").va, "swapper_pg_dir": kernel.root_pa + kernel.voffset}
    mask = (1 << 8 * kernel.spec.word) - 1
    lines = [f"SYMBOL({name})={va + changed.get(name, 0) & mask:x}" for name, va in vas.items()]
    if kernel.spec.arch == "arm64":
        lines.append(f"NUMBER(kimage_voffset)={kernel.voffset:#x}")
    if kernel.spec.arch == "x86":
        lines.append(f"NUMBER(phys_base)={0xFFFFFFFF80000000 - kernel.voffset}")
    return "\n".join(lines) + "\n"


def put_in_ram(kernel: Kernel, text: str, page: int = 0) -> None:
    place = kernel.base + PAGE_PA + 0x1000 * page
    kernel.poke(place, f"OSRELEASE={kernel.spec.release}\nPAGESIZE={kernel.spec.page}\n{text}".encode())


def check(kernel: Kernel, found: kinfo.Kernel) -> None:
    assert found.pointers.record is None
    assert [(one.name, one.address) for one in found.symbols()] == [(symbol.name, symbol.va) for symbol in kernel.symbols]
    for name in ("_stext", "_text") if kernel.spec.keep_all else ("_stext",):
        place = found.at(kernel.find(name).va)
        assert place
        assert place.offset == 0


@pytest.mark.parametrize("name", SPECS)
def test_the_note_says_where_the_tables_are(name: str, tmp_path: Path) -> None:
    kernel = without_record(SPECS[name])
    kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        check(kernel, found)
        assert found.pointers.source == vmcoreinfo.NOTE
        assert found.notes == (f"no record: its tables are where {vmcoreinfo.NOTE} says",)
        if kernel.spec.seqs is None:
            assert found.kallsyms.name_order
        assert found.kallsyms.has_data == kernel.spec.keep_all


def test_symbols_that_no_kernel_lists_cost_no_look_at_all_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VMCOREINFO has a dozen of them, as mem_section; note and memory have the same lines, which are held once."""
    kernel = without_record(SPECS["6.12"])
    text = info(kernel) + "".join(f"SYMBOL(not_listed_{number})=ffff800080000000\n" for number in range(9))
    put_in_ram(kernel, text)
    kernel.write_elf(tmp_path / "ram.elf", info=f"OSRELEASE={kernel.spec.release}\nPAGESIZE={kernel.spec.page}\n{text}")
    looked: list[str] = []
    held: list[object] = []
    whole, hold = Kallsyms._look_through, by_vmcoreinfo.hold

    def look_through(self: Kallsyms, wanted: str) -> list[int]:
        looked.append(wanted)
        return whole(self, wanted)

    def hold_once(kernel: kinfo.Kernel, values: Mapping[str, str]) -> None:
        held.append(values)
        hold(kernel, values)

    monkeypatch.setattr(Kallsyms, "_look_through", look_through)
    monkeypatch.setattr(by_vmcoreinfo, "hold", hold_once)
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        assert found.pointers.source == vmcoreinfo.NOTE
    assert [name for name in looked if name.startswith("not_listed")] == []
    assert len(held) == 1


@pytest.mark.parametrize("name", [name for name in SPECS if "arm" not in name])
def test_the_copy_in_the_memory_says_it_too(name: str, tmp_path: Path) -> None:
    kernel = without_record(SPECS[name])
    put_in_ram(kernel, info(kernel))
    kernel.write_lime(tmp_path / "ram.lime")
    kernel.write_raw(tmp_path / "ram.bin")
    for path in ("ram.lime", "ram.bin", f"ram.bin@{kernel.base:#x}"):
        with kinfo.open_kernel(tmp_path / path) as found:
            check(kernel, found)
            assert found.pointers.source == vmcoreinfo.IN_RAM
            assert found.memory.segments[0].start == kernel.base


@pytest.mark.parametrize("name", [name for name in SPECS if "arm" not in name])
@pytest.mark.parametrize("entries", [1, -1])
def test_tables_that_begin_an_entry_further_on_are_not_believed(name: str, entries: int, tmp_path: Path) -> None:
    """One wrong digit of an address gives every symbol the address of its neighbour; _stext has aliases that hide it."""
    kernel = without_record(SPECS[name])
    size = 8 if kernel.spec.encoding == "absolute" else 4
    moved = info(kernel, kallsyms_offsets=size * entries, kallsyms_addresses=size * entries)
    kernel.write_elf(tmp_path / "ram.elf", info=moved)
    try:
        with kinfo.open_kernel(tmp_path / "ram.elf") as found:
            check(kernel, found)
    except KinfoError as error:
        assert "VMCOREINFO" in str(error) or "kallsyms" in str(error)


def test_the_borders_are_the_symbols(tmp_path: Path) -> None:
    kernel = without_record(Spec())
    kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        borders = found.kallsyms.borders._asdict()
        assert borders == {name: kernel.find(f"_{name}").pa for name in borders}


def test_a_kernel_that_names_code_only_ends_where_its_pages_do(tmp_path: Path) -> None:
    kernel = without_record(Spec(keep_all=False))
    kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        borders = found.kallsyms.borders
        assert borders.stext == kernel.find("_stext").pa
        assert kernel.pa("rodata") - 0x10000 < borders.etext <= kernel.pa("rodata")
        assert borders.end >= kernel.pa("data")  # where the list of modules is looked for


@pytest.mark.parametrize("release", ["6.1.99", "6.12.1"])
def test_modules_need_the_record_or_types(release: str, tmp_path: Path) -> None:
    kernel = without_record(Spec(release=release, modules=(ModuleSpec("alpha"), ModuleSpec("beta"))))
    kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        assert found.modules
        assert sorted(module.name for module in found.modules.all) == ["alpha", "beta"]
        assert {finding.code for finding in found.findings} == {"kernel-no-module-ranges"}
        assert f"{vmcoreinfo.NOTE} has no offset of a module's memory" in found.findings[0].message


class TestWhatIsWrong:
    @pytest.mark.parametrize("symbol", ["kallsyms_names", "kallsyms_token_table", "kallsyms_token_index", "_stext"])
    def test_a_symbol_that_leads_astray_is_not_followed(self, symbol: str, tmp_path: Path) -> None:
        """The tables' own content is, if there is enough of it."""
        kernel = without_record(Spec())
        kernel.write_elf(tmp_path / "ram.elf", info=info(kernel, **{symbol: 8}))
        with kinfo.open_kernel(tmp_path / "ram.elf") as found:
            check(kernel, found)
            assert found.notes == (BY_CONTENT,)
        page = kernel.addresses["token_index"] & -4096
        kernel.write_elf(tmp_path / "cut.elf", info=info(kernel, **{symbol: 8}), holes=[(page, page + 4096)])
        with pytest.raises(KinfoError, match="has no record, and nothing else leads to a kernel: "):
            kinfo.open_kernel(tmp_path / "cut.elf")

    def test_a_line_that_is_no_number_is_as_if_it_were_not_there(self, tmp_path: Path) -> None:
        kernel = without_record(Spec())
        kernel.write_elf(tmp_path / "ram.elf", info=info(kernel).replace("SYMBOL(_stext)=", "SYMBOL(_stext)=x"))
        with kinfo.open_kernel(tmp_path / "ram.elf") as found:
            assert found.notes == (BY_CONTENT,)

    def test_tables_in_a_hole_are_named(self, tmp_path: Path) -> None:
        kernel = without_record(Spec())
        names = kernel.addresses["names"]
        kernel.write_elf(tmp_path / "ram.elf", info=info(kernel), holes=[(names & -0x1000, names + 0x1000 & -0x1000)])
        with pytest.raises(KinfoError, match=r"has no record, and nothing else leads to a kernel: .*: no memory at"):
            kinfo.open_kernel(tmp_path / "ram.elf")

    def test_the_note_of_another_boot_does_not_hide_the_memorys_own(self, tmp_path: Path) -> None:
        kernel = without_record(Spec())
        put_in_ram(kernel, info(kernel))
        other = make(Spec(slide=0x22600000))
        kernel.write_elf(tmp_path / "ram.elf", info=info(other))
        with kinfo.open_kernel(tmp_path / "ram.elf") as found:
            check(kernel, found)
            assert found.pointers.source == vmcoreinfo.IN_RAM

    def test_a_record_that_leads_nowhere_is_said(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = make(Spec())
        other = make(Spec(release="6.6.1", text_pa=0x80410000))
        kernel.poke(kernel.record_pa, bytes(len(kernel.record)))
        kernel.poke(kernel.record_pa, other.record)
        kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
        with kinfo.open_kernel(tmp_path / "ram.elf") as found:
            check(kernel, found)
            assert [finding.code for finding in found.told] == ["kernel-record-astray"]
            assert found.told[0].where == f"PA {kernel.record_pa:#x}"
        ran = kinfo_cli("info", str(tmp_path / "ram.elf"))
        assert ran.code == 0
        assert "warning kernel-record-astray" in ran.out

    def test_an_asked_for_record_is_not_replaced(self, tmp_path: Path) -> None:
        kernel = without_record(Spec())
        kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
        with pytest.raises(KinfoError, match="has no record at that PA"):
            kinfo.open_kernel(tmp_path / "ram.elf", 0x80700000)

    def test_there_is_no_record_to_ask_for(self, tmp_path: Path) -> None:
        kernel = without_record(Spec())
        kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
        with (
            kinfo.open_kernel(tmp_path / "ram.elf") as found,
            pytest.raises(KinfoError, match="has no record: its kernel is known by the dump's VMCOREINFO note"),
        ):
            found.record  # noqa: B018  # it is asked for here


class TestTwoKernels:
    def memory(self) -> tuple[Kernel, Kernel]:
        """Two boots in one memory, both images whole."""
        first = without_record(Spec(ram_size=24 << 20))
        second = without_record(Spec(ram_size=24 << 20, release="6.6.9", text_pa=0x80C10000))
        merged = bytearray(first.memory)
        start = second.spec.text - second.base
        merged[start : start + (8 << 20)] = second.memory[start : start + (8 << 20)]
        first.memory = second.memory = merged
        return first, second

    def test_the_note_decides(self, tmp_path: Path) -> None:
        first, second = self.memory()
        put_in_ram(first, info(first))
        put_in_ram(second, info(second), page=1)
        second.write_elf(tmp_path / "ram.elf", info=info(second))
        with kinfo.open_kernel(tmp_path / "ram.elf") as found:
            assert found.pointers.release == "6.6.9"
            assert any(note.startswith("2 kernels are in this memory; took 6.6.9: ") for note in found.notes)

    def test_a_draw_is_said(self, tmp_path: Path) -> None:
        first, second = self.memory()
        put_in_ram(first, info(first))
        put_in_ram(second, info(second), page=1)
        first.write_lime(tmp_path / "ram.lime")
        with pytest.raises(
            DrawError, match=r"2 whole kernels, and nothing tells which one ran: 6.12.1-test at PA .* 6.6.9 at PA"
        ):
            kinfo.open_kernel(tmp_path / "ram.lime")


def test_every_command_takes_such_a_memory(tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = without_record(Spec())
    kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
    ram, stext = str(tmp_path / "ram.elf"), kernel.find("_stext").va
    shown = kinfo_cli("info", ram)
    assert "none: the tables are known by the dump's VMCOREINFO note" in shown.out
    assert "  T _stext+0x0/" in kinfo_cli("lookup", ram, f"{stext:#x}").out
    assert f"{stext:016x} T _stext" in kinfo_cli("symbols", ram).out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"pc : {stext:016x}\n".encode())))
    assert "_stext+0x0/" in kinfo_cli("symbolize", ram).out
    assert kinfo_cli("core", ram, "-o", str(tmp_path / "core")).code == 0
    assert kinfo_cli("info", str(tmp_path / "core")).code == 0
    assert kinfo_cli("facts", ram).code in (0, 1)


BY_CONTENT = "no record: its tables are known by the symbol tables' own content"
BARE = {name: dataclasses.replace(spec, count=max(spec.count, 700)) for name, spec in SPECS.items() if spec.keep_all}
BARE |= {
    "4.14, u64 markers": Spec(release="4.14.7", layout="A1", count=700),
    "4.19 of 2018, VAs": Spec(release="4.19.2", layout="Z0", count=700),
    "5.4, first driver": Spec(release="5.4.1", layout="A0", count=700),
    "5.10": Spec(release="5.10.9", count=700),
    "5.10, absolute": Spec(release="5.10.9", encoding="absolute", layout="A2", count=700),
    "5.10, x86": Spec(release="5.10.9", arch="x86", count=700),
}
del BARE["6.12, arm"]


@pytest.mark.parametrize("name", BARE)
def test_the_tables_are_known_by_their_content(name: str, tmp_path: Path) -> None:
    """Nothing says where they are: the banner places them, and the page tables bear it out."""
    kernel = without_record(BARE[name])
    kernel.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        check(kernel, found)
        assert found.notes == (BY_CONTENT,)
        assert found.pointers.release == kernel.spec.release
        assert found.space
        assert found.space.form


@pytest.mark.parametrize("keep_all", [True, False])
def test_vmcoreinfo_of_kernels_before_6_0_places_them(keep_all: bool, tmp_path: Path) -> None:
    kernel = without_record(Spec(release="5.10.9", count=700, keep_all=keep_all))
    lines = [line for line in info(kernel).splitlines() if "kallsyms" not in line]
    kernel.write_elf(tmp_path / "ram.elf", info="\n".join(lines) + "\n")
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        check(kernel, found)
        assert found.notes == (BY_CONTENT,)


def test_tables_that_nothing_places_are_said(tmp_path: Path) -> None:
    kernel = without_record(Spec(release="5.10.9", count=700))
    kernel.poke(kernel.root_pa, bytes(4096))
    kernel.write_elf(tmp_path / "ram.elf")
    names = kernel.addresses["names"]
    with pytest.raises(
        KinfoError, match=rf"nothing else leads to a kernel: its symbol tables are at PA {names:#x}, but .*in no format"
    ):
        kinfo.open_kernel(tmp_path / "ram.elf")


def test_a_raw_file_needs_its_address_then(tmp_path: Path) -> None:
    kernel = without_record(Spec(release="5.10.9", count=700))
    kernel.write_raw(tmp_path / "ram.bin")
    with pytest.raises(
        KinfoError, match=rf"tables are at {kernel.addresses['names'] - kernel.base:#x} of it.*write .*@0x80000000"
    ):
        kinfo.open_kernel(tmp_path / "ram.bin")
    with kinfo.open_kernel(f"{tmp_path}/ram.bin@{kernel.base:#x}") as found:
        check(kernel, found)


@given(data=st.binary(max_size=1 << 14), seed=st.integers(0, 1 << 32))
def test_noise_has_no_tables(data: bytes, seed: int) -> None:
    noise = random.Random(seed).randbytes(1 << 12) + data + struct.pack("<256H", *range(0, 512, 2))
    with Memory("noise", [Segment(0x1000, 0x1000 + len(noise), BytesDump(noise), 0)]) as memory:
        assert list(find_all(memory)) == []


def test_markers_that_are_not_between_their_neighbours(tmp_path: Path) -> None:
    kernel = without_record(Spec())
    kernel.poke(kernel.addresses["markers"], b"\1\0\0\0")
    kernel.write_elf(tmp_path / "ram.elf", info=info(kernel))
    with pytest.raises(KinfoError, match="kallsyms_markers is not where its neighbours are"):
        kinfo.open_kernel(tmp_path / "ram.elf")
