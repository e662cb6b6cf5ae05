"""On a terminal: every command's text keeps to its width and loses nothing; colours come when they are wanted."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.cli import colour, common
from kinfo.cli.commands import COMMANDS
from kinfo.report import image_map
from kinfo.report.fold import fold, visible
from kinfo.report.style import CODES, Style
from tests import regions_made
from tests.conftest import ROOT, Cli
from tests.inspect_tables import entries, runtime
from tests.kernels.tasks import world
from tests.test_crosscheck import kernel  # noqa: F401  # a fixture
from tests.test_pstore import a_region
from tests.test_regions import files  # noqa: F401  # a fixture
from tests.test_trace import scene
from tests.test_trace_region import MODULES
from tests.trace_rings import new_region

SAMPLES = ROOT / "kinfo" / "samples"
RAM, RECORD, OTHER = (str(SAMPLES / name) for name in ("crash-6.12.elf", "pixel-5.10.bin", "ram-6.12.bin"))
TREE = str(ROOT / "dts_examples" / "right" / "v3.dtb")
WRONG = str(ROOT / "dts_examples" / "wrong" / "devicetree-no-map.dts")
SHOWN: dict[str, tuple[str, ...]] = {
    "decode": ("decode", OTHER, "--explain", "--hex"),
    "decode all": ("decode", RECORD, "--all"),
    "find": ("find", RECORD, OTHER),
    "facts": ("facts", RAM),
    "info": ("info", RAM),
    "symbols": ("symbols", RAM),
    "lookup": ("lookup", RAM, "linux_banner", "0x1", "no_such_name"),
    "verify-dt": ("verify-dt", "--no-schema", TREE, "--explain-boot"),
    "verify-dt, several": ("verify-dt", "--no-schema", TREE, TREE),
    "verify-dt --list": ("verify-dt", "--list", TREE),
    "compare": ("compare", RECORD, OTHER, "--all"),
    "layouts": ("layouts",),
    "layouts C": ("layouts", "C"),
    "layouts --diff": ("layouts", "--diff", "C", "D"),
    "explain": ("explain",),
    "explain a code": ("explain", "layout-ambiguous"),
    "demo": ("demo",),
    "settings": ("settings",),
}
DRAWN = ("[", "one letter is")  # the image's bar is drawn to the width
# Data, or lines that are a log's own: as they come on every terminal. (Of read, test_read has the width.)
NOT_FOLDED = {"encode", "vectors", "symbols", "symbolize", "config", "dmesg", "debug", "core", "read", "report", "completion"}


def words(text: str) -> Counter[str]:
    """The words, but for what only a narrow screen has."""
    lines = [line for line in text.splitlines() if not any(mark in line for mark in DRAWN)]
    return Counter(word for word in " ".join(lines).split() if word not in ("\\", "#"))


WIDTHS = pytest.mark.parametrize("width", [40, 60, 80, 120])


@WIDTHS
@pytest.mark.parametrize("name", SHOWN)
def test_lines_keep_to_the_terminal(name: str, width: int, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_to(width, {name: SHOWN[name]}, kinfo_cli, monkeypatch)


def keep_to(
    width: int, shown: Mapping[str, Sequence[object]], kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch, least: int = 1
) -> None:
    """Each screen fits, and has every word of the one that is as wide as it likes."""
    whole = {name: kinfo_cli(*arguments) for name, arguments in shown.items()}
    assert not [(name, one.err) for name, one in whole.items() if len(one.out.splitlines()) < least]
    monkeypatch.setattr(common, "width", lambda: width)
    for name, arguments in shown.items():
        folded = kinfo_cli(*arguments)
        assert folded.code == whole[name].code
        for line in folded.out.splitlines():
            assert visible(line) <= width or len(line.removesuffix(" \\").split()) == 1, line
        assert not lost(words(whole[name].out), words(folded.out)), name


def lost(whole: Counter[str], folded: Counter[str]) -> list[str]:
    """The words that a terminal lacks. It has whole what is cut to its column elsewhere ("5.10.107-android13-4-00...")."""
    return [
        word
        for word in whole - folded
        if "..." not in word or not any(word.strip(".") in one and "..." not in one for one in folded)
    ]


def test_every_command_is_shown_here() -> None:
    shown = {arguments[0] for arguments in SHOWN.values()} | OF_A_KERNEL | OF_MEMORY
    assert not set(COMMANDS) - shown - NOT_FOLDED


OF_A_KERNEL = {"table", "build", "crosscheck", "facts", "survey"}
OF_MEMORY = {"ps", "backtrace", "pstore", "regions", "trace"}


@WIDTHS
def test_tables_of_a_kernel_keep_to_it(
    kernel: list[str],  # noqa: F811
    width: int,
    kinfo_cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "table.bin").write_bytes(runtime(entries("v3")))
    record = str(tmp_path / "record.bin")
    assert kinfo_cli("build", *kernel, "--driver", "android", "--build-info", "google/" * 9 + "keys", "-o", record).code == 0
    survey = str(tmp_path / "survey.csv")
    keep_to(
        width,
        {"survey": ("survey", RECORD, OTHER, str(tmp_path / "missing"), "-o", survey, "--force")},
        kinfo_cli,
        monkeypatch,
    )
    shown = {
        "survey --report": ("survey", "--report", survey, "--since", survey),
        "table": ("table", str(tmp_path / "table.bin"), "--series", "v3"),
        "values": ("table", str(regions_made.files(tmp_path / "md")), "--values"),
        "build": ("build", *kernel, "--driver", "android", "--explain"),
        "crosscheck": ("crosscheck", *kernel, "--upstream", "v1"),
        "crosscheck with a dump": ("crosscheck", *kernel, "--upstream", "v3", "--dump", record),
        "facts": ("facts", *kernel),
    }
    assert {arguments[0] for arguments in shown.values()} == OF_A_KERNEL
    keep_to(width, shown, kinfo_cli, monkeypatch, least=3)


@WIDTHS
def test_tables_of_memory_keep_to_it(
    files: tuple[str, Path],  # noqa: F811
    width: int,
    kinfo_cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ram, (reserved, board) = str(tmp_path / "ram.elf"), files
    world(running={1: 40}).kernel.write_elf(Path(ram))
    (tmp_path / "RAM").write_bytes(a_region(16))
    (tmp_path / "trace").write_bytes(new_region(scene(), modules=MODULES))
    shown = {
        "ps": ("ps", ram),
        "ps --tree": ("ps", ram, "--threads", "--tree"),
        "backtrace": ("backtrace", ram, "--all"),
        "backtrace --stuck": ("backtrace", ram, "--stuck"),
        "regions": ("regions", reserved, "--dtb", board),
        "trace": ("trace", str(tmp_path / "trace")),
        "pstore": ("pstore", f"{tmp_path / 'RAM'}@0x80000000", "--list"),
    }
    assert {arguments[0] for arguments in shown.values()} == OF_MEMORY
    keep_to(width, shown, kinfo_cli, monkeypatch, least=3)


def test_a_terminal_never_gets_a_cut_value(kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "android13-4-00..." in kinfo_cli("compare", RECORD, OTHER).out
    for width in (60, 80, 120, 200):
        monkeypatch.setattr(common, "width", lambda width=width: width)
        shown = kinfo_cli("compare", RECORD, OTHER).out
        assert "..." not in shown
        assert {"5.10.107-android13-4-00020-g5a3a4f5b6c7d-ab8456789", "6.12.37-android16-5-g2a1f81476db0-ab56593943"} <= set(
            shown.split()
        )


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.sampled_from(" "), max_size=200)


@given(TEXT, st.integers(10, 130))
def test_folding_loses_no_word(text: str, width: int) -> None:
    folded = fold(f"{text}\n", width)
    assert folded.split() == text.split()
    for line in folded.splitlines():
        assert visible(line) <= width or len(line.split()) <= 1
    assert fold(text, None) == text


def test_folded_lines_go_on_below_their_last_column() -> None:
    line = "  checksum          valid, and here are many words about it\n"
    assert fold(line, 44) == "  checksum          valid, and here are many\n                    words about it\n"
    assert fold("some words that have no columns at all\n", 20) == "some words that have\n  no columns at all\n"
    line = "  release           6.12.37-android16-5-g2a1f81476db0\n"
    assert fold(line, 40) == "  release\n    6.12.37-android16-5-g2a1f81476db0\n"


def test_a_command_can_still_be_copied() -> None:
    line = "  kinfo info 'a name with spaces.elf' --kinfo record.bin    # what it is for\n"
    assert fold(line, 40) == "  # what it is for\n  kinfo info 'a name with spaces.elf' \\\n    --kinfo record.bin\n"


def test_colours_and_wide_letters_count_as_they_are_seen() -> None:
    assert visible("\033[1;31mred\033[0m") == 3
    assert visible("内核") == 4
    assert fold("\033[1mred\033[0m and blue\n", 12) == "\033[1mred\033[0m and blue\n"


def on_terminal(width: int, *arguments: str, environment: dict[str, str] | None = None) -> bytes:
    """What a command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")}
    with subprocess.Popen(
        [sys.executable, "-m", "kinfo", *arguments],
        stdout=theirs,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env=clean | {"TERM": "xterm"} | (environment or {}),
    ):
        os.close(theirs)
        output = b""
        try:
            while chunk := os.read(ours, 65536):
                output += chunk
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    return output


