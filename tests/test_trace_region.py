"""Persistent trace buffers: both shapes, and every field of them damaged."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.memory import BytesDump
from kinfo.regions import magics
from kinfo.regions.trace import find, judge, subbuffer
from kinfo.regions.trace.meta import form_at
from kinfo.regions.trace.read import CpuTrace, read
from kinfo.regions.trace.scratch import scratch
from kinfo.trace_events.decode import merged
from tests import trace_rings as rings
from tests.trace_rings import Event, mark, new_region, old_region, ring

MODULES = (("ext4", 0xFFFFFFFFC0000000), ("loop", 0xFFFFFFFFC0123000))


def pages(count: int, *, start: int = 1000, each: int = 5, gap: int = 1000) -> list[list[Event]]:
    """Sub-buffers of a few events each, numbered through."""
    return [
        [mark(start + gap * (each * page + at), each * page + at, b"n" * (at % 7)) for at in range(each)]
        for page in range(count)
    ]


def two_cpus(turn: int = 0, reader: bool = False) -> list[rings.Ring]:
    return [ring(pages(6), turn=turn, reader=reader), ring(pages(6, start=1500), turn=turn, reader=reader)]


SHAPES: dict[str, Callable[[list[rings.Ring]], bytes]] = {
    "6.12": old_region,
    "6.12, 32 bits": lambda each: old_region(each, word=4),
    "6.15": lambda each: new_region(each, clock=None, modules=MODULES),
    "6.16": lambda each: new_region(each, clock=5, modules=MODULES),
    "6.16, 32 bits": lambda each: new_region(each, clock=0, word=4, scratch=4080),
}
WIDE = [name for name in SHAPES if "32" not in name]


def everything(raw: bytes) -> list[tuple[find.TraceRegion, list[CpuTrace]]]:
    dump = BytesDump(raw)
    found = find.regions(dump, magics.search(dump)[magics.TRACE])
    return [(one, [read(dump, one, cpu) for cpu in one.cpus]) for one in found]


def numbers(cpus: Sequence[CpuTrace], *, consumed: bool = False) -> list[tuple[int, int, int]]:
    """Time, CPU and number of every event."""
    every = merged([cpu.records(consumed=consumed) for cpu in cpus])
    return [(time, cpu, int.from_bytes(raw[8:12], "little")) for time, cpu, _, _, _, raw in every]


EXPECTED = sorted([(1000 + 1000 * at, 0, at) for at in range(30)] + [(1500 + 1000 * at, 1, at) for at in range(30)])


@pytest.mark.parametrize("reader", [False, True], ids=["", "reader"])
@pytest.mark.parametrize("turn", [0, 1, 4])
@pytest.mark.parametrize("shape", WIDE)
def test_every_event_in_its_order(shape: str, turn: int, reader: bool) -> None:
    raw = SHAPES[shape](two_cpus(turn, reader))
    [(region, cpus)] = everything(raw)
    assert (region.at, region.size, len(region.cpus), region.faults) == (0, len(raw), 2, ())
    assert numbers(cpus) == EXPECTED
    assert not list(judge.findings("", region.faults, cpus))


@pytest.mark.parametrize("shape", [name for name in SHAPES if "32" in name])
def test_longs_of_four_bytes(shape: str) -> None:
    each = [ring([[]]), ring([[]])]
    narrow = [one._replace(pages=[rings.sub_buffer(events, word=4) for events in pages(3)], order=range(3)) for one in each]
    [(region, cpus)] = everything(SHAPES[shape]([one._replace(head=1, commit=2) for one in narrow]))
    assert (region.form.word, region.form.header, len(cpus)) == (4, 12, 2)
    assert [number for _, cpu, number in numbers(cpus) if cpu == 0] == list(range(15))


@pytest.mark.parametrize(("clock", "name"), [(0, "local"), (9, "x86-tsc"), (20, "number 20"), (None, "")])
def test_what_the_scratch_area_says(clock: int | None, name: str) -> None:
    [(region, _)] = everything(new_region(two_cpus(), clock=clock, modules=MODULES))
    assert region.scratch is not None
    assert (region.scratch.text, region.scratch.clock) == (rings.TEXT, name)
    assert [tuple(one) for one in region.scratch.modules] == list(MODULES)
    assert region.text == rings.TEXT


def test_a_scratch_area_that_was_never_filled() -> None:
    assert scratch(bytes(4096), 8) is None
    assert scratch(b"", 8) is None
    assert scratch(struct.pack("<QQ", rings.TEXT, 1 << 40) + bytes(100), 8) is None
    [(region, _)] = everything(old_region(two_cpus()))
    assert (region.scratch, region.text) == (None, rings.TEXT + 0x21D9F0)


def test_several_buffers_between_other_memory() -> None:
    gap = bytes(3 * 4096)
    raw = gap + old_region(two_cpus()) + gap + new_region(two_cpus()) + rings.MAGIC.to_bytes(4, "little").ljust(4096, b"\0")
    found = everything(raw)
    assert [region.form.name for region, _ in found] == ["6.12 to 6.14", "6.15 and later"]
    assert [numbers(cpus) for _, cpus in found] == [EXPECTED, EXPECTED]


def test_structs_of_other_sizes_are_no_buffers() -> None:
    for sizes in (0, 55, 57, 24 << 16 | 31, 24 << 16 | 500, 25 << 16 | 32, 24 << 16 | 36):
        assert form_at(BytesDump(struct.pack("<II", rings.MAGIC, sizes).ljust(4096, b"\0")), 0) is None
    grown = form_at(BytesDump(struct.pack("<II", rings.MAGIC, 24 << 16 | 40).ljust(4096, b"\0")), 0)
    assert grown is not None
    assert grown.cpu == 40


def test_what_a_reader_has_consumed_is_still_there() -> None:
    one = ring(pages(6))
    moved = one._replace(head=4)  # three sub-buffers before it were read
    [(_, cpus)] = everything(old_region([moved]))
    assert [number for *_, number in numbers(cpus)] == list(range(15, 30))
    assert [number for *_, number in numbers(cpus, consumed=True)] == list(range(30))
    [finding] = judge.findings("here", (), cpus)
    assert (finding.code, finding.message) == ("trace-consumed", "3 sub-buffers with 15 events")


def test_consumed_ones_that_are_newer_are_not_taken() -> None:
    stale = ring([*pages(2, start=900_000), *pages(3)])._replace(head=3)
    [(_, cpus)] = everything(old_region([stale]))
    assert not cpus[0].before
    assert [number for *_, number in numbers(cpus)] == list(range(15))


def test_the_reader_has_caught_up_with_the_writer() -> None:
    one = ring(pages(3), reader=True)._replace(commit=0)
    [(_, cpus)] = everything(old_region([one]))
    assert [number for *_, number in numbers(cpus)] == list(range(5))


LISTS = {
    "names number 9 of 8": (0, 9),
    "names number -1 of 8": (0, -1),
    "names number 3 twice": (5, 3),
}


@pytest.mark.parametrize("words", LISTS)
def test_lists_that_give_no_order(words: str) -> None:
    one = ring(pages(6), turn=3)
    order = list(one.order)
    at, number = LISTS[words]
    order[at] = number
    [(_, cpus)] = everything(old_region([one._replace(order=order)]))
    assert words in cpus[0].fault
    assert [number for *_, number in numbers(cpus)] == list(range(30))  # by their time stamps
    assert [finding.code for finding in judge.findings("", (), cpus)] == ["trace-order"]


def test_head_and_commit_that_are_no_sub_buffers() -> None:
    raw = bytearray(old_region([ring(pages(6), turn=3)]))
    for at, name in ((32, "head"), (40, "commit")):
        damaged = bytearray(raw)
        damaged[at + 1] ^= 0x01
        [(_, cpus)] = everything(bytes(damaged))
        assert f"{name}_buffer" in cpus[0].fault
        assert [number for *_, number in numbers(cpus)] == list(range(30))
    [(_, cpus)] = everything(old_region([ring(pages(6))._replace(head=0)]))
    assert "the reader's" in cpus[0].fault


def test_a_damaged_magic_and_first_buffer_of_a_cpu() -> None:
    sound = old_region(two_cpus())
    second = everything(sound)[0][0].cpus[1].at
    for at, words in ((0, "CPU 0's magic"), (second, "CPU 1's magic")):
        damaged = bytearray(sound)
        damaged[at] ^= 0xFF
        [(region, cpus)] = everything(bytes(damaged))
        assert region.faults[0].startswith(words)
        assert (region.at, numbers(cpus)) == (0, EXPECTED)
        assert next(judge.findings("", region.faults, cpus)).code == "trace-meta"
    three = bytearray(old_region([*two_cpus(), two_cpus()[0]]))
    three[second + 26] ^= 0x10
    [(region, cpus)] = everything(bytes(three))
    assert "CPU 1's first_buffer" in region.faults[0]
    assert len(numbers(cpus)) == 90


def test_a_damaged_top() -> None:
    sound = new_region(two_cpus())
    for at, size in ((8, 8), (16, 8)):
        damaged = bytearray(sound)
        damaged[at : at + size] = struct.pack("<Q", 1 << 50 if at == 16 else 100)
        [(region, cpus)] = everything(bytes(damaged))
        assert region.faults
        assert numbers(cpus) == EXPECTED


def test_a_region_that_is_cut() -> None:
    raw = old_region(two_cpus())
    [(region, cpus)] = everything(raw[:-9000])
    assert [finding.code for finding in judge.findings("", region.faults, cpus)] == ["trace-cut"]
    assert [cpu for _, cpu, _ in numbers(cpus)].count(0) == 30
    assert everything(raw[:40]) == []


BODIES = {
    "a record of 2 bytes": struct.pack("<II", 0, 2),
    "a record of 8000 bytes": struct.pack("<II", 0, 8000) + bytes(40),
    "padding of 0 bytes": struct.pack("<II", 5 << 5 | 29, 0),
    "padding of 8000 bytes": struct.pack("<II", 5 << 5 | 29, 8000),
    "longer than what is left": struct.pack("<I", 28) + bytes(8),
    "is cut at its end": struct.pack("<I", 30),
    "goes back": struct.pack("<II", 31, 0) + bytes(0),
}


@pytest.mark.parametrize("words", BODIES)
def test_records_that_make_no_sense(words: str) -> None:
    bad = rings.sub_buffer([mark(1 << 40, 1)], tail=BODIES[words])
    one = ring(pages(4))
    [(region, cpus)] = everything(old_region([one._replace(pages=[*one.pages[:2], bad, *one.pages[3:]])]))
    [damaged] = cpus[0].damaged
    assert words in damaged.why
    assert [number for *_, number in numbers(cpus)] == [*range(5), *range(10, 20)]
    assert [finding.code for finding in judge.findings("", region.faults, cpus)] == ["trace-subbuffer"]


def test_commits_that_make_no_sense() -> None:
    one = ring(pages(4))
    for commit, words in ((5000, "said to hold 0x1388"), (33, "no multiple of 4")):
        bad = one.pages[2][:8] + struct.pack("<Q", commit) + one.pages[2][16:]
        [(_, cpus)] = everything(old_region([one._replace(pages=[*one.pages[:2], bad, *one.pages[3:]])]))
        assert words in cpus[0].damaged[0].why


def test_times() -> None:
    """Deltas, extensions, absolute stamps, what was thrown away, long records, the end of the 59 bits."""
    events = [mark(1 << 33, 0), mark((1 << 33) + 5, 1), mark(1 << 40, 2), mark((1 << 40) + 9, 3, b"n" * 200)]
    raw = rings.sub_buffer(events, tail=rings.padding(24) + rings.padding(16, 100) + rings.record(mark(9, 4), 2))
    sub = subbuffer.head(raw, 8)
    assert [time for time, *_ in subbuffer.walk(sub, subbuffer.words(sub, 8))] == [
        *(event.time for event in events),
        (1 << 40) + 9 + 100 + 7,
    ]
    raw = rings.sub_buffer([mark(1000, 0)], tail=rings.record(mark(1 << 50, 1), 0, by_stamp=True))
    sub = subbuffer.head(raw, 8)
    assert [time for time, *_ in subbuffer.walk(sub, subbuffer.words(sub, 8))] == [1000, 1 << 50]
    high = (1 << 63) | ((1 << 59) - 2)
    raw = rings.sub_buffer([mark(high, 0)], tail=rings.record(mark(3, 1), 0, by_stamp=True))
    sub = subbuffer.head(raw, 8)
    assert [time for time, *_ in subbuffer.walk(sub, subbuffer.words(sub, 8))] == [high, (1 << 63) + (1 << 59) + 3]
    raw = rings.sub_buffer([mark(1000, 0)], tail=struct.pack("<I", 29) + b"\xff" * 64)  # padding up to the end
    sub = subbuffer.head(raw, 8)
    assert len(subbuffer.walk(sub, subbuffer.words(sub, 8))) == 1


def test_lost_events_and_times_that_go_back() -> None:
    one = ring([*pages(1, start=50_000), *pages(2)])
    lost = rings.sub_buffer(pages(1, start=90_000)[0], missed=77)
    [(region, cpus)] = everything(old_region([one._replace(pages=[*one.pages[:3], lost, one.pages[4]])]))
    codes = {finding.code: finding.message for finding in judge.findings("", region.faults, cpus)}
    assert codes == {"trace-time": "1 sub-buffer so, the first number 2", "trace-lost": "at 1 places, 77 in all"}
    assert [missed for _, _, missed, *_ in cpus[0].records() if missed] == [77]
    counted = cpus[0]._replace(overrun=3, dropped=4, parts=(), backwards=())
    assert [one.message for one in judge.findings("", (), [counted])] == ["3 overwritten, 4 dropped"]


@pytest.mark.parametrize("shape", WIDE)
@given(
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=12),
    cut=st.integers(0, 70_000),
)
def test_damage_anywhere_is_borne(shape: str, changes: list[tuple[int, int]], cut: int) -> None:
    """Whatever bytes are changed: it ends, no sub-buffer is read twice, and none is both shown and left out."""
    raw = bytearray(SHAPES[shape](two_cpus(2)))
    for at, byte in changes:
        raw[at % (len(raw) if at & 1 else 600)] = byte
    for region, cpus in everything(bytes(raw[: len(raw) - cut])):
        list(judge.findings("", region.faults, cpus))
        for cpu, parts in zip(region.cpus, cpus, strict=True):
            seen = [part.sub.number for part in (*parts.before, *parts.parts)] + [one.number for one in parts.damaged]
            assert len(set(seen)) == len(seen) <= cpu.length
            assert len(list(parts.records(consumed=True))) <= sum(part.events for part in (*parts.before, *parts.parts))


@given(st.binary(min_size=0, max_size=300))
def test_any_bytes_are_a_sub_buffer_or_damaged(body: bytes) -> None:
    raw = (struct.pack("<QQ", 5, len(body)) + body).ljust(4096, b"\0")
    try:
        sub = subbuffer.head(raw, 8)
        found = subbuffer.walk(sub, subbuffer.words(sub, 8))
    except subbuffer.TraceDamagedError:
        return
    assert all(4 * at + size <= len(body) for _, at, size in found)
