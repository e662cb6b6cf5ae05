"""kdump-compressed dumps, flattened or not: through pykdumpfile where it is installed, else an error that names the extra."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from kinfo.errors import DumpError, HoleError
from kinfo.memory import Memory
from kinfo.sources import open_memory, open_source
from tests.conftest import Cli
from tests.kdumps import BLOCK, flattened, kdump
from tests.kernels.image import make

INFO = b"OSRELEASE=6.12.1\nPAGESIZE=4096\n"
PAGES = {0x80000000: b"a" * BLOCK, 0x80001000: b"b" * BLOCK, 0x80005000: b"c" * BLOCK}
LEFT_OUT = 0x80003000


def need() -> None:
    pytest.importorskip("kdumpfile", reason="pykdumpfile is not installed", exc_type=ImportError)


@pytest.fixture(params=["plain", "flattened", "packed"])
def dump(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    data = kdump(PAGES, INFO, left_out=(LEFT_OUT,))
    data = flattened(data) if request.param == "flattened" else gzip.compress(data) if request.param == "packed" else data
    (tmp_path / "vmcore").write_bytes(data)
    return tmp_path / "vmcore"


def test_pages_are_where_they_were(dump: Path) -> None:
    need()
    memory = open_memory([dump])
    assert isinstance(memory, Memory)
    with memory:
        assert [(one.start, one.end) for one in memory.segments] == [(0x80000000, 0x80002000), (0x80005000, 0x80006000)]
        assert (memory.machine, memory.vmcoreinfo.rstrip(b"\0"), memory.is_raw) == (183, INFO, False)
        assert memory.read(0x80000FF0, 32) == b"a" * 16 + b"b" * 16
        for hole in (LEFT_OUT, 0x80002000, 0x80006000):
            with pytest.raises(HoleError):
                memory.read(hole, 1)


def test_records_are_looked_for_in_its_pages(dump: Path) -> None:
    need()
    with open_source(dump) as source:
        assert b"".join(bytes(window) for _, window in source.windows()) == b"".join(PAGES.values())


@pytest.mark.parametrize("cut", [100, BLOCK + 100, 3 * BLOCK, -10])
def test_a_damaged_one(cut: int, tmp_path: Path) -> None:
    need()
    (tmp_path / "vmcore").write_bytes(kdump(PAGES)[:cut])
    with pytest.raises(DumpError, match="vmcore: "):
        read_all(tmp_path / "vmcore")


def read_all(path: Path) -> None:
    memory = open_memory([path])
    assert isinstance(memory, Memory)
    with memory:
        for segment in memory.segments:
            memory.read(segment.start, segment.end - segment.start)


def test_the_kernel_in_it(tmp_path: Path, kinfo_cli: Cli) -> None:
    """All that is told of a kernel in a core is told of it in a kdump-compressed dump."""
    need()
    kernel = make()
    kernel.write_raw(tmp_path / "raw")
    data = (tmp_path / "raw").read_bytes()
    pages = {kernel.base + at: data[at : at + BLOCK].ljust(BLOCK, b"\0") for at in range(0, len(data), BLOCK)}
    (tmp_path / "vmcore").write_bytes(flattened(kdump(pages)))
    wanted = kinfo_cli("symbols", f"{tmp_path}/raw@{kernel.base:#x}")
    assert (kinfo_cli("symbols", tmp_path / "vmcore").out, wanted.code) == (wanted.out, 0)


@pytest.mark.parametrize("command", ["info", "find", "decode", "facts", "table"])
def test_without_the_extra_the_error_names_it(command: str, tmp_path: Path) -> None:
    (tmp_path / "vmcore").write_bytes(kdump(PAGES))
    hide = "import sys; sys.modules['kdumpfile'] = None; from kinfo.cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", hide, command, tmp_path / "vmcore"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"kinfo: {tmp_path}/vmcore: is a kdump-compressed dump, which pykdumpfile reads: ")
    assert "kinfo[kdump]; or write an ELF core: makedumpfile -E VMCORE OUT" in ran.stderr
