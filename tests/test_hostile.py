"""Every format that states numbers, with those numbers changed: an answer or a KinfoError, in bounded time and memory."""

from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import kinfo
from kinfo.dt.open import open_trees
from kinfo.errors import DumpError, KinfoError
from kinfo.inspect_table import read_table
from kinfo.memory import BytesDump, Memory, Segment
from kinfo.plain_data import plain
from kinfo.sources import open_memory
from tests import build_files, fdt, inspect_tables
from tests.kernels.image import make
from tests.test_memory import elf32, elf64, held, lime

PAGE = 4096
KERNEL = make()
BODY = bytes(range(256)) * 16
NOTE = struct.pack("<III", 11, 8, 0) + b"VMCOREINFO\0\0" + b"OSRELEAS"
TREE = fdt.blob(fdt.board())
MADE = inspect_tables.entries("v2")
EXTREMES = (0, 1, 0x7F, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def _read(path: Path) -> None:
    with held(path) as opened:
        if isinstance(opened, Memory):
            for segment in opened.segments:
                opened.view_up_to(segment.end - 1, 8)
                opened.as_dump.read(segment.start, 64)
    list(kinfo.find(path, step=4))


def test_a_lime_dump_of_less_than_a_header_is_cut_off(tmp_path: Path) -> None:
    """It has no memory that would let go of the file."""
    for size in (4, 16, 31):
        (tmp_path / "ram").write_bytes(lime((0x1000, BODY))[:size])
        with pytest.raises(KinfoError, match="the LiME header at 0x0 is cut off"):
            open_memory([str(tmp_path / "ram")])
    (tmp_path / "ram").write_bytes(lime((0x1000, BODY))[:32])
    with pytest.raises(KinfoError, match="has headers of memory, and none of it"):
        open_memory([str(tmp_path / "ram")])


def _kernel(path: Path) -> None:
    with kinfo.open_kernel(str(path)) as kernel:
        kernel.at(KERNEL.text_va + 8)
        kernel.named("linux_banner")
        _ = kernel.findings
        list(kernel.symbols(physical=True, modules=True))


def _trees(path: Path) -> None:
    list(open_trees(str(path)))


def _facts(path: Path) -> None:
    kinfo.facts(str(path))


def _table(path: Path) -> None:
    read_table(str(path), parse=plain)


def _elf(path: Path) -> bytes:
    KERNEL.write_elf(path / "seed.elf")
    return (path / "seed.elf").read_bytes()


def _lime(path: Path) -> bytes:
    KERNEL.write_lime(path / "seed.lime")
    return (path / "seed.lime").read_bytes()


def _vmlinux(_: Path) -> bytes:
    extras = [build_files.Extra(".BTF", build_files.module_types(KERNEL))]
    return build_files.vmlinux(KERNEL, build_files.symbol_values(KERNEL), extras=extras)


SEEDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], bytes]]] = {
    "ELF64": (_read, lambda _: elf64((0x1000, BODY), (0x8000, BODY), note=NOTE)),
    "ELF32": (_read, lambda _: elf32(0x1000, BODY)),
    "LiME": (_read, lambda _: lime((0x1000, BODY), (0x8000, BODY))),
    "gzip": (_read, lambda _: gzip.compress(BODY)),
    "xz": (_read, lambda _: lzma.compress(BODY)),
    "zstd": (_read, lambda _: zstandard.compress(BODY)),
    "kernel, ELF": (_kernel, _elf),
    "kernel, LiME": (_kernel, _lime),
    "blob": (_trees, lambda _: TREE),
    "DT table": (_trees, lambda _: fdt.dt_table([fdt.Entry(TREE), fdt.Entry(gzip.compress(TREE))], version=1)),
    "boot image": (_trees, lambda _: fdt.boot_image(2, dtb=TREE)),
    "vendor_boot": (_trees, lambda _: fdt.vendor_boot(4, TREE)),
    "vmlinux": (_facts, _vmlinux),
    "Image": (_facts, lambda _: build_files.raw_image(KERNEL, extra=build_files.module_types(KERNEL))),
    "array": (_table, lambda _: inspect_tables.runtime(MADE)),
    "regions": (_table, lambda _: inspect_tables.regions("v2", MADE)),
    "core image": (_table, lambda _: inspect_tables.core(MADE, named=["linux_banner", "init_uts_ns"])),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def seeds(folder: Path) -> dict[str, bytes]:
    return {name: seed(folder) for name, (_, seed) in SEEDS.items()}


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[int, int, bytes]]:
    """Place (thousandths of the head, of all of it, or words from its start), and the bytes to put there."""
    number = st.sampled_from(EXTREMES) | st.integers(0, (1 << 64) - 1)
    one = st.tuples(
        st.sampled_from((0, 1, 2)),
        st.integers(0, 1000),
        st.builds(
            lambda value, size, big: (value & (1 << 8 * size) - 1).to_bytes(size, "big" if big else "little"),
            number,
            st.sampled_from((1, 2, 4, 8)),
            st.booleans(),
        ),
    )
    return draw(st.lists(one, min_size=1, max_size=4))


