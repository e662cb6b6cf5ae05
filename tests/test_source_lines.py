"""File and line behind names, by a vmlinux with debug information and the modules' files: gcc makes both."""

from __future__ import annotations

import gzip
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from kinfo.errors import DumpError, KernelError
from kinfo.kernel_build import line_tool
from kinfo.kernel_build.line_tool import LineTool
from kinfo.kernel_build.source_lines import source_lines
from kinfo.kernel_build.symbol_list import BuildSymbol, SymbolList, same_build
from tests.conftest import Cli
from tests.kernels.image import Spec, make

BANNER = "Linux version 6.1.7-test (me@host) (gcc 12, GNU ld 2.40) #3 SMP Mon"
KERNEL = f"""\
const char linux_banner[] = "{BANNER}";
volatile int sink;
void _text(void) {{}}
void _stext(void) {{}}
static inline __attribute__((always_inline)) void inner(int a)
{{
	sink = a;
}}
__attribute__((noinline)) void leaf(int a)
{{
	inner(a);
}}
__attribute__((noinline)) int outer(int a)
{{
	leaf(a);
	return sink + a;
}}
int last(void)
{{
	return outer(3);
}}
char _end[4];
"""
MODULE = """\
volatile int sink;
__attribute__((section(".init.text"))) int start(int a)
{
	return a + 1;
}
__attribute__((noinline)) int wlan_open(int a)
{
	sink = a;
	return a * 3;
}
int wlan_close(int a)
{
	return wlan_open(a) + 1;
}
"""
LINK = ("-nostdlib", "-static", "-Wl,-Ttext=0xffffffff81000000", "-mcmodel=kernel", "-fno-pie", "-no-pie", "-e", "outer")


def gcc(*words: str | Path) -> None:
    program = shutil.which("gcc")
    ran = subprocess.run([program, "-dumpmachine"], capture_output=True, text=True, check=True) if program else None
    if program is None or ran is None or "x86_64" not in ran.stdout:
        pytest.skip("gcc for x86-64 is not installed: apt-get install gcc")
    subprocess.run([program, "-O1", *words], check=True)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    (folder / "k.c").write_text(KERNEL)
    (folder / "m.c").write_text(MODULE)
    gcc("-g", *LINK, "-o", folder / "vmlinux", folder / "k.c")
    gcc(*LINK, "-o", folder / "plain", folder / "k.c")
    (folder / "modules").mkdir()
    gcc("-g", "-c", "-o", folder / "modules" / "wlan-x.ko", folder / "m.c")
    return folder


@pytest.fixture(params=["llvm-symbolizer", "addr2line"])
def only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """One tool alone is installed."""
    name = str(request.param)
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: apt-get install {'llvm' if 'llvm' in name else 'binutils'}")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / name).symlink_to(path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return name


def symbol(path: Path, name: str) -> tuple[int, int]:
    """VA and distance to the next symbol, by nm."""
    if not (nm := shutil.which("nm", path="/usr/bin:/bin")):
        pytest.skip("nm is not installed: apt-get install binutils")
    done = subprocess.run([nm, "-n", path], capture_output=True, text=True, check=True)
    listed = [(int(line.split()[0], 16), line.split()[-1]) for line in done.stdout.splitlines() if line[0] != " "]
    va = next(va for va, one in listed if one == name)
    return va, min(other for other, _ in listed if other > va) - va


def log(build: Path, *lines: str) -> str:
    """Lines with {NAME} for a name's size."""
    sizes = {name: f"{symbol(build / 'vmlinux', name)[1]:#x}" for name in ("outer", "leaf", "last")}
    return "".join(f"{line.format(**sizes)}\n" for line in lines) + "Kernel Offset: disabled\n"


