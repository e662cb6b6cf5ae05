"""What regions hold, in words: numbers, masks, texts, as the kernel's own variables mean them.

Types: include/linux/nodemask.h (enum node_states), kernel/panic.c (struct taint_flag), include/linux/utsname.h,
kernel/printk/printk.c (struct latched_seq), kernel/time/jiffies.c. What takes the kernel's types (init_mm, runqueues,
timekeeper) is left as bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kinfo.elf.structs import IDENT_SIZE, ElfHeader, form_of
from kinfo.errors import KinfoError
from kinfo.kernel.boot import config
from kinfo.kernel.printk import layout as layouts
from kinfo.kernel.printk import taint
from kinfo.memory.vmcoreinfo import value
from kinfo.record.text import before_nul, escape
from kinfo.region_memory.held import HeldRegion, RegionMemory, runs

_LIMIT = 1 << 22  # bytes of a region that are read: a configuration has some 100,000
_NODE_STATES = ("possible", "online", "normal memory", "memory", "CPU", "generic initiator")  # 64-bit, since 5.7
_UTS = ("sysname", "nodename", "release", "version", "machine", "domainname")
_UTS_FIELD = 65
_FIRST_WRAP = 300  # seconds before the low 32 bits of jiffies wrap: INITIAL_JIFFIES
_MOST_BITS = 1 << 16


class RegionValue(NamedTuple):
    """What one region holds: `words` in a line, `data` plain (None where it is bytes to nobody's knowledge), `more` lines.

    `is_read` is False where the region is not here, or what is there cannot be.
    """

    region: HeldRegion
    words: str
    data: Any = None
    more: tuple[str, ...] = ()
    is_read: bool = True


class _Told(NamedTuple):
    words: str
    data: Any = None
    more: tuple[str, ...] = ()


class RegionValues:
    """The values of all regions of a dump, in its order. `cannot` names those that are here and cannot be read."""

    def __init__(self, memory: RegionMemory) -> None:
        self.memory = memory
        self._known: dict[str, bytes] = {}
        self.all = [self._value(one) for one in memory.regions]

    @property
    def cannot(self) -> list[RegionValue]:
        """Regions that should hold something and do not."""
        return [one for one in self.all if not one.is_read]

    def _value(self, region: HeldRegion) -> RegionValue:
        if not region.size:
            return RegionValue(region, "no bytes", is_read=False)
        if region.is_mark:
            where = None if region.va is None else f"{region.va:#x}"
            words = f"VA {where}" if where else "which is not known here"
            return RegionValue(region, f"registered for its address, {words}", where)
        reader = _READERS.get(region.name)
        if reader is None:
            return RegionValue(region, f"{region.size} bytes")
        try:
            told = reader(self, self.bytes_of(region))
        except (KinfoError, struct.error, IndexError) as error:
            words = error.message if isinstance(error, KinfoError) else f"{region.size} bytes, too few for it"
            return RegionValue(region, words, is_read=False)
        return RegionValue(region, *told)

    def bytes_of(self, region: HeldRegion) -> bytes:
        """Its bytes, up to a limit. Raises KinfoError where they are not here."""
        return region.read(_LIMIT)

    def other(self, name: str) -> bytes:
        """The bytes of another region that helps to read one; empty where it is not here."""
        if name not in self._known:
            try:
                found = self.memory.by_name(name)
                self._known[name] = self.bytes_of(found) if found else b""
            except KinfoError:
                self._known[name] = b""
        return self._known[name]

    @property
    def values(self) -> Mapping[str, str]:
        """VMCOREINFO's lines."""
        return self.memory.values


def _number(raw: bytes) -> int:
    if len(raw) not in (4, 8):
        raise struct.error
    return int.from_bytes(raw, "little")


def _plain(_: RegionValues, raw: bytes) -> _Told:
    number = _number(raw)
    return _Told(f"{number}", number)


def _signed(_: RegionValues, raw: bytes) -> _Told:
    number = int.from_bytes(raw[:4], "little", signed=True)
    return _Told(f"{number}", number)


def _address(_: RegionValues, raw: bytes) -> _Told:
    return _Told(f"VA {_number(raw):#x}", f"{_number(raw):#x}")


def _pages(of: RegionValues, raw: bytes) -> _Told:
    count, page = _number(raw), value(of.values, "PAGESIZE", 10)
    return _Told(f"{count} pages" + (f", {count * page // 1024} kB" if page else ""), count)


def bits(raw: bytes) -> list[int]:
    """The bits of a mask that are set."""
    number = int.from_bytes(raw, "little")
    return [bit for bit in range(min(8 * len(raw), _MOST_BITS)) if number >> bit & 1]


def list_of(numbers: list[int]) -> str:
    """Numbers as the kernel lists CPUs: 0-3,5; "none" for none."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs(numbers)) or "none"


def _mask(_: RegionValues, raw: bytes) -> _Told:
    found = bits(raw)
    return _Told(f"CPU {list_of(found)}" if found else "no CPU", found)


def _nodes(_: RegionValues, raw: bytes) -> _Told:
    size = len(raw) // len(_NODE_STATES)
    if not size or size % 8 or size * len(_NODE_STATES) != len(raw):
        return _Told(f"{len(raw)} bytes, not six masks of nodes")
    found = {name: bits(raw[at * size : (at + 1) * size]) for at, name in enumerate(_NODE_STATES)}
    return _Told("; ".join(f"{name}: {list_of(nodes)}" for name, nodes in found.items()), found)


def _jiffies(of: RegionValues, raw: bytes) -> _Told:
    count = _number(raw)
    rate = _configured(of).get("CONFIG_HZ", "")
    since = count - ((1 << 32) - _FIRST_WRAP * int(rate)) if rate.isdecimal() and int(rate) else -1
    words = f", {since / int(rate):.3f} s after boot at CONFIG_HZ={rate}" if since >= 0 else ""
    return _Told(f"{count}{words}", count)


def _configured(of: RegionValues) -> dict[str, str]:
    try:
        return config.options(config.embedded(of.other("CONFIG"), "region 3"))
    except KinfoError:
        return {}


def _config(_: RegionValues, raw: bytes) -> _Told:
    text = config.embedded(raw, "region 3")
    if not text:
        return _Told(f"{len(raw)} bytes without the mark IKCFG_ST")
    found = config.options(text)
    title = next((line.strip("# ") for line in text.split("\n")[:8] if " Kernel Configuration" in line), "a configuration")
    title = escape(title.encode("utf-8", "surrogateescape"))
    return _Told(f"{title}, {len(found)} options; `kinfo config` prints it", found)


def _text(_: RegionValues, raw: bytes) -> _Told:
    words = escape(before_nul(raw).rstrip(b"\n"))
    return _Told(words or "no text", words)


def _uts(of: RegionValues, raw: bytes) -> _Told:
    start = value(of.values, "OFFSET(uts_namespace.name)", 10)
    if start is None:
        return _Told(f"{len(raw)} bytes; VMCOREINFO, which says where in them its names are, is not here")
    if start < 0 or start + _UTS_FIELD * len(_UTS) > len(raw):
        raise struct.error
    fields = {name: raw[start + at * _UTS_FIELD :][:_UTS_FIELD] for at, name in enumerate(_UTS)}
    found = {name: escape(before_nul(field)) for name, field in fields.items()}
    return _Told(" ".join(found[name] for name in _UTS[:5]), found, tuple(f"{name} = {found[name]}" for name in _UTS))


def taint_letters(raw: bytes) -> str:
    """The letter of each bit, out of taint_flags[]: {c_true, c_false, module} and since 6.11 a text; "" for neither."""
    for stride in (16, 3):
        letters = raw[::stride] if len(raw) % stride == 0 else b""
        if letters.isalpha() and letters.isupper():
            return letters.decode("ascii")
    return ""


def _taint(of: RegionValues, raw: bytes) -> _Told:
    mask, own = _number(raw), taint_letters(of.other("taint_flags"))
    usual = "".join(letter for letter, _ in taint.FLAGS)
    lines, letters = [], ""
    for bit in bits(raw):
        letter = (own or usual)[bit : bit + 1]
        is_usual = letter and usual[bit : bit + 1] == letter
        meaning = taint.MEANING[letter] if is_usual else "a flag of this kernel's own"
        lines.append(f"{letter or f'bit {bit}'} = {meaning}")
        letters += letter
    words = letters or (f"bits {mask:#x}" if mask else "not tainted")
    return _Told(words, {"mask": f"{mask:#x}", "letters": letters}, tuple(lines))


def _taint_flags(_: RegionValues, raw: bytes) -> _Told:
    letters = taint_letters(raw)
    return _Told(f"{len(letters)} flags: {letters}" if letters else f"{len(raw)} bytes, no letters of flags", letters or None)


def _per_cpu(of: RegionValues, raw: bytes) -> _Told:
    possible = bits(of.other("__cpu_possible_mask"))
    offsets = [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw) - 7, 8)]
    if not offsets:
        raise struct.error
    cpus = [cpu for cpu in possible if cpu < len(offsets)] or list(range(len(offsets)))
    shown = ", ".join(f"CPU {cpu} {offsets[cpu]:#x}" for cpu in cpus[:8])
    more = f" and {len(cpus) - 8} more" if len(cpus) > 8 else ""
    return _Told(shown + more, {str(cpu): f"{offsets[cpu]:#x}" for cpu in cpus})


def _prb(of: RegionValues, raw: bytes) -> _Told:
    va = _number(raw)
    names = {at: name for name, at in of.memory.symbols}
    return _Told(f"VA {va:#x}" + (f", {names[va]}" if va in names else ""), f"{va:#x}")


def _ring(of: RegionValues, raw: bytes) -> _Told:
    shape = layouts.stated(of.values)
    if shape is None or len(raw) < shape.size:
        return _Told(f"{len(raw)} bytes; `kinfo dmesg` reads it")
    count, size = (int.from_bytes(raw[at : at + 4], "little") for at in (shape.count_bits, shape.size_bits))
    if not count and not size:
        return _Told("a log that was never used")
    if count > 32 or size > 32:
        return _Told(f"{len(raw)} bytes that are no head of a log")
    found = {"messages": 1 << count, "text": 1 << size}
    return _Told(f"a log of up to {1 << count} messages, {1 << size} bytes of text; `kinfo dmesg` reads it", found)


def _of_log(_: RegionValues, raw: bytes) -> _Told:
    return _Told(f"{len(raw)} bytes of the log's tables; `kinfo dmesg` reads them")


def _clear_seq(of: RegionValues, raw: bytes) -> _Told:
    at = value(of.values, "OFFSET(latched_seq.val)", 10)
    if at is None:
        return _Told(f"{len(raw)} bytes; VMCOREINFO, which says how they lie, is not here")
    if at < 0:
        raise struct.error
    latch = int.from_bytes(raw[:4], "little") & 1
    number = struct.unpack_from("<Q", raw, at + 8 * latch)[0]
    return _Told(f"{number}: `dmesg --clear` hid the messages before it" if number else "0: nothing was cleared", number)


def _header(_: RegionValues, raw: bytes) -> _Told:
    form = form_of(raw)
    if form is None or len(raw) < form.header_size:
        return _Told(f"{len(raw)} bytes, no ELF header")
    count = ElfHeader._make(form.header.unpack_from(raw, IDENT_SIZE)).phnum
    return _Told(f"the header of a core with {count} program headers; `kinfo core` puts the regions behind it", count)


def _vmcoreinfo(of: RegionValues, _: bytes) -> _Told:
    lines = tuple(f"{escape(key.encode())} = {escape(words.encode())}" for key, words in of.values.items())
    return _Told(f"{len(lines)} lines", dict(of.values), lines)


_READERS: dict[str, Callable[[RegionValues, bytes], _Told]] = {
    "ELF": _header,
    "VMCOREINFO": _vmcoreinfo,
    "CONFIG": _config,
    "_totalram_pages": _pages,
    **dict.fromkeys((f"__cpu_{one}_mask" for one in ("possible", "present", "online", "active")), _mask),
    **dict.fromkeys(("mem_section", "high_memory", "kallsyms_relative_base"), _address),
    "jiffies_64": _jiffies,
    "linux_banner": _text,
    **dict.fromkeys(("nr_threads",), _signed),
    **dict.fromkeys(("nr_irqs", "total_nr_irqs", "nr_swapfiles", "kallsyms_num_syms"), _plain),
    "tainted_mask": _taint,
    "taint_flags": _taint_flags,
    "node_states": _nodes,
    "__per_cpu_offset": _per_cpu,
    "init_uts_ns": _uts,
    "prb": _prb,
    **dict.fromkeys(("printk_rb_static", "printk_rb_dynamic"), _ring),
    **dict.fromkeys(("prb_descs", "prb_infos", "prb_data"), _of_log),
    "clear_seq": _clear_seq,
}
