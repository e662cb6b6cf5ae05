"""A kernel in a RAM dump, as one screen of text and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinfo.kernel.boot.clock import Uptime
from kinfo.kernel.boot.linear_map import LinearMap
from kinfo.kernel.boot.summary import Summary
from kinfo.kernel.choose import Other
from kinfo.kernel.modules.loaded import Module
from kinfo.kernel.printk.taint import Taint
from kinfo.printable import size_words
from kinfo.record.record import Record
from kinfo.report import triage
from kinfo.report.columns import Column, Row, pairs, row, table
from kinfo.report.findings import finding_lines
from kinfo.report.style import Style

_SHOWN_MODULES = 12
_ALL_MODULES = 1 << 62
_MODULE = (Column(room=24), Column(room=10, gap=0), Column(gap=0, is_text=True))


def text(summary: Summary, style: Style, *, every_module: bool = False) -> str:
    """The screen."""
    sections: list[tuple[str, Iterable[str | Row]]] = [
        ("Crash", triage.lines(summary.triage)),
        ("Kernel", _kernel(summary)),
        ("Virtual addresses", _space(summary)),
        ("Symbols", _symbols(summary)),
        (_modules_title(summary), _modules(summary, style, _ALL_MODULES if every_module else _SHOWN_MODULES)),
        ("Findings", finding_lines(summary.findings, style)),
    ]
    blocks = [
        [style.paint(title, "bold"), *body] for title, lines in sections if (body := list(pairs(lines, triage.ROOM, style)))
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _kernel(summary: Summary) -> Iterator[Row]:
    kernel = summary.kernel
    record, borders = kernel.pointers.record, kernel.kallsyms.borders
    yield row("memory", f"{kernel.memory.name}: {_ranges(summary)}")
    yield row("record", _record(record) if record else f"none: the tables are known by {kernel.pointers.source}")
    for other in kernel.others:
        whose = "of this kernel" if other.is_same_kernel else f"of another kernel ({other.release or 'no release'})"
        where = "an unknown PA" if other.pa is None else f"PA {other.pa:#x}"
        yield row("other record", f"{where}, layout {other.layout}, {whose}{f': {other.reason}' if other.reason else ''}")
    yield row("release", kernel.pointers.release or "(none)")
    if summary.banner:
        yield row("banner", summary.banner)
    if summary.build_id:
        yield row("build id", summary.build_id)
    yield row("image", f"PA {borders.text:#x} - {borders.end:#x}")
    for up in summary.uptime:
        yield row("uptime", up.source if up.seconds is None else f"{up.seconds:.1f} s, by {up.source}")


def _record(record: Record) -> str:
    layout = f"{record.layout.alias} {record.layout.name}" if record.layout else "-"
    place = "in a file of its own" if record.address is None else f"PA {record.address:#x}"
    return f"{place}, layout {layout}, {record.confidence.value}, checksum {record.state.value}"


def _ranges(summary: Summary) -> str:
    segments = summary.kernel.memory.segments
    size = sum(segment.end - segment.start for segment in segments)
    shown = ", ".join(f"PA {segment.start:#x} - {segment.end:#x}" for segment in segments[:3])
    more = f" and {len(segments) - 3} more ranges" if len(segments) > 3 else ""
    return f"{shown}{more} ({size_words(size)})"


def _space(summary: Summary) -> Iterator[Row]:
    space = summary.kernel.space
    if space is None:
        yield row("none", summary.kernel.no_space.message)
        return
    yield row("kimage_voffset", f"{space.voffset:#x}, from {space.evidence}")
    if space.form:
        name = f"{space.form.name}" + (f", {space.va_bits} of them used" if space.va_bits != space.form.va_bits else "")
        yield row("page table", f"PA {space.root:#x}, {name}")
        yield row("VA bits", f"{space.va_bits}")
        yield row("page size", f"{space.form.page_size}")
    text_pa = summary.kernel.kallsyms.borders.text
    yield row("image", f"VA {space.va(text_pa):#x} - {space.va(summary.kernel.kallsyms.borders.end):#x}")
    if summary.slide:
        slide = summary.slide
        above = "" if slide.link is None else f" above {slide.link:#x}"
        yield row("KASLR slide", f"{slide.slide:#x}{above}, by {slide.evidence}")
    yield from _linear(summary.linear)


def _linear(linear: LinearMap) -> Iterator[Row]:
    if linear.phys_offset is not None:
        bits = f" (counted with {linear.va_bits} VA bits)" if linear.is_narrow else ""
        yield row("PHYS_OFFSET", f"{linear.phys_offset:#x}, by {linear.evidence}{bits}")
        if linear.used not in (None, linear.phys_offset):
            what = f"it counts with {linear.va_bits} VA bits; with those in use it is {linear.used:#x} (crash wants that)"
            yield row("", what)
    elif linear.shift is not None:
        yield row("linear map", f"PA 0 is VA {linear.shift:#x}, by {linear.evidence}")
    elif linear.findings:
        yield row("linear map", "not known, see the findings")


def _symbols(summary: Summary) -> Iterator[Row]:
    kallsyms = summary.kernel.kallsyms
    if not kallsyms.is_in_memory:
        yield row("symbols", f"{len(kallsyms)}, by {summary.kernel.pointers.source}")
        return
    base = f", counted from {kallsyms.encoding.base}" if kallsyms.encoding.base else ""
    what = "code and data" if kallsyms.has_data else "code only (KALLSYMS_ALL is off)"
    yield row("kallsyms", f"{len(kallsyms)} symbols, {what}")
    yield row("encoding", f"{kallsyms.encoding.addresses.form}{base}")
    yield row("by name", "binary search (seqs_of_names)" if kallsyms.name_order else "all names are looked through")


def _modules_title(summary: Summary) -> str:
    return "Modules" if _no_modules(summary) else f"Modules ({len(summary.modules)})"


def _no_modules(summary: Summary) -> str:
    """Why nothing is known of modules; "" where their list was read."""
    modules = summary.kernel.modules
    return modules.unknown if modules else "they lie outside the image, and no page table leads there"


def _modules(summary: Summary, style: Style, limit: int) -> Iterator[str]:
    modules, tainted = summary.modules, summary.triage.tainted
    if reason := _no_modules(summary):
        yield f"  not known: {reason}"
    elif not modules:
        yield "  none is loaded"
    yield from table(_MODULE, [_module_row(one, tainted.get(one.name)) for one in modules[:limit]], style, titled=False)
    if len(modules) > limit:
        yield f"  and {len(modules) - limit} more (--all-modules)"


def _module_row(module: Module, taint: Taint | None) -> Row:
    size = sum(part.size for part in module.ranges)
    place = f"VA {module.ranges[0].start:#x}  {size_words(size)}" if module.ranges else "address and size not known"
    return row(module.name, module.state, place + (f"  taint {taint.letters}" if taint else ""))


def _record_document(record: Record) -> dict[str, object]:
    return {
        "pa": _hex(record.address),
        "layout": record.layout.name if record.layout else None,
        "state": record.state.value,
        "release": record.release_text,
    }


def document(summary: Summary) -> dict[str, object]:
    """The same as plain data; 64-bit values are hex strings."""
    from kinfo.report.document import finding_data

    kernel = summary.kernel
    return {
        "schema_version": 1,
        **triage.document(summary.triage),
        "memory": {"name": kernel.memory.name, "ranges": [_range(*one[:2]) for one in kernel.memory.segments]},
        "known_by": kernel.pointers.source,
        "record": _record_document(kernel.pointers.record) if kernel.pointers.record else None,
        "other_records": [_other(other) for other in kernel.others],
        "banner": summary.banner or None,
        "build_id": summary.build_id or None,
        "image": {name: _hex(pa) for name, pa in kernel.kallsyms.borders._asdict().items()},
        "virtual": _virtual(summary),
        "symbols": {
            "count": len(kernel.kallsyms),
            "encoding": kernel.kallsyms.encoding.addresses.form,
            "base": kernel.kallsyms.encoding.base or None,
            "has_data": kernel.kallsyms.has_data,
            "has_name_order": kernel.kallsyms.name_order is not None,
        },
        "uptime": [_uptime(up) for up in summary.uptime],
        "modules": [_module(module, summary.triage.tainted.get(module.name)) for module in summary.modules],
        "modules_unknown": _no_modules(summary) or None,
        "findings": [finding_data(finding) for finding in summary.findings],
        "notes": list(kernel.notes),
    }


def _other(other: Other) -> dict[str, object]:
    image = {"text": _hex(other.text), "end": _hex(other.end)}
    head = {"pa": _hex(other.pa), "layout": other.layout, "release": other.release, "image": image}
    return head | {"is_same_kernel": other.is_same_kernel, "reason": other.reason}


def _virtual(summary: Summary) -> dict[str, object] | None:
    space = summary.kernel.space
    if space is None:
        return None
    return {
        "kimage_voffset": _hex(space.voffset),
        "evidence": space.evidence,
        "swapper_pg_dir": _hex(space.root),
        "format": space.form.name if space.form else None,
        "va_bits": space.va_bits,
        "page_size": space.form.page_size if space.form else None,
        "text": _hex(space.va(summary.kernel.kallsyms.borders.text)),
        "kaslr_slide": _hex(summary.slide.slide) if summary.slide else None,
        "link_address": _hex(summary.slide.link) if summary.slide and summary.slide.link is not None else None,
        "slide_evidence": summary.slide.evidence if summary.slide else None,
        "phys_offset": _hex(summary.linear.phys_offset),
        "phys_offset_used": _hex(summary.linear.used),
        "linear_map": _hex(summary.linear.shift),
        "linear_evidence": list(summary.linear.sources),
    }


def _uptime(up: Uptime) -> dict[str, object]:
    return {"seconds": None if up.seconds is None else round(up.seconds, 6), "source": up.source}


def _module(module: Module, taint: Taint | None) -> dict[str, object]:
    ranges = [{"kind": part.kind, **_range(part.start, part.start + part.size)} for part in module.ranges]
    return {
        "name": module.name,
        "state": module.state,
        "va": _hex(module.va),
        "ranges": ranges,
        "taint": taint and taint.letters,
    }


def _range(start: int, end: int) -> dict[str, object]:
    return {"start": _hex(start), "end": _hex(end)}


def _hex(value: int | None) -> str | None:
    return None if value is None else f"{value:#x}"


def next_steps(ram: Iterable[str], *, has_types: bool = False) -> str:
    """What to type next, with the words that name the memory. `has_types`: tasks and stacks can be read without a vmlinux."""
    import shlex

    words = shlex.join(ram)
    who = f"  kinfo backtrace {words}                  # where each CPU was; kinfo ps lists the tasks\n"
    return (
        "\nNext:\n"
        f"  kinfo dmesg {words}                      # the kernel's log\n"
        f"{who if has_types else ''}"
        f"  kinfo symbols {words} -o vmlinux.syms    # for gdb, drgn, perf, objdump\n"
        f"  kinfo symbolize {words} < log            # names behind raw addresses\n"
        f"  kinfo debug {words} --tool crash         # the command line of crash, gdb or drgn\n"
    )
