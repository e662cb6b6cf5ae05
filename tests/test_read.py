"""`kinfo read`: bytes of regions, symbols and addresses, out of RAM and out of regions."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import KernelError
from kinfo.read_out.wanted import Wanted, WantedKind, wanted
from kinfo.report.raw_bytes import lines
from tests import inspect_tables as writer
from tests import regions_made
from tests.conftest import ROOT, Cli
from tests.inspect_tables import entries
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec
from tests.kernels.tables import Symbol

TABLE = 0xB4000  # of inspect_entries[], from the start of the text


# What a word names


@pytest.mark.parametrize(
    ("word", "kind", "number", "name", "offset"),
    [
        ("22", WantedKind.ID, 22, "", 0),
        ("id:22", WantedKind.ID, 22, "", 0),
        ("pa:4096", WantedKind.PA, 4096, "", 0),
        ("va:0xffff800080000000", WantedKind.VA, 0xFFFF800080000000, "", 0),
        ("0xffff800080000000", WantedKind.VA, 0xFFFF800080000000, "", 0),
        ("ffff800080000000", WantedKind.VA, 0xFFFF800080000000, "", 0),
        ("0x880000000", WantedKind.PA, 0x880000000, "", 0),
        ("0000000880000000", WantedKind.PA, 0x880000000, "", 0),
        ("0x40000000", WantedKind.ADDRESS, 0x40000000, "", 0),
        ("prb_data", WantedKind.NAME, 0, "prb_data", 0),
        ("schedule+0x40/0x90", WantedKind.NAME, 0, "schedule", 0x40),
        ("region:prb+8", WantedKind.REGION, 0, "prb", 8),
        ("symbol:_end", WantedKind.SYMBOL, 0, "_end", 0),
        ("a:b", WantedKind.NAME, 0, "a:b", 0),
    ],
)
def test_words(word: str, kind: WantedKind, number: int, name: str, offset: int) -> None:
    assert wanted(word) == Wanted(word, kind, name, number, offset)


@pytest.mark.parametrize(
    "word", ["", "0", "id:0", "201", "id:x", "4096", "12ab", "pa:", "pa:-1", "va:0x10000000000000000", "x+y", "region:", "+4"]
)
def test_words_that_are_none(word: str) -> None:
    with pytest.raises(KernelError) as caught:
        wanted(word)
    assert caught.value.hint


@given(st.text(max_size=40))
def test_any_word_is_something_or_an_error(word: str) -> None:
    try:
        assert wanted(word).word == word
    except KernelError as error:
        assert str(error).isprintable()


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5), st.integers(0, (1 << 64) - 400))
def test_a_hex_dump_can_be_read_back(data: bytes, cuts: list[int], address: int) -> None:
    edges = sorted({0, len(data), *(one for one in cuts if one < len(data))})
    pieces = [data[low:high] for low, high in pairwise(edges)]
    shown = list(lines(pieces, address))
    read, before, at = b"", b"", address
    for line in shown[:-1]:
        if line == "*\n":
            before = read[-16:]
            continue
        here = int(line[:16], 16)
        while at < here:
            read, at = read + before, at + 16
        row = bytes.fromhex(line[18:67].replace(" ", ""))
        read, at = read + row, at + len(row)
    end = int(shown[-1], 16)
    while at < end:
        read, at = read + before, at + 16
    assert read == data


@pytest.mark.parametrize(("columns", "count"), [(None, 16), (84, 16), (83, 8), (52, 8), (51, 4), (10, 4)])
def test_a_hex_dump_keeps_to_the_terminal(columns: int | None, count: int) -> None:
    shown = list(lines([b"abcdefghijklmnopqrst"], 0x1000, columns))
    assert shown[1].startswith(f"{0x1000 + count:016x}  ")
    assert shown[0].endswith(f"  {'abcdefghijklmnop'[:count]}\n")


# Out of RAM


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    extra = [Symbol(b"inspect_entries", "b", TABLE), Symbol(b"prb", "d", 0xB2000), Symbol(b"twice", "t", 0x10810)]
    extra += [Symbol(b"twice", "t", 0x10820), Symbol(b"nr_threads", "d", 0xB2100)]
    found = make(Spec(extra=extra, modules=(ModuleSpec("alpha"), ModuleSpec("beta")), blocks=False))
    known = {one.name: one.va for one in found.symbols if one.name not in ("nr_threads", "_end")}
    table = [one._replace(va=known.get(one.symbol, one.va)) for one in entries("v1")]
    found.poke(found.spec.text + TABLE, writer.runtime(table))
    found.poke(found.spec.text + 0xB2000, b"PRB HERE" + bytes(range(248)))
    return found


@pytest.fixture(scope="module")
def ram(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("read") / "ram.elf"
    kernel.write_elf(path)
    return path


@pytest.mark.parametrize("form", ["elf", "raw", "based", "lime"])
def test_every_way_to_name_bytes(form: str, kernel: Kernel, ram: Path, tmp_path: Path) -> None:
    source = str(ram)
    if form in ("raw", "based"):
        kernel.write_raw(tmp_path / "ram.bin")
        source = f"{tmp_path / 'ram.bin'}" + (f"@{kernel.base:#x}" if form == "based" else "")
    elif form == "lime":
        kernel.write_lime(tmp_path / "ram.lime")
        source = str(tmp_path / "ram.lime")
    place = kernel.find("prb")
    assert place.pa is not None
    banner = kernel.find("linux_banner")
    module = next(one for one in kernel.module_symbols if one.name == "beta_read")
    for word, size, at, count in [
        ("22", None, place.pa, 8),
        ("region:prb", None, place.pa, 8),
        ("prb", None, place.pa, 8),
        ("prb+4", None, place.pa + 4, 4),
        ("symbol:prb", 64, place.pa, 64),
        (f"pa:{place.pa}", 100, place.pa, 100),
        (f"{place.pa:#x}", 100, place.pa, 100),
        (f"va:{place.va:#x}", 100, place.pa, 100),
        (f"{place.va:x}", 100, place.pa, 100),
        ("linux_banner", len(kernel.banner), banner.pa, len(kernel.banner)),
        (f"va:{module.va:#x}", 32, module.pa, 32),
        ("beta_read+0x4", 8, (module.pa or 0) + 4, 8),
    ]:
        assert at is not None
        assert kinfo.read(source, word, size) == kernel.peek(at, count), word
    assert kinfo.read(source, banner.va, 13) == b"Linux version"


def test_a_va_across_pages_that_lie_apart(kernel: Kernel, ram: Path) -> None:
    """Module memory: pages that follow each other by their VAs alone."""
    module = kernel.modules[0]
    text = next(one for one in module.regions if one.kind == "text")
    walked = [kernel.walk(text.va + at) for at in range(0, 0x2400, 0x400)]
    wanted_bytes = b"".join(kernel.peek(one.pa, 0x400) for one in walked if one)
    assert len({one.pa // 4096 for one in walked if one}) == 3
    assert kinfo.read(ram, text.va, 0x2400) == wanted_bytes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pa:0x10", "4"], "no memory at PA 0x10; dump that range too, or check FILE@BASE"),
        (["pa:{last}", "32"], "no memory at PA {end} (of 32 bytes at {last}); dump that range too"),
        (["va:0xffffffc000000000", "4"], "nothing is mapped at VA 0xffffffc000000000; `kinfo lookup` says what"),
        (["pa:{base}"], "pa:{base}: an address has no size of its own; say how many bytes: add 64 or 0x40, say"),
        (["pa:{base}", "0x7fffffffffff"], "pa:{base}: 140737488355327 bytes are more than {ram} has, which are 8388608; ask"),
        (["nosuch"], "nosuch: no symbol has that name; `kinfo symbols` lists them, `kinfo table` regions"),
        (["region:nosuch"], "region:nosuch: the inspect table of {ram} has no such region; `kinfo table` lists what it has"),
        (["id:28"], "id:28: the inspect table of {ram} has no such region"),
        (["region:prb", "9"], "prb (region 22): has 8 bytes, not 9 from 0x0 on; ask for less, or name an address"),
        (["region:prb+8"], "prb (region 22): has 8 bytes; ask for less"),
        (
            ["twice"],
            "twice: 2 symbols have that name; name one by its address: va:0xffffffc092620810 (twice+0x0/0x10), va:0x",
        ),
        (
            ["nr_threads"],
            "nr_threads: region 12 and a symbol have that name, at different places; say which: region:nr_threads",
        ),
        (["symbol:_end"], "_end (symbol): nothing tells its size; say how many bytes"),
        (["prb", "8", "9"], "name what to read after SOURCE, and at most its size behind that"),
        (["prb", "0"], "SIZE is 0: there is nothing to read"),
        (["prb", "x"], "'x' is not a number: write 4096 or 0x1000"),
        (["prb", "-o", "{ram}"], "{ram}: exists already; name another file, or overwrite it with --force"),
        (["prb", "--hex", "-o", "x"], "--hex is for standard output: leave -o out"),
        (["47"], "no memory at PA"),
    ],
)
def test_errors_say_what_and_where(words: list[str], message: str, kernel: Kernel, ram: Path, kinfo_cli: Cli) -> None:
    names = {"ram": ram, "base": hex(kernel.base), "end": hex(kernel.end), "last": hex(kernel.end - 16)}
    if words == ["47"]:
        message = "the inspect table of"
    ran = kinfo_cli("read", ram, *(word.format(**names) for word in words))
    assert ran.code == 2
    assert ran.out == ""
    assert message.format(**names) in ran.err


def test_a_hole_in_the_middle_writes_no_byte(kernel: Kernel, kinfo_cli: Cli, tmp_path: Path) -> None:
    place = kernel.find("vfs_read")
    assert place.pa is not None
    page = (place.pa & -4096) + 4096
    kernel.write_elf(tmp_path / "ram.elf", holes=[(page, page + 4096)])
    virtual = f"VA {page + kernel.voffset:#x}, which is PA"
    for word, where in ((f"pa:{place.pa:#x}", f"PA {page:#x}"), ("symbol:vfs_read", virtual)):
        ran = kinfo_cli("read", tmp_path / "ram.elf", word, "8192", "-o", tmp_path / "out")
        assert (ran.code, ran.out) == (2, "")
        assert f"no memory at {where}" in ran.err
        assert not (tmp_path / "out").exists()


def test_files_pipes_and_terminals(kernel: Kernel, ram: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("read", ram, "prb", "-o", tmp_path / "out")
    va = kernel.find("prb").va
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"kinfo: prb (region 22): VA {va:#x}, 8 bytes\nkinfo: wrote {tmp_path / 'out'}\n"
    assert (tmp_path / "out").read_bytes() == b"PRB HERE"
    command = [sys.executable, "-m", "kinfo", "read", str(ram), "prb"]
    piped = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert piped.stdout == b"PRB HERE"
    dump = f"{va:016x}  50 52 42 20 48 45 52 45                           PRB HERE\n{va + 8:016x}\n"
    assert kinfo_cli("read", ram, "prb", "--hex").out == dump
    master, slave = pty.openpty()
    subprocess.run(command, stdout=slave, stderr=subprocess.DEVNULL, check=True, cwd=ROOT)
    os.close(slave)
    assert os.read(master, 4096).decode().replace("\r\n", "\n") == dump
    os.close(master)


def test_a_pa_needs_no_kernel(tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "ram.bin").write_bytes(bytes(range(256)) * 64)
    assert kinfo.read(f"{tmp_path / 'ram.bin'}@0x80000000", "pa:0x80000010", 4) == b"\x10\x11\x12\x13"
    assert kinfo.read(f"{tmp_path / 'ram.bin'}@0x80000000", 0x80000010, 4) == b"\x10\x11\x12\x13"
    for word in ("schedule", "symbol:schedule", "va:0xffff800080000000", "id:22", "prb"):
        ran = kinfo_cli("read", f"{tmp_path / 'ram.bin'}@0x80000000", word, "4")
        assert (ran.code, ran.out) == (2, ""), word
    ran = kinfo_cli("read", tmp_path / "ram.bin", "pa:0x80000010", "4")  # at which address it lies nothing tells
    assert (ran.code, ran.out) == (2, "")


def test_a_number_that_32_bits_can_be_either(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec(arch="arm", phys_base=0xBFC00000))  # its RAM reaches beyond PAGE_OFFSET, 0xc0000000
    path = tmp_path / "ram.elf"
    kernel.write_elf(path, cls=32)
    place = kernel.find("linux_banner")
    ran = kinfo_cli("read", path, f"{place.va:#x}", "4")
    assert (ran.code, ran.out) == (2, "")
    assert f"{place.va:#x}: is a PA of the dump, and a VA of its 32-bit kernel; say which: pa:{place.va:#x}" in ran.err
    assert kinfo.read(path, f"va:{place.va:#x}", 5) == b"Linux"
    assert kinfo.read(path, f"pa:{place.pa:#x}", 5) == b"Linux"
    assert kinfo.read(path, f"{place.pa:#x}", 5) == b"Linux"
    same = make(Spec(arch="arm", phys_base=0xC0000000))  # what is both, is one place
    same.write_elf(path, cls=32)
    assert kinfo.read(path, same.find("linux_banner").va, 5) == b"Linux"
    plain = make(Spec(arch="arm"))
    plain.write_elf(path, cls=32)
    place = plain.find("linux_banner")
    assert kinfo.read(path, place.va, 5) == kinfo.read(path, place.pa or 0, 5) == b"Linux"
    ran = kinfo_cli("read", path, "va:0xf0000000", "4")
    assert ran.code == 2


# Out of regions


@pytest.mark.parametrize("series", ["v1", "v3"])
@pytest.mark.parametrize("form", ["folder", "files", "core"])
def test_every_region_is_read_by_id_name_and_address(series: str, form: str, tmp_path: Path) -> None:
    folder = regions_made.files(tmp_path / "md", series)
    sources = [str(folder)] if form == "folder" else [str(path) for path in folder.iterdir()]
    if form == "core":
        (tmp_path / "core.elf").write_bytes(regions_made.core(series))
        sources = [str(tmp_path / "core.elf")]
    found, by_id = regions_made.contents(series)
    for one in found:
        data = by_id[one.id]
        if (series, one.id) == ("v3", 43):  # tk_data: behind the last that can be named, and a folder does not place it
            continue
        if form == "core" and one.id >= 44:  # behind the last that VMCOREINFO names nothing tells the id
            assert kinfo.read(sources, writer.pa_of(one), one.size)[:8] == data[:8]
            continue
        assert kinfo.read(sources, f"id:{one.id}") == data
        if one.symbol:
            assert kinfo.read(sources, one.symbol) == kinfo.read(sources, f"region:{one.symbol}") == data
        if data and one.id < 24:
            assert kinfo.read(sources, one.va, 2) == data[:2], one
            assert kinfo.read(sources, f"pa:{writer.pa_of(one):#x}", 1) == data[:1], one
    assert kinfo.read(sources, "VMCOREINFO", 10) == b"OSRELEASE="
    assert kinfo.read(sources, "linux_banner+6", 7) == b"version"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["28"], "has no region of id 28; it has 1 to 27, 29 to 46"),
        (["schedule"], "schedule: neither a region nor VMCOREINFO has that name, and no region has kallsyms: look into"),
        (["region:schedule"], "has no region schedule; `kinfo table` lists them"),
        (["va:0xffff000000000000", "1"], "no region holds VA 0xffff000000000000; `kinfo table` shows where they lie"),
        (["pa:0x10", "1"], "no region holds PA 0x10"),
        (["0x10", "1"], "no region holds PA 0x10"),
        (["prb", "9"], "prb (region 22): has 8 bytes, not 9 from 0x0 on"),
        (["18"], "nr_swapfiles (region 18): md_Knr_swapf18.BIN is empty; fetch the file from the device again"),
    ],
)
def test_what_regions_do_not_have(words: list[str], message: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    folder = regions_made.files(tmp_path / "md")
    (folder / "md_Knr_swapf18.BIN").write_bytes(b"")
    (folder / "load.txt").write_text("other files are no reason to fail")
    ran = kinfo_cli("read", folder, *words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_files_that_do_not_say_where_they_lie(tmp_path: Path, kinfo_cli: Cli) -> None:
    folder = regions_made.files(tmp_path / "md", without=(1, 2))
    assert kinfo.read(folder, "prb") == regions_made.contents()[1][22]
    ran = kinfo_cli("read", folder, "va:0xffff800080000000", "4")
    assert (
        "nothing says where its regions lie, so VA 0xffff800080000000 is in none; name a region by its id or its name"
        in ran.err
    )
    one = folder / "md_Kprb22.BIN"
    assert kinfo.read(one, 22 and "22") == kinfo.read(one, "id:22") == regions_made.contents()[1][22]
    upper = folder / "MD_KPRB22.bin"
    one.rename(upper)
    assert kinfo.read(upper, "md_Kprb22.BIN".upper().replace("BIN", "bin")) == regions_made.contents()[1][22]


def test_two_files_of_one_id(tmp_path: Path, kinfo_cli: Cli) -> None:
    folder = regions_made.files(tmp_path / "md")
    (folder / "md_Kother22.BIN").write_bytes(b"12345678")
    ran = kinfo_cli("read", folder, "22")
    assert ran.code == 2
    assert "has 2 regions for region of id 22: md_Kother22.BIN, md_Kprb22.BIN; take away those of other dumps" in ran.err


def test_a_core_that_is_cut(tmp_path: Path, kinfo_cli: Cli) -> None:
    whole = regions_made.core()
    (tmp_path / "core.elf").write_bytes(whole[: len(whole) - 400_000])
    ran = kinfo_cli("read", tmp_path / "core.elf", "prb_data")
    assert (ran.code, ran.out) == (2, "")
    assert "is cut off inside prb_data (region 25); copy it again" in ran.err
    assert kinfo.read(tmp_path / "core.elf", "prb") == regions_made.contents()[1][22]


def test_a_region_larger_than_a_piece(tmp_path: Path) -> None:
    folder = tmp_path / "md"
    folder.mkdir()
    data = os.urandom((1 << 20) * 2 + 12345)
    (folder / "md_Kunknown44.BIN").write_bytes(data)
    assert kinfo.read(folder, "44") == data


# Real ones


@pytest.fixture(scope="module")
def meminspect(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue("real_samples") / "kernels" / "meminspect-v1" / "meminspect"
    if not (folder / "md").is_dir():
        pytest.skip("no region files among the real samples")
    return folder


def test_real_regions(meminspect: Path) -> None:
    for row in json.loads((meminspect / "md_regions.json").read_text()):
        id_, pa = row["seq"], row["pa"]
        data = (meminspect / "md" / row["file"]).read_bytes()
        assert kinfo.read(meminspect / "md", f"id:{id_}") == data
        if 2 < id_ < 44:
            for source in (meminspect / "md", meminspect / "core.elf"):
                assert kinfo.read(source, f"pa:{pa}", len(data)) == data
            assert kinfo.read(meminspect / "core.elf", f"id:{id_}") == data


def test_a_real_kernels_ram(real_kernel: tuple[Path, str | None, Path, dict[str, object]]) -> None:
    ram, record, kallsyms, _ = real_kernel
    found = dict(
        re.findall(r"^([0-9a-f]{16}) \w (_stext|schedule|linux_banner|__schedule)$", kallsyms.read_text(), re.MULTILINE)
    )
    places = {name: int(va, 16) for va, name in found.items()}
    with kinfo.open_kernel(ram, record) as kernel:
        assert kernel.space
        for name, va in places.items():
            wanted_bytes = kernel.space.read(va, 64)
            pa = kernel.space.pa(va)
            assert kinfo.read(ram, f"symbol:{name}", 64, kinfo=record) == wanted_bytes
            assert kinfo.read(ram, va, 64, kinfo=record) == wanted_bytes
            assert kinfo.read(ram, f"pa:{pa:#x}", 64) == wanted_bytes
    assert "schedule" in places


def test_a_file_that_is_called_as_a_region(tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is all that is looked in; behind a file a plain name may be either, and is no guess."""
    folder = regions_made.files(tmp_path / "md")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prb").write_bytes(b"a file of this name")
    (tmp_path / "8").write_bytes(b"and of a size")
    wanted_bytes = kinfo.read(folder, "region:prb")
    assert kinfo_cli("read", "md/", "prb", "8", "-o", "out").code == 0
    assert (tmp_path / "out").read_bytes() == wanted_bytes
    assert "prb+0x0" in kinfo_cli("lookup", "md", "prb").out
    for command in ("read", "lookup"):
        ran = kinfo_cli(command, "md/md_Kprb22.BIN", "prb", "4")
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert (
            "prb is a file here, and may be a symbol or a region: write ./prb for the file, prb+0x0 for the other" in ran.err
        )
    assert kinfo_cli("read", "md/md_Kprb22.BIN", "prb+0x0", "4", "-o", "out", "--force").code == 0
    assert (tmp_path / "out").read_bytes() == wanted_bytes[:4]
