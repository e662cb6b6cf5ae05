"""What a user can name beside a memory that speaks of the kernel in it: a room above knows builds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from kinfo.memory import Memory
from kinfo.record.record import Record
from kinfo.sources import RawDump

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
