"""A printk ring buffer as a kernel would have left it: this writer follows the kernel's, step by step.

kernel/printk/printk_ringbuffer.c of 5.10 and later: desc_reserve(), data_alloc(), data_push_tail(), prb_commit(). It shares
nothing with the reader: where the two agree, two readings of the kernel's source do. `LogBuf` is the buffer of 3.5 to 5.9.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from tests.kernels import dumps
from tests.kernels.image import Spec, make
from tests.kernels.tables import Symbol

RESERVED, COMMITTED, FINALIZED, REUSABLE = range(4)
FAILED, EMPTY = 1, 3
NEWLINE, CONT = 2, 8
VOFFSET, LINEAR = 0xFFFFFFC000000000, 0xFFFFFF8000000000  # of the cores below: image and linear map, 39-bit VAs
OLD_VOFFSET, OLD_LINEAR = 0xFFFFFF7F88000000, 0xFFFFFFC000000000  # and until 5.3
_MIB = 1 << 20
IMAGE_PA, LINEAR_PA, RAM = 0x80000000, 0x90000000, 0x80000000


@dataclass
class Ring:
    """A ring for 2^`count_bits` messages and 2^`size_bits` bytes of text.

    `fits_end`: blocks may end where the ring ends (6.19 on). `finalized_seq`: prb_desc_ring ends with last_finalized_seq.
    `gap`: bytes between caller_id and dev_info. `wide_ids`: the first ids are negative in all their bits (7.3), not in 32.
    """

    count_bits: int = 4
    size_bits: int = 9
    word: int = 8
    fits_end: bool = False
    finalized_seq: bool = True
    gap: int = 0
    wide_ids: bool = False
    descs: list[list[int]] = field(default_factory=list)
    infos: list[bytes] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    text: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        count = self.count
        self.id_bits = 8 * self.word - 2
        self.head = self.tail = self._id(-(count + 1) & (~0 if self.wide_ids else 0xFFFFFFFF))
        self.head_lpos = self.tail_lpos = self._long(-self.size)
        self.descs = [[0, 0, 0] for _ in range(count)]
        self.descs[-1] = [self._state(self.head, REUSABLE), FAILED, FAILED]
        self.seqs = [0] * count
        self.seqs[0] = -count
        self.infos = [bytes(self.info_size)] * count
        self.text = bytearray(self.size)

    @property
    def count(self) -> int:
        return 1 << self.count_bits

    @property
    def size(self) -> int:
        return 1 << self.size_bits

    @property
    def info_size(self) -> int:
        return 88 + self.gap + -self.gap % 8

    def _long(self, value: int) -> int:
        return value & (1 << 8 * self.word) - 1

    def _id(self, value: int) -> int:
        return value & (1 << self.id_bits) - 1

    def _state(self, id_: int, state: int) -> int:
        return state << self.id_bits | id_

    def _same_wrap(self, begin: int, behind: int) -> bool:
        last = self._long(behind - 1) if self.fits_end else behind
        return begin >> self.size_bits == last >> self.size_bits

    def store(
        self,
        text: bytes,
        ns: int = 0,
        level: int = 6,
        facility: int = 0,
        flags: int = NEWLINE,
        caller: int = 1,
        device: tuple[bytes, bytes] = (b"", b""),
        state: int = FINALIZED,
        context: bytes = b"",
    ) -> int:
        """One message, as prb_reserve() and prb_final_commit() store it; its sequence number."""
        id_ = self._reserve()
        slot = id_ % self.count
        seq = self.seqs[slot]
        self.seqs[slot] = slot if seq == 0 and slot else seq + self.count
        head = struct.pack("<QQHBBI", self.seqs[slot], ns, len(text), facility, flags | level << 5, caller)
        self.infos[slot] = (
            head + context.ljust(self.gap, b"\0") + device[0].ljust(16, b"\0") + device[1].ljust(48, b"\0")
        ).ljust(self.info_size, b"\0")
        begin, behind = self._alloc(text, id_)
        self.descs[slot] = [self._state(id_, state), begin, behind]
        return self.seqs[slot]

    def _reserve(self) -> int:
        id_ = self._id(self.head + 1)
        previous = self._id(id_ - self.count)
        if previous == self.tail:
            self._push_tail()
        self.head = id_
        self.descs[id_ % self.count][0] = self._state(id_, RESERVED)
        return id_

    def _push_tail(self) -> None:
        """The oldest message goes: its descriptor can be used again, its text may be overwritten."""
        state, begin, behind = self.descs[self.tail % self.count]
        if state >> self.id_bits in (COMMITTED, FINALIZED):
            self.descs[self.tail % self.count][0] = self._state(self.tail, REUSABLE)
            if not begin & 1:
                self.tail_lpos = behind
        self.tail = self._id(self.tail + 1)

    def _alloc(self, text: bytes, id_: int) -> tuple[int, int]:
        if not text:
            return EMPTY, EMPTY
        size = self.word + len(text)
        size += -size % self.word
        if size > self.size // 2:
            return FAILED, FAILED
        begin = self.head_lpos
        behind = self._long(begin + size)
        if not self._same_wrap(begin, behind):
            behind = self._long((behind >> self.size_bits << self.size_bits) + size)
        while self._long(behind - self.tail_lpos) > self.size:
            self._make_reusable()
        self.head_lpos = behind
        at = begin % self.size if self._same_wrap(begin, behind) else 0
        block = id_.to_bytes(self.word, "little")
        self.text[begin % self.size : begin % self.size + self.word] = block
        self.text[at : at + self.word + len(text)] = block + text
        return begin, behind

    def _make_reusable(self) -> None:
        """data_push_tail(): the oldest block goes, its descriptor stays where it is, reusable."""
        slots = [
            slot for slot, (state, begin, _) in enumerate(self.descs) if begin == self.tail_lpos and state >> self.id_bits > 0
        ]
        for slot in slots:
            id_ = self._id(self.descs[slot][0])
            self.descs[slot][0] = self._state(id_, REUSABLE)
            self.tail_lpos = self.descs[slot][2]

    def pieces(self, places: dict[str, int]) -> dict[int, bytes]:
        """The ring's bytes by VA; `places` says where ring, descs, infos and text are to be."""
        code = "<Q" if self.word == 8 else "<I"
        long = struct.Struct(code).pack
        bits = self.count_bits.to_bytes(self.word, "little")
        head = bits + b"".join(map(long, (places["descs"], places["infos"], self.head, self.tail)))
        head += bytes(self.word * self.finalized_seq)
        head += self.size_bits.to_bytes(self.word, "little")
        head += b"".join(map(long, (places["text"], self.head_lpos, self.tail_lpos))) + bytes(self.word)
        return {
            places["ring"]: head,
            places["descs"]: b"".join(long(number) for desc in self.descs for number in desc),
            places["infos"]: b"".join(self.infos),
            places["text"]: bytes(self.text),
        }

    def lines(self) -> dict[str, str]:
        """What VMCOREINFO says of the structs (log_buf_vmcoreinfo_setup)."""
        word, text = self.word, (5 + self.finalized_seq) * self.word
        return {
            "SIZE(printk_ringbuffer)": f"{text + 5 * word}",
            "OFFSET(printk_ringbuffer.desc_ring)": "0",
            "OFFSET(printk_ringbuffer.text_data_ring)": f"{text}",
            "OFFSET(printk_ringbuffer.fail)": f"{text + 4 * word}",
            "SIZE(prb_desc_ring)": f"{text}",
            "OFFSET(prb_desc_ring.count_bits)": "0",
            "OFFSET(prb_desc_ring.descs)": f"{word}",
            "OFFSET(prb_desc_ring.infos)": f"{2 * word}",
            "OFFSET(prb_desc_ring.head_id)": f"{3 * word}",
            "OFFSET(prb_desc_ring.tail_id)": f"{4 * word}",
            "SIZE(prb_desc)": f"{3 * word}",
            "OFFSET(prb_desc.state_var)": "0",
            "OFFSET(prb_desc.text_blk_lpos)": f"{word}",
            "SIZE(prb_data_blk_lpos)": f"{2 * word}",
            "OFFSET(prb_data_blk_lpos.begin)": "0",
            "OFFSET(prb_data_blk_lpos.next)": f"{word}",
            "SIZE(printk_info)": f"{self.info_size}",
            "OFFSET(printk_info.seq)": "0",
            "OFFSET(printk_info.ts_nsec)": "8",
            "OFFSET(printk_info.text_len)": "16",
            "OFFSET(printk_info.caller_id)": "20",
            "OFFSET(printk_info.dev_info)": f"{24 + self.gap}",
            "SIZE(dev_printk_info)": "64",
            "OFFSET(dev_printk_info.subsystem)": "0",
            "LENGTH(printk_info_subsystem)": "16",
            "OFFSET(dev_printk_info.device)": "16",
            "LENGTH(printk_info_device)": "48",
            "SIZE(prb_data_ring)": f"{4 * word}",
            "OFFSET(prb_data_ring.size_bits)": "0",
            "OFFSET(prb_data_ring.data)": f"{word}",
            "OFFSET(prb_data_ring.head_lpos)": f"{2 * word}",
            "OFFSET(prb_data_ring.tail_lpos)": f"{3 * word}",
            "SIZE(atomic_long_t)": f"{word}",
            "OFFSET(atomic_long_t.counter)": "0",
        }


