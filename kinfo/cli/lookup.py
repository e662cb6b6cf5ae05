"""`kinfo lookup`."""

from __future__ import annotations

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import FINDINGS, SOUND
from kinfo.cli.options import takes
from kinfo.cli.ram import kernel_options, opened, region_names, split
from kinfo.cli.words import safe
from kinfo.kernel.lookup import Lookup, look_up
from kinfo.kernel.place import Place
from kinfo.named import NamedTuple
from kinfo.report.columns import Column, row, table
from kinfo.report.style import Style


class Options(NamedTuple):
    """What `kinfo lookup` was asked for."""

    words: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    form: str


@declare.command("lookup", short_help="Addresses to names, names to addresses")
@declare.argument("words", nargs=-1, required=True, metavar="RAM... ADDR|NAME...")
@kernel_options
@data_format()
@takes(Options)
def command(options: Options) -> int:
    """Name the addresses ADDR (virtual or physical, 0x... or 16 hex digits) and find the symbols NAME in RAM...

    RAM is named as for `kinfo symbols`; a NAME may have an offset: schedule+0x40. --kinfo PA makes it quick on large
    dumps: without it the memory is searched for records first. On arm64 an address may be signed (PAC). An address at a
    function's first byte has a second line: as a return address it belongs to the function before. Region files (md_K*.BIN,
    their folder) and the core image of meminspect have the names of their regions, and those in VMCOREINFO.

    Exit 0 when everything was found, 1 when something was not, 2 when the memory could not be read.

    \b
    kinfo lookup ram.elf 0xffffa140b1e10004 0x40210004 linux_banner
    kinfo lookup DDRCS0_0.BIN@0x80000000 --kinfo 0x9e000000 schedule
    """
    ram, wanted = split(options.words)
    if not wanted:
        raise declare.UsageError("name an address or a symbol after RAM (no file has the name of the last one)")
    if (names := region_names(ram)) is not None:
        found = [look_up(names, word) for word in wanted]
    else:
        with opened(ram, options) as kernel:
            found = [look_up(kernel, word) for word in wanted]
    if options.form != "text":
        show(options.form, lambda: _document(found))
    else:
        common.tell("".join(_lines(found, common.style())))
    return SOUND if all(one.places for one in found) else FINDINGS


def _lines(found: list[Lookup], style: Style) -> list[str]:
    lines: list[str] = []
    for word, places, reason, before in found:
        lines += [_line(place, style) for place in places]
        if before:
            lines.append(_line(before, style, ", where it is a return address"))
        if not places:
            lines.append(f"{safe(word)}: {reason}\n")
    return lines


def _line(place: Place, style: Style, more: str = "") -> str:
    cells = row(f"VA {_hex(place.va)}", f"PA {_hex(place.pa)}", f"{place.type} {place.label}{more}")
    columns = (Column(), Column(), Column(is_text=bool(more)))
    return "".join(f"{line}\n" for line in table(columns, [cells], style, indent=0, titled=False))


def _hex(address: int | None) -> str:
    return "-" if address is None else f"{address:#x}"


def _document(found: list[Lookup]) -> dict[str, object]:
    return {
        "schema_version": 1,
        "lookups": [
            {
                "query": word,
                "places": [_place(place) for place in places],
                "return_address_of": _place(before) if before else None,
                "reason": None if places else reason,
            }
            for word, places, reason, before in found
        ],
    }


def _place(place: Place) -> dict[str, object]:
    return {
        "symbol": place.symbol,
        "type": place.type,
        "module": place.module or None,
        "offset": place.offset,
        "size": place.size,
        "va": None if place.va is None else f"{place.va:#x}",
        "pa": None if place.pa is None else f"{place.pa:#x}",
        "is_alias": place.is_alias,
    }
