"""Cores out of the regions of a minidump: every quirk of the series, every way for a file to be wrong."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.catalogue import RULES
from kinfo.errors import KinfoError
from kinfo.findings import Finding
from kinfo.inspect_table import read_table
from kinfo.meminspect.ids import SERIES
from kinfo.memory import Memory
from kinfo.minidump import addresses, header, pins
from kinfo.minidump.sources import CoreRequest, plan_of
from kinfo.plain_data import plain
from tests import minidumps as writer
from tests.conftest import Cli
from tests.inspect_tables import E, runtime
from tests.minidumps import LISTINGS, R, Set, dynamic, filled, make
from tests.synthetic import make_fields
from tests.test_memory import elf32, elf64

LATE = [dynamic(50, 512, late=True), dynamic(28, 700, late=True), dynamic(49, 1000, late=True), dynamic(48, 300)]
ALIKE = [dynamic(50, 512, late=True), dynamic(28, 512, late=True), dynamic(49, 512, late=True), dynamic(48, 512)]
MODULE = [R(3, 0x90000000, 0xFFFF000050000000, b"IKCFG_ST" + filled(3, 700), late=True)]
QUIRKS: dict[str, Callable[[], Set]] = {
    "v1": make,
    "v2": lambda: make("v2"),
    "v3": lambda: make("v3"),
    "late": lambda: make(extra=LATE),
    "removal": lambda: make(without=[45]),
    "log_buf_len": lambda: make(log_buf_len=True),
    "two nodes": lambda: make(extra=[dynamic(48, 5120, has_list=True)]),
    "no IKCONFIG": lambda: make(has_config=False),
    "IKCONFIG as module": lambda: make(has_config=False, extra=MODULE),
    "eight CPUs": lambda: make(cpus=8),
    "no lists": lambda: make(cpus=8, has_lists=False),
    "x86-64": lambda: make(machine=62),
}
Change = Callable[[dict[str, bytes]], object]


def core_of(made: Set, folder: Path, change: Change = lambda _: None, **asked: object) -> tuple[bytes, tuple[Finding, ...]]:
    """What the plan writes, and what it says."""
    shutil.rmtree(folder / "md", ignore_errors=True)
    plan = plan_of([str(made.write(folder / "md", change))], CoreRequest(**asked))  # type: ignore[arg-type]
    assert plan is not None
    with open(folder / "core", "wb") as file:
        plan.write(file)
    return (folder / "core").read_bytes(), plan.findings


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [one.code for one in found]


def program_headers(core: bytes) -> list[tuple[int, ...]]:
    count = struct.unpack_from("<H", core, 56)[0]
    return [struct.unpack_from("<IIQQQQQQ", core, 64 + 56 * at) for at in range(count)]


def memory_of(core: bytes) -> dict[tuple[int, int], bytes]:
    """Bytes by PA and VA, by the core's own headers."""
    return {(one[4], one[3]): core[one[2] : one[2] + one[5]] for one in program_headers(core) if one[0] == 1}


@pytest.mark.parametrize("name", QUIRKS)
def test_a_complete_set_is_the_core_byte_for_byte(name: str, tmp_path: Path) -> None:
    made = QUIRKS[name]()
    core, found = core_of(made, tmp_path)
    assert core == made.core()
    assert codes(found) == (["core-log-stale"] if name == "log_buf_len" else [])


@pytest.mark.parametrize("form", LISTINGS)
@pytest.mark.parametrize("name", ["v3", "late", "IKCONFIG as module"])
def test_every_listing_of_addresses(name: str, form: str, tmp_path: Path) -> None:
    """By itself where it lies in the folder, by --regions elsewhere; the same readers list it as a table."""
    made = QUIRKS[name]()
    listed = LISTINGS[form](made.places())
    file = "dump_info.txt" if form == "dump_info" else "regions.bin" if form == "array" else f"{form}.log"
    assert core_of(made, tmp_path, lambda files: files.update({file: listed})) == (made.core(), ())
    (tmp_path / file).write_bytes(listed)
    missing = made.name(31)
    core, found = core_of(made, tmp_path, lambda files: files.pop(missing), regions=str(tmp_path / file))
    assert [(one.code, "id 31 " in one.message, missing in one.message) for one in found] == [
        ("core-region-missing", True, True)
    ]
    at = made.offset(31)
    assert core == made.core()[:at] + bytes(8) + made.core()[at + 8 :]
    table = read_table(str(tmp_path / file), parse=plain)
    assert {(one.id, one.pa, one.size) for one in table.entries} == {(id_, pa, size) for id_, _, pa, size in made.places()}


