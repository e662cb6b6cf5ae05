"""`kinfo symbolize`."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import BinaryIO, Self

import click

from kinfo.cli import common
from kinfo.cli.main import FINDINGS, SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import kinfo_option, opened, ram_argument
from kinfo.cli.words import say
from kinfo.errors import DumpError
from kinfo.kernel.log import Log, Statement

_PIECE = 1 << 20
_MOST_SAID = 5  # contradictions that are said one by one


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `kinfo symbolize` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    log: str
    force: bool


@click.command("symbolize", short_help="Put names on the raw addresses of a log")
@ram_argument
@kinfo_option
@click.option("--log", metavar="FILE", default="-", help="The log (default: standard input).")
@click.option("--force", is_flag=True, help="Put names even where the log says that it is another boot's.")
@takes(Options)
def command(options: Options) -> int:
    """Copy a log to standard output, with a name behind every address of the kernel in RAM...

    Addresses are virtual ones (16 hex digits, with or without 0x), and physical ones of the kernel image when written with
    0x. What has a name already stays as it is.

    Exit 0, 1 when the log states another release, build or Kernel Offset than the dump has (the lines of that boot are left
    as they are), 2 when memory or log could not be read.

    \b
    kinfo symbolize ram.elf < oops.txt
    kinfo symbolize DDRCS0_0.BIN@0x80000000 --kinfo region.bin --log bootloader.log
    """
    if options.log == "-" and "-" in options.ram:
        raise click.UsageError("- is the log: name the memory's file")
    with _Source(options.log) as source, opened(options.ram, options.kinfo) as kernel:
        heard: list[Statement] = []
        names = Log(kernel, lambda statement: _hear(source.name, statement, heard), is_forced=options.force)
        if source.is_file:
            names.survey(source.read)
            source.rewind()
        for piece in names.named(source.read):
            common.write_bytes(piece)
    if heard:
        _sum_up(source.name, names, len(heard), is_forced=options.force)
    return FINDINGS if heard else SOUND


def _hear(name: str, statement: Statement, heard: list[Statement]) -> None:
    heard.append(statement if len(heard) < _MOST_SAID else heard[-1])
    if len(heard) <= _MOST_SAID:
        say(f"{name}, {statement.words}: it is another boot's")


def _sum_up(name: str, names: Log, heard: int, *, is_forced: bool) -> None:
    if heard > _MOST_SAID:
        say(f"{name}: and {heard - _MOST_SAID} more lines say so")
    if is_forced:
        say(f"{name}: names were put all the same (--force); where the boot is another one they are wrong")
        return
    say(f"{name}: {names.left} addresses of other boots were left as they are; take the dump of that boot, or --force")
    if names.doubtful:
        remedy = "give the log as a file (--log FILE), which is read twice"
        say(f"{name}: {names.doubtful} addresses got names before the log said so, likely wrong ones; {remedy}")


class _Source:
    """The log that was named, open. Raises DumpError."""

    def __init__(self, path: str) -> None:
        self.name = "<stdin>" if path == "-" else path
        self._file = _opened(path)
        self.is_file = _is_regular(self._file)
        self._start = self._file.tell() if self.is_file else 0

    def read(self) -> bytes:
        """The next bytes, b"" at the end."""
        try:
            return self._file.read1(_PIECE) or b""  # type: ignore[attr-defined]  # it is buffered
        except OSError as error:
            raise DumpError(f"{self.name}: cannot read: {error.strerror}", "name or pipe a file that can be read") from error

    def rewind(self) -> None:
        """Begin anew."""
        self._file.seek(self._start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _is_regular(file: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except OSError:  # no file at all behind standard input
        return False


def _opened(path: str) -> BinaryIO:
    if path == "-":
        stdin = common.stdin()
        if stdin is None:
            raise DumpError("-: standard input is closed", "name the log with --log FILE")
        return stdin
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DumpError(f"{path}: cannot open: {reason}", "check the name and its permissions") from error
