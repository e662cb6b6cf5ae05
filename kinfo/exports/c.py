"""A C header: a packed struct a layout with static asserts; for all layouts, a table of them and what finds the right one.

What it decides follows `record/evidence`, but for weighing: a layout is refused, possible or good. It says one only where
the others are refused, so that it is right, or silent, where `kinfo decode` weighs more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.arch.address import KERNEL_HALF, PA_LIMIT
from kinfo.exports.vocabulary import FieldKind, constant, filled, kinds, rows, snake
from kinfo.record import kernels, limits
from kinfo.record.kernels import ANDROID_MARKS, NO_BASE_CHOICE, Version
from kinfo.record.layouts import LARGEST, LAYOUTS, SMALLEST
from kinfo.record.model import Layout
from kinfo.version import __version__
from kinfo.writer_rows import android

_TYPES = {"B": "uint8_t", "H": "uint16_t", "L": "uint32_t", "Q": "uint64_t"}
_NOWHERE = 0xFFFF


def exported(layouts: Sequence[Layout]) -> str:
    """The header. Detection and accessors need every layout; a header of some has the structs and static asserts alone."""
    parts = [filled("head.h", version=__version__), *("\n".join(struct(layout)) for layout in layouts)]
    if len(layouts) == len(LAYOUTS):
        parts += [_tables(layouts), filled("reading.h"), _judging(), filled("answering.h")]
    return "\n".join([*parts, "#endif /* KINFO_LAYOUTS_H */\n"])


def name_of(layout: Layout) -> str:
    """The struct's name, as in kinfo_debug_kinfo_2020."""
    return "kinfo_" + snake(layout)


def struct(layout: Layout) -> Iterator[str]:
    """The lines of one layout's struct."""
    name = name_of(layout)
    yield f"/* {layout.alias}: {layout.title}; seen in {layout.seen_in} */"
    yield f"#define {name.upper()}_MAGIC {layout.magic:#x}u"
    yield f"#define {name.upper()}_WORDS {layout.words} /* 32-bit words under the checksum, from offset 8 */"
    yield f"struct {name} {{"
    for field in layout.fields:
        bounds = f"[{field.elements}]" if field.elements else ""
        kind = "uint8_t" if field.is_text else _TYPES[field.item]
        bounds += f"[{field.item[:-1]}]" if field.is_text else ""
        yield f"\t{kind} {field.name}{bounds}; /* {field.note.meaning} */"
    yield "} __attribute__((packed));"
    yield f'KINFO_STATIC_ASSERT(sizeof(struct {name}) == {layout.size}, "{layout.alias} size");'
    for field in layout.fields:
        assertion = f"offsetof(struct {name}, {field.name}) == {field.offset}"
        yield f'KINFO_STATIC_ASSERT({assertion}, "{layout.alias} {field.name}");'
    yield ""


def _tables(layouts: Sequence[Layout]) -> str:
    found = kinds(layouts)
    return filled(
        "tables.h",
        fields="\n".join(f"\tKINFO_F_{constant(one.name)}, /* {one.meaning} */" for one in found),
        layout_ids="\n".join(f"\tKINFO_L_{layout.alias.upper()}, /* {layout.name}: {layout.title} */" for layout in layouts),
        sizes="\n".join(_size(one) for one in found),
        layouts="\n".join(_row(layout, found) for layout in layouts),
        constants="\n".join(f"#define KINFO_{name} {value}" for name, value in _constants().items()),
    )


def _constants() -> dict[str, str]:
    return {
        "LARGEST": f"{LARGEST}u /* bytes of the longest layout */",
        "LOOKED_AT": f"{limits.VENDOR_HALF}u /* bytes from its start on that say something of a record */",
        "SMALLEST": f"{SMALLEST}u",
        "NOWHERE": f"{_NOWHERE:#x}u /* in a layout's table: it has no such field */",
        "PA_LIMIT": f"{PA_LIMIT:#x}ull /* no kernel has wider physical addresses */",
        "KERNEL_HALF": f"{KERNEL_HALF:#x}ull /* 64-bit kernels' virtual addresses */",
        "TEXT_GAP": f"{limits.TEXT_GAP:#x}u /* _text to _stext at most */",
        "STACK_LEAST": f"{limits.STACK_LEAST:#x}u /* THREAD_SIZE */",
        "STACK_MOST": f"{limits.STACK_MOST:#x}u",
        "MODULE_LIMIT": f"{limits.MODULE_STRUCT_LIMIT:#x}u /* struct module is smaller */",
        "IMAGE_LIMIT": f"{limits.IMAGE_LIMIT:#x}u /* kernel images are smaller */",
        "NO_BASE_CHOICE": f"{_version(NO_BASE_CHOICE)} /* kernels since then have no CONFIG_KALLSYMS_BASE_RELATIVE */",
        "LONG_NAMES": f"{_version(kernels.LONG_NAMES)} /* KSYM_NAME_LEN grew */",
        "SHORT_NAME_LEN": f"{kernels.name_len((0, 0))}u /* what it was before */",
        "NAMES_LIMIT": f"{limits.NAMES_LIMIT:#x}u /* kallsyms_names is smaller */",
    }


def _size(one: FieldKind) -> str:
    return f"\t{{{one.width}, {one.elements}, {one.size}, {int(one.is_text)}}}, /* {one.name} */"


def _row(layout: Layout, found: Sequence[FieldKind]) -> str:
    places = [layout.by_name[one.name].offset if one.name in layout.by_name else _NOWHERE for one in found]
    spans = ", ".join(_version(version) for span in (layout.kernels.possible, layout.kernels.known) for version in span)
    flags = (layout.vendor, android.GUARDS_MODULES.has(layout.alias), android.GUARDS_NAME_LEN.has(layout.alias))
    head = f'\t{{"{layout.name}", "{layout.alias}", {layout.magic:#x}u, {layout.size}, {spans}, '
    head += ", ".join(str(int(flag)) for flag in flags)
    return f"{head},\n\t {{\n" + rows([str(place) for place in places], "\t\t") + "\n\t }},"


def _version(version: Version | None) -> str:
    return "0" if version is None else f"{version[0] << 16 | version[1]:#x}u"


def _judging() -> str:
    fields = sorted({name for layout in LAYOUTS if android.GUARDS_MODULES.has(layout.alias) for name in layout.module_fields})
    return filled(
        "judging.h",
        android_marks="\n".join(
            f'\tof->is_android |= kinfo_contains(at, (size_t)length, "{mark}", {len(mark)});' for mark in ANDROID_MARKS
        ),
        tables=", ".join(f"KINFO_F_{constant(name)}" for name in limits.TABLES),
        module_fields=", ".join(f"KINFO_F_{constant(name)}" for name in fields),
    )
