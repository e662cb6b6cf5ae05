"""An address with its name, and what can give it one."""

from __future__ import annotations

from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.typed import Protocol


class Place(NamedTuple):
    """An address with its name: `symbol` + `offset`, of a symbol with `size` bytes; `module` is "" in the kernel image.

    `pa` and `va` are of the address itself; one of them is None where the dump cannot tell it. `is_alias`: `va` is not where
    the symbol runs but another mapping of the same memory, as a rule the linear map's.
    """

    symbol: str
    type: str
    offset: int
    size: int
    module: str
    pa: int | None
    va: int | None
    is_alias: bool = False

    @property
    def label(self) -> str:
        """As the kernel prints it: name+0xoff/0xsize [module]; then " (alias)" where it is another mapping of the memory."""
        symbol, _, offset, size, module, _, _, is_alias = self
        label = f"{symbol}+{offset:#x}/{size:#x}"
        if module:
            label += f" [{module}]"
        return f"{label} (alias)" if is_alias else label

    def __repr__(self) -> str:
        return brief(self, f"{self.label}, VA {_hex(self.va)}, PA {_hex(self.pa)}")


class Namer(Protocol):
    """What can put names on addresses: a kernel in memory, or a build's symbols at a slide."""

    @property
    def word(self) -> int:
        """The bytes of a long."""

    @property
    def image(self) -> range:
        """The PAs of the kernel image; empty where they are not known."""

    def is_virtual(self, address: int) -> bool:
        """Whether an address is read as a VA; else it is a PA."""

    def unsigned(self, number: int) -> int | None:
        """The VA of the kernel's half that a number stands for; None where it is none."""

    def at(self, address: int) -> Place | None:
        """What an address belongs to; None where it has no name."""


def _hex(address: int | None) -> str:
    return "-" if address is None else f"{address:#x}"
