"""A writer of trace buffers: regions of both shapes, as kernel/trace/ring_buffer.c leaves them, and a head.dat for them.

Written from the kernel's source and from trace-cmd's documents, and not from the reader.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

MAGIC = 0x0BADFEED
SIZE = 4096
VA = 0xFFFF888000000000  # what a region's first byte has as its address
TEXT = 0xFFFFFFFF81000000

# Ids and formats of a few events, the fields of every event before their own.
COMMON = """\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

"""
FUNCTION, PRINT, VECTOR, SWITCH, MARK = 1, 5, 150, 316, 400
_SWITCH = """"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s%s ==> next_comm=%s next_pid=%d next_prio=%d", \
REC->prev_comm, \
REC->prev_pid, REC->prev_prio, (REC->prev_state & 0xff) ? __print_flags(REC->prev_state & 0xff, "|", { 0x1, "S" }, \
{ 0x2, "D" }) : "R", \
REC->prev_state & 0x100 ? "+" : "", REC->next_comm, REC->next_pid, REC->next_prio"""
_FIELDS = {
    FUNCTION: (
        "ftrace",
        "function",
        ("unsigned long ip;8;8;0", "unsigned long parent_ip;16;8;0"),
        '" %ps <-- %ps", (void *)REC->ip, (void *)REC->parent_ip',
    ),
    PRINT: ("ftrace", "print", ("unsigned long ip;8;8;0", "char buf[];16;0;1"), '"%ps: %s", (void *)REC->ip, REC->buf'),
    VECTOR: (
        "irq",
        "softirq_entry",
        ("unsigned int vec;8;4;0",),
        '"vec=%u [action=%s]", REC->vec, __print_symbolic(REC->vec, { 0, "HI" }, { 1, "TIMER" }, { 9, "RCU" })',
    ),
    SWITCH: (
        "sched",
        "sched_switch",
        (
            "char prev_comm[16];8;16;1",
            "pid_t prev_pid;24;4;1",
            "int prev_prio;28;4;1",
            "long prev_state;32;8;1",
            "char next_comm[16];40;16;1",
            "pid_t next_pid;56;4;1",
            "int next_prio;60;4;1",
        ),
        _SWITCH,
    ),
    MARK: (
        "demo",
        "mark",
        ("u32 number;8;4;0", "__data_loc char[] name;12;4;1"),
        '"number=%u name=%s", REC->number, __get_str(name)',
    ),
}
PAGE_FORMAT = """\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;
"""


def format_text(number: int, *, system: bool = False) -> str:
    """An event's format, as the kernel shows it; or its system."""
    group, name, fields, printed = _FIELDS[number]
    if system:
        return group
    lines = [
        f"\tfield:{text};\toffset:{offset};\tsize:{size};\tsigned:{sign};\n"
        for text, offset, size, sign in (field.split(";") for field in fields)
    ]
    return f"name: {name}\nID: {number}\nformat:\n{COMMON}{''.join(lines)}\nprint fmt: {printed}\n"


class Event(NamedTuple):
    """An event: its time, and the data of its record."""

    time: int
    data: bytes


def header(number: int, pid: int, flags: int = 0, preempt: int = 0) -> bytes:
    return struct.pack("<HBBi", number, flags, preempt, pid)


def mark(time: int, number: int, name: bytes = b"x", pid: int = 7) -> Event:
    text = name + b"\0"
    return Event(time, header(MARK, pid) + struct.pack("<II", number, len(text) << 16 | 16) + text)


def switch(time: int, before: tuple[str, int], behind: tuple[str, int], state: int = 0) -> Event:
    raw = header(SWITCH, before[1], 1, 2)
    raw += struct.pack("<16siiq", before[0].encode(), before[1], 120, state)
    return Event(time, raw + struct.pack("<16sii", behind[0].encode(), behind[1], 120))


def vector(time: int, number: int, pid: int = 7) -> Event:
    return Event(time, header(VECTOR, pid, 1, 1) + struct.pack("<I", number))


def call(time: int, ip: int, parent: int, pid: int = 7) -> Event:
    return Event(time, header(FUNCTION, pid) + struct.pack("<QQ", ip, parent))


