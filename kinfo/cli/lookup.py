"""`kinfo lookup`."""

from __future__ import annotations

import re

import click

from kinfo.cli import common
from kinfo.cli.main import FINDINGS, SOUND
from kinfo.cli.ram import kinfo_option, opened, split
from kinfo.cli.words import safe
from kinfo.errors import KinfoError
from kinfo.kernel.kernel import Kernel, Place

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]+|[0-9a-fA-F]{16}")


@click.command("lookup", short_help="Addresses to names, names to addresses")
@click.argument("words", nargs=-1, required=True, metavar="RAM... ADDR|NAME...")
@kinfo_option
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(*, words: tuple[str, ...], kinfo: str | None, form: str) -> int:
    """Name the addresses ADDR (virtual or physical, 0x... or 16 hex digits) and find the symbols NAME in RAM...

    RAM is named as for `kinfo symbols`; a NAME may have an offset: schedule+0x40. --kinfo PA makes it quick on large
    dumps: without it the memory is searched for records first.

    Exit 0 when everything was found, 1 when something was not, 2 when the memory could not be read.

    \b
    kinfo lookup ram.elf 0xffffa140b1e10004 0x40210004 linux_banner
    kinfo lookup DDRCS0_0.BIN@0x80000000 --kinfo 0x9e000000 schedule
    """
    ram, wanted = split(words)
    if not wanted:
        raise click.UsageError("name an address or a symbol after RAM (no file has the name of the last one)")
    with opened(ram, kinfo) as kernel:
        found = [(word, *_found(kernel, word)) for word in wanted]
    if form == "json":
        common.write(common.as_json(_document(found)))
    else:
        common.write("".join(_lines(found)))
    return SOUND if all(places for _, places, _ in found) else FINDINGS


def _found(kernel: Kernel, word: str) -> tuple[list[Place], str]:
    """What a word stands for, and where that is nothing, why."""
    try:
        if not _ADDRESS.fullmatch(word):
            places = kernel.named(word)
            return places, "" if places else _no_such_name(kernel)
        address = int(word, 16)
        if address >> 64:
            return [], "it is not within 64 bits"
        places = kernel.places(address)
        return places, "" if places else kernel.why_unnamed(address)
    except KinfoError as error:
        return [], str(error)


def _no_such_name(kernel: Kernel) -> str:
    gap = kernel.modules_gap
    return f"no symbol of the image has that name; modules are not all known: {gap}" if gap else "no symbol has that name"


def _lines(found: list[tuple[str, list[Place], str]]) -> list[str]:
    lines = []
    for word, places, reason in found:
        lines += [f"VA {_hex(place.va)}  PA {_hex(place.pa)}  {place.type} {place.label}\n" for place in places]
        if not places:
            lines.append(f"{safe(word)}: {reason}\n")
    return lines


def _hex(address: int | None) -> str:
    return "-" if address is None else f"{address:#x}"


def _document(found: list[tuple[str, list[Place], str]]) -> dict[str, object]:
    return {
        "schema_version": 1,
        "lookups": [
            {"query": word, "places": [_place(place) for place in places], "reason": None if places else reason}
            for word, places, reason in found
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
