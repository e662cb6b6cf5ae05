"""What lies in reserved memory: every kind of thing, by place and by magic alone."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.memory import BytesDump
from kinfo.regions import magics
from kinfo.regions.contents import described
from tests.conftest import Cli
from tests.fdt import N, blob, cells, texts
from tests.synthetic import make_fields
from tests.test_pstore import a_region
from tests.test_trace_region import two_cpus
from tests.trace_rings import new_region, old_region

BASE = 0x80000000


def tree(*regions: tuple[str, int, int]) -> bytes:
    nodes = [N(f"{name}@{at:x}", {"reg": cells(at, size)}) for name, at, size in regions]
    root = {"#address-cells": cells(1), "#size-cells": cells(1), "compatible": texts("example,board")}
    return blob(N("", root, [N("reserved-memory", {**root, "ranges": b""}, nodes)]))


REGIONS = (
    ("debug-kinfo", BASE + 0x10000, 0x1000),
    ("ramoops", BASE + 0x20000, 0x31000),
    ("cleared", BASE + 0x60000, 0x2000),
    ("erased", BASE + 0x62000, 0x2000),
    ("words", BASE + 0x64000, 0x2000),
    ("away", BASE + 0x10000000, 0x2000),
    ("noise", BASE + 0x66000, 0x2000),
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, Path]:
    """RAM with one thing in each region, and a devicetree blob in none; and its tree."""
    ram = bytearray(0x100000)
    record = kinfo.encode(make_fields("C", 1), "C")
    content = {
        0x10000: record,
        0x20000: a_region(16),
        0x62000: b"\xff" * 0x2000,
        0x64000: b"words of a boot loader\n" * 40,
        0x66000: random.Random(1).randbytes(0x2000),
        0x70000: tree(*REGIONS),
        0x80000: old_region(two_cpus()),
        0x98000: (0xBADFEED).to_bytes(4, "little") + (56).to_bytes(4, "little"),
        0x99000: (0xBADFEED).to_bytes(4, "little") + (57).to_bytes(4, "little"),
        0xA0000: b"\xd0\x0d\xfe\xed" + bytes(60),
    }
    for at, data in content.items():
        ram[at : at + len(data)] = data
    (tmp_path / "ram.bin").write_bytes(ram)
    (tmp_path / "board.dtb").write_bytes(tree(*REGIONS))
    return f"{tmp_path / 'ram.bin'}@{BASE:#x}", tmp_path / "board.dtb"


def test_by_the_tree(files: tuple[str, Path], kinfo_cli: Cli) -> None:
    ram, board = files
    ran = kinfo_cli("regions", ram, "--dtb", board, "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    data = json.loads(ran.out)
    assert data["address"] == "PA"
    shown = {place["name"]: [(one["kind"], one["what"]) for one in place["contents"]] for place in data["places"]}
    assert [kind for kind, _ in shown["debug-kinfo@80010000"]] == ["record"]
    assert shown["debug-kinfo@80010000"][0][1].startswith("C debug-kinfo-text, ")
    assert shown["ramoops@80020000"] == [("ramoops", "15 zones, ECC 16, 3 crash logs, the newest Emergency")]
    assert shown["cleared@80060000"] == [(None, "nothing: all 00")]
    assert shown["erased@80062000"] == [(None, "nothing: all ff")]
    assert shown["words@80064000"] == [(None, "text")]
    assert shown["noise@80066000"] == [(None, "bytes")]
    assert shown["away@90000000"] == [(None, "not in the dump")]
    assert [(one["kind"], one["at"]) for one in data["places"][-1]["contents"]] == [
        ("devicetree", "0x80070000"),
        ("trace", "0x80080000"),
    ]


def test_the_screen_says_what_to_do_next(files: tuple[str, Path], kinfo_cli: Cli) -> None:
    ram, board = files
    ran = kinfo_cli("regions", ram, "--dtb", board)
    steps = ran.out.partition("Next:\n")[2].splitlines()
    file, size = ram.partition("@")[0], len(tree(*REGIONS))
    cut = f"dd if={file} iflag=skip_bytes,count_bytes skip={0x70000} count={size} of=found.dtb"
    assert steps == [
        f"  kinfo info {ram}    # the kernel of the record at 0x80010000; kinfo decode {ram} shows the record",
        f"  kinfo pstore {ram} --dtb {board} -o crash/ --join",
        f"  {cut}; kinfo verify-dt found.dtb",
        f"  kinfo trace {ram}    # --text shows its events",
        f"  kinfo verify-dt {board}    # whether the kernel got the memory that holds nothing",
    ]


def test_a_record_alone_leads_to_decode(tmp_path: Path, kinfo_cli: Cli) -> None:
    """`kinfo info` would refuse a region's dump: its kernel is elsewhere."""
    (tmp_path / "region.bin").write_bytes(kinfo.encode(make_fields("C", 3), "C").ljust(4096, b"\0"))
    ran = kinfo_cli("regions", tmp_path / "region.bin")
    told = f"  kinfo decode {tmp_path}/region.bin    # the record at 0x0, and which memory to dump for its kernel\n"
    assert (ran.code, ran.out.partition("Next:\n")[2]) == (0, told)


