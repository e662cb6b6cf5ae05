"""What every command does with streams, names and errors that nobody wants: one line, the right exit code, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from kinfo.cli import interrupt
from kinfo.cli.main import run
from tests.conftest import ROOT, Cli

SAMPLES = ROOT / "kinfo" / "samples"
RAM, RECORD = str(SAMPLES / "crash-6.12.elf"), str(SAMPLES / "pixel-5.10.bin")
COMMANDS: dict[str, tuple[str, ...]] = {
    "help": ("--help",),
    "command help": ("decode", "--help"),
    "decode": ("decode", RECORD),
    "find": ("find", RECORD),
    "info": ("info", RAM),
    "symbols": ("symbols", RAM),
    "lookup": ("lookup", RAM, "linux_banner"),
    "symbolize": ("symbolize", RAM, "--log", str(SAMPLES / "crash-6.12.log")),
    "debug": ("debug", RAM, "--tool", "drgn"),
    "pstore": ("pstore", str(ROOT / "kinfo" / "samples" / "crash-6.12.elf"), "--help"),
    "compare": ("compare", RECORD, RECORD, "--format", "json"),
    "layouts": ("layouts",),
    "explain": ("explain",),
    "demo": ("demo",),
}
INPUTS = (
    "decode",
    "find",
    "info",
    "dmesg",
    "symbols",
    "symbolize",
    "core -o out",
    "debug --tool gdb",
    "table",
    "facts",
    "crosscheck",
)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "kinfo", *arguments]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_closed_pipe(name: str, stream: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    others = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE} | {stream: writer}
    done = subprocess.run(command(*COMMANDS[name]), stdin=subprocess.DEVNULL, check=False, **others)  # type: ignore[call-overload]
    os.close(writer)
    assert done.returncode == 0
    assert stream == "stderr" or b"Exception" not in done.stderr


def test_an_error_that_nobody_hears_is_one_all_the_same() -> None:
    for redirection in ("2>&-", "2>/dev/full"):
        done = subprocess.run(f"{sys.executable} -m kinfo decode missing {redirection}", shell=True, check=False)
        assert done.returncode == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(name: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command(*COMMANDS[name]), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    last = "kinfo: cannot write the output: No space left on device; make room, or send it elsewhere"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, last)


@pytest.mark.parametrize("words", INPUTS)
def test_what_is_no_file_of_bytes(words: str, tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    (tmp_path / "folder").mkdir()
    for name in ("/dev/null", "folder", "missing", "fifo"):
        done = kinfo_cli(*words.split(), name)
        assert done.code == 2, name
        assert name in done.err
        assert done.err.count("\n") == 1
        assert "internal error" not in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to become somebody who may not read")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "file").chmod(0o600)
    for arguments, name in ((("decode", "file"), "file"), (("compare", "shut", "shut"), "shut"), (("table", "shut"), "shut")):
        code = (  # all modules first: where the project lies may be shut to nobody, too
            f"import importlib, os, pkgutil, sys, yaml; sys.path.insert(0, {str(ROOT)!r}); import kinfo\n"
            "names = [module.name for module in pkgutil.walk_packages(kinfo.__path__, 'kinfo.')]\n"
            "for name in names: name.endswith('__main__') or importlib.import_module(name)\n"
            f"os.chdir({str(tmp_path)!r}); os.setuid(65534); sys.exit(kinfo.cli.main.run({list(arguments)!r}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert done.stderr.startswith(f"kinfo: {name}: ")
        assert "Permission denied" in done.stderr


def test_a_bug_is_reported_not_passed_on(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("two\nlines")

    monkeypatch.setattr("kinfo.api.decode_all", broken)
    monkeypatch.delenv("KINFO_DEBUG", raising=False)
    assert run(["decode", RECORD]) == 2
    err = capfd.readouterr().err
    assert err.startswith("kinfo: internal error at test_every_command.py:")
    assert err.endswith(": ValueError: two lines; please report it with what KINFO_DEBUG=1 adds to this\n")
    monkeypatch.setenv("KINFO_DEBUG", "1")
    assert run(["decode", RECORD]) == 2
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("error", [MemoryError(), OverflowError("too large"), RecursionError()])
def test_no_exception_is_a_regression(error: Exception, monkeypatch: pytest.MonkeyPatch, kinfo_cli: Cli) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("kinfo.api.decode_all", broken)
    done = kinfo_cli("decode", RECORD)
    assert (done.code, done.err.count("\n")) == (2, 1)


def test_an_interrupt_during_the_imports() -> None:
    """The handler is there before anything of kinfo's is imported that takes time."""
    code = (
        "import os, signal, sys\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'kinfo.cli.load': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        f"from kinfo.cli.main import main\nmain(['decode', {RECORD!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_interrupt_of_a_command() -> None:
    child = subprocess.Popen(command("decode", "-"), stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert child.stdin is not None
    assert child.stderr is not None
    for _ in range(300):  # until it waits for standard input
        if Path(f"/proc/{child.pid}/wchan").read_text().find("pipe") >= 0:
            break
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    assert child.wait() == 130
    assert child.stderr.read() == b""
    child.stdin.close()
    child.stderr.close()


def test_an_interrupt_that_somebody_else_handles_stays_theirs() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupt.end_at_once()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_that_ends_it_leaves_no_file_half_written(name: str, tmp_path: Path) -> None:
    """It comes when the temporary file is there, whose name begins with a dot."""
    code = (
        "import os, signal\n"
        "from kinfo import whole_file\n"
        "opened = os.fdopen\n"
        "def told(*given):\n"
        f"    os.kill(os.getpid(), signal.{name})\n"
        "    return opened(*given)\n"
        "whole_file.os.fdopen = told\n"
        f"from kinfo.cli.main import main\nmain(['read', {RECORD + '@0x40000000'!r}, 'pa:0x40000000', '8', '-o', 'out'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 128 + getattr(signal, name), done.stderr
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("locale", ["C.UTF-8", "C", "POSIX"])
def test_names_that_are_no_utf8(locale: str, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/a\xfe\x1b.bin"
    Path(os.fsdecode(path)).write_bytes(Path(RECORD).read_bytes())
    shown = f"{tmp_path}/a\\xfe\\x1b.bin"
    for form in ("text", "json", "yaml", "sarif", "junit", "github"):
        for words in (["decode"], ["compare", RECORD]):
            arguments: list[str | bytes] = [*command(*words), path, "--format", form]
            done = subprocess.run(arguments, cwd=ROOT, env={**os.environ, "LC_ALL": locale}, capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (0, b""), (words, form)
            text = done.stdout.decode()  # UTF-8, or an error
            assert form in ("sarif", "github") or shown.replace("\\", "\\\\" if form == "json" else "\\") in text
            assert "\x1b" not in text
            if form in ("json", "sarif"):
                json.dumps(json.loads(text), ensure_ascii=False).encode()
            elif form == "junit":
                ET.fromstring(text)
