"""`kinfo compare`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from kinfo.cli import common, declare, many
from kinfo.cli.compared import write_as, write_text
from kinfo.cli.formats import findings_format, strict_option
from kinfo.cli.main import UNDECIDED
from kinfo.cli.options import takes
from kinfo.cli.words import say
from kinfo.many.named import is_one_file
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.diff.folders import Alone
    from kinfo.diff.model import Compared
    from kinfo.diff.of_files import PairOutcome


class Options(NamedTuple):
    """What `kinfo compare` was asked for."""

    paths: tuple[str, ...]
    ignore: tuple[str, ...]
    policy: str | None
    exact: bool
    every: bool
    baseline: str | None
    files_from: str | None
    jobs: int | None
    form: str
    strict: bool


@declare.command("compare", short_help="Compare records field by field, by meaning")
@declare.argument("paths", nargs=-1, required=True, metavar="OLD NEW...")
@declare.option("--ignore", multiple=True, metavar="FIELD", help="Leave a field out; can be repeated.")
@declare.option("--policy", metavar="FILE", help="YAML: which classes of differences pass, for which fields.")
@declare.option("--exact", is_flag=True, help="The bytes must be the same too.")
@declare.option("--all", "every", is_flag=True, help="Show the fields that are the same too (text only).")
@declare.option("--update-baseline", "baseline", metavar="DIR", help="Write the records named into DIR as the new baseline.")
@many.files_from_option
@many.jobs_option
@findings_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Compare the record in OLD with the one in NEW: dumps, or YAML or JSON of fields; or all of a folder, by name.

    Of several NEW, a folder or a pattern where OLD is a file, or --files-from, each is compared with OLD.

    Addresses that moved together are the same; what another boot, build or writer explains is expected. Exit 0 when nothing
    differs that should not, 1 when something does, 2 when something could not be read.

    \b
    kinfo compare golden.bin new.bin
    kinfo compare baseline/ out/ --policy kinfo.yaml --format junit > kinfo.xml
    kinfo compare --update-baseline baseline/ out/*.bin
    """
    if options.baseline is not None:
        if any((options.ignore, options.policy, options.exact, options.every, options.strict, options.form != "text")):
            raise declare.UsageError("--update-baseline compares nothing: leave the other options out")
        from kinfo.cli.baseline import update

        return update(options.baseline, options.paths)
    from kinfo.cli.progress import FilesProgress
    from kinfo.diff.of_files import PairReader, outcomes, policy_in
    from kinfo.diff.policy import Policy

    rules = (policy_in(options.policy) if options.policy is not None else Policy()).ignoring(options.ignore)
    is_many = _check(options.paths, options.files_from)
    reader = PairReader(common.stdin(), say)
    with FilesProgress("comparing", None) as progress:
        alone: Sequence[Alone] = ()
        if is_many:
            from kinfo.diff.of_files import against
            from kinfo.many.names import NamedFiles
            from kinfo.sources.folder import is_dump

            old, *new = options.paths
            names = NamedFiles(new, options.files_from, stdin=common.stdin(), is_one=is_dump)
            found: Iterable[PairOutcome] = against(old, names, rules, exact=options.exact, reader=reader, jobs=options.jobs)
        else:
            found, alone = outcomes(options.paths[0], options.paths[1], rules, exact=options.exact, reader=reader)
        is_many = is_many or os.path.isdir(options.paths[0])
        seen = _Seen(progress.counted(found) if is_many else found, alone)
        if options.form == "text":
            write_text(seen.compared(), alone, every=options.every, many=is_many)
        else:
            write_as(options.form, seen.compared(), alone, strict=options.strict)
    return UNDECIDED if seen.has_problem else common.verdict(tuple(seen.gravest.values()), strict=options.strict)


class _Seen:
    """Outcomes on their way to the output, and what the exit code needs to know of them."""

    def __init__(self, outcomes: Iterable[PairOutcome], alone: Iterable[Alone]) -> None:
        self.outcomes = outcomes
        self.has_problem = False
        self.gravest = {one.finding.severity: one.finding for one in alone}  # one finding of each severity is enough

    def compared(self) -> Iterator[Compared]:
        """The pairs that could be compared; what kept others from it is said."""
        for outcome in self.outcomes:
            if outcome.compared is None:
                self.has_problem = True
                say(outcome.problem)
                continue
            self.gravest.update((finding.severity, finding) for finding in outcome.compared.findings)
            yield outcome.compared


def _check(paths: tuple[str, ...], files_from: str | None) -> bool:
    """Whether many are compared with one. Raises UsageError for too few, and for standard input where it is read twice."""
    if len(paths) + (files_from is not None) < 2:
        raise declare.UsageError(
            f"two records or folders are compared; {len(paths)} {'is' if len(paths) == 1 else 'are'} named"
        )
    if [*paths, files_from].count("-") > 1:
        raise declare.UsageError("- can be named once")
    old, *new = paths
    if new and os.path.isdir(new[0]) and not os.path.lexists(old) and old != "-":
        from kinfo.diff.folders import FIRST_BASELINE
        from kinfo.errors import KinfoError

        raise KinfoError(f"{old}: No such file or directory", FIRST_BASELINE)
    if is_one_file(new, files_from) or (os.path.isdir(old) and files_from is None and len(new) == 1):
        return False
    if os.path.isdir(old):
        raise declare.UsageError(f"{old} is a folder: name one record that the others are compared with, or two folders")
    if old == "-":
        raise declare.UsageError("- is read once: name a file that the others are compared with")
    return True
