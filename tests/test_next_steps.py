"""What `kinfo decode` says to type next: every command works on what was decoded."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import kinfo
from tests.conftest import Cli
from tests.kernels.image import Kernel, Spec, make
from tests.synthetic import make_fields


def steps(out: str) -> list[str]:
    """The lines behind "Next:", which is the last section."""
    screen, title, rest = out.partition("\nNext:\n")
    assert screen
    assert title
    assert rest.count("\n\n") == 0
    return rest.splitlines()


def commands(out: str) -> list[list[str]]:
    return [shlex.split(line.partition("    # ")[0])[1:] for line in steps(out) if line.startswith("  kinfo ")]


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    monkeypatch.chdir(tmp_path)
    return make()


@pytest.mark.parametrize(
    "spec", [Spec(), Spec("5.10.1"), Spec("6.1.5"), Spec("7.0.0"), Spec("4.14.1", layout="Z0"), Spec(arch="arm")]
)
def test_a_region_alone(tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch, spec: Spec) -> None:
    monkeypatch.chdir(tmp_path)
    made = make(spec)
    made.write_raw("region", start=made.record_pa, end=made.record_pa + 0x1000)
    out = kinfo_cli("decode", "region").out
    advice, info, *_ = steps(out)
    found = re.search(r"# dump PA (0x[0-9a-f]+) - (0x[0-9a-f]+) \(", advice)
    assert found
    start, end = int(found[1], 16), int(found[2], 16)
    assert end == made.pa("end")
    assert info.split("    # ")[0].rstrip() == f"  kinfo info IMAGE@{start:#x} --kinfo region"
    made.write_raw("IMAGE", start=start, end=end)  # what it says is done, and the command then works
    ran = kinfo_cli(*commands(out)[0])
    assert (ran.code, f"PA {start:#x} - {end:#x}" in ran.out) == (0, True)


def test_memory_with_the_kernel_in_it(kernel: Kernel, kinfo_cli: Cli) -> None:
    kernel.write_elf("ram.elf")
    kernel.write_raw("ram bin")
    for words, wanted in (
        (("ram.elf",), "ram.elf"),
        (("ram bin",), "ram bin"),
        (("ram bin", "--base", "0x80000000"), "ram bin@0x80000000"),
    ):
        ran = kinfo_cli("decode", *words)
        assert commands(ran.out)[0] == ["info", wanted]
        assert kinfo_cli(*commands(ran.out)[0]).code == 0


def test_memory_without_the_kernel(kernel: Kernel, kinfo_cli: Cli) -> None:
    kernel.write_elf("ram.elf", holes=[(kernel.spec.text, kernel.pa("end"))])
    kernel.write_raw("ram.bin")
    for words in (("ram.elf",), ("ram.bin", "--base", "0x10000000")):
        assert commands(kinfo_cli("decode", *words).out)[0] == ["info", f"IMAGE@{kernel.spec.text:#x}", "--kinfo", words[0]]


def test_faults_are_explained(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "region"
    path.write_bytes(kinfo.encode(make_fields("C", 1) | {"thread_size": 5}, "C").ljust(4096, b"\0"))
    found = commands(kinfo_cli("decode", path).out)
    assert found[0] == ["explain", "record-thread-size"]
    assert kinfo_cli(*found[0]).code == 0
    path.write_bytes(bytes(4096))
    found = commands(kinfo_cli("decode", path).out)
    assert found == [["verify-dt", "BOARD.dtb", "--dump", str(path)], ["explain", "record-erased"]]


def test_a_record_without_a_symbol_table_leads_nowhere(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "region"
    path.write_bytes(kinfo.encode(make_fields("C", 1) | {"_names_pa": 0}, "C"))
    found = commands(kinfo_cli("decode", path).out)
    assert found[0][0] == "explain"
    assert not any(command[0] == "info" for command in found)


def test_rivals_have_their_evidence(shipped: Path, kinfo_cli: Cli) -> None:
    path = shipped / "pixel-5.10.bin"
    assert ["decode", str(path), "--explain"] in commands(kinfo_cli("decode", path).out)


def test_every_record_once(kernel: Kernel, kinfo_cli: Cli) -> None:
    kernel.poke(kernel.base, kernel.record)
    kernel.write_elf("ram.elf")
    out = kinfo_cli("decode", "ram.elf", "--all", "--hex", "--explain").out
    assert out.count("\nNext:\n") == 1
    assert commands(out) == [["info", "ram.elf"]]


def test_data_formats_have_no_such_section(kernel: Kernel, kinfo_cli: Cli) -> None:
    kernel.write_elf("ram.elf")
    for form in ("json", "yaml", "sarif", "junit", "github"):
        assert "Next" not in kinfo_cli("decode", "ram.elf", "--format", form).out