def test_what_lies_beside_the_regions_is_passed_over(tmp_path: Path, kinfo_cli: Cli) -> None:
    """Names in lower case, files that are not padded, load.cmm, other texts."""
    made = make("v3")

    def change(files: dict[str, bytes]) -> None:
        changed = {name.lower(): data for name, data in files.items()}
        changed[made.name(11).lower()] = made.by_id(11).data  # 159 bytes
        changed |= {"load.cmm": b"d.load.binary OCIMEM.BIN 0x14680000 /noclear\n", "notes.txt": b"my phone", "md.zip": b"PK"}
        files.clear()
        files.update(changed)

    folder = made.write(tmp_path / "md", change)
    ran = kinfo_cli("core", folder, "-o", tmp_path / "core")
    assert (ran.code, ran.err) == (0, f"kinfo: wrote {tmp_path}/core\n")
    assert (tmp_path / "core").read_bytes() == made.core()
    paths = sorted(folder.iterdir(), reverse=True)
    assert kinfo_cli("core", *paths, "-o", tmp_path / "again").code == 0
    assert (tmp_path / "again").read_bytes() == made.core()
    assert kinfo_cli("dmesg", folder).code in (0, 1, 2)  # its names are found as well


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "doubled": lambda data: data * 2,
    "long": lambda data: data + b"more",
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("name", ["v1", "v3", "late", "no lists"])
def test_each_file_in_turn_is_wrong(name: str, kind: str, tmp_path: Path) -> None:
    """Nothing is ever put in a wrong place, and the file is named."""
    made = QUIRKS[name]()
    counts: Counter[str] = Counter()
    for file in made.files():
        id_ = next(id_ for id_ in (1, 2, *(one.id for one in made.regions)) if made.name(id_) == file)

        def change(files: dict[str, bytes], file: str = file) -> None:
            data = DAMAGE[kind](files.pop(file))
            if data is not None:
                files[file] = data

        if id_ == 1 and kind in ("missing", "empty"):
            with pytest.raises(KinfoError, match=r"has no md_KELF, the header, .*`kinfo dmesg .*` reads the log"):
                core_of(made, tmp_path, change)
            continue
        core, found = core_of(made, tmp_path, change)
        assert any(f"id {id_}" in one.message for one in found if one.severity.value == "error"), (file, found)
        if kind == "empty":
            assert "core-region-empty" in codes(found)
        counts.update(placed(made, core, id_, DAMAGE[kind]))
    assert not counts["wrong"], counts
    assert counts["unsure"] <= 8, counts


def placed(made: Set, core: bytes, damaged: int, damage: Callable[[bytes], bytes | None]) -> Counter[str]:
    """How many regions are right, partly there, left out, or another's."""
    counts: Counter[str] = Counter()
    assert len(core) == len(made.core())
    for one in made.regions:
        at = made.offset(one.id)
        has, data = core[at : at + one.size], writer.padded(one.data)
        left = (damage(data) or b"").ljust(one.size, b"\0")[: one.size]
        if has == data:
            counts["right"] += 1
        elif one.id == damaged and has in (left, bytes(one.size)):
            counts["partly"] += 1
        else:
            counts["wrong" if any(has) else "unsure"] += 1
    return counts


@pytest.mark.parametrize("name", ["v2", "late", "no lists"])
def test_two_files_are_missing(name: str, tmp_path: Path) -> None:
    made = QUIRKS[name]()
    names = [file for file in made.files() if file != made.name(1)]
    for pair in Random(5).sample(list(combinations(names, 2)), 40):

        def change(files: dict[str, bytes], pair: tuple[str, str] = pair) -> None:
            for file in pair:
                del files[file]

        core, found = core_of(made, tmp_path, change)
        assert found
        for one in made.regions:
            has = core[made.offset(one.id) :][: one.size]
            assert has == writer.padded(one.data) or not any(has), (pair, one.id)


def test_equal_fits_are_left_zero_and_named(tmp_path: Path) -> None:
    """Regions of one size that were registered late: their order is any."""
    made = make(extra=ALIKE)
    core, found = core_of(made, tmp_path)
    unsure = [one for one in found if one.code == "core-region-unsure"]
    assert {one.where for one in unsure} == {"id 28", "id 48", "id 49", "id 50"}
    assert "md_Kunknown48.BIN (id 48) may lie at PA " in unsure[1].message
    assert "and so may md_Kinit_mm_28.BIN (id 28)" in unsure[1].message
    for id_ in (28, 48, 49, 50):
        assert not any(core[made.offset(id_) :][:512])
    listed = tmp_path / "array"
    listed.write_bytes(writer.array(made.places()))
    assert core_of(made, tmp_path, regions=str(listed)) == (made.core(), ())


def test_lists_in_regions_say_where_they_lie(tmp_path: Path) -> None:
    """One of two CPUs' rq is missing: the other's empty list tells which it is; without one it is left out."""
    for has_lists, code in ((True, ["core-region-missing"]), (False, ["core-region-unsure", "core-region-missing"])):
        made = make(has_lists=has_lists)
        file = made.name(47)

        def change(files: dict[str, bytes], file: str = file) -> None:
            del files[file]

        core, found = core_of(made, tmp_path, change)
        assert set(codes(found)) <= set(code)
        assert any(core[made.offset(46) :][:2880]) is has_lists


