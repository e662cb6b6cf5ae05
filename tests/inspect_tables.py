"""An independent writer of inspect tables in every form they are found in."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

# Typed from the posted enums, not from the code: id, symbol, size on a 64-bit kernel.
_COMMON = [
    (4, "_totalram_pages", 8),
    (5, "__cpu_possible_mask", 8),
    (9, "mem_section", 8),
    (10, "jiffies_64", 8),
    (11, "linux_banner", 159),
    (12, "nr_threads", 4),
    (19, "init_uts_ns", 432),
    (20, "printk_rb_static", 88),
    (22, "prb", 8),
    (23, "prb_descs", 98304),
    (24, "prb_infos", 360448),
    (25, "prb_data", 131072),
    (29, "_sinittext", 8),
    (30, "_einittext", 8),
    (31, "_end", 8),
    (32, "_text", 8),
    (33, "_stext", 8),
    (34, "_etext", 8),
    (35, "kallsyms_num_syms", 8),
]
_V2 = [
    (26, "high_memory", 8),
    (27, "init_mm", 1024),
    (37, "kallsyms_offsets", 8),
    (38, "kallsyms_names", 8),
    (39, "kallsyms_token_table", 8),
    (40, "kallsyms_token_index", 8),
    (41, "kallsyms_markers", 8),
    (42, "kallsyms_seqs_of_names", 8),
    (43, "swapper_pg_dir", 8),
]
STATIC = {
    "v1": [*_COMMON, *_V2, (36, "kallsyms_relative_base", 8), (13, "nr_irqs", 4)],
    "v2": [*_COMMON, *_V2, (13, "nr_irqs", 4)],
    "v3": [
        *_COMMON,
        (13, "total_nr_irqs", 4),
        (26, "clear_seq", 24),
        (27, "high_memory", 8),
        (28, "init_mm", 1024),
        (36, "kallsyms_offsets", 8),
        (37, "kallsyms_names", 8),
        (38, "kallsyms_token_table", 8),
        (39, "kallsyms_token_index", 8),
        (40, "kallsyms_markers", 8),
        (41, "kallsyms_seqs_of_names", 8),
        (42, "swapper_pg_dir", 8),
        (43, "tk_data", 288),
    ],
    "rfc-v2": [
        (5, "_totalram_pages", 8),
        (10, "jiffies_64", 8),
        (11, "linux_banner", 159),
        (21, "init_uts_ns", 432),
        (25, "prb_descs", 98304),
        (26, "prb_infos", 360448),
        (27, "prb_data", 131072),
        (29, "high_memory", 8),
        (30, "init_mm", 1024),
        (32, "_sinittext", 8),
        (34, "_end", 8),
        (35, "_text", 8),
        (38, "kallsyms_num_syms", 8),
        (39, "kallsyms_relative_base", 8),
        (40, "kallsyms_offsets", 8),
        (46, "swapper_pg_dir", 8),
    ],
}
IMAGE_VA, IMAGE_PA, LINEAR = 0xFFFFC00008000000, 0x40200000, 0xFFFF000000000000


class E(NamedTuple):
    """An entry to be written."""

    id: int
    symbol: str
    va: int
    pa: int
    size: int


def entries(series: str, dynamic: int = 3) -> list[E]:
    """A kernel's table as it is at run time: static entries of the image, then dynamic ones of the linear map."""
    found = []
    for place, (id_, symbol, size) in enumerate(sorted(STATIC[series])):
        offset = 0x1000 * (place + 1)
        found.append(E(id_, symbol, IMAGE_VA + offset, IMAGE_PA + offset if series == "v3" else 0, size))
    first = 50 if series == "rfc-v2" else 44
    for number in range(dynamic):
        pa = 0x48000000 + 0x10000 * number
        found.append(E(first + number, "", LINEAR + pa, pa, 2880))
    return found


def entry64(e: E) -> bytes:
    return struct.pack("<I4xQQQI4x", e.id, e.va, e.pa, e.size, 0)


