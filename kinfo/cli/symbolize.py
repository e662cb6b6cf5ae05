"""`kinfo symbolize`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kinfo.cli import common, declare
from kinfo.cli.log_source import LogSource
from kinfo.cli.main import FINDINGS, SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import kernel_options, opened, region_names
from kinfo.cli.words import say
from kinfo.errors import KinfoError
from kinfo.kernel.log import Log, Statement
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel
    from kinfo.kernel_build.source_lines import SourceLines
    from kinfo.region_memory.held import RegionMemory

_MOST_SAID = 5  # contradictions that are said one by one


class Options(NamedTuple):
    """What `kinfo symbolize` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    vmlinux: str | None
    modules: str | None
    log: str
    force: bool


@declare.command("symbolize", short_help="Put names on the raw addresses of a log")
@declare.argument("ram", nargs=-1, metavar="[RAM...]")
@kernel_options
@declare.option("--vmlinux", metavar="FILE", help="The build's vmlinux with debug information: puts file:line behind names.")
@declare.option("--modules", metavar="DIR", help="With --vmlinux: the folder of the modules' .ko files, for lines of theirs.")
@declare.option("--log", metavar="FILE", default="-", help="The log (default: standard input).")
@declare.option("--force", is_flag=True, help="Put names even where the log says that it is another boot's.")
@takes(Options)
def command(options: Options) -> int:
    """Copy a log to standard output, with a name behind every address of the kernel in RAM..., or of the build in --symbols.

    Addresses are virtual ones (16 hex digits, with or without 0x), and physical ones of the kernel image when written with
    0x. What has a name already stays as it is. Without RAM the slide is what the log says ("Kernel Offset:"), or --slide;
    --symbols can then be /proc/kallsyms, too. Region files and core images of meminspect have no symbol table: with --symbols
    they say by how much KASLR moved that build.

    With --vmlinux every name, those that the kernel printed too, gets its source line and what was inlined there, as
    scripts/decode_stacktrace.sh of the kernel does; llvm-symbolizer or addr2line must be installed.

    Exit 0, 1 when the log states another release, build or Kernel Offset than the dump has (the lines of that boot are left
    as they are), 2 when memory or log could not be read.

    \b
    kinfo symbolize ram.elf < oops.txt
    kinfo symbolize DDRCS0_0.BIN@0x80000000 --kinfo region.bin --log uart.txt
    kinfo symbolize --symbols System.map < panic.txt
    kinfo symbolize --vmlinux vmlinux --modules lib/modules < panic.txt
    kinfo symbolize md/ --symbols System.map < panic.txt
    """
    _check(options)
    if not options.ram:
        return _without_ram(options)
    if (regions := region_names(options.ram)) is not None:
        return _by_regions(regions.memory, options)
    with LogSource(options.log) as source, opened(options.ram, options) as kernel, _lines(options, kernel) as lines:
        heard: list[Statement] = []
        names = Log(
            kernel,
            lambda statement: _hear(source.name, statement, heard),
            is_forced=options.force,
            lines=lines.text if lines else None,
        )
        if source.is_file:
            names.survey(source.read)
            source.rewind()
        for piece in names.named(source.read):
            common.write_bytes(piece)
    if heard:
        _sum_up(source.name, names, len(heard), is_forced=options.force)
    return FINDINGS if heard else SOUND


def _check(options: Options) -> None:
    """Raise UsageError for options that do not go together, and for standard input that would be read twice."""
    if options.modules is not None and options.vmlinux is None:
        raise declare.UsageError("--modules is for --vmlinux: name that as well")
    if options.log == "-" and options.vmlinux == "-":
        raise declare.UsageError("- is the log: name the vmlinux")
    if options.ram and options.log == "-" and "-" in (*options.ram, options.symbols):
        whose = "symbols'" if options.symbols == "-" else "memory's"
        raise declare.UsageError(f"- is the log: name the {whose} file")


def _by_regions(memory: RegionMemory, options: Options) -> int:
    """Name a log by a build's symbols, at the slide that the regions of a boot state. Raises KinfoError."""
    if options.symbols is None and options.vmlinux is None:
        hint = "add --symbols System.map (or vmlinux, Image) of the build: the regions say by how much it was moved"
        raise KinfoError(f"{memory.source}: no region has the kernel's symbol table", hint)
    with _lines(options) as lines:
        return _by_build(options, lines, memory)


@contextmanager
def _lines(options: Options, kernel: Kernel | None = None) -> Iterator[SourceLines | None]:
    """What puts source lines behind names, if a vmlinux was named: one of another build than the kernel's is refused."""
    if options.vmlinux is None:
        yield None
        return
    from kinfo.kernel_build.source_lines import source_lines

    if kernel is not None:
        from kinfo.debuggers.vmlinux import check

        check(kernel, options.vmlinux)
    with source_lines(options.vmlinux, options.modules) as lines:
        yield lines
    for note in lines.notes:
        say(note)
    if lines.asked and not lines.count:
        say(f"{options.vmlinux}: has no line for any of {lines.asked} names: has it debug information?")


def _without_ram(options: Options) -> int:
    if options.symbols is None and options.vmlinux is None:
        raise declare.UsageError("name the memory, or the build's symbols with --symbols FILE")
    for option, value in (("--kinfo", options.kinfo), ("--phys-base", options.phys_base)):
        if value is not None:
            raise declare.UsageError(f"{option} is for a memory: name that as well")
    if options.log == options.symbols == "-":
        raise declare.UsageError("- is the log: name the symbols' file")
    with _lines(options) as lines:
        return _by_build(options, lines)


def _by_build(options: Options, lines: SourceLines | None, memory: RegionMemory | None = None) -> int:
    """Name a log by a build's symbols, each boot by its own slide."""
    from kinfo.kernel_build.build_log import BuildLog
    from kinfo.kernel_build.symbol_list import read_symbols, same_build

    listed = lines.symbols if lines else None
    if options.symbols is not None:
        named = read_symbols(options.symbols, common.stdin())
        if listed is not None:
            same_build(listed, named)
        listed = named
    assert listed is not None
    slide = options.slide
    if memory is not None and slide is None:
        from kinfo.region_memory.build import slide_with

        slide = slide_with(memory, listed)
    names = BuildLog(listed, slide, is_forced=options.force, lines=lines.text if lines else None)
    with LogSource(options.log) as source:
        source.keep()
        names.survey(source.read)
        source.rewind()
        for piece in names.named(source.read):
            common.write_bytes(piece)
    problems = [problem for boot in names.boots for problem in boot.problems]
    for problem in problems[:_MOST_SAID]:
        say(
            f"{source.name}, {problem}: "
            + ("named all the same (--force)" if options.force else "this boot is left as it is")
        )
    unplaced = [boot.line for boot in names.boots if boot.slide is None and not listed.is_running]
    if unplaced:
        where = ", ".join(map(str, unplaced[:_MOST_SAID]))
        say(f"{source.name}: the boot from line {where} on states no Kernel Offset: give it as --slide (0x0 without KASLR)")
    return FINDINGS if problems or unplaced else SOUND


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
