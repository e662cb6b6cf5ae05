"""Logs that state their boot: which lines get names, what is said, and the exit code."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

import kinfo
from kinfo.kernel.boot.slide import slide
from kinfo.kernel.log import Log, Statement
from tests.conftest import Cli
from tests.kernels.image import make

KERNEL = make()
TEXT = KERNEL.find("sched_read")
LINE = b"pc : %016x%s\n"
RAW = LINE % (TEXT.va, b"")
NAMED = LINE % (TEXT.va, b" <sched_read+0x0/0x6b0>")
OURS, OTHERS = b"Linux version 6.12.1-test (a@b) #1\n", b"Linux version 5.15.1-other (a@b) #1\n"
LINK = 0xFFFFFFC080000000
RIGHT = b"Kernel Offset: 0x%x from 0x%x\n" % (KERNEL.text_va - LINK, LINK)
WRONG = b"Kernel Offset: 0x%x from 0x%x\n" % (KERNEL.text_va - LINK + 0x200000, LINK)
OOPS = b"CPU: 0 PID: 1 Comm: x %s %s #1 Debian\n"


@pytest.fixture(scope="module")
def ram(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "ram.elf"
    KERNEL.write_elf(path)
    return path


@pytest.fixture
def opened(ram: Path) -> Iterator[kinfo.Kernel]:
    with kinfo.open_kernel(str(ram)) as kernel:
        yield kernel


def named(kernel: kinfo.Kernel, text: bytes, *, survey: bool, force: bool = False) -> tuple[bytes, list[Statement], Log]:
    heard: list[Statement] = []
    log = Log(kernel, heard.append, is_forced=force)
    if survey:
        first = io.BytesIO(text)
        log.survey(lambda: first.read1(50))
    second = io.BytesIO(text)
    return b"".join(log.named(lambda: second.read1(50))), heard, log


@pytest.mark.parametrize("survey", [False, True])
@pytest.mark.parametrize(
    "line", [OURS, RIGHT, OOPS % (b"Not tainted", b"6.12.1-test"), OOPS % (b"Tainted: G        W  O     ", b"6.12.1-test")]
)
def test_a_log_of_this_boot(opened: kinfo.Kernel, line: bytes, survey: bool) -> None:
    assert named(opened, RAW + line + RAW, survey=survey)[:2] == (NAMED + line + NAMED, [])


@pytest.mark.parametrize(
    ("line", "says", "has"),
    [
        (OTHERS, "5.15.1-other", "6.12.1-test"),
        (OOPS % (b"Not tainted", b"6.1.0"), "6.1.0", "6.12.1-test"),
        (OOPS % (b"Tainted: G        W  O     ", b"6.1.0"), "6.1.0", "6.12.1-test"),
        (b"CPU: 0    Not tainted  (3.4.0-g1 #1)\n", "3.4.0-g1", "6.12.1-test"),
        (WRONG, WRONG[15:-1].decode(), f"{KERNEL.text_va - LINK:#x}"),
        (b"Kernel Offset: disabled\n", "disabled", "0x12610000 by the release's usual link address"),
    ],
)
def test_a_log_of_another_boot(opened: kinfo.Kernel, line: bytes, says: str, has: str) -> None:
    assert slide(opened) is not None
    out, heard, log = named(opened, RAW + line + RAW + b"\n" + RAW, survey=False)
    assert out == NAMED + line + RAW + b"\n" + RAW
    assert [(one.line, one.says, one.has) for one in heard] == [(2, says, has)]
    assert (log.left, log.doubtful) == (2, 0 if heard[0].begins else 1)


def test_what_is_read_twice_is_left_from_the_boots_first_line_on(opened: kinfo.Kernel) -> None:
    text = OURS + RAW + OURS + RAW + WRONG + RAW + OTHERS + RAW + OURS + RAW
    wanted = OURS + NAMED + OURS + RAW + WRONG + RAW + OTHERS + RAW + OURS + NAMED
    out, heard, log = named(opened, text, survey=True)
    assert out == wanted
    assert [one.line for one in heard] == [5, 7]
    assert (log.left, log.doubtful) == (3, 0)


def test_a_stream_is_named_again_when_it_says_so(opened: kinfo.Kernel) -> None:
    text = WRONG + RAW + OURS + RAW + WRONG + RAW + RIGHT + RAW
    assert named(opened, text, survey=False)[0] == WRONG + RAW + OURS + NAMED + WRONG + RAW + RIGHT + NAMED


def test_force_names_all(opened: kinfo.Kernel) -> None:
    out, heard, _ = named(opened, OTHERS + RAW, survey=True, force=True)
    assert (out, len(heard)) == (OTHERS + NAMED, 1)


def test_the_command(ram: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    log = tmp_path / "log"
    log.write_bytes(RAW + WRONG)
    done = kinfo_cli("symbolize", ram, "--log", log)
    assert (done.code, done.out) == (1, (RAW + WRONG).decode())
    said = f"kinfo: {log}, line 2: Kernel Offset {WRONG[15:-1].decode()}, but the dump has {KERNEL.text_va - LINK:#x}: "
    assert done.err == (
        f"{said}it is another boot's\n"
        f"kinfo: {log}: 1 addresses of other boots were left as they are; take the dump of that boot, or --force\n"
    )
    forced = kinfo_cli("symbolize", ram, "--log", log, "--force")
    assert (forced.code, forced.out) == (1, (NAMED + WRONG).decode())
    log.write_bytes(OTHERS * 9)
    assert "and 4 more lines say so" in kinfo_cli("symbolize", ram, "--log", log).err