def test_by_iomem_and_without_anything(files: tuple[str, Path], tmp_path: Path, kinfo_cli: Cli) -> None:
    ram, _ = files
    lines = ["80000000-800fffff : System RAM", "  80062000-80063fff : Crash kernel", "  80020000-80050fff : reserved"]
    (tmp_path / "iomem").write_text("\n".join(lines))
    data = json.loads(kinfo_cli("regions", ram, "--iomem", tmp_path / "iomem", "--format", "json").out)
    assert [(place["name"], place["contents"][0]["kind"]) for place in data["places"]] == [
        ("reserved", "ramoops"),
        ("Crash kernel", "crash kernel"),
        (None, "record"),
    ]
    data = json.loads(kinfo_cli("regions", ram, "--format", "json").out)
    assert [one["kind"] for one in data["places"][0]["contents"]] == ["record", "ramoops", "devicetree", "trace"]


def test_bad_input(files: tuple[str, Path], tmp_path: Path, kinfo_cli: Cli) -> None:
    ram, board = files
    (tmp_path / "zero").write_bytes(bytes(5000))
    ran = kinfo_cli("regions", tmp_path / "zero")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    ran = kinfo_cli("regions", tmp_path / "ram.bin", "--dtb", board)
    assert (
        ran.code,
        ran.err.endswith("is raw memory at an unknown address; write " + f"{tmp_path / 'ram.bin'}@0x80000000, say\n"),
    ) == (
        2,
        True,
    )
    (tmp_path / "iomem").write_text("00000000-00000000 : System RAM\n  00000000-00000000 : reserved\n")
    ran = kinfo_cli("regions", ram, "--iomem", tmp_path / "iomem")
    assert (ran.code, "every address in it is 0; read /proc/iomem as root" in ran.err) == (2, True)
    (tmp_path / "folder" / "of").mkdir(parents=True)
    (tmp_path / "folder" / "of" / "things").write_bytes(b"x")
    ran = kinfo_cli("regions", ram, "--dtb", tmp_path / "folder")
    assert (ran.code, ran.out, "folder: has neither nodes nor a compatible; name a copy of" in ran.err) == (2, "", True)
    ran = kinfo_cli("regions", ram, "--iomem", tmp_path / "missing")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


@given(st.binary(max_size=200), st.integers(0, 199))
def test_noise(data: bytes, at: int) -> None:
    for magic in magics.MAGICS:
        dump = BytesDump(data[:at] + magic.raw + data[at:])
        found = magics.search(dump)
        assert (min(at, len(data)) in found[magic.name]) == (min(at, len(data)) % magic.step == 0)
        described(dump, 0, dump.size)


def test_the_next_command_for_each_of_several_traces(tmp_path: Path, kinfo_cli: Cli) -> None:
    first, second = old_region(two_cpus()), new_region(two_cpus())
    (tmp_path / "ram").write_bytes(bytes(4096) + first + second)
    ran = kinfo_cli("regions", tmp_path / "ram")
    assert ran.code == 0
    assert ran.out.partition("Next:\n")[2].splitlines() == [
        f"  kinfo trace {tmp_path / 'ram'} --region {at:#x}    # --text shows its events" for at in (4096, 4096 + len(first))
    ]
    assert "as 6.12 to 6.14 lays it out, 2 CPUs, 8 sub-buffers of 4096 bytes each" in ran.out
    assert "as 6.15 and later lays it out" in ran.out


def test_a_blob_is_cut_out_by_what_is_printed(files: tuple[str, Path], tmp_path: Path, kinfo_cli: Cli) -> None:
    ram, board = files
    for source in (ram, ram.partition("@")[0]):
        [line] = [one for one in kinfo_cli("regions", source).out.splitlines() if " dd if=" in one]
        command = line.strip().partition(";")[0]
        subprocess.run(command, shell=True, cwd=tmp_path, check=True, capture_output=True)  # what a person would type
        assert (tmp_path / "found.dtb").read_bytes() == board.read_bytes()