@dataclass
class LogBuf:
    """The buffer of 3.5 to 5.9 with `size` bytes, as log_store() in kernel/printk/printk.c fills it."""

    size: int = 1024
    caller: bool = False

    def __post_init__(self) -> None:
        self.data = bytearray(self.size)
        self.first = self.next = self.first_seq = self.next_seq = 0

    @property
    def header(self) -> int:
        return 24 if self.caller else 16

    def _length(self, at: int) -> int:
        return int.from_bytes(self.data[at + 8 : at + 10], "little")

    def _has_room(self, size: int) -> bool:
        if self.next > self.first or self.next_seq == self.first_seq:
            free = max(self.size - self.next, self.first)
        else:
            free = self.first - self.next
        return free >= size + self.header

    def store(
        self,
        text: bytes,
        ns: int = 0,
        level: int = 6,
        facility: int = 0,
        flags: int = NEWLINE,
        said: bytes = b"",
        caller: int = 1,
    ) -> None:
        """One record; older ones go where it needs room, and it begins anew where the end has none."""
        length = self.header + len(text) + len(said)
        length += -length % 8
        while self.first_seq < self.next_seq and not self._has_room(length):
            if not self._length(self.first):
                self.first = 0
            self.first += self._length(self.first)
            self.first_seq += 1
            if self.first_seq < self.next_seq and not self._length(self.first):
                self.first = 0
        if self.next + length + self.header > self.size:
            self.data[self.next : self.next + self.header] = bytes(self.header)
            self.next = 0
        head = struct.pack("<QHHHBB", ns, length, len(text), len(said), facility, flags | level << 5)
        head += struct.pack("<I4x", caller) if self.caller else b""
        self.data[self.next : self.next + length] = (head + text + said).ljust(length, b"\0")
        self.next += length
        self.next_seq += 1

    def lines(self) -> dict[str, str]:
        """What VMCOREINFO says of struct printk_log."""
        offsets = {"ts_nsec": 0, "len": 8, "text_len": 10, "dict_len": 12} | ({"caller_id": 16} if self.caller else {})
        return {"SIZE(printk_log)": f"{self.header}"} | {
            f"OFFSET(printk_log.{name})": f"{at}" for name, at in offsets.items()
        }


