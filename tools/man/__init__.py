"""Man pages out of the commands as they are declared: kinfo(1), and kinfo-NAME(1) of each. They are made with a wheel.

Nothing but the standard library is needed: a build's environment has no more.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from kinfo.cli.commands import ALIASES, COMMANDS
from kinfo.cli.declare import Choice, Command, Parameter
from kinfo.cli.load import load
from kinfo.version import __version__
from tools.man.roff import bold, escaped, italic, sentence, verbatim

EXIT = (
    ("0", "sound, or the same"),
    ("1", "something is wrong, differs or was not found"),
    ("2", "could not decide: no record, input that cannot be read, a mistake on the command line"),
)


def pages(date: str = "") -> dict[str, str]:
    """Every page by its file's name. `date` (as 2026-11-26) stands at their foot."""
    made = {"kinfo.1": _text(_head("kinfo", date), _whole())}
    for name in COMMANDS:
        made[f"kinfo-{name}.1"] = _text(_head(f"kinfo-{name}", date), _page(load(name)))
    return made | {f"kinfo-{alias}.1": made[f"kinfo-{name}.1"] for alias, name in ALIASES.items()}


def _text(*parts: Iterator[str]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)


def _head(name: str, date: str) -> Iterator[str]:
    yield f'.TH {escaped(name.upper())} 1 "{date}" "kinfo {escaped(__version__)}" "kinfo"'
    yield from (".nh", ".ad l")


def _whole() -> Iterator[str]:
    yield from (".SH NAME", rf"kinfo \- {_WHAT}")
    yield from (".SH SYNOPSIS", rf"{bold('kinfo')} {italic('COMMAND')} [{italic('OPTION')}]... [{italic('FILE')}]...")
    yield from (".SH DESCRIPTION", sentence(_ABOUT), ".SH COMMANDS")
    for name, (_, what) in COMMANDS.items():
        yield from (".TP", rf"\fBkinfo\-{escaped(name)}\fR(1)", sentence(what))
    yield from (".SH OPTIONS", ".TP", f"{bold('--version')}", "Print the version.", ".TP", f"{bold('-h')}, {bold('--help')}")
    yield "Show the commands; behind a command, its options."
    yield from _exits()
    yield from (".SH EXAMPLES", *verbatim(["kinfo demo", "kinfo decode region.bin", "kinfo info ram.elf"]))


_WHAT = "decode and check the record that kernels leave for the boot loader"
_ABOUT = """Android's debug_kinfo driver and the meminspect kinfo driver leave a small record in reserved memory: which kernel
ran, and where its symbols, page tables and modules lie. kinfo reads it out of a region or any dump of memory, follows it to
names, log, tasks and call chains, checks the devicetree that hands the memory over, and compares records."""


def _page(command: Command) -> Iterator[str]:
    yield from (".SH NAME", rf"kinfo\-{escaped(command.name)} \- {sentence(command.short_help)}", ".SH SYNOPSIS")
    yield " ".join((bold(f"kinfo {command.name}"), rf"[{italic('OPTION')}]...", *map(_place, _places(command)))).rstrip()
    prose, examples = _told(command.help or "")
    yield ".SH DESCRIPTION"
    for at, paragraph in enumerate(prose):
        yield from ((".PP",) if at else ())
        yield sentence(paragraph)
    yield ".SH OPTIONS"
    for one in command.parameters:
        yield from _option(one) if one.flags else ()
    yield from (".TP", f"{bold('-h')}, {bold('--help')}", "Show the options.")
    yield from _exits()
    yield from (".SH EXAMPLES", *verbatim(examples)) if examples else ()
    yield from (".SH SEE ALSO", r"\fBkinfo\fR(1)")


def _exits() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, what in EXIT:
        yield from (".TP", bold(code), sentence(what))


def _places(command: Command) -> list[Parameter]:
    return [one for one in command.parameters if not one.flags]


def _place(one: Parameter) -> str:
    word = one.metavar or one.name.upper()
    shown = italic(word) + ("..." if one.nargs < 0 and not word.rstrip("]").endswith("...") else "")
    return shown if one.is_required or one.metavar else f"[{shown}]"


def _option(one: Parameter) -> Iterator[str]:
    value = "" if one.is_flag else f" {_value(one)}"
    yield from (".TP", ", ".join(map(bold, one.flags)) + value)
    told = one.help or ""
    if one.shows_default and one.default is not None:
        told += f" Default: {one.default}."
    if one.is_multiple:
        told += " It can be given several times."
    yield sentence(told) if told else r"\&"


def _value(one: Parameter) -> str:
    if isinstance(one.kind, Choice) and not one.metavar:
        return "|".join(map(bold, one.kind.names))
    return italic(one.metavar or (getattr(one.kind, "name", "") or one.name).upper())


def _told(text: str) -> tuple[list[str], list[str]]:
    """The paragraphs of a command's help, and its examples, behind a backspace, which click leaves as they are."""
    paragraphs = [one for one in inspect.cleandoc(text).split("\n\n") if one.strip()]
    prose = [one for one in paragraphs if not one.startswith("\b")]
    kept = [line for one in paragraphs if one.startswith("\b") for line in one.removeprefix("\b").splitlines()]
    return prose, [line for line in kept if line.strip()]
