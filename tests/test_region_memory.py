"""Regions as memory: what `lookup` and `symbolize` make of region files and of the core image of meminspect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kinfo
from kinfo.kernel_build.symbol_list import BuildSymbol, SymbolList
from kinfo.region_memory.build import slide_with
from kinfo.region_memory.open import open_regions
from tests import inspect_tables as writer
from tests import minidumps, regions_made
from tests.conftest import Cli
from tests.kernels.image import make

BANNER_VA = next(one.va for one in regions_made.contents()[0] if one.symbol == "linux_banner")
STEXT_VA = next(one.va for one in regions_made.contents()[0] if one.symbol == "_stext")
END_VA = writer.IMAGE_VA + 0x400000


@pytest.fixture(params=["folder", "core"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(regions_made.files(tmp_path / "md"))
    (tmp_path / "core.elf").write_bytes(regions_made.core())
    return str(tmp_path / "core.elf")


def test_lookup_names_what_regions_name(source: str, kinfo_cli: Cli) -> None:
    pa = BANNER_VA - regions_made.VOFFSET
    ran = kinfo_cli(
        "lookup", source, "linux_banner", f"{BANNER_VA + 4:#x}", f"{pa + 4:#x}", "linux_banner+0x4", "_stext", "prb"
    )
    line = f"VA {BANNER_VA + 4:#x}  PA {pa + 4:#x}  ? linux_banner+0x4/0x48\n"
    assert ran.code == 0
    lines = ran.out.splitlines(keepends=True)
    assert lines[0] == f"VA {BANNER_VA:#x}  PA {pa:#x}  ? linux_banner+0x0/0x48\n"
    assert lines[1] == lines[2] == lines[3] == line
    assert lines[4] == f"VA {STEXT_VA:#x}  PA {STEXT_VA - regions_made.VOFFSET:#x}  T _stext+0x0/0x0\n"
    found = kinfo.lookup(source, BANNER_VA, "nothing")
    assert (found[0].places[0].label, found[1].places) == ("linux_banner+0x0/0x48", [])


def test_lookup_says_what_is_not_in_it(source: str, kinfo_cli: Cli) -> None:
    words = [
        "schedule",
        f"{STEXT_VA + 2:#x}",
        "0x10",
        f"{writer.LINEAR + 0x48000010:#x}",
        "linux_banner+0x100",
        "linux_banner+x",
    ]
    ran = kinfo_cli("lookup", source, *words)
    assert ran.code == 1
    lines = ran.out.splitlines()
    why = "neither a region nor VMCOREINFO has that name, and no region has kallsyms: look into the build's System.map"
    assert lines[0] == f"schedule: {why}"
    assert (
        lines[1]
        == (
            f"{STEXT_VA + 2:#x}: in the kernel image, whose names no region has; name the build's symbols: "
            f"kinfo symbolize {source} --symbols System.map"
        )
        or "in no region" in lines[1]
    )  # _end lies below it in the made table
    assert lines[2] == "0x10: in no region, and neither the table nor VMCOREINFO names it"
    if source.endswith(".elf"):
        assert "in region of no known id at offset 0x10: what lies there has no name" in lines[3]
    assert lines[4].startswith("linux_banner+0x100: linux_banner (region 11) has 0x")
    assert lines[4].endswith(" bytes: 0x100 is beyond them")
    assert lines[5:] == ["linux_banner+x: 'x' is no offset; write name+0x10"]


def test_a_region_without_an_address_is_not_said_to_be_none(tmp_path: Path, kinfo_cli: Cli) -> None:
    """Without header and VMCOREINFO its bytes are there all the same; with the header alone its place is known."""
    folder = regions_made.files(tmp_path / "md", without=(1, 2))
    ran = kinfo_cli("lookup", folder, "init_mm")
    assert ran.code == 1
    assert ran.out.startswith(f"init_mm: nothing says where init_mm (region 27) lies; `kinfo read {folder} init_mm` reads it")
    made = minidumps.make()
    folder = made.write(tmp_path / "less", lambda files: [files.pop(made.name(id_)) for id_ in (2, 25)])
    ran = kinfo_cli("lookup", folder, "init_mm")
    assert (ran.code, f"VA {made.by_id(27).va:#018x}  PA {made.by_id(27).pa:#x}" in ran.out) == (0, True)


def test_signed_addresses_are_put_right(source: str, kinfo_cli: Cli) -> None:
    signed = BANNER_VA & ~(0x7F << 48) | 0x2A << 48
    assert "linux_banner+0x0" in kinfo_cli("lookup", source, f"{signed:#x}").out


def system_map(folder: Path, **changes: int) -> Path:
    """The build's symbols, at link addresses."""
    found = {one.symbol: one.va - regions_made.SLIDE for one in regions_made.contents()[0] if one.symbol}
    places = {name: found[name] for name in ("_text", "_stext", "linux_banner", "swapper_pg_dir", "init_uts_ns")}
    places |= {"do_work": found["_stext"] + 0x100, "_end": found["_stext"] + 0x100000} | changes
    rows = sorted((va, name) for name, va in places.items())
    (folder / "System.map").write_text("".join(f"{va:016x} T {name}\n" for va, name in rows))
    return folder / "System.map"


