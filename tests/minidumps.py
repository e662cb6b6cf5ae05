"""An independent writer of minidumps: a kernel's regions as the series registers them, as files, and as every listing.

Typed from the postings (kernel/meminspect/meminspect.c, drivers/soc/qcom/minidump.c), sharing nothing with the reader.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.inspect_tables import STATIC

IMAGE_PA, VOFFSET = 0x40200000, 0xFFFFC00008000000 - 0x40200000
PHYS_OFFSET, PAGE_OFFSET = 0x40000000, 0xFFFF000000000000
STATUS = {183: 392, 62: 336}

# The string table of drivers/soc/qcom/minidump.c, from id 1 on; ids behind it are "unknown".
_STRINGS = (
    *("ELF", "vmcoreinfo", "config", "totalram", "cpu_possible", "cpu_present", "cpu_online", "cpu_active", "mem_section"),
    *("jiffies", "linux_banner", "nr_threads", "nr_irqs", "tainted_mask", "taint_flags", "node_states", "__per_cpu_offset"),
    *("nr_swapfiles", "init_uts_ns", "printk_rb_static", "printk_rb_dynamic", "prb", "prb_descs", "prb_infos", "prb_data"),
)
_V1, _V3 = ("high_memory", "init_mm", "init_mm_pgd"), ("clear_seq", "high_memory", "init_mm", "tk_data")


def region_name(series: str, id_: int) -> str:
    """K and at most 8 letters."""
    strings = (*_STRINGS, *(_V3 if series == "v3" else _V1))
    return "K" + (strings[id_ - 1] if id_ <= len(strings) else "unknown")[:8]


@dataclass
class R:
    """A region: id, PA, VA, contents; `late`: registered after late_initcall."""

    id: int
    pa: int
    va: int
    data: bytes
    late: bool = False

    @property
    def size(self) -> int:
        return len(self.data) + -len(self.data) % 4


@dataclass
class Set:
    """All regions of a boot in the order of the header, VMCOREINFO, and what the core must be."""

    series: str
    regions: list[R]
    vmcoreinfo: bytes
    machine: int = 183
    note: bytes = b""
    kelf: bytes = b""
    names: dict[int, str] = field(default_factory=dict)

    def by_id(self, id_: int) -> R:
        return next(one for one in self.regions if one.id == id_)

    def name(self, id_: int) -> str:
        return self.names.get(id_, f"md_{region_name(self.series, id_)}{id_}.BIN")

    def files(self) -> dict[str, bytes]:
        """The files as the firmware writes them: padded; nothing for regions of size 0."""
        found = {self.name(1): self.kelf} if self.kelf else {}
        found[self.name(2)] = padded(self.vmcoreinfo)
        return found | {self.name(one.id): padded(one.data) for one in self.regions if one.data}

    def write(self, folder: Path, change: Callable[[dict[str, bytes]], object] = lambda _: None) -> Path:
        files = self.files()
        change(files)
        folder.mkdir(exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return folder

    def places(self) -> list[tuple[int, str, int, int]]:
        """Id, name, PA and size of every region that the minidump driver has."""
        first = [(1, 0x4E820000, len(self.kelf)), (2, 0x40945000, len(padded(self.vmcoreinfo)))]
        rest = [(one.id, one.pa, one.size) for one in self.regions if one.data]
        return [(id_, region_name(self.series, id_), pa, size) for id_, pa, size in [*first, *rest] if size]

    def core(self) -> bytes:
        """The core: region 1, region 2, then each at its place."""
        return self.kelf + padded(self.vmcoreinfo) + b"".join(padded(one.data) for one in self.regions)

    def offset(self, id_: int) -> int:
        at = len(self.kelf) + len(padded(self.vmcoreinfo))
        for one in self.regions:
            if one.id == id_:
                return at
            at += one.size
        raise KeyError(id_)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _note(name: bytes, kind: int, size: int, data: bytes) -> bytes:
    return struct.pack("<III", len(name) + 1, size, kind) + padded(name + b"\0") + data


def notes(machine: int, room: int) -> bytes:
    """Three notes; the last one's contents are region 2."""
    info = bytearray(136)
    info[1:2] = b"R"
    info[40:47] = b"vmlinux"
    info[56:68] = b"console=ttyS"
    core = _note(b"CORE", 1, STATUS[machine], bytes(STATUS[machine])) + _note(b"CORE", 3, 136, bytes(info))
    return core + _note(b"VMCOREINFO", 0, room, b"")


