"""`kinfo compare`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from kinfo.cli import common
from kinfo.cli.compared import write_as, write_text
from kinfo.cli.formats import findings_format, strict_option
from kinfo.cli.main import UNDECIDED
from kinfo.cli.words import say

if TYPE_CHECKING:
    from kinfo.diff.folders import Alone
    from kinfo.diff.model import Compared
    from kinfo.diff.of_files import Outcome


@click.command("compare", short_help="Compare records field by field, by meaning")
@click.argument("paths", nargs=-1, required=True, metavar="OLD NEW")
@click.option("--ignore", multiple=True, metavar="FIELD", help="Leave a field out; can be repeated.")
@click.option("--policy", metavar="FILE", help="YAML: which classes of differences pass, for which fields.")
@click.option("--exact", is_flag=True, help="The bytes must be the same too.")
@click.option("--all", "every", is_flag=True, help="Show the fields that are the same too (text only).")
@click.option("--update-baseline", "baseline", metavar="DIR", help="Write the records named into DIR as the new baseline.")
@findings_format()
@strict_option
def command(
    *,
    paths: tuple[str, ...],
    ignore: tuple[str, ...],
    policy: str | None,
    exact: bool,
    every: bool,
    baseline: str | None,
    form: str,
    strict: bool,
) -> int:
    """Compare the record in OLD with the one in NEW: dumps, or YAML or JSON of fields; or all of a folder, by name.

    Addresses that moved together are the same; what another boot, build or writer explains is expected. Exit 0 when nothing
    differs that should not, 1 when something does, 2 when something could not be read.

    \b
    kinfo compare golden.bin new.bin
    kinfo compare baseline/ out/ --policy kinfo.yaml --format junit > kinfo.xml
    kinfo compare --update-baseline baseline/ out/*.bin
    """
    if baseline is not None:
        if any((ignore, policy, exact, every, strict, form != "text")):
            raise click.UsageError("--update-baseline compares nothing: leave the other options out")
        from kinfo.cli.baseline import update

        return update(baseline, paths)
    from kinfo.diff.of_files import Reader, outcomes, policy_in
    from kinfo.diff.policy import Policy

    rules = (policy_in(policy) if policy is not None else Policy()).ignoring(ignore)
    _check(paths)
    found, alone = outcomes(paths[0], paths[1], rules, exact=exact, reader=Reader(common.stdin(), say))
    seen = _Seen(found, alone)
    if form == "text":
        write_text(seen.compared(), alone, every=every, many=os.path.isdir(paths[0]))
    else:
        write_as(form, seen.compared(), alone, strict=strict)
    return UNDECIDED if seen.has_problem else common.verdict(tuple(seen.gravest.values()), strict=strict)


class _Seen:
    """Outcomes on their way to the output, and what the exit code needs to know of them."""

    def __init__(self, outcomes: Iterable[Outcome], alone: Iterable[Alone]) -> None:
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
        raise click.UsageError(
            f"two records or folders are compared; {len(paths)} {'is' if len(paths) == 1 else 'are'} named"
        )
    if paths == ("-", "-"):
        raise click.UsageError("- can be named once")
