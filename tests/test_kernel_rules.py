"""What is found when record and memory disagree: every rule of the kernel family, and every contradiction that is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import kinfo
from kinfo.errors import KinfoError
from kinfo.kernel.boot.summary import summary
from kinfo.kernel.rules import RULES
from tests.conftest import Cli
from tests.kernels.image import Kernel, Spec, make
from tests.test_which_kernel import SHOWN_HERE

SAME_BOOT = "the record and the memory are not of the same boot, or the memory is damaged"


def changed(kernel: Kernel, **fields: int | str) -> Kernel:
    """The kernel with some fields of its record changed, and a right checksum."""
    record = kinfo.decode(kernel.record, layout=kernel.spec.record_layout)
    kernel.poke(kernel.record_pa, kinfo.encode(record.fields | fields, kernel.spec.record_layout))
    return kernel


def opened(kernel: Kernel, folder: Path, **holes: tuple[int, int]) -> kinfo.Kernel:
    kernel.write_elf(folder / "ram.elf", holes=list(holes.values()))
    return kinfo.open_kernel(str(folder / "ram.elf"))


def another_boot() -> Kernel:
    kernel = make()
    banner = kernel.find("linux_banner")
    assert banner.pa
    kernel.poke(banner.pa, b"Linux version 5.4.3-other (")
    return kernel


def no_banner() -> Kernel:
    kernel = make(Spec(keep_all=False))
    at = bytes(kernel.memory).find(b"Linux version ")
    kernel.poke(kernel.base + at, bytes(14))
    return kernel


def bad_voffset() -> Kernel:
    kernel = make()
    pa = kernel.addresses["relative_base"]
    kernel.poke(pa, (int.from_bytes(kernel.peek(pa, 8), "little") + 0x200000).to_bytes(8, "little"))
    return kernel


def no_page_table() -> Kernel:
    kernel = make()
    kernel.poke(kernel.root_pa or 0, bytes(4096))
    return kernel


def broken_modules() -> Kernel:
    kernel = make()
    head = kernel.find("modules")
    assert head.pa
    kernel.poke(head.pa, (0xFFFFFFC000000008).to_bytes(8, "little"))
    return kernel


def noted(lines: str) -> Kernel:
    """The core's note says so, behind OSRELEASE=."""
    kernel = make()
    kernel.spec = replace(kernel.spec, release=lines)
    return kernel


def no_linear_map() -> Kernel:
    kernel = make()
    assert kernel.tables
    index = kernel.tables._index(kernel.spec.linear, kernel.tables.form.shifts[0])
    kernel.poke(kernel.root_pa + 8 * index, bytes(8))
    return kernel


def cut_tables() -> Kernel:
    """The page table leads out of the dump, as where its top is missing."""
    kernel = make()
    assert kernel.tables
    index = kernel.tables._index(kernel.find("_stext").va, kernel.tables.form.shifts[0])
    kernel.poke(kernel.root_pa + 8 * index, (0x3_0000_0003).to_bytes(8, "little"))
    return kernel


DEFECTS: dict[str, tuple[Callable[[], Kernel], str]] = {
    "kernel-another-boot": (another_boot, "the record says 6.12.1-test, the memory 5.4.3-other"),
    "kernel-base": (
        lambda: changed(make(), _relative_pa=0x80211000),
        "addresses count from _text_pa 0x80210000, not from _relative_pa",
    ),
    "kernel-encoding": (
        lambda: make(Spec(encoding="place", order="7.0")),
        "the addresses are place-relative on 6.12.1-test, which kernels have from 7.0 on",
    ),
    "kernel-voffset": (
        bad_voffset,
        "kallsyms_relative_base gives 0xffffffc012600000, the page table 0xffffffc012400000",
    ),
    "kernel-no-page-table": (no_page_table, "the page table at PA 0x80280000 maps the image in no format that is known"),
    "kernel-no-modules": (
        lambda: make(Spec(keep_all=False, modules=())),
        "this kernel's kallsyms names code only (CONFIG_KALLSYMS_ALL is off): neither `modules` nor `mod_tree`",
    ),
    "kernel-no-module-ranges": (
        lambda: changed(make(), mod_mem_offset=0),
        "the record has no offset of a module's memory in struct module (mod_mem_offset, mod_core_layout_offset)",
    ),
    "kernel-module-ranges": (
        lambda: changed(make(), mod_mem_offset=0x148),
        "what the record's mod_mem_offset leads to is no memory of a module in 3 of 3",
    ),
    "kernel-modules-broken": (broken_modules, "after 0 modules of modules: "),
    "kernel-foreign-note": (
        lambda: noted("6.12.9-other"),
        "OSRELEASE is 6.12.9-other in it, 6.12.1-test by linux_banner",
    ),
    "kernel-phys-offset": (
        lambda: noted("6.12.1-test\nNUMBER(PHYS_OFFSET)=0x40000000"),
        "0x40000000 by the dump's VMCOREINFO note, 0x80000000 by the page tables' linear map: which is right cannot be told",
    ),
    "kernel-slide": (
        lambda: noted("6.12.1-test\nKERNELOFFSET=1000"),
        "0x1000 by the dump's VMCOREINFO note, 0x12610000 by the release's usual link address 0xffffffc080000000",
    ),
    "kernel-no-linear-map": (
        no_linear_map,
        "the dump has neither memstart_addr nor VMCOREINFO nor enough of the page tables",
    ),
    "kernel-lk-walk": (
        lambda: make(Spec("6.1.99-test", page_format="arm64-4k-48")),
        "this kernel has 48-bit VAs and 4K pages; LK walks 39-bit VAs in 4K pages only",
    ),
    "kernel-no-banner": (no_banner, "no banner was found in the memory"),
}


