"""`kinfo pstore`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kinfo import notices
from kinfo.cli import common, declare, many
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.words import safe, say
from kinfo.errors import KinfoError

if TYPE_CHECKING:
    from kinfo.ramoops_source import FoundZones, ZoneNames
    from kinfo.regions.ramoops.files import File


class Extracted(NamedTuple):
    """What was found in a source, and the names of the files that were written of each region, by its address.

    `without_names`: its function traces are of a kernel that is not in it.
    """

    found: FoundZones
    written: dict[int, list[str]]
    without_names: bool = False


class Options(NamedTuple):
    """What `kinfo pstore` was asked for."""

    source: tuple[str, ...]
    files_from: str | None
    jobs: int | None
    folder: str | None
    only_list: bool
    dtb: str | None
    join: bool
    symbols: bool
    force: bool
    form: str
    strict: bool


@declare.command("pstore", short_help="Write out what ramoops keeps in a dump: crash logs, console, traces")
@declare.argument("source", nargs=-1, metavar="SOURCE...")
@many.files_from_option
@many.jobs_option
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

    Files that say where they lie, beside each other, are one memory. Regions alone, a folder, a pattern are many: each has a
    folder of its own in DIR.

    Exit 0, 1 when something is damaged or left packed, 2 when there is no ramoops; of many, that of the worst.

    \b
    kinfo pstore ram.elf --list
    kinfo pstore region.bin -o crash/ --join
    kinfo pstore ram.elf --dtb board.dtb -o crash/ --symbols
    kinfo pstore today/ -o crashes/ --format jsonl
    """
    if options.folder is None and not options.only_list:
        raise declare.UsageError("say where to: -o DIR, or only look with --list")
    many.refuse_mistakes(options.source, options.files_from, "SOURCE")
    from kinfo.cli.pstore_many import extract_each, is_one_memory

    if not is_one_memory(options.source, options.files_from):
        return extract_each(options, _extracted, jobs=options.jobs)
    return _show(_extracted(options.source, options), options)


def _show(made: Extracted, options: Options) -> int:
    from kinfo.report import pstore as report

    found, written, without_names = made
    if without_names:
        say("the function traces are without names: SOURCE does not hold the kernel that wrote them")
    if options.form != "text":
        show(options.form, lambda: report.document(found, written))
    else:
        common.tell(report.render(found, common.style()))
        if written:
            say(f"wrote {sum(map(len, written.values()))} files to {safe(str(options.folder))}")
    return common.verdict(found.findings, strict=options.strict)


def _extracted(source: Sequence[str], options: Options, under: str = "") -> Extracted:
    """What is found in a source, written out where that is wanted: below `under`, in the user's folder."""
    from kinfo.ramoops_source import open_ramoops

    found = open_ramoops(source, options.dtb, common.stdin())
    if options.folder is None or options.only_list:
        return Extracted(found, {})
    with _names(source, found, is_wanted=options.symbols) as names:
        written = _write(found, names, options, under)
        if names and names.other_boot:
            notices.tell(f"{names.other_boot}: the dump's kernel puts no names on it")
    return Extracted(found, written, without_names=found.has_traces and names is None)


@contextlib.contextmanager
def _names(source: Sequence[str], found: FoundZones, *, is_wanted: bool) -> Iterator[ZoneNames | None]:
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
        yield None
        return
    with contextlib.closing(kernel):
        yield ZoneNames(kernel, found.regions)


def _write(found: FoundZones, names: ZoneNames | None, options: Options, below: str) -> dict[int, list[str]]:
    """Write every file; the names of each region's, by its address. Several regions have a folder each."""
    from kinfo.cli.folder import write_all
    from kinfo.regions.ramoops.files import files, joined, no_names

    assert options.folder is not None
    change = names.text if names and options.symbols else bytes
    every: dict[str, File] = {}
    written: dict[int, list[str]] = {}
    for region in found.regions:
        under = os.path.join(below, f"at-{region.at:#x}" if len(found.regions) > 1 else "")
        own = [
            one._replace(data=change(one.data)) if one.is_log else one
            for one in files(region, names.call if names else no_names)
        ]
        every |= {os.path.join(under, one.name): one for one in own}
        written[region.at] = [os.path.join(under, one.name) for one in own]
    if options.join:
        crashes = list(joined(found.regions, change))
        every |= {os.path.join(below, one.name): one for one in crashes}
        written[found.regions[0].at] += [os.path.join(below, one.name) for one in crashes]
    write_all(options.folder, every, force=options.force)
    return written
