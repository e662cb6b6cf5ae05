"""A decoded record as a screen of text: identity and verdict first, then build, image, kallsyms, modules, findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from kinfo.examine import Examined
from kinfo.findings import Severity
from kinfo.record.checksum import State
from kinfo.record.record import Weighed
from kinfo.record.shown import shown_fields
from kinfo.report import image_map
from kinfo.report.columns import Row, pairs, row
from kinfo.report.findings import counted, finding_lines
from kinfo.report.style import Style

_KALLSYMS = tuple(f"_{name}_" for name in ("addresses", "offsets", "relative", "names", "markers", "token", "seqs"))
_MODULES = ("enabled_modules_tree_lookup", "enabled_module_scmversion")
_FLAGS = {
    "enabled_all": "KALLSYMS_ALL",
    "enabled_base_relative": "KALLSYMS_BASE_RELATIVE",
    "enabled_absolute_percpu": "KALLSYMS_ABSOLUTE_PERCPU",
    "enabled_cfi_clang": "CFI_CLANG",
}
_ROOM = 29  # letters of a row's name
_VA_SPACE = ("va_bits", "page_offset", "page_end", "phys_offset", "kimage_voffset")


def render(source: str, record: Examined, style: Style) -> str:
    """The whole screen for one record."""
    sections: list[Iterable[str]] = [pairs(_identity(source, record, style), _ROOM, style)]
    if record.layout is not None:
        sections += [
            _section("Build", _build(record), style),
            _section(_image_title(record), image_map.draw(record, style), style),
            _section(_kallsyms_title(record), _kallsyms(record), style),
            _section("Modules", _modules(record), style),
            _section("Virtual address space", _va_space(record), style),
            _section("Vendor block", _vendor(record), style),
        ]
    sections.append(_section("Findings", finding_lines(record.findings, style), style))
    blocks = ["\n".join(lines) for lines in map(list, sections) if lines]
    return "\n\n".join(blocks) + "\n"


def evidence(weighed: Iterable[Weighed], style: Style) -> str:
    """Why: every layout that was weighed, best first, with its observations."""
    lines = [style.paint("Evidence", "bold")]
    for one in weighed:
        lines.append(f"  {one.points:+5}  {style.paint(f'{one.layout.alias} {one.layout.name}', 'bold')}")
        lines += [f"    {item.points:+5}  {item.text}" for item in one.evidence]
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Iterable[str | Row], style: Style) -> list[str]:
    body = list(pairs(lines, _ROOM, style))
    return [style.paint(title, "bold"), *body] if body else []


def _identity(source: str, record: Examined, style: Style) -> Iterator[str | Row]:
    place = f"{source} at {record.offset:#x}" + ("" if record.address is None else f" (PA {record.address:#x})")
    if record.layout is None:
        yield f"{style.paint(place, 'bold')}: no record in {record.size} bytes"
    else:
        known = f"{record.layout.name} ({record.layout.alias}), {record.size} bytes"
        yield f"{style.paint(place, 'bold')}: {known}, layout {record.confidence.value}"
    colour = "green" if record.state.verified else "red"
    checksum = f"stored {record.checksum.stored:#010x}, computed {record.checksum.computed:#010x}"
    yield row("checksum", f"{style.paint(state_words(record), 'bold', colour)}  ({checksum})")
    yield row("verdict", verdict_words(record, style))
    if record.release_text:
        yield row("release", record.release_text)
    for index, writer in enumerate(record.writers):
        yield row("possible writers" if index == 0 else "", writer if index == 0 else f"or {writer}")
    if record.rivals:
        yield row("also reads as", ", ".join(f"{one.layout.name} ({one.layout.alias})" for one in record.rivals))


def state_words(record: Examined) -> str:
    """The state in words, completeness included, as in `valid, incomplete`."""
    if record.is_truncated:
        return "cut off before the end: the sum cannot be formed"
    words = {
        State.VALID: "valid",
        State.INVERTED: "inverted (a boot loader has read it)",
        State.MISMATCH: "mismatch",
        State.NOT_WRITTEN: "not written",
        State.ERASED: "erased",
    }[record.state]
    return f"{words}, incomplete" if record.missing and record.state.verified else words


def verdict_words(record: Examined, style: Style) -> str:
    """Whether it is sound, and how many findings of each severity there are."""
    counts = Counter(finding.severity for finding in record.findings)
    parts = counted(record.findings)
    if counts[Severity.ERROR]:
        return style.paint("not sound", "bold", "red") + ": " + ", ".join(parts)
    if record.missing:
        return style.paint("sound as far as it goes, but incomplete", "bold", "yellow") + ": " + ", ".join(parts)
    return style.paint("sound", "bold", "green") + (": " + ", ".join(parts) if parts else "")


def _build(record: Examined) -> Iterator[str | Row]:
    fields = shown_fields(record)
    if "build_info" in fields:
        yield row("build_info", str(fields["build_info"]) or "(empty)")
    flags = {option: fields.get(name) for name, option in _FLAGS.items() if name in fields}
    if flags:
        yield row("options on", ", ".join(option for option, value in flags.items() if value) or "none")
        yield row("options off", ", ".join(option for option, value in flags.items() if not value) or "none")
    if "bit_per_long" in fields:
        yield row("long", f"{fields['bit_per_long']} bits")
        lengths = ("name_len", "module_name_len", "symbol_len")
        yield row("lengths", ", ".join(f"{name} {fields[name]}" for name in lengths))
    if (stack := record.number("thread_size")) is not None:
        yield row("thread_size", f"{stack:#x} ({stack // 1024} KiB)")


def _image_title(record: Examined) -> str:
    kind = "virtual" if record.suffix == "va" else "physical"
    return f"Image in {kind} memory"


def _kallsyms_title(record: Examined) -> str:
    count = record.number("num_syms")
    return "Kallsyms" if count is None else f"Kallsyms: {count:,} symbols"


def _kallsyms(record: Examined) -> Iterator[str | Row]:
    for name, value in shown_fields(record).items():
        if name.startswith(_KALLSYMS):
            yield row(name, "(not set)" if value == "0x0" else str(value))


def _modules(record: Examined) -> Iterator[str | Row]:
    for name, value in shown_fields(record).items():
        if name in _MODULES:
            yield row(name, str(value))
        elif name.startswith("mod_") and not name.endswith("_pa"):
            yield row(name, f"{value:#x}" if isinstance(value, int) else str(value))
        elif name.startswith("module_") and name != "module_name_len":
            yield row(name, str(value))


def _va_space(record: Examined) -> Iterator[str | Row]:
    fields = shown_fields(record)
    for name in _VA_SPACE:
        if name in fields:
            yield row(name, str(fields[name]))


def _vendor(record: Examined) -> Iterator[str | Row]:
    block = record if record.layout and record.layout.vendor else record.vendor
    if block is None or block.layout is None:
        return
    yield row("layout", f"{block.layout.name} ({block.layout.alias}) at {block.offset:#x}, {block.confidence.value}")
    yield row("checksum", state_words(block))
    for name, value in shown_fields(block).items():
        if name in _VA_SPACE and block is record:
            continue  # these have a section of their own
        shown = ", ".join(str(item) for item in value if item) if isinstance(value, list) else value
        yield row(name, str(shown))
