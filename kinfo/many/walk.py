"""A folder's files in a stable order, in the memory of a few, however many there are."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import nsmallest

from kinfo.many.named import NOT_OPENED, Named, is_special, of_error

HIDDEN, LINKED, SPECIAL, OTHER = "hidden", "links to folders", "devices, sockets or pipes", "files of other kinds"
_AT_ONCE = 50_000  # names of one folder that are held
_DEEPEST = 1000  # folders in folders


def sorted_names(folder: str, most: int = _AT_ONCE) -> Iterator[str]:
    """The names in a folder in their order, no more than `most` of them held: it is read again for the next ones.

    Raises OSError where it cannot be read.
    """
    last = ""
    while True:
        with os.scandir(folder) as entries:
            names = nsmallest(most, (entry.name for entry in entries if entry.name > last))
        yield from names
        if len(names) < most:
            return
        last = names[-1]


class Walk:
    """The files below a folder, a folder's own and those of its folders as their names come.

    Hidden ones (.NAME), links to folders and what is no file are passed over; `passed` counts them by kind. A link to a file
    is that file. A folder that `is_one` is named as a whole: what a command takes as one source. A file that is not
    `wanted` is passed over, too.
    """

    def __init__(
        self, is_one: Callable[[str], bool], passed: Counter[str], wanted: Callable[[str], bool] | None = None
    ) -> None:
        self.is_one, self.passed, self._wanted = is_one, passed, wanted

    def below(self, folder: str) -> Iterator[Named]:
        """The files below a folder that was named, or itself where it `is_one`; what cannot be read is said."""
        if self.is_one(folder):
            yield Named(folder)
            return
        stack = [(folder, self._entries(folder))]
        while stack:
            _, entries = stack[-1]
            found = next(entries, None)
            if found is None:
                stack.pop()
            elif isinstance(found, Named):
                yield found
            elif len(stack) < _DEEPEST:
                stack.append((found, self._entries(found)))
            else:
                yield Named.refused(found, f"is more than {_DEEPEST} folders deep", "name this folder itself")

    def _entries(self, folder: str) -> Iterator[Named | str]:
        """What is in a folder: files, and the paths of folders to go into."""
        try:
            for name in sorted_names(folder):
                if name.startswith("."):
                    self.passed[HIDDEN] += 1
                elif (found := self._entry(os.path.join(folder, name))) is not None:
                    yield found
        except OSError as error:
            yield of_error(folder, error)

    def _entry(self, path: str) -> Named | str | None:
        """A file, or a folder's path; None where it is passed over."""
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            return _gone(path)
        except OSError as error:  # a link that leads to itself
            return of_error(path, error)
        if is_special(mode):
            self.passed[SPECIAL] += 1
            return None
        if stat.S_ISREG(mode):
            if self._wanted is None or self._wanted(path):
                return Named(path)
            self.passed[OTHER] += 1
            return None
        if os.path.islink(path):  # followed, it could lead back here, or to what is named anyway
            self.passed[LINKED] += 1
            return None
        return Named(path) if self.is_one(path) else path


def _gone(path: str) -> Named | None:
    """A link that leads nowhere is said; a file that was removed while the folder was read is not there any more."""
    return Named.refused(path, "is a link that leads nowhere", "mend or remove it") if os.path.lexists(path) else None


def special(path: str) -> Named:
    """A device, socket or pipe that a pattern or a list names."""
    return Named.refused(path, NOT_OPENED, "pipe it in as standard input: kinfo ... - < FILE")
