"""From what a user names to the kernel in it: memory, the record in that memory or beside it, and the tables it points at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from kinfo.errors import HoleError, KernelError, KinfoError, RecordError
from kinfo.kernel.kernel import Kernel
from kinfo.memory import Dump, Memory
from kinfo.memory.specs import RawDump, open_file, open_memory
from kinfo.record import locate
from kinfo.record.record import Record
from kinfo.record.scan import PAGE, WORD

_MOST_RECORDS = 16  # records of one dump whose kernel is looked for; each is a verified checksum


Path = str | os.PathLike[str]


def open_kernel(specs: Path | Sequence[Path], kinfo: Path | int | None = None, stdin: BinaryIO | None = None) -> Kernel:
    """The kernel in a memory dump.

    `specs` are files: ELF cores, LiME, raw with the PA of their first byte (FILE@BASE) or, a single one, without; compressed
    or not. `kinfo` is a file with the record, or the record's PA in the memory (a number, or "0x..."); without it the memory
    is searched. Raises KinfoError: for files as `open_memory`, when there is no record, when what it points at contradicts it,
    when there are several kernels and nothing tells which one ran.
    """
    paths = [specs] if isinstance(specs, (str, os.PathLike)) else specs
    kinfo = f"{kinfo:#x}" if isinstance(kinfo, int) else kinfo if kinfo is None else os.fspath(kinfo)
    opened = open_memory([os.fspath(path) for path in paths], stdin)
    try:
        return _kernel(opened, kinfo)
    except BaseException:
        (opened.dump if isinstance(opened, RawDump) else opened).close()
        raise


def _infer(dump: Dump, record: Record, *, is_inside: bool) -> Kernel:
    from kinfo.kernel.base import infer  # for the rare dump of unknown base

    return infer(dump, record, is_inside=is_inside)


def _kernel(opened: Memory | RawDump, kinfo: str | None) -> Kernel:
    if kinfo is not None:
        record, is_inside = _named(opened, kinfo)
        if isinstance(opened, RawDump):
            return _infer(opened.dump, record, is_inside=is_inside)
        return Kernel(opened, record)
    errors: list[KinfoError] = []
    source = opened.dump if isinstance(opened, RawDump) else opened.as_dump
    base = None if isinstance(opened, RawDump) else 0
    for record in islice(_records(source, base), _MOST_RECORDS):
        try:
            if isinstance(opened, RawDump):
                return _infer(opened.dump, record, is_inside=True)
            return Kernel(opened, record)
        except (KernelError, HoleError) as error:
            errors.append(error)
    if errors:
        raise errors[0]
    locate.locate(source, base=base)  # raises, with what there is instead of a record
    raise RecordError(f"{source.name}: no record that points at a kernel", "name the file that has it with --kinfo")


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
    beside = open_file(kinfo)
    with beside:
        source = beside.as_dump if isinstance(beside, Memory) else beside
        return locate.locate(source, base=0 if isinstance(beside, Memory) else None)[0], False


def _records(source: Dump, base: int | None) -> Iterator[Record]:
    """Records that can point at a kernel: those with a good checksum first, as soon as they are found."""
    doubtful: list[Record] = []
    is_found = False
    for step in (PAGE, WORD):
        for hit in _hits(source, step, base):
            record = hit.record
            if record is None or record.layout is None or record.layout.vendor:
                continue
            if record.state.verified:
                is_found = True
                yield record
            elif step == PAGE:
                doubtful.append(record)
        if is_found:
            return
        yield from doubtful
        doubtful.clear()


def _hits(source: Dump, step: int, base: int | None) -> Iterator[locate.Hit]:
    """Every magic at a step, up to where there are too many of them."""
    try:
        yield from locate.find(source, step, base=base)
    except RecordError:
        return
