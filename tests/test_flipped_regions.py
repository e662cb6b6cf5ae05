"""A Pixel's region with a bit flipped anywhere: neither half goes away without a word and a verdict."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import kinfo
from kinfo import Severity
from tests.conftest import Cli
from tests.synthetic import PAGE, VENDOR, make_fields, noise

HALF = PAGE // 2
FLIPS = 80  # of the kernel's record, and of the vendor block behind its first fields; its head has every bit tried


def region(alias: str) -> tuple[bytes, int]:
    """A region with both halves, and the size of the vendor block."""
    release = make_fields("A2", 2)["last_uts_release"]
    block = kinfo.encode(make_fields(alias, 2) | {"uts_release": release}, alias)
    return kinfo.encode(make_fields("A2", 2), "A2").ljust(HALF, b"\0") + block.ljust(HALF, b"\0"), len(block)


def is_silent(record: kinfo.Examined) -> bool:
    """Whether a half's sum is broken, and nothing graver than a note says so."""
    if record.vendor and record.vendor.state.verified and record.state.verified:
        return True  # a flipped bit that leaves both sums right
    return all(finding.severity is Severity.INFO for finding in record.findings)


@pytest.mark.parametrize("alias", VENDOR)
def test_no_flipped_bit_makes_a_half_vanish_in_silence(alias: str) -> None:
    whole, size = region(alias)
    rng = random.Random(alias)
    first = range(HALF * 8, (HALF + (20 if alias != "V1" else 72)) * 8)
    bits = [*first, *rng.sample(range(HALF * 8, (HALF + size) * 8), FLIPS), *rng.sample(range(484 * 8), FLIPS), *range(32)]
    silent = []
    for bit in bits:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        record = kinfo.decode(bytes(flipped))
        if record.vendor is None or record.layout is not kinfo.layout("A2") or is_silent(record):
            silent.append((bit // 8, bit % 8))
    assert silent == []


def test_a_vendor_block_without_the_kernels_record_is_not_sound(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "region"
    path.write_bytes(bytes(HALF) + region("V1")[0][HALF:])
    ran = kinfo_cli("decode", path)
    assert ran.code == 1
    assert "record-vendor-alone  record: nothing that is a kernel's record lies before the vendor block at 0x800" in ran.out


def test_a_vendor_block_asked_for_beside_its_record_is_not_alone(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "region"
    path.write_bytes(region("V1")[0])
    assert kinfo_cli("decode", path, "--offset", "0x800").code == 0


@pytest.mark.parametrize("bit", range(32))
def test_a_magic_one_bit_off_is_found_and_named(bit: int, tmp_path: Path, kinfo_cli: Cli) -> None:
    record = bytearray(kinfo.encode(make_fields("C", 1), "C"))
    record[bit // 8] ^= 1 << bit % 8
    path = tmp_path / "ram"
    path.write_bytes(noise(3 * PAGE, 1) + bytes(record) + noise(2 * PAGE, 2))
    ran = kinfo_cli("decode", path)
    assert ran.code == 1
    assert f"not 0xcceeddff: bit {bit} flipped; the sum over the body holds" in ran.out
    listed = kinfo_cli("find", path)
    assert listed.code == 0
    assert listed.out.splitlines()[1].split()[:5] == ["0x3000", "record", "C", "likely", "bad"]


def test_a_small_regions_record_with_three_bits_off_does_not_leave_the_vendor_block_sound() -> None:
    """Its other half lies within what is weighed: neither half may stand for the whole region without a word."""
    record, block = (kinfo.encode(make_fields(alias, 1), alias) for alias in ("A6", "V1"))
    rng = random.Random(1)
    silent = []
    for _ in range(300):
        flipped = bytearray(record.ljust(512, b"\0") + block.ljust(512, b"\0"))
        bits = rng.sample(range(len(record) * 8), 3)
        for bit in bits:
            flipped[bit // 8] ^= 1 << bit % 8
        if all(finding.severity is Severity.INFO for finding in kinfo.decode(bytes(flipped)).findings):
            silent.append(bits)
    assert silent == []


def test_a_vendor_block_whose_magic_two_bits_left_is_asked_after(tmp_path: Path, kinfo_cli: Cli) -> None:
    whole = bytearray(region("V1")[0])
    whole[HALF] ^= 0x11
    path = tmp_path / "region"
    path.write_bytes(bytes(whole))
    ran = kinfo_cli("decode", path, "--strict")
    assert ran.code == 1
    assert "the second half begins at 0x800 with bytes that do not read as a vendor block" in ran.out


def test_a_half_filled_with_other_data_is_a_note(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "region"
    path.write_bytes(region("V1")[0][:484] + noise(PAGE - 484, 3))
    assert kinfo_cli("decode", path, "--strict").code == 0
