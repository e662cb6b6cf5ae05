"""`kinfo config`: the configuration out of RAM, images and region files."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinfo.errors import KernelError
from kinfo.kernel.boot import config
from tests.conftest import ROOT, Cli
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
    return b"IKCFG_ST" + gzip.compress(text.encode(), mtime=0) + b"IKCFG_ED"


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


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("data", "error"),
    [
        (packed()[:60], "the configuration in it is damaged: |the configuration in it is cut off"),
        (packed(TEXT + "#" * (5 << 20)), "what is marked as a configuration unpacks to more than 4 MiB; it was overwritten"),
        (packed("no options\n"), "what is marked as a configuration is none: it has no options, or is no text; it was"),
        (packed(TEXT + 'CONFIG_LOCALVERSION="\x1b[2J"\n'), "is none: it has no options, or is no text"),
        (packed(TEXT + "\0"), "is none: it has no options, or is no text"),
        (packed()[:-12] + b"\0\0\0\0IKCFG_ED", "the configuration in it is damaged: "),
    ],
    ids=["cut", "bomb", "no options", "escapes", "no text", "wrong length"],
)
def test_hostile_ones(tmp_path: Path, kinfo_cli: Cli, named: bool, data: bytes, error: str) -> None:
    """Of the kernel that ran, by its name or its mark: no other one is shown in its place."""
    kernel = with_config(data, named=named)
    kernel.poke(kernel.end - 0x48000, packed(TEXT.replace("250", "100")))
    kernel.write_raw(tmp_path / "ram.bin")
    done = kinfo_cli("config", f"{tmp_path / 'ram.bin'}@{kernel.base:#x}")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert re.search(error, done.err)
    (tmp_path / "Image").write_bytes(bytes(64) + data)
    done = kinfo_cli("config", tmp_path / "Image")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert re.search(error, done.err)


def test_what_zcat_makes_of_it(tmp_path: Path) -> None:
    """Bytes are those of the file, whatever they mean; the end's mark says nothing that gzip has not said."""
    text = (TEXT + 'CONFIG_LOCALVERSION="-\xfc"\n').encode() + b'CONFIG_CC_VERSION_TEXT="gcc \xfe"\n'
    data = gzip.compress(text, mtime=0)
    (tmp_path / "Image").write_bytes(b"IKCFG_ST" + data)
    done = subprocess.run(
        [sys.executable, "-m", "kinfo", "config", str(tmp_path / "Image")], capture_output=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stdout) == (0, text)
    if zcat := shutil.which("zcat"):
        assert subprocess.run([zcat], input=data, capture_output=True, check=True).stdout == text
    done = subprocess.run(
        [sys.executable, "-m", "kinfo", "config", str(tmp_path / "Image"), "--format", "json"],
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    options = json.loads(done.stdout)["options"]
    assert options["CONFIG_CC_VERSION_TEXT"] == '"gcc \\xfe"'
    assert options["CONFIG_LOCALVERSION"] == '"-\xfc"'


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("cut", [0x3004, 0x3009, 0x3020])
def test_a_kernel_whose_memory_is_in_pieces(tmp_path: Path, kinfo_cli: Cli, named: bool, cut: int) -> None:
    """The configuration lies across the border of two."""
    kernel = with_config(packed(), named=named)
    kernel.write_raw(tmp_path / "ram.bin")
    data, at = (tmp_path / "ram.bin").read_bytes(), kernel.pa("data") + cut
    pieces = [(kernel.base, data[: at - kernel.base]), (at, data[at - kernel.base :])]
    dumps.write_lime(tmp_path / "ram.lime", [dumps.Piece(pa, 0, part) for pa, part in pieces])
    done = kinfo_cli("config", tmp_path / "ram.lime")
    assert (done.code, done.out) == (0, TEXT)
    assert "the configuration of the kernel in" in done.err


@pytest.mark.parametrize("split", range(12))
def test_a_mark_that_lies_across_windows(tmp_path: Path, kinfo_cli: Cli, split: int) -> None:
    """Two pieces of memory, one behind the other, are looked through one after the other."""
    data = bytes(0x1000 - split) + packed()
    pieces = [dumps.Piece(0x80000000, 0, data[:0x1000]), dumps.Piece(0x80001000, 0, data[0x1000:])]
    dumps.write_lime(tmp_path / "two.lime", pieces)
    done = kinfo_cli("config", tmp_path / "two.lime")
    assert (done.code, done.out) == (0, TEXT)
    assert f"at PA {0x80001000 - split + 8:#x}: Linux/arm64 6.12.1" in done.err
    apart = [pieces[0], dumps.Piece(0x80002000, 0, pieces[1].data)]
    dumps.write_lime(tmp_path / "apart.lime", apart)
    assert kinfo_cli("config", tmp_path / "apart.lime").code == (2 if split else 0)


def test_damaged_ones_beside_a_sound_one(tmp_path: Path, kinfo_cli: Cli) -> None:
    bad = packed()[:18] + b"\xff" * 60
    for data in (bad + packed(), packed() + bad):
        (tmp_path / "Image").write_bytes(data)
        done = kinfo_cli("config", tmp_path / "Image")
        assert (done.code, done.out) == (0, TEXT)
        assert re.search(r"1 more in it are left out: .*Image: the configuration in it is damaged: ", done.err)
    (tmp_path / "Image").write_bytes(bad * 65 + packed())
    done = kinfo_cli("config", tmp_path / "Image")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "Image: more than 64 places in it are marked as a configuration; name the kernel's image alone" in done.err


def test_several_region_files(tmp_path: Path, kinfo_cli: Cli) -> None:
    for number in (3, 4):
        (tmp_path / f"md_Kconfig{number}.BIN").write_bytes(packed())
    assert kinfo_cli("config", tmp_path).out == TEXT
    (tmp_path / "md_Kconfig4.BIN").write_bytes(packed(TEXT.replace("250", "100")))
    done = kinfo_cli("config", tmp_path)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "has configurations that differ: md_Kconfig3.BIN, md_Kconfig4.BIN; name one of these files" in done.err


@given(data=st.data())
@settings(max_examples=200)
def test_damage_is_never_shown(data: st.DataObject) -> None:
    """Whatever is cut, changed or doubled: the text that was packed, or an error."""
    raw = bytearray(packed())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        how = data.draw(st.sampled_from(["flip", "cut", "double", "drop"]))
        if how == "flip":
            raw[at] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "cut":
            del raw[at + 1 :]
        elif how == "double":
            raw[at:at] = raw[:at]
        else:
            del raw[at : at + 1 + (len(raw) > 20)]
    with contextlib.suppress(KernelError):
        assert config.embedded(bytes(raw), "Image") in ("", TEXT)


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
