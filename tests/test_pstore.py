"""ramoops: zones found, put right, read, and written out as /sys/fs/pstore shows them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinfo.catalogue import RULES
from kinfo.cli.folder import FolderWriter
from kinfo.memory import BytesDump
from kinfo.regions.ramoops import ecc, find, layout, pmsg, reed_solomon
from kinfo.regions.ramoops.read import Ramoops, read
from tests import ramoops as w
from tests.conftest import GUESTS, ROOT, Cli
from tests.test_memory import lime

CONSOLE = b"".join(b"[%5d.%06d] console line %d\n" % (at, at, at) for at in range(200))
LOGCAT = b"".join(w.logcat(f"message {at}") for at in range(20))
CALLS = [w.Call(0xFFFF800080010000 + 4 * at, 0xFFFF800080020000, at % 2, at) for at in range(40)]


def texts() -> list[bytes]:
    return [w.log(), w.log("Oops", 2), w.log("Emergency", 3)]


@cache
def a_region(parity: int = 0, packing: str = "deflate", *, noise: bytes = b"") -> bytes:
    """12 records that are not page aligned, of which 3 are written; console, pmsg and a ftrace zone."""
    records = [w.record(text, packing, seconds=1790000000 + at) for at, text in enumerate(texts())]
    others = [
        w.zone(0x4000, CONSOLE, parity=parity),
        w.zone(0x2000, LOGCAT, parity=parity),
        w.zone(0x1000, w.trace(CALLS), parity=parity, version=w.VERSION_6_12),
    ]
    return noise + w.region(0x31000, records, others, count=12, parity=parity) + noise


def reading(data: bytes) -> list[Ramoops]:
    dump = BytesDump(data)
    return [read(dump, region) for region in find.regions(dump)]


def kinds(region: Ramoops) -> list[str]:
    return [f"{zone.kind} {zone.number}" for zone in region.zones if not zone.is_empty]


ALL = ["dmesg 0", "dmesg 1", "dmesg 2", "console 0", "pmsg 0", "ftrace 0"]


@pytest.mark.parametrize(
    ("parity", "packing"), [(0, ""), (0, "lz4"), (0, "zstd"), (16, "deflate"), (8, "zlib"), (4, "lz4"), (31, "zstd")]
)
def test_a_region_is_read(parity: int, packing: str) -> None:
    noise = random.Random(parity).randbytes(10_002)  # zones lie at any 2 bytes
    [region] = reading(a_region(parity, packing, noise=noise))
    assert (region.at, region.parity, region.corrected, region.lost) == (10_002, parity, 0, 0)
    assert kinds(region) == ALL
    assert len(region.zones) == 15
    records = [zone.record for zone in region.zones if zone.record]
    assert [record.text for record in records] == texts()
    assert {record.packing for record in records} == {packing}
    by_kind = {zone.kind: zone for zone in region.zones}
    assert by_kind["console"].data == CONSOLE
    assert (by_kind["pmsg"].data, by_kind["pmsg"].logcat) == (LOGCAT, 20)
    header = by_kind["ftrace"].header
    assert header
    assert header.version == (6, 12, 117)


def test_a_full_ring_is_unrolled() -> None:
    console = b"".join(b"[%5d.%06d] line\n" % (at, at) for at in range(3000))
    for parity in (0, 16):
        data = w.region(0x10000, [w.record(w.log())], [w.zone(0x4000, console, parity=parity)], count=3, parity=parity)
        [region] = reading(data)
        zone = next(zone for zone in region.zones if zone.kind == "console")
        assert zone.data == console[-w.capacity_of(0x4000, parity) :]


@given(st.integers(0, 8), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_every_block_is_put_right(wrong: int, rng: random.Random) -> None:
    """Up to half the parity's bytes of the header and of every block, anywhere in them."""
    data = bytearray(w.zone(4000, rng.randbytes(3000), parity=16))
    shape = ecc.geometry(4000, 16)
    assert shape
    right = bytes(data)
    blocks = [(at, at + 128) for at in range(12, 12 + 2944, 128)] + [(0, 12)]
    for first, last in blocks:
        for place in rng.sample(range(first, last), wrong):
            data[place] ^= rng.randrange(1, 256)
    head, body = ecc.header(bytes(data), shape), ecc.data(bytes(data), shape, 2944)
    assert head.data + body.data == right[: 12 + 2944]
    assert (head.corrected + body.corrected, head.lost + body.lost) == (wrong * len(blocks), 0)


