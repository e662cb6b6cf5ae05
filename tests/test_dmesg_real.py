"""The kernel's log out of real dumps: equal to what the guest itself said, and to what other readers make of the dumps."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import zstandard

import kinfo
from kinfo.cli.main import run
from kinfo.kernel.printk import layout
from kinfo.kernel.printk.of_kernel import where_of
from tests.conftest import Cli, RealKernel
from tests.kernels import printk
from tests.kernels.printk import LogBuf, Ring, buffer_core, ring_core

_TIME = re.compile(rb"^\[ *\d+\.\d{6}\] ", re.MULTILINE)


def unpacked(path: Path, into: Path) -> Path:
    into = into / path.name.removesuffix(".zst")
    with path.open("rb") as packed, into.open("wb") as out:
        zstandard.ZstdDecompressor().copy_stream(packed, out)
    return into


@pytest.fixture(scope="module")
def crash(real_samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The memory of a stock 6.18 kernel after a panic, and what it said before and in it."""
    folder = real_samples / "crash-6.18"
    if not (folder / "crash.elf.zst").is_file():
        pytest.skip("no crash-6.18 among the real samples")
    into = tmp_path_factory.mktemp("crash")
    files = {name: unpacked(folder / f"{name}.zst", into) for name in ("crash.elf", "dmesg.txt", "oops.txt")}
    return files | {"kinfo": folder / "kinfo.bin"}


@pytest.fixture(scope="module")
def regions(real_samples: Path) -> Path:
    folder = real_samples / "kernels" / "meminspect-v1"
    if not (folder / "meminspect" / "md").is_dir():
        pytest.skip("no meminspect-v1 among the real samples")
    return folder


@pytest.mark.parametrize("has_record", [True, False])
def test_a_panic_is_what_the_guest_said(
    crash: dict[str, Path], capfdbinary: pytest.CaptureFixture[bytes], has_record: bool
) -> None:
    record = ["--kinfo", str(crash["kinfo"])] if has_record else []
    assert run(["dmesg", str(crash["crash.elf"]), "--raw", *record]) == 0
    lines = capfdbinary.readouterr().out.splitlines()
    said = crash["dmesg.txt"].read_bytes().splitlines()
    assert lines[: len(said)] == said
    oops = [line for line in crash["oops.txt"].read_bytes().replace(b"\r", b"").splitlines() if line.startswith(b"[")]
    assert [re.sub(rb"^<\d+>", b"", line) for line in lines[len(said) :]] == oops


