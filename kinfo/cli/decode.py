"""`kinfo decode`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo import api
from kinfo.cli import common, declare, many
from kinfo.cli.formats import findings_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.words import safe, say
from kinfo.errors import DumpError
from kinfo.examine import Examined
from kinfo.memory import Dump
from kinfo.named import NamedTuple
from kinfo.sources import open_source
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.report.style import Style


class Options(NamedTuple):
    """What `kinfo decode` was asked for."""

    dumps: tuple[str, ...]
    files_from: str | None
    jobs: int | None
    offset: int | None
    base: int | None
    every: bool
    layout: str | None
    form: str
    hexdump: bool
    explain: bool
    strict: bool


@declare.command("decode", short_help="Decode the record in a dump")
@declare.argument("dumps", nargs=-1, metavar="DUMP...")
@many.files_from_option
@many.jobs_option
@declare.option("--offset", kind=common.NUMBER, help="Where the record begins in the dump (default: it is found).")
@declare.option("--base", kind=common.NUMBER, help="Physical address of the dump's first byte.")
@declare.option("--all", "every", is_flag=True, help="Show every record, not just the best one.")
@declare.option("--layout", metavar="NAME", help="Force a layout (`kinfo layouts` lists them).")
@findings_format()
@declare.option("--hex", "hexdump", is_flag=True, help="Add an annotated hex dump (text only).")
@declare.option("--explain", is_flag=True, help="Add the evidence for every layout that was weighed.")
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Decode the record in DUMP: a dump of its memory region or of any memory around it, or - for standard input.

    Of many, or of all files of a folder, a line each that is sound, and what is wrong with the others; --format jsonl has
    a line of JSON for each.

    Exit 0 when the record is sound, 1 when something is wrong with it (or the region is erased), 2 when none was found; of
    many, that of the worst.

    \b
    kinfo decode region.bin
    kinfo decode ram.bin --base 0x80000000 --all
    dd if=/dev/mem bs=4096 skip=$((0x4e000)) count=1 | kinfo decode -
    kinfo decode today/ --format jsonl > today.jsonl
    """
    if options.hexdump and options.form != "text":
        raise declare.UsageError(f"--hex goes with --format text, not {options.form}")
    many.refuse_mistakes(options.dumps, options.files_from, "DUMP")
    if many.is_one_source(options.dumps, options.files_from):
        return _decode(options)
    if options.form == "html":
        raise declare.UsageError("--format html is a page of one dump: name one, or take --format jsonl")
    from kinfo.cli.decode_many import decode

    return decode(options, _records, _screens, jobs=options.jobs)


def _decode(options: Options) -> int:
    (dump,) = options.dumps
    with open_source(dump, common.stdin()) as source:
        path, source.name = source.name, safe(source.name)
        records = _records(source, options)
        shown = records if options.every else records[:1]
        if options.form == "text":
            _write_text(source, safe(dump), shown, options)
        else:
            _show(options.form, path, shown, explain=options.explain, strict=options.strict)
    if len(records) > len(shown):
        others = ", ".join(f"{record.offset:#x}" for record in records[1:4])
        say(f"{len(records) - 1} more at {others}{', ...' if len(records) > 4 else ''}; --all shows them")
    return common.verdict(tuple(finding for record in shown for finding in record.findings), strict=options.strict)


def _records(source: Dump, options: Options) -> tuple[Examined, ...]:
    """The records of a dump, as the options want them. Raises KinfoError; RecordError where there is none."""
    if options.base is not None and source.base is not None:
        raise DumpError(f"{source.name}: has physical addresses of its own", "leave --base out")
    return api.decode_all(source, offset=options.offset, base=options.base, layout=options.layout)


def _write_text(source: Dump, name: str, records: Sequence[Examined], options: Options) -> None:
    from kinfo.report.steps import after_decode

    for part in _screens(source, records, options, common.style()):
        common.tell(part)
    common.tell(after_decode(source, name, records[0]))


def _screens(source: Dump, records: Sequence[Examined], options: Options, style: Style) -> Iterator[str]:
    """The whole screen of each record, piece by piece."""
    from kinfo.report import hexdump as hexdumps
    from kinfo.report import text

    for index, record in enumerate(records):
        yield "\n" if index else ""
        yield text.render(source.name, record, style)
        if options.explain:
            yield "\n" + text.evidence(record.weighed, style)
        if options.hexdump:
            yield "\n" + hexdumps.render(record, _behind(source, record), style)
            if record.vendor:
                yield "\n" + hexdumps.render(record.vendor, _behind(source, record.vendor), style)


def _behind(source: Dump, record: Examined) -> bytes:
    end = record.vendor.offset if record.vendor else min(source.size, record.offset + 4096)
    return source.read(record.offset + record.size, max(end - record.offset - record.size, 0))


def _show(form: str, name: str, records: Sequence[Examined], *, explain: bool, strict: bool) -> None:
    from kinfo.report import document
    from kinfo.report.judged import Judged

    show(
        form,
        lambda: document.decoded(safe(name), records, explain=explain),
        lambda: [Judged("decode", name, record.offset, record.findings) for record in records],
        strict=strict,
    )
