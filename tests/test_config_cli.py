"""`kinfo config`: the configuration out of RAM, images and region files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.kernels import dumps
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.tables import Symbol

TEXT = """#
# Automatically generated file; DO NOT EDIT.
# Linux/arm64 6.12.1 Kernel Configuration
#
CONFIG_HZ=250
# CONFIG_X is not set
"""


def packed(text: str = TEXT) -> bytes:
    return b"IKCFG_ST" + gzip.compress(text.encode()) + b"IKCFG_ED"


def with_config(data: bytes, *, named: bool = True) -> Kernel:
    at = make(Spec()).places["data"] + 0x3000
    kernel = make(Spec(extra=[Symbol("kernel_config_data", "r", at)] if named else []))
    kernel.poke(kernel.pa("data") + 0x3000, data)
    return kernel


@pytest.mark.parametrize("named", [True, False])
def test_of_the_kernel_in_ram(tmp_path: Path, kinfo_cli: Cli, named: bool) -> None:
    kernel = with_config(packed(), named=named)
    kernel.poke(kernel.end - 0x48000, packed(TEXT.replace("250", "100")))  # another kernel's, behind the image
    kernel.write_raw(tmp_path / "ram.bin")
    done = kinfo_cli("config", f"{tmp_path / 'ram.bin'}@{kernel.base:#x}")
    assert (done.code, done.out) == (0, TEXT)
    assert f"kinfo: the configuration of the kernel in {tmp_path / 'ram.bin'}\n" in done.err
    done = kinfo_cli("config", tmp_path / "ram.bin", "--format", "json")
    assert json.loads(done.out)["options"] == {"CONFIG_HZ": "250"}


def test_of_an_image_and_a_region(tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "Image").write_bytes(bytes(5000) + packed() + bytes(5000))
    done = kinfo_cli("config", tmp_path / "Image")
    assert (done.code, done.out) == (0, TEXT)
    assert done.err == f"kinfo: the configuration in {tmp_path / 'Image'} at 0x1390: Linux/arm64 6.12.1\n"
    (tmp_path / "Image.gz").write_bytes(gzip.compress((tmp_path / "Image").read_bytes()))
    assert kinfo_cli("config", tmp_path / "Image.gz").out == TEXT
    (tmp_path / "vmlinux").write_bytes(b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x02\0" + bytes(100) + packed())
    assert kinfo_cli("config", tmp_path / "vmlinux").out == TEXT
    (tmp_path / "md").mkdir()
    (tmp_path / "md" / "md_Kconfig3.BIN").write_bytes(packed())
    assert kinfo_cli("config", tmp_path / "md").out == TEXT
    assert kinfo_cli("config", tmp_path / "md" / "md_Kconfig3.BIN").out == TEXT


def test_two_that_differ(tmp_path: Path, kinfo_cli: Cli) -> None:
    """The same twice is one; without a kernel nothing tells which of two is meant."""
    other = packed(TEXT.replace("6.12.1", "6.6.6"))
    pieces = [dumps.Piece(0x80000000, 0, packed() + bytes(100) + packed()), dumps.Piece(0x90000000, 0, other)]
    dumps.write_lime(tmp_path / "one.lime", pieces[:1])
    done = kinfo_cli("config", tmp_path / "one.lime")
    assert (done.code, done.out) == (0, TEXT)
    assert "at PA 0x80000008: Linux/arm64 6.12.1" in done.err
    dumps.write_lime(tmp_path / "two.lime", pieces)
    done = kinfo_cli("config", tmp_path / "two.lime")
    assert (done.code, done.out) == (2, "")
    assert "has 2 configurations: Linux/arm64 6.12.1 at PA 0x80000008, Linux/arm64 6.6.6 at PA 0x90000008" in done.err


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (bytes(100), "has no configuration in it; the kernel needs CONFIG_IKCONFIG=y"),
        (packed()[:60], "the configuration in it is cut off; check that it was copied whole"),
        (packed()[:18] + b"\xff" * 60, "the configuration in it is damaged: "),
    ],
    ids=["none", "cut", "damaged"],
)
def test_none(tmp_path: Path, kinfo_cli: Cli, data: bytes, error: str) -> None:
    (tmp_path / "Image").write_bytes(data)
    done = kinfo_cli("config", tmp_path / "Image")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert f"{tmp_path / 'Image'}: {error}" in done.err
    (tmp_path / "empty").mkdir()
    assert "has no md_Kconfig*.BIN" in kinfo_cli("config", tmp_path / "empty").err
    kernel = make(Spec())
    kernel.write_raw(tmp_path / "ram.bin")
    done = kinfo_cli("config", f"{tmp_path / 'ram.bin'}@{kernel.base:#x}")
    assert (done.code, done.out) == (2, "")
    assert "the kernel in it carries no configuration; the kernel needs CONFIG_IKCONFIG=y" in done.err


def test_the_samples(real_samples: Path, kinfo_cli: Cli) -> None:
    folder = real_samples / "kernels" / "meminspect-v1"
    if not (folder / "meminspect" / "md").is_dir():
        pytest.skip("no meminspect-v1 among the real samples")
    wanted = (folder / "config").read_text()
    for name in ("md", "core.elf"):
        done = kinfo_cli("config", folder / "meminspect" / name)
        assert (done.code, done.out) == (0, wanted)
    image = real_samples / "ram" / "kernel-6.12"
    for name in ("Image.zst", "vmlinux.zst"):
        assert kinfo_cli("config", image / name).out == (image / "config").read_text()
