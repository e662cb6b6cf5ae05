"""`kinfo survey`."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import FINDINGS, SOUND, UNDECIDED
from kinfo.cli.options import takes
from kinfo.cli.words import say


class Options(NamedTuple):
    """What `kinfo survey` was asked for."""

    sources: tuple[str, ...]
    files_from: str | None
    output: str | None
    append: bool
    force: bool
    once: bool
    partition: str | None
    report: str | None
    since: str | None
    form: str


@declare.command("survey", short_help="Make a table of the records in many files, and sum it up")
@declare.argument("sources", nargs=-1, metavar="[SOURCE]...")
@declare.option("--files-from", metavar="LIST", help="Files to look at, a line or NUL each; - for standard input.")
@declare.option("-o", "--output", metavar="TABLE", help="The table: .parquet (needs kinfo[survey]), .csv or .jsonl.")
@declare.option("--append", is_flag=True, help="Add to the table what it does not hold yet.")
@declare.option("--force", is_flag=True, help="Overwrite the table, if it is one of a survey.")
@declare.option("--once", is_flag=True, help="Add the same bytes once, wherever they lie (default: a row a place).")
@declare.option(
    "--partition", kind=declare.Choice(("day", "release")), help="Make a folder of Parquet files, by day or kernel."
)
@declare.option("--report", metavar="TABLE", help="Sum a table up, and write none.")
@declare.option("--since", metavar="OLD", help="With --report: say what OLD, another table, does not have.")
@data_format("html")
@takes(Options)
def command(options: Options) -> int:
    """Write a table with a row for every record in SOURCE...: files, folders, s3:// and gs:// URLs; or sum a table up.

    Files without a record have a row with the reason. A run that was stopped is gone on with by the same command.

    Exit 0, 1 when a record has an error or a file has none, 2 when a file could not be read or the table not be written.

    \b
    kinfo survey dumps/ -o fleet.csv
    kinfo survey dumps/ s3://fleet/today -o fleet.parquet --append
    kinfo survey --report fleet.parquet --since yesterday.parquet
    kinfo survey --report fleet.parquet --format html > fleet.html
    """
    if options.report is not None:
        return _report(options, options.report)
    if options.since is not None:
        raise declare.UsageError("--since goes with --report")
    if options.form != "text":
        raise declare.UsageError("--format goes with --report; the table is of the kind that its name says")
    if not (options.sources or options.files_from) or options.output is None:
        raise declare.UsageError("name files or folders, and the table with -o; or a table with --report")
    if "-" in options.sources:
        raise declare.UsageError(
            "- has no name that a table could have: save it to a file; a list of files is --files-from -"
        )
    if options.append and options.force:
        raise declare.UsageError("--append keeps what --force overwrites: leave one of them out")
    return _survey(options, options.output)


def _survey(options: Options, output: str) -> int:
    from kinfo.cli.progress import SurveyProgress
    from kinfo.report import survey as report
    from kinfo.survey.run import survey_files

    with SurveyProgress() as bar:
        done = survey_files(
            options.sources,
            output,
            append=options.append,
            force=options.force,
            once=options.once,
            partition=options.partition,
            files_from=options.files_from,
            stdin=common.stdin(),
            progress=bar.move,
        )
    common.tell(report.done(done))
    if not done.files:
        say("no file is there: name some, or another folder")
    if count := done.kinds.get("unread"):
        say(f"{'1 file' if count == 1 else f'{count:,} files'} could not be read: the column `reason` says why")
        return UNDECIDED
    return FINDINGS if done.severities.get("error") or done.kinds.get("none") else SOUND


def _report(options: Options, table: str) -> int:
    from kinfo.report import survey as report
    from kinfo.survey.report import survey_report

    given = (
        options.sources,
        options.files_from,
        options.output,
        options.append,
        options.force,
        options.once,
        options.partition,
    )
    if any(given):
        raise declare.UsageError("--report sums a table up: SOURCE, -o and what goes with them are for another call")
    found = survey_report(table, options.since)
    if options.form == "text":
        common.tell(report.render(found, common.style()))
    else:
        show(options.form, lambda: report.document(found))
    return SOUND
