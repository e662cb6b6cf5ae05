"""kinfo.symbolize with a vmlinux: what the command says, out of the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.debuggers import vmlinux as debuggers_vmlinux
from kinfo.kernel import address_words
from kinfo.kernel_build import line_tool
from tests.conftest import Cli
from tests.kernels.image import Spec, make
from tests.test_source_lines import BANNER, build, log, symbol

__all__ = ["build"]  # the fixture

TRACE = (BANNER, "pc : leaf+0x0/{leaf}", " outer+0x1/{outer}", " other+0x1/0x2 [gone]")


def tools() -> None:
    try:
        line_tool.tool()
    except kinfo.KinfoError as error:
        pytest.skip(error.message)


def test_by_the_vmlinux_alone(build: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    tools()
    va, _ = symbol(build / "vmlinux", "leaf")
    text = log(build, *TRACE, f"pc : {va:016x}").replace("disabled", "0x0 from 0xffffffff81000000")
    (tmp_path / "log").write_text(text)
    words = ("--vmlinux", build / "vmlinux", "--modules", build / "modules")
    ran = kinfo_cli("symbolize", *words, "--log", tmp_path / "log")
    for source in (tmp_path / "log", text.encode()):
        done = kinfo.symbolize(None, source, vmlinux=build / "vmlinux", modules=build / "modules")
        assert done.text.decode() == ran.out
        assert f"(inner at {build / 'k.c'}:7, inlined at {build / 'k.c'}:11)" in ran.out
        assert (done.contradictions, done.left) == ((), 0)
        assert [note.partition(":")[0] for note in done.notes] == ["module gone"]
        assert done.notes[0] in ran.err


def test_the_slide_is_the_logs_or_stated(build: Path) -> None:
    tools()
    va, size = symbol(build / "vmlinux", "leaf")
    text = f"{BANNER}\npc : {va + 0x200000:016x}\n".encode()
    named = f"<leaf+0x0/{size:#x} ".encode()
    done = kinfo.symbolize(None, text, vmlinux=build / "vmlinux", slide=0x200000)
    assert named in done.text
    assert done.notes == ()
    done = kinfo.symbolize(None, text, vmlinux=str(build / "vmlinux"))
    assert done.text == text
    assert done.notes == ("the boot from line 1 on states no Kernel Offset: its raw addresses have no names",)


def test_a_boot_of_another_build_is_left(build: Path) -> None:
    tools()
    text = log(build, *(BANNER.replace("6.1.7", "6.1.8"), *TRACE[1:3])).encode()
    done = kinfo.symbolize(None, text, vmlinux=build / "vmlinux")
    assert done.text == text
    assert done.notes == (f"line 1: it is of 6.1.8-test, {build / 'vmlinux'} of 6.1.7-test",)
    forced = kinfo.symbolize(None, text, vmlinux=build / "vmlinux", force=True)
    assert b"k.c:" in forced.text


def test_with_a_memory(build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of the memory, those that are there already too; a vmlinux of another build than the memory's is refused."""
    tools()
    kernel = make(Spec(arch="x86"))
    kernel.write_elf(tmp_path / "ram.elf")
    trace = log(build, *TRACE[1:3]).replace("Kernel Offset: disabled\n", "")
    text = f"{kernel.find('_stext').va:016x}\n{trace}".encode()
    with pytest.raises(kinfo.KinfoError, match=r"6\.1\.7-test"):
        kinfo.symbolize(tmp_path / "ram.elf", text, vmlinux=build / "vmlinux")
    monkeypatch.setattr(debuggers_vmlinux, "check", lambda *_: None)
    with kinfo.open_kernel(tmp_path / "ram.elf") as opened:
        done = kinfo.symbolize(opened, text, vmlinux=build / "vmlinux")
    assert b"<_text+0x0/" in done.text
    assert f"({build / 'k.c'}:14)".encode() in done.text
    assert (done.notes, done.contradictions) == ((), ())
    assert kinfo.symbolize(tmp_path / "ram.elf", text).notes == ()


def test_a_vmlinux_without_lines_is_said(build: Path) -> None:
    tools()
    done = kinfo.symbolize(None, log(build, TRACE[2]).encode(), vmlinux=build / "plain")
    assert done.notes == (f"{build / 'plain'}: has no line for any of 1 names: has it debug information?",)


def test_arguments_that_do_not_go_together(tmp_path: Path) -> None:
    for arguments, said in (
        ({"ram": "ram.elf", "modules": tmp_path}, "modules are for the lines of source; give vmlinux as well"),
        ({"ram": None}, "neither a memory nor a vmlinux to name the log by; give ram, or vmlinux"),
        ({"ram": "ram.elf", "slide": 0}, "a memory says itself by how much the image was moved; leave slide out"),
    ):
        with pytest.raises(kinfo.KinfoError) as caught:
            kinfo.symbolize(log=b"", **arguments)
        assert said in f"{caught.value.message}; {caught.value.hint}"
    with pytest.raises(OSError, match="No such file"):
        kinfo.symbolize(None, tmp_path / "none", vmlinux=tmp_path / "none")


@given(st.lists(st.sampled_from([b".", b"h", b".hh.", b"hh.", b"w"]), max_size=30))
def test_words_are_found_wherever_they_touch(parts: list[bytes]) -> None:
    """The point behind a word can be the one before the next."""
    kinds = b"".join(parts)
    wanted = [at for at in range(len(kinds)) if kinds.startswith(b".hh.", at)]
    assert address_words._places(kinds, b".hh.") == wanted
