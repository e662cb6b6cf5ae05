"""`kinfo compare`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from kinfo.cli import common
from kinfo.cli.compared import write_as, write_text
from kinfo.cli.main import UNDECIDED
from kinfo.cli.records import opened
from kinfo.cli.words import safe, say
from kinfo.errors import KinfoError
from kinfo.report.compare import Compared

if TYPE_CHECKING:
    from kinfo.diff.folders import Alone
    from kinfo.diff.policy import Policy

_FORMATS = (*common.DATA_FORMATS, "sarif", "junit", "github")


class Outcome(NamedTuple):
    """One pair: compared, or what kept it from being so."""

    compared: Compared | None
    problem: str = ""


@click.command("compare", short_help="Compare records field by field, by meaning")
@click.argument("paths", nargs=-1, required=True, metavar="OLD NEW")
@click.option("--ignore", multiple=True, metavar="FIELD", help="Leave a field out; can be repeated.")
@click.option("--policy", metavar="FILE", help="YAML: which classes of differences pass, for which fields.")
@click.option("--exact", is_flag=True, help="The bytes must be the same too.")
@click.option("--all", "every", is_flag=True, help="Show the fields that are the same too (text only).")
@click.option("--update-baseline", "baseline", metavar="DIR", help="Write the records named into DIR as the new baseline.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
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
    rules = _policy(policy).ignoring(ignore)
    _check(paths)
    outcomes, alone = _outcomes(paths[0], paths[1], rules, exact=exact)
    seen = _Seen(outcomes, alone)
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
    if os.path.isdir(paths[0]) != os.path.isdir(paths[1]):
        raise KinfoError(f"{paths[0]} against {paths[1]}: a folder and a file", "name two folders, or two files")


def _policy(path: str | None) -> Policy:
    from kinfo.diff.policy import Policy, policy_of

    if path is None:
        return Policy()
    from kinfo.cli.fields import load

    data = load(path)
    try:
        return policy_of(data)
    except KinfoError as error:
        raise KinfoError(f"{path}: {error.message}", error.hint) from None


def _outcomes(old: str, new: str, policy: Policy, *, exact: bool) -> tuple[Iterable[Outcome], tuple[Alone, ...]]:
    work = _work(policy, exact=exact)
    if not os.path.isdir(old):
        return [work((old, new))], ()
    from kinfo.diff.folders import matched
    from kinfo.workers import in_order

    found = matched(old, new)
    killed = "the process that compared it was killed; compare it alone to see why"
    outcomes = in_order(work, found.pairs, lambda pair: Outcome(None, f"{pair[1]}: {killed}"))
    return outcomes, found.alone


def _work(policy: Policy, *, exact: bool) -> Callable[[tuple[str, str]], Outcome]:
    from kinfo.diff.judge import judge

    def work(pair: tuple[str, str]) -> Outcome:
        try:
            judged = judge(opened(pair[0]), opened(pair[1]), policy, exact=exact)
        except KinfoError as error:
            return Outcome(None, str(error))
        return Outcome(Compared(safe(pair[0]), safe(pair[1]), *judged, path=pair[1]))

    return work
