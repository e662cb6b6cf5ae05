"""From what a user names to the kernel in it: memory, the record in that memory or beside it, and the tables it points at."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kinfo.errors import HoleError, KernelError, KinfoError, RecordError
from kinfo.kernel import rules
from kinfo.kernel.candidates import Candidates, infer
from kinfo.kernel.choose import choose, hold
from kinfo.kernel.extent import region_alone
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Memory
from kinfo.record import locate
from kinfo.record.record import Record
from kinfo.record.scan import PAGE
from kinfo.sources import RawDump, open_file, open_memory
from kinfo.sources.specs import paths_of
from kinfo.typed import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from kinfo.kernel.beside import Beside

Path = str | os.PathLike[str]


def open_kernel(
    specs: Path | Sequence[Path],
    kinfo: Path | int | None = None,
    stdin: BinaryIO | None = None,
    *,
    beside: Beside | None = None,
) -> Kernel:
    """The kernel in a memory dump.

    `specs` are files: ELF cores, LiME, raw with the PA of their first byte (FILE@BASE) or, a single one, without; compressed
    or not. `kinfo` is a file with the record, or the record's PA in the memory (a number, or "0x..."); without it the memory
    is searched. `beside` are files of the kernel's build: they are held against what the memory says, and lead to the kernel
    where that says nothing. Raises KinfoError: for files as `open_memory`, when there is no record, when what it points at
    contradicts it, when there are several kernels and nothing tells which one ran.
    """
    opened = open_memory(paths_of(specs), stdin)
    try:
        return kernel_in(opened, record_word(kinfo), beside)
    except BaseException:
        opened.close()
        raise


def record_word(kinfo: Path | int | None) -> str | None:
    """What names a record, as a command line has it: a file, or 0x and a PA."""
    if kinfo is None:
        return None
    return f"{kinfo:#x}" if isinstance(kinfo, int) else os.fspath(kinfo)


def kernel_in(opened: Memory | RawDump, kinfo: str | None, beside: Beside | None = None) -> Kernel:
    """The kernel in what has been opened, which stays open where there is none; errors as for `open_kernel`."""
    kernel = _found(opened, kinfo, beside)
    return beside.held(kernel) if beside else kernel


def _found(opened: Memory | RawDump, kinfo: str | None, beside: Beside | None) -> Kernel:
    found = Candidates(opened)
    if kinfo is not None:
        kernel, is_inside = _of_named(opened, kinfo, beside)
        return hold(kernel, None if is_inside else Candidates(kernel.memory))
    if found.search():
        return choose(found)
    if by_other := _unrecorded(opened, found, beside):
        return by_other
    if found.errors or found.bounds:
        raise _none_leads(found)
    locate.locate(found.source, base=0 if isinstance(opened, Memory) else None)  # raises, with what there is instead
    raise RecordError(f"{found.source.name}: no record that points at a kernel", "name the file that has it with --kinfo")


def _unrecorded(opened: Memory | RawDump, found: Candidates, beside: Beside | None) -> Kernel | None:
    """The kernel by what else than a record speaks of it."""
    kernel = _by_other(opened, found, beside)
    if kernel and found.errors:
        place = found.records[0].address if found.records else None
        where = "the memory" if place is None else f"PA {place:#x}"
        kernel.told += (rules.KERNEL_RECORD_ASTRAY.at(where, f"a record leads to no kernel: {found.errors[0].message}"),)
    return kernel


def _by_other(opened: Memory | RawDump, found: Candidates, beside: Beside | None) -> Kernel | None:
    """By VMCOREINFO; else by the build's files; else, where no record leads astray, by what its tables hold."""
    from kinfo.kernel.unrecorded import search

    is_astray = bool(found.errors or found.bounds)
    other = search.Unrecorded(opened)
    refusal: KinfoError | None = None
    if kernels := other.search():
        return search.choose(kernels)
    if beside:
        try:
            return beside.kernel(opened, found.records)
        except (KernelError, HoleError) as error:
            refusal = error
    if not is_astray and (kernels := other.by_content()):
        return search.choose(kernels)
    if refusal:
        raise refusal
    if other.errors and not is_astray:
        first = other.errors[0]
        message = f"{found.source.name}: has no record, and nothing else leads to a kernel: {first.message}"
        raise RecordError(message, first.hint)
    return None