@given(st.integers(9, 60), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_too_many_wrong_bytes_are_said_and_never_invented(wrong: int, rng: random.Random) -> None:
    codeword = bytearray(block := rng.randbytes(128) + bytes(16))
    codeword[128:] = w.parity_of(block[:128], 16)
    for place in rng.sample(range(144), wrong):
        codeword[place] ^= rng.randrange(1, 256)
    found = reed_solomon.correct(bytes(codeword), reed_solomon._syndromes_of(bytes(codeword), 16))
    assert found is None or found.wrong <= 8  # another codeword is nearer: nobody can know


@pytest.mark.parametrize("parity", [0, 1, 16, 64, 127])
def test_geometry_is_the_drivers(parity: int) -> None:
    for size in range(300, 5000, 97):
        shape = ecc.geometry(size, parity)
        assert (shape.capacity if shape else 0) == max(w.capacity_of(size, parity), 0)
        if shape and parity:
            assert shape.header_parity + parity == size


def damaged(parity: int, *changes: tuple[int, bytes]) -> Ramoops:
    data = bytearray(a_region(parity))
    for at, raw in changes:
        data[at : at + len(raw)] = raw
    [region] = reading(bytes(data))
    return region


STEP = (0x31000 - 0x7000) // 12 // 2 * 2


def test_damaged_headers_without_ecc() -> None:
    huge = damaged(0, (STEP + 8, b"\xff\xff\xff\x7f"))
    assert "more than" in huge.zones[1].fault
    assert kinds(huge) == ["dmesg 0", "dmesg 1", "dmesg 2", "console 0", "pmsg 0", "ftrace 0"]
    behind = damaged(0, (STEP + 4, b"\xff\xff\0\0"))
    assert behind.zones[1].fault.startswith("its start, 65535, lies behind its size")
    no_record = damaged(0, (STEP + 12, b"*"))
    assert no_record.zones[1].fault == "it begins with no record's header"


def test_damaged_headers_with_ecc_are_put_right() -> None:
    for zone in (0, 1, 11):
        region = damaged(16, (zone * STEP, b"XXXX"), (zone * STEP + 8, b"\xff\xff\xff"))
        assert (region.at, kinds(region), region.lost) == (0, ALL, 0)
        assert region.corrected in (6, 7)


def test_lost_blocks() -> None:
    region = damaged(16, (12 + 128, bytes(40)))
    assert (region.lost, region.zones[0].lost, region.zones[0].corrected) == (1, 1, 0)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = w.record(w.log() + bytes(8 << 20), "deflate")
    data = w.region(0x100000, [bomb], [], count=2)
    [region] = reading(data)
    record = region.zones[0].record
    assert record
    assert record.fault.startswith("its deflate data unpacks to more than 1572")
    assert record.text == bomb.partition(b"\n")[2]


def test_what_is_left_packed_is_named() -> None:
    text = w.log(lines=3)[:200]
    for name, packed in (("lzo", w.lzo(text)), ("lzo", w.short_lzo(text)), ("842", w.nx842(text))):
        record = b"====1790000000.000001-C\n" + packed
        [region] = reading(w.region(0x8000, [record], [], count=2))
        found = region.zones[0].record
        assert found
        assert (found.packing, found.fault, found.text) == (
            name,
            f"it is packed with {name}, which kinfo does not unpack",
            packed,
        )


@given(st.binary(max_size=300))
def test_noise_is_no_log(data: bytes) -> None:
    assert pmsg.logcat_records(data) in range(20)


@given(st.binary(min_size=12, max_size=2000), st.integers(0, 1990))
def test_noise_around_a_signature_does_no_harm(data: bytes, at: int) -> None:
    reading(data[:at] + b"DBGC" + data[at:])


def test_the_plan_is_the_drivers() -> None:
    """As a 6.12 kernel said it: 1 MiB with records of 64 KiB, and two CPUs."""
    sizes = layout.Sizes(record=0x10000, console=0x20000, ftrace=0x1000, pmsg=0x10000, ecc=16, flags=1, cpus=2)
    zones = layout.plan(0x100000, sizes).zones
    assert [zone.offset for zone in zones[:3]] == [0, 0x11400, 0x22800]
    assert [(zone.kind, zone.offset, zone.size) for zone in zones[12:]] == [
        ("console", 0xCF000, 0x20000),
        ("pmsg", 0xEF000, 0x10000),
        ("ftrace", 0xFF000, 0x800),
        ("ftrace", 0xFF800, 0x800),
    ]
    faults = {
        layout.plan(0x1000, layout.Sizes()).fault: "The memory size and the record/console size must be non-zero",
        layout.plan(0x1000, layout.Sizes(record=0x2000)).fault: "dmesg record count == 0 (4096 / 8192)",
        layout.plan(0x1000, layout.Sizes(console=0x2000)).fault: "no room for console mem region",
        layout.plan(0x1000, layout.Sizes(record=0x400, console=0x2000)).fault: "no room for dmesg mem region",
    }
    assert all(got == wanted for got, wanted in faults.items())
    assert layout.plan(0x10000, layout.Sizes(record=0x5000)).zones[0].size == 0x4000  # rounded down


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_as_pstore_shows_them(tmp_path: Path, kinfo_cli: Cli) -> None:
    dump = tmp_path / "region.bin"
    dump.write_bytes(a_region(16))
    ran = kinfo_cli("pstore", dump, "-o", tmp_path / "out", "--join")
    assert (ran.code, "wrote 9 files" in ran.err) == (0, True)
    files = written(tmp_path / "out")
    first, second, third = texts()
    assert {name: files[f"dmesg-ramoops-{name}"] for name in range(3)} == {0: first, 1: second, 2: third}
    assert (files["console-ramoops-0"], files["pmsg-ramoops-0"]) == (CONSOLE, LOGCAT)
    lines = files["ftrace-ramoops-0"].decode().splitlines()
    assert lines[1] == "CPU:1 ts:1 ffff800080010004  ffff800080020000  0xffff800080010004 <- 0xffff800080020000"
    assert len(lines) == 40
    assert files["crash-0"] == b"Emergency#3\n" + third.partition(b"\n")[2]
    assert files["crash-2"].startswith(b"Panic#1\n<6>[    0.000000] line 0")
    assert os.stat(tmp_path / "out" / "dmesg-ramoops-1").st_mtime == 1790000001
    assert kinfo_cli("pstore", dump, "-o", tmp_path / "out", "--join").code == 0  # it has all of them
    (tmp_path / "out" / "dmesg-ramoops-1").write_bytes(b"another's")
    again = kinfo_cli("pstore", dump, "-o", tmp_path / "out")
    assert (again.code, "exists already; name another folder, or overwrite it with --force" in again.err) == (2, True)
    assert kinfo_cli("pstore", dump, "-o", tmp_path / "out", "--force").code == 0


def test_parts_are_joined_the_oldest_first(tmp_path: Path, kinfo_cli: Cli) -> None:
    parts = [w.record(f"Panic#1 Part{part}\n<6>line {9 - part}\n".encode()) for part in (1, 2, 3)]
    dump = tmp_path / "region.bin"
    dump.write_bytes(w.region(0x8000, [*parts, w.record(b"Panic#1 Part1\n<6>older\n", seconds=1700000000)], [], count=4))
    assert kinfo_cli("pstore", dump, "-o", tmp_path / "out", "--join").code == 0
    files = written(tmp_path / "out")
    assert files["crash-0"] == b"Panic#1\n<6>line 6\n<6>line 7\n<6>line 8\n"
    assert files["crash-1"] == b"Panic#1\n<6>older\n"


def test_the_list_and_json(tmp_path: Path, kinfo_cli: Cli) -> None:
    dump = tmp_path / "ram.bin"
    dump.write_bytes(bytes(4096) + a_region(16) + bytes(16 << 20) + a_region(0))
    ran = kinfo_cli("pstore", f"{dump}@0x80000000", "--list")
    assert ran.code == 0
    assert "ramoops at PA 0x80001000, 15 zones, ECC of 16 bytes a block: 0 bytes corrected" in ran.out
    assert "Panic#1 Part1, 2026-09-21 14:13:20 UTC, deflate" in ran.out
    assert "Android's log (logcat), 20 records" in ran.out
    assert "function traces of a kernel 6.12.117" in ran.out
    ran = kinfo_cli("pstore", f"{dump}@0x80000000", "--list", "--format", "json")
    data = json.loads(ran.out)
    assert [(one["at"], one["ecc_size"], len(one["zones"])) for one in data["regions"]] == [
        ("0x80001000", 16, 15),
        ("0x81032000", 0, 15),
    ]
    assert kinfo_cli("pstore", dump, "-o", tmp_path / "two").code == 0
    assert {path.name for path in (tmp_path / "two").iterdir()} == {"at-0x1000", "at-0x1032000"}


def found_codes(ran_out: str) -> set[str]:
    return {finding["code"] for finding in json.loads(ran_out)["findings"]}


def test_every_rule_is_found(tmp_path: Path, kinfo_cli: Cli) -> None:
    seen: set[str] = set()

    def check(code: int, data: bytes, *words: str) -> None:
        dump = tmp_path / "region.bin"
        dump.write_bytes(data)
        ran = kinfo_cli("pstore", dump, "--list", "--format", "json", *words)
        assert ran.code == code, ran
        seen.update(found_codes(ran.out))

    def changed(parity: int, at: int, raw: bytes) -> bytes:
        data = bytearray(a_region(parity))
        data[at : at + len(raw)] = raw
        return bytes(data)

    check(1, changed(16, 12 + 128, bytes(40)))  # lost, and so left packed
    check(0, changed(16, 12 + 128, b"Q"))
    check(1, changed(0, STEP + 8, b"\xff\xff\xff\x7f"))
    check(1, changed(0, STEP + 12, b"*"))
    text = w.record(w.log())
    check(0, w.region(0x8000, [text], [w.zone(0x1000, b"words of somebody\n" * 9)], count=2))
    check(1, w.region(0x8000, [text], [w.zone(0x1000, CONSOLE[:4000])], count=2)[:-1000])
    tree = tmp_path / "board.dtb"
    from tests.fdt import N, blob, cells
    from tests.fdt import texts as strings

    node = N(
        "ramoops@90000000", {"compatible": strings("ramoops"), "reg": cells(0x90000000, 0x10000), "record-size": cells(0x800)}
    )
    root = {"#address-cells": cells(1), "#size-cells": cells(1)}
    reserved = N("reserved-memory", {**root, "ranges": b""}, [node])
    tree.write_bytes(blob(N("", root, [reserved])))
    check(0, a_region(0), "--dtb", str(tree))
    assert seen == {rule.code for rule in RULES if rule.family == "pstore"}


def test_bad_input(tmp_path: Path, kinfo_cli: Cli) -> None:
    dump = tmp_path / "region.bin"
    dump.write_bytes(b"\xff" * 100_000)
    ran = kinfo_cli("pstore", dump, "--list")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert f"{dump}: no ramoops zones are in it; " in ran.err
    assert kinfo_cli("pstore", dump).err.startswith("kinfo: say where to: -o DIR, or only look with --list")
    dump.write_bytes(a_region())
    (tmp_path / "file").write_bytes(b"x")
    ran = kinfo_cli("pstore", dump, "-o", tmp_path / "file")
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [f"kinfo: {tmp_path / 'file'}: cannot be made: File exists; name a folder that can"],
    )
    ran = kinfo_cli("pstore", dump, "-o", tmp_path / "named", "--symbols")
    assert (ran.code, ran.err.startswith("kinfo: --symbols: ")) == (2, True)


