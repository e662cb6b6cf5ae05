"""`kinfo symbols`."""

from __future__ import annotations

from kinfo.cli import common, declare, output
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import kernel_options, opened, ram_argument
from kinfo.cli.words import say
from kinfo.kernel.kernel import Kernel
from kinfo.named import NamedTuple


class Options(NamedTuple):
    """What `kinfo symbols` was asked for."""

    ram: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    modules: bool
    physical: bool
    form: str | None
    path: str | None
    force: bool


@declare.command("symbols", short_help="List the kernel's symbols, or write them as an ELF file")
@ram_argument
@kernel_options
@declare.option("--modules", is_flag=True, help="Add the symbols of loaded modules.")
@declare.option("--physical", is_flag=True, help="Physical addresses instead of virtual ones.")
@declare.option(
    "--format", "form", kind=declare.Choice(("text", "json", "elf")), help="Default: text; elf for the file that -o names."
)
@declare.option("-o", "--output", "path", metavar="FILE", help="Write to FILE (- for standard output).")
@declare.option("--force", is_flag=True, help="Overwrite FILE.")
@takes(Options)
def command(options: Options) -> int:
    """List every symbol of the kernel in RAM..., as /proc/kallsyms and System.map do; no vmlinux is needed.

    RAM is an ELF core, a LiME dump or a raw file (FILE@BASE gives its physical address); several make up one memory.
    With -o the symbols are written as an ELF file that gdb, drgn, perf and objdump take in place of vmlinux.

    \b
    kinfo symbols ram.elf > System.map
    kinfo symbols ram.elf --modules -o vmlinux.syms
    kinfo symbols DDRCS0_0.BIN@0x80000000 --kinfo region.bin
    """
    form = options.form or ("elf" if options.path else "text")
    if form == "elf" and not options.path:
        raise declare.UsageError("--format elf needs -o FILE")
    with opened(options.ram, options) as kernel:
        if form == "elf":
            from kinfo.debuggers.symbol_file import symbol_file

            assert options.path
            output.write_file(
                options.path, symbol_file(kernel, physical=options.physical, modules=options.modules), force=options.force
            )
            if options.modules:
                _say_what_is_missing(kernel)
            return SOUND
        from kinfo.report import symbols

        render = symbols.text if form == "text" else symbols.as_json
        parts = render(kernel, physical=options.physical, modules=options.modules)
        if options.path and options.path != "-":
            output.write_file(options.path, "".join(parts).encode(), force=options.force)
        else:
            for part in parts:
                (common.tell if form == "text" else common.write)(part)
        if options.modules:
            _say_what_is_missing(kernel)
    return SOUND


def _say_what_is_missing(kernel: Kernel) -> None:
    from kinfo.kernel.modules.missing import what_is_missing

    for sentence in what_is_missing(kernel):
        say(sentence)
