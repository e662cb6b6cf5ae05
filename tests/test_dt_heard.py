"""What the kernel said of a boot against what the model expects of the tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kinfo.dt.blob import parse
from kinfo.dt.board import Options
from kinfo.dt.dmesg import read_iomem, read_log
from kinfo.dt.ranges import Range
from kinfo.dt.tree import tree_of
from kinfo.dt.verify import verify
from kinfo.errors import TreeError
from tests.conftest import Cli
from tests.early_boards import Shape, dynamic
from tests.fdt import blob

VERSION = "[    0.000000] Linux version 6.12.117 (debian@host)\n"
LISTED = (
    VERSION
    + "[    0.000000] OF: reserved mem: 0x0000000058000000..0x0000000058000fff (4 KiB) nomap non-reusable kinfo@58000000\n"
)
REFUSED = (
    VERSION
    + "OF: reserved mem: Reserved memory: failed to reserve memory for node 'kinfo@58000000': base 0x0000000058000000\n"
)
IOMEM = """40000000-57ffffff : System RAM
  40200000-41efffff : Kernel code
58000000-58000fff : reserved
58001000-5fffffff : System RAM
"""


def found(shape: Shape, **options: Any) -> dict[str, tuple[str, str]]:
    verdict = verify(tree_of(parse(blob(shape.tree()))), Options(kernel=(6, 12), **options))
    return {one.code.removeprefix("devicetree-"): (one.severity.value, one.message) for one in verdict.findings}


def heard(shape: Shape, log: str) -> dict[str, tuple[str, str]]:
    said = read_log(log.splitlines())
    return found(shape, log=said, placed=said.placed)


def test_a_log_that_agrees() -> None:
    assert heard(Shape(), LISTED) == {
        "log-agrees": ("info", "the kernel lists it at 0x58000000-0x58000fff (4 KiB)"),
    }


def test_a_log_that_refuses_what_the_tree_lets_expect() -> None:
    severity, message = heard(Shape(), REFUSED)["log-differs"]
    assert severity == "error"
    assert message.startswith('the kernel said "Reserved memory: failed to reserve memory for node')
    assert message.endswith("something that the tree does not show was in the way")


def test_a_log_that_complains_as_expected() -> None:
    taken = Shape(name="kinfo", region=dynamic(0x40000000))
    log = VERSION + "OF: reserved mem: failed to allocate memory for node 'kinfo': size 1024 MiB\n"
    severity, message = heard(taken, log)["log-agrees"]
    assert (severity, message.endswith("and the memory is lost on 6.12")) == ("info", True)


def test_a_log_with_a_placed_region() -> None:
    """As the model places it; where another could be in the way; and where no kernel can have put it."""
    shape = Shape(name="kinfo", region=dynamic(0x1000, within=(0x50000000, 0x1000000)))
    line = VERSION + "OF: reserved mem: {:#018x}..{:#018x} ({} KiB) nomap non-reusable kinfo\n"
    for start, size, code, severity, words in (
        (0x50FFF000, 0x1000, "log-agrees", "info", "(4 KiB)"),
        (0x50FFE000, 0x1000, "log-differs", "warning", "; by the tree alone 6.12 puts it at 0x50fff000"),
        (0x58000000, 0x1000, "log-differs", "error", ", outside alloc-ranges"),
        (0x50FFEF00, 0x1000, "log-differs", "error", ", no multiple of 0x1000"),
        (0x50FFE000, 0x2000, "log-differs", "error", ", where size asks for 4 KiB"),
    ):
        said = heard(shape, line.format(start, start + size - 1, size >> 10))
        assert (said[code][0], said[code][1].endswith(words)) == (severity, True), said[code]


def test_iomem_with_a_placed_region() -> None:
    """Where the tree alone lets expect it is no proof that it is not elsewhere; the log is."""
    shape = Shape(name="kinfo", region=dynamic(0x1000, within=(0x50000000, 0x1000000)))
    whole = read_iomem("iomem", ["40000000-5fffffff : System RAM"])
    assert found(shape, iomem=whole)["iomem-differs"][0] == "warning"
    log = read_log([f"{VERSION}", "OF: reserved mem: 0x50ffe000..0x50ffefff (4 KiB) nomap non-reusable kinfo"])
    severity, message = found(shape, iomem=whole, log=log, placed=log.placed)["iomem-differs"]
    assert (severity, message) == ("error", "0x50ffe000-0x50ffefff (4 KiB) is System RAM that the kernel uses")


def test_a_log_with_the_region_elsewhere_or_nowhere() -> None:
    moved = LISTED.replace("58000000..0x0000000058000fff", "59000000..0x0000000059000fff")
    assert "the kernel lists it at 0x59000000" in heard(Shape(), moved)["log-differs"][1]
    other = LISTED.replace("kinfo@58000000", "other")
    assert heard(Shape(), other)["log-differs"][1] == "the kernel lists 1 regions, and kinfo@58000000 is not among them"
    assert not {"log-differs", "log-agrees"} & heard(Shape(), VERSION).keys()


@pytest.mark.parametrize(
    "line",
    [
        "OF: fdt: Reserved memory: unsupported node format, ignoring",
        "OF: reserved mem: node kinfo@58000000 compatible matching fail",
        "[  0.0] all@57fff000 (0x0000000057fff000--0x000000005800f000) overlaps with kinfo@58000000 (0x0000000058000000--0x",
        "OF: fdt: Reserved memory: invalid reg property in 'kinfo@58000000', skipping node.",
        "OF: reserved mem: too many defined dynamic regions, skip 'kinfo@58000000'",
    ],
)
def test_every_complaint_is_heard(line: str) -> None:
    assert heard(Shape(), VERSION + line)["log-differs"][0] == "error"


def test_the_log_s_release_is_the_kernel(tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "b.dtb").write_bytes(blob(Shape().tree()))
    (tmp_path / "log").write_text(LISTED)
    ran = kinfo_cli("verify-dt", "--no-schema", tmp_path / "b.dtb", "--dmesg", tmp_path / "log")
    assert (ran.code, "[on 6.12]" in ran.out) == (0, True)
    (tmp_path / "log").write_text(REFUSED)
    assert kinfo_cli("verify-dt", "--no-schema", tmp_path / "b.dtb", "--dmesg", tmp_path / "log").code == 1


def test_iomem() -> None:
    def told(text: str, shape: Shape = Shape()) -> dict[str, tuple[str, str]]:  # noqa: B008
        return found(shape, iomem=read_iomem("iomem", text.splitlines()))

    assert told(IOMEM)["iomem-agrees"] == ("info", "0x58000000-0x58000fff (4 KiB) is reserved")
    mapped = "40000000-5fffffff : System RAM\n  58000000-58000fff : reserved\n"
    assert told(mapped)["iomem-differs"][1].endswith("mapped as System RAM: no-map did not hold")
    assert "within System RAM" in told(mapped, Shape(region={"no-map": b"GONE"}))["iomem-agrees"][1]
    assert told("40000000-5fffffff : System RAM")["iomem-differs"][1].endswith("is System RAM that the kernel uses")
    assert told("40000000-4fffffff : System RAM")["iomem-differs"][1].endswith("is neither System RAM nor reserved")


def test_iomem_that_says_nothing(tmp_path: Path, kinfo_cli: Cli) -> None:
    with pytest.raises(TreeError, match=r"^f: every address in it is 0; read /proc/iomem as root"):
        read_iomem("f", ["00000000-00000000 : System RAM"])
    (tmp_path / "b.dtb").write_bytes(blob(Shape().tree()))
    (tmp_path / "iomem").write_bytes(b"\xff\0nothing")
    ran = kinfo_cli("verify-dt", tmp_path / "b.dtb", "--iomem", tmp_path / "iomem")
    assert (ran.code, 'has no line "System RAM"' in ran.err) == (2, True)
    assert read_iomem("f", IOMEM.splitlines()).reserved == (Range(0x58000000, 0x1000),)
