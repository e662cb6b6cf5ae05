"""Records in whole dumps: decoys, vendor blocks, regions, and what is said when there is none."""

from __future__ import annotations

import gzip
import io
import struct
import sys
from pathlib import Path

import pytest

import kinfo
from kinfo import State
from kinfo.record import locate
from tests.conftest import Cli
from tests.synthetic import PAGE, VENDOR, make_fields, noise, wrap

MAGIC = bytes.fromhex("ffddeecc")
RECORD = kinfo.encode(make_fields("C", 1), "C")


def dump_with(**places: bytes) -> bytes:
    dump = bytearray(noise(32 * PAGE, 7))
    for place, data in places.items():
        offset = int(place.removeprefix("at_"), 16)
        dump[offset : offset + len(data)] = data
    return bytes(dump)


def test_records_and_decoys() -> None:
    damaged = bytearray(RECORD)
    damaged[12] ^= 4
    dump = dump_with(at_2000=MAGIC, at_5000=bytes(damaged), at_9000=RECORD, at_a000=bytes.fromhex("ddbbccaa"))
    hits = list(kinfo.find(dump))
    assert [(hit.offset, hit.record.state if hit.record else None) for hit in hits] == [
        (0x2000, None),
        (0x5000, State.MISMATCH),
        (0x9000, State.VALID),
        (0xA000, None),
    ]
    assert kinfo.decode(dump).offset == 0x9000
    assert [record.offset for record in kinfo.api.decode_all(dump)] == [0x9000, 0x5000]


def test_places_that_are_no_page_are_found_with_a_step() -> None:
    dump = dump_with(at_5004=RECORD)
    assert list(kinfo.find(dump)) == []
    assert [hit.offset for hit in kinfo.find(dump, step=4) if hit.record] == [0x5004]
    assert kinfo.decode(dump).offset == 0x5004


@pytest.mark.parametrize("step", [0, -4, 6])
def test_steps_that_are_none(step: int) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        list(kinfo.find(b"", step=step))