def changed(data: bytes, changes: list[tuple[int, int, bytes]], keep: int) -> bytes:
    result = bytearray(data)
    for kind, at, what in changes:
        place = (at * 2 % 512, at * 4 % 4096, at * len(data) // 1001)[kind]
        result[place : place + len(what)] = what[: max(0, len(data) - place)]
    return bytes(result[: len(data) * keep // 1000 or 1])


@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=60, deadline=None)
@given(changes=edits(), keep=st.just(1000) | st.integers(0, 1000))
def test_an_answer_or_a_kinfo_error(
    name: str, seeds: dict[str, bytes], folder: Path, changes: list[tuple[int, int, bytes]], keep: int
) -> None:
    path = folder / "changed"
    path.write_bytes(changed(seeds[name], changes, keep))
    try:
        SEEDS[name][0](path)
    except KinfoError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", SEEDS)
def test_the_seeds_are_sound(name: str, seeds: dict[str, bytes], folder: Path) -> None:
    (folder / "sound").write_bytes(seeds[name])
    SEEDS[name][0](folder / "sound")


def xnum(shoff: int, count: bytes = struct.pack("<I", 2)) -> bytes:
    """A core with two PT_LOADs whose number only section header 0 has."""
    data = bytearray(elf64((0x1000, BODY), (0x8000, BODY), phnum=0xFFFF))
    data += bytes(-len(data) % 8)
    struct.pack_into("<Q", data, 40, len(data) if shoff < 0 else shoff)
    return bytes(data) + bytes(44) + count + bytes(16)


def test_more_program_headers_than_e_phnum_can_say(tmp_path: Path) -> None:
    (tmp_path / "core").write_bytes(xnum(-1))
    with open_memory([str(tmp_path / "core")]) as memory:  # type: ignore[union-attr]
        assert isinstance(memory, Memory)
        assert [segment.start for segment in memory.segments] == [0x1000, 0x8000]


@pytest.mark.parametrize(
    "data",
    [xnum(0), xnum((1 << 64) - 45), xnum(1 << 62), xnum(-1, b"\xff\xff\xff\xff"), xnum(-1, bytes(4)), xnum(-1)[:-17]],
    ids=["none", "2^64", "2^62", "too many", "zero", "cut"],
)
def test_a_section_header_that_cannot_be(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "core").write_bytes(data)
    with pytest.raises(DumpError, match="core: the program headers are damaged or cut off; check that it was copied whole"):
        held(tmp_path / "core")


def test_more_program_headers_than_16_bits(tmp_path: Path) -> None:
    count = 0x10001
    loads = b"".join(struct.pack("<IIQQQQQQ", 1, 4, 64, 0, 0x1000 + at, 1, 1, 0) for at in range(count - 1))
    last = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0x40000000, 4, 4, 0)
    ident = b"\x7fELF\2\1\1"
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, 4, 183, 1, 0, 64, 64 + 56 * count, 0, 64, 56, 0xFFFF, 64, 1, 0)
    (tmp_path / "core").write_bytes(head + loads + last + bytes(44) + struct.pack("<I", count) + bytes(16))
    with held(tmp_path / "core") as memory:
        assert isinstance(memory, Memory)
        assert memory.read(0x40000000, 4) == b"\x7fELF"
        assert len(memory.segments) == count


@pytest.mark.parametrize("last", [(1 << 64) - 1, (1 << 63) + 5])
def test_a_range_to_the_end_of_all_addresses(last: int, tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(struct.pack("<4sIQQ8x", b"EMiL", 1, 0x1000, last) + BODY)
    with held(tmp_path / "dump") as memory:
        assert isinstance(memory, Memory)
        assert memory.end == 0x1000 + len(BODY)
    assert list(kinfo.find(tmp_path / "dump")) == []


def test_memory_beyond_64_bits() -> None:
    dump = BytesDump(bytes(16), "dump")
    with pytest.raises(DumpError, match="dump: its memory ends at 0x10000000000000008, beyond 64 bits; check the addresses"):
        Memory("dump", [Segment((1 << 64) - 8, (1 << 64) + 8, dump, 0)])


def test_headers_that_multiply_the_file(tmp_path: Path) -> None:
    """64 times the same 64 KiB would be scanned as 4 MiB; with more headers, as terabytes."""
    count, size = 64, 1 << 16
    loads = b"".join(struct.pack("<IIQQQQQQ", 1, 4, 64, 0, at * size, size, size, 0) for at in range(count))
    ident = b"\x7fELF\2\1\1"
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, 4, 183, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    (tmp_path / "core").write_bytes((head + loads).ljust(64 + size, b"\0"))
    with pytest.raises(
        DumpError, match="core: its headers show the same bytes over and over; check that it was copied whole"
    ):
        held(tmp_path / "core")


def test_notes_without_end_are_not_read_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinfo.elf.read.NOTES_LIMIT", 1000)
    read: list[int] = []

    def counted(notes: memoryview) -> tuple[()]:
        read.append(len(notes))
        return ()

    monkeypatch.setattr("kinfo.elf.read.each", counted)
    headers = struct.pack("<IIQQQQQQ", 4, 0, 0, 0, 0, 600, 0, 0) * 5 + struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, 64, 64, 0)
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 183, 1, 0, 64, 0, 0, 64, 56, 6, 0, 0, 0)
    (tmp_path / "core").write_bytes((head + headers).ljust(700, b"\0"))
    with held(tmp_path / "core"):
        assert read == [600, 400]


def reads() -> Iterator[tuple[int, int]]:
    for number in (1 << 31, 1 << 62, 1 << 63, 1 << 64, 1 << 70):
        yield number, 16
        yield 0, number
        yield number, number


@pytest.mark.parametrize(("offset", "size"), [*reads()])
def test_reads_by_any_number(offset: int, size: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    for dump in (held(tmp_path / "file"), BytesDump(BODY)):
        assert not isinstance(dump, Memory)
        with dump:
            wanted = BODY if offset == 0 else b""
            assert dump.read(offset, size) == wanted
            assert bytes(dump.view(offset, size)) == wanted
            assert b"".join(bytes(window) for _, window in dump.windows(offset, offset + size)) == wanted
