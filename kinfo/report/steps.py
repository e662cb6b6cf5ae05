"""What to type next after `kinfo decode`, for whoever looks at its screen."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kinfo.errors import KernelError
from kinfo.examine import Examined
from kinfo.findings import Severity, worst
from kinfo.kernel.extent import image_of, range_words
from kinfo.kernel.kallsyms.tables import tables_of
from kinfo.kernel.pointers import RecordPointers
from kinfo.memory import Dump
from kinfo.record.record import Record

Step = tuple[str, str]  # a command ("": none) and why


def after_decode(source: Dump, name: str, record: Examined) -> str:
    """The section "Next:". `name` is the dump's, as it was typed ("-": standard input)."""
    file = "FILE" if name == "-" else shlex.quote(name)
    steps = [*_about_faults(record, file), *_about_kernel(source, file, record)]
    if record.rivals:
        rivals = ", ".join(rival.layout.alias for rival in record.rivals)
        steps.append((f"kinfo decode {file} --explain", f"what speaks for {_alias(record)}, and for {rivals}"))
    if not steps:
        steps.append((f"kinfo decode {file} --explain", f"what speaks for {_alias(record)}"))
    width = max(len(command) for command, _ in steps)
    return "\nNext:\n" + "".join(_line(command, why, width) for command, why in steps)


def _line(command: str, why: str, width: int) -> str:
    return f"  {command:<{width}}    # {why}\n" if command else f"  # {why}\n"


def _alias(record: Record) -> str:
    return record.layout.alias if record.layout else "-"


def _about_faults(record: Examined, file: str) -> Iterator[Step]:
    if record.layout is None:
        yield f"kinfo verify-dt BOARD.dtb --dump {file}", "whether the devicetree gives the driver this memory"
    gravest = worst(record.findings)
    codes = dict.fromkeys(finding.code for finding in record.findings if finding.severity is gravest is not Severity.INFO)
    for code in list(codes)[:3]:
        yield f"kinfo explain {code}", "what that means, and what to do"


def _about_kernel(source: Dump, file: str, record: Record) -> Iterator[Step]:
    """How to follow the record: straight away where the dump has its kernel, else what to dump for it."""
    image = image_of(record)
    try:
        tables = tables_of(RecordPointers(record))
    except KernelError:
        return  # it has no symbol table to follow; the findings say so
    places = [pa for pa in (tables.names, tables.markers, tables.token_table, tables.token_index) if pa]
    if memory := _memory_with(source, file, record, places):
        yield f"kinfo info {memory}", "the kernel that it points at: symbols, addresses, modules"
    elif image:
        yield "", f"dump {range_words(image)}, the kernel, as IMAGE; or all RAM, for its modules too"
        yield f"kinfo info IMAGE@{image.start:#x} --kinfo {file}", "then: symbols, addresses"


def _memory_with(source: Dump, file: str, record: Record, places: list[int]) -> str:
    """The dump as the words of `kinfo info`, where it holds the symbol table's places; "" where it does not."""
    if source.base is not None:  # a container, whose offsets are PAs
        return file if _holds(source, places, 0) else ""
    if record.base is not None:
        return f"{file}@{record.base:#x}" if _holds(source, places, record.base) else ""
    return file if source.size >= max(len(image_of(record)), 1 << 20) else ""  # its address is worked out


def _holds(source: Dump, places: list[int], base: int) -> bool:
    return all(pa >= base and source.read(pa - base, 1) for pa in places)
