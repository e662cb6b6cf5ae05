"""Texts that are named beside a dump, a log or a copy of /proc/iomem: what is none is refused, with what to do."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from kinfo.errors import DumpError
from kinfo.sources.text import refuse_no_text
from tests.conftest import Cli
from tests.test_memory import elf64

LOG = b"[    0.000000] OF: reserved mem: 0x000000004e000000..0x000000004e000fff (4 KiB) nomap non-reusable kinfo\n"
NO_TEXT = {
    "log.gz": (gzip.compress(LOG, mtime=0), "is gzip data, not ", "unpack it first: gzip -dk "),
    "log.xz": (lzma.compress(LOG), "is xz data, not ", "unpack it first: xz -dk "),
    "vmlinux": (elf64(), "is an ELF core, not ", "name a "),
    "board.dtb": (b"\xd0\x0d\xfe\xed" + bytes(60), "is a devicetree blob or FIT image, not ", "name a "),
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_what_is_no_text_is_refused(name: str, tmp_path: Path, kinfo_cli: Cli, shipped: Path) -> None:
    data, what, hint = NO_TEXT[name]
    path, ram, page = tmp_path / name, shipped / "crash-6.12.elf", tmp_path / "page.html"
    path.write_bytes(data)
    board = "dts_examples/right/pixel-like.dtb"
    for words in (
        ("symbolize", ram, "--log", path),
        ("report", ram, "--log", path, "-o", page),
        ("verify-dt", board, "--no-schema", "--dmesg", path),
        ("verify-dt", board, "--no-schema", "--iomem", path),
        ("regions", ram, "--iomem", path),
    ):
        ran = kinfo_cli(*words)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), words
        assert f"{path}: {what}" in ran.err
        assert hint in ran.err
    assert not page.exists()


def test_a_pipe_is_unpacked_by_a_pipe() -> None:
    with pytest.raises(DumpError, match=r"^<stdin>: is gzip data, not a log; pipe it through gzip -dc first$"):
        refuse_no_text("<stdin>", NO_TEXT["log.gz"][0], "a log")
    for text in (b"", LOG, b"\0\0\0text of a console\n", b"\xff\xfe\xfd", b"schema_version: 1\n"):
        refuse_no_text("log", text, "a log")


@pytest.mark.parametrize("text", [b"", b"MemTotal: 1234 kB\n", b"[    0.000000] 40000000-4bffffff\n"])
def test_what_is_no_iomem(text: bytes, tmp_path: Path, kinfo_cli: Cli, shipped: Path) -> None:
    """Nothing found in what is no /proc/iomem at all says nothing of the memory."""
    path = tmp_path / "iomem"
    path.write_bytes(text)
    ran = kinfo_cli("regions", shipped / "crash-6.12.elf", "--iomem", path)
    assert (ran.code, ran.out) == (2, "")
    assert f"{path}: has no line of /proc/iomem; read /proc/iomem as root" in ran.err
