"""Dumps: files, sparse files, streams, and what is none."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kinfo
from kinfo.errors import DumpError
from kinfo.memory import BytesDump, FileDump, open_dump, spool
from kinfo.memory import dump as dump_module
from kinfo.record.layouts import MAGICS
from kinfo.record.locate import find
from kinfo.record.scan import PAGE, magic_offsets, near_magic_offsets, page_magics
from kinfo.sources.recognise import packing
from tests.conftest import Cli
from tests.synthetic import make_fields

MAGIC = bytes.fromhex("ffddeecc")
OLD_MAGIC = bytes.fromhex("ddbbccaa")


def naive_offsets(data: bytes, step: int) -> list[int]:
    return [offset for offset in range(0, len(data) - 3, step) if data[offset : offset + 4] in (MAGIC, OLD_MAGIC)]


@settings(deadline=None)
@given(
    st.integers(0, 40_000),
    st.lists(st.tuples(st.integers(0, 39_999), st.sampled_from((MAGIC, OLD_MAGIC)))),
    st.sampled_from((4, 8, 12, 512, 1024, 2048, 4096, 8192)),
)
def test_magics_are_where_a_naive_search_finds_them(size: int, places: list[tuple[int, bytes]], step: int) -> None:
    data = bytearray(size)
    for place, magic in places:
        data[place : place + 4] = magic[: max(0, min(4, size - place))] if place < size else b""
    assert list(magic_offsets(BytesDump(bytes(data)), step)) == naive_offsets(bytes(data), step)


def test_magics_across_windows_and_extents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump_module, "WINDOW", 8192)
    monkeypatch.setattr(dump_module, "_SMALL", 0)
    data = bytearray(os.urandom(60_000))
    for place in (0, 4096, 8188, 8192, 12288, 59_996):
        data[place : place + 4] = MAGIC
    (tmp_path / "f").write_bytes(data)
    with open_dump(tmp_path / "f") as source:
        assert list(magic_offsets(source, 4)) == naive_offsets(bytes(data), 4)
        assert list(magic_offsets(source, 4096)) == naive_offsets(bytes(data), 4096)


def test_extents_of_a_sparse_file_are_seen_once(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    places = [0x40000, 0x80000, 0x81000, 0xFF000]
    with path.open("wb") as file:
        file.truncate(4 << 20)
        for place in places:
            file.seek(place)
            file.write(MAGIC)
    with open_dump(path) as source:
        for step in (4, 4096):
            assert list(magic_offsets(source, step)) == places


def test_swapped_magics() -> None:
    data = BytesDump(MAGIC[::-1] + bytes(8188) + MAGIC)
    assert list(magic_offsets(data, 4096, swapped=True)) == [0]
    assert list(magic_offsets(data, 4096)) == [8192]


def test_reads_at_and_behind_the_end(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    with open_dump(tmp_path / "f") as file:
        for source in (file, BytesDump(b"0123456789")):
            assert source.size == 10
            assert (source.read(2, 3), source.read(8, 9), source.read(10, 1), source.read(99, 1)) == (b"234", b"89", b"", b"")


def test_a_stream_is_spooled() -> None:
    with open_dump("-", io.BytesIO(b"x" * 3_000_000)) as source:
        assert (source.name, source.size, source.read(2_999_999, 5)) == ("<stdin>", 3_000_000, b"x")


def test_a_stream_is_what_it_was_for_whoever_asks_again() -> None:
    """A command that does not find what it looks for looks for something else; a pipe gives its bytes once."""
    stream = io.BytesIO(b"first")
    for _ in range(3):
        with open_dump("-", stream) as source:
            assert source.read(0, 99) == b"first"
    stream.write(b"second")
    stream.seek(5)
    with open_dump("-", stream) as source:
        assert source.read(0, 99) == b"second"
    with pytest.raises(DumpError, match="<stdin>: is empty"):
        open_dump("-", io.BytesIO())
    held = len(spool._STREAMS)
    del stream
    assert len(spool._STREAMS) == held - 1


def test_a_stream_that_finds_no_room_is_not_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "w+b"))  # noqa: SIM115  # it is closed with the error
    stream = io.BytesIO(b"x" * 3_000_000)
    said = rf"^<stdin>: cannot spool: No space left on device; make room in {tempfile.gettempdir()}, or save it to a file"
    with pytest.raises(DumpError, match=said):
        open_dump("-", stream)
    monkeypatch.undo()
    with pytest.raises(DumpError, match=said):
        open_dump("-", stream)


@pytest.mark.parametrize(
    ("data", "command"),
    [(b"\x1f\x8b\x08", "gzip -dk"), (b"\x28\xb5\x2f\xfd", "zstd -dk"), (b"\xfd7zXZ\0", "xz -dk"), (b"plain", None)],
)
def test_compressed_dumps_are_recognised(data: bytes, command: str | None) -> None:
    kind = packing(data)
    assert (kind.unpack if kind else None) == command


def test_a_stream_that_cannot_be_read() -> None:
    class Broken(io.RawIOBase):
        def read(self, _size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(DumpError, match=r"^<stdin>: cannot spool: Input/output error; save it to a file and name that$"):
        open_dump("-", Broken())  # type: ignore[arg-type]
    with pytest.raises(DumpError, match="there is no standard input here"):
        open_dump("-")


def test_a_read_error_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    file = (tmp_path / "f").open("rb")
    source = FileDump(file, "f")
    source.close()
    with (tmp_path / "f").open("ab") as write_only:
        source = FileDump(write_only, "f")
        with pytest.raises(DumpError, match=r"^f: cannot read at 0x0: Bad file descriptor; check the disk$"):
            source.read(0, 4)


def test_what_is_no_dump(tmp_path: Path, kinfo_cli: Cli) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").touch()
    messages = {
        tmp_path / "none": "No such file or directory; check the path and its permissions",
        tmp_path / "fifo": f"is a FIFO; pipe it in: kinfo ... - < {tmp_path}/fifo",
        Path("/dev/null"): "is neither a file nor a block device; copy the memory to a file first",
        tmp_path / "empty": "is empty; check the command that wrote it",
    }
    for path, message in messages.items():
        for command in ("decode", "find"):
            ran = kinfo_cli(command, path)
            assert (ran.code, ran.err) == (2, f"kinfo: {path}: {message}\n")
    for command in ("decode", "find"):
        ran = kinfo_cli(command, tmp_path)  # a folder is looked through
        assert ran.code == 2
        assert ran.err.startswith(f"kinfo: {tmp_path}/empty: is empty; check the command that wrote it\n")
        assert "passed over: 1 devices, sockets or pipes" in ran.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "f").chmod(0)
    assert kinfo_cli("decode", tmp_path / "f").err.startswith(f"kinfo: {tmp_path}/f: Permission denied; check")


def test_names_with_control_characters_are_shown_escaped(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "a\x1b[31m\nb"
    assert r"a\x1b[31m\x0ab: no such file, and nothing fits it as a pattern" in kinfo_cli("decode", path).err
    path.write_bytes(kinfo.encode(make_fields("C", 1), "C"))
    for form in ("text", "json", "sarif", "junit", "github"):
        assert "\x1b" not in kinfo_cli("decode", path, "--format", form).out


def test_a_sparse_file_of_16_gib_takes_no_time_and_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(16 << 30)
        file.seek((16 << 30) - 4096)
        file.write(kinfo.encode(make_fields("C", 1), "C"))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        resource.setrlimit(
            resource.RLIMIT_CPU, (10, 10)
        )  # processor time: against reading 16 GiB, not against a slow machine

    done = subprocess.run(
        [sys.executable, "-m", "kinfo", "find", str(path)],
        *(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    assert done.returncode == 0, done.stderr
    assert "0x3fffff000   record  C" in done.stdout


def test_files_of_proc_are_read_to_their_end() -> None:
    """/proc/kallsyms cannot seek to its end."""
    if not Path("/proc/kallsyms").is_file():
        pytest.skip("no /proc/kallsyms here")
    with open_dump("/proc/kallsyms") as dump:
        assert dump.size == len(Path("/proc/kallsyms").read_bytes())


def test_a_loop_over_windows_may_be_left_with_a_part_in_hand(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abcdefgh" * 1024)
    with open_dump(str(tmp_path / "file")) as dump:
        windows = dump.windows(4)
        _, window = next(windows)
        part = window[:4]
        windows.close()  # type: ignore[attr-defined]
        assert bytes(part) == b"efgh"


@given(
    words=st.lists(st.sampled_from([0, MAGICS[0], *MAGICS, MAGICS[0] ^ 1, MAGICS[-1] ^ 1 << 31, 0xFFFFFFFF]), max_size=12),
    start=st.integers(0, PAGE),
    cut=st.integers(0, 9),
)
def test_one_walk_over_pages_finds_what_two_find(words: list[int], start: int, cut: int) -> None:
    data = bytes(start) + b"".join(word.to_bytes(4, "little").ljust(PAGE, b"\0") for word in words)
    dump = BytesDump(data[: len(data) - cut])
    near: list[int] = []
    assert list(page_magics(dump, near)) == list(magic_offsets(dump))
    assert near == list(near_magic_offsets(dump))


def test_records_at_pages_are_found_in_one_walk() -> None:
    walks = []

    class Walked(BytesDump):
        def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
            walks.append(1)
            return super().windows(start, end)

    record = kinfo.encode(make_fields("C", 1), "C")
    flipped = bytes((record[0] ^ 4, *record[1:]))
    found = [hit.offset for hit in find(Walked(record.ljust(PAGE, b"\0") + flipped.ljust(PAGE, b"\0")))]
    assert found == [0, PAGE]
    assert len(walks) == 1


@pytest.mark.parametrize("how", ["view", "windows"])
def test_a_small_file_that_is_cut_while_it_is_read(how: str, tmp_path: Path) -> None:
    """Mapped, it would end the process with SIGBUS."""
    path = tmp_path / "dump.bin"
    path.write_bytes(bytes(range(256)) * 64)
    with open_dump(path) as dump:
        os.truncate(path, 100)
        with pytest.raises(DumpError, match=r"dump.bin: was cut while it was read, from 0x4000 to 0x64 bytes; read it when"):
            dump.view(0, 8) if how == "view" else list(dump.windows())
    path.write_bytes(bytes(range(256)) * 64)
    with open_dump(path) as dump:
        view = dump.view(8192, 16)
        os.truncate(path, 100)
        assert view == bytes(range(16))
        assert [(at, len(part)) for at, part in dump.windows(4, 16000)] == [(4, 15996)]
        assert list(dump.windows(1 << 20)) == []


def test_a_large_file_that_is_cut_between_two_windows(tmp_path: Path) -> None:
    path = tmp_path / "dump.bin"
    path.write_bytes(b"x" * (dump_module.WINDOW + 8192))
    with open_dump(path) as dump:
        windows = dump.windows()
        assert len(next(windows)[1]) == dump_module.WINDOW
        os.truncate(path, 4096)
        with pytest.raises(DumpError, match=r"was cut while it was read, from 0x802000 to 0x1000 bytes"):
            next(windows)
        with pytest.raises(DumpError, match=r"was cut while it was read"):
            dump.view(0, 8)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no /proc here")
def test_a_file_that_cannot_be_kept_is_named() -> None:
    with pytest.raises(
        DumpError, match=r"^/proc/self/mem: cannot spool: Input/output error; save it to a file and name that$"
    ):
        open_dump("/proc/self/mem")
