"""The one family of exceptions that kinfo raises for bad input.

The command line turns any of them into one line on stderr and exit code 2; nothing else in the project prints or exits.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinfo.printable import printable


class KinfoError(Exception):
    """Input that kinfo cannot work with.

    `message` says what was found and `hint` what to try; `str()` joins the two into the one line that a person reads. Both
    may name what the input holds: what is not printable in it stands as an escape.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = printable(message), printable(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class DumpError(KinfoError):
    """A dump that cannot be opened or read: missing, a directory, a FIFO, unreadable."""


class OutputError(KinfoError):
    """A file or folder that cannot be written, or is there already."""


class HoleError(DumpError):
    """Physical memory that is asked for and that the dump does not hold. `pa` is the first address that is missing."""

    def __init__(self, name: str, pa: int, start: int, size: int) -> None:
        wanted = "" if pa == start else f" (of {size} bytes at {start:#x})"
        super().__init__(f"{name}: no memory at PA {pa:#x}{wanted}", "dump that range too, or check FILE@BASE")
        self.pa = pa


class KernelError(KinfoError):
    """What a record points at does not make sense: tables that contradict it, no page table, no module list."""


class DrawError(KernelError):
    """Several kernels in one memory, and nothing tells which of them ran."""


class TreeError(KinfoError):
    """A devicetree that cannot be had out of what was named: no container of trees, no overlay, nothing selected."""


class BlobError(TreeError):
    """A flattened devicetree whose structure is not sound; whoever knows the file's name puts it in front."""


class BombError(TreeError):
    """Packed data that unpacks to more than any image of trees has."""


class RecordError(KinfoError):
    """No record where one was asked for, or bytes that no layout can hold."""


class FieldError(KinfoError):
    """Field values that cannot be encoded: an unknown name, a wrong type, a value out of range."""


class UnknownNameError(KinfoError):
    """A layout name or a finding code that does not exist."""


class UnknownFieldError(UnknownNameError, KeyError):
    """A field's name that no layout has, or that a record's layout does not have."""


def did_you_mean(typed: str, choices: Iterable[str], otherwise: str, *, cutoff: float = 0.6) -> str:
    """A hint for a name that does not exist: the choice nearest to it, or `otherwise`."""
    from difflib import get_close_matches

    near = get_close_matches(typed[:60], list(choices), n=1, cutoff=cutoff)
    return f"did you mean {near[0]}?" if near else otherwise
