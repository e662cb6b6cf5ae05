"""`kinfo compare`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kinfo.cli import common, declare
from kinfo.cli.compared import write_as, write_text
from kinfo.cli.formats import findings_format, strict_option
from kinfo.cli.main import UNDECIDED
from kinfo.cli.options import takes
from kinfo.cli.words import say
from kinfo.named import NamedTuple

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
    form: str
    strict: bool


@declare.command("compare", short_help="Compare records field by field, by meaning")
@declare.argument("paths", nargs=-1, required=True, metavar="OLD NEW")
@declare.option("--ignore", multiple=True, metavar="FIELD", help="Leave a field out; can be repeated.")
@declare.option("--policy", metavar="FILE", help="YAML: which classes of differences pass, for which fields.")
@declare.option("--exact", is_flag=True, help="The bytes must be the same too.")
@declare.option("--all", "every", is_flag=True, help="Show the fields that are the same too (text only).")
@declare.option("--update-baseline", "baseline", metavar="DIR", help="Write the records named into DIR as the new baseline.")
@findings_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Compare the record in OLD with the one in NEW: dumps, or YAML or JSON of fields; or all of a folder, by name.

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
    from kinfo.diff.of_files import PairReader, outcomes, policy_in
    from kinfo.diff.policy import Policy

    rules = (policy_in(options.policy) if options.policy is not None else Policy()).ignoring(options.ignore)
    _check(options.paths)
    found, alone = outcomes(
        options.paths[0], options.paths[1], rules, exact=options.exact, reader=PairReader(common.stdin(), say)
    )
    seen = _Seen(found, alone)
    if options.form == "text":
        write_text(seen.compared(), alone, every=options.every, many=os.path.isdir(options.paths[0]))
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


def _check(paths: tuple[str, ...]) -> None:
    """Two files, or two folders."""
    if len(paths) != 2:
        raise declare.UsageError(
            f"two records or folders are compared; {len(paths)} {'is' if len(paths) == 1 else 'are'} named"
        )
    if paths == ("-", "-"):
        raise declare.UsageError("- can be named once")