def test_a_record_pins_places(tmp_path: Path) -> None:
    """Its PAs name regions that VMCOREINFO does not."""
    made = make()
    loads = header.parse("md_KELF1.BIN", made.kelf).loads
    found = pins.by_symbols(loads, [next(one for one in SERIES if one.name == "v1")], {}, {"_end": made.by_id(31).pa})
    assert [loads[place].pa for place in found.places.values()] == [made.by_id(31).pa]
    record = kinfo.encode(make_fields("C", 1) | {"_end_pa": made.by_id(31).pa}, "C")
    (tmp_path / "record.bin").write_bytes(record.ljust(4096, b"\0"))
    core, found2 = core_of(made, tmp_path, lambda files: files.pop(made.name(30)), kinfo=str(tmp_path / "record.bin"))
    assert codes(found2) == ["core-region-missing"]
    assert core[made.offset(31) :][:8] == made.by_id(31).data
    with pytest.raises(
        KinfoError, match="--kinfo 0x1000: is no file, and no region holds the record: it lies in reserved memory"
    ):
        core_of(made, tmp_path, kinfo="0x1000")


# The header


@pytest.mark.parametrize("form", ["array", "edl"])
@pytest.mark.parametrize("machine", [183, 62])
def test_a_header_is_made_of_addresses(form: str, machine: int, tmp_path: Path) -> None:
    made = make(machine=machine, has_kelf=False)
    listed = tmp_path / "listed"
    listed.write_bytes(LISTINGS[form](made.places()))
    core, found = core_of(made, tmp_path, regions=str(listed))
    assert codes(found) == ["core-header-made"]
    assert "id 1 (ELF): the header md_KELF is missing" in found[0].message
    has = memory_of(core)
    for one in made.regions:
        is_image = one.id not in (3, 28) and one.id < 44
        va = one.va if is_image or machine == 183 else one.pa
        assert has[one.pa, va] == writer.padded(one.data)
    assert core.count(writer.padded(made.vmcoreinfo)) == 1
    without = [one for one in made.places() if one[0] != 44]
    listed.write_bytes(LISTINGS[form](without))
    _, found = core_of(made, tmp_path, lambda files: files.pop(made.name(33)), regions=str(listed))
    assert [one.where for one in found] == ["id 1", "id 33", "id 44"]
    with pytest.raises(KinfoError, match=r"has no md_KELF, the header, and no VMCOREINFO \(md_Kvmcorein2.BIN\) that says"):
        core_of(made, tmp_path, lambda files: files.pop(made.name(2)), regions=str(listed))


def patched(made: Set, at: int, code: str, *values: int) -> bytes:
    data = bytearray(made.kelf)
    struct.pack_into(code, data, at, *values)
    return bytes(data)