def kelf(regions: Sequence[R], vmcoreinfo: bytes, machine: int = 183, sizes: dict[int, int] | None = None) -> bytes:
    """Region 1, with room for 201 headers whatever their number. `sizes` by id where they are not those of the contents."""
    room = len(padded(vmcoreinfo))
    head = 64 + STATUS[machine] + 136 + 11 + room + 201 * 56
    head += -head % 4
    note = notes(machine, room)
    count = 1 + len(regions)
    fields = (4, machine, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    data = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", *fields)
    data += struct.pack("<IIQQQQQQ", 4, 0, head, 0, 0, len(note) + room, 0, 0)
    at = head + len(note) + room
    for one in regions:
        size = (sizes or {}).get(one.id, one.size)
        data += struct.pack("<IIQQQQQQ", 1, 6, at, one.va, one.pa, size, size, 0)
        at += size
    return data.ljust(head, b"\0") + note


def filled(id_: int, size: int) -> bytes:
    """Bytes that tell a region from all others."""
    return (struct.pack("<HH", 0xBEEF, id_) * (size // 4 + 1))[:size]


def static(id_: int, size: int) -> R:
    pa = IMAGE_PA + 0x40000 * id_
    return R(id_, pa, pa + VOFFSET, filled(id_, size))


def dynamic(id_: int, size: int, *, late: bool = False, has_list: bool = False) -> R:
    pa = 0x48000000 + 0x40000 * id_
    va = pa - PHYS_OFFSET + PAGE_OFFSET
    data = bytearray(filled(id_, size))
    if has_list:  # an empty list points at itself
        data[16:32] = struct.pack("<QQ", va + 16, va + 16)
    return R(id_, pa, va, bytes(data), late)


def make(
    series: str = "v1",
    *,
    machine: int = 183,
    extra: Sequence[R] = (),
    without: Sequence[int] = (),
    log_buf_len: bool = False,
    has_config: bool = True,
    has_kelf: bool = True,
    has_lists: bool = True,
    cpus: int = 2,
) -> Set:
    """A boot of a kernel with the series; `extra` regions that are late come behind all others, as they stand."""
    sizes = {id_: 4 if symbol == "kallsyms_num_syms" else size for id_, symbol, size in STATIC[series]}
    for id_ in (6, 7, 8):
        sizes.setdefault(id_, 8)
    sizes |= {14: 8, 15: 304, 16: 48, 17: 32, 18: 4, 21: 88}
    sizes |= {23: 24 * 32, 24: 88 * 32, 25: 1024}
    regions = [static(id_, size) for id_, size in sizes.items()]
    if has_config:
        regions.append(dynamic(3, 1157))
        regions[-1].data = b"IKCFG_ST" + regions[-1].data[8:]
    regions += [dynamic(44, 5120, has_list=has_lists), dynamic(45, 4096)]
    regions += [dynamic(46 + cpu, 2880, has_list=has_lists) for cpu in range(cpus)]
    first = 46 + cpus
    if log_buf_len:
        regions += [dynamic(first, 24 * 64), dynamic(first + 1, 88 * 64), dynamic(first + 2, 2048)]
    regions += [one for one in extra if not one.late]
    regions = sorted((one for one in regions if one.id not in without), key=lambda one: one.id)
    regions += [one for one in extra if one.late]
    made = Set(series, regions, b"", machine)
    _log(made, log_buf_len and made.by_id(first).va, first)
    made.vmcoreinfo = _vmcoreinfo(made, 45 if 45 not in without else 0)
    made.kelf = kelf(regions, made.vmcoreinfo, machine) if has_kelf else b""
    return made


def _log(made: Set, live: int, first: int) -> None:
    """prb points at the ring in use, and that at its tables."""

    def put(id_: int, at: int, value: int) -> None:
        one = made.by_id(id_)
        one.data = one.data[:at] + struct.pack("<Q", value) + one.data[at + 8 :]

    ids = {one.id for one in made.regions}
    tables = {20: (23, 24, 25), 21: (first, first + 1, first + 2)}
    for ring in (20, 21) if live else (20,):
        if ring in ids:
            for at, table in zip((8, 16, 56), tables[ring], strict=True):
                if table in ids:
                    put(ring, at, made.by_id(table).va)
    if 22 in ids:
        put(22, 0, made.by_id(21 if live else 20).va)


def _vmcoreinfo(made: Set, root: int) -> bytes:
    names = {id_: symbol for id_, symbol, _ in STATIC[made.series]}
    told: tuple[str, ...] = ("init_uts_ns", "_stext", "swapper_pg_dir", "prb", "printk_rb_static", "clear_seq")
    told += tuple(
        f"kallsyms_{name}" for name in ("names", "num_syms", "token_table", "token_index", "offsets", "relative_base")
    )
    symbols = {names[one.id]: one.va for one in made.regions if names.get(one.id) in told}
    lines = ["OSRELEASE=6.18.0-test", "PAGESIZE=4096", *(f"SYMBOL({name})={va:x}" for name, va in symbols.items())]
    if root:
        lines.append(f"SYMBOL(mem_section)={made.by_id(root).va:x}")
    lines += [
        "OFFSET(printk_ringbuffer.text_data_ring)=48",
        "OFFSET(prb_desc_ring.descs)=8",
        "OFFSET(prb_data_ring.data)=8",
    ]
    if made.machine == 183:
        lines += ["NUMBER(VA_BITS)=48", f"NUMBER(kimage_voffset)={VOFFSET:#x}", f"NUMBER(PHYS_OFFSET)={PHYS_OFFSET:#x}"]
    else:
        lines.append(f"NUMBER(phys_base)={0xFFFFFFFF80000000 - VOFFSET & (1 << 64) - 1}")
    return "\n".join([*lines, "KERNELOFFSET=8000000", ""]).encode()


# Listings of the addresses, one function a form


def array(places: Sequence[tuple[int, str, int, int]]) -> bytes:
    rows = [struct.pack("<16sIIQQ", name.encode(), id_, 0x56414C49, pa, size) for id_, name, pa, size in places]
    return b"".join(rows).ljust(201 * 40, b"\0")


def debug_lines(places: Sequence[tuple[int, str, int, int]]) -> bytes:
    return "".join(
        f"[    1.5] qcom-minidump qcom-minidump.0: {name}:{id_} region registered {pa:x}:{size:x}\n"
        for id_, name, pa, size in places
    ).encode()


def qdl(places: Sequence[tuple[int, str, int, int]]) -> bytes:
    return "".join(
        f"{row:<2}: type 0x1 address: {pa:#x} length: {size:#x} region: md_{name} filename: md_{name}{id_}.BIN\n"
        for row, (id_, name, pa, size) in enumerate(places)
    ).encode()


def edl(places: Sequence[tuple[int, str, int, int]]) -> bytes:
    return "".join(
        f"md_{name}{id_}.BIN(md_{name}): Offset {pa:#x}, Length {size:#x}, SavePref 0x1\n" for id_, name, pa, size in places
    ).encode()


def dump_info(places: Sequence[tuple[int, str, int, int]]) -> bytes:
    return "".join(
        f"1 0x{pa:016x}\t{size:016d}\tmd_{name:<17}\tmd_{name}{id_}.BIN\n" for id_, name, pa, size in places
    ).encode()


LISTINGS = {"array": array, "debug": debug_lines, "qdl": qdl, "edl": edl, "dump_info": dump_info}


def raw_dump(
    made: Set, *, flags: int = 9, flaws: dict[str, int] | None = None, ddr: Sequence[tuple[int, bytes]] = ()
) -> bytes:
    """Qualcomm's rawdump partition: 56 bytes, 64 a section, the sections. `flaws` are flags of single sections."""
    files = made.files()
    pas = {made.name(id_): pa for id_, _, pa, _ in made.places()}
    sections = [(name, pas[name], data) for name, data in files.items()]
    sections += [(f"DDRCS{number}.BIN", base, data) for number, (base, data) in enumerate(ddr)]
    at, rows, body = 56 + 64 * len(sections), b"", b""
    for name, pa, data in sections:
        flag = (flaws or {}).get(name, 1)
        rows += struct.pack("<IHHIQQQ8x20s", flag, 1, 0, 1, at + len(body), len(data), pa, name.encode())
        body += data
    head = struct.pack("<8sHHIQQIQQI", b"Raw_Dmp!", 1, 0, flags, 0, 0, 2, at + len(body), at + len(body), len(sections))
    return head + rows + body
