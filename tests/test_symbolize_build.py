"""A log named by a build's symbols, without a dump: the slide is the log's own word, or the user's."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kinfo.kernel_build.build_names import BuildNames
from kinfo.kernel_build.symbol_list import BuildSymbol, SymbolList, read_symbols
from tests import build_files
from tests.conftest import ROOT, Cli
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.tables import Symbol

SLIDE = 0x12600000


EXTRA = (Symbol("schedule", "T", 0x30028), Symbol("schedule_tail", "t", 0x30068))


def system_map(kernel: Kernel) -> str:
    return "".join(f"{symbol.va:016x} {symbol.type} {symbol.name}\n" for symbol in kernel.symbols if symbol.pa)


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """It lies where it was linked; the logs are those of boots that moved it by SLIDE."""
    return make(Spec(release="6.6.3-test", slide=0, extra=EXTRA))


@pytest.fixture
def build(kernel: Kernel, tmp_path: Path) -> Path:
    (tmp_path / "System.map").write_text(system_map(kernel))
    return tmp_path / "System.map"


def panic(kernel: Kernel, *, offset: str | None = None, release: str = "", slide: int = SLIDE) -> str:
    """What a panic of that kernel leaves, raw addresses in it; its last line says the offset."""
    offset = f"0x{slide:x} from 0x{kernel.find('_text').va:x}" if offset is None else offset
    begin = f"Linux version {release} (gcc) #1 SMP\n" if release else ""
    return f"{begin}pc : {kernel.find('schedule').va + slide + 4:016x}\nKernel Offset: {offset}\n"


@pytest.fixture
def named(build: Path, kinfo_cli: Cli, tmp_path: Path):  # type: ignore[no-untyped-def]  # a runner
    def run(log: str, *arguments: str):  # type: ignore[no-untyped-def]
        (tmp_path / "log").write_text(log)
        return kinfo_cli("symbolize", "--symbols", build, "--log", tmp_path / "log", *arguments)

    return run


def test_the_log_says_its_slide(kernel: Kernel, named) -> None:  # type: ignore[no-untyped-def]
    log = panic(kernel)
    ran = named(log)
    assert (ran.code, ran.err) == (0, "")
    first, last = ran.out.splitlines()
    assert first == f"pc : {kernel.find('schedule').va + SLIDE + 4:016x} <schedule+0x4/0x40>"
    assert last == log.splitlines()[1]


@pytest.mark.parametrize("form", ["vmlinux", "stripped", "image", "kallsyms", "packed"])
def test_every_kind_of_list(form: str, kernel: Kernel, kinfo_cli: Cli, tmp_path: Path) -> None:
    if form == "kallsyms":
        (tmp_path / "list").write_text(build_files.proc_kallsyms(kernel))
    elif form == "packed":
        (tmp_path / "list").write_bytes(gzip.compress(system_map(kernel).encode()))
    elif form == "vmlinux":
        (tmp_path / "list").write_bytes(build_files.vmlinux(kernel, build_files.symbol_values(kernel)))
    elif form == "stripped":
        (tmp_path / "list").write_bytes(build_files.vmlinux(kernel, None))
    else:
        (tmp_path / "list").write_bytes(build_files.raw_image(kernel))
    (tmp_path / "log").write_text(panic(kernel, slide=0 if form == "kallsyms" else SLIDE))
    ran = kinfo_cli("symbolize", "--symbols", tmp_path / "list", "--log", tmp_path / "log")
    assert ran.code == 0, ran.err
    assert " <schedule+0x4/0x" in ran.out


def test_a_pipe_is_read_to_its_end_first(kernel: Kernel, build: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kinfo", "symbolize", "--symbols", build],
        input=panic(kernel), capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert " <schedule+0x4/0x" in done.stdout


def test_the_users_slide_is_for_boots_that_say_nothing(kernel: Kernel, named) -> None:  # type: ignore[no-untyped-def]
    log = panic(kernel).splitlines()[0] + "\n"
    ran = named(log)
    assert ran.code == 1
    assert ran.out == log
    assert "the boot from line 1 on states no Kernel Offset: give it as --slide" in ran.err
    ran = named(log, "--slide", f"{SLIDE:#x}")
    assert (ran.code, ran.err) == (0, "")
    assert " <schedule+0x4/0x" in ran.out


def test_the_users_slide_is_not_put_over_the_logs(kernel: Kernel, named) -> None:  # type: ignore[no-untyped-def]
    log = panic(kernel)
    ran = named(log, "--slide", "0x200000")
    assert (ran.code, ran.out) == (1, log)
    assert f"line 2: Kernel Offset is {SLIDE:#x}, not 0x200000: this boot is left as it is" in ran.err


def test_each_boot_has_its_own(kernel: Kernel, named) -> None:  # type: ignore[no-untyped-def]
    first, second = (panic(kernel, release="6.6.3-test", slide=slide) for slide in (SLIDE, SLIDE + 0x200000))
    ran = named(first + second)
    assert ran.code == 0, ran.err
    assert ran.out.count(" <schedule+0x4/0x") == 2


def test_a_boot_of_another_link_address_is_left(kernel: Kernel, named) -> None:  # type: ignore[no-untyped-def]
    log = panic(kernel, offset="0x12600000 from 0xffff800008000000")
    ran = named(log)
    assert (ran.code, ran.out) == (1, log)
    assert "line 2: its kernel was linked at 0xffff800008000000, " in ran.err
    forced = named(log, "--force")
    assert forced.code == 1
    assert " <schedule+0x4/0x" in forced.out
    assert "named all the same (--force)" in forced.err


@pytest.mark.parametrize("release", ["6.6.4-test", "6.1.0"])
def test_a_boot_of_another_release_is_left(release: str, kernel: Kernel, kinfo_cli: Cli, tmp_path: Path) -> None:
    """An Image has its banner; a System.map has none, and nothing can be held against the log's."""
    (tmp_path / "Image").write_bytes(build_files.raw_image(kernel))
    own, other = panic(kernel, release=kernel.spec.release), panic(kernel, release=release)
    (tmp_path / "log").write_text(other + own)
    ran = kinfo_cli("symbolize", "--symbols", tmp_path / "Image", "--log", tmp_path / "log")
    assert ran.code == 1
    assert ran.out.startswith(other)
    assert ran.out.count(" <schedule+0x4/0x") == 1
    assert f"line 1: it is of {release}, {tmp_path / 'Image'} of {kernel.spec.release}" in ran.err