def test_lines_behind_the_names_of_a_trace(build: Path, only: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    call = symbol(build / "vmlinux", "outer")[1] - 1
    (tmp_path / "log").write_text(
        log(build, BANNER, "pc : leaf+0x0/{leaf}", f" last+0x9/{{last}} ? {call}", " outer+0x1/{outer}")
    )
    words = ("symbolize", "--vmlinux", build / "vmlinux", "--log", tmp_path / "log")
    ran = kinfo_cli(*words)
    assert ran.code == 0, ran.err
    source = build / "k.c"
    assert f"(inner at {source}:7, inlined at {source}:11)" in ran.out
    assert f" last+0x9/0x{symbol(build / 'vmlinux', 'last')[1]:x} ({source}:20)" in ran.out
    assert f"({source}:14)" in ran.out  # outer's first line, where a call would have ended
    assert only
    (tmp_path / "log").write_text(ran.out)
    assert kinfo_cli(*words).out == ran.out  # what has its line keeps it


def test_raw_addresses_get_names_and_lines(build: Path, only: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    va, size = symbol(build / "vmlinux", "leaf")
    (tmp_path / "log").write_text(f"pc : {va + 0x200000:016x}\nKernel Offset: 0x200000 from 0xffffffff81000000\n")
    ran = kinfo_cli("symbolize", "--vmlinux", build / "vmlinux", "--log", tmp_path / "log")
    assert ran.code == 0, ran.err
    assert f"<leaf+0x0/{size:#x} (inner at {build / 'k.c'}:7, inlined at {build / 'k.c'}:11)>" in ran.out
    assert only


def test_modules(build: Path, only: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    size = symbol(build / "modules" / "wlan-x.ko", "wlan_open")[1]
    text = (
        f" wlan_close+0x5/0x40 [wlan_x]\n wlan_open+0x1/{size:#x} [wlan_x]\n start+0x1/0x40 [wlan_x]\n other+0x1/0x2 [gone]\n"
    )
    (tmp_path / "log").write_text(text + "Kernel Offset: disabled\n")
    words = ("--modules", build / "modules")
    ran = kinfo_cli("symbolize", "--vmlinux", build / "vmlinux", "--log", tmp_path / "log", *words)
    assert ran.code == 0
    assert f"wlan_close+0x5/0x40 [wlan_x] ({build / 'm.c'}:13)" in ran.out
    assert f"wlan_open+0x1/{size:#x} [wlan_x] ({build / 'm.c'}:" in ran.out
    assert "module gone: its file gone.ko is not in the folder" in ran.err
    started = next(line for line in ran.out.splitlines() if "start+" in line)
    assert "m.c:4)" in started or started.endswith("[wlan_x]")  # right, or silent: never another function's line
    assert only == "llvm-symbolizer" or "m.c:" in started


@pytest.mark.parametrize("name", ["outer+0x1/0x7777", "gone+0x1/0x10", "outer+0x7000/{outer}", "outer+0x1/{outer} [wlan]"])
def test_what_is_not_sure_gets_no_line(name: str, build: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "log").write_text(log(build, name))
    ran = kinfo_cli("symbolize", "--vmlinux", build / "vmlinux", "--log", tmp_path / "log")
    assert "k.c" not in ran.out
    assert "has no line for any of 1 names" in ran.err


def test_a_vmlinux_without_debug_information(build: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "log").write_text(log(build, " outer+0x1/{outer}"))
    ran = kinfo_cli("symbolize", "--vmlinux", build / "plain", "--log", tmp_path / "log")
    assert (ran.code, ran.out) == (0, log(build, " outer+0x1/{outer}"))
    assert "has no line for any of 1 names: has it debug information?" in ran.err


@pytest.mark.parametrize(
    ("place", "is_one"),
    [("k.c:12", True), ("k.c:12 (discriminator 2)", True), ("k.c:?", False), ("??:0", False), ("k.c:0", False)],
)
def test_a_file_without_a_line_is_no_place(place: str, is_one: bool) -> None:
    """What newer llvm-symbolizers say of a file without debug information, by its symbol table."""
    assert line_tool._is_known([line_tool.SourceFrame("outer", place)]) is is_one


def test_another_boots_lines_are_left(build: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "log").write_text(log(build, BANNER.replace("6.1.7", "6.1.8"), " outer+0x1/{outer}"))
    ran = kinfo_cli("symbolize", "--vmlinux", build / "vmlinux", "--log", tmp_path / "log")
    assert ran.code == 1
    assert "k.c" not in ran.out


def test_a_vmlinux_of_another_build_than_the_memory(build: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    make(Spec(arch="x86")).write_elf(tmp_path / "ram.elf")
    (tmp_path / "log").write_text("x\n")
    ran = kinfo_cli("symbolize", tmp_path / "ram.elf", "--vmlinux", build / "vmlinux", "--log", tmp_path / "log")
    assert (ran.code, ran.out) == (2, "")
    assert "6.1.7-test" in ran.err


def test_nothing_is_installed(build: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kinfo_cli: Cli) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "log").write_text("x\n")
    ran = kinfo_cli("symbolize", "--vmlinux", build / "vmlinux", "--log", tmp_path / "log")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("kinfo: source lines need llvm-symbolizer or addr2line, and neither is installed; apt-get")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 1", "came to an end"),
        ("exec sleep 600", "did not answer for 0.2 seconds"),
        ("exec yes x", "answered with more than"),
    ],
)
def test_a_tool_that_does_not_answer(script: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "addr2line").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    (tmp_path / "addr2line").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(line_tool, "_WAIT", 0.2 if "sleep" in script else 60)
    with LineTool("file") as child, pytest.raises(KernelError, match=words):
        [child.frames(0x1000) for _ in range(3)]


def test_a_tool_that_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "addr2line").write_bytes(b"\x7fELF")
    (tmp_path / "addr2line").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KernelError, match="cannot be run"):
        LineTool("file")


