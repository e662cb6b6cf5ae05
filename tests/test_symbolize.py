"""Names in text: what gets one, what does not, and that nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.kernel.symbolize import Symbolizer
from tests.kernels.image import Kernel, Spec, make

KERNEL = make()


@contextmanager
def symbolizer(kernel: Kernel, folder: Path) -> Iterator[Symbolizer]:
    kernel.write_elf(folder / "ram.elf")
    with kinfo.open_kernel(str(folder / "ram.elf")) as opened:
        yield Symbolizer(opened)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Symbolizer]:
    with symbolizer(KERNEL, tmp_path_factory.mktemp("ram")) as found:
        yield found


TEXT = KERNEL.find("sched_read")
MODULE = next(one for one in KERNEL.module_symbols if one.type in "tT")
LABEL = f" <{TEXT.name}+0x4/0x6b0>".encode()
VA = f"{TEXT.va + 4:016x}".encode()
PA = f"{(TEXT.pa or 0) + 4:#x}".encode()
PAC = f"{TEXT.va + 4 & (1 << 39) - 1 | 0x35A5 << 48 | 1 << 55:016x}".encode()


@pytest.mark.parametrize("address", [VA, b"0x" + VA, b"0X" + VA.upper(), PA, PAC])
def test_addresses_get_names(names: Symbolizer, address: bytes) -> None:
    for before, behind in ((b"pc : ", b" lr"), (b"(", b")"), (b"", b"\n"), (b"x=", b",")):
        assert names.text(before + address + behind) == before + address + LABEL + behind
    assert names.text(b"[<" + address + b">] ") == b"[<" + address + b">]" + LABEL + b" "


@pytest.mark.parametrize(
    "word", [b"lr : ", b"LR is at ", b"LR is at 0x", b" lr ", b"ARM64_LR=", b"x30: ", b"x30 ", b"Panic LR: 0x"]
)
def test_a_link_register_at_the_first_byte_is_named_twice(names: Symbolizer, word: bytes) -> None:
    first = f"{TEXT.va:016x}".encode()
    named = names.text(word + first)
    assert b" or sched_read+0x0/" in named
    for other in (b"pc : ", b"PC is at ", b"Elr_el1: ", b"blr", b"x3", b"clr: "):
        assert b" or " not in names.text(other + b" " + first)


@pytest.mark.parametrize(
    "text",
    [
        b"[<" + VA + b">] vfs_read+0x4/0x10",
        VA + b" <vfs_read+0x4/0x10>",
        VA + b" (vfs_read+0x4/0x10)",
        b"x" + VA,
        VA + b"0",
        PA[2:],
        b"0x" + b"0" * 16,
        b"deadbeefdeadbeef",
        b"ffffffffffffffff",
        b"\xff\x00\x1b[1m binary \r\n",
    ],
)
def test_everything_else_stays(names: Symbolizer, text: bytes) -> None:
    assert names.text(text) == text


def test_modules(names: Symbolizer) -> None:
    line = f"{MODULE.va + 8:016x}".encode()
    assert names.text(line) == line + f" <{MODULE.name}+0x8/0x100 [{MODULE.module}]>".encode()


def test_32_bit_kernels(tmp_path: Path) -> None:
    kernel = make(Spec(arch="arm"))
    one = kernel.find("sched_read")
    line = f"PC is at {one.va:08x}".encode()
    with symbolizer(kernel, tmp_path) as names:
        assert names.text(line) == line + b" <sched_read+0x0/0x6b0>"


@given(sizes=st.lists(st.integers(1, 40), max_size=40), ends=st.booleans())
def test_pieces_make_the_whole(names: Symbolizer, sizes: list[int], ends: bool) -> None:
    text = (b"a " + VA + b"\nb " + PA + b" c\n\n") * 5 + (b"" if ends else VA)
    left, rest = [], text
    for size in sizes:
        left.append(rest[:size])
        rest = rest[size:]
    left = [piece for piece in (*left, rest) if piece] + [b""]
    pieces = iter(left)
    assert b"".join(names.stream(lambda: next(pieces))) == names.text(text)


def test_a_line_without_an_end_is_not_kept(names: Symbolizer) -> None:
    pieces = iter([b"x" * (1 << 20), b"x" * 10, b"\n", b""])
    assert [len(piece) for piece in names.stream(lambda: next(pieces))] == [(1 << 20) + 10, 1]


def test_many_addresses_do_not_fill_the_memory(names: Symbolizer) -> None:
    text = b"\n".join(b"%016x" % (TEXT.va + at) for at in range(1 << 11))
    assert names.text(text).count(b" <") == 1 << 11
    assert len(names._labels) <= 1 << 16


NAME = TEXT.name.encode()
ESC = b"\x1b[1;31m"


@pytest.mark.parametrize(
    "text",
    [
        b"[<" + VA + b">] ? sched_read+0x18/0x6b0",
        b"[<" + VA + b">] ? sched_read",
        b"[<" + VA + b">] (sched_read) from ",
        b"[<" + VA + b">] (sched_read+0x8/0x40) from ",
        b"RIP: 0010:[<" + VA + b">]  [<" + VA + b">] sched_read+0x8/0x40",
        b"epc   : " + VA + b" sched_read+0x8/0x40",
        b" PC: sched_read+0x4 <" + VA + b">",
        b" PC: wlan_open+0x4/0x10 [wlan] <" + VA + b">",
        ESC + VA + b"\x1b[0m " + ESC + b"sched_read+0x8/0x40",
        b"[<" + ESC + VA + b"\x1b[m>] sched_read+0x8/0x40",
    ],
)
def test_a_name_that_stands_there_is_enough(names: Symbolizer, text: bytes) -> None:
    assert names.text(text) == text


def test_addresses_without_names_of_old_formats(names: Symbolizer) -> None:
    line = b"pc : [<%s>]%s    lr : [<%s>]%s    psr: 60000013\n"
    assert names.text(line % (VA, b"", VA, b"")) == line % (VA, LABEL, VA, LABEL)
    assert names.text(b"[<" + VA + b">] (x y) from") == b"[<" + VA + b">]" + LABEL + b" (x y) from"


def test_the_boot_loaders_unknown_is_no_name(names: Symbolizer) -> None:
    for line in (b" [<%s>] UNKNOWN+0x0%s\n", b" PC: UNKNOWN+0x0 <%s>%s\n", b"[<\x1b[1m%s\x1b[0m>] UNKNOWN+0x0%s"):
        named = line % (VA.upper(), LABEL)
        assert names.text(line % (VA.upper(), b"")) == named
        assert names.text(named) == named


@pytest.mark.parametrize("escape", [ESC, b"\x1b[m", b"\x1b[38;2;255;0;128m", b"\x1b[K", b"\x1b(B\x1b[m", b"a\x1b[1m"])
def test_escape_sequences_are_no_part_of_words(names: Symbolizer, escape: bytes) -> None:
    line = escape + b"%s%s\x1b[0m " + escape + b"0x%s%s\x1b[0m\n"
    assert names.text(line % (VA, b"", VA, b"")) == line % (VA, LABEL, VA, LABEL)


def test_a_second_run_changes_nothing(names: Symbolizer) -> None:
    text = b"pc : %s lr : [<%s>] (%s) <%s> 0x%s\n[<%s>]\n" % ((VA,) * 6)
    once = names.text(text)
    assert once.count(LABEL) == 6
    assert names.text(once) == once


FIRST = f"{TEXT.va:016x}".encode()
BEFORE = max((one for one in KERNEL.symbols if one.va < TEXT.va and one.pa), key=lambda one: one.va)
SIZE = TEXT.va - BEFORE.va
PLAIN = f" <{TEXT.name}+0x0/0x6b0>".encode()
BOTH = f" <{BEFORE.name}+{SIZE:#x}/{SIZE:#x} or {TEXT.name}+0x0/0x6b0>".encode()


@pytest.mark.parametrize(
    ("before", "label"),
    [
        (b" [<", BOTH),
        (b"[ 1.0] [<", BOTH),
        (b"lr : ", BOTH),
        (b"LR: UNKNOWN+0x0 <", BOTH),
        (b"x30: ", BOTH),
        (b"(a) from [<", BOTH),
        (b"pc : [<", PLAIN),
        (b"PC is at [<", PLAIN),
        (b"RIP: 0010:[<", PLAIN),
        (b"pc : ", PLAIN),
        (b"x1 : ", PLAIN),
    ],
)
def test_a_return_address_behind_a_function(names: Symbolizer, before: bytes, label: bytes) -> None:
    behind = b">]" if before.endswith(b"[<") else b">" if before.endswith(b"<") else b""
    assert names.text(before + FIRST + behind) == before + FIRST + behind + label
    assert names.text(before + VA + behind) == before + VA + behind + LABEL


PIECES = st.sampled_from(
    [
        *(VA, VA.upper(), b"0x" + VA, b"0X" + VA, PA, PA[:2].upper() + PA[2:], PAC, VA[:-1], VA + b"0", b"ffff", b"0x12345"),
        *(f"{TEXT.va:016x}".encode(), f"{MODULE.va + 8:016x}".encode(), b"0x123456789abcdef0123", b"_", b"x", b"g", b"\xe9"),
        *(
            b" ",
            b" ",
            b"\n",
            b"[<",
            b">]",
            b"(",
            b")",
            b"<",
            b">",
            b"? ",
            b"lr : ",
            b" UNKNOWN+0x0",
            b"UNKNOWN+0x0",
            b",",
            b":",
        ),
        *(b"a+0x4", b"a+0x4/0x10", b" (a)", b"(a) from ", b" [<", b"+0x", b"from ", b"pc : ", b"\r\n"),
    ]
)


@given(parts=st.lists(PIECES, max_size=24))
def test_words_are_found_as_the_pattern_finds_them(names: Symbolizer, parts: list[bytes]) -> None:
    text = b"".join(parts)
    by_pattern = Symbolizer(names.names)
    before = names.count
    assert names.text(text) == by_pattern._coloured.sub(by_pattern._replacement, text)
    assert names.count - before == by_pattern.count


@given(parts=st.lists(PIECES | st.sampled_from([b"\x1b[31m", b"\x1b[0A", b"\x1b(B", b"\x1b"]), max_size=16))
def test_text_without_a_word_of_that_length_is_left_alone(names: Symbolizer, parts: list[bytes]) -> None:
    text = b"".join(parts)
    by_pattern = Symbolizer(names.names)
    if not by_pattern._words.any(text):
        assert by_pattern._coloured.search(text) is None
    assert names.text(text) == by_pattern._coloured.sub(by_pattern._replacement, text)


@pytest.mark.parametrize(
    "before",
    [
        b"esr ",
        b"  ESR = ",
        b"ESR_EL1=",
        b"esr_el2: ",
        b"Booting Linux on physical CPU 0x0000000000 [",
        b"CPU1: Booted secondary processor 0x0000000001 [",
    ],
)
def test_registers_that_hold_no_address_get_no_name(names: Symbolizer, before: bytes) -> None:
    """An exception's syndrome, and the CPU's MIDR, can be numbers of the image's PAs."""
    for behind in (b"", b"\n", b" far", b"]", b", x"):
        line = before + PA + behind
        assert names.text(line) == line
        assert names.text(b"\x1b[1m" + line) == b"\x1b[1m" + line
    for address in (b"elr ", b"ELR_EL1=", b"desr ", b"entered at PA ", b"esr 0x0\n", b"secondary processor ["):
        assert LABEL in names.text(address + PA)
    assert names.text(b"esr 0x96000045 elr " + VA) == b"esr 0x96000045 elr " + VA + LABEL
