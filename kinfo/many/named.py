"""One file that was named, or found where a folder or pattern was; or why there is none."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from kinfo.named import NamedTuple
from kinfo.printable import printable

NOT_OPENED = "is a device, a socket or a pipe: it is not opened"


class Named(NamedTuple):
    """`path` as it can be opened (`-`: standard input); `problem`: one line on what cannot be read, with what to do."""

    path: str
    problem: str = ""

    @classmethod
    def refused(cls, path: str, what: str, hint: str) -> Named:
        """What cannot be read, and why."""
        return cls(path, printable(f"{path}: {what}; {hint}"))


def of_error(path: str, error: OSError | ValueError) -> Named:
    """A path of which the system says this error."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Named.refused(path, str(reason), "check the path and its permissions")


def is_special(mode: int) -> bool:
    """Whether reading what has this mode may wait for ever, have no end, or act on a device."""
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_pattern(word: str) -> bool:
    """Whether a word that names nothing is a pattern that the shell left alone."""
    return any(sign in word for sign in "*?[") and not os.path.lexists(word)


def is_one_file(words: Sequence[str], files_from: str | None) -> bool:
    """Whether that is one file, named by itself: no pattern, no list, and no folder, of which the caller knows more."""
    return files_from is None and len(words) == 1 and not is_pattern(words[0]) and not os.path.isdir(words[0])