def place(number: int, *, linear: bool = False) -> int:
    """A VA for a table of a core, 16 MiB apart."""
    return (LINEAR + LINEAR_PA - RAM if linear else VOFFSET + IMAGE_PA) + (number << 24)


def places(first: int = 1, *, linear: bool = False) -> dict[str, int]:
    """VAs for a ring's head, which is always in the image, and its tables."""
    tables = {name: place(first + 1 + at, linear=linear) for at, name in enumerate(("descs", "infos", "text"))}
    return {"ring": place(first)} | tables


PRB = VOFFSET + IMAGE_PA


def core(
    path: Path,
    pieces: dict[int, bytes],
    symbols: dict[str, int],
    lines: dict[str, str],
    release: str = "6.12.1-test",
    voffset: int = VOFFSET,
) -> None:
    """An ELF core as kdump or meminspect leave it: the pieces at their VAs, VMCOREINFO with symbols, sizes and distances."""
    info = {f"SYMBOL({name})": f"{va:x}" for name, va in symbols.items()} | lines
    info |= {
        "NUMBER(VA_BITS)": "39",
        "NUMBER(kimage_voffset)": f"{voffset:#x}",
        "NUMBER(PHYS_OFFSET)": f"{RAM:#x}",
        "NUMBER(TCR_EL1_T1SZ)": "0x19",
        "SYMBOL(swapper_pg_dir)": f"{voffset + IMAGE_PA:x}",
        "KERNELOFFSET": "0",
    }
    loads = [dumps.Piece(pa_of(va, voffset), va, data) for va, data in sorted(pieces.items())]
    text = "".join(f"{key}={value}\n" for key, value in info.items())
    dumps.write_elf(path, loads, dumps.MACHINES["arm64"], 64, release, info=text)


