"""`verify-dt --explain-boot`: the run of the model, kernel by kernel; and images that say how much memory they take."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli
from tests.fdt import blob, board

WRONG = ROOT / "dts_examples" / "wrong"


def boots(out: str) -> dict[str, list[str]]:
    """The lines of every run, by the kernels that it is of."""
    runs: dict[str, list[str]] = {}
    for block in out.split("\n\n"):
        head, *lines = block.splitlines()
        name, found, kernels = head.partition(": early memory on ")
        if found:
            assert name.endswith(")")
            runs[kernels] = [line.strip() for line in lines]
    return runs


def test_kernels_with_one_run_share_it(kinfo_cli: Cli) -> None:
    ran = kinfo_cli("verify-dt", "--no-schema", "--explain-boot", WRONG / "devicetree-ranges.dtb")
    assert ran.code == 1
    runs = boots(ran.out)
    assert list(runs) == ["5.10 and 5.15", "6.1", "6.6", "6.12"]
    for kernels, lines in runs.items():
        assert lines[0] == "RAM           0x80000000-0xffffffff (2 GiB)"
        speaker = "reserved mem" if kernels == "6.12" else "fdt"  # drivers/of/fdt.c read the regions up to 6.6
        assert f"OF: {speaker}: Reserved memory: unsupported node format, ignoring" in lines
        assert sum(line.startswith("not listed") for line in lines) == 2


def test_the_order_of_the_steps_is_the_release_s(kinfo_cli: Cli) -> None:
    """/memreserve/ comes first up to 6.4, and last from 6.5 on (drivers/of/fdt.c: early_init_fdt_scan_reserved_mem())."""
    for kernel, last in (("6.1", False), ("6.12", True)):
        ran = kinfo_cli("verify-dt", "--no-schema", "--explain-boot", "--kernel", kernel, WRONG / "devicetree-ranges.dtb")
        (lines,) = boots(ran.out).values()
        reserve = next(place for place, line in enumerate(lines) if line.endswith("/memreserve/"))
        regions = next(place for place, line in enumerate(lines) if "regions with reg, in the tree's order" in line)
        assert (reserve > regions) is last


def test_what_is_in_use_and_what_is_listed(kinfo_cli: Cli) -> None:
    options = ("--explain-boot", "--no-schema", "--kernel", "6.1", "--image", "0x80000000+0x2000000")
    ran = kinfo_cli("verify-dt", *options, WRONG / "devicetree-lost.dtb")
    (lines,) = boots(ran.out).values()
    assert "in use        0x80000000-0x81ffffff (32 MiB) the kernel's image" in lines
    assert "listed        firmware@fd400000: 0xfd400000-0xfd4fffff (1 MiB), nomap" in lines
    assert any(
        line.startswith("OF: reserved mem: failed to allocate memory for node 'debug-kinfo-reserved'") for line in lines
    )


def image(size: int, magic: bytes = b"ARM\x64") -> bytes:
    """The header of an arm64 Image: image_size at 16, magic at 56 (Documentation/arch/arm64/booting.rst)."""
    return struct.pack("<16xQ32x4s4x", size, magic) + bytes(64)


@pytest.mark.parametrize("magic", [b"ARM\x64", b"RSC\x05"])
def test_an_image_says_how_much_memory_it_takes(kinfo_cli: Cli, tmp_path: Path, magic: bytes) -> None:
    (tmp_path / "board.dtb").write_bytes(blob(board()))
    for size, code in ((0x1000000, 0), (0x1000001, 1)):  # the region begins at 0x4e000000
        (tmp_path / "Image").write_bytes(image(size, magic))
        ran = kinfo_cli("verify-dt", "--no-schema", "--image", f"{tmp_path}/Image@0x4d000000", tmp_path / "board.dtb")
        assert (ran.code, "devicetree-overlap-image" in ran.out) == (code, code == 1)


@pytest.mark.parametrize("data", [image(0), image(1 << 63, b"none"), image((1 << 64) - 1), b"\x1f\x8b"])
def test_what_is_no_image_is_refused(kinfo_cli: Cli, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "board.dtb").write_bytes(blob(board()))
    (tmp_path / "Image").write_bytes(data)
    ran = kinfo_cli("verify-dt", "--no-schema", "--image", f"{tmp_path}/Image@0x4d000000", tmp_path / "board.dtb")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"kinfo: {tmp_path}/Image: is no arm64 or RISC-V Image with its size in the header; unpack it")
