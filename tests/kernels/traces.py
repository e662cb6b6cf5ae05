"""ftrace written into a made kernel: its events, its instances with their ring buffers, names of tasks.

The places of members are made up, as those of tasks are: a reader that goes by the BTF finds them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests import trace_rings as rings
from tests.kernels.btf import BtfWriter
from tests.kernels.image import Spec
from tests.kernels.tasks import MIB, World, types, world

SYMBOLS = {"ftrace_events": 0xB000, "ftrace_trace_arrays": 0xB010, "savedcmd": 0xB020, "vmemmap_base": 0xB028}
SYMBOLS |= {"syscall_get_enter_fields": 0xB100, "other_get_fields": 0xB200, "memstart_addr": 0xB030}
CALL = {"list": 0, "class": 16, "name": 24, "number": 48, "print_fmt": 64, "data": 72}
CLASS = {"system": 8, "fields": 32, "get_fields": 56}
FIELD = {"link": 8, "name": 24, "type": 32, "offset": 40, "size": 44, "is_signed": 48, "len": 52}
ARRAY = {"list": 8, "name": 32, "buffer": 48, "clock_id": 64, "range_addr_start": 72}
BUFFER = {"buffers": 24, "subbuf_order": 40}
CPU = {"nr_pages": 8, "head_page": 16, "commit_page": 24, "reader_page": 32, "overrun": 40, "dropped_events": 48}
PAGE = {"list": 0, "read": 24, "page": 40}
SAVED = {"map_cmdline_to_pid": 8, "cmdline_num": 16, "saved_cmdlines": 24}


def trace_types(spec: Spec, *, without: str = "", pointer_comms: bool = False) -> BtfWriter:
    """The types that a reader of traces asks for; `without` is a struct that is left out."""
    out = types(spec)
    word, number = out.number("long unsigned int", 8), out.number("unsigned int", 4)
    node = out.plain("list_head", 16, {"next": (word, 0), "prev": (word, 8)})
    event = out.plain("trace_event", 24, {"type": (number, CALL["number"] - 32)})
    class_fields = {
        "system": (word, CLASS["system"]),
        "fields": (node, CLASS["fields"]),
        "get_fields": (word, CLASS["get_fields"]),
    }
    inner = out.plain("array_buffer", 16, {"buffer": (word, 8)})
    comms = word if pointer_comms else out.array(out.number("char", 1), 0)
    structs: dict[str, tuple[int, dict[str, tuple[int, int]]]] = {
        "trace_event_call": (
            96,
            {
                "list": (node, 0),
                "class": (word, 16),
                "name": (word, 24),
                "event": (event, 32),
                "print_fmt": (word, 64),
                "data": (word, 72),
            },
        ),
        "trace_event_class": (64, class_fields),
        "ftrace_event_field": (
            64,
            {"link": (node, 8), "name": (word, 24), "type": (word, 32)}
            | {name: (number, FIELD[name]) for name in ("offset", "size", "is_signed", "len")},
        ),
        "syscall_metadata": (64, {"enter_fields": (node, 16)}),
        "trace_array": (
            128,
            {
                "list": (node, ARRAY["list"]),
                "name": (word, ARRAY["name"]),
                "array_buffer": (inner, ARRAY["buffer"] - 8),
                "clock_id": (number, ARRAY["clock_id"]),
                "range_addr_start": (word, ARRAY["range_addr_start"]),
            },
        ),
        "trace_buffer": (64, {"buffers": (word, BUFFER["buffers"]), "subbuf_order": (number, BUFFER["subbuf_order"])}),
        "ring_buffer_per_cpu": (64, {name: (word, at) for name, at in CPU.items()}),
        "buffer_page": (48, {"list": (node, 0), "read": (number, PAGE["read"]), "page": (word, PAGE["page"])}),
        "saved_cmdlines_buffer": (
            32,
            {
                "map_cmdline_to_pid": (word, SAVED["map_cmdline_to_pid"]),
                "cmdline_num": (number, SAVED["cmdline_num"]),
                "saved_cmdlines": (comms, SAVED["saved_cmdlines"]),
            },
        ),
    }
    for name, (size, members) in structs.items():
        if name != without:
            out.plain(name, size, members)
    out.plain("page", 64, {"flags": (word, 0)})
    out.add("zone", 6, 4, [out.label("ZONE_LOW"), 3, out.label("ZONE_HIGH"), 0xFFFFFFFF], vlen=2, flag=True)
    out.add("zone_wide", 19, 8, [out.label("ZONE_WIDE"), 1, 2], vlen=1)
    out.add("twice", 6, 4, [out.label("TWICE"), 1], vlen=1)
    out.add("again", 6, 4, [out.label("TWICE"), 2], vlen=1)
    return out


@dataclass
class TraceWorld:
    """A made kernel with traces in it. `at` is the PA behind what was written so far."""

    made: World
    at: int
    placed: dict[str, int] = field(default_factory=dict)

    def put(self, raw: bytes, name: str = "", align: int = 16) -> int:
        """Write bytes; their VA. `name` remembers the PA."""
        self.at = -(-self.at // align) * align
        self.made.kernel.poke(self.at, raw)
        if name:
            self.placed[name] = self.at
        self.at += len(raw)
        return self.made.linear(self.at - len(raw))

    def text(self, text: str) -> int:
        return self.put(text.encode() + b"\0")

    def symbol(self, name: str) -> tuple[int, int]:
        """PA and VA of a variable."""
        pa = self.made.kernel.pa("data") + SYMBOLS[name]
        return pa, self.made.kernel.va("data") + SYMBOLS[name]

    def ring(self, head_pa: int, head_va: int, nodes: Sequence[int]) -> None:
        """Link a list; nodes are VAs in the linear map."""
        shift = self.made.linear(0)
        every = [(head_pa, head_va), *((node - shift & (1 << 64) - 1, node) for node in nodes)]
        for at, (pa, _) in enumerate(every):
            self.made.poke(pa, every[(at + 1) % len(every)][1])
            self.made.poke(pa + 8, every[at - 1][1])


def packed(length: int, places: Mapping[str, int], **values: int) -> bytes:
    raw = bytearray(length)
    for name, value in values.items():
        narrow = name in ("number", "offset", "size", "is_signed", "len", "clock_id", "subbuf_order", "read", "cmdline_num")
        raw[places[name] : places[name] + (4 if narrow else 8)] = value.to_bytes(4 if narrow else 8, "little")
    return bytes(raw)


@dataclass(frozen=True)
class InstanceSpec:
    """An instance: sub-buffers of each CPU (the reader's first), in the order of the ring from its head on."""

    name: str
    cpus: Sequence[Sequence[Sequence[rings.Event]]]
    clock: int = 0
    turn: int = 0
    read: int = 0
    spare: int = 1
    range: int = 0


def trace_world(
    instances: Sequence[InstanceSpec],
    *,
    events: Sequence[int] = (rings.FUNCTION, rings.PRINT, rings.SWITCH, rings.MARK),
    texts: Mapping[int, tuple[str, str]] | None = None,
    comms: Mapping[int, str] | None = None,
    without: str = "",
    pointer_comms: bool = False,
    syscalls: Sequence[int] = (),
    leave: Sequence[str] = (),
) -> TraceWorld:
    """A kernel that traced. `texts` are more formats by id, with their system; `syscalls` those whose fields metadata have.

    `leave` are symbols that it does not list.
    """
    spec = Spec()
    blob = trace_types(spec, without=without, pointer_comms=pointer_comms).blob()
    symbols = {name: at for name, at in SYMBOLS.items() if name not in leave}
    out = TraceWorld(world(spec, btf=blob, symbols=symbols), 0)
    out.at = out.made.kernel.base + 10 * MIB
    every = {one: (rings.format_text(one, system=True), rings.format_text(one)) for one in events} | dict(texts or {})
    calls = [_event(out, number, *one, of_syscall=number in syscalls) for number, one in every.items()]
    out.ring(*out.symbol("ftrace_events"), calls)
    arrays = [_instance(out, one) for one in instances]
    out.ring(*out.symbol("ftrace_trace_arrays"), [one + ARRAY["list"] for one in arrays])
    _comms(out, comms or {}, pointer=pointer_comms)
    out.made.poke(out.symbol("vmemmap_base")[0], 0xFFFFEA0000000000)
    out.made.poke(out.symbol("memstart_addr")[0], -0x1000)
    return out


def _event(out: TraceWorld, number: int, system: str, text: str, *, of_syscall: bool) -> int:
    """A struct trace_event_call by the text of a format; VA of its list's node."""
    name = text.partition("\n")[0].removeprefix("name: ")
    rows = [line for line in text.splitlines() if line.startswith("\tfield:") and "common_" not in line]
    nodes = []
    for row in rows:
        declared, offset, size, sign = (part.strip().rpartition(":")[2] for part in row.strip().removesuffix(";").split(";"))
        kind, _, label = declared.rpartition(" ")
        base, bracket, length = label.partition("[")
        elements = int(length.rstrip("]") or 0) if bracket else 0
        written = f"{kind}[{length}" if bracket else kind
        values = {"name": out.text(base), "type": out.text(written), "offset": int(offset), "size": int(size)}
        nodes.append(out.put(packed(64, FIELD, **values, is_signed=int(sign), len=elements)) + FIELD["link"])
    getter = out.symbol("syscall_get_enter_fields")[1] if of_syscall else 0
    class_va = out.put(packed(64, CLASS, system=out.text(system), get_fields=getter), f"class {name}")
    data = out.put(bytes(64), f"data {name}")
    head = (data + 16) if of_syscall else class_va + CLASS["fields"]
    shift = out.made.linear(0)
    out.ring(head - shift & (1 << 64) - 1, head, nodes[::-1])  # the kernel puts each in front of the others
    fmt = text.partition("\nprint fmt: ")[2].rstrip("\n")
    point = out.put(struct.pack("<Q", out.text(name)))  # a tracepoint begins with its name
    values = {
        "class": class_va,
        "name": point if system != "ftrace" else out.text(name),
        "print_fmt": out.text(fmt),
        "data": data,
    }
    return out.put(packed(96, CALL, **values, number=number), f"call {name}")


def _instance(out: TraceWorld, one: InstanceSpec) -> int:
    cpus = [_cpu(out, number, one, pages) for number, pages in enumerate(one.cpus)]
    table = out.put(b"".join(struct.pack("<Q", va) for va in cpus) + bytes(8))
    buffer = out.put(packed(64, BUFFER, buffers=table), f"buffer {one.name}")
    values = {"name": out.text(one.name) if one.name else 0, "buffer": buffer, "clock_id": one.clock}
    return out.put(packed(128, ARRAY, **values, range_addr_start=one.range), f"array {one.name}")


def _cpu(out: TraceWorld, number: int, one: InstanceSpec, pages: Sequence[Sequence[rings.Event]]) -> int:
    if not pages:
        return 0
    raw = [rings.sub_buffer(events) for events in pages] + [rings.sub_buffer(())] * one.spare
    page_vas = [out.put(page, align=4096) for page in raw]
    label = f"{one.name} {number}"
    vas = [
        out.put(packed(48, PAGE, page=va, read=one.read if not at else 0), f"page {label} {at}")
        for at, va in enumerate(page_vas)
    ]
    ring = vas[1:]
    order = ring[-one.turn :] + ring[: -one.turn] if one.turn else ring  # as they are linked, beginning at head_page
    shift = out.made.linear(0)
    for at, va in enumerate(order):
        following = order[(at + 1) % len(order)]
        out.made.poke(va - shift & (1 << 64) - 1, following | (following == ring[0]))
    last = len(pages) - 1
    values = {"nr_pages": len(ring), "head_page": order[0], "reader_page": vas[0], "commit_page": vas[last]}
    return out.put(packed(64, CPU, **values, overrun=3 * number, dropped_events=0), f"cpu {label}")


def _comms(out: TraceWorld, comms: Mapping[int, str], *, pointer: bool) -> None:
    names = b"".join(name.encode().ljust(16, b"\0") for name in comms.values())
    pids = out.put(b"".join(struct.pack("<I", pid) for pid in comms) + bytes(4))
    inside = struct.pack("<Q", out.put(names + bytes(16))) if pointer else names
    raw = packed(24, SAVED, map_cmdline_to_pid=pids, cmdline_num=len(comms))
    out.made.poke(out.symbol("savedcmd")[0], out.put(raw + inside + bytes(16)))