def test_a_real_terminal() -> None:
    shown = on_terminal(50, "explain", "layout-ambiguous")
    assert b"\033[" in shown
    assert all(visible(line.decode()) <= 50 for line in shown.splitlines())
    assert b"\033[" not in on_terminal(50, "explain", "layout-ambiguous", environment={"TERM": "dumb"})


@pytest.mark.parametrize(
    ("when", "environment", "is_terminal", "is_on"),
    [
        ("auto", {}, False, False),
        ("auto", {}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, False),
        ("auto", {"CLICOLOR_FORCE": "0"}, False, False),
        ("auto", {"FORCE_COLOR": ""}, False, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_what_decides_on_colours(when: str, environment: dict[str, str], is_terminal: bool, is_on: bool) -> None:
    assert colour.is_on(when, environment, is_terminal=is_terminal) is is_on


def test_color_before_and_after_the_command(kinfo_cli: Cli) -> None:
    command = ("explain", "layout-ambiguous")
    assert "\033[" not in kinfo_cli(*command).out
    for arguments in (
        ("--color", "always", *command),
        ("--color=always", *command),
        (*command, "--color", "always"),
        ("--color", "never", *command, "--color=always"),  # the nearer one holds
    ):
        assert "\033[" in kinfo_cli(*arguments).out
    assert "\033[" not in kinfo_cli("--color", "always", *command, "--color", "never").out
    assert kinfo_cli("--color", "always", "--version").out.startswith("kinfo ")
    assert kinfo_cli("--color", "always").code == 2
    bad = kinfo_cli(*command, "--color", "blue")
    assert (bad.code, bad.out) == (2, "")
    assert "'--color'" in bad.err
    assert kinfo_cli("--color", "blue", *command).code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_short_help_and_colours(command: str, kinfo_cli: Cli) -> None:
    short, long = kinfo_cli(command, "-h"), kinfo_cli(command, "--help")
    assert short == long
    assert short.code == 0
    assert "-h, --help" in short.out
    assert "--color" in short.out


def luminance(code: str) -> float:
    """Of one of the 216 colours that xterm's palette fixes (WCAG 2.1, relative luminance)."""
    number = int(code.removeprefix("38;5;"))
    if number >= 232:
        levels = [8 + 10 * (number - 232)] * 3
    else:
        steps = (0, 95, 135, 175, 215, 255)
        levels = [steps[(number - 16) // place % 6] for place in (36, 6, 1)]
    shares = [one / 255 / 12.92 if one <= 10 else ((one / 255 + 0.055) / 1.055) ** 2.4 for one in levels]
    return sum(part * one for part, one in zip((0.2126, 0.7152, 0.0722), shares, strict=True))


def test_the_image_bar_can_be_read_on_black_and_on_white() -> None:
    used = [CODES[name] for name in image_map.COLOURS.values()]
    assert len(set(used)) == len(used)
    for code in used:
        seen = luminance(code) + 0.05
        assert min(seen / 0.05, 1.05 / seen) > 3.5, code


@pytest.mark.parametrize("width", [40, 80, 120, None])
def test_the_image_bar_fits_and_needs_no_colour(shipped: Path, width: int | None) -> None:
    import kinfo

    record = kinfo.decode(shipped / "pixel-5.10.bin")
    bar = next(iter(image_map.draw(record, Style(colour=False, width=width))))
    assert visible(bar) <= (width or 200)
    assert {"#", "k", "i", "."} <= set(bar)
    coloured = next(iter(image_map.draw(record, Style(colour=True, width=width))))
    assert visible(coloured) == visible(bar)
