"""Which kernel: of all that the memory's records point at, the one that ran; the others are named, and a draw is said."""

from __future__ import annotations

from collections.abc import Sequence

from kinfo.errors import DrawError, KernelError
from kinfo.findings import Finding, Severity
from kinfo.kernel import rules
from kinfo.kernel.candidates import Candidates, key_of
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.life import Life, Settled, settle
from kinfo.named import NamedTuple
from kinfo.record.record import Record, content
from kinfo.record.scan import PAGE

_NOT_COMPARED = ("magic_number", "combined_checksum", "build_info")  # user space writes the last one after boot, or not


class Other(NamedTuple):
    """Another record of the memory: its PA, what it points at, whether that is the same kernel, and why it was not taken."""

    pa: int | None
    layout: str
    release: str
    text: int
    end: int
    is_same_kernel: bool
    reason: str


def choose(found: Candidates) -> Kernel:
    """The kernel that ran. Raises DrawError, with the candidates, where nothing tells which of several did."""
    kernels = [_borne_out_first(group) for group in found.kernels]
    firsts = [group[0] for group in kernels]
    settled = settle(firsts)
    if settled.best is None:
        raise _draw(firsts, settled)
    kernel = firsts[settled.best]
    others = [(other, why) for other, why in zip(firsts, settled.lost, strict=True) if other is not kernel]
    kernel.told += tuple(_another(other, why, settled) for other, why in others)
    kernel.others = tuple(_other(other, why) for other, why in others)
    _name_same(kernel, kernels[settled.best][1:])
    _say_doubts(kernel, found)
    if others:
        places = ", ".join(_place(other.record) for other, _ in others)
        taken = f"took the one whose record is at {_place(kernel.record)}: {settled.won}"
        kernel.notes += (f"{len(firsts)} kernels are in this memory; {taken}; --kinfo shows the others, by {places}",)
    return kernel


def _borne_out_first(group: list[Kernel]) -> list[Kernel]:
    """The records of one kernel: where they name several releases, first the one that the kernel's own banner has.

    Another build that lay at the same place leaves a record behind that leads to the same tables.
    """
    if len({one.pointers.release for one in group}) < 2:
        return group
    from kinfo.kernel.boot import banner

    return sorted(group, key=lambda one: (not one.record.state.verified, bool(banner.check(one))))


def hold(kernel: Kernel, found: Candidates | None) -> Kernel:
    """A kernel whose record the user named, held against the memory; `found` is None where the record is a part of it.

    Raises KernelError where another kernel, which has a record in the memory, is shown to be the one that ran.
    """
    _say_another_boot(kernel)
    own = Life(kernel)
    if own.is_proven:
        return kernel
    if found is None:
        if own.is_refuted:
            _tell(kernel, _not_live(kernel, Severity.WARNING))
        return kernel
    for group in found.search((PAGE,)):
        if key_of(group[0].pointers) == key_of(kernel.pointers):
            same = [other for other in group if _differences(kernel.record, other.record)]
            _name_same(kernel, same[:1])
        else:
            _hold_against(kernel, group[0])
    if own.is_refuted:
        _tell(kernel, _not_live(kernel, Severity.ERROR))
    return kernel


def _hold_against(kernel: Kernel, other: Kernel) -> None:
    settled, place = settle([kernel, other]), _place(other.record)
    if settled.best == 1 and settled.is_sure:
        raise KernelError(
            f"the record that was named is not of the kernel that ran: {settled.lost[0]}; "
            f"the memory's own record, at {place}, is of another one: {settled.won}",
            "leave --kinfo out (docs/ram.md says how to see the kernel of before all the same)",
        )
    kernel.others += (_other(other, settled.lost[1]),)
    if settled.best == 0:
        kernel.told += (_another(other, settled.lost[1], settled),)
        return
    message = f"its image is at PA {kernel.kallsyms.borders.text:#x}; the memory's own record at {place} is of another: "
    message += _described(other)
    if settled.best == 1:
        message += f", which seems to be the one that ran: {settled.won}"
        _tell(
            kernel, rules.KERNEL_NOT_LIVE.at("record", message, remedy="leave --kinfo out, unless the one of before is meant")
        )
    else:
        _tell(kernel, rules.KERNEL_DRAW.at("record", f"{message}; nothing tells which one ran"))


def _tell(kernel: Kernel, finding: Finding) -> None:
    """A finding that every command says, not `kinfo info` alone."""
    kernel.told += (finding,)
    _note(kernel, finding)


def _note(kernel: Kernel, finding: Finding) -> None:
    kernel.notes += (f"{finding.code}: {finding.message}; {finding.remedy}",)


