"""What a user names: recognised by content, opened once, and handed on."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
import sys
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from kinfo.errors import DumpError
from kinfo.memory import Memory
from kinfo.sources import Opened, kinds, open_all, open_file, open_memory, open_source
from kinfo.sources.kinds import FileKind, Role
from kinfo.sources.recognise import Sure, recognise
from tests import fdt
from tests.conftest import Cli
from tests.test_memory import elf64, lime

IMAGE = bytes(56) + b"ARM\x64" + bytes(4)
PACKERS = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "lz4": lz4.frame.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
BEGINNINGS: tuple[tuple[bytes, FileKind, Sure], ...] = (
    (gzip.compress(b"x", mtime=0), kinds.GZIP, Sure.LIKELY),
    (lzma.compress(b"x"), kinds.XZ, Sure.CERTAIN),
    (lzma.compress(b"x", format=lzma.FORMAT_ALONE), kinds.LZMA, Sure.LIKELY),
    (bz2.compress(b"x"), kinds.BZIP2, Sure.LIKELY),
    (lz4.frame.compress(b"x"), kinds.LZ4, Sure.CERTAIN),
    (b"\x02\x21\x4c\x18" + bytes(9), kinds.LZ4_LEGACY, Sure.CERTAIN),
    (zstandard.ZstdCompressor().compress(b"x"), kinds.ZSTD, Sure.CERTAIN),
    (b"PK\x03\x04" + bytes(9), kinds.ZIP, Sure.CERTAIN),
    (elf64((0x1000, b"abcd")), kinds.ELF_CORE, Sure.CERTAIN),
    (elf64((0x1000, b"abcd"), kind=2), kinds.ELF, Sure.CERTAIN),
    (b"\x7fELF", kinds.ELF, Sure.CERTAIN),
    (lime((0x1000, b"abcd")), kinds.LIME, Sure.CERTAIN),
    (b"Raw_Dmp!" + bytes(48), kinds.RAW_DMP, Sure.CERTAIN),
    (b"KDUMP   " + bytes(9), kinds.KDUMP, Sure.CERTAIN),
    (b"DISKDUMP" + bytes(9), kinds.DISKDUMP, Sure.CERTAIN),
    (b"makedumpfile\0\0\0\0" + bytes(9), kinds.FLATTENED, Sure.CERTAIN),
    (b"AVML" + bytes(9), kinds.AVML, Sure.CERTAIN),
    (IMAGE, kinds.IMAGE, Sure.CERTAIN),
    (bytes(56) + b"RSC\x05" + bytes(4), kinds.RISCV_IMAGE, Sure.CERTAIN),
    (fdt.blob(fdt.board()), kinds.BLOB, Sure.CERTAIN),
    (b"ANDROID!" + bytes(9), kinds.ANDROID_BOOT, Sure.CERTAIN),
    (b"\x3a\xff\x26\xed" + bytes(9), kinds.SPARSE, Sure.CERTAIN),
    (b"MZ\0\0zimg" + bytes(9), kinds.ZBOOT, Sure.CERTAIN),
    (bytes(0x202) + b"HdrS", kinds.BZIMAGE, Sure.CERTAIN),
    (b"!<arch>\n" + bytes(9), kinds.ARCHIVE, Sure.CERTAIN),
    (b"070701" + bytes(9), kinds.CPIO, Sure.CERTAIN),
    (b"# Linux/arm64 6.12.1 Kernel Configuration\n", kinds.CONFIG, Sure.LIKELY),
    (b"CONFIG_X=y\n", kinds.CONFIG, Sure.LIKELY),
    (bytes(9) + b"\n# CONFIG_X is not set\n" + bytes(9), kinds.CONFIG, Sure.LIKELY),
    (b"CONFIG_X and # Linux/ in \0 a string", kinds.RAW, Sure.GUESS),
    (b"ffffffc008000000 T _text\n", kinds.SYMBOLS, Sure.LIKELY),
    (b"layout: C\nfields: {}\n", kinds.FIELDS, Sure.LIKELY),
    (b'{"layout": "C"}', kinds.FIELDS, Sure.LIKELY),
    (b"hello\n", kinds.TEXT, Sure.GUESS),
    (bytes(64), kinds.RAW, Sure.GUESS),
    (b"", kinds.RAW, Sure.GUESS),
)


@pytest.mark.parametrize(("head", "kind", "sure"), BEGINNINGS, ids=lambda value: getattr(value, "name", None))
def test_a_file_is_recognised_by_its_beginning(head: bytes, kind: FileKind, sure: Sure) -> None:
    found = recognise(head)
    assert (found.kind, found.sure) == (kind, sure)


def test_every_kind_is_tried() -> None:
    """A row that nothing leads to would be a magic that no reader knows."""
    rows = [kind for kind in vars(kinds).values() if isinstance(kind, FileKind) and kind is not kinds.LISTING]
    assert {kind.name for kind in rows} == {kind.name for _, kind, _ in BEGINNINGS}
    assert all(kind.unpack for kind in rows if kind.role is Role.PACKED)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_packed_file_is_what_it_holds(pack: object, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(pack(elf64((0x1000, b"abcd"))))  # type: ignore[operator]
    with open_file(tmp_path / "f") as file:
        assert file.recognised.kind is kinds.ELF_CORE
        assert file.content.packed == (file.packing.unpack if file.packing else None)
        held = file.memory()
        assert isinstance(held, Memory)
        assert held.read(0x1000, 4) == b"abcd"


def test_an_open_file_is_read_even_where_its_name_is_gone(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(gzip.compress(elf64((0x1000, b"abcd"))))
    with open_file(tmp_path / "f.gz") as file:
        (tmp_path / "f.gz").unlink()
        assert file.recognised.kind is kinds.ELF_CORE
        held = file.memory()
        assert isinstance(held, Memory)
        assert held.read(0x1000, 4) == b"abcd"


def test_names_with_addresses(tmp_path: Path) -> None:
    for name in ("a", "b@1", "c"):
        (tmp_path / name).write_bytes(b"data")
    files = open_all([f"{tmp_path}/a@0x1000,{tmp_path}/c@8192", f"{tmp_path}/b@1"])
    try:
        assert [(Path(one.name).name, one.spec.base) for one in files] == [("a", 0x1000), ("c", 8192), ("b@1", None)]
    finally:
        for one in files:
            one.close()


def test_a_source_of_records(tmp_path: Path) -> None:
    """A raw file keeps its offsets and knows its base; several are one memory, by their addresses."""
    (tmp_path / "a").write_bytes(b"aaaa")
    (tmp_path / "b").write_bytes(b"bbbb")
    with open_source(f"{tmp_path}/a@0x1000") as one:
        assert (one.base, one.size, one.read(0, 4)) == (0x1000, 4, b"aaaa")
    with open_source(f"{tmp_path}/a@0x1000,{tmp_path}/b@0x2000") as both:
        assert (both.base, both.read(0x1000, 4), both.read(0x2000, 9)) == (0, b"aaaa", b"bbbb")
    (tmp_path / "core").write_bytes(elf64((0x1000, b"abcd")))
    with pytest.raises(DumpError, match="has physical addresses of its own; leave @0x5000 out"):
        open_source(f"{tmp_path}/core@0x5000")


def test_what_is_no_memory_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"AVML" + bytes(99))
    for opener in (open_source, lambda path: open_memory([path])):
        with pytest.raises(DumpError, match="f: is a compressed AVML dump; convert it: avml-convert FILE OUT"):
            opener(str(tmp_path / "f"))


def test_opened_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"CONFIG_X=y\n")
    with open_file(tmp_path / "f") as file:
        assert repr(file) == f"<Opened {tmp_path}/f: a kernel configuration>"
        assert isinstance(file, Opened)


class TestCommands:
    @pytest.mark.parametrize("command", ["decode", "find", "info", "facts", "table"])
    @pytest.mark.parametrize("way", ["named", "piped"])
    def test_packed_data_is_read_as_what_is_in_it(self, command: str, way: str, shipped: Path, tmp_path: Path) -> None:
        """One answer, however the bytes come; `table` says that there is none."""
        plain, packed = shipped / "crash-6.12.elf", tmp_path / "ram.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        run = [sys.executable, "-m", "kinfo", command, "--format", "json"]
        wanted = subprocess.run([*run, plain], capture_output=True, text=True, check=False)
        assert (wanted.returncode, bool(wanted.stdout)) == ((2, False) if command == "table" else (0, True))
        with packed.open("rb") as file:
            done = subprocess.run(
                [*run, packed if way == "named" else "-"], stdin=file, capture_output=True, text=True, check=False
            )
        shown = str(packed) if way == "named" else "<stdin>"
        assert (done.returncode, done.stdout.replace(shown, str(plain)), done.stderr.replace(shown, str(plain))) == (
            wanted.returncode,
            wanted.stdout,
            wanted.stderr,
        )

    def test_decode_takes_an_address(self, kinfo_cli: Cli, shipped: Path) -> None:
        path = shipped / "ram-6.12.bin"
        named = kinfo_cli("decode", f"{path}@0x80000000", "--format", "json")
        given = kinfo_cli("decode", path, "--base", "0x80000000", "--format", "json")
        assert (named.code, named.out) == (given.code, given.out)
        assert kinfo_cli("decode", f"{path}@0x80000000", "--base", "1").code == 2
