"""What was opened, as one physical memory; and as bytes, for whoever looks for records."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from kinfo import notices
from kinfo.errors import DumpError
from kinfo.memory import Dump, Memory, Segment
from kinfo.named import NamedTuple
from kinfo.sources import kinds
from kinfo.sources.kinds import Role
from kinfo.sources.opened import Opened, open_all
from kinfo.typed import BinaryIO


class RawDump(NamedTuple):
    """A raw file whose physical address is not known yet."""

    dump: Dump

    def close(self) -> None:
        """Let go of the file."""
        self.dump.close()


def open_memory(texts: Sequence[str | os.PathLike[str]], stdin: BinaryIO | None = None) -> Memory | RawDump:
    """Everything a user named, as one memory; a RawDump for the one raw file that was named without its address.

    Raises DumpError: for a file as `open_dump` does, for a raw file without @BASE beside others, for @BASE on a container.
    """
    files = open_all(texts, stdin)
    try:
        return joined(files)
    except BaseException:
        close_all(files)
        raise


def open_source(text: str | os.PathLike[str], stdin: BinaryIO | None = None) -> Dump:
    """The same for whoever looks for records: a container's offsets are its PAs; one that is damaged is plain bytes.

    The one raw file of FILE@BASE keeps its offsets, and has the base. Raises DumpError as `open_memory` does.
    """
    files = open_all([text], stdin)
    try:
        return as_source(files)
    except BaseException:
        close_all(files)
        raise


def close_all(files: Iterable[Opened]) -> None:
    """Let go of all of them."""
    for one in files:
        one.close()


def as_source(files: Sequence[Opened]) -> Dump:
    """What was opened as bytes with records in them, as `open_source` has it."""
    if len(files) == 1 and (content := _plain(files[0])) is not None:
        return content
    memory = joined(files)
    return memory.as_dump if isinstance(memory, Memory) else memory.dump


def _plain(file: Opened) -> Dump | None:
    """A file's bytes where it is raw, or a damaged container; None where it is a sound one."""
    content, base = file.content, file.spec.base
    file.refuse(Role.MEMORY)
    try:
        if isinstance(file.memory(), Memory):
            return None
    except DumpError as error:
        kind = file.recognised.kind
        if base is not None or kind in kinds.KDUMPS:  # plain bytes would be its packed pages
            raise
        if kind in (kinds.ELF_CORE, kinds.LIME):  # its offsets would be PAs
            notices.tell(f"{error.message}: looked through as plain bytes, at offsets of the file")
    if base is not None:
        content.base = base
    return content


def _stated(file: Opened, held: Dump) -> int:
    """How much of a file is memory: what a listing says of it, as far as the file has it."""
    size = file.spec.size
    if size is None or size == held.size:
        return held.size
    if held.size < size:
        notices.tell(f"{file.name}: is cut off: {held.size} bytes of the {size} that are listed; the rest is not here")
    else:
        notices.tell(f"{file.name}: has {held.size} bytes, {size} are listed; what is behind them is left out")
    return min(size, held.size)


def _tell_overlaps(segments: Sequence[Segment]) -> None:
    """Say which files lie over each other: Memory believes the one that begins first."""
    ordered = sorted(segments, key=lambda one: one.start)
    before = ordered[0] if ordered else None
    for one in ordered[1:]:
        assert before is not None
        if one.start < before.end and one.dump.name != before.dump.name:
            notices.tell(f"{one.dump.name}: overlaps {before.dump.name} from PA {one.start:#x} on, which is believed there")
        before = max(before, one, key=lambda segment: segment.end)


def joined(files: Sequence[Opened]) -> Memory | RawDump:
    """What was opened, as one memory. Raises DumpError as `open_memory` does; nothing is closed then."""
    held = [file.memory() for file in files]
    segments: list[Segment] = []
    machine: int | None = None
    vmcoreinfo = notes = b""
    for file, one in zip(files, held, strict=True):
        base = file.spec.base
        if isinstance(one, Memory):
            if base is not None:
                raise DumpError(f"{one.name}: has physical addresses of its own", f"leave @{base:#x} out")
            segments += one.segments
            machine, vmcoreinfo = machine or one.machine, vmcoreinfo or one.vmcoreinfo
            notes = notes or one.notes  # the parts of a split dump repeat them
        elif base is not None:
            segments.append(Segment(base, base + _stated(file, one), one, 0))
        elif len(files) == 1:
            return RawDump(one)
        else:
            raise DumpError(f"{one.name}: is raw memory at an unknown address", f"write {one.name}@0x80000000, say")
    if not segments:  # nothing would let go of the files
        raise DumpError(f"{files[0].name}: has headers of memory, and none of it", "check that it was copied whole")
    _tell_overlaps(segments)
    name = held[0].name if len(held) == 1 else f"{held[0].name} and {len(held) - 1} more"
    is_raw = not any(isinstance(one, Memory) for one in held)
    return Memory(name, segments, machine=machine, vmcoreinfo=vmcoreinfo, notes=notes, is_raw=is_raw)
