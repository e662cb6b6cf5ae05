"""Physical memory: cores, LiME dumps, raw files at an address, compressed ones; holes are errors, never zeros."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import shutil
import struct
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import DumpError, HoleError
from kinfo.memory import BytesDump, Dump, Memory, Segment
from kinfo.sources import RawDump, open_file, open_memory, open_source, unpack
from tests.conftest import Cli
from tests.synthetic import make_fields

PAGE = 4096


def held(path: Path) -> Dump | Memory:
    """What a file holds, as whoever opens it sees it."""
    file = open_file(path)
    try:
        return file.memory()
    except BaseException:
        file.close()
        raise


Load = tuple[int, bytes]


def elf64(*loads: Load, kind: int = 4, note: bytes = b"", phnum: int | None = None, data: int = 1) -> bytes:
    """An ELF64 core with PT_LOADs at these PAs."""
    count = len(loads) + bool(note)
    at = 64 + 56 * count
    headers, bodies = b"", b""
    for type_, pa, body in (*([(4, 0, note)] if note else []), *((1, pa, body) for pa, body in loads)):
        headers += struct.pack("<IIQQQQQQ", type_, 4, at + len(bodies), 0, pa, len(body), len(body), 0)
        bodies += body
    number = count if phnum is None else phnum
    ident = b"\x7fELF" + bytes((2, data, 1))
    return struct.pack("<16sHHIQQQIHHHHHH", ident, kind, 183, 1, 0, 64, 0, 0, 64, 56, number, 0, 0, 0) + headers + bodies


def elf32(pa: int, body: bytes) -> bytes:
    ident = b"\x7fELF\1\1\1"
    head = struct.pack("<16sHHIIIIIHHHHHH", ident, 4, 40, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    return head + struct.pack("<IIIIIIII", 1, 84, 0, pa, len(body), len(body), 4, 0) + body


def lime(*ranges: Load, version: int = 1) -> bytes:
    return b"".join(struct.pack("<4sIQQ8x", b"EMiL", version, pa, pa + len(body) - 1) + body for pa, body in ranges)


def opened(path: Path, data: bytes) -> Memory:
    path.write_bytes(data)
    memory = held(path)
    assert isinstance(memory, Memory)
    return memory


@pytest.mark.parametrize(
    "data",
    [
        elf64((0x2000, b"b" * PAGE), (0x1000, b"a" * PAGE)),
        lime((0x1000, b"a" * PAGE), (0x2000, b"b" * PAGE)),
        elf64((0x1000, b"a" * PAGE), (0x1800, b"x" * 0x800 + b"b" * PAGE)),
    ],
    ids=["ELF out of order", "LiME", "overlap: the first is believed"],
)
def test_ranges_of_containers(data: bytes, tmp_path: Path) -> None:
    with opened(tmp_path / "dump", data) as memory:
        assert memory.read(0x1FFE, 4) == b"aabb"
        assert memory.number(0x1000, 2) == 0x6161
        assert memory.holds(0x1000, 2 * PAGE)
        assert not memory.holds(0x1000, 2 * PAGE + 1)
        assert bytes(memory.view_up_to(0x2FFE, 10)) == b"bb"
        assert not memory.view_up_to(0x3000, 1)
        with pytest.raises(HoleError) as caught:
            memory.read(0x2FFE, 4)
        message = (
            f"{tmp_path / 'dump'}: no memory at PA 0x3000 (of 4 bytes at 0x2ffe); dump that range too, or check FILE@BASE"
        )
        assert str(caught.value) == message
        assert caught.value.pa == 0x3000


def test_elf32_and_its_machine(tmp_path: Path) -> None:
    with opened(tmp_path / "core", elf32(0x80000000, b"word")) as memory:
        assert (memory.machine, memory.read(0x80000000, 4)) == (40, b"word")


def test_a_core_cut_off_has_holes_not_zeros(tmp_path: Path) -> None:
    with opened(tmp_path / "core", elf64((0x1000, b"a" * PAGE))[:-100]) as memory:
        assert memory.end == 0x1000 + PAGE - 100
    with opened(tmp_path / "ram.lime", lime((0x1000, b"a" * PAGE))[:-100]) as memory:
        assert memory.end == 0x1000 + PAGE - 100


def test_more_program_headers_than_e_phnum_can_say(tmp_path: Path) -> None:
    data = bytearray(elf64((0x1000, b"abcd"), phnum=0xFFFF))
    struct.pack_into("<Q", data, 40, len(data))  # e_shoff: section 0, whose sh_info has the number
    with opened(tmp_path / "core", bytes(data) + bytes(44) + (1).to_bytes(4, "little") + bytes(16)) as memory:
        assert memory.read(0x1000, 4) == b"abcd"


def test_vmcoreinfo_note(tmp_path: Path) -> None:
    other = struct.pack("<III", 5, 3, 1) + b"CORE\0\0\0\0" + b"xyz\0"
    note = struct.pack("<III", 11, 9, 0) + b"VMCOREINFO\0\0" + b"OSRELEASE\0\0\0"
    with opened(tmp_path / "core", elf64((0x1000, b"abcd"), note=other + note)) as memory:
        assert memory.vmcoreinfo == b"OSRELEASE"
    hostile = struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with opened(tmp_path / "core", elf64((0x1000, b"abcd"), note=hostile)) as memory:
        assert memory.vmcoreinfo == b""


WHOLE = "check that it was copied whole"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x7fELF", f"the ELF header is damaged; {WHOLE}"),
        (elf64((0x1000, b"a"))[:40], f"the ELF header is cut off; {WHOLE}"),
        (elf64((0x1000, b"a"), data=2), "is a big-endian ELF file; kinfo reads little-endian machines only"),
        (elf64((0x1000, b"a"), kind=2), "is an ELF file but no core; name the memory dump, not the kernel image"),
        (elf64(note=b"note"), f"is an ELF core without memory in it; {WHOLE}"),
        (elf64((0x1000, b"a"), phnum=1 << 14), f"the program headers are damaged or cut off; {WHOLE}"),
        (
            elf64((0, b"a"), (0, b"b")),
            "is an ELF core without physical addresses: every p_paddr is 0; dump physical memory instead",
        ),
        (lime((0x1000, b"abcd"), version=2), f"the LiME header at 0x0 is damaged; {WHOLE}"),
        (lime((0x1000, b"abcd")) + bytes(32), f"the LiME header at 0x24 is damaged; {WHOLE}"),
        (struct.pack("<4sIQQ8x", b"EMiL", 1, 5, 4), f"the LiME header at 0x0 is damaged; {WHOLE}"),
        (b"AVML" + bytes(99), "is a compressed AVML dump; convert it: avml-convert FILE OUT"),
    ],
)
def test_damaged_containers(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(data)
    with pytest.raises(DumpError) as caught:
        open_memory([str(path)])
    assert str(caught.value) == f"{path}: {message}"


def test_damaged_containers_are_searched_as_plain_bytes(tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(b"\x7fELF")
    with open_source(str(path)) as source:
        assert (source.base, source.size) == (None, 4)


class TestSpecs:
    def test_raw_files_at_addresses(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"aaaa")
        (tmp_path / "b@0x10").write_bytes(b"bbbb")
        for words in ([f"{tmp_path}/a@0x1000", f"{tmp_path}/b@0x10@0x1004"], [f"{tmp_path}/a@0x1000,{tmp_path}/b@0x10@4100"]):
            memory = open_memory(words)
            assert isinstance(memory, Memory)
            with memory:
                assert (memory.read(0x1002, 4), memory.is_raw) == (b"aabb", True)
        single = open_memory([f"{tmp_path}/b@0x10"])  # a file of just that name
        assert isinstance(single, RawDump)
        single.dump.close()

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["raw", "raw@0x1000"], "raw: is raw memory at an unknown address; write raw@0x80000000, say"),
            (["core@0x1000"], "core: has physical addresses of its own; leave @0x1000 out"),
            (["raw@here"], "raw@here: 'here' is no address; write FILE@0x80000000"),
            (["raw@-1"], "raw@-1: -1 is not within 64 bits; write FILE@0x80000000"),
            (["none@0x1000"], "none: No such file or directory; check the path and its permissions"),
        ],
    )
    def test_what_cannot_be(self, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("raw").write_bytes(b"raw")
        Path("core").write_bytes(elf64((0x1000, b"abcd")))
        with pytest.raises(DumpError) as caught:
            open_memory(words)
        assert str(caught.value) == message

    def test_a_core_beside_raw_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("raw").write_bytes(b"rr")
        Path("core").write_bytes(elf64((0x1000, b"cc")))
        with open_memory(["core", "raw@0x1002"]) as memory:  # type: ignore[union-attr]
            assert memory.read(0x1000, 4) == b"ccrr"
            assert (memory.name, memory.is_raw, memory.machine) == ("core and 1 more", False, 183)


class TestCompressed:
    @pytest.mark.parametrize(
        "pack",
        [gzip.compress, lzma.compress, bz2.compress, lz4.frame.compress, zstandard.ZstdCompressor().compress],
        ids=["gz", "xz", "bz2", "lz4", "zst"],
    )
    def test_unpacked_into_a_sparse_file(self, pack: object, tmp_path: Path) -> None:
        data = elf64((0x1000, b"abcd" + bytes(8 << 20) + b"end."))
        path = tmp_path / "ram"
        path.write_bytes(pack(data))  # type: ignore[operator]
        with held(path) as memory:
            assert isinstance(memory, Memory)
            assert memory.read(0x1000 + 4 + (8 << 20), 4) == b"end."
            assert os.fstat(memory.segments[0].dump._file.fileno()).st_blocks < 1000  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("magic", "name", "tool"), [(b"PK\x03\x04", "zip", "unzip"), (b"\x02\x21\x4c\x18", "lz4-legacy", "lz4")]
    )
    def test_other_tools(self, magic: bytes, name: str, tool: str, tmp_path: Path) -> None:
        path = tmp_path / "ram"
        path.write_bytes(magic + bytes(50))
        with pytest.raises(DumpError, match=f"is compressed with {name}; unpack it first: {tool} "):
            held(path)

    def test_limits(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "ram.gz"
        path.write_bytes(gzip.compress(bytes(4 << 20)))
        with monkeypatch.context() as patch:
            patch.setattr(unpack, "SPILL_LIMIT", 1 << 20)
            with pytest.raises(DumpError, match="unpacks to more than 0 GiB; unpack it first: gzip -dk"):
                held(path)
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        with pytest.raises(DumpError, match="is too full to unpack it; unpack it first: gzip -dk"):
            held(path)

    def test_damage(self, tmp_path: Path) -> None:
        path = tmp_path / "ram.gz"
        path.write_bytes(gzip.compress(os.urandom(5000))[:-2000])
        with pytest.raises(DumpError, match="is compressed, and damaged or cut off: "):
            held(path)


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), min_size=1, max_size=5), st.data())
def test_memory_is_its_segments_and_nothing_else(parts: list[tuple[int, bytes]], data: st.DataObject) -> None:
    ordered = sorted(parts, key=lambda part: part[0])
    model: dict[int, int] = {}
    for start, body in ordered:
        for at, byte in enumerate(body, start):
            model.setdefault(at, byte)
    memory = Memory("m", [Segment(start, start + len(body), BytesDump(body), 0) for start, body in parts])
    start, size = data.draw(st.integers(0, 90)), data.draw(st.integers(0, 30))
    missing = [at for at in range(start, start + size) if at not in model]
    if len({start for start, _ in parts}) < len(parts):
        return  # which of two that begin alike is believed is nobody's promise
    if missing:
        with pytest.raises(HoleError) as caught:
            memory.read(start, size)
        assert caught.value.pa == missing[0]
    else:
        assert memory.read(start, size) == bytes(model[at] for at in range(start, start + size))


@pytest.mark.parametrize("cut", [0x40, 0x100])
def test_a_record_across_two_segments(tmp_path: Path, shipped: Path, kinfo_cli: Cli, cut: int) -> None:
    """Segments that follow one another are one memory; a hole ends what is read."""
    data = (shipped / "pixel-5.10.bin").read_bytes()
    for gap in (0, 0x1000):
        (tmp_path / "ram.lime").write_bytes(lime((0x80000000, data[:cut]), (0x80000000 + cut + gap, data[cut:])))
        ran = kinfo_cli("decode", tmp_path / "ram.lime", "--format", "json")
        found = json.loads(ran.out)["records"][0]["checksum"]["state"]
        assert found == ("mismatch" if gap else "valid")
    memory = Memory("two", [Segment(0, 4, BytesDump(b"0123"), 0), Segment(4, 8, BytesDump(b"4567"), 0)])
    assert memory.as_dump.read(2, 99) == b"234567"
    assert memory.as_dump.read(5, 2) == b"56"
    assert memory.as_dump.read(8, 2) == b""
    assert bytes(memory.as_dump.view(0, 17 << 20)) == b"0123"


def test_a_damaged_core_is_said_to_be_plain_bytes(tmp_path: Path, kinfo_cli: Cli) -> None:
    """Offsets of a sound core are PAs: those of the file must not be taken for them."""
    (tmp_path / "ram.elf").write_bytes(
        elf64((0x1000, kinfo.encode(make_fields("C", 3), "C").ljust(4096, b"\0")), phnum=1 << 14)
    )
    ran = kinfo_cli("find", tmp_path / "ram.elf", "--step", 4)
    assert (ran.code, ran.out.splitlines()[1].split()[:2]) == (0, ["0x78", "record"])
    told = "the program headers are damaged or cut off: looked through as plain bytes, at offsets of the file"
    assert ran.err == f"kinfo: {tmp_path}/ram.elf: {told}\n"
    ran = kinfo_cli("decode", tmp_path / "ram.elf")
    assert ran.err.count(told) == 1
