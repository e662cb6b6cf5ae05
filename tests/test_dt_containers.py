"""Trees out of whatever holds them: every container, inside each other, and lying about itself."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import lz4.block
import lz4.frame
import pytest
import zstandard

from kinfo.dt.containers import packed
from kinfo.dt.open import Broken, FoundTree, open_trees
from kinfo.errors import KinfoError, TreeError
from tests.fdt import (
    Entry,
    N,
    blob,
    board,
    boot_image,
    cells,
    dt_table,
    fit,
    pad,
    rockchip_spi,
    several,
    texts,
    uimage,
    vendor_boot,
)

ONE, TWO = blob(board("example,one")), blob(board("example,two"))
SHORT = blob(N("", {}, [N("chosen")]))
OVERLAY = blob(N("", {}, [N("fragment@0", {"target-path": texts("/")}, [N("__overlay__", {"x": b""})])]))
KERNEL = random.Random(1).randbytes(50_000) + b"\xd0\x0d\xfe\xed" + bytes(60) + b"\xd0\x0d\xfe\xed" + b"\xff" * 60


def legacy(data: bytes) -> bytes:
    """What `lz4 -l` writes."""
    block: bytes = lz4.block.compress(data, store_size=False)
    return b"\x02\x21\x4c\x18" + struct.pack("<I", len(block)) + block


def external(data: bytes) -> N:
    return N(
        "fdt-1",
        {"type": texts("flat_dt"), "compression": texts("none"), "data-offset": cells(0), "data-size": cells(len(data))},
    )


FIT_FDT = {"type": texts("flat_dt"), "compression": texts("none")}
POSITION = {"data-position": cells(0x400), "data-size": cells(len(ONE))}

CONTAINERS: dict[str, tuple[bytes, list[str]]] = {
    "plain": (ONE, ["f (example,one)||dtb"]),
    "padded": (ONE + bytes(4096), ["f (example,one)||dtb"]),
    "concatenated": (
        pad(ONE, 4) + TWO,
        ["f#1 (example,one)|blob at 0x0|dtb", f"f#2 (example,two)|blob at {len(pad(ONE, 4)):#x}|dtb"],
    ),
    "overlay": (OVERLAY, ["f||overlay"]),
    "dt-table-0": (
        dt_table([Entry(ONE, 1, 2), Entry(TWO, 3), Entry(ONE, 5)], footer=b"AVBf" * 16),
        [
            "f#1 (example,one)|DT table v0 entry 1 (id 0x1, rev 0x2), 3 (id 0x5, rev 0x0)|dtb",
            "f#2 (example,two)|DT table v0 entry 2 (id 0x3, rev 0x0)|dtb",
        ],
    ),
    "dt-table-1": (
        dt_table(
            [
                Entry(zlib.compress(ONE), 0, 0, 1),
                Entry(gzip.compress(TWO), 0, 0, 2),
                Entry(lz4.frame.compress(ONE), 0, 0, 3),
                Entry(legacy(TWO), 0, 0, 3),
            ],
            version=1,
        ),
        [
            "f#1 (example,one)|DT table v1 entry 1 (id 0x0, rev 0x0), zlib|dtb",
            "f#2 (example,two)|DT table v1 entry 2 (id 0x0, rev 0x0), gzip|dtb",
            "f#3 (example,one)|DT table v1 entry 3 (id 0x0, rev 0x0), lz4|dtb",
            "f#4 (example,two)|DT table v1 entry 4 (id 0x0, rev 0x0), lz4|dtb",
        ],
    ),
    "boot-2": (
        boot_image(2, kernel=KERNEL, dtbo=dt_table([Entry(OVERLAY)]), dtb=ONE),
        [
            "f#1|boot.img v2 recovery_dtbo > DT table v0 entry 1 (id 0x0, rev 0x0)|overlay",
            "f#2 (example,one)|boot.img v2 dtb|dtb",
        ],
    ),
    "boot-2-mediatek": (
        boot_image(2, kernel=gzip.compress(KERNEL), dtb=dt_table([Entry(ONE)])),
        ["f#1 (example,one)|boot.img v2 dtb > DT table v0 entry 1 (id 0x0, rev 0x0)|dtb"],
    ),
    "boot-0-appended": (
        boot_image(0, kernel=gzip.compress(KERNEL) + ONE),
        ["f#1 (example,one)|boot.img v0 kernel > behind the gzip data|dtb"],
    ),
    "vendor-3": (vendor_boot(3, ONE, header=2108), ["f#1 (example,one)|vendor_boot v3 dtb|dtb"]),
    "vendor-4": (
        vendor_boot(4, ONE + TWO, header=2128),
        [
            "f#1 (example,one)|vendor_boot v4 dtb > blob at 0x0|dtb",
            f"f#2 (example,two)|vendor_boot v4 dtb > blob at {len(ONE):#x}|dtb",
        ],
    ),
    "image-gz-dtb": (
        gzip.compress(KERNEL) + ONE + TWO,
        [
            "f#1 (example,one)|behind the gzip data > blob at 0x0|dtb",
            f"f#2 (example,two)|behind the gzip data > blob at {len(ONE):#x}|dtb",
        ],
    ),
    "zimage-dtb": (pad(KERNEL, 4) + ONE, [f"f#1 (example,one)|blob at {len(pad(KERNEL, 4)):#x}|dtb"]),
    "gzip": (gzip.compress(ONE), ["f#1 (example,one)|gzip|dtb"]),
    "bzip2": (bz2.compress(ONE), ["f#1 (example,one)|bzip2|dtb"]),
    "bzip2-and-blob": (
        bz2.compress(KERNEL) + ONE,
        ["f#1 (example,one)|behind the bzip2 data|dtb"],
    ),
    "lzma": (lzma.compress(ONE, format=lzma.FORMAT_ALONE), ["f#1 (example,one)|lzma|dtb"]),
    "uimage-gzip-and-blob": (
        uimage(gzip.compress(KERNEL), compression=1) + ONE,
        ["f#1 (example,one)|behind the uImage|dtb"],
    ),
    "uimage-gzip-with-blob": (
        uimage(gzip.compress(KERNEL) + ONE),
        ["f#1 (example,one)|uImage > behind the gzip data|dtb"],
    ),
    "uimage-lzma": (
        uimage(lzma.compress(ONE, format=lzma.FORMAT_ALONE), compression=3),
        ["f#1 (example,one)|uImage, lzma|dtb"],
    ),
    "uimage-several": (
        uimage(several(KERNEL, b"r", ONE), kind=4),
        ["f#1 (example,one)|uImage, image 3|dtb"],
    ),
    "rockchip-spi": (
        rockchip_spi(pad(KERNEL, 4) + ONE, TWO),
        [
            f"f#1 (example,one)|Rockchip SPI loader > blob at {2048 + len(pad(KERNEL, 4)):#x}|dtb",
            "f#2 (example,two)|behind the Rockchip SPI loader|dtb",
        ],
    ),
    "rockchip-spi-short-behind": (
        rockchip_spi(pad(KERNEL, 4), SHORT),
        ["f#1|behind the Rockchip SPI loader|dtb"],
    ),
    "rockchip-spi-alone": (
        rockchip_spi(pad(KERNEL, 4) + ONE),
        [f"f#1 (example,one)|Rockchip SPI loader > blob at {2048 + len(pad(KERNEL, 4)):#x}|dtb"],
    ),
    "rockchip-sd": (
        rockchip_spi(pad(KERNEL, 4) + ONE, half=4096),
        [f"f#1 (example,one)|blob at {2048 + len(pad(KERNEL, 4)):#x}|dtb"],
    ),
    "binman-in-a-tree": (
        blob(board("example,one", N("binman", {}, [N("images"), N("configurations")]))),
        ["f (example,one)||dtb"],
    ),
    "xz": (lzma.compress(ONE), ["f#1 (example,one)|xz|dtb"]),
    "zstd": (zstandard.compress(ONE), ["f#1 (example,one)|zstd|dtb"]),
    "lz4": (
        lz4.frame.compress(dt_table([Entry(ONE)])),
        ["f#1 (example,one)|lz4 > DT table v0 entry 1 (id 0x0, rev 0x0)|dtb"],
    ),
    "fit": (
        fit(
            [
                N("kernel", {"type": texts("kernel"), "data": KERNEL}),
                N("fdt-1", FIT_FDT | {"data": ONE}),
                N("fdt-2", FIT_FDT | {"data": gzip.compress(TWO), "compression": texts("gzip")}),
            ]
        ),
        ["f#1 (example,one)|FIT image fdt-1|dtb", "f#2 (example,two)|FIT image fdt-2, gzip|dtb"],
    ),
    "fit-untyped": (
        blob(
            N(
                "",
                {},
                [
                    N("images", {}, [N("fdt-1", {"data": ONE}), N("fdt-2", {"data": ONE}), N("uboot", {"data": b"x"})]),
                    N("configurations", {}, [N("conf-1", {"fdt": texts("other", "fdt-1")})]),
                ],
            )
        ),
        ["f#1 (example,one)|FIT image fdt-1|dtb"],
    ),
    "fit-external": (fit([external(ONE)], behind=ONE), ["f#1 (example,one)|FIT image fdt-1|dtb"]),
    "fit-position": (
        fit([N("fdt-1", FIT_FDT | POSITION)]).ljust(0x400, b"\0") + ONE,
        ["f#1 (example,one)|FIT image fdt-1|dtb"],
    ),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "f"


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_tree_is_found(name: str, file: Path) -> None:
    data, expected = CONTAINERS[name]
    file.write_bytes(data)
    found = [one for one in open_trees(str(file)) if isinstance(one, FoundTree)]
    assert [f"{one.label}|{one.inside}|{one.kind}" for one in found] == expected
    assert all(one.path == str(file) for one in found)


DEEP = ONE
for _ in range(6):
    DEEP = gzip.compress(DEEP)

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (
        b"hello, this is no tree",
        "{f}: holds no devicetree: it begins with 68 65 6c 6c 6f 2c 20 74; name a .dtb, .dts, dtbo.img",
    ),
    "sparse": (b"\x3a\xff\x26\xed" + bytes(60), "{f}: is an Android sparse image; make it raw first: simg2img FILE OUT"),
    "elf": (b"\x7fELF" + bytes(60), "{f}: is an ELF file; name the devicetree"),
    "acpi": (
        dt_table([Entry(ONE)], magic=0x41435049),
        "{f}: it is a table of ACPI overlays, not of devicetrees; name a dtbo.img",
    ),
    "table-cut": (
        dt_table([Entry(ONE)])[:100],
        "{f}: the DT table at 0x0 has {table} bytes, beyond the end at 0x64; it is cut off",
    ),
    "table-head": (dt_table([Entry(ONE)])[:20], "{f}: the DT table's header at 0x0 has 32 bytes, beyond the end at 0x14"),
    "table-count": (
        dt_table([Entry(ONE)], count=0xFFFFFFFF),
        "{f}: its DT table (v0) has 4294967295 entries of 32 bytes; it is damaged",
    ),
    "table-entries": (
        dt_table([Entry(ONE)], count=4000),
        "{f}: the list of its DT table's entries at 0x20 has 128000 bytes, beyond",
    ),
    "table-version": (dt_table([Entry(ONE)], version=9), "{f}: its DT table (v9) has 1 entries of 32 bytes"),
    "boot-3": (boot_image(3), "{f}: a boot.img of version 3 has no devicetree; name vendor_boot.img or the dtb partition"),
    "boot-page": (boot_image(2, page=2048)[:36] + b"\7\0\0\0" + bytes(5000), "{f}: its header has pages of 7 bytes"),
    "vendor-header": (
        vendor_boot(4, ONE, header=2200),
        "{f}: its vendor_boot header has version 4 and 2200 bytes; versions 3 and 4 are known",
    ),
    "vendor-empty": (vendor_boot(4, b""), "{f}: a vendor_boot.img of version 4 without a dtb part"),
    "vendor-cut": (vendor_boot(3, ONE)[:-4096], "{f}: its dtb at 0x2000 has {one} bytes, beyond the end at 0x2000"),
    "bzip2-cut": (bz2.compress(ONE)[:-20], "{f}: its bzip2 data is cut off; get it again"),
    "uimage-cut": (uimage(ONE, size=1 << 20), "{f}: its image at 0x40 has 1048576 bytes, beyond the end at"),
    "gzip-cut": (gzip.compress(ONE)[:-20], "{f}: its gzip or zlib data is cut off; get it again"),
    "gzip-damaged": (gzip.compress(ONE)[:20] + b"\xff" * 100, "{f}: its gzip data is damaged or cut off: Error -3"),
    "blob-cut": (
        ONE[:-10],
        "{f}: not a sound devicetree blob: the header has {one} bytes, the file {cut}; it is cut off: get it again",
    ),
    "fit-no-tree": (fit([N("kernel", {"type": texts("kernel"), "data": b"x"})]), "{f}: holds no devicetree"),
    "empty": (b"", "{f}: is empty; check the command that wrote it"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_said(name: str, file: Path) -> None:
    data, message = REFUSED[name]
    file.write_bytes(data)
    with pytest.raises(KinfoError) as caught:
        list(open_trees(str(file)))
    wanted = message.format(f=file, one=len(ONE), cut=len(ONE) - 10, table=64 + len(pad(ONE, 4)))
    assert str(caught.value).startswith(wanted)


BROKEN: dict[str, tuple[bytes, str]] = {
    "entry-outside": (
        dt_table([Entry(ONE), Entry(TWO)])[: 32 + 32]
        + struct.pack(">I", 0x7FFFFFF0)
        + dt_table([Entry(ONE), Entry(TWO)])[68:],
        "f#2 (DT table v0 entry 2 (id 0x0, rev 0x0)): its blob at ",
    ),
    "entry-packing": (
        dt_table([Entry(ONE), Entry(TWO, 0, 0, 7)], version=1),
        "f#2 (DT table v1 entry 2 (id 0x0, rev 0x0)): its compression '7' is not known",
    ),
    "entry-damaged": (
        dt_table([Entry(ONE), Entry(b"\x78\x9c" + b"\xff" * 40, 0, 0, 1)], version=1),
        "f#2 (DT table v1 entry 2 (id 0x0, rev 0x0)): its zlib data is damaged or cut off: Error -3",
    ),
    "entry-blob": (
        dt_table([Entry(ONE), Entry(TWO[:-30])]),
        "f#2 (DT table v0 entry 2 (id 0x0, rev 0x0)): not a sound devicetree blob: the header has",
    ),
    "fit-size": (
        fit(
            [
                N("fdt-0", FIT_FDT | {"data": ONE}),
                N("fdt-1", FIT_FDT | {"data-offset": cells(0), "data-size": cells(0xFFFFFF)}),
            ]
        ),
        "f#2 (FIT image fdt-1): its data at ",
    ),
    "fit-no-size": (
        fit([N("fdt-0", FIT_FDT | {"data": ONE}), N("fdt-1", FIT_FDT | {"data-offset": cells(0)})]),
        "f#2 (FIT image fdt-1): its data-size has 0 bytes",
    ),
    "lz4-legacy": (
        dt_table([Entry(ONE), Entry(b"\x02\x21\x4c\x18" + b"\xff" * 8, 0, 0, 3)], version=1),
        "f#2 (DT table v1 entry 2 (id 0x0, rev 0x0)): its lz4 data has no block",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_tree_does_not_hide_the_others(name: str, file: Path) -> None:
    data, message = BROKEN[name]
    file.write_bytes(data)
    first, second = open_trees(str(file))
    assert isinstance(first, FoundTree)
    assert isinstance(second, Broken)
    assert str(second.error).startswith(message)


def test_a_flood_of_headers_ends(file: Path) -> None:
    """Headers that fit themselves and begin no tree: after some ten thousand nobody looks on."""
    head = blob(N(""))[:40]
    file.write_bytes((head + bytes(40)) * 30_000)
    with pytest.raises(TreeError, match=r"holds the magic of a blob more than 20000 times, and no blob; name a part of it"):
        list(open_trees(str(file)))


def test_a_uimage_of_an_unknown_compression(file: Path) -> None:
    file.write_bytes(uimage(ONE, compression=4))
    (only,) = open_trees(str(file))
    assert isinstance(only, Broken)
    assert "its compression 'number 4' is not known" in str(only.error)


def test_containers_inside_each_other_end(file: Path) -> None:
    file.write_bytes(DEEP)
    (only,) = open_trees(str(file))
    assert isinstance(only, Broken)
    assert "more than 4 containers inside each other; take it apart first" in str(only.error)


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, lzma.compress, zstandard.compress, lz4.frame.compress, bz2.compress],
    ids=["gzip", "xz", "zstd", "lz4", "bzip2"],
)
def test_bombs_stop_at_the_limit(pack: object, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LIMIT", 1 << 20)
    file.write_bytes(pack(bytes(4 << 20)))  # type: ignore[operator]
    with pytest.raises(TreeError, match=r"data unpacks to more than 1 MiB; unpack it first, if it is no bomb$"):
        list(open_trees(str(file)))


def test_many_bombs_end_the_whole_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LIMIT", 1 << 20)
    monkeypatch.setattr("kinfo.dt.containers.walk.MAX_BYTES", 3 << 20)
    file.write_bytes(dt_table([Entry(zlib.compress(bytes(4 << 20) + bytes([at])), 0, 0, 1) for at in range(200)], version=1))
    with pytest.raises(TreeError, match=r": holds more than 4096 blobs or 3 MiB of packed data; name a part of it"):
        list(open_trees(str(file)))


def test_too_many_blobs(file: Path) -> None:
    small = pad(blob(N("")), 8)
    file.write_bytes(small * 5000)
    with pytest.raises(
        TreeError, match=r": holds more than 4096 blobs or 160 MiB of packed data; name a part of it, if it is no bomb$"
    ):
        list(open_trees(str(file)))


def folder(path: Path, node: N) -> None:
    path.mkdir()
    (path / "name").write_bytes(node.name.encode() + b"\0")
    for name, value in node.properties.items():
        (path / name).write_bytes(value)
    for child in node.children:
        folder(path / child.name, child)


def test_a_folder_is_a_tree(tmp_path: Path) -> None:
    folder(tmp_path / "dt", board())
    os.symlink("/", tmp_path / "dt" / "loop")
    (found,) = open_trees(str(tmp_path / "dt"))
    assert isinstance(found, FoundTree)
    paths = {node.path for node in found.tree.root.walk()}
    assert paths == {
        "/",
        "/memory@40000000",
        "/reserved-memory",
        "/reserved-memory/debug-kinfo@4e000000",
        "/debug-kinfo",
        "/dss",
    }
    region = found.tree.at("/reserved-memory/debug-kinfo@4e000000")
    assert region is not None
    assert "name" not in region.properties


def test_folders_that_are_no_tree(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        TreeError,
        match=r"empty: has neither nodes nor a compatible; name a copy of /proc/device-tree, or files: FOLDER/\*.dtb$",
    ):
        list(open_trees(str(tmp_path / "empty")))
    folder(tmp_path / "dt", board())
    os.mkfifo(tmp_path / "dt" / "pipe")
    with pytest.raises(TreeError, match=r"pipe is no plain file; name a copy"):
        list(open_trees(str(tmp_path / "dt")))
    deep = tmp_path / "deep"
    folder(deep, board())
    for _ in range(70):
        deep = deep / "a"
        deep.mkdir()
    with pytest.raises(TreeError, match=r"deep: is too large for a devicetree"):
        list(open_trees(str(tmp_path / "deep")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything: run as a user")
def test_unreadable_folder(tmp_path: Path) -> None:
    folder(tmp_path / "dt", board())
    (tmp_path / "dt" / "dss").chmod(0)
    with pytest.raises(TreeError, match=r"cannot read .*dss: Permission denied; check its permissions, or copy it as root$"):
        list(open_trees(str(tmp_path / "dt")))


needs_dtc = pytest.mark.skipif(not shutil.which("dtc"), reason="dtc is not installed: apt-get install device-tree-compiler")


@needs_dtc
def test_source_is_compiled_with_includes(tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "board.h").write_text("#define SIZE 0x1000\n")
    (tmp_path / "inc" / "soc.dtsi").write_text('/ { soc { compatible = "simple-bus"; }; };\n')
    (tmp_path / "b.dts").write_text(
        '/dts-v1/;\n#include "board.h"\n/include/ "soc.dtsi"\n/ { compatible = "a,b"; n { reg = <SIZE>; }; };\n'
    )
    (found,) = open_trees(str(tmp_path / "b.dts"), include=[str(tmp_path / "inc")])
    assert isinstance(found, FoundTree)
    assert found.label == "b.dts (a,b)"
    node = found.tree.at("/n")
    assert node is not None
    assert node.cells("reg") == (0x1000,)
    with pytest.raises(TreeError, match=r"b.dts: (cpp|dtc) failed: .*; mend the source, or give --include DIR$"):
        list(open_trees(str(tmp_path / "b.dts")))


def test_source_without_dtc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.dts").write_text("/dts-v1/;\n/ { };\n")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TreeError, match=r"b.dts: is source, and dtc is not installed; apt-get install device-tree-compiler$"):
        list(open_trees(str(tmp_path / "b.dts")))


def test_source_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "dtc"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("kinfo.dt.source._SECONDS", 1)
    (tmp_path / "b.dts").write_text("/dts-v1/;\n/ { };\n")
    with pytest.raises(TreeError, match=r"b.dts: dtc takes more than 1 seconds; compile it first$"):
        list(open_trees(str(tmp_path / "b.dts")))


@pytest.mark.skipif(not shutil.which("mkimage"), reason="mkimage is not installed: apt-get install u-boot-tools")
@pytest.mark.parametrize("extra", [[], ["-E"]], ids=["embedded", "external"])
def test_mkimage_writes_what_is_read(tmp_path: Path, extra: list[str]) -> None:
    (tmp_path / "one.dtb").write_bytes(ONE)
    fdt = 'fdt-1 { description = "x"; data = /incbin/("one.dtb"); type = "flat_dt"; arch = "arm64"; compression = "none"; };'
    configurations = 'configurations { default = "c"; c { fdt = "fdt-1"; }; };'
    source = f'/dts-v1/;\n/ {{ description = "x"; #address-cells = <1>; images {{ {fdt} }}; {configurations} }};\n'
    (tmp_path / "i.its").write_text(source)
    subprocess.run(["mkimage", *extra, "-f", "i.its", "i.itb"], cwd=tmp_path, capture_output=True, check=True)
    (found,) = open_trees(str(tmp_path / "i.itb"))
    assert isinstance(found, FoundTree)
    assert found.label == "i.itb#1 (example,one)"


@pytest.mark.skipif(not shutil.which("mkbootimg"), reason="mkbootimg is not installed: apt-get install mkbootimg")
def test_mkbootimg_writes_what_is_read(tmp_path: Path) -> None:
    for name, data in {"one.dtb": ONE, "kernel": KERNEL, "ramdisk": b"r" * 5000}.items():
        (tmp_path / name).write_bytes(data)
    boot = "--kernel kernel --ramdisk ramdisk --dtb one.dtb --header_version 2 -o boot.img"
    vendor = "--vendor_ramdisk ramdisk --dtb one.dtb --header_version 3 --vendor_boot vendor_boot.img"
    for arguments, name, inside in ((boot, "boot.img", "boot.img v2 dtb"), (vendor, "vendor_boot.img", "vendor_boot v3 dtb")):
        subprocess.run(["mkbootimg", *arguments.split()], cwd=tmp_path, capture_output=True, check=True)
        (found,) = open_trees(str(tmp_path / name))
        assert isinstance(found, FoundTree)
        assert (found.label, found.inside) == (f"{name}#1 (example,one)", inside)
