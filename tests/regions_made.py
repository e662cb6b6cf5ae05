"""A set of region files and the core image of it, as the kernel, the minidump driver and the firmware leave them."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

from tests import inspect_tables as writer
from tests.inspect_tables import E, entries, region_name

BANNER = b"Linux version 6.12.117-made (build@host) (gcc 12.2.0) #7 SMP PREEMPT\n\0"
RELEASE = "6.12.117-made"
SLIDE = 0x12600000
CONFIG = "#\n# Automatically generated file\n# Linux/arm64 6.12.117 Kernel Configuration\n#\nCONFIG_HZ=250\nCONFIG_SMP=y\n"
VOFFSET = writer.IMAGE_VA - writer.IMAGE_PA
FLAGS = "PFSRMBUDAWCIOELKXTN"
_NAMED = ("init_uts_ns", "_stext", "prb", "printk_rb_static", "swapper_pg_dir", "kallsyms_names", "kallsyms_num_syms")


def uts() -> bytes:
    words = ("Linux", "host", RELEASE, "#7 SMP PREEMPT", "aarch64", "(none)")
    return b"".join(one.encode().ljust(65, b"\0") for one in words)


def vmcoreinfo(found: list[E], **changes: str) -> bytes:
    """The lines that the kernel would write; `changes` by key, "" to leave one out."""
    values = {"OSRELEASE": RELEASE, "PAGESIZE": "4096", "OFFSET(uts_namespace.name)": "0"}
    values |= {f"SYMBOL({one.symbol})": f"{one.va:x}" for one in found if one.symbol in _NAMED}
    values |= {"KERNELOFFSET": f"{SLIDE:x}", "NUMBER(kimage_voffset)": f"{VOFFSET:#x}", "NUMBER(VA_BITS)": "48"}
    values |= {"NUMBER(TCR_EL1_T1SZ)": "0x10", "OFFSET(latched_seq.val)": "8"} | changes
    return "".join(f"{key}={value}\n" for key, value in values.items() if value).encode()


_BORDERS = {"_text": 0, "_stext": 0x10000, "_etext": 0x1000000, "_sinittext": 0x1100000, "_einittext": 0x1200000}
_BORDERS |= {"_end": 0x8000000}


def _apart(one: E, series: str, place: int) -> E:
    """The image's regions 1 MiB apart, behind its code; its borders where those of an image are."""
    if one.va < writer.IMAGE_VA:
        return one
    va = writer.IMAGE_VA + _BORDERS.get(one.symbol, 0x2000000 + 0x100000 * place)
    return one._replace(va=va, pa=va - VOFFSET if series == "v3" else 0)


def contents(series: str = "v1") -> tuple[list[E], dict[int, bytes]]:
    """Entries with their sizes, and the bytes of each by id, padded to 4 as the driver does."""
    packed = b"IKCFG_ST" + gzip.compress(CONFIG.encode(), mtime=0) + b"IKCFG_ED"
    by_name = {
        "CONFIG": packed,
        "_totalram_pages": struct.pack("<Q", 62986),
        "__cpu_possible_mask": struct.pack("<Q", 0b1011),
        "mem_section": struct.pack("<Q", writer.LINEAR + 0x100),
        "jiffies_64": struct.pack("<Q", (1 << 32) - 300 * 250 + 1000),
        "linux_banner": BANNER,
        "nr_threads": struct.pack("<i", 54),
        "nr_irqs": struct.pack("<I", 64),
        "total_nr_irqs": struct.pack("<I", 64),
        "init_uts_ns": uts().ljust(432, b"\0"),
        "high_memory": struct.pack("<Q", writer.LINEAR + 0x10000000),
        "kallsyms_num_syms": struct.pack("<Q", 22830),
        "kallsyms_relative_base": struct.pack("<Q", writer.IMAGE_VA),
        "clear_seq": struct.pack("<IIQQ", 1, 0, 5, 7),
        "tainted_mask": struct.pack("<Q", 1 << 12 | 1 << 9),
        "taint_flags": b"".join(struct.pack("<ccB5xQ", one.encode(), b"G" if one == "P" else b" ", 1, 0) for one in FLAGS),
        "node_states": struct.pack("<6Q", 1, 1, 1, 1, 1, 0),
        "__per_cpu_offset": struct.pack("<4Q", *(0x1000 * (1 + cpu) for cpu in range(4))),
        "nr_swapfiles": struct.pack("<I", 2),
    }
    more = {14: "tainted_mask", 15: "taint_flags", 16: "node_states", 17: "__per_cpu_offset", 18: "nr_swapfiles", 3: "CONFIG"}
    more |= {6: "__cpu_present_mask", 7: "__cpu_online_mask", 8: "__cpu_active_mask", 21: "printk_rb_dynamic"}
    by_name |= {f"__cpu_{one}_mask": struct.pack("<Q", 3) for one in ("present", "online", "active")}
    made = [one._replace(size=len(by_name.get(one.symbol, bytes(one.size)))) for one in entries(series)]
    for number, (id_, symbol) in enumerate(more.items()):
        va = writer.LINEAR + 0x48100000 if symbol == "CONFIG" else writer.IMAGE_VA + 0x200000 + 0x1000 * number
        pa = va - writer.LINEAR if symbol == "CONFIG" else va - VOFFSET if series == "v3" else 0
        made.append(E(id_, symbol, va, pa, len(by_name.get(symbol, bytes(88)))))
    made = [_apart(one, series, place) for place, one in enumerate(sorted(made, key=lambda one: one.id))]
    bytes_of = {one.id: by_name.get(one.symbol) or bytes((one.id + at) % 251 for at in range(one.size)) for one in made}
    return made, {id_: data + bytes(-len(data) % 4) for id_, data in bytes_of.items()}


def core(series: str = "v1", **changes: str) -> bytes:
    """The core image, with the regions' bytes behind its headers."""
    found, by_id = contents(series)
    info = vmcoreinfo(found, **changes)
    head = writer.core(found, named=(), tail=info)[:-64]
    return head + b"".join(by_id[one.id] for one in found)


def files(folder: Path, series: str = "v1", *, without: tuple[int, ...] = (), **changes: str) -> Path:
    """The folder of md_K*.BIN; regions 1 and 2 are the core's beginning. (The kernel's own region 1 has zeros in it.)"""
    folder.mkdir(exist_ok=True)
    found, by_id = contents(series)
    info = vmcoreinfo(found, **changes)
    whole = core(series, **changes)
    start = whole.index(info)
    by_id = {1: whole[:start], 2: info + bytes(-len(info) % 4), **by_id}
    for id_, data in by_id.items():
        if id_ not in without:
            (folder / f"md_{_name(series, id_)}{id_}.BIN").write_bytes(data)
    return folder


def _name(series: str, id_: int) -> str:
    strings = {6: "cpu_present", 7: "cpu_online", 8: "cpu_active", 14: "tainted_mask", 15: "taint_flags", 16: "node_states"}
    strings |= {3: "config", 17: "__per_cpu_offset", 18: "nr_swapfiles", 21: "printk_rb_dynamic"}
    return f"K{strings[id_]}"[:9] if id_ in strings else region_name(series, id_)
