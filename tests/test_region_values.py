"""`kinfo table --values`: what regions hold, in words; of made ones and of real ones against what the guest said."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import KinfoError
from kinfo.region_memory.held import HeldRegion, RegionMemory
from kinfo.region_memory.values import RegionValues, bits, list_of, taint_letters
from tests import inspect_tables as writer
from tests import regions_made
from tests.conftest import Cli
from tests.inspect_tables import entries
from tests.kernels.image import Spec, make
from tests.kernels.tables import Symbol


def document(ran: Any) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(ran.out)["values"] if one["name"]}


@pytest.mark.parametrize("series", ["v1", "v3"])
@pytest.mark.parametrize("form", ["folder", "core"])
def test_every_value(series: str, form: str, kinfo_cli: Cli, tmp_path: Path) -> None:
    source = regions_made.files(tmp_path / "md", series)
    if form == "core":
        source = tmp_path / "core.elf"
        source.write_bytes(regions_made.core(series))
    ran = kinfo_cli("table", source, "--values", "--format", "json")
    assert ran.code == 0
    found = {name: (one["words"], one["value"]) for name, one in document(ran).items()}
    wanted = {
        "_totalram_pages": ("62986 pages, 251944 kB", 62986),
        "__cpu_possible_mask": ("CPU 0-1,3", [0, 1, 3]),
        "__cpu_online_mask": ("CPU 0-1", [0, 1]),
        "mem_section": (f"VA {writer.LINEAR + 0x100:#x}", f"{writer.LINEAR + 0x100:#x}"),
        "jiffies_64": (f"{(1 << 32) - 74000}, 4.000 s after boot at CONFIG_HZ=250", (1 << 32) - 74000),
        "linux_banner": (regions_made.BANNER[:-2].decode(), regions_made.BANNER[:-2].decode()),
        "nr_threads": ("54", 54),
        "tainted_mask": ("WO", {"mask": "0x1200", "letters": "WO"}),
        "taint_flags": (f"19 flags: {regions_made.FLAGS}", regions_made.FLAGS),
        "nr_swapfiles": ("2", 2),
        "printk_rb_static": ("88 bytes; `kinfo dmesg` reads it", None),
        "prb_data": ("131072 bytes of the log's tables; `kinfo dmesg` reads them", None),
        "init_mm": ("1024 bytes", None),
        "kallsyms_num_syms": ("22830", 22830),
        "CONFIG": (
            "Linux/arm64 6.12.117 Kernel Configuration, 2 options; `kinfo config` prints it",
            {"CONFIG_HZ": "250", "CONFIG_SMP": "y"},
        ),
    }
    if series == "v3":
        wanted |= {"clear_seq": ("7: `dmesg --clear` hid the messages before it", 7), "total_nr_irqs": ("64", 64)}
    else:
        wanted |= {"nr_irqs": ("64", 64), "kallsyms_relative_base": (f"VA {writer.IMAGE_VA:#x}", f"{writer.IMAGE_VA:#x}")}
    assert {name: found[name] for name in wanted} == wanted
    assert found["node_states"][1]["memory"] == [0]
    assert found["node_states"][0].endswith("CPU: 0; generic initiator: none")
    assert found["__per_cpu_offset"] == (
        "CPU 0 0x1000, CPU 1 0x2000, CPU 3 0x4000",
        {"0": "0x1000", "1": "0x2000", "3": "0x4000"},
    )
    assert found["init_uts_ns"][1]["release"] == regions_made.RELEASE
    assert found["VMCOREINFO"][1]["KERNELOFFSET"] == f"{regions_made.SLIDE:x}"
    assert found["_stext"][0] == f"registered for its address, VA {writer.IMAGE_VA + 0x10000:#x}"
    text = kinfo_cli("table", source, "--values").out
    assert "W = there was a warning\n" in text
    assert "NUMBER(VA_BITS) = 48\n" in text
    assert "release = 6.12.117-made\n" in text


def test_what_is_missing_is_said(kinfo_cli: Cli, tmp_path: Path) -> None:
    folder = regions_made.files(tmp_path / "md", without=(1, 2))
    (folder / "md_Ktotalram4.BIN").write_bytes(b"")
    (folder / "md_Kjiffies10.BIN").write_bytes(b"123")
    (folder / "md_Kconfig3.BIN").write_bytes(b"IKCFG_ST\x1f\x8b\x08broken")
    (folder / "md_Kinit_uts19.BIN").write_bytes(regions_made.uts()[:100])
    ran = kinfo_cli("table", folder, "--values", "--format", "json")
    assert ran.code == 1
    found = document(ran)
    assert {name for name, one in found.items() if not one["is_read"]} == {"_totalram_pages", "jiffies_64", "CONFIG"}
    assert found["init_uts_ns"]["words"] == "100 bytes; VMCOREINFO, which says where in them its names are, is not here"
    assert found["_stext"]["words"] == "registered for its address, which is not known here"
    text = kinfo_cli("table", folder, "--values").out
    assert "_totalram_pages           not read: no bytes\n" in text
    assert "jiffies_64                not read: 3 bytes, too few for it\n" in text
    assert "CONFIG                    not read: region 3: the configuration in it is " in text


def test_out_of_ram(kinfo_cli: Cli, tmp_path: Path) -> None:
    """By the table in the memory: what static entries lack, a PA, the kernel's own addresses give."""
    offset = 0xB4000
    kernel = make(Spec(extra=[Symbol(b"inspect_entries", "b", offset), Symbol(b"nr_threads", "b", 0xB3000)]))
    known = {one.name: one.va for one in kernel.symbols}
    table = [one._replace(va=known[one.symbol]) for one in entries("v1", 0) if one.symbol in known and one.id != 31]
    kernel.poke(kernel.spec.text + 0xB3000, struct.pack("<i", 77))
    kernel.poke(kernel.spec.text + offset, writer.runtime(table))
    kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("table", tmp_path / "ram.elf", "--values", "--series", "v1", "--format", "json")
    assert ran.code == 0
    found = document(ran)
    assert found["nr_threads"]["value"] == 77
    assert found["linux_banner"]["words"] == kernel.banner.decode().strip()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("table.bin", writer.runtime(entries("v1")), "has no memory of regions"),
        ("table.yaml", b"series: v1\nentries:\n- {id: 40, va: 0xffff800080000000, size: 8}\n", "has no memory of regions"),
        ("vmlinux", b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<H", 2) + bytes(100), "it has no regions' bytes"),
    ],
)
def test_addresses_alone_have_no_values(name: str, data: bytes, message: str, kinfo_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    ran = kinfo_cli("table", tmp_path / name, "--values")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "name a folder of md_K*.BIN, the core image of the series, or a RAM dump with the table in it" in ran.err


def test_the_library(tmp_path: Path) -> None:
    folder = regions_made.files(tmp_path / "md")
    found = {one.region.name: one.data for one in kinfo.region_values(folder)}
    assert (found["nr_threads"], found["nr_swapfiles"]) == (54, 2)
    assert {one.region.name: one.data for one in kinfo.region_values(folder, series="v1")} == found


def test_no_csv_of_values(kinfo_cli: Cli, tmp_path: Path) -> None:
    ran = kinfo_cli("table", regions_made.files(tmp_path / "md"), "--values", "--format", "csv")
    assert (ran.code, "--values has no CSV: take --format json" in ran.err) == (2, True)


def held(name: str, data: bytes) -> HeldRegion:
    return HeldRegion(1, name, name, None, None, len(data), lambda at, size: data[at : at + size])


NAMES = sorted(one for one in {e.symbol for e in regions_made.contents("v1")[0] + regions_made.contents("v3")[0]} if one)


KEYS = st.sampled_from(["PAGESIZE", "OFFSET(uts_namespace.name)", "OFFSET(latched_seq.val)"])
STATED = st.dictionaries(KEYS, st.sampled_from(["0", "8", "-1", "x", "99999999999"]))


@given(st.sampled_from([*NAMES, "ELF", "VMCOREINFO"]), st.binary(max_size=500), STATED)
def test_any_bytes_have_words(name: str, data: bytes, values: dict[str, str]) -> None:
    for one in RegionValues(RegionMemory("x", (held(name, data),), None, values)).all:
        assert one.words
        assert all(text.isprintable() for text in (one.words, *one.more))
        json.dumps(one.data)


@given(st.sets(st.integers(0, 127)))
def test_lists_of_cpus(cpus: set[int]) -> None:
    raw = sum(1 << cpu for cpu in cpus).to_bytes(16, "little")
    assert set(bits(raw)) == cpus
    back = set()
    for run in list_of(bits(raw)).split(",") if cpus else ():
        low, _, high = run.partition("-")
        back |= set(range(int(low), int(high or low) + 1))
    assert back == cpus


def test_letters_in_both_forms() -> None:
    old = b"".join(letter.encode() + b" \x01" for letter in "PFSR")
    assert taint_letters(old) == "PFSR"
    assert taint_letters(b"\0" * 48) == ""


def test_flags_of_a_kernels_own() -> None:
    flags = b"".join(struct.pack("<ccB5xQ", letter, b" ", 1, 0) for letter in (b"P", b"Q"))
    regions = (held("tainted_mask", struct.pack("<Q", 0b111)), held("taint_flags", flags))
    found = RegionValues(RegionMemory("x", regions, None, {})).all[0]
    assert found.words == "PQ"
    assert found.more == (
        "P = a module with a licence that is not free was loaded",
        "Q = a flag of this kernel's own",
        "bit 2 = a flag of this kernel's own",
    )


def test_a_region_that_cannot_be_read() -> None:
    def fails(at: int, size: int) -> bytes:
        raise KinfoError(f"no memory at {at}", f"{size}")

    regions = (HeldRegion(12, "nr_threads", "x", None, None, 4, fails),)
    found = RegionValues(RegionMemory("x", regions, None, {}))
    assert [one.words for one in found.cannot] == ["no memory at 0"]


# Real ones


@pytest.mark.parametrize("form", ["md", "core.elf"])
def test_real_values_are_what_the_guest_said(form: str, meminspect_sample: Path, kinfo_cli: Cli) -> None:
    meta = json.loads((meminspect_sample / "meta.json").read_text())
    ran = kinfo_cli("table", meminspect_sample / "meminspect" / form, "--values", "--format", "json")
    assert ran.code == 0
    found = document(ran)
    total = re.search(r"MemTotal: +(\d+) kB", (meminspect_sample / "meminfo.txt").read_text())
    assert total
    assert found["_totalram_pages"]["words"] == f"{int(total[1]) // 4} pages, {total[1]} kB"
    assert found["linux_banner"]["value"] == meta["kernel_version"]
    assert found["init_uts_ns"]["value"]["release"] == meta["kernel_release"]
    assert found["__cpu_online_mask"]["value"] == list(range(meta["smp"]))
    assert found["kallsyms_num_syms"]["value"] == int(meta["truth"]["kallsyms_num_syms"], 16)
    assert found["kallsyms_relative_base"]["value"] == meta["truth"]["kallsyms_relative_base"]
    assert found["VMCOREINFO"]["value"]["NUMBER(kimage_voffset)"] == meta["truth"]["kimage_voffset"]
    assert found["VMCOREINFO"]["value"]["NUMBER(PHYS_OFFSET)"] == meta["truth"]["PHYS_OFFSET"]
    options = dict(
        line.split("=", 1) for line in (meminspect_sample / "config").read_text().splitlines() if line.startswith("CONFIG_")
    )
    assert found["CONFIG"]["value"] == options
    assert "O" in found["tainted_mask"]["value"]["letters"]  # modules.txt: (O)
    assert found["prb"]["words"].endswith(", printk_rb_static")
    assert found["printk_rb_static"]["value"] == {"messages": 4096, "text": 131072}
