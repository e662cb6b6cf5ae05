"""A run of bytes that was found, and is read as it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kinfo.errors import KernelError
from kinfo.printable import brief

CHUNK = 1 << 20


class FoundBytes(NamedTuple):
    """Bytes that are there, all of them: `what` they are in words, `size` how many, `pieces` gives them in order.

    `address` is where the first one lies, a VA where `is_virtual`, else a PA; None where that is not known.
    """

    what: str
    address: int | None
    is_virtual: bool
    size: int
    pieces: Callable[[], Iterator[bytes]]

    @property
    def where(self) -> str:
        """The address in words; "" where it is not known."""
        return "" if self.address is None else f"{'VA' if self.is_virtual else 'PA'} {self.address:#x}"

    def __repr__(self) -> str:
        return brief(self, f"{self.what}, {self.size:,} bytes{', ' if self.where else ''}{self.where}")


def part(what: str, whole: int, offset: int, size: int | None) -> int:
    """How many bytes are asked for of something that has `whole`, from an offset on.

    Raises KernelError where it ends before: what lies behind it is something else.
    """
    if offset >= whole or (size is not None and size > whole - offset):
        asked = "" if size is None else f", not {size} from {offset:#x} on"
        raise KernelError(f"{what}: has {whole} bytes{asked}", "ask for less, or name an address: va:0x... or pa:0x...")
    return whole - offset if size is None else size


def sized(word: str, size: int | None) -> int:
    """The size of what has none of its own. Raises KernelError where none was given."""
    if size is None:
        raise KernelError(f"{word}: an address has no size of its own", "say how many bytes: add 64 or 0x40, say")
    return size
