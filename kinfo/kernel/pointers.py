"""Where a kernel's image and tables lie, as physical addresses, whoever says so: a record, VMCOREINFO, the tables."""

from __future__ import annotations

from abc import ABC, abstractmethod

from kinfo.arch.address import MASK
from kinfo.named import NamedTuple
from kinfo.record.kernels import Version
from kinfo.record.record import Record
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from kinfo.kernel.kallsyms.kallsyms import Kallsyms
    from kinfo.kernel.types.types import Types


class Borders(NamedTuple):
    """Where the kernel image lies: PAs of its borders. `text` is `_text` (where nothing says it: the lowest we know)."""

    text: int
    stext: int
    etext: int
    sinittext: int
    einittext: int
    end: int


class Pointers(ABC):
    """What is said of a kernel, as numbers that can be followed.

    `source` names who says it ("the record"), `record` is that record (None where it was not one), `word` the bytes of a
    long, `release` the kernel's ("" where it is not said) and `version` its first two numbers, `page_table` the PA of
    swapper_pg_dir (0 where it is not said: kdebuginfo has none). `types` gives the kernel's own, for what is not said.
    """

    source: str
    record: Record | None = None
    word: int
    release: str
    version: Version | None
    page_table: int
    types: Callable[[], Types | None] = staticmethod(lambda: None)

    @abstractmethod
    def pa(self, name: str) -> int:
        """The PA of a symbol, by its name without ornaments ("names", "stext"); 0 where it is not said."""

    @abstractmethod
    def count(self, name: str) -> int:
        """A plain number, by its name in the record; 0 where it is not said."""

    @abstractmethod
    def says(self, name: str) -> bool:
        """Whether a number of 0 means 0, and not that nothing is said of it."""

    @abstractmethod
    def field(self, name: str) -> str:
        """What the source calls a symbol, or the field that has it."""

    @abstractmethod
    def borders(self, kallsyms: Kallsyms) -> Borders:
        """The image's borders; `kallsyms` for what only the symbols tell."""


class RecordPointers(Pointers):
    """What a record says."""

    source = "the record"

    def __init__(self, record: Record) -> None:
        self.record: Record = record
        self.word = (record.number("bit_per_long") or 64) // 8
        self.release = record.release_text
        self.version = record.release.version if record.release else None
        self.page_table = record.number("swapper_pg_dir_pa") or 0
        self._is_virtual = record.suffix == "va"  # kdebuginfo: VAs, and the constant between the two
        self._voffset = record.number("kimage_voffset") or 0

    def pa(self, name: str) -> int:
        """See Pointers."""
        address = self.record.pointer(name) or 0
        return (address - self._voffset) & MASK if address and self._is_virtual else address

    def count(self, name: str) -> int:
        """See Pointers."""
        return self.record.number(name) or 0

    def says(self, name: str) -> bool:  # noqa: ARG002  # what a record does not say is 0
        """See Pointers."""
        return True

    def field(self, name: str) -> str:
        """See Pointers."""
        return f"_{name}_{self.record.suffix}"

    def borders(self, kallsyms: Kallsyms | None = None) -> Borders:  # noqa: ARG002  # a record has them all
        """See Pointers."""
        stext, base = self.pa("stext"), self.pa("text") or self.pa("relative")
        text = base if 0 < base <= stext else stext
        return Borders(text, stext, *(self.pa(name) for name in ("etext", "sinittext", "einittext", "end")))