def _none_leads(found: Candidates) -> KinfoError:
    """Why the records that were found lead to no kernel: the first one's reason."""
    source = found.source
    if alone := region_alone(source, found.records[0]) if found.records else None:
        return alone
    if found.bounds:
        hint = "name the record with --kinfo, and raw memory as FILE@BASE"
        return KernelError(f"{source.name}: no record that was tried leads to a kernel; {'; '.join(found.bounds)}", hint)
    error, count = found.errors[0], len(found.errors)
    text = f"none of {count} records leads to a kernel; the first: {error.message}" if count > 1 else error.message
    return KernelError(text, error.hint)


def _of_named(opened: Memory | RawDump, kinfo: str, beside: Beside | None) -> tuple[Kernel, bool]:
    """The kernel of the record that the user named, and whether that is a part of the memory."""
    record, is_inside = _named(opened, kinfo)
    try:
        if isinstance(opened, RawDump):
            return _borne_out(infer(opened.dump, record, is_inside=is_inside), opened), is_inside
        return Kernel(opened, record), is_inside
    except (KernelError, HoleError) as error:
        if beside:
            return beside.kernel(opened, (record,)), is_inside
        found = Candidates(opened)
        if alone := region_alone(found.source, record):
            raise alone from None
        if not is_inside and isinstance(opened, Memory) and found.search((PAGE,)):
            own = found.kernels[0][0].record.address or 0
            hint = f"the memory's own record, at PA {own:#x}, leads to a kernel: leave --kinfo out"
            raise KernelError(error.message, f"{error.hint}; {hint}") from None
        raise


def _borne_out(kernel: Kernel, opened: RawDump) -> Kernel:
    """The kernel of a record beside a raw dump, whose base was worked out from it.

    The record of a boot at another PA finds the tables too, and gives a wrong base, which the page table does not fit then.
    Raises KernelError where the dump's own record has a base that its page table fits.
    """
    if _has_page_table(kernel):
        return kernel
    start = kernel.memory.segments[0].start
    for group in Candidates(opened).search((PAGE,)):
        own, place = group[0], group[0].memory.segments[0].start
        if _has_page_table(own) and place != start:
            message = (
                f"with the record that was named, {opened.dump.name} would begin at PA {start:#x}, which the page table "
            )
            message += (
                f"does not fit; with its own, at {own.record.offset:#x} of it, it begins at PA {place:#x}, which it fits"
            )
            raise KernelError(message, "the record is of another boot: leave --kinfo out")
    doubt = f"no page table bears out that {opened.dump.name} begins at PA {start:#x}: with a record of another boot every PA"
    kernel.notes += (f"{doubt} would be wrong; write {opened.dump.name}@BASE where the base is known",)
    return kernel


def _has_page_table(kernel: Kernel) -> bool:
    return kernel.space is not None and kernel.space.form is not None


def _named(opened: Memory | RawDump, kinfo: str) -> tuple[Record, bool]:
    """The record that the user named: of a file, or at a PA of the memory; and whether it is a part of the memory."""
    if not os.path.exists(kinfo) and kinfo[:2].lower() == "0x":
        if isinstance(opened, RawDump):
            raise RecordError(f"--kinfo {kinfo}: {opened.dump.name} has no addresses yet", f"write {opened.dump.name}@BASE")
        try:
            return locate.decode_offset(opened.as_dump, int(kinfo, 16), base=0), True
        except ValueError:
            raise RecordError(f"--kinfo {kinfo}: is neither a file nor an address", "write 0x4a000000, say") from None
        except RecordError:
            hint = "`kinfo find` lists the records of a dump"
            raise RecordError(f"--kinfo {kinfo}: {opened.name} has no record at that PA", hint) from None
    with open_file(kinfo) as file:
        beside = file.memory()
        source = beside.as_dump if isinstance(beside, Memory) else beside
        return locate.locate(source, base=0 if isinstance(beside, Memory) else None)[0], False
