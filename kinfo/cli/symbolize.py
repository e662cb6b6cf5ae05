"""`kinfo symbolize`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from kinfo.cli import common
from kinfo.cli.log_source import LogSource
from kinfo.cli.main import FINDINGS, SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import kinfo_option, opened, region_names
from kinfo.cli.words import say
from kinfo.errors import KinfoError
from kinfo.kernel.log import Log, Statement

if TYPE_CHECKING:
    from kinfo.kernel_build.symbol_list import SymbolList
    from kinfo.region_memory.names import RegionNames

_MOST_SAID = 5  # contradictions that are said one by one


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `kinfo symbolize` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    slide: str | None
    log: str
    force: bool


@click.command("symbolize", short_help="Put names on the raw addresses of a log")
@click.argument("ram", nargs=-1, metavar="[RAM...]")
@kinfo_option
@click.option("--symbols", metavar="FILE", help="Without RAM: the build's System.map, vmlinux or Image, or /proc/kallsyms.")
@click.option("--slide", metavar="0xN", help="With --symbols: how far KASLR moved the image (default: what the log says).")
@click.option("--log", metavar="FILE", default="-", help="The log (default: standard input).")
@click.option("--force", is_flag=True, help="Put names even where the log says that it is another boot's.")
@takes(Options)
def command(options: Options) -> int:
    """Copy a log to standard output, with a name behind every address of the kernel in RAM..., or of the build in --symbols.

    Addresses are virtual ones (16 hex digits, with or without 0x), and physical ones of the kernel image when written with
    0x. What has a name already stays as it is. Region files and core images of meminspect have no symbol table: with them,
    --symbols names the build, and they say by how much KASLR moved it.

    Exit 0, 1 when the log states another release, build or Kernel Offset than the dump has (the lines of that boot are left
    as they are), 2 when memory or log could not be read.

    \b
    kinfo symbolize ram.elf < oops.txt
    kinfo symbolize DDRCS0_0.BIN@0x80000000 --kinfo region.bin --log bootloader.log
    kinfo symbolize --symbols System.map < panic.txt
    kinfo symbolize md/ --symbols System.map < panic.txt
    """
    if options.ram and (regions := region_names(options.ram)) is not None:
        return _by_regions(regions, options)
    _check(options)
    if options.symbols is not None:
        return _by_build(_listed(options.symbols, options.log), _number(options.slide), options)
    with LogSource(options.log) as source, opened(options.ram, options.kinfo) as kernel:
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


def _check(options: Options) -> None:
    if bool(options.ram) == (options.symbols is not None):
        raise click.UsageError(
            "name the memory, or the build's symbols with --symbols FILE" + (": not both" if options.ram else "")
        )
    if options.ram and options.slide is not None:
        raise click.UsageError("--slide is for --symbols: a dump tells its own")
    if options.log == "-" and "-" in options.ram:
        raise click.UsageError("- is the log: name the memory's file")


def _by_regions(regions: RegionNames, options: Options) -> int:
    """Name a log by a build's symbols, at the slide that the regions of a boot state. Raises KinfoError."""
    from kinfo.region_memory.build import slide_with

    if options.symbols is None:
        hint = "add --symbols System.map (or vmlinux, Image) of the build: the regions say by how much it was moved"
        raise KinfoError(f"{regions.memory.source}: no region has the kernel's symbol table", hint)
    listed, slide = _listed(options.symbols, options.log), _number(options.slide)
    return _by_build(listed, slide_with(regions.memory, listed) if slide is None else slide, options)


def _listed(symbols: str, log: str) -> SymbolList:
    from kinfo.kernel_build.symbol_list import read_symbols

    if log == symbols == "-":
        raise click.UsageError("- is the log: name the symbols' file")
    return read_symbols(symbols, common.stdin())


def _by_build(listed: SymbolList, slide: int | None, options: Options) -> int:
    """Name a log by a build's symbols, each boot by its own slide."""
    from kinfo.kernel_build.build_log import BuildLog

    force = options.force
    names = BuildLog(listed, slide, is_forced=force)
    with LogSource(options.log) as source:
        source.keep()
        names.survey(source.read)
        source.rewind()
        for piece in names.named(source.read):
            common.write_bytes(piece)
    problems = [problem for boot in names.boots for problem in boot.problems]
    for problem in problems[:_MOST_SAID]:
        say(f"{source.name}, {problem}: " + ("named all the same (--force)" if force else "this boot is left as it is"))
    unplaced = [boot.line for boot in names.boots if boot.slide is None and not listed.is_running]
    if unplaced:
        lines = ", ".join(map(str, unplaced[:_MOST_SAID]))
        say(f"{source.name}: the boot from line {lines} on states no Kernel Offset: give it as --slide (0x0 without KASLR)")
    return FINDINGS if problems or unplaced else SOUND


def _number(slide: str | None) -> int | None:
    try:
        return None if slide is None else int(slide, 0)
    except ValueError:
        raise click.UsageError(f"--slide {slide}: is no number: write 0x1f0000000, say") from None


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
