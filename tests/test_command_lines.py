"""Plain command lines are read without click, and as click reads them; what is not plain is click's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.cli import declare, plain
from kinfo.cli.commands import COMMANDS
from kinfo.cli.declare import BadValueError, Choice, Command, Parameter, ValueKind, running
from kinfo.cli.group import command as of_click
from kinfo.cli.load import load
from tests.conftest import ROOT, Cli
from tests.kernels.printk import Ring, ram_with_log

WORDS = ("x", "-", "--", "", "-x", "--x", "0x10", "7", "-1", "a b", "--help", "-h", "é", "json", "text", "--format=", "nope")


def by_click(command: Command, words: list[str]) -> dict[str, Any] | None:
    """What click makes of the words; None for help and mistakes."""
    seen: dict[str, Any] = {}
    made = of_click(command)
    for one in made.params:
        if not one.expose_value:
            one.callback = lambda _, parameter, value: seen.update({str(parameter.name): value})
    try:
        with made.make_context(command.name, list(words)) as context:
            return dict(context.params) | seen
    except (click.exceptions.Exit, click.ClickException):
        return None


def some_value(parameter: Parameter) -> st.SearchStrategy[str]:
    if isinstance(parameter.kind, Choice):
        return st.sampled_from(parameter.kind.names)
    if isinstance(parameter.kind, ValueKind):
        return st.sampled_from(("4096", "0x8", "0b100"))
    return st.sampled_from(("x", "y.bin", "-", "0x10", "a=b", "é"))


def some_option(parameter: Parameter) -> st.SearchStrategy[list[str]]:
    flag = st.sampled_from(parameter.flags)
    if parameter.is_flag:
        return flag.map(lambda one: [one])
    value = some_value(parameter) | st.sampled_from(WORDS)
    return st.one_of(
        st.tuples(flag, value).map(list),
        st.tuples(flag, value).map(lambda pair: ["=".join(pair)]),
        flag.map(lambda one: [one]),  # its value is missing, or is what comes next
        st.tuples(flag, value).map(lambda pair: ["".join(pair)]),
    )


def command_lines(command: Command) -> st.SearchStrategy[list[str]]:
    options = [some_option(one) for one in command.parameters if one.flags]
    places = st.sampled_from(("dump.bin", "x", "-", "ä"))
    pieces = st.one_of(*options, places.map(lambda one: [one]), st.sampled_from(WORDS).map(lambda one: [one]))
    return st.lists(pieces, max_size=6).map(lambda found: [word for piece in found for word in piece])


@pytest.mark.parametrize("name", COMMANDS)
@given(data=st.data())
def test_a_plain_command_line_means_what_click_says(name: str, data: st.DataObject) -> None:
    command = load(name)
    words = data.draw(command_lines(command))
    found = plain.values(command, words)
    assert found is None or found == by_click(command, words)


PLAIN = {
    "decode": ["region.bin", "--format", "json", "--offset=0x10", "--strict", "--no-cache", "--color", "never"],
    "find": ["a", "b", "--step", "4"],
    "compare": ["old", "new", "--ignore", "a", "--ignore", "b", "--exact"],
    "verify-dt": ["a.dtb", "--no-schema", "--page-size", "16384", "--select", "1", "-o", "x.dtb"],
    "lookup": ["ram", "vfs_read", "--kinfo", "r.bin"],
    "symbols": ["ram", "--modules"],
    "symbolize": ["ram", "--log", "-"],
    "layouts": ["C"],
    "explain": [],
}


@pytest.mark.parametrize("name", PLAIN)
def test_everyday_command_lines_are_plain(name: str) -> None:
    command = load(name)
    found = plain.values(command, PLAIN[name])
    assert found is not None
    assert found == by_click(command, PLAIN[name])


@pytest.mark.parametrize(
    "words",
    [
        ["a", "--help"],
        ["a", "--format", "nope"],
        ["a", "--format"],
        ["a", "--format", "text", "--format", "json"],
        ["a", "--offset", "x"],
        ["a", "--nope"],
        ["a", "--strict=1"],
        ["--", "a"],
        [""],
    ],
)
def test_what_is_not_plain_is_left_to_click(words: list[str]) -> None:
    assert plain.values(load("decode"), words) is None


@pytest.mark.parametrize("words", [[], ["a", "b"]])
def test_too_few_and_too_many_words_are_left_to_click(words: list[str]) -> None:
    assert plain.values(load("encode"), words) is None


def modules_of(*words: str) -> set[str]:
    """The modules that are there when a command has run."""
    code = "import sys; from kinfo.cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


def test_hot_commands_need_neither_click_nor_dataclasses_nor_typing() -> None:
    sample, crash = "kinfo/samples/pixel-5.10.bin", "kinfo/samples/crash-6.12.elf"
    for words in (
        ["decode", sample],
        ["compare", sample, sample, "--exact"],
        ["find", sample],
        ["lookup", crash, "_text"],
        ["info", crash],
        ["regions", crash],
        ["symbolize", crash, "--log", "README.md"],
        ["verify-dt", "--no-schema", "dts_examples/right/v3.dtb"],
    ):
        assert not modules_of(*words) & {"click", "dataclasses", "inspect", "typing"}, words
    for words in (["explain"], ["layouts"]):
        assert not modules_of(*words) & {"click", "dataclasses", "inspect"}, words


def test_a_log_needs_nothing_but_its_record_and_its_ring(tmp_path: Path) -> None:
    """What is imported is most of what `kinfo dmesg` takes: a third of a millisecond each."""
    needless = {"click", "dataclasses", "inspect", "typing", "json", "tempfile", "shutil", "weakref", "fcntl", "numpy"}
    needless |= {
        f"kinfo.kernel.{one}" for one in ("beside", "boot.vmcoreinfo", "modules", "types", "unrecorded", "symbolize")
    }
    needless |= {"kinfo.examine", "kinfo.kernel.printk.read_old", "kinfo.kernel.printk.of_note", "kinfo.report.fold"}
    ring = Ring()
    for number in range(20):
        ring.store(b"message %d" % number)
    ram_with_log(tmp_path / "ram.elf", ring)
    loaded = modules_of("dmesg", str(tmp_path / "ram.elf"))
    assert "kinfo.kernel.printk.ring" in loaded
    assert not loaded & needless


def test_both_ways_say_the_same(kinfo_cli: Cli) -> None:
    """`--` makes a command line one of click's."""
    sample = str(ROOT / "kinfo" / "samples" / "pixel-5.10.bin")
    for options in ([], ["--format", "json"], ["--color", "always"], ["--hex", "--explain"], ["--offset", "4"]):
        assert kinfo_cli("decode", *options, sample) == kinfo_cli("decode", *options, "--", sample)
    wrong = ["decode", "--hex", "--format", "json"]
    assert kinfo_cli(*wrong, sample) == kinfo_cli(*wrong, "--", sample)
    assert kinfo_cli(*wrong, sample).err == "kinfo: --hex goes with --format text, not json; see `kinfo decode --help`\n"
    assert kinfo_cli("--color", "always", "decode", sample) == kinfo_cli("decode", sample, "--color", "always")


def test_what_an_option_asks_for_ends_with_the_command() -> None:
    from kinfo.cli import colour

    with running():
        declare.take_effect(colour.OPTION, "always")
        assert colour.chosen() == "always"
    assert colour.chosen() == "auto"


def test_kinds_say_what_is_wrong() -> None:
    from kinfo.cli.common import NUMBER

    for word, said in (("x", "'x' is not a number: write 4096 or 0x1000"), ("-1", "-1 is not within 64 bits")):
        with pytest.raises(BadValueError, match=said):
            NUMBER.convert(word)
    with pytest.raises(NotImplementedError):
        ValueKind().convert("x")