IMPOSSIBLE: dict[str, tuple[Callable[[Set], bytes], str]] = {
    "32-bit": (lambda made: patched(made, 4, "B", 1), r"is a 32-bit \(ELF32\) core header"),
    "big-endian": (lambda made: patched(made, 5, "B", 2), "is a big-endian core header"),
    "no ELF": (lambda made: patched(made, 0, "I", 0), "is no ELF header"),
    "damaged": (lambda made: patched(made, 4, "B", 9), "its ELF header is damaged"),
    "no core": (lambda made: patched(made, 16, "<H", 2), "its ELF header is of type 2"),
    "count": (lambda made: patched(made, 56, "<H", 65535), "its header has 65535 program headers of 56 bytes"),
    "no headers": (lambda made: patched(made, 56, "<H", 0), "its header has 0 program headers"),
    "entry": (lambda made: patched(made, 54, "<H", 32), "program headers of 32 bytes"),
    "table": (lambda made: patched(made, 32, "<Q", 1 << 60), "is cut off inside its program headers"),
    "offset": (
        lambda made: patched(made, 64 + 56 * 3 + 8, "<Q", 1 << 63),
        "program header 3 has the offset 0x8000000000000000",
    ),
    "overlap": (
        lambda made: patched(made, 64 + 56 * 3 + 8, "<Q", 0x4000),
        "program header 3 has the offset 0x4000, where 0x",
    ),
    "size": (
        lambda made: patched(made, 64 + 56 * len(made.regions) + 32, "<Q", 1 << 62),
        "has an impossible size: 0x4000000000000000 bytes",
    ),
    "PA": (lambda made: patched(made, 64 + 56 * 9 + 24, "<Q", (1 << 64) - 4), "has an impossible size"),
    "note": (lambda made: patched(made, 64 + 8, "<Q", 8), "its note cannot lie at offset 0x8 with a size of"),
    "kinds": (lambda made: patched(made, 64, "<I", 1), "its program headers are no note and then regions"),
    "cut": (lambda made: made.kelf[:500], "is cut off inside its program headers, which end at"),
    "very short": (lambda made: made.kelf[:20], "is cut off inside its ELF header"),
    "downstream": (
        lambda made: made.kelf[:200] + b"STR_TBL\0" + made.kelf[208:],
        "is the header of Qualcomm's downstream kernels",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_header_writes_nothing(name: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    made = make(cpus=4)
    damage, message = IMPOSSIBLE[name]
    data = damage(made)
    with pytest.raises(KinfoError, match=message):
        core_of(made, tmp_path, lambda files: files.update({made.name(1): data}))
    ran = kinfo_cli("core", tmp_path / "md", "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("kinfo: md_KELF1.BIN: ")
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".kinfo-*"))


@given(data=st.data())
def test_a_hostile_header_is_refused_or_read(data: st.DataObject) -> None:
    """Any bytes for any of the header's: an error of ours, or a header whose places are within a core."""
    raw = bytearray(make().kelf)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, 64 + 56 * 49))] = data.draw(st.integers(0, 255))
    try:
        found = header.parse("md_KELF1.BIN", bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    except KinfoError:
        return
    assert found.note.offset < found.vmcoreinfo_at <= found.note.offset + found.note.in_file <= found.end


def test_two_headers_and_downstreams(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = make()
    made.write(tmp_path / "two", lambda files: files.update({"md_KELF.BIN": made.kelf}))
    ran = kinfo_cli("core", tmp_path / "two", "-o", tmp_path / "out")
    assert ran.code == 2
    assert "has two md_KELF headers" in ran.err
    made.write(tmp_path / "down", lambda files: files.update({"md_KELF_HDR.BIN": files.pop(made.name(1))}))
    ran = kinfo_cli("core", tmp_path / "down", "-o", tmp_path / "out")
    assert ran.code == 2
    assert (
        "md_KELF_HDR.BIN: is the header of Qualcomm's downstream kernels, another format; assemble those files with"
        in ran.err
    )


def test_the_note_is_made_again(tmp_path: Path) -> None:
    """Under memory pressure others write over the last page of that buffer."""
    made = make()
    at = len(made.kelf) - len(writer.notes(183, 0))
    core, found = core_of(
        made, tmp_path, lambda files: files.update({made.name(1): made.kelf[:at] + b"A" * (len(made.kelf) - at)})
    )
    assert codes(found) == ["core-note-rebuilt"]
    wanted = bytearray(made.core())
    wanted[wanted.index(b"console=") :][:12] = bytes(12)
    place = bytes(wanted).index(b"console=ttyS")
    wanted[place : place + 12] = bytes(12)
    assert core == bytes(wanted)
    other = make(machine=62)
    data = bytearray(other.kelf)
    struct.pack_into("<H", data, 18, 243)  # RISC-V: the size of its registers is not known here
    _, found = core_of(
        other, tmp_path, lambda files: files.update({other.name(1): bytes(data[:at] + b"A" * (len(data) - at))})
    )
    assert "core-note-rebuilt" in codes(found)


def test_regions_of_another_boot(tmp_path: Path) -> None:
    made = make()
    moved = made.vmcoreinfo.replace(b"SYMBOL(prb)=ffffc", b"SYMBOL(prb)=ffffd")
    _, found = core_of(made, tmp_path, lambda files: files.update({made.name(2): writer.padded(moved)}))
    assert [(one.code, one.where) for one in found] == [("core-other-boot", "VMCOREINFO")]
    assert "SYMBOL(prb) is 0xffffd" in found[0].message
    _, found = core_of(made, tmp_path, lambda files: files.update({made.name(22): struct.pack("<Q", 0xFFFFC11111111110)}))
    assert [(one.code, one.where) for one in found] == [("core-other-boot", "prb")]


def test_a_log_without_its_text(tmp_path: Path) -> None:
    """v3 registers the new log of log_buf_len= with size 0: the header has it, no file has."""
    made = make("v3", log_buf_len=True)
    made.by_id(50).data = b""
    made.kelf = writer.kelf(made.regions, made.vmcoreinfo)
    core, found = core_of(made, tmp_path)
    assert core == made.core()
    assert sorted(codes(found)) == ["core-log-stale", "core-region-no-bytes"]
    assert "the live log's text, at VA 0x" in "".join(one.message for one in found)


def test_two_files_of_one_id(tmp_path: Path) -> None:
    made = make()
    assert core_of(made, tmp_path, lambda files: files.update({"md_kprb22.bin": files[made.name(22)]})) == (made.core(), ())
    core, found = core_of(made, tmp_path, lambda files: files.update({"md_kprb22.bin": b"87654321"}))
    assert [(one.code, one.where) for one in found] == [("core-region-twice", "id 22")]
    assert not any(core[made.offset(22) :][:8])
    with pytest.raises(KinfoError, match="has two VMCOREINFO regions that differ"):
        core_of(made, tmp_path, lambda files: files.update({"md_kvmcorein2.bin": b"OSRELEASE=1"}))


def test_strays(tmp_path: Path) -> None:
    made = make()
    more = {"md_Kunknown150.BIN": b"stray" * 5, "md_Kname.BIN": b"1234"}
    core, found = core_of(made, tmp_path, lambda files: files.update(more))
    assert core == made.core()
    assert [(one.code, one.where) for one in found] == [
        ("core-region-unlisted", "id 150"),
        ("core-region-unlisted", "md_Kname.BIN"),
    ]


def test_addresses_that_are_not_this_dumps(tmp_path: Path) -> None:
    made = make()
    listed = tmp_path / "listed"
    listed.write_bytes(writer.qdl([(id_, name, pa + 0x100000000, size) for id_, name, pa, size in made.places()]))
    with pytest.raises(
        KinfoError, match=r"none of its .* addresses is in the header of md_KELF; name the one that is of this dump"
    ):
        core_of(made, tmp_path, regions=str(listed))
    listed.write_bytes(writer.qdl([(id_, name, pa, size + 64 * (id_ == 27)) for id_, name, pa, size in made.places()]))
    _, found = core_of(made, tmp_path, regions=str(listed))
    assert [(one.code, one.where) for one in found] == [("core-table-differs", "id 27")]
    other = writer.edl([(id_, name, pa + 4 * (id_ == 27), size) for id_, name, pa, size in made.places()])
    with pytest.raises(
        KinfoError, match=r"region 27 lies at PA 0x.* by it, at 0x.* by .*; name the one that is of this dump"
    ):
        core_of(made, tmp_path, lambda files: files.update({"a.log": listed.read_bytes(), "b.log": other}))
    listed.write_text("nothing of the kind\n")
    with pytest.raises(KinfoError):
        core_of(made, tmp_path, regions=str(listed))


def test_addresses_out_of_ram_and_of_a_table(tmp_path: Path) -> None:
    """The driver's array lies in the kernel's memory; a listing of `kinfo table` will do as well."""
    made = make(extra=ALIKE)
    ram = tmp_path / "ram.bin"
    ram.write_bytes(bytes(0x3008) + writer.array(made.places()) + bytes(0x2000))
    assert core_of(made, tmp_path, regions=f"{ram}") == (made.core(), ())
    listed = tmp_path / "table.csv"
    listed.write_text("id,pa,size\n" + "".join(f"{id_},{pa:#x},{size}\n" for id_, _, pa, size in made.places()))
    series = next(one for one in SERIES if one.name == "v1")
    assert core_of(made, tmp_path, regions=f"{listed}", series=series) == (made.core(), ())
    listed.write_text("id,size\n1,8\n22,8\n")
    with pytest.raises(KinfoError, match=r"says no region's address; name the driver's region array, its debug lines"):
        core_of(made, tmp_path, regions=f"{listed}", series=series)


# Raw dumps


def test_a_raw_dump(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = make(extra=ALIKE)
    path = tmp_path / "rawdump.img"
    path.write_bytes(writer.raw_dump(made))
    ran = kinfo_cli("core", path, "-o", tmp_path / "core")
    assert (ran.code, ran.err) == (0, f"kinfo: wrote {tmp_path}/core\n")
    assert (tmp_path / "core").read_bytes() == made.core()
    path.write_bytes(writer.raw_dump(made, flags=3, flaws={made.name(31): 2})[:-100])
    ran = kinfo_cli("core", path, "-o", tmp_path / "core", "--force")
    assert ran.code == 1
    assert "core-raw-dump: " in ran.err
    assert "insufficient storage" in ran.err
    assert "md_Kunknown31.BIN is not marked as valid" in ran.err
    assert "md_Kunknown49.BIN is cut off: 412 bytes of 512" in ran.err
    assert "core-region-size: id 49: md_Kunknown49.BIN has 412 bytes, the header 512" in ran.err
    assert made.core()[: made.offset(31)] == (tmp_path / "core").read_bytes()[: made.offset(31)]


def test_a_raw_dump_of_ram(tmp_path: Path) -> None:
    from kinfo.sources import open_memory

    made = make(has_kelf=False)
    made.regions.clear()
    path = tmp_path / "raw"
    path.write_bytes(writer.raw_dump(made, ddr=[(0x80000000, b"RAM." * 16), (0x90000000, b"more" * 16)]))
    memory = open_memory([path])
    assert isinstance(memory, Memory)
    with memory:
        assert memory.read(0x80000000, 8) == b"RAM.RAM."
        assert memory.read(0x9000003C, 4) == b"more"
    for bad, message in ((bytes(40), "cut off"), (struct.pack("<44xI", 9999), "more than are in it")):
        path.write_bytes(b"Raw_Dmp!" + bad)
        with pytest.raises(KinfoError, match=message):
            open_memory([path])
    path.write_bytes(b"Raw_Dmp!" + struct.pack("<44xI", 1) + bytes(64))
    with pytest.raises(KinfoError, match="has no section of RAM"):
        open_memory([path])


# A table in RAM


@pytest.mark.parametrize("series", ["v1", "v3"])
def test_a_table_in_ram(series: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    """inspect_entries[] in a full dump: the regions are cut out of it; those that it does not have are said."""
    made = make(series)
    entries = [
        E(one.id, "", one.va, one.pa if series == "v3" or one.id == 3 or one.id >= 44 else 0, len(one.data))
        for one in made.regions
    ]
    entries.append(E(2, "", 0, 0x40945000, len(made.vmcoreinfo)))
    parts = [(one.pa, writer.padded(one.data)) for one in made.regions if one.id != 31]
    ram = [(0x40945000, writer.padded(made.vmcoreinfo)), (0x50000000, runtime(entries)), *parts]
    (tmp_path / "ram").write_bytes(elf64(*ram))
    ran = kinfo_cli("core", tmp_path / "ram", "--from-table", "-o", tmp_path / "core")
    assert ran.code == 1
    assert "core-header-made: id 1 (ELF)" in ran.err
    assert "core-region-missing: id 31 (_end): its file is missing" in ran.err
    has = memory_of((tmp_path / "core").read_bytes())
    for one in made.regions:
        assert one.id == 31 or has[one.pa, one.va] == writer.padded(one.data)
    (tmp_path / "ram").write_bytes(elf64(*ram[1:]))
    ran = kinfo_cli("core", tmp_path / "ram", "--from-table", "-o", tmp_path / "other")
    assert (ran.code, "no VMCOREINFO in its table says where the image lies" in ran.err) == (2, True)
    (tmp_path / "raw").write_bytes(bytes(8) + runtime(entries))
    ran = kinfo_cli("core", tmp_path / "raw", "--from-table", "-o", tmp_path / "other")
    assert (ran.code, "its table has addresses, and the file has none" in ran.err) == (2, True)


# Cores that are there


def mended(core: bytes, folder: Path, **asked: object) -> tuple[bytes, tuple[Finding, ...]]:
    (folder / "in.elf").write_bytes(core)
    plan = plan_of([str(folder / "in.elf")], CoreRequest(**asked))  # type: ignore[arg-type]
    assert plan is not None
    with open(folder / "out.elf", "wb") as file:
        plan.write(file)
    plan.close()
    return (folder / "out.elf").read_bytes(), plan.findings


def test_a_sound_core_stays_as_it_is(tmp_path: Path) -> None:
    for name, quirk in QUIRKS.items():
        made = quirk()
        core, found = mended(made.core(), tmp_path)
        assert core == made.core()
        assert codes(found) == (["core-log-stale"] if name == "log_buf_len" else [])


def test_a_region_that_was_skipped(tmp_path: Path) -> None:
    """qdl 2.7 writes nothing for a region without a file, and all that follows is shifted."""
    made = make()
    for id_ in (16, 19, 24, 45):
        at, size = made.offset(id_), made.by_id(id_).size
        whole = made.core()
        core, found = mended(whole[:at] + whole[at + size :], tmp_path)
        assert "core-shifted" in codes(found), id_
        assert core == whole[:at] + bytes(size) + whole[at + size :], id_
    at = made.offset(31)
    core, found = mended(whole[:at] + whole[at + 8 :], tmp_path)  # one of 14 words: which one cannot be told
    assert {"core-shifted", "core-region-unsure"} <= set(codes(found))
    for one in made.regions:
        has = core[made.offset(one.id) :][: one.size]
        assert has == writer.padded(one.data) or not any(has)


def test_a_core_that_is_cut_off(tmp_path: Path) -> None:
    made = make()
    core, found = mended(made.core()[:-1000], tmp_path)
    assert [one.code for one in found if one.severity.value == "error"] == ["core-truncated"]
    assert core == made.core()[:-1000] + bytes(1000)


def test_a_core_with_damaged_notes(tmp_path: Path) -> None:
    made = make()
    whole = bytearray(made.core())
    start = len(made.kelf) - len(writer.notes(183, 0))
    whole[start : start + 24] = b"A" * 24
    core, found = mended(bytes(whole), tmp_path)
    assert codes(found) == ["core-note-rebuilt"]
    assert core[len(made.kelf) :] == made.core()[len(made.kelf) :]
    assert core[start : start + 412] == made.core()[start : start + 412]
    lost = (
        bytes(whole[:start])
        + b"A" * (len(made.kelf) + len(writer.padded(made.vmcoreinfo)) - start)
        + made.core()[made.offset(3) :]
    )
    _, found = mended(lost, tmp_path)
    assert "VMCOREINFO is not in it any more" in found[0].message


def test_a_core_whose_headers_overlap(tmp_path: Path) -> None:
    made = make()
    whole = bytearray(made.core())
    struct.pack_into("<Q", whole, 64 + 56 * 5 + 8, made.offset(5))
    _, found = mended(bytes(whole), tmp_path)
    assert "core-overlap" in codes(found)


def test_a_core_against_a_table(tmp_path: Path) -> None:
    made = make()
    listed = tmp_path / "listed"
    listed.write_bytes(writer.array(made.places()))
    assert mended(made.core(), tmp_path, regions=str(listed)) == (made.core(), ())
    listed.write_bytes(
        writer.array([(id_, n, pa + 16 * (id_ == 9), size + 4 * (id_ == 10)) for id_, n, pa, size in made.places()])
    )
    _, found = mended(made.core(), tmp_path, regions=str(listed))
    assert [(one.code, one.where) for one in found] == [("core-table-differs", "id 9"), ("core-table-differs", "id 10")]


# The machine that it runs on


def test_a_folder_of_very_many_files(tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names tell the regions, and few of the others are looked into."""
    made = make()
    folder = made.write(tmp_path / "md")
    for number in range(3000):
        (folder / f"IMG_{number}.txt").write_bytes(b"")
    looked: list[str] = []
    look = addresses._of_small
    monkeypatch.setattr(addresses, "_of_small", lambda path: looked.append(path) or look(path))  # type: ignore[func-returns-value]
    assert kinfo_cli("core", folder, "-o", tmp_path / "core").code == 0
    assert 0 < len(looked) <= 64
    assert (tmp_path / "core").read_bytes() == made.core()


def run_limited(folder: Path, *words: str, limit: int | None = None) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    argv = [sys.executable, "-m", "kinfo", *words]
    return subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=prepare)  # noqa: PLW1509


def test_a_disk_that_fills(tmp_path: Path) -> None:
    make().write(tmp_path / "md")
    process = run_limited(tmp_path, "core", "md", "-o", "out", limit=16384)
    _, said = process.communicate()
    assert process.returncode == 2
    assert said == b"kinfo: out: cannot write: File too large; make room, or write to another disk\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["md"]


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    made = make()
    folder = made.write(tmp_path / "md")
    big = dynamic(60, 4, late=True)
    big.data = b"\xff" * 4
    made.regions.append(big)
    kelf = bytearray(writer.kelf(made.regions, made.vmcoreinfo))
    at = 64 + 56 * len(made.regions)
    struct.pack_into("<QQ", kelf, at + 32, 1 << 36, 1 << 36)
    (folder / made.name(1)).write_bytes(kelf)
    with open(folder / "md_Kunknown60.BIN", "wb") as file:
        os.truncate(file.fileno(), 1 << 36)  # 64 GiB of a hole: what is copied of it takes long, and little room
    process = run_limited(tmp_path, "core", "md", "-o", "out", limit=1 << 29)
    while not list(tmp_path.glob(".kinfo-*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode in (130, 2)  # 2: it had come to the limit of its file
    assert not list(tmp_path.glob(".kinfo-*"))
    assert not (tmp_path / "out").exists()
    assert b"Traceback" not in said


def test_what_cannot_be_asked(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = make()
    folder = made.write(tmp_path / "md")
    assert kinfo_cli("core", folder, "-o", "x", "--series", "v9").code == 2
    (tmp_path / "ram").write_bytes(bytes(64))
    ran = kinfo_cli("core", tmp_path / "ram", "-o", tmp_path / "x", "--series", "v3")
    assert (ran.code, "--regions, --series and --from-table are for regions" in ran.err) == (2, True)
    ran = kinfo_cli("core", folder, "-o", tmp_path / "core", "--series", "v1")
    assert ran.code == 0
    again = kinfo_cli("core", folder, "-o", tmp_path / "core")
    assert (again.code, "exists already" in again.err) == (2, True)
    found = kinfo.core(folder, tmp_path / "api", series="v1")
    assert (found, (tmp_path / "api").read_bytes()) == ((), made.core())


def test_every_rule_of_cores_is_met_here() -> None:
    text = Path(__file__).read_text()
    assert not [
        rule.code for rule in RULES if rule.family == "core" and f'"{rule.code}' not in text and rule.code not in text
    ]


# Who else opens what is made


@pytest.fixture
def real_core(tmp_path: Path, real_samples: Path, kinfo_cli: Cli) -> Path:
    """The core of a booted kernel's regions, and its listing's: both are that which was put together from its memory."""
    folder = real_samples / "kernels" / "meminspect-v1" / "meminspect"
    ran = kinfo_cli("core", folder / "md", "-o", tmp_path / "core")
    assert (ran.code, ran.err) == (0, f"kinfo: wrote {tmp_path}/core\n")
    assert ran.out.startswith(f"Open it with:\n  kinfo dmesg {tmp_path}/core ")
    assert f"gdb -ex 'core-file {tmp_path}/core' -ex 'symbol-file -o 0x47ddd7000000 vmlinux'" in ran.out
    assert kinfo_cli("debug", tmp_path / "core").out == ran.out
    assert kinfo_cli("core", folder / "md", "--regions", folder / "md_regions.bin", "-o", tmp_path / "again").code == 0
    for name in ("core", "again"):
        assert (tmp_path / name).read_bytes() == (folder / "core.elf").read_bytes()
    return tmp_path / "core"


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def said(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


def test_readelf_reads_it(real_core: Path) -> None:
    text = said(program("readelf"), "-lnW", real_core)
    assert "There are 45 program headers" in text
    assert [line.split()[0] for line in text.splitlines() if "0x0000" in line and line.startswith("  ")][-3:] == [
        "CORE",
        "CORE",
        "VMCOREINFO",
    ]
    assert "arning" not in text


def test_gdb_reads_it(real_core: Path) -> None:
    text = said(program("gdb"), "-nx", "-batch", "-ex", f"core-file {real_core}", "-ex", "x/s 0xffffc7de57300aa8")
    assert '"Linux version 6.12.117 ' in text


def lines_of(text: str) -> list[str]:
    return [re.sub(r"^\[ *\d+\.\d+\] ", "", line) for line in text.splitlines()]


def test_vmcore_dmesg_prints_the_guests_log(real_core: Path, real_samples: Path, kinfo_cli: Cli) -> None:
    guest = (real_samples / "kernels" / "meminspect-v1" / "dmesg.txt").read_text().splitlines()
    own = lines_of(kinfo_cli("dmesg", real_core).out)
    assert own[: len(guest)] == lines_of("\n".join(guest))
    assert lines_of(said(program("vmcore-dmesg"), real_core)) == own


def test_drgn_reads_it(real_core: Path) -> None:
    drgn = pytest.importorskip("drgn")
    prog = drgn.Program()
    prog.set_core_dump(real_core)
    assert prog.flags & drgn.ProgramFlags.IS_LINUX_KERNEL
    assert bytes(prog.read(0xFFFFC7DE57300AA8, 22)) == b"Linux version 6.12.117"
    assert bytes(prog.read(0x40500AA8, 22, True)) == b"Linux version 6.12.117"


def test_what_opens_a_core(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = make()
    path = tmp_path / "a core"
    path.write_bytes(made.core())
    out = kinfo_cli("debug", path).out
    assert f"crash --minimal vmlinux '{path}'" in out
    assert "symbol-file -o 0x8000000 vmlinux" in out
    path.write_bytes(made.core().replace(b"KERNELOFFSET", b"KERNELOFFSEX"))
    assert "symbol-file -o 0xKERNELOFFSET vmlinux" in kinfo_cli("debug", path).out
    path.write_bytes(made.core().replace(b"VMCOREINFO", b"VMCOREINFX"))
    assert "without VMCOREINFO crash, drgn and vmcore-dmesg refuse it" in kinfo_cli("debug", path).out
    path.write_bytes(make(machine=62).core())
    assert "crash" not in kinfo_cli("debug", path).out.replace("without VMCOREINFO crash", "")
    for physical in (elf32(0x80000000, b"word"), elf64((0x40000000, b"word"))):  # as QEMU's dump-guest-memory, with a VA of 0
        path.write_bytes(physical)
        steps = [line.split("    # ") for line in kinfo_cli("debug", path).out.splitlines()]
        assert [one[0].strip() for one in steps] == [
            "Open it with:",
            f"kinfo core '{path}' -o ram.core",
            f"kinfo debug '{path}' --tool gdb",
        ]
        assert steps[1][1].startswith("memory is at its PAs here")
    path.write_bytes(b"something else")
    ran = kinfo_cli("debug", path)
    assert (
        ran.code,
        "is no ELF core of a little-endian machine; name a debugger with --tool crash, gdb or drgn" in ran.err,
    ) == (2, True)


def listed(source: Path, kinfo_cli: Cli) -> tuple[int, list[str], dict[int, tuple[str | None, str | None]]]:
    ran = kinfo_cli("table", source, "--format", "json")
    found = json.loads(ran.out)
    places = {one["id"]: (one["va"], one["pa"]) for one in found["entries"]}
    return ran.code, [one["code"] for one in found["findings"] if one["severity"] == "error"], places


def test_the_table_of_files_has_the_headers_addresses(tmp_path: Path, kinfo_cli: Cli) -> None:
    """`kinfo table` says of a folder what `kinfo core` says: where its regions lie, and which are missing."""
    made = make()
    places = {one.id: (f"{one.va:#x}", f"{one.pa:#x}") for one in made.regions}
    code, errors, found = listed(made.write(tmp_path / "whole"), kinfo_cli)
    assert (code, errors) == (0, [])
    assert {id_: one for id_, one in found.items() if id_ > 2} == places
    folder = made.write(tmp_path / "less", lambda files: [files.pop(made.name(id_)) for id_ in (2, 25)])
    code, errors, found = listed(folder, kinfo_cli)
    assert (code, errors) == (1, ["core-region-missing", "core-region-missing"])
    assert all(found[id_] == places[id_] for id_ in found if id_ > 2 and found[id_] != (None, None))
    assert found[24] == places[24]
    folder = made.write(tmp_path / "bare", lambda files: files.pop(made.name(1)))
    code, errors, found = listed(folder, kinfo_cli)
    assert (code, errors, set(found.values())) == (0, [], {(None, None)})


def test_the_table_of_a_core_says_what_the_core_lacks(tmp_path: Path, kinfo_cli: Cli) -> None:
    made, path = make(), tmp_path / "core.elf"
    whole, at = made.core(), made.offset(19)
    path.write_bytes(whole[:-1000])
    assert listed(path, kinfo_cli)[:2] == (1, ["core-truncated"])
    path.write_bytes(whole[:at] + whole[at + made.by_id(19).size :])
    assert listed(path, kinfo_cli)[:2] == (1, ["core-truncated", "core-shifted", "core-region-missing"])


def test_regions_of_a_shifted_core_are_read_where_they_are(tmp_path: Path, kinfo_cli: Cli) -> None:
    """Of a core whose writer skipped a file, what lies behind it is never taken for another region."""
    made, path = make(), tmp_path / "core.elf"
    whole, at = made.core(), made.offset(19)
    path.write_bytes(whole[:at] + whole[at + made.by_id(19).size :])
    for id_ in (14, 22, 25):
        ran = kinfo_cli("read", path, f"pa:{made.by_id(id_).pa:#x}", made.by_id(id_).size, "-o", tmp_path / f"{id_}.bin")
        assert ran.code == 0
        assert "core-shifted" in ran.err
        assert (tmp_path / f"{id_}.bin").read_bytes() == writer.padded(made.by_id(id_).data)
    ran = kinfo_cli("read", path, f"pa:{made.by_id(19).pa:#x}", 4)
    assert (ran.code, ran.out) == (2, "")
    assert "files were skipped; fetch the region's file from the device again" in ran.err
    ran = kinfo_cli("table", path, "--values", "--format", "json")
    assert ran.code == 1
    found = json.loads(ran.out)
    assert [one["code"] for one in found["findings"]][1] == "core-shifted"
    assert [one["id"] for one in found["values"] if not one["is_read"]] == [19]
