"""`kinfo find`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kinfo import api
from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import FINDINGS, SOUND, UNDECIDED
from kinfo.cli.options import takes
from kinfo.cli.progress import with_progress
from kinfo.cli.words import safe, say
from kinfo.errors import KinfoError
from kinfo.record.locate import Hit
from kinfo.record.scan import PAGE, WORD
from kinfo.sources import open_source


class Step(common.Number):
    """A step in bytes: a multiple of 4."""

    def convert(self, word: str) -> int:
        """The step. Raises BadValueError."""
        step = super().convert(word)
        if step == 0 or step % 4:
            raise declare.BadValueError(f"{step} is not a multiple of 4")
        return step


class Options(NamedTuple):
    """What `kinfo find` was asked for."""

    dumps: tuple[str, ...]
    step: int
    form: str


@declare.command("find", short_help="List every record in big dumps")
@declare.argument("dumps", nargs=-1, required=True, metavar="DUMP...")
@declare.option("--step", kind=Step(), default=PAGE, show_default=True, help="Look at every STEP bytes; 4 for all places.")
@data_format()
@takes(Options)
def command(options: Options) -> int:
    """List every record in DUMP...: offset, layout, state, release. Decoys (the magic with no sense) are named as such.

    Exit 0 when a record was found, 1 when none was, 2 when a dump could not be read.
    """
    if options.dumps.count("-") > 1:
        raise declare.UsageError("- can be named once")
    if options.form == "text":
        common.tell(_line("offset", "kind", "alias", "sure", "state", "release", "dump"))
    hits, failed = _search(options.dumps, options.step, shown=options.form == "text")
    if options.form != "text":
        from kinfo.report.document import found

        show(options.form, lambda: found(hits))
    if failed:
        return UNDECIDED
    return SOUND if any(hit.record for _, hit in hits) else FINDINGS


def _search(dumps: tuple[str, ...], step: int, *, shown: bool) -> tuple[list[tuple[str, Hit]], bool]:
    """The hits of every dump, shown as they come, and whether a dump could not be read."""
    hits: list[tuple[str, Hit]] = []
    failed = False
    for name in dumps:
        before = len(hits)
        try:
            for source, hit in _hits(name, step):
                hits.append((source, hit))
                if shown:
                    _write_hit(source, hit)
        except KinfoError as error:
            failed = True
            say(str(error))
        else:
            if not any(hit.record for _, hit in hits[before:]):
                elsewhere = "try --step 4 for records that are not at a page boundary"
                say(f"{name}: no record found; {elsewhere if step > WORD else 'decode says what else it may be'}")
    return hits, failed


def _hits(name: str, step: int) -> Iterator[tuple[str, Hit]]:
    with with_progress(open_source(name, common.stdin())) as source:
        source.name = safe(source.name)
        for hit in api.find(source, step=step):
            yield source.name, hit


def _write_hit(source: str, hit: Hit) -> None:
    record = hit.record
    if record is None or record.layout is None:
        common.tell(_line(f"{hit.offset:#x}", "decoy", "-", "-", "-", "(no sense behind the magic)", source))
        return
    kind = "vendor" if record.layout.vendor else "record"
    state = "bad magic" if record.checksum.holds_but_for_the_magic else record.state.value
    columns = (record.layout.alias, record.confidence.value, state, record.release_text or "(empty)")
    common.tell(_line(f"{hit.offset:#x}", kind, *columns, source))
    if record.vendor:
        _write_hit(source, Hit(record.vendor.offset, record.vendor))


def _line(*columns: str) -> str:
    offset, kind, alias, sure, state, release, dump = columns
    return f"{offset:<14}{kind:<8}{alias:<6}{sure:<11}{state:<13}{release:<64}{dump}\n"