def record(event: Event, since: int, *, by_stamp: bool = False) -> bytes:
    """An event's record, behind a time extension where its delta is too large for its own bits, or a stamp."""
    data = event.data + bytes(-len(event.data) % 4)
    delta = event.time - since
    front = b""
    if by_stamp:
        front, delta = struct.pack("<II", (event.time & (1 << 27) - 1) << 5 | 31, event.time >> 27 & 0xFFFFFFFF), 0
    elif delta >> 27:
        front, delta = struct.pack("<II", (delta & (1 << 27) - 1) << 5 | 30, delta >> 27), 0
    if len(data) <= 28 * 4:
        return front + struct.pack("<I", delta << 5 | len(data) // 4) + data
    return front + struct.pack("<II", delta << 5, len(data) + 4) + data


def padding(size: int, delta: int = 1) -> bytes:
    """A record that was thrown away."""
    return struct.pack("<II", delta << 5 | 29, size - 4) + bytes(size - 8)


def sub_buffer(events: Sequence[Event], *, size: int = SIZE, word: int = 8, missed: int = 0, tail: bytes = b"") -> bytes:
    """A sub-buffer with events in it; `missed` events were lost before it."""
    start = events[0].time if events else 0
    body, time = b"", start
    for event in events:
        body += record(event, time)
        time = event.time
    body += tail
    commit = len(body) | ((1 << 31 | 1 << 30) if missed else 0)
    raw = struct.pack("<QQ" if word == 8 else "<QI", start, commit) + body
    raw += missed.to_bytes(word, "little") if missed else b""
    assert len(raw) <= size
    return raw.ljust(size, b"\0")


class Ring(NamedTuple):
    """A CPU's sub-buffers as they lie, their order (the reader's first), and places in it of head and commit."""

    pages: Sequence[bytes]
    order: Sequence[int]
    head: int
    commit: int


def ring(pages: Sequence[Sequence[Event]], *, turn: int = 0, reader: bool = False, spare: int = 1) -> Ring:
    """A ring in which sub-buffers of events lie one after the other, beginning `turn` places behind the first."""
    filled = [sub_buffer(events) for events in pages]
    empty = sub_buffer(())
    first = filled.pop(0) if reader else empty
    places = [*filled, *([empty] * spare)]
    places = places[-turn:] + places[:-turn] if turn else places
    head = 1 + turn
    commit = 1 + (turn + len(filled) - 1) % len(places)
    return Ring([first, *places], range(len(places) + 1), head, commit)


def _part(one: Ring, at: int, *, word: int, front: bytes) -> bytes:
    """A CPU's part that begins `at` bytes into the region; `front` is what only one of the shapes has."""
    count = len(one.pages)
    long = "Q" if word == 8 else "I"
    base = VA if word == 8 else 0xC8000000
    struct_size = len(front) + 3 * word + 8
    start = -(-(at + struct_size + 4 * count) // SIZE) * SIZE
    first = base + start
    head, commit = (first + SIZE * one.order[place] for place in (one.head, one.commit))
    raw = front + struct.pack(f"<3{long}II", first, head, commit, SIZE, count)
    raw += struct.pack(f"<{count}i", *one.order)
    return raw.ljust(start - at, b"\0") + b"".join(one.pages)


def old_region(rings: Sequence[Ring], *, word: int = 8) -> bytes:
    """A buffer as 6.12 to 6.14 lay it out."""
    raw = b""
    for one in rings:
        size = 8 + 5 * word + 8
        front = struct.pack("<II", MAGIC, size) + (TEXT + 0x21D9F0).to_bytes(8, "little")[:word]
        front += (TEXT + 0x2000000).to_bytes(8, "little")[:word]
        raw += _part(one, len(raw), word=word, front=front)
    return raw


def new_region(
    rings: Sequence[Ring],
    *,
    clock: int | None = 0,
    modules: Sequence[tuple[str, int]] = (),
    scratch: int = 4072,
    word: int = 8,
) -> bytes:
    """A buffer as 6.15 and later lay it out; with clock None as 6.15 itself."""
    long = "Q" if word == 8 else "I"
    head = 8 + 2 * word
    text = TEXT if word == 8 else 0xC0008000
    kept = b"" if clock is None else clock.to_bytes(word, "little")
    kept += struct.pack(f"<2{long}", text, len(modules))
    kept += b"".join(va.to_bytes(word, "little") + name.encode().ljust(64 - word, b"\0") for name, va in modules)
    raw = bytes(head) + kept.ljust(scratch, b"\0")
    start = len(raw)
    for one in rings:
        raw += _part(one, len(raw), word=word, front=b"")
    top = struct.pack(f"<II2{long}", MAGIC, head << 16 | 3 * word + 8, len(raw), start)
    return top + raw[head:]


def head_dat(
    numbers: Sequence[int] = (FUNCTION, PRINT, SWITCH, MARK),
    *,
    version: int = 6,
    kallsyms: bytes = b"",
    printk: bytes = b"",
    comms: bytes = b"",
    texts: Sequence[tuple[str, str]] = (),
    pack: str = "",
) -> bytes:
    """What `trace-cmd restore -c` writes; `texts` are formats of other events, with their system."""
    raw = b"\x17\x08Dtracing" + str(version).encode() + b"\0" + struct.pack("<BBI", 0, 8, SIZE)
    page = PAGE_FORMAT.encode()
    headers = b"header_page\0" + struct.pack("<Q", len(page)) + page + b"header_event\0" + struct.pack("<Q", 4) + b"text"
    every = [*((format_text(one, system=True), format_text(one)) for one in numbers), *texts]
    ftrace = [text.encode() for system, text in every if system == "ftrace"]
    systems = sorted({system for system, _ in every} - {"ftrace"})
    own = struct.pack("<I", len(ftrace)) + b"".join(struct.pack("<Q", len(one)) + one for one in ftrace)
    events = struct.pack("<I", len(systems))
    for system in systems:
        inside = [text.encode() for group, text in every if group == system]
        events += system.encode() + b"\0" + struct.pack("<I", len(inside))
        events += b"".join(struct.pack("<Q", len(one)) + one for one in inside)
    parts = [headers, own, events, *(struct.pack("<I", len(one)) + one for one in (kallsyms, printk))]
    parts.append(struct.pack("<Q", len(comms)) + comms)
    if version == 6:
        return raw + b"".join(parts)
    raw += pack.encode() + b"\0\0" + bytes(8)
    for number, part in enumerate(parts, start=16):
        packed = _packed(part, pack)
        raw += struct.pack("<HHIQ", number, bool(pack), 0, len(packed)) + packed
    return raw


def _packed(part: bytes, how: str) -> bytes:
    import zlib

    import zstandard

    if not how:
        return part
    small = zlib.compress(part) if how == "zlib" else zstandard.ZstdCompressor().compress(part)
    return struct.pack("<II", len(small), len(part)) + small
