"""What speaks for a kernel in memory being the one that ran when the dump was taken: what only that one can have.

After a warm reset another kernel's image may still be whole, with a record that points at it. The CPUs, the note that the
kernel gave to whoever dumps, and a list of modules that nobody has written over belong to the one that ran last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from kinfo.errors import DumpError
from kinfo.kernel import rules
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.walk import walk
from kinfo.memory.registers import program_counters
from kinfo.named import NamedTuple

_YES, _UNKNOWN, _NO = 1, 0, -1


class Life:
    """The evidence for one kernel, read when it is asked for.

    But for the clock, each is 1 (speaks for the kernel), 0 (tells nothing) or -1 (speaks against it).
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    @cached_property
    def registers(self) -> int:
        """A CPU's program counter lies in it; or all that are in the kernel's half lie elsewhere."""
        return registers(self.kernel)

    @cached_property
    def note(self) -> int:
        """The core's VMCOREINFO note has its addresses."""
        raw = self.kernel.memory.vmcoreinfo
        return _note(self.kernel) if b"NUMBER(kimage_voffset)" in raw or b"SYMBOL(" in raw else _UNKNOWN

    @cached_property
    def release(self) -> int:
        """The core's VMCOREINFO note has its release."""
        stated = _info(self.kernel).get("OSRELEASE", "")
        pointers = self.kernel.pointers
        return _of(stated == pointers.release) if stated and pointers.version else _UNKNOWN

    @cached_property
    def modules(self) -> int:
        """Its list of modules closes, or breaks off."""
        return _modules(self.kernel)

    @cached_property
    def clock(self) -> int | None:
        """Seconds since 1970 by its timekeeper; None where that is not known."""
        from kinfo.kernel.boot.wall_clock import wall_clock

        return wall_clock(self.kernel)

    @property
    def is_proven(self) -> bool:
        """Whether something shows that this kernel ran, without looking at others."""
        return self.registers == _YES or (self.registers == _UNKNOWN and self.note == _YES)

    @property
    def is_refuted(self) -> bool:
        """Whether no CPU was in this kernel although some were in one."""
        return self.registers == _NO


class Criterion(NamedTuple):
    """What decides: once `score` is 1 for some kernel, the others have lost. `won` and `lost` say it in words."""

    score: Callable[[Life], int]
    won: str
    lost: str


CRITERIA = (  # in this order: what comes from outside the kernels
    Criterion(lambda one: one.registers, "a CPU's program counter lies in it", "no CPU's program counter lies in it"),
    Criterion(lambda one: one.note, "the VMCOREINFO note has its addresses", "the VMCOREINFO note has other addresses"),
    Criterion(lambda one: one.release, "the VMCOREINFO note has its release", "the VMCOREINFO note has another release"),
)
CLOCK = Criterion(lambda _: 0, "its wall clock is the latest", "its wall clock is earlier")
MODULES = Criterion(lambda one: one.modules, "its list of modules closes", "its list of modules breaks off")


class Settled(NamedTuple):
    """Which kernel ran: its index (None: a draw), and by what; `lost` says by what each of the others did not ("": a draw).

    `is_sure` where registers or the note told, and not what is left in memory alone.
    """

    best: int | None
    won: str
    lost: tuple[str, ...]
    is_sure: bool


def settle(kernels: Sequence[Kernel]) -> Settled:
    """Which of several kernels ran when the dump was taken."""
    lives = [Life(kernel) for kernel in kernels]
    lost, left = [""] * len(lives), list(range(len(lives)))
    if len(lives) == 1:
        return Settled(0, "", ("",), is_sure=True)
    for criterion in CRITERIA:
        scores = {index: criterion.score(lives[index]) for index in left}
        if 1 not in scores.values():
            continue
        left = [index for index in left if scores[index] == 1]
        lost = [criterion.lost if scores.get(index, 1) < 1 else why for index, why in enumerate(lost)]
        if len(left) == 1:
            return Settled(left[0], criterion.won, tuple(lost), is_sure=True)
    found = _by_memory({index: lives[index] for index in left})
    if found is None:
        return Settled(None, "", tuple(lost), is_sure=False)
    best, criterion = found
    lost = [why or ("" if index == best else criterion.lost) for index, why in enumerate(lost)]
    return Settled(best, criterion.won, tuple(lost), is_sure=False)


def _by_memory(lives: Mapping[int, Life]) -> tuple[int, Criterion] | None:
    """The one that ran last, by what kernels leave in memory: wall clocks, and lists of modules; None where these disagree.

    Stamps of the logs do not tell: all count from 0. A kernel may have no modules: only a broken list speaks against it.
    """
    closes = any(one.modules == _YES for one in lives.values())
    whole = [index for index, one in lives.items() if not (closes and one.modules == _NO)]
    clocks = {index: one.clock for index, one in lives.items() if one.clock is not None}
    last = [index for index, clock in clocks.items() if clock == max(clocks.values())]
    if len(clocks) == len(lives) and len(last) == 1:
        return (last[0], CLOCK) if last[0] in whole else None
    return (whole[0], MODULES) if len(whole) == 1 else None


def registers(kernel: Kernel) -> int:
    """What the program counters say: 1 where one lies in the kernel, -1 where all in the kernel's half lie elsewhere."""
    told = [_is_in(kernel, pc) for pc in program_counters(kernel.memory)]
    if _YES in told:
        return _YES
    return _NO if _NO in told and all(one == _NO for one in told if one is not None) else _UNKNOWN


def _is_in(kernel: Kernel, pc: int) -> int | None:
    """Whether a program counter lies in the kernel's code or its modules'; None for user space and firmware."""
    space, borders = kernel.space, kernel.kallsyms.borders
    if space is None:
        return _UNKNOWN
    if borders.text <= space.image_pa(pc) < borders.end:
        return _YES
    if space.form is None:
        return _UNKNOWN
    if not space.half <= pc <= space.mask:
        return None
    try:
        mapping = walk(space.memory, space.root, space.form, pc)
    except DumpError:
        return _UNKNOWN
    return _YES if mapping and mapping.is_executable else _NO


def _note(kernel: Kernel) -> int:
    """What the core's note says of addresses: kernel/vmcore_info.c, arch/*/kernel/*vmcore_info.c."""
    from kinfo.memory.vmcoreinfo import value

    info, space = _info(kernel), kernel.space
    if space is None:
        return _UNKNOWN
    pairs = (
        (value(info, "NUMBER(kimage_voffset)"), space.voffset),
        (value(info, "SYMBOL(_stext)"), space.va(kernel.kallsyms.borders.stext)),
        (value(info, "SYMBOL(swapper_pg_dir)"), space.va(space.root)),
    )
    known = [one == own for one, own in pairs if one is not None]
    return _of(all(known)) if known else _UNKNOWN


def _info(kernel: Kernel) -> dict[str, str]:
    """The lines of the core's note: the kernel's own copy in memory says nothing of which kernel ran."""
    from kinfo.memory.vmcoreinfo import parse

    return parse(kernel.memory.vmcoreinfo)


def _of(is_so: bool) -> int:
    return _YES if is_so else _NO


def _modules(kernel: Kernel) -> int:
    modules = kernel.modules
    if modules is None:
        return _UNKNOWN
    if any(finding.code == rules.KERNEL_MODULES_BROKEN.code for finding in modules.findings):
        return _NO
    return _YES if modules.all else _UNKNOWN
