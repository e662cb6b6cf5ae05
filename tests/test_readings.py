"""What an address is read as: VA or PA on 32 bits, where both are possible, and other mappings of the image on 64."""

from __future__ import annotations

from pathlib import Path

import pytest

import kinfo
from kinfo.errors import KinfoError
from tests.conftest import Cli
from tests.kernels.image import Spec, make

HIGH = 0xC0000000  # PAGE_OFFSET of 32-bit arm kernels, and where RAM can be too


def firsts(kernel: kinfo.Kernel) -> dict[int, str]:
    found: dict[int, str] = {}
    for line in kernel.symbols():
        found.setdefault(line.address, line.name)
    return found


@pytest.mark.parametrize("phys_base", [0x40000000, 0x80000000, HIGH, HIGH + 0x200000])
@pytest.mark.parametrize("has_high_ram", [False, True])
def test_every_symbol_of_a_32_bit_kernel_has_its_name(tmp_path: Path, phys_base: int, has_high_ram: bool) -> None:
    made = make(Spec(arch="arm", phys_base=phys_base))
    made.write_raw(tmp_path / "ram")
    (tmp_path / "high").write_bytes(bytes(16 << 20))
    high = [f"{tmp_path / 'high'}@{max(HIGH, made.end):#x}"] if has_high_ram else []
    with kinfo.open_kernel([f"{tmp_path / 'ram'}@{phys_base:#x}", *high]) as kernel:
        names = firsts(kernel)
        for symbol in made.symbols:
            if symbol.name in ("_end", "_einittext"):  # what ends a part belongs to none
                continue
            place = kernel.at(symbol.va)
            assert place
            assert (place.symbol, place.offset, place.va, place.pa) == (names[symbol.va], 0, symbol.va, symbol.pa)


def test_an_address_that_is_va_and_pa_is_named_as_both(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = make(Spec(arch="arm", phys_base=HIGH + 0x20000))  # the image's PAs overlap its VAs, 128 KiB apart
    made.write_elf(tmp_path / "ram.elf", cls=32)
    address = made.va("text") + 0x20000
    with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
        as_va, as_pa = kernel.places(address)
        assert (as_va.va, as_va.pa) == (address, address + 0x20000)
        assert (as_pa.va, as_pa.pa) == (address - 0x20000, address)
        assert kernel.at(address) == as_va
    ran = kinfo_cli("lookup", tmp_path / "ram.elf", f"{address:#x}")
    assert [line.split()[:4] for line in ran.out.splitlines()] == [
        ["VA", f"{address:#x}", "PA", f"{address + 0x20000:#x}"],
        ["VA", f"{address - 0x20000:#x}", "PA", f"{address:#x}"],
    ]


def test_what_is_mapped_outside_a_32_bit_image_is_not_known_without_its_tables(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = make(Spec(arch="arm"))
    made.write_elf(tmp_path / "ram.elf", holes=[(made.root_pa, made.root_pa + 0x4000)], cls=32)
    reason = "outside the kernel image; what is mapped there is not known: the page table at PA 0x80004000 is not in the dump"
    assert kinfo_cli("lookup", tmp_path / "ram.elf", "0xbf000000").out == f"0xbf000000: {reason}\n"


@pytest.mark.parametrize("form", ["arm-short", "arm-lpae"])
def test_modules_of_a_32_bit_kernel_whose_ram_reaches_their_vas(tmp_path: Path, form: str) -> None:
    made = make(Spec(arch="arm", page_format=form, phys_base=HIGH - (2 << 20), ram_size=16 << 20))
    made.write_elf(tmp_path / "ram.elf", cls=32)
    (tmp_path / "low").write_bytes(bytes(14 << 20))
    parts = [str(tmp_path / "ram.elf"), f"{tmp_path / 'low'}@{made.spec.first_module_va:#x}"]
    with kinfo.open_kernel(parts) as kernel:
        for one in made.module_symbols:
            place = kernel.at(one.va)
            assert one.type not in "tT" or (place and (place.module, place.pa) == (one.module, one.pa))


@pytest.mark.parametrize("spec", [Spec(), Spec(arch="x86"), Spec("6.1.5", page_format="arm64-16k-47")])
def test_other_mappings_of_image_and_modules_are_named(tmp_path: Path, kinfo_cli: Cli, spec: Spec) -> None:
    made = make(spec)
    made.write_elf(tmp_path / "ram.elf")
    module = next(one for one in made.module_symbols if one.name == "beta_read")
    wanted = {}
    with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
        for name, va, pa in (("vfs_write", *made.find("vfs_write")[2:]), ("beta_read", module.va, module.pa)):
            assert pa is not None
            alias = pa + made.linear_voffset + 4
            place, own = kernel.at(alias), kernel.at(va + 4)
            assert place
            assert own
            assert (place.symbol, place.offset, place.va, place.pa, place.is_alias) == (name, 4, alias, pa + 4, True)
            assert (place.label, own.is_alias) == (f"{own.label} (alias)", False)
            wanted[f"{alias:#x}"] = place
    out = kinfo_cli("lookup", tmp_path / "ram.elf", *wanted).out
    assert out == "".join(f"VA {va}  PA {place.pa:#x}  {place.type} {place.label}\n" for va, place in wanted.items())


def test_what_the_linear_map_has_elsewhere_has_no_name(tmp_path: Path) -> None:
    made = make()
    made.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
        assert kernel.at(made.record_pa + made.linear_voffset) is None


def test_memory_and_record_are_paths_strings_and_numbers(tmp_path: Path) -> None:
    made = make()
    path, record = tmp_path / "ram.elf", tmp_path / "record.bin"
    made.write_elf(path)
    record.write_bytes(made.record)
    wanted = made.find("vfs_write").va
    for specs in (path, str(path), [path], [str(path)], (path,)):
        for named in (None, record, str(record), made.record_pa, f"{made.record_pa:#x}"):
            with kinfo.open_kernel(specs, named) as kernel:
                assert [place.va for place in kernel.named("vfs_write")] == [wanted]
    for named in (record, made.record_pa):
        assert kinfo.facts(path, kinfo=named)["release"] == "6.12.1-test"
    with pytest.raises(KinfoError, match="has no record at that PA"):
        kinfo.open_kernel(path, 0x80001000)