def runtime(found: Sequence[E]) -> bytes:
    """inspect_entries[201]."""
    slots = [bytes(40)] * 201
    for e in found:
        slots[e.id] = entry64(e)
    return b"".join(slots)


def runtime32(found: Sequence[E], *, lpae: bool) -> bytes:
    code, size = ("<IIQII", 24) if lpae else ("<IIIII", 20)
    slots = [bytes(size)] * 201
    for e in found:
        slots[e.id] = struct.pack(code, e.id, e.va & 0xFFFFFFFF, e.pa & 0xFFFFFFFF, e.size, 0)
    return b"".join(slots)


def zones(found: Sequence[E]) -> bytes:
    """kmemdump_zones[201] of RFC v2."""
    slots = [bytes(24)] * 201
    for e in found:
        slots[e.id] = struct.pack("<I4xQQ", e.id, e.va, e.size)
    return b"".join(slots)


def section(found: Sequence[E], *, stride: int = 40, relocated: bool = True) -> tuple[bytes, dict[int, int], dict[int, str]]:
    """The section: bytes, pointers by offset as relocations have them, symbols by offset."""
    data, pointers, symbols = bytearray(), {}, {}
    for place, e in enumerate(found):
        at = place * stride
        data = data.ljust(at, b"\0")
        data += entry64(e._replace(va=e.va if relocated else 0, pa=0))
        pointers[at + 8] = e.va
        symbols[at] = f"__UNIQUE_ID___inspect_entry_MEMINSPECT_ID_{e.symbol}{100 + place}"
    return bytes(data), {} if relocated else pointers, symbols


_NAMES = {
    "v1": {1: "ELF", 2: "vmcoreinfo", 3: "config", 4: "totalram", 5: "cpu_possible", 9: "mem_section", 10: "jiffies"}
    | {11: "linux_banner", 12: "nr_threads", 13: "nr_irqs", 19: "init_uts_ns", 20: "printk_rb_static", 22: "prb"}
    | {23: "prb_descs", 24: "prb_infos", 25: "prb_data", 26: "high_memory", 27: "init_mm"},
}
_NAMES["v2"] = _NAMES["v1"]
_NAMES["v3"] = _NAMES["v1"] | {26: "clear_seq", 27: "high_memory", 28: "init_mm", 29: "tk_data"}


def region_name(series: str, id_: int) -> str:
    return "K" + _NAMES[series].get(id_, "unknown")[:8]


def regions(series: str, found: Sequence[E]) -> bytes:
    """The minidump driver's array, its unused tail included."""
    rows = [
        struct.pack("<16sIIQQ", region_name(series, e.id).encode(), e.id, 0x56414C49, pa_of(e), e.size + -e.size % 4)
        for e in found
    ]
    return b"".join(rows).ljust(201 * 40, b"\0")


def pa_of(e: E) -> int:
    return e.pa or e.va - IMAGE_VA + IMAGE_PA


def core(found: Sequence[E], *, named: Sequence[str], tail: bytes = b"") -> bytes:
    """The core image: a note, a header a region in this order, VMCOREINFO with the addresses of some symbols in it."""
    told = "".join(f"SYMBOL({e.symbol})={e.va:x}\n" for e in found if e.symbol in named).encode() + tail
    count = 1 + len(found)
    start = 64 + 56 * count
    note = struct.pack("<III", 11, len(told), 0) + b"VMCOREINFO\0\0" + told
    fields = (4, 183, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", *fields)
    programs = [struct.pack("<IIQQQQQQ", 4, 0, start, 0, 0, len(note), 0, 0)]
    offset = start + len(note)
    for e in found:
        size = e.size + -e.size % 4
        programs.append(struct.pack("<IIQQQQQQ", 1, 6, offset, e.va, pa_of(e), size, size, 0))
        offset += size
    return header + b"".join(programs) + note + bytes(64)
