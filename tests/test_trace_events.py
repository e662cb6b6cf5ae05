"""Formats of events and what records say by them: print formats, head.dat, names."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.errors import KinfoError
from kinfo.trace_events import head
from kinfo.trace_events.cexpr import ExprError, arguments
from kinfo.trace_events.comms import learned
from kinfo.trace_events.decode import Events, fields
from kinfo.trace_events.formats import EventFormat, bytes_of, common_fields, declared, parse
from kinfo.trace_events.lines import flags, lines, lost, time
from kinfo.trace_events.lookups import NoLookups
from kinfo.trace_events.printf import compiled
from kinfo.trace_events.symbol_text import SymbolText
from tests import trace_rings as rings
from tests.trace_rings import MARK

KALLSYMS = b"""ffffffff81000000 T _text
ffffffff81000100 t first
ffffffff81000100 T alias
ffffffff81000200 T vfs_open
ffffffff81000300 T last
ffffffffc0000000 t in_module\t[loop]
ffffffffc0000040 t behind\t[loop]
"""
NAMES = SymbolText(KALLSYMS, {0xFFFFFFFF82000000: "said"})

FIELDS = (
    "u8 small;8;1;0", "s8 tiny;9;1;1", "u16 half;10;2;0", "int whole;12;4;1", "u32 bits;16;4;0", "u64 large;24;8;0",
    "s64 deep;32;8;1", "char comm[8];40;8;1", "u8 mac[6];48;6;0", "u16 list[2];54;4;0", "__data_loc char[] name;60;4;1",
    "__data_loc u32[] numbers;64;4;0", "__rel_loc char[] near;68;4;1", "unsigned long ip;72;8;0", "u8 uuid[16];80;16;0",
)  # fmt: skip
LEAST = 96
RAW = (
    rings.header(9, 1)
    + struct.pack("<BbHiI4xQq8s6s2H2xIIIQ16s", 200, -5, 60000, -70000, 0xF0000003, 1 << 63 | 5, -6, b"bash\0xyz",
                  bytes.fromhex("0123456789ab"), 7, 8, 6 << 16 | 96, 8 << 16 | 104, 5 << 16 | (112 - 72),
                  0xFFFFFFFF81000210, bytes(range(16)))[:LEAST - 8]
    + b"hello\0\0\0" + struct.pack("<II", 1, 0xABC) + b"near\0\0\0\0"
)  # fmt: skip


def event(fmt: str, *more: str) -> EventFormat:
    lines_ = [
        f"\tfield:{text};\toffset:{offset};\tsize:{size};\tsigned:{sign};\n"
        for text, offset, size, sign in (one.split(";") for one in (*FIELDS, *more))
    ]
    found = parse(f"name: demo\nID: 9\nformat:\n{rings.COMMON}{''.join(lines_)}\nprint fmt: {fmt}\n", "demo")
    assert found is not None
    return found


SHOWN = {
    '"plain"': "plain",
    '"100%%"': "100%",
    '"%u %d %u %d", REC->small, REC->tiny, REC->half, REC->whole': "200 -5 60000 -70000",
    '"%x %#x %08x %X", REC->bits, REC->bits, REC->small, REC->bits': "f0000003 0xf0000003 000000c8 F0000003",
    '"%d", REC->bits': "-268435453",
    '"%u", REC->whole': "4294897296",
    '"%llu %lld %lx", REC->large, REC->deep, REC->deep': "9223372036854775813 -6 fffffffffffffffa",
    '"%hhd %hu", REC->small, REC->whole': "-56 61072",
    '"%5d|%-5d|%+d|%.3d", REC->tiny, REC->tiny, REC->small, REC->small': "   -5|-5   |+200|200",
    '"%#x %#o", REC->small - 200, REC->small': "0 0310",
    '"%c%c", 0x41, \'b\'': "Ab",
    '"%s|%8s|%-6s|%.2s", REC->comm, REC->comm, REC->comm, REC->comm': "bash|    bash|bash  |ba",
    '"%.*s", 3, REC->comm': "bas",
    '"%s %s", __get_str(name), __get_rel_str(near)': "hello near",
    '"%s", __print_array(__get_dynamic_array(numbers), __get_dynamic_array_len(numbers) / 4, 4)': "{0x1,0xabc}",
    '"%s", __print_dynamic_array(numbers, 4)': "{0x1,0xabc}",
    '"%s %s", __print_hex(REC->mac, 3), __print_hex_str(REC->mac, 6)': "01 23 45 0123456789ab",
    '"%s", __get_bitmask(numbers)': "00000abc,00000001",
    '"%d %d", REC->list[0], REC->list[1]': "7 8",
    '"%pM %pm", REC->mac, REC->mac': "01:23:45:67:89:ab 0123456789ab",
    '"%pI4 %pI6c", REC->mac, REC->uuid': "1.35.69.103 1:203:405:607:809:a0b:c0d:e0f",
    '"%pI6 %pi6", REC->uuid, REC->uuid': "0001:0203:0405:0607:0809:0a0b:0c0d:0e0f 000102030405060708090a0b0c0d0e0f",
    '"%pU %pUL", REC->uuid, REC->uuid': "00010203-0405-0607-0809-0a0b0c0d0e0f 03020100-0504-0706-0809-0A0B0C0D0E0F",
    '"%*ph %*phC %*phN", 3, REC->mac, 2, REC->mac, 2, REC->mac': "01 23 45 01:23 0123",
    '"%p %px", REC->ip, (void *)REC->ip': "ffffffff81000210 ffffffff81000210",
    '"%ps %pS %pf", (void *)REC->ip, (void *)REC->ip, (void *)REC->ip': "vfs_open vfs_open+0x10/0x100 vfs_open",
    '"%ps", (void *)REC->deep': "0xfffffffffffffffa",
    '"%s", __print_symbolic(REC->small, { 200, "TWO" }, { 1, "ONE" })': "TWO",
    '"%s", __print_symbolic(REC->half, { 200, "TWO" })': "0xea60",
    '"%s", __print_symbolic(REC->small, { UNKNOWN_ENUM, "A" }, { 200, "B" })': "B",
    '"%s", __print_flags(REC->bits, "|", { 0x1, "A" }, { 2, "B" }, { 8, "C" })': "A|B|0xf0000000",
    '"%s", __print_flags(REC->bits & 3, "|", { 3, "AB" }, { 1, "A" }, { -1, NULL })': "AB",
    '"%s", __print_flags(REC->bits & 0, "|", { 0, "none" })': "",
    '"%s", __print_flags_u64(REC->large, "", { 1ULL << 63, "TOP" }, { 4, "4" })': "TOP40x1",
    '"%s", REC->whole < 0 ? "minus" : "plus"': "minus",
    '"%s", (REC->small & 0xc0) == 0xc0 && !REC->tiny || REC->half >= 60000 ? "yes" : "no"': "yes",
    '"%d %d %d", 7 / -2, 7 % -2, 1 / 0': "-3 1 0",
    '"%u %u", 2 + 3 * 4, (2 + 3) * 4': "14 20",
    '"%d", 1 << 2 | 1': "5",
    '"%u", REC->bits - 0xf0000004': "4294967295",
    '"%llu", (unsigned long long)REC->bits << 8': "1030792151808",
    '"%u %d", (u8)REC->half, (s8)REC->small': "96 -56",
    '"%d", -REC->tiny': "5",
    '"%x", ~REC->bits': "ffffffc",
    '"%d", +REC->tiny': "-5",
    '"%lu", sizeof(u32)': "4",
    '"%s", "a" "b"': "ab",
    '"%s %s", (char *)0xffffffff82000000, (char *)REC->large': "said 0x8000000000000005",
    '"%llu.%03u", __print_ns_to_secs(REC->large), __print_ns_without_secs(REC->large)': "9223372036.854775813",
    '"a\\tb\\"c\\x41\\101"': 'a\tb"cAA',
    '"x=%s y=%d", decode(REC->small), REC->tiny': "x=? y=-5",
    '"%p %d", REC->no_such, 1': "? 1",
    '"%s", REC->name': "?",
    '"%d", jiffies': "?",
    '"%s", __print_symbolic(REC->comm, { 1, "A" })': "?",
    '"%d", REC->comm == 1': "?",
    '"%d", REC->list[9]': "0",
    '"%d", REC->comm[0]': "98",
    '"%d", REC->small[0]': "?",
}  # fmt: skip


@pytest.mark.parametrize("fmt", SHOWN)
def test_print_formats(fmt: str) -> None:
    found = compiled(event(fmt), NAMES)
    assert found.show(RAW) == SHOWN[fmt]
    assert bool(found.doubt) == ("?" in SHOWN[fmt])


PROBES = ("unsigned long __probe_func;72;8;0", "unsigned long __probe_ret_ip;72;8;0", "unsigned long __probe_ip;72;8;0")
PROBED = {
    '"(%lx)", REC->__probe_ip': "(vfs_open+0x10/0x100)",
    '"(%lx <- %lx) arg=%d", REC->__probe_func, REC->__probe_ret_ip, REC->tiny': "(vfs_open+0x10/0x100 <- vfs_open) arg=-5",
    '"%lu", REC->__probe_ip': str(0xFFFFFFFF81000210),
}


@pytest.mark.parametrize("fmt", PROBED)
def test_places_of_probes_are_named_as_the_kernel_does(fmt: str) -> None:
    fields_ = tuple(one for one in FIELDS if " ip;" not in one)
    lines_ = [
        f"\tfield:{a};\toffset:{b};\tsize:{c};\tsigned:{d};\n"
        for a, b, c, d in (one.split(";") for one in (*fields_, *PROBES))
    ]
    format_ = parse(f"name: p\nID: 9\nformat:\n{rings.COMMON}{''.join(lines_)}\nprint fmt: {fmt}\n", "kprobes")
    assert format_ is not None
    with_one = format_._replace(
        fields=tuple(one for one in format_.fields if not one.name.startswith("__probe") or one.name in fmt)
    )
    if "ret_ip" in fmt:  # two fields at one place overlap: what is asked of them is read one by one
        with_one = format_._replace(
            fields=tuple(one._replace(offset=80) if one.name == "__probe_func" else one for one in with_one.fields)
        )
    raw = RAW[:80] + struct.pack("<Q", 0xFFFFFFFF81000210) + RAW[88:]
    assert compiled(with_one, NAMES).show(raw) == PROBED[fmt]


def test_a_return_that_is_probed_has_no_name() -> None:
    names = SymbolText(b"ffffffff81000200 T arch_rethook_trampoline\nffffffff81000300 T next\n")
    assert compiled(event('"%ps", (void *)REC->ip'), names).show(RAW) == "[unknown/kretprobe'd]"


class Sizes(NoLookups):
    def size(self, name: str) -> int | None:  # type: ignore[override]
        return 64 if name == "struct page" else None

    def constant(self, name: str) -> int | None:  # type: ignore[override]
        return {"BASE": 0xFFFFEA0000000000, "MINUS": -5, "SMALL": 7}.get(name)


SUMS = {
    '"%lx", ((struct page *)BASE + 3)': "ffffea00000000c0",
    '"%lx", (3 + (struct page *)BASE)': "ffffea00000000c0",
    '"%lx", ((struct page *)BASE - 1) + REC->tiny': f"{0xFFFFEA0000000000 - 6 * 64:x}",
    '"%lx", (unsigned long)((struct page *)BASE) + 3': "ffffea0000000003",
    '"%lx", (void *)BASE + 3': "ffffea0000000003",
    '"%lx", (u32 *)BASE + 3': "ffffea000000000c",
    '"%d", (struct page *)BASE == 0': "0",
    '"%d %u", MINUS, SMALL': "-5 7",
    '"%lx", (struct other *)BASE + 1': "?",
    '"%lx", (struct page *)BASE * 2': "?",
    '"%lx", (struct page *)BASE - (struct page *)BASE': "?",
    '"%lu", sizeof(struct page)': "64",
    '"%lu", sizeof(struct other)': "?",
}


@pytest.mark.parametrize("fmt", SUMS)
def test_sums_with_pointers(fmt: str) -> None:
    assert compiled(event(fmt), Sizes()).show(RAW) == SUMS[fmt]


WRONG = (
    "", "REC->small", '"%d"', '"%q", 1', '"%d", REC->comm', '"%s', '"%d", (1', '"%d", 1)', '"%d", REC->a->b',
    '"%*d", 3, 4', '"%.*d", 3, 4', '"%pI9", REC->whole', '"%d", ' + "(" * 500 + "1" + ")" * 500, '"%d", ' + "!" * 500 + "1",
    '"%d", {1, 2}', '"%pM", REC->whole', '"%s", REC->small', '"%ph", REC->whole', '"%d", 1' + ", 1" * 400, '"%d", @',
    "09", '"%d", 08u', '"%d", ' + "1" * 5000, '"%d", \u0663',
)  # fmt: skip


@pytest.mark.parametrize("fmt", WRONG)
def test_print_formats_that_are_not_understood(fmt: str) -> None:
    """The fields are shown in their place, and why is said."""
    format_ = event(fmt)
    events = Events({9: format_}, NAMES)
    name, text = events.text(9, RAW)
    assert name == "demo"
    assert events.doubts["demo"]
    assert "?" in text or "tiny=-5" in text


@given(st.text(st.sampled_from('"%dsxp*.()[]{}<>?:,+-&|~! 019azREC->_whole\\'), max_size=60))
def test_any_print_format_shows_something_or_is_refused(fmt: str) -> None:
    events = Events({9: event(fmt)}, NAMES)
    _, text = events.text(9, RAW)
    assert len(text) < 20_000


SHOWERS = [compiled(event(fmt), NoLookups()).show for fmt in SHOWN]


@given(st.binary(min_size=LEAST, max_size=200))
def test_any_record_is_shown(raw: bytes) -> None:
    assert all(isinstance(show(raw), str) for show in SHOWERS)
    assert set(fields(event('""'), raw)) == {one.split(";")[0].split()[-1].partition("[")[0] for one in FIELDS}


def test_values_of_fields() -> None:
    values = fields(event('""'), RAW)
    assert values["comm"] == "bash"
    assert (values["small"], values["tiny"], values["large"]) == (200, -5, 1 << 63 | 5)
    assert (values["list"], values["name"], values["near"]) == ([7, 8], "hello", "near")
    assert values["numbers"] == "01000000bc0a0000"
    assert values["mac"] == [1, 0x23, 0x45, 0x67, 0x89, 0xAB]
    assert fields(event('""', "struct odd thing;8;3;0"), RAW)["thing"] == "c8fb60"


def test_formats_that_are_none() -> None:
    assert parse("nonsense") is None
    assert parse("name: a\nID: 1\nformat:\n" + "x" * (2 << 20)) is None
    assert declared("", 0, 4, is_signed=False) is None
    assert declared("u8 huge", 0, 1 << 30, is_signed=False) is None
    named = declared("u32 args[MAX_ARGS]", 8, 24, is_signed=False)
    assert named is not None
    assert (named.elements, named.element) == (6, 4)
    assert [bytes_of(kind) for kind in ("u8", "const char *", "unsigned long long", "long", "struct x", "unsigned int")] == [
        1,
        8,
        8,
        8,
        0,
        4,
    ]
    assert bytes_of("unsigned long", 4) == 4
    assert common_fields(rings.COMMON)["common_pid"] == (4, 4)


def test_records_that_are_short_or_of_no_format() -> None:
    events = Events({9: event('"%d", REC->whole')})
    assert events.text(9, RAW[:40]) == ("demo", f"(cut short: 40 of {LEAST} bytes)")
    assert events.text(77, RAW[:12]) == ("event 77", "c8 fb 60 ea")
    assert (events.short, events.missing) == (1, {77: 1})


def test_a_dynamic_field_that_leads_out_of_the_record() -> None:
    raw = bytearray(RAW)
    raw[60:64] = struct.pack("<I", 0xFFFF << 16 | 0xFFF0)
    assert compiled(event('"<%s>", __get_str(name)'), NAMES).show(bytes(raw)) == "<>"


def test_names_of_another_boot() -> None:
    moved = SymbolText(KALLSYMS, {0x1000: "text"}, moved=0x2000000)
    assert moved.name(0xFFFFFFFF83000210, with_offset=True) == "vfs_open+0x10/0x100"
    assert moved.name(0xFFFFFFFFC0000010, with_offset=False) is None  # a module: it does not move with the kernel
    assert moved.name(0xFFFFFFFFC2000010, with_offset=False) is None
    assert moved.text(0x2001000) == "text"
    assert NAMES.name(0xFFFFFFFF81000100, with_offset=False) == "first"
    assert NAMES.name(0xFFFFFFFFC0000010, with_offset=True) == "in_module+0x10/0x40 [loop]"
    assert NAMES.name(0x10, with_offset=False) is None
    assert NAMES.name(0xFFFFFFFFC0900000, with_offset=False) is None  # far behind the last symbol
    assert (NAMES.address("vfs_open"), NAMES.address("none")) == (0xFFFFFFFF81000200, None)
    assert SymbolText(b"not a line\nzzzzzzzzzzzzzzzz T x\n").name(5, with_offset=False) is None


def test_names_of_tasks_out_of_the_trace() -> None:
    formats = [one for number in (rings.SWITCH, MARK) if (one := parse(rings.format_text(number), "sched"))]
    events = Events({one.id: one for one in formats})
    each = [rings.switch(1, ("init", 1), ("cat", 7)), rings.switch(2, ("dog", 7), ("swapper", 0)), rings.mark(3, 1)]
    raw = [(one.time, 0, 0, *struct.unpack_from("<II", one.data), one.data) for one in each]
    assert learned(raw, events) == {1: "init", 7: "dog"}
    assert learned([(1, 0, 0, rings.SWITCH, 1, b"short")], events) == {}
    events.know({7: "dog"})
    assert [events.comm(pid) for pid in (0, 7, 8)] == ["<idle>", "dog", "<...>"]


FLAGS = {
    0x0000: ".....", 0x0001: "d....", 0x0081: "D....", 0x0080: "b....", 0x0004: ".n...", 0x0020: ".p...", 0x0024: ".N...",
    0x0002: ".l...", 0x0006: ".b...", 0x0022: ".L...", 0x0026: ".B...", 0x0008: "..h..", 0x0010: "..s..", 0x0018: "..H..",
    0x0040: "..z..", 0x0048: "..Z..", 0x0300: "...3.", 0x0F00: "...f.", 0xA000: "....a",
}  # fmt: skip


@pytest.mark.parametrize("number", FLAGS)
def test_flags(number: int) -> None:
    assert flags(number) == FLAGS[number]


def test_lines() -> None:
    formats = [
        one
        for number in (MARK, rings.FUNCTION, rings.PRINT)
        if (one := parse(rings.format_text(number), "ftrace" if number < 9 else "x"))
    ]
    events = Events({one.id: one for one in formats}, NAMES, {7: "cat"})
    text = rings.header(rings.PRINT, -1 & 0xFF) + struct.pack("<Q", 0xFFFFFFFF81000100) + b"words\n\0"
    each = [rings.mark(1_234_567_890, 5, b"n"), rings.call(2_000_000_499, 0xFFFFFFFF81000200, 0xFFFFFFFF81000310)]
    raw = [(one.time, 3, 2 * at, *struct.unpack_from("<II", one.data), one.data) for at, one in enumerate(each)]
    raw.append((5, 0, -1, rings.PRINT, 0xFFFFFFFF, text))
    assert list(lines(raw, events)) == [
        "             cat-7       [003] .....     1.234568: mark: number=5 name=n\n",
        "CPU:3 [LOST 2 EVENTS]\n",
        "             cat-7       [003] .....     2.000000: vfs_open <-last\n",
        "CPU:0 [LOST EVENTS]\n",
        "           <...>--1      [000] .....     0.000000: first: words\n",
    ]
    assert next(lines(raw, events, in_ns=False)).split()[3] == "1234567890:"
    assert (time(5, in_ns=False), time(1_999_999_600, in_ns=True), lost(1, 3)) == (
        "           5",
        "    2.000000",
        "CPU:1 [LOST 3 EVENTS]\n",
    )


def test_a_name_that_head_dat_made_up_is_escaped() -> None:
    hostile = parse(rings.format_text(MARK).replace("name: mark", "name: ma\x1b[2Jrk"), "x")
    assert hostile is not None
    one = rings.mark(1_000, 5, b"n")
    raw = [(one.time, 0, 0, *struct.unpack_from("<II", one.data), one.data)]
    (line,) = lines(raw, Events({hostile.id: hostile}, NAMES, {7: "cat"}))
    assert line.endswith(r"ma\x1b[2Jrk: number=5 name=n" + "\n")


OWN: dict[str, tuple[tuple[str, ...], bytes, str]] = {
    "kernel_stack": (
        ("int size;8;4;1", "unsigned long caller[8];16;64;0"),
        struct.pack("<i4x8Q", 3, 0xFFFFFFFF81000110, 0xFFFFFFFF81000210, 5, *[0xFFFFFFFFFFFFFFFF] * 5),
        "<stack trace>\n => first\n => vfs_open\n => 0x5",
    ),
    "bputs": (
        ("unsigned long ip;8;8;0", "const char * str;16;8;0"),
        struct.pack("<QQ", 0xFFFFFFFF81000300, 0xFFFFFFFF82000000),
        "last: said",
    ),
    "raw_data": (("unsigned int id;8;4;0", "char buf[];12;0;1"), b"\xff\0\0\0\1\2\3\4", "# ff buf: 01 02 03 04"),
    "function": (("unsigned long other;8;8;0",), bytes(8), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", OWN)
def test_events_of_ftrace_itself(name: str) -> None:
    places, body, shown = OWN[name]
    rows = [f"\tfield:{a};\toffset:{b};\tsize:{c};\tsigned:{d};\n" for a, b, c, d in (one.split(";") for one in places)]
    one = parse(f'name: {name}\nID: 4\nformat:\n{"".join(rows)}\nprint fmt: ""\n', "ftrace")
    assert one is not None
    assert Events({4: one}, NAMES).text(4, rings.header(4, 1) + body) == ("" if shown else name, shown)
    for at in range(len(places)):  # without one of its fields it is shown by its print format
        fewer = one._replace(fields=one.fields[:at] + one.fields[at + 1 :])
        assert Events({4: fewer}, NAMES).text(4, rings.header(4, 1) + body)[0] in ("", name)


@pytest.mark.parametrize(("version", "pack"), [(6, ""), (7, ""), (7, "zlib"), (7, "zstd")])
def test_head_dat(version: int, pack: str) -> None:
    raw = rings.head_dat(
        version=version, pack=pack, kallsyms=KALLSYMS, printk=b'0xffff : "a \\"b\\"\\n"\n', comms=b"7 cat\n8 a b\n"
    )
    found = head.read(raw, "head.dat")
    assert sorted((one.system, one.name, one.id) for one in found.formats.values()) == [
        ("demo", "mark", 400),
        ("ftrace", "function", 1),
        ("ftrace", "print", 5),
        ("sched", "sched_switch", 316),
    ]
    assert (found.long, found.kallsyms, found.comms) == (8, KALLSYMS, {7: "cat", 8: "a b"})
    assert found.strings == {0xFFFF: 'a "b"'}


def test_a_format_whose_events_begin_otherwise_is_none() -> None:
    formats = head.read(rings.head_dat((rings.SWITCH,), texts=[("odd", ODD)]), "head.dat").formats
    assert (formats.get(MARK), len(formats), formats.get(1)) == (None, 2, None)


def changed(raw: bytes, at: int, new: bytes) -> bytes:
    return raw[:at] + new + raw[at + len(new) :]


SIX, SEVEN = rings.head_dat(), rings.head_dat(version=7)
PACKED = rings.head_dat(version=7, pack="zlib")
START = 10
SMALL = zlib.compress(b"ab")


def packed_section(how: bytes, size: int, raw: bytes) -> bytes:
    """A file with one packed section, which says that it has `size` bytes."""
    section = struct.pack("<II", len(raw), size) + raw
    return SEVEN[: START + 8] + how + b"\0\0" + bytes(8) + struct.pack("<HHIQ", 17, 1, 0, len(section)) + section


ODD = rings.format_text(MARK).replace("common_pid;\toffset:4", "common_pid;\toffset:6")
BAD: dict[str, bytes] = {
    "its magic is not there": b"\x7fELF" + SIX[4:],
    "its version is '5'": changed(SIX, START, b"5"),
    "big-endian": changed(SIX, START + 2, b"\1"),
    "a long has 3 bytes": changed(SIX, START + 3, b"\3"),
    "has no end": SIX[: START + 8] + b"x" * 5000,
    "it ends at byte 100": SIX[:100],
    "formats": changed(SIX, SIX.index(b"header_event") + 25, b"\xff\xff\xff\x7f"),
    "no formats of events": SEVEN[: START + 18],
    "packed with 'lzma'": packed_section(b"lzma", 1, b"x"),
    "a packed section is damaged": packed_section(b"zlib", 2, b"\xff\xff"),
    "section is damaged": packed_section(b"zstd", 2, b"\xff\xff"),
    "unpacks to more than": packed_section(b"zlib", 1 << 31, SMALL),
    "does not have the length": packed_section(b"zlib", 9, SMALL),
    "do not begin with type": rings.head_dat((), texts=[("odd", ODD)]),
}


@pytest.mark.parametrize("words", BAD)
def test_head_dat_that_is_damaged(words: str) -> None:
    with pytest.raises(KinfoError) as caught:
        head.read(BAD[words], "head.dat")
    assert words in caught.value.message
    assert caught.value.message.startswith("head.dat: ")
    assert "restore -c" in caught.value.hint


@given(
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6),
    st.integers(0, 3000),
    st.sampled_from([SIX, SEVEN, PACKED]),
)
def test_any_damage_to_a_head_dat_is_borne(changes: list[tuple[int, int]], cut: int, sound: bytes) -> None:
    raw = bytearray(sound)
    for at, byte in changes:
        raw[at % len(raw)] = byte
    try:
        found = head.read(bytes(raw[: max(len(raw) - cut, 0)]), "head.dat")
    except KinfoError:
        return
    events = Events(found.formats)
    for number in list(events.formats):
        events.text(number, RAW)


@given(st.text(max_size=80))
def test_any_arguments_end(text: str) -> None:
    with_text: Any = None
    try:
        with_text = arguments(text)
    except ExprError:
        return
    assert with_text
