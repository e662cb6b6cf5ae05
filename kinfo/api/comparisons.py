"""Records compared: two of them, two folders, and the baseline that later ones are compared with."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinfo.diff.folders import Alone
    from kinfo.diff.model import Compared
    from kinfo.diff.of_files import PairOutcome
    from kinfo.diff.policy import Policy
    from kinfo.record.record import Record

Path = str | os.PathLike[str]


def compare(
    old: Record | Path,
    new: Record | Path,
    *,
    ignore: Collection[str] = (),
    policy: Policy | Mapping[str, Any] | Path | None = None,
    exact: bool = False,
) -> Compared:
    """Two records field by field, by meaning: what moved, what boot, build or writer explains, what is a regression.

    Each is a decoded record, a dump, or a file of fields (.yaml, .json). `ignore` names fields to leave out; `policy` says
    which classes of differences pass: a YAML file, or what stands in one; `exact`: the bytes must be the same too. Raises
    KinfoError for what cannot be read, RecordError for an erased region.
    """
    from kinfo.diff.judge import judge
    from kinfo.diff.model import Compared
    from kinfo.diff.of_files import READER

    read = [
        (os.fspath(one), READER.record(one)) if isinstance(one, (str, os.PathLike)) else (label, one)
        for label, one in (("old", old), ("new", new))
    ]
    (before, old_record), (after, new_record) = read
    comparison, findings = judge(old_record, new_record, _policy(policy, ignore), exact=exact)
    return Compared(before, after, comparison, findings)


def compare_folders(
    old: Path,
    new: Path,
    *,
    ignore: Collection[str] = (),
    policy: Policy | Mapping[str, Any] | Path | None = None,
    exact: bool = False,
) -> Iterator[PairOutcome | Alone]:
    """The records of two folders, by their names below the folder: pairs as they come, then the files of only one folder.

    A `PairOutcome` has `compared`, or `problem` where a file of the pair cannot be read; `Alone` has a finding. Options as
    for `compare`. Raises KinfoError for folders that cannot be read.
    """
    from kinfo.diff.of_files import outcomes

    found, alone = outcomes(os.fspath(old), os.fspath(new), _policy(policy, ignore), exact=exact)
    yield from found
    yield from alone


def update_baseline(folder: Path, *records: Path) -> Mapping[str, str]:
    """Write the records of files, or of every file of folders, into a baseline; what became of each, by its name there.

    "new", "same", or "changed: " and the fields. Nothing is written when one cannot be read. Raises KinfoError.
    """
    from kinfo.diff.baseline import update_of

    update = update_of(os.fspath(folder), [os.fspath(path) for path in records])
    for _ in update.write():
        pass
    return update.states


def _policy(given: Policy | Mapping[str, Any] | Path | None, ignore: Collection[str]) -> Policy:
    from kinfo.diff.of_files import policy_in
    from kinfo.diff.policy import Policy, policy_of

    if given is None:
        found = Policy()
    elif isinstance(given, (str, os.PathLike)):
        found = policy_in(given)
    else:
        found = given if isinstance(given, Policy) else policy_of(given)
    return found.ignoring(ignore)
