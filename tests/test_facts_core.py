"""Facts out of cores that have no record: VMCOREINFO, and the regions of a meminspect core."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import kinfo
from kinfo.errors import KinfoError
from tests.build_files import config_text, ikconfig, system_map

TEXT, VOFFSET = 0xFFFFC7DE57000000, 0xFFFFC7DE16E00000
INFO = {
    "OSRELEASE": "6.12.117",
    "SYMBOL(_stext)": f"{TEXT + 0x10000:x}",
    "SYMBOL(swapper_pg_dir)": f"{TEXT + 0x3C5000:x}",
    "SYMBOL(kallsyms_num_syms)": f"{TEXT + 0x300B48:x}",
    "NUMBER(kimage_voffset)": f"{VOFFSET:#x}",
    "NUMBER(VA_BITS)": "48",
    "NUMBER(PHYS_OFFSET)": "0xffffea3540000000",
    "KERNELOFFSET": "47ddd7000000",
}


def core(info: dict[str, str], regions: dict[int, bytes], machine: int = 183) -> bytes:
    """An ELF core: a VMCOREINFO note, then regions by their PA."""
    text = "".join(f"{key}={value}\n" for key, value in info.items()).encode()
    note = struct.pack("<III", 11, len(text), 0) + b"VMCOREINFO\0\0" + text + bytes(-len(text) % 4)
    count = 1 + len(regions)
    at = 64 + 56 * count
    headers, body = struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(note), 0, 0), note
    for pa, data in regions.items():
        headers += struct.pack("<IIQQQQQQ", 1, 6, at + len(body), pa + VOFFSET & (1 << 64) - 1, pa, len(data), len(data), 0)
        body += data
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    return struct.pack("<16sHHIQQQIHHHHHH", ident, 4, machine, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0) + headers + body


def facts(tmp_path: Path, data: bytes, *more: Path) -> kinfo.Facts:
    (tmp_path / "core").write_bytes(data)
    return kinfo.facts([tmp_path / "core", *more])


def test_vmcoreinfo_and_regions(tmp_path: Path) -> None:
    options = ikconfig(config_text("6.12.117", {"ARM64_VA_BITS": "48"}))
    regions = {0x40200000 + 0x300B48: (22830).to_bytes(4, "little"), 0x40600000: options}
    found = facts(tmp_path, core(INFO, regions))
    assert (found["arch"], found["release"], found["num_syms"], found["VA_BITS"]) == ("arm64", "6.12.117", 22830, 48)
    assert (found["kaslr_slide"], found["kimage_voffset"]) == (0x47DDD7000000, VOFFSET)
    assert (found["CONFIG_KALLSYMS_ALL"], found["swapper_pg_dir"]) == (1, TEXT + 0x3C5000)
    assert "_text" not in found
    assert "text_pa" not in found


def test_a_map_of_the_link_places_the_image(tmp_path: Path) -> None:
    linked = tmp_path / "System.map"
    linked.write_text(system_map({"_text": TEXT - 0x47DDD7000000, "_stext": TEXT - 0x47DDD7000000 + 0x10000}))
    found = facts(tmp_path, core(INFO, {0x1000: b"x"}), linked)
    assert (found["_text"], found["text_pa"]) == (TEXT, 0x40200000)
    linked.write_text(system_map({"_text": TEXT - 0x1000, "_stext": TEXT - 0x1000 + 0x10000}))
    with pytest.raises(KinfoError) as caught:
        facts(tmp_path, core(INFO, {0x1000: b"x"}), linked)
    assert str(caught.value) == (
        f"{linked}: contradicts {tmp_path / 'core'}: kaslr_slide is 4096 (distance to _stext of {tmp_path / 'core'}), there "
        "0x47ddd7000000 (VMCOREINFO: KERNELOFFSET); name files of one build"
    )


def test_x86_has_phys_base(tmp_path: Path) -> None:
    info = {"OSRELEASE": "6.12.1", "NUMBER(phys_base)": "-16777216", "SYMBOL(_text)": "ffffffff8a000000"}
    found = facts(tmp_path, core(info, {0x1000: b"x"}, machine=62))
    assert (found["arch"], found["text_pa"]) == ("x86-64", 0x0A000000 - 0x1000000)


def test_cores_that_say_nothing(tmp_path: Path) -> None:
    with pytest.raises(KinfoError, match="core: no record in "):
        facts(tmp_path, core({}, {0x1000: b"x"}))
    damaged = core(INFO, {0x1000: b"IKCFG_ST\x1f\x8b" + bytes(30)})
    with pytest.raises(KinfoError) as caught:
        facts(tmp_path, damaged)
    assert str(caught.value).startswith(f"{tmp_path / 'core'}: the configuration in it is damaged: ")
    odd = {**INFO, "NUMBER(kimage_voffset)": "banana", "KERNELOFFSET": "", "SYMBOL(_stext)": "x"}
    assert "kimage_voffset" not in facts(tmp_path, core(odd, {0x1000: b"x"}))


def test_the_samples_core_gives_both_drivers_records(real_samples: Path) -> None:
    folder = real_samples / "kernels" / "meminspect-v1"
    offsets = ["module.mem=0x140", "module.kallsyms=0x388"]  # of types, which neither file has
    found = kinfo.facts([folder / "meminspect" / "core.elf", folder / "System.map"], settings=offsets)
    for driver, name in (("android", "kinfo.bin"), ("meminspect-v1", "kinfo_up.bin")):
        wanted = (folder / name).read_bytes()[:472]
        info = str(kinfo.decode(wanted).fields["build_info"])
        assert kinfo.build(found, driver, build_info=[info]).data == wanted
