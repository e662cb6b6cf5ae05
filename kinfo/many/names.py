"""What a user names: files, folders, patterns, lists of them, standard input; and every file that this is."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from kinfo.many.lists import names_in
from kinfo.many.named import Named, is_pattern, is_special, of_error
from kinfo.many.patterns import matching
from kinfo.many.walk import Walk, special

_FEW = 3  # names that are said


def _never(folder: str) -> bool:
    del folder
    return False


class NamedFiles:
    """The files of what was named, one after another as they are found; never a list of all.

    Each of `words` is a FILE, a folder (`Walk`), a pattern where nothing has that very name, or `-`. What is none of these is
    handed on as it is: whoever opens it knows more ways to write a name (FILE@BASE), and says what is wrong. `files_from`
    is a list of files and folders, taken literally (`lists.py`). `is_one` says which folders are one source as a whole,
    `wanted` which files of the others are taken.
    What is named twice comes twice. `passed` counts what folders have besides, once they were gone through.
    """

    def __init__(
        self,
        words: Iterable[str],
        files_from: str | None = None,
        *,
        stdin: BinaryIO | None = None,
        is_one: Callable[[str], bool] = _never,
        wanted: Callable[[str], bool] | None = None,
    ) -> None:
        self._words, self._list, self._stdin = words, files_from, stdin
        self.passed: Counter[str] = Counter()
        self._walk = Walk(is_one, self.passed, wanted)

    @property
    def known(self) -> int | None:
        """How many files there are, where that can be said without going through folders, patterns or lists."""
        if self._list is not None or not isinstance(self._words, Sequence):
            return None
        return None if any(is_pattern(one) or os.path.isdir(one) for one in self._words) else len(self._words)

    def __str__(self) -> str:
        """What was named, in a few words."""
        words = [*self._words, *([] if self._list is None else [f"--files-from {self._list}"])]
        return ", ".join(words[:_FEW]) + (f" and {len(words) - _FEW} more" if len(words) > _FEW else "")

    def __iter__(self) -> Iterator[Named]:
        """Raises KinfoError for a list that cannot be read."""
        for word in self._words:
            yield from self._of_word(word)
        if self._list is not None:
            for name in names_in(self._list, self._stdin):
                yield from self._of_path(name)

    def _of_word(self, word: str) -> Iterator[Named]:
        if not is_pattern(word):
            yield from self._walk.below(word) if os.path.isdir(word) else (Named(word),)
            return
        count = 0
        for path in matching(word):
            count += 1
            yield from self._of_path(path)
        if not count:
            yield Named.refused(word, "no such file, and nothing fits it as a pattern", "check the folder and the pattern")

    def _of_path(self, path: str) -> Iterator[Named]:
        """Of a path that nobody typed: what is no file is not opened."""
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            yield of_error(path, error)
            return
        if is_special(mode):
            yield special(path)
        else:
            yield from self._walk.below(path) if os.path.isdir(path) else (Named(path),)
