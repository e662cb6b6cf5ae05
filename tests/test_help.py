"""Help: a screen a command, options in groups, and examples that run."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kinfo.cli import help_screen
from kinfo.cli.commands import COMMANDS
from kinfo.cli.declare import AtLeast, Choice, Command, Parameter
from kinfo.cli.help_screen import HEIGHT, ORDER, WIDTH, examples_of, group_of, screen
from kinfo.cli.load import load
from kinfo.cli.main import run
from tests.conftest import ROOT, Cli
from tests.kernels.image import Spec, make
from tests.test_config_cli import packed, with_config
from tests.test_pstore import a_region
from tests.test_trace import scene
from tests.test_trace_region import MODULES
from tests.trace_rings import new_region
from tools import sessions


@pytest.mark.parametrize("name", COMMANDS)
def test_a_screen(name: str, kinfo_cli: Cli) -> None:
    ran = kinfo_cli(name, "--help")
    lines = ran.out.splitlines()
    assert len(lines) <= HEIGHT <= 50
    assert [line for line in lines if len(line) > WIDTH] == []
    assert ran == kinfo_cli("help", name) == kinfo_cli("--color", "auto", name, "-h")  # the last by click
    command = load(name)
    for option in command.parameters:
        for flag in option.flags:
            assert f" {flag}" in ran.out, flag
        if isinstance(option.kind, Choice):
            assert all(word in ran.out for word in option.kind.names)
    titles = [line for line in lines if line.rstrip(":") in ORDER]
    assert titles == [f"{title}:" for title in ORDER if any(group_of(name, one) == title for one in own(command))]
    assert all(example in ran.out for example in examples_of(command))
    assert examples_of(command)


def own(command: Command) -> list[Parameter]:
    return [one for one in command.parameters if one.flags and one.name not in ("color", "no_cache", "no_settings")]


def test_every_group_is_of_an_option() -> None:
    flags = {f"{name} --{flag}" for name in COMMANDS for one in own(load(name)) for flag in (max(one.flags, key=len)[2:],)}
    for key in help_screen._GROUPS:
        assert any(one.endswith(f" --{key}") or one == key for one in flags), key


def test_a_long_option_has_a_line_of_its_own() -> None:
    one = Parameter("x", ("--a-very-long-option-indeed",), AtLeast(2), is_required=True, help="What it is.")
    assert [*help_screen._rows(one)] == ["  --a-very-long-option-indeed NAME", f"{'':26}What it is. [2 or more] [required]"]
    assert [*help_screen._rows(Parameter("y", ("-y",), is_flag=True))] == ["  -y"]


def test_help_without_examples_and_paragraphs_of_their_own_lines() -> None:
    def function(**_: object) -> int:
        """Do it.

        \b
        A  one
        B  two

        Last words.
        """
        return 0

    made = screen(Command("do", "", function))
    assert [line.strip() for line in made.splitlines()][:8] == [
        "Usage: kinfo do",
        "",
        "Do it.",
        "",
        "A  one",
        "B  two",
        "",
        "Last words.",
    ]
    assert "Examples" not in made


# Examples


def pstore(place: Path) -> None:
    (place / "region.bin").write_bytes(a_region(16))


def trace(place: Path) -> None:
    (place / "region.bin").write_bytes(new_region(scene(), modules=MODULES))


def config(place: Path) -> None:
    with_config(packed()).write_elf(place / "ram.elf")


def compare(place: Path) -> None:
    for name in ("golden.bin", "new.bin"):
        shutil.copy(ROOT / "kinfo" / "samples" / "pixel-5.10.bin", place / name)


def core(place: Path) -> None:
    made = make(Spec())
    assert made.base == 0x80000000
    made.write_raw(place / "DDRCS0_0.BIN")
    (place / "DDRCS1_0.BIN").write_bytes(bytes(4096))


def find(place: Path) -> None:
    (place / "dumps").mkdir()
    shutil.copy(ROOT / "kinfo" / "samples" / "pixel-5.10.bin", place / "dumps" / "one.bin")


SCENES: dict[str, Callable[[Path], None]] = {
    "pstore": pstore,
    "trace": trace,
    "config": config,
    "compare": compare,
    "core": core,
    "find": find,
    "survey": find,
}
STAND_IN = {"oops.txt": "uart.txt", "panic.txt": "uart.txt", "dump.bin": "region.bin", "ram.bin": "region.bin"}
# A network, another program, the shell's own, a device, and what takes long and has tests of its own.
NOT_HERE = ("s3://", "python -i", "eval ", "| source", "/dev/mem", "vectors -o vectors")


@pytest.fixture(scope="module")
def device() -> Iterator[Path]:
    with sessions.folder() as place:
        yield place


@pytest.fixture
def desk(request: pytest.FixtureRequest, device: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what a command's examples name."""
    place = tmp_path / "desk"
    place.mkdir()
    (SCENES.get(request.param) or (lambda _: None))(place)
    names = {one.name: one.resolve() for one in device.iterdir()}
    names |= {missing: device / there for missing, there in STAND_IN.items()}
    for name, path in names.items():
        if not (place / name).exists():
            (place / name).symlink_to(path)
    monkeypatch.chdir(place)
    monkeypatch.setenv("KINFO_NO_SETTINGS", "0")
    monkeypatch.setenv("KINFO_VERIFY_DT_NO_SCHEMA", "1")  # what takes seconds has tests of its own
    monkeypatch.setenv("HOME", str(tmp_path))
    return place


@pytest.mark.parametrize(("name", "desk"), [(name, name) for name in COMMANDS], indirect=["desk"], ids=[*COMMANDS])
def test_examples_run(name: str, desk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    done = 0
    for example in examples_of(load(name)):
        if any(word in example for word in NOT_HERE):
            continue
        code = typed(example)
        said = capfd.readouterr().err
        assert code in (0, 1) or ("internal error" not in said and "--help`" not in said), f"{example} in {desk}: {said}"
        done += code in (0, 1)
    assert done or name == "completion", f"no example of kinfo {name} runs"


def typed(example: str) -> int:
    """The exit code of a command line: here where it is kinfo's alone, else by the shell."""
    if any(mark in example for mark in "<>|$"):
        return sessions.Shell(Path.cwd()).type(example)[0]
    return run(shlex.split(example)[1:])
