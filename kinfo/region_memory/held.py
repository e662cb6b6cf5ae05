"""Regions whose bytes are here, and what is known of each: its id, its symbol, where it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from kinfo.arch.address import MASK
from kinfo.errors import KernelError
from kinfo.findings import Findings
from kinfo.meminspect.ids import Series
from kinfo.memory.vmcoreinfo import symbols, value
from kinfo.named import NamedTuple
from kinfo.printable import brief

_ONLY_AN_ADDRESS = ("_text", "_stext", "_etext", "_sinittext", "_einittext", "_end", "swapper_pg_dir")
_TABLES = "kallsyms_"  # but for the numbers among them, 8 bytes of each are registered
_NONE = Findings()
_NUMBERS = ("kallsyms_num_syms", "kallsyms_relative_base")


class HeldRegion(NamedTuple):
    """A region. `content` gives bytes of it at an offset, fewer at its end; `size` is how many there are.

    `id` is None where nothing tells it, `name` its symbol ("" unknown), `label` what else it is called: its file's name.
    `va` and `pa` are None where what was named does not say where it lies.
    """

    id: int | None
    name: str
    label: str
    va: int | None
    pa: int | None
    size: int
    content: Callable[[int, int], bytes]

    @property
    def is_mark(self) -> bool:
        """Whether the kernel registers it for its address alone: a border of the image, the start of a table."""
        return self.name in _ONLY_AN_ADDRESS or (self.name.startswith(_TABLES) and self.name not in _NUMBERS)

    @property
    def words(self) -> str:
        """As messages name it."""
        known = "region of no known id" if self.id is None else f"region {self.id}"
        return f"{self.name} ({known})" if self.name else known

    def read(self, limit: int) -> bytes:
        """Its first bytes, up to a limit. Raises DumpError where its file cannot be read."""
        return self.content(0, min(self.size, limit))

    def __repr__(self) -> str:
        return brief(self, f"{self.words}, {self.size:,} bytes, VA {_hex(self.va)}, PA {_hex(self.pa)}")


class RegionMemory:
    """The regions of one dump. `series` is the posting that their ids are of, None where `no_series` says why none is.

    `values` are VMCOREINFO's lines; `source` is what was named; `findings` are on what holds the regions: cut off, shifted.
    """

    word = 8  # of 32-bit kernels no regions are read
    image = range(0)  # logs are not named by PAs here

    def __init__(
        self,
        source: str,
        regions: tuple[HeldRegion, ...],
        series: Series | None,
        values: Mapping[str, str],
        no_series: str = "",
        findings: Findings = _NONE,
    ) -> None:
        self.source, self.regions, self.series, self.values = source, regions, series, values
        self.no_series, self.findings = no_series, findings

    def by_id(self, id_: int) -> HeldRegion:
        """The region of an id. Raises KernelError where it is not here, or there are several."""
        return self._only([one for one in self.regions if one.id == id_], f"region of id {id_}")

    def by_name(self, name: str) -> HeldRegion | None:
        """The region of a symbol; None where there is none. Raises KernelError where there are several."""
        found = [one for one in self.regions if name in (one.name, one.label) and name]
        return self._only(found, f"region {name}") if found else None

    def _only(self, found: list[HeldRegion], what: str) -> HeldRegion:
        if not found:
            raise KernelError(f"{self.source}: has no {what}", self._there_are)
        if len(found) > 1:
            names = ", ".join(one.label for one in found)
            raise KernelError(
                f"{self.source}: has {len(found)} regions for {what}: {names}", "take away those of other dumps"
            )
        return found[0]

    @property
    def _there_are(self) -> str:
        """Which ids there are, in words."""
        ids = runs(sorted({one.id for one in self.regions if one.id is not None}))
        words = ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in ids)
        unknown = len(self.regions) - sum(one.id is not None for one in self.regions)
        rest = f"; of {unknown} more nothing tells the id: name them by address (`kinfo table`)" if unknown else ""
        return f"it has {words or 'none'}{rest}"

    def at(self, address: int, *, is_virtual: bool) -> tuple[HeldRegion, int] | None:
        """The region that an address is in, and how far; None where none holds it."""
        for one in self.regions:
            start = one.va if is_virtual else one.pa
            if start is not None and start <= address < start + one.size:
                return one, address - start
        return None

    @property
    def voffset(self) -> int | None:
        """kimage_voffset; None where VMCOREINFO does not say it (x86-64)."""
        found = value(self.values, "NUMBER(kimage_voffset)")
        return None if found is None else found & MASK

    @property
    def slide(self) -> int | None:
        """How far KASLR moved the image; None where VMCOREINFO does not say it."""
        return value(self.values, "KERNELOFFSET")

    @property
    def symbols(self) -> Iterator[tuple[str, int]]:
        """Name and VA of every symbol whose address is known: of regions, and of VMCOREINFO's lines."""
        known: dict[str, int] = {one.name: one.va for one in self.regions if one.name and one.va is not None}
        known |= self.stated
        yield from known.items()

    @property
    def stated(self) -> dict[str, int]:
        """The symbols that VMCOREINFO has addresses of, but mem_section: that line can say what it points at."""
        return {name: va & MASK for name, va in symbols(self.values).items() if name != "mem_section"}

    def __repr__(self) -> str:
        return brief(self, f"{len(self.regions)} of {self.source}")


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers that follow each other; they rise."""
    found: list[tuple[int, int]] = []
    for one in numbers:
        if found and found[-1][1] == one - 1:
            found[-1] = (found[-1][0], one)
        else:
            found.append((one, one))
    return found


def _hex(address: int | None) -> str:
    return "-" if address is None else f"{address:#x}"
