"""A full RAM dump in several files: a folder, or the listing that says where each file lies, is one memory."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from kinfo import notices
from kinfo.errors import DumpError, HoleError
from kinfo.memory import Memory
from kinfo.sources import listing, open_memory
from kinfo.sources.folder import has_dump
from kinfo.sources.listing import ListedFile
from tests.conftest import Cli
from tests.kernels.image import Spec, make

PART = 8192
BASES = (0x80000000, 0x80002000, 0x880000000)
FILES = ("DDRCS0_0.BIN", "DDRCS0_1.BIN", "DDRCS1_0.BIN")


class Heard:
    """What was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def told(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, label: str, done: int, total: int) -> None:
        """Nobody watches."""


def dump_info(sizes: tuple[int, ...] = (PART,) * 3) -> str:
    """As QPST writes it."""
    rows = zip(BASES, sizes, FILES, strict=True)
    return "".join(f" 1 0x{base:016x}  {size:016}  DDR CS0 part0 Memory  {file}\n" for base, size, file in rows)


def load_cmm() -> str:
    """As the device sends it."""
    return "".join(
        f"d.load.binary {file} 0x{base:x} /noclear\r\n" for base, file in zip(BASES, FILES, strict=True)
    )  # fmt: skip


def edl() -> str:
    """As edl prints it."""
    rows = zip(BASES, FILES, strict=True)
    return "".join(f"{file}(DDR CS0 Memory): Offset {base:#x}, Length {PART:#x}, SavePref 0x1\n" for base, file in rows)


def qdl() -> str:
    """As `qdl --debug` prints it."""
    rows = enumerate(zip(BASES, FILES, strict=True))
    return "".join(
        f"{number:<2}: type 0x1 address: {base:#x} length: {PART:#x} region: DDR filename: {file}\n"
        for number, (base, file) in rows
    )


LISTINGS = {"dump_info.txt": dump_info, "load.cmm": load_cmm, "edl.txt": edl, "qdl.log": qdl}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, file in enumerate(FILES):
        (tmp_path / file).write_bytes(bytes([number + 1]) * PART)
    return tmp_path


def read(path: Path) -> tuple[Memory, list[str]]:
    heard = Heard()
    with notices.heard_by(heard):
        memory = open_memory([path])
    assert isinstance(memory, Memory)
    return memory, heard.lines


@pytest.mark.parametrize("name", LISTINGS)
@pytest.mark.parametrize("how", ["folder", "listing"])
def test_every_listing_leads_to_one_memory(name: str, how: str, folder: Path) -> None:
    (folder / name).write_text(LISTINGS[name]())
    memory, heard = read(folder if how == "folder" else folder / name)
    with memory:
        assert not heard
        assert memory.is_raw
        assert [(one.start, one.end) for one in memory.segments] == [(base, base + PART) for base in BASES]
        assert [memory.read(base, 1) for base in BASES] == [b"\1", b"\2", b"\3"]
        assert memory.read(BASES[1] - 1, 2) == b"\1\2"
        with pytest.raises(HoleError):
            memory.read(BASES[1] + PART, 1)


def test_two_listings_are_held_against_each_other(folder: Path) -> None:
    (folder / "dump_info.txt").write_text(dump_info())
    (folder / "load.cmm").write_text(load_cmm())
    memory, heard = read(folder)
    memory.close()
    assert not heard
    (folder / "load.cmm").write_text(load_cmm().replace("0x880000000", "0x890000000"))
    with pytest.raises(DumpError) as caught:
        read(folder)
    assert str(caught.value) == (
        f"{folder}: DDRCS1_0.BIN lies at 0x880000000 by dump_info.txt, at 0x890000000 by load.cmm; "
        f"name each with its address: {folder}/DDRCS1_0.BIN@0x880000000"
    )


def test_a_core_that_is_cut_off_is_said(tmp_path: Path) -> None:
    whole = make(Spec())
    whole.write_elf(tmp_path / "ram.elf")
    size = (tmp_path / "ram.elf").stat().st_size
    memory, heard = read(tmp_path / "ram.elf")
    memory.close()
    assert heard == []
    with (tmp_path / "ram.elf").open("r+b") as file:
        file.truncate(size - 5000)
    memory, heard = read(tmp_path / "ram.elf")
    memory.close()
    what = f"is cut off: {size - 5000} bytes of the {size} that its headers list; the rest is not here"
    assert heard == [f"{tmp_path}/ram.elf: {what}"]


def test_many_missing_files_are_said_in_few_lines(folder: Path) -> None:
    lines = [f"  {number} 0x{0x900000000 + 4096 * number:016x} 4096 DDR a gone{number}.bin" for number in range(4, 900)]
    (folder / "dump_info.txt").write_text(dump_info().rstrip("\n") + "\n" + "\n".join(lines) + "\n")
    memory, heard = read(folder)
    memory.close()
    assert len(heard) == 9
    assert heard[0].endswith("and missing here")
    assert heard[-1] == f"{folder}: and 888 more files that are listed are missing here"


