"""`kinfo compare --update-baseline`: the records that later ones are compared with."""

from __future__ import annotations

from collections.abc import Sequence

from kinfo.cli import common
from kinfo.cli.main import SOUND
from kinfo.cli.words import say
from kinfo.diff.baseline import update_of
from kinfo.diff.of_files import PairReader


def update(folder: str, paths: Sequence[str]) -> int:
    """Write the record of every file, or every file of a folder, into the baseline; say what changed.

    Nothing is written when one of them cannot be read. Raises KinfoError.
    """
    found = update_of(folder, paths, PairReader(common.stdin(), say))
    for target, state in found.write():
        say(f"{target}: {state}")
    counts = [sum(state.startswith(word) for state in found.states.values()) for word in ("new", "changed", "same")]
    others = f"; {found.others} not named, and left" if found.others else ""
    say(f"{folder}: {counts[0]} new, {counts[1]} changed, {counts[2]} same{others}")
    return SOUND
