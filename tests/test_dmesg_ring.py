"""The kernel's log out of rings that our own writer made: every corner of them, damaged ones, and what other readers do."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import KinfoError
from kinfo.kernel.printk import columns
from kinfo.kernel.printk.message import Message
from tests.kernels import dumps, printk
from tests.kernels.printk import PRB, LogBuf, Ring, buffer_core, core, place, places, ring_core

SECOND = 1_000_000_000


def log_of(folder: Path, ring: Ring, **more: object) -> kinfo.PrintkLog:
    path = folder / "core.elf"
    ring_core(path, ring, **more)  # type: ignore[arg-type]
    return kinfo.dmesg(path)


def texts(log: kinfo.PrintkLog) -> list[bytes]:
    return [message.raw for message in log.messages]


def codes(log: kinfo.PrintkLog) -> list[str]:
    return [finding.code for finding in log.findings]


def test_a_message_is_typed(tmp_path: Path) -> None:
    ring = Ring(gap=20)
    context = struct.pack("<I16s", 1 << 31 | 3, b"kworker/3:1")
    ring.store("usb 1-1: né\n2".encode(), 1_234_567_891, 3, 0, 2, 77, (b"usb", b"c189:1"), context=context)
    ring.store(b"from the idle task", 2 * SECOND, 7, 3, caller=1 << 31 | 2)
    first, second = log_of(tmp_path, ring).messages
    assert first == Message(
        seq=0,
        ns=1_234_567_891,
        level=3,
        facility=0,
        flags=2,
        raw="usb 1-1: né\n2".encode(),
        caller_id=77,
        subsystem="usb",
        device="c189:1",
        extra=(("CALLER2", "C3"), ("COMM", "kworker/3:1")),
    )
    assert (first.text, first.caller, first.lines[1], first.is_continued) == ("usb 1-1: né\n2", "T77", b"2", False)
    assert first.dictionary == {"SUBSYSTEM": "usb", "DEVICE": "c189:1", "CALLER2": "C3", "COMM": "kworker/3:1"}
    assert (second.seq, second.caller, second.facility, second.dictionary) == (1, "C2", 3, {"CALLER2": "T0"})


@pytest.mark.parametrize("fits_end", [False, True])
@pytest.mark.parametrize(("finalized_seq", "wide_ids"), [(False, False), (True, False), (True, True)])
def test_everything_that_a_ring_keeps_is_read(tmp_path: Path, fits_end: bool, finalized_seq: bool, wide_ids: bool) -> None:
    """Longer and longer messages through many rounds: whatever the writer has left is read, in order."""
    ring = Ring(4, 9, 8, fits_end, finalized_seq, wide_ids=wide_ids)
    for number in range(100):
        text = bytes([65 + number % 26]) * (number % 57)
        ring.store(text, number * SECOND, number % 8)
        log = log_of(tmp_path, ring)
        last = log.messages[-1]
        assert (last.seq, last.raw, last.ns, last.level) == (number, text, number * SECOND, number % 8)
        seqs = [message.seq for message in log.messages]
        assert seqs == list(range(seqs[0], number + 1))
        assert all(one.raw == bytes([65 + one.seq % 26]) * (one.seq % 57) for one in log.messages)
        assert not log.lost.keys() - {"overwritten by newer ones"}
        assert codes(log) == (["log-overwritten"] if seqs[0] else [])


@given(st.lists(st.binary(max_size=120), max_size=60), st.booleans(), st.booleans())
def test_any_texts(tmp_path_factory: pytest.TempPathFactory, messages: list[bytes], fits_end: bool, wide_ids: bool) -> None:
    ring = Ring(4, 9, fits_end=fits_end, wide_ids=wide_ids)
    for text in (b"first", *messages):
        ring.store(text)
    found = texts(log_of(tmp_path_factory.mktemp("ring"), ring))
    assert found == [b"first", *messages][-len(found) :]


def test_a_block_that_ends_with_the_ring_is_not_wrapped(tmp_path: Path) -> None:
    ring = Ring(4, 9, fits_end=True)
    ring.store(b"a" * 248)
    ring.store(b"b" * 248)
    assert ring.descs[1][2] == 0  # the end of the ring
    assert texts(log_of(tmp_path, ring, release="7.2.1")) == [b"a" * 248, b"b" * 248]


def test_a_wrapped_block_is_at_the_start(tmp_path: Path) -> None:
    ring = Ring(4, 9)
    for letter in (b"a", b"b", b"c"):
        ring.store(letter * 200)
    assert texts(log_of(tmp_path, ring)) == [b"b" * 200, b"c" * 200]
    assert bytes(ring.text[8:208]) == b"c" * 200


def test_lost_and_empty_and_unfinished(tmp_path: Path) -> None:
    ring = Ring()
    ring.store(b"before")
    ring.store(b"x" * 300)  # too long: FAILED_LPOS
    ring.store(b"")
    ring.store(b"open", flags=0, state=printk.COMMITTED)
    ring.store(b"being written", state=printk.RESERVED)
    ring.store(b"more", flags=printk.CONT | printk.NEWLINE)
    log = log_of(tmp_path, ring)
    assert texts(log) == [b"before", b"", b"open", b"more"]
    assert log.messages[-1].is_continued
    assert codes(log) == ["log-dropped", "log-dropped"]
    assert log.count_lost == 2


def test_the_live_ring_counts_and_not_the_one_before_it(tmp_path: Path) -> None:
    """log_buf_len=: the first messages are in both, the rest in the new ring alone, which lies in the linear map."""
    old, new = Ring(), Ring(6, 12)
    for number in range(5):
        for ring in (old, new):
            ring.store(b"early %d" % number, number)
    new.store(b"late", SECOND)
    dynamic = places(10, linear=True)
    pieces = {PRB: dynamic["ring"].to_bytes(8, "little"), **old.pieces(places()), **new.pieces(dynamic)}
    core(tmp_path / "core.elf", pieces, {"prb": PRB, "printk_rb_static": places()["ring"]}, new.lines())
    log = kinfo.dmesg(tmp_path / "core.elf")
    assert texts(log)[-1] == b"late"
    assert not log.findings

    del pieces[dynamic["text"]]  # the v3 posting registers it with size 0
    core(tmp_path / "v3.elf", pieces, {"prb": PRB, "printk_rb_static": places()["ring"]}, new.lines())
    log = kinfo.dmesg(tmp_path / "v3.elf")
    assert texts(log) == [b"early %d" % number for number in range(5)]
    assert log.lost == {"not in the dump": 1}
    assert codes(log) == ["log-stale", "log-not-dumped"]


def damaged_core(folder: Path, changes: dict[int, bytes]) -> kinfo.PrintkLog:
    ring = Ring()
    for number in range(8):
        ring.store(b"message %d" % number, number)
    return log_of(folder, ring, changes=changes)


def test_a_damaged_window_costs_nothing(tmp_path: Path) -> None:
    """head_id or tail_id: every slot is looked at, each message proves itself."""
    ring = Ring()
    for number in range(40):
        ring.store(b"message %d" % number, number)
    left = texts(log_of(tmp_path, ring))
    for name, at in (("head", 24), ("tail", 32)):
        head = bytearray(ring.pieces(places())[places()["ring"]])
        head[at : at + 8] = b"\x11\x22\x33\x44\x55\x66\x77\x08"
        log = log_of(tmp_path, ring, changes={places()["ring"]: bytes(head)})
        assert texts(log) == left, name
        assert codes(log) == ["log-pointer", "log-overwritten"]


def test_ids_that_repeat_or_belong_elsewhere_are_not_believed(tmp_path: Path) -> None:
    ring = Ring()
    for number in range(8):
        ring.store(b"message %d" % number, number)
    ring.descs[3] = ring.descs[2]
    ring.infos[5] = ring.infos[4]
    log = log_of(tmp_path, ring)
    assert texts(log) == [b"message %d" % number for number in (0, 1, 2, 4, 6, 7)]
    assert log.lost == {"damaged": 2}
    assert codes(log) == ["log-damaged"]


@pytest.mark.parametrize("wide_ids", [False, True])
@pytest.mark.parametrize("bit", [0, 31, 32, 37, 61, 63])
def test_any_wrong_bit_of_a_sequence_number_costs_its_message(bit: int, wide_ids: bool, tmp_path: Path) -> None:
    ring = Ring(wide_ids=wide_ids)
    for number in range(8):
        ring.store(b"message %d" % number, number)
    seq = int.from_bytes(ring.infos[5][:8], "little") ^ 1 << bit
    ring.infos[5] = seq.to_bytes(8, "little") + ring.infos[5][8:]
    log = log_of(tmp_path, ring)
    assert [one.seq for one in log.messages] == [0, 1, 2, 3, 4, 6, 7]
    assert codes(log) == ["log-damaged"]


@pytest.mark.parametrize(
    "lpos",
    [(0x123, 0x456), (8, 8), (16, 8), (1 << 63, 1 << 62), (1, 3), (3, 1), (FAR := 1 << 40, FAR + 4096)],
)
def test_a_block_that_cannot_be_costs_its_message(tmp_path: Path, lpos: tuple[int, int]) -> None:
    ring = Ring()
    for number in range(4):
        ring.store(b"message %d" % number)
    ring.descs[1][1:] = lpos
    log = log_of(tmp_path, ring)
    assert texts(log) == [b"message 0", b"message 2", b"message 3"]
    assert log.lost == {"damaged": 1}


def test_text_that_is_longer_than_its_block_is_not_shown(tmp_path: Path) -> None:
    ring = Ring()
    for number in range(4):
        ring.store(b"message %d" % number)
    ring.infos[2] = ring.infos[2][:16] + b"\xff\xff" + ring.infos[2][18:]
    assert texts(log_of(tmp_path, ring)) == [b"message 0", b"message 1", b"message 3"]


@given(st.data())
def test_noise_over_any_part_hides_no_message_that_is_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """What is shown was stored: noise makes messages go, it never makes or changes one."""
    ring = Ring()
    for number in range(20):
        ring.store(b"message number %d" % number, number + 1)
    pieces = ring.pieces(places())
    name = data.draw(st.sampled_from(["ring", "descs", "infos"]))
    raw = bytearray(pieces[places()[name]])
    at = data.draw(st.integers(0, len(raw) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=40))[: len(raw) - at]
    raw[at : at + len(noise)] = noise
    path = tmp_path_factory.mktemp("noise") / "core.elf"
    ring_core(path, ring, changes={places()[name]: bytes(raw)})
    try:
        log = kinfo.dmesg(path)
    except KinfoError:
        assert name == "ring"
        return
    if name != "infos":  # a length and a time have nothing to be held against
        assert {one.raw for one in log.messages} <= {b"message number %d" % number for number in range(20)}
    assert len({one.seq for one in log.messages}) == len(log.messages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns.Run, "is_plain", lambda *_: False)
        slot_by_slot = kinfo.dmesg(path)
    assert (slot_by_slot.messages, slot_by_slot.lost) == (log.messages, log.lost)


@given(st.integers(0, (1 << 64) - 1) | st.integers((1 << 64) - 80, (1 << 64) - 1), st.integers(0, 80))
def test_numbers_that_ascend_as_words(first: int, count: int) -> None:
    """Up to the last that a word holds; nothing is said of what would be behind it."""
    whole = min(count, (1 << 64) - first)
    found = columns._ascending(first, count)
    assert len(found) == 8 * count
    assert found[: 8 * whole] == struct.pack(f"<{whole}Q", *range(first, first + whole))


class TestLogBuf:
    @pytest.mark.parametrize("caller", [False, True])
    def test_everything_that_is_left_is_read(self, tmp_path: Path, caller: bool) -> None:
        buffer = LogBuf(1024, caller)
        for number in range(200):
            text = bytes([65 + number % 26]) * (number % 73)
            buffer.store(text, number * SECOND, number % 8, said=b"SUBSYSTEM=usb\0DEVICE=c1:2\0FOO=bar" * (number % 5 == 0))
            if number in (3, 50, 199):
                buffer_core(tmp_path / "core.elf", buffer, "5.4.1")
                log = kinfo.dmesg(tmp_path / "core.elf")
                left = buffer.next_seq - buffer.first_seq
                wanted = [bytes([65 + one % 26]) * (one % 73) for one in range(number + 1)][-left:]
                assert texts(log) == wanted
                assert log.messages[-1].caller == ("T1" if caller else "")
                assert not log.findings
        with_said = next(one for one in log.messages if one.subsystem)
        assert with_said.dictionary == {"SUBSYSTEM": "usb", "DEVICE": "c1:2", "FOO": "bar"}

    def test_pieces_of_a_line_are_joined_as_old_kernels_do(self, tmp_path: Path) -> None:
        buffer = LogBuf()
        buffer.store(b"one", flags=printk.CONT)
        buffer.store(b" two", flags=printk.CONT)
        buffer.store(b" three", flags=printk.CONT | printk.NEWLINE)
        buffer.store(b"alone")
        buffer_core(tmp_path / "core.elf", buffer, "4.9.1")
        assert texts(kinfo.dmesg(tmp_path / "core.elf")) == [b"one two three", b"alone"]
        buffer_core(tmp_path / "core.elf", buffer, "5.4.1")
        assert texts(kinfo.dmesg(tmp_path / "core.elf")) == [b"one", b" two", b" three", b"alone"]

    def test_a_layout_that_cannot_be_is_not_used(self, tmp_path: Path) -> None:
        """VMCOREINFO that says garbage: what releases are known to have holds, as the records show."""
        buffer = LogBuf()
        buffer.store(b"message", 5 * SECOND, 3)
        lines = buffer.lines()
        for key, value in (
            ("OFFSET(printk_log.ts_nsec)", "6"),
            ("OFFSET(printk_log.len)", "1000"),
            ("SIZE(printk_log)", "x"),
        ):
            buffer.lines = lambda key=key, value=value: lines | {key: value}  # type: ignore[method-assign,misc]
            buffer_core(tmp_path / "core.elf", buffer)
            log = kinfo.dmesg(tmp_path / "core.elf")
            assert (texts(log), log.messages[0].ns, log.form) == ([b"message"], 5 * SECOND, "the layout of 3.5")

    def test_a_chain_that_breaks_is_said(self, tmp_path: Path) -> None:
        buffer = LogBuf()
        for number in range(4):
            buffer.store(b"message %d" % number)
        buffer.data[2 * 32 + 8 : 2 * 32 + 10] = b"\x03\x00"
        buffer_core(tmp_path / "core.elf", buffer)
        log = kinfo.dmesg(tmp_path / "core.elf")
        assert texts(log) == [b"message 0", b"message 1"]
        assert codes(log) == ["log-damaged"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("OFFSET(printk_info.ts_nsec)", "16"),
        ("SIZE(prb_desc)", "0"),
        ("SIZE(printk_info)", "96"),
        ("SIZE(atomic_long_t)", "3"),
        ("OFFSET(prb_desc_ring.head_id)", "9999"),
        ("OFFSET(printk_ringbuffer.text_data_ring)", "40"),
        ("LENGTH(printk_info_device)", "-1"),
    ],
)
def test_vmcoreinfo_that_says_garbage_of_the_structs(tmp_path: Path, key: str, value: str) -> None:
    ring = Ring()
    for number in range(6):
        ring.store(b"message %d" % number, number)
    lines = ring.lines() | {key: value}
    core(tmp_path / "core.elf", {PRB: places()["ring"].to_bytes(8, "little"), **ring.pieces(places())}, {"prb": PRB}, lines)
    log = kinfo.dmesg(tmp_path / "core.elf")
    assert texts(log) == [b"message %d" % number for number in range(6)]
    assert (log.form, log.findings) == ("the layout of 6.9", ())


@pytest.mark.parametrize("table", ["descs", "infos", "text"])
def test_holes_cost_what_lies_in_them(tmp_path: Path, table: str) -> None:
    ring = Ring(6, 12)
    for number in range(40):
        ring.store(b"message number %d" % number, number)
    pieces = {PRB: places()["ring"].to_bytes(8, "little"), **ring.pieces(places())}
    at = places()[table]
    whole = pieces.pop(at)
    pieces |= {at: whole[:400], at + 600: whole[600:]}
    core(tmp_path / "core.elf", pieces, {"prb": PRB}, ring.lines())
    log = kinfo.dmesg(tmp_path / "core.elf")
    assert codes(log) == ["log-not-dumped"]
    assert len(log.messages) + log.count_lost == 40
    assert 0 < log.count_lost < 20
    assert all(message.raw == b"message number %d" % message.seq for message in log.messages)


def test_a_note_of_kdump_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has CRASHTIME: the kernel wrote it as it crashed; memory as large as a machine is not searched for a record."""
    ring = Ring()
    ring.store(b"message")
    pieces = {PRB: places()["ring"].to_bytes(8, "little"), **ring.pieces(places())}
    core(tmp_path / "core.elf", pieces, {"prb": PRB}, ring.lines() | {"CRASHTIME": "1764000000"})

    def searched(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("kinfo.kernel.printk.open.kernel_in", searched)
    assert texts(kinfo.dmesg(tmp_path / "core.elf")) == [b"message"]


def test_x86_64_by_its_phys_base(tmp_path: Path) -> None:
    ring = Ring()
    ring.store(b"message")
    where = {name: 0xFFFFFFFF82000000 + (number << 20) for number, name in enumerate(("ring", "descs", "infos", "text"))}
    prb, base = 0xFFFFFFFF81000000, 0x5000000
    pieces = {prb: where["ring"].to_bytes(8, "little"), **ring.pieces(where)}
    lines = ring.lines() | {"SYMBOL(prb)": f"{prb:x}", "NUMBER(phys_base)": f"{base}"}
    loads = [dumps.Piece(va - 0xFFFFFFFF80000000 + base, va, data) for va, data in pieces.items()]
    info = "".join(f"{key}={value}\n" for key, value in lines.items())
    dumps.write_elf(tmp_path / "core.elf", loads, dumps.MACHINES["x86"], 64, "6.12.1", info=info)
    assert texts(kinfo.dmesg(tmp_path / "core.elf")) == [b"message"]


def test_a_note_that_leads_nowhere_is_said(tmp_path: Path) -> None:
    ring = Ring()
    ring.store(b"message")
    pieces = ring.pieces(places())
    core(tmp_path / "core.elf", pieces, {"prb": place(99)}, ring.lines())
    with pytest.raises(KinfoError, match=r"prb, at VA 0x[0-9a-f]+, is not in the dump"):
        kinfo.dmesg(tmp_path / "core.elf")
    core(tmp_path / "core.elf", pieces, {}, ring.lines())
    with pytest.raises(KinfoError, match="says where the kernel's log is"):
        kinfo.dmesg(tmp_path / "core.elf")


def test_every_rule_is_met_here() -> None:
    from kinfo.kernel.printk.rules import RULES

    text = Path(__file__).read_text()
    assert not [rule.code for rule in RULES if f'"{rule.code}"' not in text]
