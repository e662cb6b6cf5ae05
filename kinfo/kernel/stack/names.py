"""Names of a chain's addresses, each looked up once."""

from __future__ import annotations

from kinfo.errors import KinfoError
from kinfo.kernel.calls import returned_to
from kinfo.kernel.kernel import Kernel, Place
from kinfo.kernel.stack.model import Frame, FrameKind

CODE = "tTwW"


class FrameNamer:
    """Makes frames of addresses: a return address at a function's first byte belongs to the function before."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known: dict[tuple[int, bool], Place | None] = {}

    def frame(self, pc: int, kind: FrameKind, stack: str) -> Frame:
        """A frame with its name."""
        return Frame(pc, kind, self.place(pc, is_return=kind is not FrameKind.PC), stack)

    def place(self, pc: int, *, is_return: bool = False) -> Place | None:
        """What an address belongs to; None where it has no name."""
        key = (pc, is_return)
        if key not in self._known:
            self._known[key] = self._looked_up(pc, is_return=is_return)
        return self._known[key]

    def _looked_up(self, pc: int, *, is_return: bool) -> Place | None:
        try:
            place = self._kernel.at(pc)
            before = returned_to(self._kernel, place, pc) if place and is_return else None
        except KinfoError:
            return None
        return before or place

    def is_code(self, pc: int) -> bool:
        """Whether a return address is one: in a function, or just behind its last call."""
        place = self.place(pc, is_return=True)
        return place is not None and place.type in CODE and not place.is_alias