def test_a_cut_dump_costs_what_is_missing(crash: dict[str, Path], kinfo_cli: Cli, tmp_path: Path) -> None:
    raw = crash["crash.elf"].read_bytes()
    short = tmp_path / "short.elf"
    short.write_bytes(raw[: len(raw) // 8])
    done = kinfo_cli("dmesg", short)
    assert (done.code, done.out) == (2, "")
    notice, refusal = done.err.splitlines()
    assert f"{short}: is cut off: {short.stat().st_size} bytes of the " in notice
    assert refusal.startswith(f"kinfo: {short}: no VMCOREINFO in it leads to the kernel's log; name a record with --kinfo")


def test_the_sample_memory(real_samples: Path, tmp_path: Path) -> None:
    if not (real_samples / "ram" / "ram.elf.zst").is_file():
        pytest.skip("no memory among the real samples")
    log = kinfo.dmesg(unpacked(real_samples / "ram" / "ram.elf.zst", tmp_path))
    assert b"".join(message.raw + b"\n" for message in log.messages) == (real_samples / "ram" / "dmesg.txt").read_bytes()
    assert (log.form, log.release, log.findings) == ("VMCOREINFO", "6.12.117", ())


def test_meminspect_by_regions_and_by_core(regions: Path, tmp_path: Path) -> None:
    """This guest printed no time stamps (PRINTK_TIME is off)."""
    said = (regions / "dmesg.txt").read_bytes()
    folder = regions / "meminspect"
    logs = [kinfo.dmesg(folder / "md"), kinfo.dmesg(sorted((folder / "md").iterdir())), kinfo.dmesg(folder / "core.elf")]
    for log in logs:
        assert b"".join(message.raw + b"\n" for message in log.messages) == said
        assert log.messages == logs[0].messages
        assert not log.findings
    few = tmp_path / "few"
    few.mkdir()
    for number in (2, 20, 21, 22, 23, 24, 25):
        (file,) = (one for one in (folder / "md").iterdir() if re.fullmatch(rf"md_K\D*{number}\.BIN", one.name))
        shutil.copy(file, few)
    assert kinfo.dmesg(few).messages == logs[0].messages
    next(few.glob("md_Kvmcorein2*")).unlink()
    assert kinfo.dmesg(few).messages == logs[0].messages


def self_check(kernel: kinfo.Kernel) -> None:
    """Three sources of the ring's layout say the same: VMCOREINFO, the kernel's BTF, and what releases are known to have."""
    where = where_of(kernel)
    stated = layout.stated(where.values)
    assert stated
    plain = [one._replace(source="") for one in (stated, *where.layouts(), *layout.known(8))]
    forms = [(*one[:-4], one.desc.format, one.info.format, *one[-2:]) for one in plain]
    assert forms[1] == forms[0]  # BTF
    assert forms[0] in forms[2:]


def test_every_guest(real_kernel: RealKernel, kinfo_cli: Cli) -> None:
    """Lines of a booted kernel: whole, in order, and the banner that it has among them."""
    with kinfo.open_kernel(real_kernel.ram, real_kernel.kinfo) as kernel:
        log = kernel.log()
        seqs = [message.seq for message in log.messages]
        assert seqs == list(range(len(seqs)))
        assert not log.findings
        assert any(message.text.startswith(f"Linux version {log.release} (") for message in log.messages[:8])
        self_check(kernel)
        said = real_kernel.ram.with_name("dmesg.txt")
        if real_kernel.kinfo and said.is_file():
            kept = said.read_bytes().splitlines()
            done = kinfo_cli("dmesg", real_kernel.ram, "--kinfo", real_kernel.kinfo, "--raw")
            assert done.out.encode("utf-8", "surrogateescape").splitlines()[: len(kept)] == kept
    by_note = kinfo.dmesg(real_kernel.ram)
    assert by_note.messages == log.messages


def vmcore_dmesg(path: Path) -> bytes:
    program = shutil.which("vmcore-dmesg")
    if program is None:
        pytest.skip("vmcore-dmesg is not installed (kexec-tools)")
    return subprocess.run([program, path], capture_output=True, check=False).stdout


def ours(path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> bytes:
    assert run(["dmesg", str(path)]) in (0, 1)
    return capfdbinary.readouterr().out


class TestWitness:
    """vmcore-dmesg 2.0.25 reads the same cores. Where it is wrong the test says so."""

    def test_meminspect(self, regions: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        path = regions / "meminspect" / "core.elf"
        assert vmcore_dmesg(path) == ours(path, capfdbinary)

    def test_our_rings(self, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        """Wrapped ones too. (Level and facility are not in its output.)"""
        ring = Ring()
        for number in range(60):
            ring.store(b"message %d" % number * (1 + number % 6), number * 1_234_567_891, number % 8)
            ring_core(tmp_path / "core.elf", ring)
            assert vmcore_dmesg(tmp_path / "core.elf") == ours(tmp_path / "core.elf", capfdbinary)

    def test_buffers_before_5_10(self, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        buffer = LogBuf()
        for number in range(60):
            buffer.store(b"message %d" % number * (1 + number % 6), number * 1_234_567_891, number % 8)
            buffer_core(tmp_path / "core.elf", buffer, "4.19.1")
            theirs = vmcore_dmesg(tmp_path / "core.elf")
            if buffer.next < buffer.first:  # it prints the mark at the end as a line; log_next() of the kernel passes it by
                theirs = theirs.replace(b"\n[    0.000000] \n", b"\n")
            assert theirs == ours(tmp_path / "core.elf", capfdbinary)

    def test_where_it_is_wrong(self, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        """A lost message is an empty line there; a block that ends with the ring (6.19 on) is its neighbours' bytes."""
        ring = Ring()
        ring.store(b"before")
        ring.store(b"x" * 300)
        assert ring.descs[1][1:] == [printk.FAILED, printk.FAILED]  # the kernel has no such message: prb_read() skips it
        ring_core(tmp_path / "core.elf", ring)
        assert ours(tmp_path / "core.elf", capfdbinary) == b"[    0.000000] before\n"
        assert vmcore_dmesg(tmp_path / "core.elf") == b"[    0.000000] before\n[    0.000000] \n"
        ring = Ring(fits_end=True)
        ring.store(b"a" * 248)
        ring.store(b"b" * 248)
        ring_core(tmp_path / "core.elf", ring, "7.2.1")
        wanted = b"[    0.000000] %b\n[    0.000000] %b\n" % (b"a" * 248, b"b" * 248)  # get_data() of 6.19 on
        assert ours(tmp_path / "core.elf", capfdbinary) == wanted
        assert b"b" * 248 not in vmcore_dmesg(tmp_path / "core.elf")