def told_of(folder: Path) -> dict[str, tuple[bytes, str]]:
    """Each file that the kernel showed: its bytes without the ECC's line, and that line."""
    shown = {}
    for path in (folder / "pstore").iterdir():
        data, mark, line = path.read_bytes().rpartition(b"\nECC: ")
        shown[path.name] = (data, line.decode().strip()) if mark else (line, "")
    return shown


def real_guests() -> Sequence[Path]:
    return sorted((GUESTS / "ramoops").glob("*/meta.json"))


@pytest.mark.parametrize("by_tree", [False, True])
def test_booted_kernels_show_the_same(by_tree: bool, tmp_path: Path, kinfo_cli: Cli) -> None:
    """Every file byte for byte, every zone's place and room, and how many bytes were put right."""
    if not real_guests():
        pytest.skip("no guests here: make them with `python -m tools.guests.ramoops`")
    for meta in real_guests():
        folder = meta.parent
        facts = json.loads(meta.read_text())
        words = ["--dtb", str(folder / "board.dtb")] if by_tree and facts["by_tree"] else []
        spec = f"{folder / 'region.bin'}@{facts['region']}"
        out = tmp_path / folder.name
        kinfo_cli("pstore", spec, "-o", out, *words)
        shown = told_of(folder)
        assert written(out) == {name: data for name, (data, _) in shown.items()}, folder.name
        listed = json.loads(kinfo_cli("pstore", spec, "--list", "--format", "json", *words).out)["regions"][0]
        attached = [line.split("attached ramoops:")[1].split() for line in (folder / "attached").read_text().splitlines()]
        assert len(attached) > 3
        places = [int(line[1].rstrip(":").partition("@")[2], 16) for line in attached]
        assert [int(zone["at"], 16) for zone in listed["zones"]] == sorted(places)
        corrected = sum(int(line.split()[0]) for _, line in shown.values() if "Corrected" in line)
        lost = sum(int(line.split()[3]) for _, line in shown.values() if "Corrected" in line)
        assert (listed["corrected_bytes"], listed["lost_blocks"]) == (corrected, lost)
        assert any("Corrected" in line for _, line in shown.values()) == ("ecc" in facts["sizes"])


