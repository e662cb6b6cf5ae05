"""The man pages: every command has one, with every option; no text becomes a request; a wheel has them where man looks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.cli.commands import ALIASES, COMMANDS
from kinfo.cli.declare import AtLeast, Choice, argument, command, option
from kinfo.cli.load import load
from tests.conftest import ROOT
from tools import man
from tools.man.roff import escaped, sentence, verbatim

PAGES = man.pages("2026-11-26")


def plain(page: str) -> str:
    """What is left of a page without its escapes."""
    for letter, made in ((r"\(aq", "'"), (r"\(ga", "`"), (r"\(ti", "~"), (r"\(ha", "^"), (r"\(dq", '"'), (r"\-", "-")):
        page = page.replace(letter, made)
    return re.sub(r"\\f[BIR]|\\&", "", page)


def test_every_command_has_a_page() -> None:
    assert set(PAGES) == {"kinfo.1"} | {f"kinfo-{name}.1" for name in (*COMMANDS, *ALIASES)}
    assert PAGES["kinfo-bt.1"] == PAGES["kinfo-backtrace.1"]
    whole = plain(PAGES["kinfo.1"])
    assert all(f"kinfo-{name}(1)" in whole for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_it(name: str) -> None:
    page = plain(PAGES[f"kinfo-{name}.1"])
    for one in load(name).parameters:
        for flag in one.flags:
            assert re.search(rf"^\.TP\n(.*, )?{flag}\b", page, re.MULTILINE), flag
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"):
        assert f"\n.SH {section}\n" in page
    assert "\b" not in page


@command("made", short_help="Do what - really")
@argument("files", nargs=-1, metavar="FILE...")
@argument("name", required=False)
@option("-f", "--form", kind=Choice(("a", "b")), default="a", show_default=True, help="Its form; see `kinfo x`.")
@option("--jobs", kind=AtLeast(1), multiple=True, help="So many.")
@option("--quiet", is_flag=True)
def made(**_: object) -> int:
    """Take FILE.

    .dtb and \\n stay as they are.

    \b
    kinfo made x
    """
    return 0


def test_a_page_whole() -> None:
    page = "\n".join(man._page(made))
    assert ".SH NAME\nkinfo\\-made \\- Do what \\- really\n" in page
    assert ".SH SYNOPSIS\n\\fBkinfo made\\fR [\\fIOPTION\\fR]... \\fIFILE...\\fR [\\fINAME\\fR]\n" in page
    assert ".SH DESCRIPTION\nTake FILE.\n.PP\n\\&.dtb and \\en stay as they are.\n" in page
    assert ".TP\n\\fB\\-f\\fR, \\fB\\-\\-form\\fR \\fBa\\fR|\\fBb\\fR\nIts form; see \\fBkinfo x\\fR. Default: a.\n" in page
    assert ".TP\n\\fB\\-\\-jobs\\fR \\fIJOBS\\fR\nSo many. It can be given several times.\n" in page
    assert ".TP\n\\fB\\-\\-quiet\\fR\n\\&\n" in page
    assert ".SH EXAMPLES\n.RS 4\n.nf\nkinfo made x\n.fi\n.RE\n" in page


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"])))
def test_no_text_is_a_request(text: str) -> None:
    for made_of in (sentence(text), *verbatim([text])[2:-2]):
        assert made_of.isascii()
        for line in made_of.splitlines():
            assert not line.startswith((".", "'"))
            assert re.fullmatch(r"(?:[^\\]|\\(?:e|-|&|\(aq|\(ga|\(ha|\(ti|\(dq|f[BR]|\[u[0-9A-F]{4,6}\]))*", line)


def test_lines_are_short() -> None:
    assert sentence("word " * 40 + ".dtb " * 40).count("\n") > 3
    assert all(line.startswith(("word", "\\&.dtb")) for line in sentence("word " * 40 + ".dtb " * 40).splitlines())
    assert escaped(".TH") == "\\&.TH"


def test_mandoc_has_nothing_to_say(tmp_path: Path) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed: apt-get install mandoc lets it judge the man pages")
    (tmp_path / "man1").mkdir()
    for name, text in PAGES.items():
        (tmp_path / "man1" / name).write_text(text)
    names = [f"man1/{name}" for name in PAGES]
    done = subprocess.run(
        ["mandoc", "-Tlint", "-W", "warning", *names], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_they_are_written_into_a_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.man", tmp_path / "man"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (
        0,
        f"man: wrote {tmp_path}/man: {len(PAGES)} pages; man {tmp_path}/man/kinfo.1\n",
    )
    done = subprocess.run([sys.executable, "-m", "tools.man"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "usage: python -m tools.man FOLDER\n")


def test_a_wheel_has_them_where_man_looks(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling is not installed: pip install '.[dev]' builds the wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = [name for name in wheel.namelist() if "/data/share/man/man1/" in name]
        held = {name.rpartition("/")[2]: wheel.read(name).decode() for name in names}
    assert set(held) == set(PAGES)
    assert held["kinfo-decode.1"].partition("\n")[2] == PAGES["kinfo-decode.1"].partition("\n")[2]
