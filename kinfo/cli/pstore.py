"""`kinfo pstore`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.words import safe, say
from kinfo.errors import KinfoError

if TYPE_CHECKING:
    from kinfo.ramoops_source import FoundZones, ZoneNames
    from kinfo.regions.ramoops.files import File


class Options(NamedTuple):
    """What `kinfo pstore` was asked for."""

    source: tuple[str, ...]
    folder: str | None
    only_list: bool
    dtb: str | None
    join: bool
    symbols: bool
    force: bool
    form: str
    strict: bool


@declare.command("pstore", short_help="Write out what ramoops keeps in a dump: crash logs, console, traces")
@declare.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@declare.option("-o", "--output", "folder", metavar="DIR", help="The folder to write the files to; it may be there.")
@declare.option("--list", "only_list", is_flag=True, help="Show the zones and write nothing.")
@declare.option("--dtb", metavar="FILE", help="The board's tree: where its ramoops node says that the zones lie.")
@declare.option(
    "--join", is_flag=True, help="Also put the parts of each crash together, oldest line first: crash-0 the newest."
)
@declare.option("--symbols", is_flag=True, help="Put names behind the addresses in the texts; SOURCE must hold the kernel.")
@declare.option("--force", is_flag=True, help="Overwrite files that are there.")
@data_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Find ramoops' zones in SOURCE... and write them to DIR, named and filled as /sys/fs/pstore shows them.

    SOURCE is RAM as for `kinfo symbols`, or the region alone, as a file. Zones are found by their signature, wherever they
    begin; bytes are put right by their ECC. Records are unpacked (deflate, zlib, zstd, lz4); what cannot be is left packed,
    as NAME.enc.z. Function traces get names where SOURCE holds the kernel that wrote them.

    Exit 0, 1 when something is damaged or left packed, 2 when there is no ramoops.

    \b
    kinfo pstore ram.elf --list
    kinfo pstore region.bin -o crash/ --join
    kinfo pstore ram.elf --dtb board.dtb -o crash/ --symbols
    """
    if options.folder is None and not options.only_list:
        raise declare.UsageError("say where to: -o DIR, or only look with --list")
    from kinfo.ramoops_source import open_ramoops
    from kinfo.report import pstore as report

    found = open_ramoops(options.source, options.dtb, common.stdin())
    written: dict[int, list[str]] = {}
    if options.folder is not None and not options.only_list:
        with _names(options.source, found, is_wanted=options.symbols) as names:
            written = _write(found, options.folder, names, join=options.join, symbols=options.symbols, force=options.force)
            if names and names.other_boot:
                say(f"{names.other_boot}: the dump's kernel puts no names on it")
    if options.form != "text":
        show(options.form, lambda: report.document(found, written))
    else:
        common.tell(report.render(found, common.style()))
        if written:
            say(f"wrote {sum(map(len, written.values()))} files to {safe(str(options.folder))}")
    return common.verdict(found.findings, strict=options.strict)


@contextlib.contextmanager
def _names(source: tuple[str, ...], found: FoundZones, *, is_wanted: bool) -> Iterator[ZoneNames | None]:
    """The names of the dump's kernel, where they were asked for, or there are function traces."""
    from kinfo.kernel.open import open_kernel
    from kinfo.ramoops_source import ZoneNames

    if not is_wanted and not found.has_traces:
        yield None
        return
    try:
        kernel = open_kernel(source)
    except KinfoError as error:
        if is_wanted:
            raise KinfoError(f"--symbols: {error.message}", error.hint) from None
        say("the function traces are without names: SOURCE does not hold the kernel that wrote them")
        yield None
        return
    with contextlib.closing(kernel):
        yield ZoneNames(kernel, found.regions)


def _write(
    found: FoundZones, folder: str, names: ZoneNames | None, *, join: bool, symbols: bool, force: bool
) -> dict[int, list[str]]:
    """Write every file; the names of each region's, by its address. Several regions have a folder each."""
    from kinfo.cli.folder import write_all
    from kinfo.regions.ramoops.files import files, joined, no_names

    change = names.text if names and symbols else bytes
    every: dict[str, File] = {}
    written: dict[int, list[str]] = {}
    for region in found.regions:
        under = f"at-{region.at:#x}/" if len(found.regions) > 1 else ""
        own = [
            one._replace(data=change(one.data)) if one.is_log else one
            for one in files(region, names.call if names else no_names)
        ]
        every |= {under + one.name: one for one in own}
        written[region.at] = [under + one.name for one in own]
    if join:
        crashes = list(joined(found.regions, change))
        every |= {one.name: one for one in crashes}
        written[found.regions[0].at] += [one.name for one in crashes]
    write_all(folder, every, force=force)
    return written
