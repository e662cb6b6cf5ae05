"""`kinfo read`."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, NamedTuple

from kinfo.cli import common, declare, output
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import beside, kernel_options, split
from kinfo.cli.words import safe, say

if TYPE_CHECKING:
    from kinfo.read_out.extent import FoundBytes


class Options(NamedTuple):
    """What `kinfo read` was asked for."""

    words: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    path: str
    as_hex: bool
    force: bool


@declare.command("read", short_help="Write bytes out of a dump: a region, a symbol, an address")
@declare.argument("words", nargs=-1, required=True, metavar="SOURCE... WHAT [SIZE]")
@kernel_options
@declare.option("-o", "--output", "path", metavar="FILE", default="-", help="Where to (default: standard output).")
@declare.option("--hex", "as_hex", is_flag=True, help="A hex dump, on a pipe too (a terminal has one anyway).")
@declare.option("--force", is_flag=True, help="Overwrite FILE.")
@takes(Options)
def command(options: Options) -> int:
    """Write the bytes of WHAT in SOURCE...: raw into a file or a pipe, as a hex dump on a terminal.

    \b
    SOURCE  RAM as for `kinfo symbols`, region files (md_K*.BIN, or their folder),
            or a core image of meminspect
    WHAT    22 or id:22      the region of that id in the inspect table
            NAME, NAME+0x10  a region or a symbol; region: or symbol: in front
            pa:0x40000000    a physical address
            va:0xffff8000... a virtual one, through the kernel's page tables
            0x... or 16 hex digits: a VA in the upper half of 64 bits, else a PA
    SIZE    bytes, decimal or 0x (default: all of a region or symbol; an address
            has none of its own)

    A number below 2^32 that a 32-bit kernel has as both VA and PA must say which. A hole, or a page that is not mapped, is
    an error with the address, exit 2, and no byte is written.

    \b
    kinfo read ram.elf linux_banner
    kinfo read ram.elf pa:0x4a000000 4096 -o region.bin
    kinfo read md/ 22 | xxd
    """
    from kinfo.read_out.open import found_in

    sources, asked = split(options.words)
    if not 1 <= len(asked) <= 2:
        raise declare.UsageError("name what to read after SOURCE, and at most its size behind that")
    size = _size(asked[1]) if len(asked) > 1 else None
    if size == 0:
        raise declare.UsageError("SIZE is 0: there is nothing to read")
    if options.as_hex and options.path != "-":
        raise declare.UsageError("--hex is for standard output: leave -o out")
    with found_in(sources, asked[0], size, options.kinfo, common.stdin(), beside(options)) as found:
        where = f"{found.where}, " if found.where else ""
        say(f"{safe(found.what)}: {where}{found.size} bytes")
        _write(found, options)
    return SOUND


def _size(word: str) -> int:
    try:
        return common.NUMBER.convert(word)
    except declare.BadValueError as error:
        raise declare.UsageError(f"SIZE: {error}") from None


def _write(found: FoundBytes, options: Options) -> None:
    if options.path != "-":
        output.write_with(options.path, lambda file: _copy(found, file), force=options.force)
        say(f"wrote {options.path}")
    elif options.as_hex or sys.stdout.isatty():
        from kinfo.report.raw_bytes import lines

        for line in lines(found.pieces(), found.address or 0, common.width()):
            common.write(line)
    else:
        for piece in found.pieces():
            common.write_bytes(piece)


def _copy(found: FoundBytes, file: IO[bytes]) -> None:
    for piece in found.pieces():
        file.write(piece)
