"""`kinfo symbolize`."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click

from kinfo.cli import common
from kinfo.cli.main import SOUND
from kinfo.cli.ram import kinfo_option, opened, ram_argument
from kinfo.errors import DumpError
from kinfo.kernel.symbolize import Symbolizer

_PIECE = 1 << 20


@click.command("symbolize", short_help="Put names on the raw addresses of a log")
@ram_argument
@kinfo_option
@click.option("--log", metavar="FILE", default="-", help="The log (default: standard input).")
def command(*, ram: tuple[str, ...], kinfo: str | None, log: str) -> int:
    """Copy a log to standard output, with a name behind every address of the kernel in RAM...

    Addresses are virtual ones (16 hex digits, with or without 0x), and physical ones of the kernel image when written with
    0x. What has a name already stays as it is.

    \b
    kinfo symbolize ram.elf < oops.txt
    kinfo symbolize DDRCS0_0.BIN@0x80000000 --kinfo region.bin --log bootloader.log
    """
    if log == "-" and "-" in ram:
        raise click.UsageError("- is the log: name the memory's file")
    with _log(log) as source, opened(ram, kinfo) as kernel:
        for piece in Symbolizer(kernel).stream(lambda: source.read1(_PIECE)):  # type: ignore[attr-defined]  # buffered
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    return SOUND


def _log(name: str) -> BinaryIO:
    if name == "-":
        stdin = common.stdin()
        if stdin is None:
            raise DumpError("-: standard input is closed", "name the log with --log FILE")
        return stdin
    try:
        return open(name, "rb")
    except OSError as error:
        raise DumpError(f"{name}: cannot open: {error.strerror}", "check the name and its permissions") from error
