"""`kinfo compare --update-baseline`: the records that later ones are compared with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from kinfo.cli.main import SOUND
from kinfo.cli.output import write_file
from kinfo.cli.words import say
from kinfo.errors import KinfoError


def update(folder: str, paths: Sequence[str]) -> int:
    """Write the record of every file, or every file of a folder, into the baseline; say what changed.

    Nothing is written when one of them cannot be read. Raises KinfoError.
    """
    from kinfo.cli.compare import opened

    records: dict[str, bytes] = {}
    for name, path in _named(paths):
        if name in records:
            raise KinfoError(f"{path}: another file is called {name} too", "give them different names")
        records[name] = opened(path).raw
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise KinfoError(f"{folder}: cannot be made: {error.strerror}", "name a folder") from error
    counts = dict.fromkeys(("new", "changed", "same"), 0)
    for name, raw in records.items():
        target = os.path.join(folder, name)
        state = _state(target, raw)
        counts[state] += 1
        if state != "same":
            os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
            write_file(target, raw, force=True)
            say(f"{state}: {target}")
    say(f"{folder}: {counts['new']} new, {counts['changed']} changed, {counts['same']} same")
    return SOUND


def _named(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The name in the baseline and the path of every file: below a folder its path there, else its own name, as .bin."""
    for path in paths:
        if not os.path.isdir(path):
            yield _as_bin(os.path.basename(path)), path
            continue
        from kinfo.compare.folders import names_below

        for name in sorted(names_below(path)):
            yield _as_bin(name), os.path.join(path, name)


def _as_bin(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return f"{stem}.bin" if suffix in (".yaml", ".yml", ".json", ".gz", ".zst", ".xz") else name


def _state(target: str, raw: bytes) -> str:
    try:
        with open(target, "rb") as file:
            return "same" if file.read(len(raw) + 1) == raw else "changed"
    except FileNotFoundError:
        return "new"
    except OSError as error:
        raise KinfoError(f"{target}: cannot read: {error.strerror}", "check its permissions") from error
