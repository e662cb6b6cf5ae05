"""`kinfo find`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinfo import api
from kinfo.cli import common, declare, many
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import FINDINGS, SOUND, UNDECIDED
from kinfo.cli.options import takes
from kinfo.cli.progress import with_progress
from kinfo.cli.words import safe, say
from kinfo.errors import KinfoError
from kinfo.named import NamedTuple
from kinfo.record.locate import Hit
from kinfo.record.scan import PAGE, WORD
from kinfo.sources import open_source
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.report.columns import Shape


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
    files_from: str | None
    jobs: int | None
    step: int
    form: str


@declare.command("find", short_help="List every record in big dumps")
@declare.argument("dumps", nargs=-1, metavar="DUMP...")
@many.files_from_option
@many.jobs_option
@declare.option("--step", kind=Step(), default=PAGE, show_default=True, help="Look at every STEP bytes; 4 for all places.")
@data_format()
@takes(Options)
def command(options: Options) -> int:
    """List every record in DUMP...: offset, layout, state, release. Decoys (the magic with no sense) are named as such.

    DUMP is a file, a folder with all files below it, or a pattern. Exit 0 when a record was found, 1 when none was, 2 when a
    dump could not be read.

    \b
    kinfo find ram.elf
    kinfo find dumps/ --step 4 --format jsonl
    """
    many.refuse_mistakes(options.dumps, options.files_from, "DUMP")
    if not many.is_one_source(options.dumps, options.files_from):
        from kinfo.cli.find_many import find

        return find(options, jobs=options.jobs)
    shape = None
    if options.form == "text":
        from kinfo.report.hits import hits_shape

        shape = hits_shape([safe(name) for name in options.dumps], common.style())
        common.tell(_text(shape.titles()))
    hits, failed = _search(options.dumps[0], options.step, shape)
    if options.form != "text":
        from kinfo.report.document import found

        show(options.form, lambda: found(hits))
    if failed:
        return UNDECIDED
    return SOUND if any(hit.record for _, hit in hits) else FINDINGS


def _search(name: str, step: int, shape: Shape | None) -> tuple[list[tuple[str, Hit]], bool]:
    """The hits of a dump, shown as they come, and whether it could not be read."""
    hits: list[tuple[str, Hit]] = []
    try:
        for source, hit in _hits(name, step):
            hits.append((source, hit))
            if shape:
                _write_hit(source, hit, shape)
    except KinfoError as error:
        say(str(error))
        return hits, True
    if not any(hit.record for _, hit in hits):
        elsewhere = "try --step 4 for records that are not at a page boundary"
        say(f"{name}: no record found; {elsewhere if step > WORD else 'decode says what else it may be'}")
    return hits, False


def _hits(name: str, step: int) -> Iterator[tuple[str, Hit]]:
    with with_progress(open_source(name, common.stdin())) as source:
        source.name = safe(source.name)
        for hit in api.find(source, step=step):
            yield source.name, hit


def _write_hit(source: str, hit: Hit, shape: Shape) -> None:
    from kinfo.report.hits import hit_rows

    common.tell(_text(line for row in hit_rows(source, hit) for line in shape.lines(row)))


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
