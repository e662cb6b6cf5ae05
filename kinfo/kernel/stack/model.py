"""A task's call chain, as data."""

from __future__ import annotations

from enum import Enum

from kinfo.kernel.place import Place
from kinfo.kernel.tasks.task import Task
from kinfo.named import NamedTuple


class FrameKind(Enum):
    """What an address of a chain is."""

    PC = "pc"  # where the CPU was, or was interrupted
    RETURN = "return"  # where a call returns to
    LINK = "link"  # the link register of a function that saved none


class Frame(NamedTuple):
    """One line of a chain: `pc` is a VA, `place` what it belongs to (None: no symbol), `stack` where it was found."""

    pc: int
    kind: FrameKind
    place: Place | None
    stack: str

    @property
    def label(self) -> str:
        """As the kernel prints it: name+0xoff/0xsize [module], the plain address where it has no name."""
        return self.place.label if self.place else f"{self.pc:#x}"


class Registers(NamedTuple):
    """Where a chain begins: where a CPU was (`is_exact`), else where a call returns to.

    `lr` is 0 where there is none, or it is not known; `source` says where all this is from.
    """

    pc: int
    sp: int
    fp: int
    lr: int
    source: str
    is_exact: bool = False
    is_guess: bool = False


class Stack(NamedTuple):
    """A stack: its name, its lowest VA, and the one behind its highest."""

    name: str
    low: int
    high: int


class Chain(NamedTuple):
    """What an unwinder made of a stack: the frames, innermost first, how it ended, and whether that was its real end."""

    frames: tuple[Frame, ...]
    end: str
    is_whole: bool


class Backtrace(NamedTuple):
    """A task's call chain, innermost first.

    `cpu` is the CPU that was in it (None: it slept). `source` says where the chain's beginning is from; `is_guess` that it
    was guessed, so that frames may be of earlier calls. `end` says how the chain ended, and `is_whole` whether at its real
    end.
    """

    task: Task
    cpu: int | None
    frames: tuple[Frame, ...]
    source: str
    is_guess: bool
    end: str
    is_whole: bool
    is_panicking: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The frames as the kernel prints them."""
        return tuple(frame.label for frame in self.frames)
