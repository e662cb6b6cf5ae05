"""A log is named only where it can be the dump's boot: release, build, and how far KASLR moved it."""

from __future__ import annotations

from pathlib import Path

import pytest

import kinfo
from kinfo.kernel.boot.banner import banner
from tests.conftest import Cli
from tests.kernels.image import make

KERNEL = make()
TEXT = KERNEL.find("sched_read")
RELEASE = KERNEL.spec.release
LINE = f" pc : {TEXT.va + 4:016x}"
NAMED = f"{LINE} <sched_read+0x4/0x6b0>"


@pytest.fixture
def ram(tmp_path: Path) -> Path:
    KERNEL.write_elf(tmp_path / "ram.elf")
    return tmp_path / "ram.elf"


def build_of(ram: Path) -> str:
    """The banner's end, `#1 SMP ...`."""
    with kinfo.open_kernel(str(ram)) as opened:
        line = banner(opened)
    assert ") #" in line
    return "#" + line.rpartition(") #")[2]


def booted(build: str, release: str = RELEASE) -> str:
    return f"[    0.000000] Linux version {release} (build@host) (gcc (Debian 12.2.0) 12.2.0, GNU ld 2.40) {build}"


def oops(build: str, release: str = RELEASE) -> str:
    return f"[    1.0] CPU: 1 PID: 1 Comm: init Not tainted {release} {build} PREEMPT"


def symbolized(kinfo_cli: Cli, ram: Path, *lines: str) -> tuple[int, list[str], str]:
    log = ram.parent / "log"
    log.write_bytes("\n".join(lines).encode())
    ran = kinfo_cli("symbolize", ram, "--log", log)
    return ran.code, ran.out.splitlines(), ran.err


def test_the_same_build_is_named(ram: Path, kinfo_cli: Cli) -> None:
    own = build_of(ram)
    for line in (booted(own), booted(own[:-3]), booted(f'{own}"}}'), booted(""), oops(own.partition(" ")[0])):
        assert symbolized(kinfo_cli, ram, line, LINE) == (0, [line.rstrip("\r"), NAMED], "")


def test_a_terminal_and_other_ends_of_lines_change_no_build(ram: Path, kinfo_cli: Cli) -> None:
    for line in (f"\x1b[32m{booted(build_of(ram))}\x1b[0m", f"{booted(build_of(ram))}\r"):
        code, out, err = symbolized(kinfo_cli, ram, line, LINE)
        assert (code, out[-1], err) == (0, NAMED, "")


@pytest.mark.parametrize("stated", [booted, oops])
def test_another_build_of_the_release_is_not(ram: Path, kinfo_cli: Cli, stated: object) -> None:
    assert callable(stated)
    number, _, rest = build_of(ram).partition(" ")
    line = stated(f"{number}9 {rest}")
    code, out, err = symbolized(kinfo_cli, ram, line, LINE)
    assert (code, out) == (1, [line, LINE])
    assert f"the log is of {RELEASE} {number}9" in err
    assert f"but the dump has {RELEASE} {number} {rest}: it is another boot's" in err


def test_another_day_of_the_build_is_not(ram: Path, kinfo_cli: Cli) -> None:
    line = booted(f"{build_of(ram).partition(' ')[0]} SMP Fri Jan  2 03:04:05 UTC 1970")
    assert symbolized(kinfo_cli, ram, line, LINE)[:2] == (1, [line, LINE])


def test_another_release_is_not(ram: Path, kinfo_cli: Cli) -> None:
    line = booted(build_of(ram), "5.4.3-other")
    code, out, err = symbolized(kinfo_cli, ram, line, LINE)
    assert (code, out) == (1, [line, LINE])
    assert f"the log is of 5.4.3-other, but the dump has {RELEASE}: it is another boot's" in err


def test_every_boot_of_a_log_by_itself(ram: Path, kinfo_cli: Cli) -> None:
    own = booted(build_of(ram))
    other = booted("#77 SMP")
    code, out, _ = symbolized(kinfo_cli, ram, own, LINE, other, LINE, own, LINE)
    assert (code, out) == (1, [own, NAMED, other, LINE, own, NAMED])


def test_another_offset_is_not(ram: Path, kinfo_cli: Cli) -> None:
    with kinfo.open_kernel(str(ram)) as opened:
        assert opened.space
        text = opened.space.va(opened.kallsyms.borders.text)
    right, wrong = (
        f"Kernel Offset: {text - link:#x} from {0xFFFFFFC080000000:#x}" for link in (0xFFFFFFC080000000, 0xFFFFFFC080200000)
    )
    assert symbolized(kinfo_cli, ram, LINE, right) == (0, [NAMED, right], "")
    code, out, _ = symbolized(kinfo_cli, ram, LINE, wrong)
    assert (code, out) == (1, [LINE, wrong])