def test_every_rule_has_a_defect() -> None:
    assert set(DEFECTS) | SHOWN_HERE == {rule.code for rule in RULES}


@pytest.mark.parametrize("code", DEFECTS)
def test_defect(code: str, tmp_path: Path) -> None:
    make_kernel, message = DEFECTS[code]
    with opened(make_kernel(), tmp_path) as kernel:
        found = {finding.code: finding.message for finding in summary(kernel).findings}
        assert code in found
        assert found[code].startswith(message)
        assert len(list(kernel.symbols(physical=True))) == len(kernel.kallsyms)  # names and PAs hold all the same


def test_a_sound_kernel_has_no_findings(tmp_path: Path) -> None:
    with opened(make(), tmp_path) as kernel:
        assert summary(kernel).findings == ()


def poked(name: str, offset: int, data: bytes) -> Kernel:
    kernel = make()
    kernel.poke(kernel.addresses[name] + offset, data)
    return kernel


def swapped() -> Kernel:
    kernel = make()
    return changed(kernel, _names_pa=kernel.addresses["offsets"], _offsets_pa=kernel.addresses["names"])


CONTRADICTIONS: dict[str, tuple[Callable[[], Kernel], str]] = {
    "num_syms 2^32-1": (
        lambda: changed(make(), num_syms=0xFFFFFFFF),
        "num_syms is 4294967295: that many names would take more than 64 MiB; the field is corrupt, or the layout is wrong",
    ),
    "num_syms 0": (
        lambda: changed(make(), num_syms=0),
        "the record does not say where kallsyms is: num_syms is 0; dump the memory later in the boot, or see `kinfo decode`",
    ),
    "no names": (
        lambda: changed(make(), _names_pa=0, _markers_pa=0),
        "the record does not say where kallsyms is: _names_pa, _markers_pa are 0; dump the memory later in the boot",
    ),
    "outside the dump": (
        lambda: changed(make(), _token_index_pa=0x90000000),
        "{path}: no memory at PA 0x90000000; dump that range too, or check FILE@BASE",
    ),
    "token index": (
        lambda: poked("token_index", 2 * 65, b"\xff\xff"),
        f"kallsyms_token_index[65] is 0xffff, but that token begins at {{token}} of the token table; {SAME_BOOT}",
    ),
    "first marker": (lambda: poked("markers", 0, b"\1"), f"kallsyms_markers begins with 0x1, not with 0; {SAME_BOOT}"),
    "second marker": (lambda: poked("markers", 4, b"\0\0\0\0"), f"kallsyms_markers[1] is 0x0 after 0x0; {SAME_BOOT}"),
    "names": (lambda: poked("names", 0, b"\x01"), "the names of symbols 0 to 255 of 299 lead out of "),
    "no _stext": (
        lambda: changed(make(), _stext_pa=0x80220008),
        f"the record has _stext at PA 0x80220008, kallsyms has nothing there: vfs_read is at 0x80220000; {SAME_BOOT}",
    ),
    "another name": (
        lambda: changed(make(), _stext_pa=0x802206B0),
        f"the record has _stext at PA 0x802206b0, kallsyms has ext4_read there; {SAME_BOOT}",
    ),
    "_stext 0": (
        lambda: changed(make(), _stext_pa=0),
        "the record has no _stext_pa: nothing to hold the tables against; see `kinfo decode`",
    ),
    "no offsets": (
        lambda: changed(make(), _offsets_pa=0),
        "the record places no addresses: _offsets_pa is 0; see `kinfo decode`",
    ),
    "tables swapped": (swapped, ""),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions_are_refused_with_the_values(name: str, tmp_path: Path) -> None:
    make_kernel, message = CONTRADICTIONS[name]
    kernel = make_kernel()
    with pytest.raises(KinfoError) as caught:
        opened(kernel, tmp_path)
    token = bytes(kernel.peek(kernel.addresses["token_table"], 600)).split(b"\0")[:65]
    wanted = message.format(path=tmp_path / "ram.elf", token=hex(sum(len(one) + 1 for one in token)))
    assert str(caught.value).startswith(wanted)


def test_tables_that_are_holes(tmp_path: Path) -> None:
    kernel = make()
    page = kernel.addresses["offsets"] & ~0xFFF
    with pytest.raises(KinfoError, match="no memory at PA 0x"):
        opened(kernel, tmp_path, offsets=(page, page + 0x1000))


def test_names_that_are_broken_further_in(tmp_path: Path) -> None:
    kernel = make(Spec(count=5000))
    at = int.from_bytes(kernel.peek(kernel.addresses["markers"] + 4 * 5, 4), "little")
    kernel.poke(kernel.addresses["names"] + at, b"\x7f")
    with opened(kernel, tmp_path) as found, pytest.raises(KinfoError, match="the names of symbols 1280 to 1535 of 5860 "):
        list(found.symbols(physical=True))


def test_page_tables_that_point_to_themselves(tmp_path: Path) -> None:
    for form in ("arm64-4k-48", "x86-4"):
        kernel = make(Spec(page_format=form, arch="x86" if form == "x86-4" else "arm64", release="6.12.1"))
        assert kernel.root_pa
        for index in range(512):
            kernel.poke(kernel.root_pa + 8 * index, (kernel.root_pa | 3).to_bytes(8, "little"))
        with opened(kernel, tmp_path) as found:
            messages = {finding.code: finding.message for finding in found.findings}
            assert messages["kernel-no-page-table"].endswith("entries: it loops, or is none")


def test_record_of_another_kernel(tmp_path: Path) -> None:
    make(Spec(count=300)).write_raw(tmp_path / "other")
    (tmp_path / "kinfo.bin").write_bytes(make(Spec(count=300)).record)
    kernel = make(Spec(release="6.6.3"))
    kernel.write_elf(tmp_path / "ram.elf")
    with pytest.raises(KinfoError, match=SAME_BOOT):
        kinfo.open_kernel(str(tmp_path / "ram.elf"), str(tmp_path / "kinfo.bin"))


def test_two_copies_of_a_kernel_in_a_raw_dump(tmp_path: Path) -> None:
    kernel = make()
    image = bytes(kernel.memory)
    both = bytearray(image + image[: len(image) // 2])
    (tmp_path / "ram.bin").write_bytes(both)
    with kinfo.open_kernel(str(tmp_path / "ram.bin")) as found:
        assert found.memory.segments[0].start == kernel.base
    root = (kernel.root_pa or 0) - kernel.base
    for start in (root, len(image) + root):
        both[start : start + 4096] = bytes(4096)
    (tmp_path / "ram.bin").write_bytes(both)
    with pytest.raises(KinfoError) as caught:
        kinfo.open_kernel(str(tmp_path / "ram.bin"))
    path = tmp_path / "ram.bin"
    bases = f"{path}@{kernel.base:#x}, {path}@{kernel.base - len(image):#x}"
    assert str(caught.value) == f"{path}: it can begin at 2 physical addresses; choose one of: {bases}"


def test_a_raw_dump_without_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "ram.bin"
    path.write_bytes(make().record.ljust(1 << 20, b"\0"))
    with pytest.raises(KinfoError) as caught:
        kinfo.open_kernel(str(path))
    assert str(caught.value) == (
        f"{path}: its physical address cannot be found: the symbol tables that the record points at are not in it; "
        f"write {path}@0x80000000, with the address of its first byte"
    )


def test_decoys_before_the_record(tmp_path: Path) -> None:
    kernel = make()
    other = make(Spec(text_pa=0x80410000)).record
    kernel.poke(kernel.base, other)  # a record of a kernel that is not there, whole and sound
    kernel.poke(kernel.base + 0x1000, random.Random(1).randbytes(512))
    kernel.poke(kernel.base + 0x1000, bytes.fromhex("ffddeecc"))
    with opened(kernel, tmp_path) as found:
        assert found.record.address == kernel.record_pa


def test_a_module_whose_symbols_are_broken_does_not_hide_the_others(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make()
    beta = next(module for module in kernel.modules if module.name == "beta")
    place = kernel.walk(beta.struct_va + 0x388)
    assert place
    kernel.poke(place.pa, (0xFFFFFFC000000008).to_bytes(8, "little"))
    kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("symbols", tmp_path / "ram.elf", "--modules")
    assert ran.code == 0
    assert {line.partition("\t")[2] for line in ran.out.splitlines() if "\t" in line} == {"[alpha]", "[gamma]"}
    assert ran.err.startswith("kinfo: module beta: its symbols cannot be read: ")
    assert len(ran.err.splitlines()) == 1


def test_tables_outside_the_dump_are_no_unknown_format(tmp_path: Path) -> None:
    kernel = cut_tables()
    kernel.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(str(tmp_path / "ram.elf")) as opened:
        assert opened.space
        found = next(one for one in opened.space.findings if one.code == "kernel-no-page-table")
    assert found.message.endswith(f"tables that the page table at PA {kernel.root_pa:#x} leads to are not in the dump")
    assert found.remedy.startswith("dump all RAM")
