"""Where the kallsyms tables lie and which forms they can have, as far as the record and its kernel's release say."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch.address import align
from kinfo.errors import KernelError
from kinfo.kernel.pointers import Pointers
from kinfo.memory import Memory
from kinfo.named import NamedTuple
from kinfo.record import kernels
from kinfo.record.limits import NAMES_LIMIT

LONG_MARKERS_UNTIL = (4, 20)  # "kallsyms: reduce size a little on 64-bit" made num_syms and markers 32-bit
MARKED = 256  # symbols between two markers


class Tables(NamedTuple):
    """PAs of the tables, and the number of symbols. A PA is 0 where the record does not give it."""

    num_syms: int
    names: int
    markers: int
    token_table: int
    token_index: int
    offsets: int
    addresses: int
    seqs: int

    @property
    def marks(self) -> int:
        """How many markers there are."""
        return (self.num_syms + MARKED - 1) // MARKED


def tables_of(pointers: Pointers) -> Tables:
    """The tables as the record places them. Raises KernelError where it leaves one out that every form needs."""
    needed = {name: pointers.pa(name) for name in ("names", "markers", "token_table", "token_index")}
    count = pointers.count("num_syms")
    missing = [pointers.field(name) for name, pa in needed.items() if not pa]
    if not count or missing:
        fields = ", ".join((*missing, *(() if count else ("num_syms",))))
        raise KernelError(
            f"{pointers.source} does not say where kallsyms is: {fields} {'is' if ',' not in fields else 'are'} 0",
            "dump the memory later in the boot, or see `kinfo decode` for what else is missing",
        )
    if count > NAMES_LIMIT // 2:  # two bytes are the least that a name takes
        raise KernelError(
            f"num_syms is {count}: that many names would take more than {NAMES_LIMIT >> 20} MiB",
            "the field is corrupt, or the layout is wrong: see `kinfo decode --explain`",
        )
    places = {"offsets": "offsets", "addresses": "addresses", "seqs": "seqs_of_names"}
    return Tables(count, **needed, **{name: pointers.pa(field) for name, field in places.items()})


def name_forms(pointers: Pointers) -> Iterator[tuple[int, bool]]:
    """Bytes of a marker, and whether lengths above 127 take two bytes: likeliest first.

    The release decides where there is one; KSYM_NAME_LEN 512 came together with the two-byte lengths (6.1).
    """
    name_len, version = pointers.count("name_len"), pointers.version
    by_length = {128: False, 512: True}.get(name_len)
    by_release = None if version is None else version >= kernels.LONG_NAMES
    likely = by_length if by_length is not None else by_release is not False
    long = pointers.word == 8 and version is not None and version < LONG_MARKERS_UNTIL
    sizes = (8 if long else 4,) if version is not None or pointers.word == 4 else (4, 8)
    for size in sizes:
        yield size, likely
        if by_release is not likely:
            yield size, not likely


def seqs_places(tables: Tables, pointers: Pointers, size: int, *, has_base: bool) -> Iterator[int]:
    """PAs where seqs_of_names can be: where the record says, else where the order of the tables puts it.

    `size` is that of the address table in bytes, `has_base` tells whether kallsyms_relative_base follows it.

    6.1.y: behind the markers. Since 6.4: behind offsets and relative_base. Samsung's driver says so in _addresses_pa.
    """
    if tables.seqs:
        yield tables.seqs
        return
    if tables.addresses > tables.offsets > 0:
        yield tables.addresses
    behind_markers = tables.markers + 4 * tables.marks
    end = (tables.offsets or tables.addresses) + size
    if pointers.version is None or pointers.version >= kernels.NEW_TABLE_ORDER:
        yield align(end, pointers.word) + pointers.word if has_base else end
    elif tables.token_table - behind_markers >= 3 * tables.num_syms:
        yield align(behind_markers, pointers.word)


def stored_base(tables: Tables, pointers: Pointers, size: int) -> int:
    """PA of kallsyms_relative_base, which holds a VA: until 6.19 it follows the offsets (`size` bytes). 0: none."""
    if not tables.offsets:
        return 0
    behind = align(tables.offsets + size, pointers.word)
    return 0 if tables.seqs and tables.seqs < behind + pointers.word and tables.seqs >= behind - 4 else behind


def num_syms_at(memory: Memory, tables: Tables) -> int:
    """PA of kallsyms_num_syms, which lies in front of the names and was aligned as they are; 0 where it is not there."""
    places = (tables.names - gap for gap in (8, 4))
    return next((pa for pa in places if memory.holds(pa, 4) and memory.number(pa, 4) == tables.num_syms), 0)