def test_files_that_are_none(build: Path, tmp_path: Path) -> None:
    (tmp_path / "vmlinux.gz").write_bytes(gzip.compress((build / "vmlinux").read_bytes(), mtime=0))
    with pytest.raises(DumpError, match="is packed: no tool reads its lines"):
        source_lines(str(tmp_path / "vmlinux.gz"))
    (tmp_path / "System.map").write_text("ffffffff81000000 T _text\n")
    with pytest.raises(DumpError, match="is no ELF file, hence no vmlinux"):
        source_lines(str(tmp_path / "System.map"))
    with pytest.raises(DumpError, match="is no folder"):
        source_lines(str(build / "vmlinux"), str(tmp_path / "gone"))


@pytest.mark.parametrize("cut", [0, 30, 64, 400, -70])
def test_damaged_modules_are_said(cut: int, build: Path, tmp_path: Path) -> None:
    whole = (build / "modules" / "wlan-x.ko").read_bytes()
    (tmp_path / "wlan.ko").write_bytes(whole[:cut] if cut else b"text")
    with source_lines(str(build / "vmlinux"), str(tmp_path)) as lines:
        assert lines.text(b" wlan_open+0x1/0x10 [wlan]\n") == b" wlan_open+0x1/0x10 [wlan]\n"
    assert len(lines.notes) == 1
    assert "wlan.ko: " in lines.notes[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ram.elf", "--modules", "x"), "--modules is for --vmlinux"),
        (("--vmlinux", "-"), "- is the log: name the vmlinux"),
    ],
)
def test_usage(words: tuple[str, ...], said: str, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("symbolize", *words)
    assert ran.code == 2
    assert said in ran.err


def test_lists_of_two_builds() -> None:
    first = SymbolList("a", [BuildSymbol(0x1000, "T", "_text"), BuildSymbol(0x1010, "T", "x")], 0x1000, "6.1", "#1", "b1")
    same_build(first, first._replace(source="b", release="", build=""))
    with pytest.raises(KernelError, match="a: is not of the build of b: 'b1' is not 'b2'"):
        same_build(first, first._replace(source="b", build="#2", banner="b2"))
    with pytest.raises(KernelError, match="x is elsewhere in it"):
        same_build(first, first._replace(source="b", entries=[BuildSymbol(0x1020, "T", "x")]))
