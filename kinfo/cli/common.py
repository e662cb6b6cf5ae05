"""What several commands share: number options, colours, the exit code of findings."""

from __future__ import annotations

import os
import sys

from kinfo.cli.colour import is_wanted
from kinfo.cli.declare import BadValueError, ValueKind
from kinfo.cli.main import FINDINGS, SOUND
from kinfo.findings import Finding, Severity, worst
from kinfo.printable import quoted
from kinfo.report.style import Style
from kinfo.typed import BinaryIO


class Number(ValueKind):
    """A non-negative 64-bit number, decimal or 0x hex."""

    name = "number"

    def convert(self, word: str) -> int:
        """The number. Raises BadValueError."""
        try:
            number = int(word, 0)
        except ValueError:
            raise BadValueError(f"{quoted(word)} is not a number: write 4096 or 0x1000") from None
        if not 0 <= number < 1 << 64:
            raise BadValueError(f"{word} is not within 64 bits")
        return number


NUMBER = Number()


def stdin() -> BinaryIO | None:
    """Standard input's bytes; None where it was closed."""
    return sys.stdin.buffer if sys.stdin else None


def style() -> Style:
    """Of standard output: the colours that are wanted on it, and its width."""
    return Style(colour=is_wanted(), width=width())


def width() -> int | None:
    """Columns of the terminal that standard output is; None where it is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):  # ValueError: standard output is no file
        return None


def write(text: str) -> None:
    """Data, to standard output."""
    sys.stdout.write(text)


def tell(text: str) -> None:
    """Text for people, to standard output: in the width of the terminal that it is, as it comes where it is none."""
    columns = width()
    if columns is not None:
        from kinfo.report.fold import fold

        text = fold(text, columns)
    sys.stdout.write(text)


def write_bytes(data: bytes) -> None:
    """Data as it comes, to standard output, at once."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def verdict(findings: tuple[Finding, ...], *, strict: bool) -> int:
    """The exit code for findings: 1 for an error, or for a warning under --strict."""
    gravest = worst(findings)
    return FINDINGS if gravest is Severity.ERROR or (strict and gravest is Severity.WARNING) else SOUND
