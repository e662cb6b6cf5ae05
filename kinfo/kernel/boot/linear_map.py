"""Where the linear map lies: every source that tells it, held against the others.

arm64 says PHYS_OFFSET, the PA that PAGE_OFFSET stands for; x86-64 says page_offset_base, the VA of PA 0; 32-bit arm says in
__pv_offset how far PHYS_OFFSET is above PAGE_OFFSET. Each comes to the distance between VA and PA, which the page tables show
as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from kinfo.arch import arm, arm64, x86_64
from kinfo.arch.address import MASK
from kinfo.findings import Finding
from kinfo.kernel import rules, variables
from kinfo.kernel.boot.vmcoreinfo import read
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging import linear
from kinfo.kernel.paging.space import Space
from kinfo.memory.vmcoreinfo import value
from kinfo.named import NamedTuple

TABLES = "the page tables' linear map"


class Source(NamedTuple):
    """What one source says: its number, and the `shift` that comes to (None: one that cannot be, or no page tables)."""

    name: str
    value: int
    shift: int | None


class LinearMap(NamedTuple):
    """Where the linear map is, and by which sources.

    `shift` is VA minus PA, modulo 2^64, None where it is not known. `phys_offset` is PHYS_OFFSET of arm and arm64 as the
    kernel has it, modulo 2^64; on arm64 counted with `va_bits`, and `used` the same counted with the VA bits that the CPU
    uses, which differs on kernels with 52-bit VAs on other CPUs.
    """

    shift: int | None
    phys_offset: int | None
    va_bits: int | None
    used: int | None
    sources: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def is_narrow(self) -> bool:
        """Whether a kernel that was built for 52-bit VAs would have another PHYS_OFFSET: the page tables do not tell."""
        return self.sources == (TABLES,) and self.va_bits in (47, 48)

    @property
    def evidence(self) -> str:
        """The sources in words."""
        return " and ".join((", ".join(self.sources[:-1]), self.sources[-1]) if self.sources[1:] else self.sources)


def linear_map(kernel: Kernel) -> LinearMap:
    """The linear map; nothing is known of it where two sources contradict each other and no third one settles it."""
    machine = _machine(kernel)
    way = _WAYS.get(machine)
    sources = list(way.sources(kernel)) if way else []
    form = kernel.space.form if kernel.space else None
    key = {source: source.shift if form else source.value for source in sources}
    counted = Counter(key.values()).most_common(2)
    is_settled = len(counted) == 1 or (len(counted) > 1 and counted[0][1] > counted[1][1])
    agreed = [source for source in sources if is_settled and key[source] == counted[0][0]]
    if form and any(source.shift is None for source in agreed):  # a number that no linear map can have, however often
        agreed = []
    findings = tuple(_findings(kernel, way, sources, len(counted), agreed)) if way else ()
    if not agreed:
        return LinearMap(None, None, None, None, (), findings)
    names = tuple(source.name for source in agreed)
    first = agreed[0]
    if machine != arm64.MACHINE:
        is_arm = machine == arm.MACHINE
        start = linear.phys_offset(kernel.space, first.shift) if is_arm and kernel.space and first.shift is not None else None
        return LinearMap(first.shift, start, None, None, names, findings)
    stands_for = linear.stated(kernel.space, first.value) if kernel.space else None
    used = linear.phys_offset(kernel.space, first.shift) if kernel.space and first.shift is not None else None
    return LinearMap(first.shift, first.value, stands_for.va_bits if stands_for else None, used, names, findings)


def _machine(kernel: Kernel) -> int:
    """The ELF machine: that of the page tables, else the dump's own; where nothing tells, arm's of so many bits."""
    form = kernel.space.form if kernel.space else None
    found = form.machine if form else kernel.memory.machine
    return found or (arm64.MACHINE if kernel.word == 8 else arm.MACHINE)


def _arm64(kernel: Kernel) -> Iterator[Source]:
    """The kernel's own words come first: they are what it counts with."""
    vendor = kernel.pointers.record.vendor if kernel.pointers.record else None
    info = read(kernel)
    stated = {
        "memstart_addr": _memstart(kernel),
        info.source: value(info.values, "NUMBER(PHYS_OFFSET)"),
        "the record's phys_offset": kernel.pointers.count("phys_offset") or None,
        "the vendor block's phys_offset": (vendor.number("phys_offset") or None) if vendor else None,
    }
    for name, number in stated.items():
        if number is not None:
            stands_for = linear.stated(kernel.space, number & MASK) if kernel.space else None
            yield Source(name, number & MASK, stands_for.shift if stands_for else None)
    yield from _walked(kernel)


def _memstart(kernel: Kernel) -> int | None:
    """memstart_addr; it is -1 until arm64_memblock_init() has run, and never odd after."""
    found = variables.number(kernel, "memstart_addr")
    return None if found is None or found & 1 else found


def _arm(kernel: Kernel) -> Iterator[Source]:
    """__pv_offset, under CONFIG_ARM_PATCH_PHYS_VIRT (asm/memory.h)."""
    offset = variables.number(kernel, "__pv_offset", 8)
    if offset and kernel.space:
        distance = arm.voffset(offset)
        yield Source("__pv_offset", offset, distance if linear.is_within(kernel.space, distance) else None)
    yield from _walked(kernel)


def _x86(kernel: Kernel) -> Iterator[Source]:
    """page_offset_base is a variable under CONFIG_DYNAMIC_MEMORY_LAYOUT; else PAGE_OFFSET is a constant."""
    base = variables.number(kernel, "page_offset_base")
    if base and kernel.space:
        yield Source("page_offset_base", base, base if linear.is_within(kernel.space, base) else None)
    yield from _walked(kernel)


def _walked(kernel: Kernel) -> Iterator[Source]:
    space = kernel.space
    shift = linear.shift(space) if space else None
    if space is None or space.form is None or shift is None:
        return
    start = _as_stated(space, space.form.machine, shift)
    if start is not None:
        yield Source(TABLES, start, shift)


def _as_stated(space: Space, machine: int, shift: int) -> int | None:
    """The number that the kernel itself would say, as far as the tables tell what it was built for."""
    if machine == arm64.MACHINE:
        return linear.phys_offset(space, shift, space.form.va_bits if space.form else None)
    return arm.voffset(shift) if machine == arm.MACHINE else shift


class _Way(NamedTuple):
    """How an architecture says where the linear map is: the sources, the variable, and what its number is called."""

    sources: Callable[[Kernel], Iterator[Source]]
    variable: str
    number: str


_WAYS = {
    arm64.MACHINE: _Way(_arm64, "memstart_addr", "PHYS_OFFSET"),
    x86_64.MACHINE: _Way(_x86, "page_offset_base", "page_offset_base"),
    arm.MACHINE: _Way(_arm, "__pv_offset", "PHYS_OFFSET - PAGE_OFFSET"),
}


def _findings(kernel: Kernel, way: _Way, sources: list[Source], count: int, agreed: list[Source]) -> Iterator[Finding]:
    if count > 1 or (sources and not agreed):
        said = ", ".join(f"{source.value:#x} by {source.name}" for source in sources)
        ending = "" if agreed else ": which is right cannot be told"
        yield rules.KERNEL_PHYS_OFFSET.at(way.number, said + ending)
    elif not sources and kernel.space and kernel.space.form:
        message = f"the dump has neither {way.variable} nor VMCOREINFO nor enough of the page tables"
        yield rules.KERNEL_NO_LINEAR.at("linear map", message)