def _say_another_boot(kernel: Kernel) -> None:
    """That a record which the user named has another release than the memory: its finding is among those of the boot."""
    from kinfo.kernel.boot import banner

    for finding in banner.check(kernel):
        if finding.code == rules.KERNEL_ANOTHER_BOOT.code:
            _note(kernel, finding)


def _not_live(kernel: Kernel, severity: Severity) -> Finding:
    borders = kernel.kallsyms.borders
    message = (
        f"no CPU's program counter lies in this kernel (image at PA {borders.text:#x} - {borders.end:#x}) or its modules"
    )
    return rules.KERNEL_NOT_LIVE.at("registers", message, severity)


def _draw(kernels: Sequence[Kernel], settled: Settled) -> DrawError:
    left = [kernel for kernel, lost in zip(kernels, settled.lost, strict=True) if not lost]
    name = kernels[0].memory.name
    choices = " or ".join(f"{_words_for(kernel)} ({_described(kernel)})" for kernel in left[:8])
    return DrawError(f"{name}: has {len(left)} whole kernels, and nothing tells which one ran", f"choose one: {choices}")


def _words_for(kernel: Kernel) -> str:
    """The words of a command line that name one kernel; its notes say where a raw dump begins, where that was found out."""
    memory, base = kernel.memory, kernel.memory.segments[0].start
    return (f"{memory.name}@{base:#x} " if kernel.notes else "") + f"--kinfo {kernel.record.address or 0:#x}"


def _described(kernel: Kernel) -> str:
    """A kernel in a few words, for whoever must choose."""
    from kinfo.kernel.boot.clock import newest_stamp

    borders = kernel.kallsyms.borders
    words = [kernel.pointers.release or "no release", f"image at PA {borders.text:#x} - {borders.end:#x}"]
    if stamp := newest_stamp(kernel):
        words.append(f"log up to {stamp / 1e9:.1f} s")
    if (clock := Life(kernel).clock) is not None:
        from datetime import UTC, datetime

        words.append(f"wall clock {datetime.fromtimestamp(clock, UTC):%Y-%m-%d %H:%M:%S} UTC")
    if kernel.modules and kernel.modules.all:
        words.append(f"{len(kernel.modules.all)} modules")
    return ", ".join(words)


def _place(record: Record) -> str:
    return "an unknown PA" if record.address is None else f"PA {record.address:#x}"


def _alias(record: Record) -> str:
    return record.layout.alias if record.layout else "-"


def _other(kernel: Kernel, reason: str, *, is_same: bool = False) -> Other:
    borders, record = kernel.kallsyms.borders, kernel.record
    return Other(record.address, _alias(record), record.release_text, borders.text, borders.end, is_same, reason)


def _another(kernel: Kernel, reason: str, settled: Settled) -> Finding:
    message = f"another kernel is in the memory: record at {_place(kernel.record)}, {_described(kernel)}; not taken: {reason}"
    severity = None if settled.is_sure else Severity.WARNING  # what is left in memory is weaker than registers and note
    return rules.KERNEL_ANOTHER_IMAGE.at(_place(kernel.record), message, severity)


def _name_same(kernel: Kernel, others: Sequence[Kernel]) -> None:
    """The other records of the kernel itself."""
    for other in others:
        differ = _differences(kernel.record, other.record)
        place = _place(other.record)
        reason = f"differs in {', '.join(differ[:4])}" if differ else "tells less"
        kernel.others += (_other(other, reason, is_same=True),)
        message = f"another record of this kernel is at {place}, layout {_alias(other.record)}: it {reason}"
        severity = Severity.WARNING if differ else None
        kernel.told += (rules.KERNEL_TWO_RECORDS.at(place, message, severity),)


def _differences(first: Record, second: Record) -> list[str]:
    """Fields that both records have and say differently."""
    names = [name for name in first.values if name in second.values and name not in _NOT_COMPARED]
    return [
        name for name in names if _shown(first, name) and _shown(second, name) and _shown(first, name) != _shown(second, name)
    ]


def _shown(record: Record, name: str) -> object:
    """A field's value; None for what was not written."""
    value = record.values[name]
    if not value or not record.layout:
        return None
    return content(value) or None


def _say_doubts(kernel: Kernel, found: Candidates) -> None:
    """That none of the CPUs was in the only kernel there is, and that some records were not looked at."""
    if Life(kernel).is_refuted:
        _tell(kernel, _not_live(kernel, Severity.ERROR))
    for bound in found.bounds:
        _tell(kernel, rules.KERNEL_SEARCH_BOUND.at("records", bound))