def test_kaslr_can_be_off(kernel: Kernel, named) -> None:  # type: ignore[no-untyped-def]
    ran = named(panic(kernel, offset="disabled", slide=0))
    assert ran.code == 0
    assert " <schedule+0x4/0x" in ran.out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("0000000000000000 T _text\n", "every address in it is 0"),
        ("ffffffc080000000 T other\n", "lists neither _text nor _stext"),
        ("hello\n", "holds no symbols"),
    ],
)
def test_what_is_no_list_of_symbols(content: str, words: str, kinfo_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(content)
    (tmp_path / "log").write_text("x\n")
    ran = kinfo_cli("symbolize", "--symbols", tmp_path / "list", "--log", tmp_path / "log")
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name the memory, or the build's symbols with --symbols FILE"),
        (("ram.elf", "--symbols", "-"), "- is the log"),
        (("--symbols", "-"), "- is the log"),
        (("--symbols", "x", "--phys-base", "0x80000000"), "--phys-base is for a memory"),
        (("--symbols", "x", "--kinfo", "y"), "--kinfo is for a memory"),
        (("ram.elf", "--slide", "1"), "--slide is for --symbols"),
    ],
)
def test_usage(arguments: tuple[str, ...], words: str, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("symbolize", *arguments)
    assert ran.code == 2
    assert words in ran.err


def test_a_slide_that_is_no_number(named) -> None:  # type: ignore[no-untyped-def]
    assert "'ten' is not a number" in named("x\n", "--slide", "ten").err


class TestNames:
    LIST = SymbolList(
        "map",
        [
            BuildSymbol(0xFFFFFFC080000000, "T", "_text"),
            BuildSymbol(0xFFFFFFC080010000, "T", "first"),
            BuildSymbol(0xFFFFFFC080010000, "T", "alias"),
            BuildSymbol(0xFFFFFFC080010040, "T", "panic"),
            BuildSymbol(0xFFFFFFC080010080, "T", "next"),
            BuildSymbol(0xFFFFFFC0800100C0, "D", "_end"),
        ],
        0xFFFFFFC080000000,
    )

    @pytest.mark.parametrize(
        ("va", "label"),
        [
            (0xFFFFFFC080010000, "first+0x0/0x40"),
            (0xFFFFFFC08001003F, "first+0x3f/0x40"),
            (0xFFFFFFC0800100BF, "next+0x3f/0x40"),
            (0xFFFFFFC0800100C0, None),
            (0xFFFFFFC07FFFFFFF, None),
        ],
    )
    def test_the_borders(self, va: int, label: str | None) -> None:
        place = BuildNames(self.LIST, 0).at(va)
        assert (place.label if place else None) == label
        moved = BuildNames(self.LIST, 0x200000).at(va + 0x200000)
        assert (moved.label if moved else None) == label

    def test_signed_addresses(self) -> None:
        names = BuildNames(self.LIST, 0)
        assert names.unsigned(0xFFFFFFC080010044) == 0xFFFFFFC080010044
        assert names.unsigned(0x00B5FFC080010044) == 0xFFFFFFC080010044
        assert names.unsigned(0x0000FFC080010044 & ~(1 << 55)) is None

    def test_modules_of_a_running_kernel(self) -> None:
        running = self.LIST._replace(
            is_running=True,
            entries=[
                BuildSymbol(0xFFFFFFC000000000, "t", "go", "alpha"),
                BuildSymbol(0xFFFFFFC000000040, "t", "stop", "alpha"),
                BuildSymbol(0xFFFFFFC000002000, "t", "go", "beta"),
                *self.LIST.entries,
            ],
        )
        names = BuildNames(running, 0)
        found = [names.at(va) for va in (0xFFFFFFC000000004, 0xFFFFFFC000000044, 0xFFFFFFC000001004, 0xFFFFFFC080010004)]
        assert [place.label if place else None for place in found] == [
            "go+0x4/0x40 [alpha]",
            "stop+0x4/0xfc0 [alpha]",
            None,
            "first+0x4/0x40",
        ]


def test_a_vmlinux_is_read_as_nm_reads_it(kernel: Kernel, tmp_path: Path) -> None:
    if not (nm := shutil.which("nm")):
        pytest.skip("nm is not installed: apt-get install binutils")
    (tmp_path / "vmlinux").write_bytes(build_files.vmlinux(kernel, build_files.symbol_values(kernel)))
    ours = [(f"{one.va:016x}", one.type, one.name) for one in read_symbols(tmp_path / "vmlinux").entries]
    done = subprocess.run([nm, "-n", tmp_path / "vmlinux"], capture_output=True, text=True, check=True)
    theirs = [tuple(line.split()) for line in done.stdout.splitlines()]
    assert len(ours) > 200
    assert sorted(ours) == sorted(theirs)
