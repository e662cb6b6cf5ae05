"""`kinfo decode`."""

from __future__ import annotations

from collections.abc import Sequence

from kinfo import api
from kinfo.cli import common, declare
from kinfo.cli.formats import findings_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.words import safe, say
from kinfo.errors import RecordError
from kinfo.examine import Examined
from kinfo.memory import Dump
from kinfo.named import NamedTuple
from kinfo.sources import open_source


class Options(NamedTuple):
    """What `kinfo decode` was asked for."""

    dump: str
    offset: int | None
    base: int | None
    every: bool
    layout: str | None
    form: str
    hexdump: bool
    explain: bool
    strict: bool


@declare.command("decode", short_help="Decode the record in a dump")
@declare.argument("dump")
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

    Exit 0 when the record is sound, 1 when something is wrong with it (or the region is erased), 2 when none was found.

    \b
    kinfo decode region.bin
    kinfo decode ram.bin --base 0x80000000 --all
    dd if=/dev/mem bs=4096 skip=$((0x4e000)) count=1 | kinfo decode - --base 0x4e000000
    """
    if options.hexdump and options.form != "text":
        raise declare.UsageError(f"--hex goes with --format text, not {options.form}")
    with open_source(options.dump, common.stdin()) as source:
        path, source.name = source.name, safe(source.name)
        records = _records(source, offset=options.offset, base=options.base, layout=options.layout)
        shown = records if options.every else records[:1]
        if options.form == "text":
            _write_text(source, safe(options.dump), shown, hexdump=options.hexdump, explain=options.explain)
        else:
            _show(options.form, path, shown, explain=options.explain, strict=options.strict)
    if len(records) > len(shown):
        others = ", ".join(f"{record.offset:#x}" for record in records[1:4])
        say(f"{len(records) - 1} more at {others}{', ...' if len(records) > 4 else ''}; --all shows them")
    return common.verdict(tuple(finding for record in shown for finding in record.findings), strict=options.strict)


def _records(source: Dump, *, offset: int | None, base: int | None, layout: str | None) -> tuple[Examined, ...]:
    if base is not None and source.base is not None:
        raise RecordError(f"{source.name}: has physical addresses of its own", "leave --base out")
    return api.decode_all(source, offset=offset, base=base, layout=layout)


def _write_text(source: Dump, name: str, records: Sequence[Examined], *, hexdump: bool, explain: bool) -> None:
    from kinfo.report import hexdump as hexdumps
    from kinfo.report import text
    from kinfo.report.steps import after_decode

    style = common.style()
    for index, record in enumerate(records):
        common.tell("\n" if index else "")
        common.tell(text.render(source.name, record, style))
        if explain:
            common.tell("\n" + text.evidence(record.weighed, style))
        if hexdump:
            behind = _behind(source, record)
            common.tell("\n" + hexdumps.render(record, behind, style))
            if record.vendor:
                common.tell("\n" + hexdumps.render(record.vendor, _behind(source, record.vendor), style))
    common.tell(after_decode(source, name, records[0]))


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
