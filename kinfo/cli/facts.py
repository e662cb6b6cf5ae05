"""`kinfo facts`, and what it shares with `kinfo build`: how the sources of facts are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import KINFO_HELP

if TYPE_CHECKING:
    from kinfo.kernel_build.model import Facts

Decorated = Callable[..., Any]

_OPTIONS = (
    declare.argument("sources", nargs=-1, metavar="SOURCE..."),
    declare.option("--phys-base", kind=common.NUMBER, metavar="PA", help="Where in physical memory _text runs."),
    declare.option(
        "--phys-offset",
        kind=common.NUMBER,
        metavar="PA",
        help="The start of RAM, where the image is put (x86-64: phys_base).",
    ),
    declare.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A fact that no source gives."),
    declare.option("--kinfo", metavar="FILE|PA", help=KINFO_HELP),
)


def source_options(function: Decorated) -> Decorated:
    """SOURCE... --phys-base, --phys-offset, --set, --kinfo."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What `source_options` asks for."""

    sources: tuple[str, ...]
    phys_base: int | None
    phys_offset: int | None
    settings: tuple[str, ...]
    kinfo: str | None


def gathered(options: Sources) -> Facts:
    """The facts out of what was named; at least one thing must be."""
    from kinfo.kernel_build.gather import Given, gather

    if not options.sources and not options.settings:
        raise declare.UsageError("name a source: vmlinux, Image, System.map, .config or a RAM dump")
    if options.sources.count("-") > 1:
        raise declare.UsageError("- can be named once")
    given = Given(options.phys_base, options.phys_offset, options.settings, options.kinfo)
    return gather(options.sources, given, common.stdin())


@dataclass(frozen=True, kw_only=True)
class Options(Sources):
    """What `kinfo facts` was asked for."""

    form: str


@declare.command("facts", short_help="Show what a kernel build gives a writer of the record")
@source_options
@data_format()
@takes(Options)
def command(options: Options) -> int:
    """Show every fact that a writer of the record needs, as far as SOURCE... gives it, and from where.

    SOURCE is a vmlinux (its BTF or DWARF too), a raw arm64 Image, a System.map, a .config, /proc/kallsyms as text, a RAM dump
    with a record (FILE or FILE@BASE), or - for standard input; compressed or not. They are recognised by what is in them.

    Exit 0, or 2 when a source cannot be read or contradicts another.

    \b
    kinfo facts vmlinux .config --phys-base 0x80200000
    kinfo facts Image.gz --format json
    """
    from kinfo.report import facts as report

    found = gathered(options)
    if options.form == "text":
        common.tell(report.text(found, common.style()))
    else:
        show(options.form, lambda: report.document(found))
    return SOUND