def test_a_missing_file_is_said_and_a_hole(folder: Path) -> None:
    (folder / "dump_info.txt").write_text(dump_info())
    (folder / FILES[1]).unlink()
    memory, heard = read(folder)
    with memory:
        assert heard == [f"{folder}/DDRCS0_1.BIN: is in dump_info.txt (PA 0x80002000, 8192 bytes), and missing here"]
        with pytest.raises(HoleError):
            memory.read(BASES[1], 1)
    for file in (FILES[0], FILES[2]):
        (folder / file).unlink()
    with pytest.raises(DumpError, match=r"has none of the 3 files that dump_info\.txt lists; copy them beside it$"):
        read(folder)


@pytest.mark.parametrize(
    ("size", "words"), [(PART - 1, "is cut off: 8191 bytes of the 8192"), (PART + 9, "has 8201 bytes, 8192")]
)
def test_a_file_of_another_size_is_said(size: int, words: str, folder: Path) -> None:
    (folder / "dump_info.txt").write_text(dump_info())
    (folder / FILES[2]).write_bytes(bytes(size))
    memory, heard = read(folder)
    with memory:
        assert len(heard) == 1
        assert heard[0].startswith(f"{folder}/DDRCS1_0.BIN: {words}")
        assert memory.segments[-1].end == BASES[2] + min(size, PART)


def test_files_that_overlap_are_said(folder: Path) -> None:
    (folder / "dump_info.txt").write_text(dump_info((PART + 16, PART, PART)))
    (folder / FILES[0]).write_bytes(b"\1" * (PART + 16))
    memory, heard = read(folder)
    with memory:
        assert heard == [
            f"{folder}/DDRCS0_1.BIN: overlaps {folder}/DDRCS0_0.BIN from PA 0x80002000 on, which is believed there"
        ]
        assert memory.read(BASES[1] + 15, 2) == b"\1\2"


def test_packed_files_and_edls_folder(folder: Path) -> None:
    (folder / "memory").mkdir()
    (folder / "memory" / "DDRCS0_0.BIN.gz").write_bytes(gzip.compress((folder / FILES[0]).read_bytes()))
    (folder / FILES[0]).unlink()
    (folder / "edl.log").write_text(edl())
    memory, heard = read(folder)
    with memory:
        assert not heard
        assert memory.read(BASES[0], 1) == b"\1"


def test_what_is_no_dump(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DumpError) as caught:
        read(folder)
    assert str(caught.value) == (
        f"{folder}: has DDRCS0_0.BIN and 2 more, but no dump_info.txt or load.cmm that says where they lie; "
        f"name each with its address: {folder}/DDRCS0_0.BIN@0x80000000"
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(DumpError, match="empty: is a directory; name the dump file in it"):
        read(tmp_path / "empty")


def test_regions_of_a_minidump_are_no_full_dump(tmp_path: Path, kinfo_cli: Cli) -> None:
    """load.cmm may lie beside md_*.BIN: the table reader takes the folder as before."""
    (tmp_path / "load.cmm").write_text("d.load.binary OCIMEM.cmm 0x14680000 /noclear\nd.load.binary md_KELF1.BIN 0x1000\n")
    (tmp_path / "md_KELF1.BIN").write_bytes(b"x")
    assert not has_dump(str(tmp_path))
    assert "no series fits" not in kinfo_cli("table", tmp_path).err


def test_a_listing_never_leads_out_of_its_folder() -> None:
    text = 'd.load.binary "C:\\dump\\..\\DDRCS0_0.BIN" 0x80000000\nd.load.binary ../../etc/x.bin 0x1000\n'
    assert list(listing.read(text.splitlines())) == [
        ListedFile("DDRCS0_0.BIN", 0x80000000, None),
        ListedFile("x.bin", 0x1000, None),
    ]


@pytest.mark.parametrize("line", ["", "1 0x80000000", "x" * 9000, "1 " * 4000, "d.load.binary", "(): Offset 0x1, Length 0x"])
def test_other_text_is_passed_over(line: str) -> None:
    assert not list(listing.read([line]))


def test_the_kernel_in_a_folder(tmp_path: Path, kinfo_cli: Cli) -> None:
    """Every command that reads RAM takes the folder as it takes its files with their addresses."""
    kernel = make()
    middle = kernel.base + 0x400000
    kernel.write_raw(tmp_path / "DDRCS0_0.BIN", end=middle)
    kernel.write_raw(tmp_path / "DDRCS1_0.BIN", start=middle)
    sizes = [(tmp_path / f"DDRCS{number}_0.BIN").stat().st_size for number in (0, 1)]
    (tmp_path / "dump_info.txt").write_text(
        f"1 {kernel.base:#x} {sizes[0]} DDR CS0 DDRCS0_0.BIN\n1 {middle:#x} {sizes[1]} DDR CS1 DDRCS1_0.BIN\n"
    )
    named = [f"{tmp_path}/DDRCS0_0.BIN@{kernel.base:#x}", f"{tmp_path}/DDRCS1_0.BIN@{middle:#x}"]
    wanted = kinfo_cli("info", *named, "--format", "json")
    assert wanted.code == 0
    for source in (tmp_path, tmp_path / "dump_info.txt"):
        ran = kinfo_cli("info", source, "--format", "json")
        assert (ran.code, json.loads(ran.out)) == (0, json.loads(wanted.out))
        assert kinfo_cli("find", source).code == 0