def test_symbolize_takes_the_slide_from_the_regions(source: str, kinfo_cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"pc : {STEXT_VA + 0x108:x}\n")
    ran = kinfo_cli("symbolize", source, "--symbols", system_map(tmp_path), "--log", log)
    assert (ran.code, ran.out) == (0, f"pc : {STEXT_VA + 0x108:x} <do_work+0x8/0xff00>\n".replace("0xff00", size_of(ran.out)))
    moved = kinfo_cli("symbolize", source, "--symbols", tmp_path / "System.map", "--log", log, "--slide", "0x0")
    assert "<do_work" not in moved.out


def size_of(out: str) -> str:
    found = re.search(r"/(0x[0-9a-f]+)>", out)
    assert found
    return found[1]


def test_symbolize_refuses_what_it_cannot_do(source: str, kinfo_cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("x\n")
    ran = kinfo_cli("symbolize", source, "--log", log)
    assert (ran.code, ran.out) == (2, "")
    assert (
        f"{source}: no region has the kernel's symbol table; add --symbols System.map (or vmlinux, Image) of the build"
        in ran.err
    )
    other = system_map(tmp_path, linux_banner=BANNER_VA - regions_made.SLIDE + 0x40)
    ran = kinfo_cli("symbolize", source, "--symbols", other, "--log", log)
    assert (ran.code, ran.out) == (2, "")
    assert (
        f"{source}: has linux_banner at VA {BANNER_VA:#x}, {other} at {BANNER_VA + 0x40:#x}; name the symbols of just"
        in ran.err
    )


def test_regions_that_do_not_say_the_slide(tmp_path: Path, kinfo_cli: Cli) -> None:
    folder = regions_made.files(tmp_path / "md", KERNELOFFSET="")
    log = tmp_path / "log"
    log.write_text(f"pc : {STEXT_VA + 0x108:x}\n")
    names = system_map(tmp_path)
    ran = kinfo_cli("symbolize", folder, "--symbols", names, "--log", log)
    assert (ran.code, f"{folder}: does not say how far KASLR moved the image; give it with --slide 0xN" in ran.err) == (
        2,
        True,
    )
    ran = kinfo_cli("symbolize", folder, "--symbols", names, "--log", log, "--slide", hex(regions_made.SLIDE))
    assert "<do_work+0x8" in ran.out


def test_another_release(tmp_path: Path) -> None:
    folder = regions_made.files(tmp_path / "md")
    memory = open_regions([str(folder)])
    assert memory is not None
    listed = SymbolList("vmlinux", [BuildSymbol(1, "T", "_text")], 1, "6.12.1-test")
    with pytest.raises(kinfo.KinfoError, match=r"md: is of Linux 6\.12\.117-made, vmlinux of 6\.12\.1-test; name"):
        slide_with(memory, listed)


def test_what_is_no_set_of_regions(tmp_path: Path) -> None:
    assert open_regions([str(tmp_path)]) is None  # an empty folder
    assert open_regions(["-"]) is None
    (tmp_path / "ram.bin").write_bytes(bytes(4096))
    assert open_regions([str(tmp_path / "ram.bin")]) is None
    make().write_elf(tmp_path / "ram.elf")
    assert open_regions([str(tmp_path / "ram.elf")]) is None
    kinfo.core(tmp_path / "ram.elf", tmp_path / "part.elf")
    assert open_regions([str(tmp_path / "part.elf")]) is None
    files = regions_made.files(tmp_path / "md")
    assert open_regions([str(files / "md_Kprb22.BIN"), str(tmp_path / "ram.bin")]) is None


def test_regions_show_themselves(tmp_path: Path) -> None:
    memory = open_regions([str(regions_made.files(tmp_path / "md"))])
    assert memory is not None
    assert repr(memory) == f"<RegionMemory 45 of {tmp_path / 'md'}>"
    assert repr(memory.by_id(22)).startswith("<HeldRegion prb (region 22), 8 bytes, VA 0xffff")
    assert memory.voffset == regions_made.VOFFSET & (1 << 64) - 1


# Real ones


@pytest.mark.parametrize("form", ["md", "core.elf"])
def test_real_regions_against_what_the_guest_said(form: str, meminspect_sample: Path, kinfo_cli: Cli, tmp_path: Path) -> None:
    truth: dict[str, tuple[int, str]] = {}
    for line in (meminspect_sample / "kallsyms.txt").read_text().splitlines():
        va, kind, name = line.split()[:3]
        if "[" not in line:
            truth.setdefault(name, (int(va, 16), kind))
    source = meminspect_sample / "meminspect" / form
    names = ["prb", "linux_banner", "init_uts_ns", "swapper_pg_dir", "_stext", "jiffies_64", "tainted_mask", "node_states"]
    for found in kinfo.lookup(source, *names):
        assert [place.va for place in found.places] == [truth[found.word][0]]
    log = tmp_path / "log"
    code = [
        (name, va) for name, (va, kind) in truth.items() if kind in "tT" and truth["_stext"][0] < va < truth["_etext"][0]
    ][::97]
    log.write_text("".join(f"{va + 4:016x}\n" for _, va in code))
    ran = kinfo_cli("symbolize", source, "--symbols", meminspect_sample / "System.map", "--log", log)
    assert ran.code == 0
    by_va = {va: name for name, (va, _) in reversed(truth.items())}
    lines = ran.out.splitlines()
    assert len(lines) == len(code) > 50
    right = sum(f"<{by_va[va]}+0x4/" in line for line, (_, va) in zip(lines, code, strict=True))
    assert right > 0.95 * len(lines)  # aliases of one address have one name


OTHER = "VMCOREINFO is not of the header's boot, or damaged: "


def shifted(by: int) -> dict[str, str]:
    """VMCOREINFO's lines of a boot that KASLR moved further than the header's."""
    text = regions_made.vmcoreinfo(regions_made.contents()[0]).decode()
    lines = dict(line.split("=", 1) for line in text.splitlines() if line.startswith("SYMBOL("))
    return {key: f"{int(va, 16) + by:x}" for key, va in lines.items()}


@pytest.mark.parametrize("form", ["folder", "core"])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (shifted(0x10000000), "symbols is where the header has one"),
        ({"SYMBOL(_stext)": f"{STEXT_VA + 0x1004:x}"}, f"SYMBOL(_stext) is {STEXT_VA + 0x1004:#x}, the header has"),
        (
            {"NUMBER(kimage_voffset)": f"{regions_made.VOFFSET + 0x10000:#x}"},
            f"kimage_voffset {regions_made.VOFFSET + 0x10000:#x}",
        ),
    ],
    ids=["another-boot", "a-symbol", "voffset"],
)
def test_a_header_and_a_vmcoreinfo_that_contradict_each_other(
    form: str, changes: dict[str, str], why: str, tmp_path: Path, kinfo_cli: Cli
) -> None:
    path = tmp_path / form
    if form == "folder":
        regions_made.files(path, without=(), **changes)
    else:
        path.write_bytes(regions_made.core(**changes))
    for words in (("lookup", path, "swapper_pg_dir"), ("read", path, "symbol:swapper_pg_dir", "8")):
        ran = kinfo_cli(*words)
        assert (ran.code, ran.out) == (2, "")
        assert f"{path}: {OTHER}" in ran.err
        assert why in ran.err
        assert ran.err.endswith("take all files of one dump\n")
