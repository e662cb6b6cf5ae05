"""`kinfo info` of dumps that have no kernel in them: region files, and cores of a few regions."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.kernels.printk import Ring, places, ring_core

PANIC = b"Kernel panic - not syncing: sysrq triggered crash"
INFO = "OSRELEASE=6.12.1\nPAGESIZE=4096\nBUILD-ID=c0ffee\nKERNELOFFSET=12600000\nNUMBER(VA_BITS)=39\n"


def some_ring() -> Ring:
    ring = Ring()
    for number, text in enumerate((b"Booting Linux", PANIC)):
        ring.store(text, number * 1_500_000_000, 0 if text is PANIC else 6)
    return ring


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ring, where = some_ring(), places()
    pieces = ring.pieces(where)
    lines = "".join(f"{key}={value}\n" for key, value in ring.lines().items())
    files = {
        "Kvmcorein2": (INFO + lines + f"SYMBOL(printk_rb_static)={where['ring']:x}\n").encode(),
        "Klinux_ba11": b"Linux version 6.12.1 (me@host) #1 SMP\n\0",
        "Ktainted_14": (1 << 9 | 1 << 12).to_bytes(8, "little"),
        "Kprintk_r20": pieces[where["ring"]],
        "Kprb22": where["ring"].to_bytes(8, "little"),
        "Kprb_desc23": pieces[where["descs"]],
        "Kprb_info24": pieces[where["infos"]],
        "Kprb_data25": pieces[where["text"]],
        "Kconfig3": b"IKCFG_ST\x1f\x8b\x08" + bytes(16),
    }
    (tmp_path / "md").mkdir()
    for name, data in files.items():
        (tmp_path / "md" / f"md_{name}.BIN").write_bytes(data + bytes(-len(data) % 4))
    return tmp_path / "md"


@pytest.mark.parametrize("as_files", [False, True])
def test_region_files(folder: Path, as_files: bool, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("info", *(sorted(folder.iterdir()) if as_files else (folder,)))
    assert (ran.code, ran.err) == (0, "")
    rows = {line.split()[0]: line for line in ran.out.splitlines() if line.startswith("  ")}
    assert f"{PANIC.decode()}  [1.500000 s]" in rows["panic"]
    assert "W: there was a warning, by md_Ktainted_14.BIN" in ran.out
    assert rows["release"].endswith("6.12.1, by md_Kvmcorein2.BIN")
    assert rows["banner"].endswith("Linux version 6.12.1 (me@host) #1 SMP, by md_Klinux_ba11.BIN")
    assert rows["configuration"].endswith("by md_Kconfig3.BIN")
    assert rows["uptime"].endswith("1.5 s, by the stamp of the log's newest line")
    assert "symbols, tasks, stacks, modules, page tables: region files hold neither" in rows["not"]
    assert "kinfo dmesg " in ran.out


def test_as_data(folder: Path, kinfo_cli: Cli) -> None:
    found = json.loads(kinfo_cli("info", folder, "--format", "json").out)
    assert found["crash"]["panic"]["text"] == PANIC.decode()
    assert {"name": "build id", "value": "c0ffee", "source": "md_Kvmcorein2.BIN"} in found["facts"]
    assert found["not_in_it"]["reason"].startswith("region files hold neither")
    assert found["taint"]["letters"] == "WO"


def test_a_log_that_is_missing_is_a_finding(folder: Path, kinfo_cli: Cli) -> None:
    (folder / "md_Kprb22.BIN").unlink()
    ran = kinfo_cli("info", folder)
    assert ran.code == 1
    assert "the log cannot be read: " in ran.out
    assert "md_Kprb*.BIN missing" in ran.out
    assert "Next:" not in ran.out


def test_files_that_tell_nothing(folder: Path, kinfo_cli: Cli) -> None:
    for path in folder.iterdir():
        if "Kprb_desc" not in path.name:
            path.unlink()
    ran = kinfo_cli("info", folder)
    assert (ran.code, ran.out) == (2, "")
    assert "has no log" in ran.err
    (folder / "md_Kprb_desc23.BIN").unlink()
    ran = kinfo_cli("info", folder)
    assert (ran.code, ran.out) == (2, "")
    assert "is a directory; name the dump file in it" in ran.err


def test_a_core_of_a_few_regions(tmp_path: Path, kinfo_cli: Cli) -> None:
    ring_core(tmp_path / "core.elf", some_ring())
    ran = kinfo_cli("info", tmp_path / "core.elf")
    assert (ran.code, ran.err) == (0, "")
    assert PANIC.decode() in ran.out
    assert "6.12.1-test, by the dump's VMCOREINFO note" in ran.out
    assert "not in it" in ran.out
    assert kinfo_cli("info", tmp_path / "core.elf", "--kinfo", "0x1000").code == 2


def test_what_is_no_dump_stays_refused(tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "text").write_bytes(b"words " * 2000)
    ran = kinfo_cli("info", tmp_path / "text")
    assert (ran.code, ran.out) == (2, "")
    assert "no record in" in ran.err


def test_through_a_pipe(tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at for a kernel first, and then for what else it may be."""
    ring_core(tmp_path / "core", some_ring())
    by_name = kinfo_cli("info", tmp_path / "core")
    stream = io.BytesIO((tmp_path / "core").read_bytes())
    monkeypatch.setattr("kinfo.cli.common.stdin", lambda: stream)
    by_pipe = kinfo_cli("info", "-")
    assert (by_pipe.code, by_pipe.err) == (by_name.code, by_name.err) == (0, "")
    assert PANIC.decode() in by_pipe.out
    assert len(by_pipe.out.splitlines()) == len(by_name.out.splitlines())
