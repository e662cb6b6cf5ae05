"""What a user can name beside a memory that leads to the kernel in it; of builds a room above knows more."""

from __future__ import annotations

from collections.abc import Sequence

from kinfo.memory import Memory
from kinfo.record.record import Record
from kinfo.sources import RawDump
from kinfo.typed import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kinfo.kernel.kernel import Kernel


class Beside(Protocol):
    """Files of a kernel's build, with where it runs if that is stated."""

    def kernel(self, opened: Memory | RawDump, records: Sequence[Record] = ()) -> Kernel:
        """The kernel of this build in a memory whose own word leads to none; the records that lead nowhere tell its place.

        Raises KernelError where it is not shown to be there.
        """

    def held(self, kernel: Kernel) -> Kernel:
        """A kernel that the memory's own word led to, once it was held against the build.

        Raises KernelError where it is another build's, or runs elsewhere than is stated.
        """


class RamOptions(Protocol):
    """How a kernel in RAM is found: what everything has that a user asks with."""

    @property
    def kinfo(self) -> str | None:
        """The record: a file, or its PA in the memory."""

    @property
    def symbols(self) -> str | None:
        """A file of the build."""

    @property
    def phys_base(self) -> int | None:
        """The PA of `_text`, stated."""

    @property
    def slide(self) -> int | None:
        """How far KASLR moved the image, stated."""


def kernel_words(asked: RamOptions) -> list[str]:
    """The same on the command line of another kinfo command."""
    numbers = (("--phys-base", asked.phys_base), ("--slide", asked.slide))
    given = [("--kinfo", asked.kinfo), ("--symbols", asked.symbols)]
    given += [(name, None if value is None else f"{value:#x}") for name, value in numbers]
    return [word for name, value in given if value is not None for word in (name, value)]