def pa_of(va: int, voffset: int = VOFFSET) -> int:
    """The PA of a piece; until 5.3 (another `voffset`) the linear map lies above the image."""
    if voffset == OLD_VOFFSET:
        return va - voffset if va < OLD_LINEAR else va - OLD_LINEAR + RAM
    return va - VOFFSET if va >= VOFFSET else va - LINEAR + RAM


def ring_core(path: Path, ring: Ring, release: str = "6.12.1-test", changes: dict[int, bytes] | None = None) -> None:
    """A core with one ring, which is the static one; `changes` are put over its pieces."""
    pieces = {PRB: places()["ring"].to_bytes(ring.word, "little"), **ring.pieces(places()), **(changes or {})}
    core(path, pieces, {"prb": PRB, "printk_rb_static": places()["ring"]}, ring.lines(), release)


def buffer_core(path: Path, buffer: LogBuf, release: str = "4.19.1-test") -> None:
    """A core with a buffer of 3.5 to 5.9, which lies in the linear map; that changed places with the image in 5.4."""
    is_old = tuple(map(int, release.split(".")[:2])) < (5, 4)
    voffset, linear = (OLD_VOFFSET, OLD_LINEAR) if is_old else (VOFFSET, LINEAR)
    values = {"log_buf_len": buffer.size, "log_first_idx": buffer.first, "log_next_idx": buffer.next}
    at = {name: voffset + IMAGE_PA + 0x100 * number for number, name in enumerate(("log_buf", *values))}
    text = linear + LINEAR_PA - RAM
    pieces = {at["log_buf"]: text.to_bytes(8, "little"), text: bytes(buffer.data)}
    pieces |= {at[name]: value.to_bytes(4, "little") for name, value in values.items()}
    core(path, pieces, at, buffer.lines(), release, voffset)


def ram_with_log(path: Path, ring: Ring) -> None:
    """RAM with a record, a kernel that it leads to, and that kernel's log: kallsyms and VMCOREINFO say where."""
    spec = Spec(ram_size=24 * _MIB)
    at = make(spec).places["data"] + 0x3000
    names = ("prb", "printk_rb_static", "vmcoreinfo_data")
    kernel = make(
        Spec(ram_size=spec.ram_size, extra=[Symbol(name, "d", at + 0x100 * number) for number, name in enumerate(names)])
    )
    tables = {name: kernel.base + 12 * _MIB + number * 4 * _MIB for number, name in enumerate(("descs", "infos", "text"))}
    where = {name: pa + kernel.linear_voffset for name, pa in tables.items()} | {"ring": kernel.find("printk_rb_static").va}
    pieces = ring.pieces(where)
    for name, pa in (*tables.items(), ("ring", kernel.find("printk_rb_static").pa or 0)):
        kernel.poke(pa, pieces[where[name]])
    kernel.poke(kernel.find("prb").pa or 0, where["ring"].to_bytes(8, "little"))
    note = kernel.base + 11 * _MIB
    lines = {"OSRELEASE": spec.release, **ring.lines()}
    kernel.poke(note, "".join(f"{key}={value}\n" for key, value in lines.items()).encode())
    kernel.poke(kernel.find("vmcoreinfo_data").pa or 0, (note + kernel.linear_voffset).to_bytes(8, "little"))
    kernel.write_elf(path)
