"""Bytes out of physical memory: by PA, by VA through the kernel's page tables, by symbol, by region of its inspect table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial

from kinfo.errors import DrawError, HoleError, KernelError, KinfoError
from kinfo.inspect_table import has_array, table_in
from kinfo.kernel.beside import Beside
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.open import kernel_in
from kinfo.kernel.place import Place
from kinfo.meminspect.entry import Entry
from kinfo.memory import Memory
from kinfo.read_out.extent import CHUNK, FoundBytes, part, sized
from kinfo.read_out.wanted import Wanted, WantedKind
from kinfo.sources import RawDump

_MOST_SAID = 8  # places of a name that an error lists


class RamSource:
    """A dump, with its kernel where that is needed: a PA takes none. `kinfo` and `beside` lead to it, as for open_kernel."""

    def __init__(self, opened: Memory | RawDump, kinfo: str | None = None, beside: Beside | None = None) -> None:
        self._opened, self._kinfo, self._beside = opened, kinfo, beside

    @cached_property
    def _found(self) -> Kernel | KinfoError:
        try:
            return kernel_in(self._opened, self._kinfo, self._beside)
        except DrawError:
            raise
        except KinfoError as error:
            return error

    @property
    def kernel(self) -> Kernel:
        """The kernel. Raises KinfoError where there is none."""
        if isinstance(self._found, KinfoError):
            raise self._found
        return self._found

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._opened.name if isinstance(self._opened, Memory) else self._opened.dump.name

    @property
    def memory(self) -> Memory:
        """The memory; that of a raw file at an unknown address is the kernel's, which says where it lies."""
        return self._opened if isinstance(self._opened, Memory) else self.kernel.memory

    def find(self, asked: Wanted, size: int | None) -> FoundBytes:
        """The bytes. Raises KinfoError: for holes with the address, for names that several things have, with all of them."""
        if asked.kind is WantedKind.PA:
            return self.at_pa(asked.word, asked.number, sized(asked.word, size))
        if asked.kind is WantedKind.VA:
            return self.at_va(asked.word, asked.number, sized(asked.word, size))
        if asked.kind is WantedKind.ADDRESS:
            return self._at_address(asked, sized(asked.word, size))
        if asked.kind in (WantedKind.ID, WantedKind.REGION):
            return self._region(self._entry(asked), asked.offset, size)
        return self._symbol(asked, size) if asked.kind is WantedKind.SYMBOL else self._name(asked, size)

    def at_pa(self, what: str, pa: int, size: int) -> FoundBytes:
        """Bytes at a PA. Raises HoleError."""
        self._bound(what, size)
        if (hole := self.memory.first_hole(pa, size)) is not None:
            raise HoleError(self.memory.name, hole, pa, size)
        return FoundBytes(what, pa, is_virtual=False, size=size, pieces=partial(self._of_runs, ((pa, size),)))

    def at_va(self, what: str, va: int, size: int) -> FoundBytes:
        """Bytes at a VA. Raises KernelError where nothing is mapped, or no tables tell, HoleError."""
        self._bound(what, size)
        at = va
        for pa, length in _runs(self.kernel, va, size):
            if (hole := self.memory.first_hole(pa, length)) is not None:
                where = f"VA {at + hole - pa:#x}, which is PA {hole:#x}"
                raise KernelError(f"{self.memory.name}: no memory at {where}", "dump that range too, or check FILE@BASE")
            at += length
        return FoundBytes(what, va, is_virtual=True, size=size, pieces=lambda: self._of_runs(_runs(self.kernel, va, size)))

    def _bound(self, what: str, size: int) -> None:
        held = sum(one.end - one.start for one in self.memory.segments)
        if size > held:
            raise KernelError(f"{what}: {size} bytes are more than {self.memory.name} has, which are {held}", "ask for less")

    def _of_runs(self, runs: tuple[tuple[int, int], ...] | Iterator[tuple[int, int]]) -> Iterator[bytes]:
        for pa, length in runs:
            for at in range(pa, pa + length, CHUNK):
                yield self.memory.read(at, min(CHUNK, pa + length - at))

    def _at_address(self, asked: Wanted, size: int) -> FoundBytes:
        """A number below 2^32: a PA, but on 32-bit kernels, where it can be either."""
        found = self._found
        if isinstance(found, KinfoError) or found.word == 8:
            return self.at_pa(asked.word, asked.number, size)
        is_pa = self.memory.holds(asked.number)
        behind = found.space.pa(asked.number) if found.space else None
        is_va = behind is not None
        if is_pa and behind not in (None, asked.number):
            raise KernelError(
                f"{asked.word}: is a PA of the dump, and a VA of its 32-bit kernel",
                f"say which: pa:{asked.number:#x} or va:{asked.number:#x}",
            )
        return (self.at_va if is_va else self.at_pa)(asked.word, asked.number, size)

    def _entry(self, asked: Wanted) -> Entry:
        """The region in the inspect table. Raises KinfoError."""
        found = None if isinstance(self._found, KinfoError) else self._found
        table = table_in(self.name, self._opened if found is None else found.memory, found)
        entry = table.by_id(asked.number) if asked.kind is WantedKind.ID else table.by_name(asked.name)
        if entry is None:
            raise KernelError(
                f"{asked.word}: the inspect table of {self.name} has no such region", "`kinfo table` lists what it has"
            )
        return entry

    def _region(self, entry: Entry, offset: int, size: int | None) -> FoundBytes:
        what = f"{entry.name} (region {entry.id})" if entry.name else f"region {entry.id}"
        count = part(what, entry.size, offset, size)
        if entry.pa:
            return self.at_pa(what, entry.pa + offset, count)
        if not entry.va:
            raise KernelError(f"{what}: its entry has no address", "`kinfo table` shows it")
        return self.at_va(what, entry.va + offset, count)

    def _symbol(self, asked: Wanted, size: int | None) -> FoundBytes:
        return self._place(asked, self.kernel.named(asked.name), size)

    def _place(self, asked: Wanted, places: list[Place], size: int | None) -> FoundBytes:
        """The bytes of the one symbol of a name, as many as up to the next."""
        real = [one for one in places if one.va is not None or one.pa is not None]
        distinct = list({(one.va, one.pa): one for one in real}.values())
        if not distinct:
            reason = "is a plain number, no place" if places else self.kernel.why_no_such_name
            raise KernelError(f"{asked.word}: {reason}", "`kinfo symbols` lists them, `kinfo table` regions")
        if len(distinct) > 1:
            said = ", ".join(f"{_address(one)} ({one.label})" for one in distinct[:_MOST_SAID])
            more = f" and {len(distinct) - _MOST_SAID} more" if len(distinct) > _MOST_SAID else ""
            raise KernelError(
                f"{asked.word}: {len(distinct)} symbols have that name", f"name one by its address: {said}{more}"
            )
        one = distinct[0]
        whole = one.size
        what = f"{one.symbol}{f' [{one.module}]' if one.module else ''} (symbol)"
        if size is None and not whole:
            raise KernelError(f"{what}: nothing tells its size", "say how many bytes: add 64 or 0x40, say")
        count = part(what, whole, asked.offset, size) if whole and size is None else size or 0
        if one.va is not None:
            return self.at_va(what, one.va + asked.offset, count)
        assert one.pa is not None
        return self.at_pa(what, one.pa + asked.offset, count)

    def _name(self, asked: Wanted, size: int | None) -> FoundBytes:
        """A region or a symbol. One that is both, at one place, is the region: the kernel states its size."""
        kernel = None if isinstance(self._found, KinfoError) else self._found
        places = kernel.named(asked.name) if kernel else []
        entry: Entry | None = None
        if kernel is None or has_array(kernel) or not (places or kernel.kallsyms.has_data):
            try:
                entry = self._entry(asked._replace(kind=WantedKind.REGION))
            except DrawError:
                raise
            except KinfoError:
                if kernel is None:
                    raise self._found from None  # type: ignore[misc]  # it is an error where there is no kernel
        if entry is None:
            return self._place(asked, places, size)
        if places and not any(_is_at(one, entry) for one in places):
            raise KernelError(
                f"{asked.word}: region {entry.id} and a symbol have that name, at different places",
                f"say which: region:{asked.name} or symbol:{asked.name}",
            )
        return self._region(entry, asked.offset, size)


def _is_at(place: Place, entry: Entry) -> bool:
    return (place.va is not None and place.va == entry.va) or (place.pa is not None and place.pa == entry.pa)


def _address(place: Place) -> str:
    return f"va:{place.va:#x}" if place.va is not None else f"pa:{place.pa:#x}"


def _runs(kernel: Kernel, va: int, size: int) -> Iterator[tuple[int, int]]:
    """PA and length of each piece of a range of VAs. Raises KernelError where nothing is mapped, HoleError."""
    space = kernel.space
    if space is None:
        raise kernel.no_space
    at, end = va, va + size
    while at < end:
        found = space.piece(at)
        if found is None and space.form is None:
            raise KernelError(f"VA {at:#x} is outside the kernel image, and {space.reason}", "name its PA: pa:0x...")
        if found is None:
            raise KernelError(f"nothing is mapped at VA {at:#x}", "`kinfo lookup` says what is known of an address")
        pa, there = found
        length = min(there, end - at)
        yield pa, length
        at += length
