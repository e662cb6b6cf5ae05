"""The help of a command: one screen of 80 columns, its options by what they are about, examples last. It needs no click."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.cli.declare import AtLeast, Choice, Command, Parameter, ValueKind

WIDTH, HEIGHT = 80, 50  # columns, and the most lines: what a terminal at half a screen's height and more shows
_NAMES = 26  # columns of an option and its value; a longer one has a line of its own

# What options are about, by their long flag; `COMMAND --flag` where one command's is another thing. All others are Choices.
_INPUT = "files-from log dtb iomem dmesg dump overlay include registers head table set base offset since select report"
_KERNEL = "kinfo symbols phys-base phys-offset slide btf vmlinux kernel page-size image blob"
_OUTPUT = (
    "output format force strict hex append partition perfetto update-baseline fix raw human caller tree text physical join"
    " threads names explain explain-boot all-modules values"
)
_GROUPS = {
    **dict.fromkeys(_INPUT.split(), "Input"),
    **dict.fromkeys(_KERNEL.split(), "Kernel"),
    **dict.fromkeys(_OUTPUT.split(), "Output"),
    "core --regions": "Input",
    "symbolize --modules": "Kernel",
    "pstore --symbols": "Output",
    "layouts --diff": "Output",
    "compare --all": "Output",
    "symbolize --force": "Choices",
}
ORDER = ("Input", "Kernel", "Choices", "Output")
_ALWAYS = {"color", "no_cache", "no_settings"}


def screen(command: Command) -> str:
    """What `kinfo COMMAND --help` prints."""
    *about, examples = _paragraphs(command.help or "")
    if not examples.startswith("\b"):
        about, examples = [*about, examples], ""
    lines = [f"Usage: kinfo {command.name} {_usage(command)}"]
    for paragraph in about:
        lines += ["", *_wrapped(paragraph)]
    lines += [""]
    options = [one for one in command.parameters if one.flags and one.name not in _ALWAYS]
    for title in ORDER:
        own = [one for one in options if group_of(command.name, one) == title]
        lines += [f"{title}:", *(line for one in own for line in _rows(one))] if own else []
    always = [_names(one) for one in command.parameters if one.name in _ALWAYS]
    lines += [f"Always: {', '.join(sorted(always))}, -h, --help"]
    if examples:
        lines += ["Examples:", *(f"  {line}" for line in examples.splitlines()[1:])]
    return "\n".join(lines) + "\n"


def group_of(command: str, option: Parameter) -> str:
    """What an option is about."""
    flag = max(option.flags, key=len)
    return _GROUPS.get(f"{command} {flag}") or _GROUPS.get(flag[2:], "Choices")


def examples_of(command: Command) -> list[str]:
    """The command lines that its help shows."""
    last = _paragraphs(command.help or "")[-1]
    return last.splitlines()[1:] if last.startswith("\b") else []


def _paragraphs(text: str) -> list[str]:
    lines = [line.strip() if at == 0 else line.removeprefix("    ").rstrip() for at, line in enumerate(text.splitlines())]
    return [part.strip("\n ") for part in "\n".join(lines).split("\n\n") if part.strip("\n ")]


def _usage(command: Command) -> str:
    words = ["[OPTIONS]"] if any(one.flags for one in command.parameters) else []
    for one in command.parameters:
        if not one.flags:
            name = one.metavar or one.name.upper()
            words.append(name if one.is_required or "[" in name or one.nargs < 0 else f"[{name}]")
    return " ".join(words)


def _wrapped(paragraph: str, indent: str = "  ", width: int = WIDTH) -> list[str]:
    """A paragraph in lines; one that begins with a backspace has its own."""
    if paragraph.startswith("\b"):
        return [f"{indent}{line}" for line in paragraph.splitlines()[1:]]
    lines, line = [], indent
    for word in paragraph.split():
        if len(line) + len(word) + (line != indent) > width and line != indent:
            lines.append(line)
            line = indent
        line += word if line == indent else f" {word}"
    return [*lines, line] if line != indent else lines


def _rows(one: Parameter) -> Iterator[str]:
    names, words = f"  {_names(one)}", _wrapped(_about(one), "", WIDTH - _NAMES)
    if len(names) > _NAMES - 2 or not words:
        yield names
    else:
        yield f"{names:<{_NAMES}}{words.pop(0)}"
    yield from (f"{'':<{_NAMES}}{line}" for line in words)


def _names(one: Parameter) -> str:
    if one.is_flag:
        return ", ".join(one.flags)
    value = one.metavar or (one.kind.name.upper() if isinstance(one.kind, ValueKind) else "N" if one.kind is int else "NAME")
    return f"{', '.join(one.flags)} {value}"


def _about(one: Parameter) -> str:
    """What it is for, and what it takes."""
    words = one.help or ""
    if isinstance(one.kind, Choice) and not one.metavar:
        names = ", ".join(f"{name} (default)" if name == one.default else name for name in one.kind.names)
        return f"{words.rstrip('.')}: {names}." if words else f"{names}."
    if one.shows_default:
        words += f" [default: {one.default}]"
    if isinstance(one.kind, AtLeast) and one.kind.least > 1:
        words += f" [{one.kind.least} or more]"
    return f"{words} [required]" if one.is_required else words