@pytest.mark.parametrize("alias", VENDOR)
@pytest.mark.parametrize("size", [2048, 4096, 0x3000, 65536])
def test_vendor_block_in_the_second_half(alias: str, size: int) -> None:
    main, block = (kinfo.encode(make_fields(one, 3), one) for one in ("A2", alias))
    record = kinfo.decode(main.ljust(size // 2, b"\0") + block.ljust(size // 2, b"\0"))
    assert (record.layout, record.region_size) == (kinfo.layout("A2"), size)
    assert record.vendor is not None
    assert (record.vendor.layout, record.vendor.offset) == (kinfo.layout(alias), size // 2)
    assert record.vendor.fields == kinfo.decode(block, layout=alias).fields


def test_vendor_block_in_a_dump_belongs_to_its_record() -> None:
    region = RECORD.ljust(2048, b"\0") + kinfo.encode({"uts_release": "6.12.1"}, "V1")
    hits = [hit for hit in kinfo.find(dump_with(at_6000=region), step=4) if hit.record]
    assert [hit.offset for hit in hits] == [0x6000]
    assert hits[0].record
    assert hits[0].record.vendor
    assert hits[0].record.vendor.offset == 0x6800


def test_a_vendor_block_alone_is_a_record() -> None:
    block = kinfo.encode({"uts_release": "6.12.1"}, "V1")
    assert kinfo.decode(bytes(2048) + block + bytes(1976)).layout is kinfo.layout("V1")


def test_a_record_without_magic_is_found_at_the_start_of_a_region() -> None:
    for how in ("zero", "noise"):
        record = kinfo.decode(wrap(bytes(8) + RECORD[8:], how)[0])
        assert (record.layout, record.state) == (kinfo.layout("C"), State.NOT_WRITTEN)


def test_base_gives_physical_addresses() -> None:
    record = kinfo.decode(dump_with(at_9000=RECORD), base=0x4E000000)
    assert record.address == 0x4E009000
    assert kinfo.decode(RECORD).address is None


def test_a_dump_made_of_magics_ends(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "magics"
    path.write_bytes(MAGIC * 200_000)
    ran = kinfo_cli("find", path, "--step", "4")
    assert ran.code == 2
    assert ran.err == (
        f"kinfo: {path}: more than {locate.MAX_MAGICS} magics up to 0x4000: a test pattern, not a dump; "
        "name the record's place with --offset\n"
    )


SWAP = "swap each 32-bit word (objcopy -I binary -O binary --reverse-bytes=4 IN OUT) and decode again"
WHOLE = "dump the whole reserved-memory region (a page at least)"
LOOK = "force a layout with --layout to see the bytes as fields, or look with `kinfo find`"


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (b"abc", (), f"3 bytes are shorter than any record (72); {WHOLE}"),
        (noise(5000, 1), (), "no record in 0x1388 bytes; dump the memory that the devicetree's kinfo node names, or all RAM"),
        (
            *(MAGIC + noise(5000, 1), ()),
            "the magic at 0x0 has no record behind it; force a layout with --offset and --layout to look",
        ),
        (noise(5000, 4) + RECORD[:16], (), f"the record at 0x1388 is cut after 16 bytes; {WHOLE}"),
        (RECORD[3::-1] + noise(4092, 2), (), f"big-endian word order: the magic at 0x0 is byte-swapped; {SWAP}"),
        (RECORD, ("--offset", "0x1000"), "offset 0x1000 is not within it; it has 0x1d8 bytes"),
        (bytes(64) + RECORD, ("--offset", "8"), f"no magic at 0x8 (found 0x00000000); {LOOK}"),
        (MAGIC + noise(4092, 3), ("--offset", "0"), f"the magic 0xcceeddff at 0x0 has no record behind it; {LOOK}"),
        (MAGIC[::-1] + noise(4092, 3), ("--offset", "0"), f"big-endian word order: the magic at 0x0 is byte-swapped; {SWAP}"),
        (bytes(23), ("--layout", "C"), f"23 bytes at 0x0 are not even the head of debug-kinfo-text (472 bytes); {WHOLE}"),
        (b"PK\3\4" + noise(400, 1), (), "is compressed with zip; unpack it first: unzip {f}"),
    ],
)
def test_what_is_said_of_a_dump_without_a_record(
    tmp_path: Path, kinfo_cli: Cli, data: bytes, arguments: tuple[str, ...], message: str
) -> None:
    path = tmp_path / "dump"
    path.write_bytes(data)
    ran = kinfo_cli("decode", path, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"kinfo: {path}: {message}\n".replace("{f}", str(path))


class TestForced:
    def test_a_forced_layout_that_fits_says_nothing(self) -> None:
        record = kinfo.decode(RECORD, layout="debug-kinfo-text")
        assert record.is_forced
        assert record.confidence is kinfo.Confidence.CERTAIN
        assert [finding.code for finding in record.findings] == ["record-base-relative-zero"]

    def test_a_rival_may_be_forced(self) -> None:
        region = kinfo.encode(make_fields("A0", 1), "A0").ljust(PAGE, b"\0")
        record = kinfo.decode(region, layout="A1n")
        assert record.confidence is kinfo.Confidence.LIKELY
        assert [rival.layout.alias for rival in record.rivals] == ["A0"]

    def test_any_layout_over_noise_or_zeros(self) -> None:
        for layout in kinfo.layouts():
            read = kinfo.decode(noise(PAGE, 5), layout=layout)
            assert (read.layout, read.state, read.confidence) == (layout, State.MISMATCH, kinfo.Confidence.AMBIGUOUS)
            assert {"checksum-magic", "layout-forced"} <= {finding.code for finding in read.findings}
            assert kinfo.decode(bytes(PAGE), layout=layout).state is State.NOT_WRITTEN

    def test_longer_than_the_file(self) -> None:
        record = kinfo.decode(RECORD[:216], layout="C")
        assert record.is_truncated
        assert "build_info" not in record.fields
        assert record.fields["_end_pa"] == make_fields("C", 1)["_end_pa"]

    def test_at_the_first_magic_of_a_dump(self) -> None:
        assert kinfo.decode(dump_with(at_3004=MAGIC), layout="C").offset == 0x3004


def test_a_damaged_copy_at_a_page_does_not_hide_a_sound_record_elsewhere() -> None:
    damaged = bytearray(RECORD)
    damaged[12] ^= 1
    dump = dump_with(at_2a54=RECORD, at_8000=bytes(damaged))
    records = kinfo.api.decode_all(dump)
    assert [(record.offset, record.state) for record in records] == [(0x2A54, State.VALID), (0x8000, State.MISMATCH)]


def test_a_magic_before_zeros_is_a_decoy_but_an_empty_vendor_block_is_none() -> None:
    empty = (MAGIC + bytes(68)).ljust(2048, b"\0")
    assert [hit.record for hit in kinfo.find(dump_with(at_3000=empty + empty))] == [None]
    record = kinfo.decode(RECORD.ljust(2048, b"\0") + empty)
    assert record.vendor
    assert record.vendor.release_text == ""


def test_vendor_block_of_a_region_of_megabytes() -> None:
    block = kinfo.encode({"uts_release": "6.12.1-g1"}, "V1")
    record = kinfo.decode(RECORD.ljust(2 << 20, b"\0") + block.ljust(2 << 20, b"\0"))
    assert record.vendor
    assert record.vendor.offset == 2 << 20


def test_an_elf_core_needs_no_base(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "core"
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 183, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, PAGE, 0, 0x4E000000, PAGE, PAGE, 0)
    path.write_bytes((header + load).ljust(PAGE, b"\0") + RECORD.ljust(PAGE, b"\0"))
    shown = kinfo_cli("decode", path)
    assert shown.code == 0
    assert "at 0x4e000000 (PA 0x4e000000)" in shown.out
    assert kinfo_cli("decode", path, "--base", "0x40000000").err == (
        f"kinfo: {path}: has physical addresses of its own; leave --base out\n"
    )


def test_a_damaged_core_is_searched_as_plain_bytes(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "core"
    path.write_bytes(b"\x7fELF" + bytes(4092) + RECORD.ljust(PAGE, b"\0"))
    assert "at 0x1000 (PA 0x4001000)" in kinfo_cli("decode", path, "--base", "0x4000000").out


def test_a_compressed_dump_is_unpacked(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "ram.gz"
    path.write_bytes(gzip.compress(dump_with(at_3000=RECORD)))
    assert "at 0x3000" in kinfo_cli("decode", path).out
    assert kinfo.decode(path).offset == 0x3000


def test_a_damaged_compressed_stream(monkeypatch: pytest.MonkeyPatch, kinfo_cli: Cli) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\x1f\x8b\x08" + noise(400, 1))))
    assert kinfo_cli("decode", "-").err == (
        "kinfo: <stdin>: is compressed, and damaged or cut off: Compressed file ended before the end-of-stream marker was "
        "reached; pipe it through gzip -dc first\n"
    )


def test_negative_offsets_are_refused() -> None:
    with pytest.raises(kinfo.KinfoError, match="offset -0x1000 is not within it"):
        kinfo.decode(RECORD, offset=-4096)


def test_a_head_alone_is_read_as_the_layout_that_is_asked_for(tmp_path: Path) -> None:
    head = tmp_path / "head.bin"
    head.write_bytes(kinfo.encode(make_fields("C", 4), "C")[:24])
    record = kinfo.decode(head, layout="C")
    assert (record.is_truncated, record.fields["num_syms"]) == (True, make_fields("C", 4)["num_syms"])