def test_names_are_put_on_what_the_dumps_boot_wrote(shipped: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    """Not on another boot's log, nor on the traces of earlier boots; with the slide and modules' top bit put back."""
    base, slide, module = 0xFFFFFFC092620000, 0x12610000, 0xFFFFFFC001400008
    calls = [w.Call(base + 0x18, base + 0x6C0, 0, at) for at in range(5)]
    old = [w.Call(base + 0x18, base + 0x6C0, 0, 900 + at) for at in range(3)]
    without_slide = [w.Call(base + 0x18 - slide, module & ~(1 << 63), 1, at) for at in range(5, 8)]
    text = b"Panic#%d Part1\n<4>[1.0] lr ffffffc092625064\n"
    other = text % 2 + b"<0>[2.0] Kernel Offset: 0x1000000 from 0xffffffc080000000\n"
    trace = w.zone(0x1000, w.trace(old + calls + without_slide), version=w.VERSION_6_12)
    dump = tmp_path / "region.bin"
    dump.write_bytes(
        w.region(0x10000, [w.record(text % 1), w.record(other)], [w.zone(0x1000, CONSOLE[:900]), trace], count=4)
    )
    specs = (shipped / "crash-6.12.elf", f"{dump}@0x90000000")
    ran = kinfo_cli("pstore", *specs, "-o", tmp_path / "out", "--symbols")
    assert (ran.code, "Kernel Offset 0x1000000 from 0xffffffc080000000, but the dump has" in ran.err) == (0, True)
    files = written(tmp_path / "out")
    assert files["dmesg-ramoops-0"].endswith(b"lr ffffffc092625064 <vfs_write+0x24/0x6b0>\n")
    assert files["dmesg-ramoops-1"] == other
    lines = files["ftrace-ramoops-0"].decode().splitlines()
    assert lines[0].endswith("ts:900 ffffffc092620018  ffffffc0926206c0  0xffffffc092620018 <- 0xffffffc0926206c0")
    assert lines[3].endswith("ts:0 ffffffc092620018  ffffffc0926206c0  _stext <- ext4_read+0x10/0x6b0")
    assert lines[-1].endswith("ts:7 ffffffc080010018  7fffffc001400008  _stext <- wlan_open+0x8/0x100 [wlan]")


class TestMany:
    @pytest.fixture
    def day(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Two regions of one name, a damaged one, one of two regions, one without ramoops, an empty file."""
        monkeypatch.chdir(tmp_path)
        records = [w.record(text, seconds=1790000000 + at) for at, text in enumerate(texts())]
        sound = w.region(0x8000, records, [w.zone(0x1000, CONSOLE[:900])], count=4)
        damaged = bytearray(sound)
        damaged[0x1C00 + 12] = ord("*")
        files = {
            "a/region.bin": sound,
            "b/region.bin": sound,
            "damaged.bin": bytes(damaged),
            "empty.bin": b"",
            "noise.bin": b"\x55\xaa" * 4096,
            "two.bin": bytes(16 << 20).join(w.region(0x8000, records, [], count=4, parity=parity) for parity in (16, 8)),
        }
        for name, data in files.items():
            path = tmp_path / "day" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path / "day"

    @pytest.mark.usefixtures("day")
    def test_a_folder_for_each_source(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("pstore", "day", "-o", "out", "--join")
        assert ran.code == 2
        assert ran.out.splitlines()[:4] == [
            "day/a/region.bin: 7 files in out/day/a/region.bin",
            "  offset 0x0: 3 records, console; newest Emergency, 2026-09-21 14:13:22 UTC",
            "day/b/region.bin: 7 files in out/day/b/region.bin",
            "  offset 0x0: 3 records, console; newest Emergency, 2026-09-21 14:13:22 UTC",
        ]
        assert "  error   pstore-record  0x1c00: dmesg 1: it begins with no record's header\n" in ran.out
        counts = "6 files: 5 ramoops regions (1 with errors), 1 without a ramoops region, 1 could not be read"
        assert ran.err.splitlines() == [
            "kinfo: day/empty.bin: is empty; check the command that wrote it",
            f"kinfo: day/noise.bin: no ramoops zones are in it; {_HINT}",
            f"kinfo: {counts}; worst: error pstore-record (kinfo explain pstore-record)",
        ]
        for name in ("a/region.bin", "b/region.bin", "damaged.bin", "two.bin"):
            kinfo_cli("pstore", f"day/{name}", "-o", f"alone/day/{name}", "--join")
        assert written(Path("out")) == written(Path("alone"))
        assert {path.name for path in Path("out/day/two.bin").iterdir()} >= {"at-0x0", "at-0x1008000", "crash-0"}

    @pytest.mark.usefixtures("day")
    def test_jsonl_has_a_line_for_each_with_the_names_of_its_files(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("pstore", "day", "-o", "out", "--format", "jsonl")
        found = {one["source"]: one for one in map(json.loads, ran.out.splitlines())}
        assert list(found) == [f"day/{name}" for name in ("a/region.bin", "b/region.bin", *_REST)]
        names = [name for one in found.values() for region in one["regions"] for name in region["files"]]
        assert set(names) == set(written(Path("out")))
        assert found["day/empty.bin"]["problem"] == "day/empty.bin: is empty; check the command that wrote it"
        assert "no ramoops zones" in found["day/noise.bin"]["problem"]
        (Path("day") / "two.bin").unlink()
        alone = json.loads(kinfo_cli("pstore", "day/damaged.bin", "--list", "--format", "json").out)
        listed = kinfo_cli("pstore", "day", "--list", "--format", "jsonl").out.splitlines()
        assert json.loads(listed[2]) == alone
        whole = json.loads(kinfo_cli("pstore", "day", "--list", "--format", "json").out)
        assert whole == {"schema_version": 1, "files": [json.loads(line) for line in listed]}

    @pytest.mark.usefixtures("day")
    def test_the_list_has_the_whole_screen_of_each(self, kinfo_cli: Cli) -> None:
        out = kinfo_cli("pstore", "day/*.bin", "--list", "--jobs", "1").out
        assert out == "".join(kinfo_cli("pstore", f"day/{name}.bin", "--list").out + "\n" for name in ("damaged", "two"))

    def test_the_code_is_that_of_the_worst(self, kinfo_cli: Cli, day: Path) -> None:
        words = ("day/a/region.bin", "day/b/region.bin", "day/a/region.bin")  # named twice, written once
        assert kinfo_cli("pstore", *words, "-o", "out").code == 0
        for name in "ab":
            Path(f"out/day/{name}/region.bin/dmesg-ramoops-1").write_bytes(b"another's")
        again = kinfo_cli("pstore", *words, "-o", "out")
        assert (again.code, again.err.count("exists already")) == (2, 2)
        assert kinfo_cli("pstore", *words, "-o", "out", "--force").code == 0
        assert kinfo_cli("pstore", *words, "day/damaged.bin", "--list").code == 1
        (day / "list").write_text("day/a/region.bin\nday/damaged.bin\nday/none.bin\n")
        ran = kinfo_cli("pstore", "--files-from", "day/list", "--list")
        assert (ran.code, "day/none.bin: No such file or directory" in ran.err) == (2, True)
        ran = kinfo_cli("pstore", *words, "-o", "out", "--force", "--symbols")
        assert (ran.code, ran.err.count("--symbols: ")) == (2, 2)

    @pytest.mark.usefixtures("day")
    def test_a_killed_worker_is_made_up_for(self, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it had written of its lot is no other's, and is not in the way of who does it again."""
        Path("day/two.bin").unlink()
        wanted = kinfo_cli("pstore", "day", "-o", "undisturbed", "--jobs", "1")
        put, parent = FolderWriter.put, os.getpid()

        def killing(self: FolderWriter, path: str, write: Any, *, force: bool) -> None:
            put(self, path, write, force=force)
            if path.endswith("b/region.bin/dmesg-ramoops-1") and not os.path.exists("killed") and os.getpid() != parent:
                Path("killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(FolderWriter, "put", killing)
        ran = kinfo_cli("pstore", "day", "-o", "out", "--jobs", "2")
        assert Path("killed").exists()
        assert (ran.code, ran.out, ran.err) == (2, wanted.out.replace("undisturbed", "out"), wanted.err)
        assert written(Path("out")) == written(Path("undisturbed"))

    @pytest.mark.usefixtures("day")
    def test_a_call_that_was_stopped_is_gone_on_with(self, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C: no folder has half of what belongs together."""
        Path("day/two.bin").unlink()
        put = FolderWriter.put

        def stopping(self: FolderWriter, path: str, write: Any, *, force: bool) -> None:
            if path.endswith("b/region.bin/dmesg-ramoops-1"):
                raise KeyboardInterrupt
            put(self, path, write, force=force)

        with monkeypatch.context() as stopped:
            stopped.setattr(FolderWriter, "put", stopping)
            assert kinfo_cli("pstore", "day", "-o", "out", "--jobs", "1").code == 130
        assert [path.name for path in Path("out/day").iterdir()] == ["a"]
        ran = kinfo_cli("pstore", "day", "-o", "out", "--jobs", "1")
        assert (ran.code, ran.out) == (2, kinfo_cli("pstore", "day", "-o", "new", "--jobs", "1").out.replace("new/", "out/"))
        assert written(Path("out")) == written(Path("new"))

    @pytest.mark.usefixtures("day")
    def test_what_cannot_be_written_is_told_from_what_cannot_be_read(self, kinfo_cli: Cli) -> None:
        Path("out/day/a").mkdir(parents=True)
        Path("out/day/a/region.bin").touch()
        ran = kinfo_cli("pstore", "day", "-o", "out", "--jobs", "1")
        assert "kinfo: out/day/a/region.bin: cannot be made: File exists; name a folder that can\n" in ran.err
        counts = "6 files: 4 ramoops regions (1 with errors), 1 without a ramoops region, 1 could not be read"
        assert f"kinfo: {counts}, 1 could not be written; worst: " in ran.err
        assert ran.code == 2
        assert {path.name for path in Path("out/day").iterdir()} == {"a", "b", "damaged.bin", "two.bin"}

    @pytest.mark.usefixtures("day")
    @pytest.mark.parametrize("form", ["text", "jsonl"])
    def test_every_file_is_written_though_nobody_reads_the_output(self, form: str) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        words = ("pstore", "day/a", "day/b", "day/damaged.bin", "-o", "out", "--jobs", "1", "--format", form)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "kinfo", *words], stdout=writer, stderr=subprocess.PIPE, env=environment, check=False
        )
        os.close(writer)
        assert done.returncode == 1
        assert b"kinfo: 3 files: 3 ramoops regions (1 with errors)" in done.stderr
        assert b"Traceback" not in done.stderr
        assert {path.name for path in Path("out/day").iterdir()} == {"a", "b", "damaged.bin"}

    def test_what_is_named_badly(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        assert "Missing argument 'SOURCE...'" in kinfo_cli("pstore", "--list").err
        (tmp_path / "none").mkdir()
        ran = kinfo_cli("pstore", tmp_path / "none", "--list")
        assert (ran.code, f"{tmp_path / 'none'}: no file is there" in ran.err) == (2, True)

    def test_files_that_say_where_they_lie_are_one_memory(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        """Containers beside each other, and whatever has @BASE; those over each other are of several devices."""
        texts_of = (w.log("Panic", 1), w.log("Oops", 2))
        for name, base, text in zip("ab", (0x80000000, 0x90000000), texts_of, strict=True):
            data = w.region(0x8000, [w.record(text)], [], count=2)
            (tmp_path / f"{name}.lime").write_bytes(lime((base, data)))
            (tmp_path / f"{name}.bin").write_bytes(data)
        (tmp_path / "over.lime").write_bytes(lime((0x80000000, w.region(0x8000, [w.record(texts_of[1])], [], count=2))))

        def sources(*names: str) -> list[str]:
            ran = kinfo_cli("pstore", *(tmp_path / name for name in names), "--list", "--format", "jsonl")
            return [one["source"].replace(f"{tmp_path}/", "") for one in map(json.loads, ran.out.splitlines())]

        assert sources("a.lime", "b.lime") == ["a.lime and 1 more"]
        assert sources("a.bin@0x80000000", "b.lime") == ["a.bin and 1 more"]
        assert sources("a.lime", "over.lime") == ["a.lime", "over.lime"]
        assert sources("a.lime", "b.bin") == ["a.lime", "b.bin"]
        assert sources("a.bin", "b.bin", "none.bin") == ["a.bin", "b.bin", "none.bin"]
        assert sources("*.lime") == ["a.lime", "b.lime", "over.lime"]
        ran = kinfo_cli("pstore", tmp_path / "a.lime", f"{tmp_path / 'b.bin'}@x", "--list")
        assert (ran.code, "'x' is no address" in ran.err) == (2, True)


_HINT = "dump the region that `kinfo verify-dt` shows; was it cleared, or did it lose power?"
_REST = ("damaged.bin", "empty.bin", "noise.bin", "two.bin")
