"""The address maps of each architecture, against figures that kernels themselves print, and that they stand in one room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kinfo.arch import arm, arm64, machines, x86_64
from kinfo.arch.address import MASK, signed

PACKAGE = Path(__file__).resolve().parent.parent / "kinfo"


@pytest.mark.parametrize(
    ("bits", "page_shift", "least"),
    [
        (39, 12, 39),
        (48, 12, 48),
        (52, 12, 48),
        (36, 14, 36),
        (47, 14, 47),
        (48, 14, 48),
        (52, 14, 47),
        (42, 16, 42),
        (52, 16, 48),
    ],
)
def test_va_bits_min(bits: int, page_shift: int, least: int) -> None:
    """asm/memory.h: only kernels for more than 48 bits run with fewer; with 16K pages then with 47."""
    assert arm64.va_bits_min(bits, page_shift) == least


@pytest.mark.parametrize(
    ("version", "bits", "page_shift", "address"),
    [  # asm/memory.h of these releases
        ((4, 19), 39, 12, 0xFFFFFF8008080000),
        ((5, 0), 48, 12, None),
        ((5, 4), 39, 12, 0xFFFFFFC010080000),
        ((5, 10), 39, 12, 0xFFFFFFC010000000),
        ((5, 16), 39, 12, None),
        ((6, 1), 48, 12, 0xFFFF800008000000),
        ((6, 12), 52, 12, 0xFFFF800080000000),
        ((6, 12), 48, 14, 0xFFFF800080000000),
        ((6, 12), 52, 14, 0xFFFFC00080000000),
        ((4, 4), 39, 12, None),
    ],
)
def test_link_address(version: tuple[int, int], bits: int, page_shift: int, address: int | None) -> None:
    assert arm64.link_address(version, bits, page_shift) == address


def test_halves_of_arm64() -> None:
    assert not arm64.is_flipped((5, 3))
    assert arm64.is_flipped((5, 4))
    assert arm64.page_offset(48) == 0xFFFF000000000000
    assert arm64.page_end(48) == 0xFFFF800000000000
    assert arm64.page_offset(39, flipped=False) == 0xFFFFFFC000000000


def test_signed_pointers() -> None:
    half = arm64.page_offset(48)
    assert arm64.without_pac(0x003F8000801234A0 | 1 << 55, half) == 0xFFFF8000801234A0 | half
    assert arm64.without_pac(0xFF7F8000801234A0, half) is None  # bit 55 is a user's, whatever is above it


def test_x86_64_image() -> None:
    assert x86_64.voffset(0) == 0xFFFFFFFF80000000
    assert x86_64.voffset(x86_64.voffset(-0x1000000)) == -0x1000000 & MASK
    assert x86_64.image_pa(0xFFFFFFFF81000000, 0) == 0x1000000
    assert x86_64.is_image(x86_64.LINK_ADDRESS)
    assert not x86_64.is_image(0xFFFF888000000000)
    assert signed(-5 & MASK) == -5
    assert signed(5) == 5


@pytest.mark.parametrize(("page", "block"), [(4096, 2 << 20), (16384, 32 << 20), (65536, 512 << 20)])
def test_block_size(page: int, block: int) -> None:
    assert arm64.block_size(page) == block


def test_machines_have_names() -> None:
    assert (machines.name_of(arm64.MACHINE), machines.name_of(arm.MACHINE), machines.name_of(9999)) == (
        "arm64",
        "arm (32-bit)",
        "machine 9999",
    )


ONLY_HERE = {
    "__START_KERNEL_map": r"FFFFFFFF8[01]000000",
    "a mask of its own": r"^_\w+ = \(1 << 64\) - 1\n",
    "the kernel's half": r"1 << 63\b",
    "the flip of 5.4": r"^_?\w*(FLIP|ABOVE_LINEAR)\w* = ",
    "a machine number": r"\b183: |== 183\b",
    "the image's magic": r'b"ARM\\x64"|0x644D5241',
    "SEGMENT_ALIGN": r"SEGMENT\w* = 0x10000\b",
}
# The same number, and another fact: phys_addr_t (the model of early memory), an NX bit, what a signed 64-bit number holds.
OTHERS = {
    "a mask of its own": ("dt/boot/place.py", "dt/boot/memblock.py"),
    "the kernel's half": ("kernel/paging/formats.py", "record/asked/traced.py", "record/asked/vectors.py"),
}


@pytest.mark.parametrize("what", ONLY_HERE)
def test_maps_stand_in_one_room(what: str) -> None:
    """A brother of a fact goes wrong alone: PAGE_END of 16K pages did."""
    there = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE / "arch" and re.search(ONLY_HERE[what], path.read_text(), re.MULTILINE | re.IGNORECASE)
    }
    assert not there - {*OTHERS.get(what, ())}, f"{what} stands outside kinfo/arch"
