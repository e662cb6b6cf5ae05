"""The metadata of a persistent ring buffer: kernel/trace/ring_buffer.c, 6.12 to 7.3.

From 6.12 on every CPU's part begins with a struct ring_buffer_meta of its own {magic, size of the struct, text and data
address, first, head and commit buffer, size and number of sub-buffers, their order}. From 6.15 on one struct
ring_buffer_meta {magic, sizes of both structs, total size, offset of the first CPU's part} stands before all of them, a
scratch area behind it, and each part begins with a struct ring_buffer_cpu_meta: the same without magic and addresses. Both
are followed by the CPU's sub-buffers, aligned to their own size (rb_subbufs_from_meta()); the next CPU's part comes behind.

Pointers are virtual addresses of the kernel that wrote them; they are only used as differences.
"""

from __future__ import annotations

import struct

from kinfo.arch.address import align
from kinfo.memory import Dump
from kinfo.named import NamedTuple

MAGIC = 0x0BADFEED
PAGE = 4096
_MOST_SUBBUFFERS = 1 << 18  # 1 GiB for a CPU
_LARGEST_SUBBUFFER = 1 << 16
_OLD = {56: 8, 36: 4}  # size of the struct of 6.12: bytes of a long
_NEW = {24: (8, 32), 16: (4, 20)}  # size of the struct before all: bytes of a long, size of the least CPU's struct
_MOST_ADDED = 64  # bytes that a CPU's struct may have grown by: 8 are known, nr_invalid and entry_bytes of 7.x


class TraceForm(NamedTuple):
    """How it is laid out: bytes of a long, of the struct before all (0 up to 6.14), of a CPU's struct."""

    word: int
    head: int
    cpu: int

    @property
    def name(self) -> str:
        """The kernels that lay it out so."""
        return "6.15 and later" if self.head else "6.12 to 6.14"

    @property
    def header(self) -> int:
        """Bytes before a sub-buffer's events: struct buffer_data_page."""
        return 8 + self.word


class TraceCpu(NamedTuple):
    """A CPU's part: where its metadata and its sub-buffers lie, and what the metadata say.

    `buffers` is the order of the sub-buffers by their numbers, the reader's first. `text` and `data` are addresses of the
    kernel, 0 where the form has none.
    """

    number: int
    at: int
    start: int
    size: int
    length: int
    first: int
    head: int
    commit: int
    buffers: tuple[int, ...]
    has_magic: bool = True
    text: int = 0
    data: int = 0

    @property
    def end(self) -> int:
        """Where the next CPU's part begins."""
        return self.start + self.size * self.length

    @property
    def shift(self) -> int:
        """What makes a VA of a place in the dump: the same for every CPU of a buffer."""
        return self.first - self.start


class TraceTop(NamedTuple):
    """The struct before all: total size, and where the first CPU's part begins, from the buffer's start."""

    total: int
    buffers: int


def form_at(source: Dump, at: int) -> TraceForm | None:
    """How a buffer that begins at a place is laid out, by the sizes of its structs; None where none begins there."""
    raw = source.read(at, 8)
    if len(raw) < 8 or int.from_bytes(raw[:4], "little") != MAGIC:
        return None
    sizes = int.from_bytes(raw[4:], "little")
    if sizes in _OLD:
        return TraceForm(_OLD[sizes], 0, sizes)
    head, cpu = sizes >> 16, sizes & 0xFFFF
    word, least = _NEW.get(head, (0, 0))
    return TraceForm(word, head, cpu) if word and cpu in range(least, least + _MOST_ADDED + 1, word) else None


def top_at(source: Dump, at: int, form: TraceForm) -> TraceTop:
    """The struct before all."""
    raw = source.read(at, form.head).ljust(form.head, b"\0")
    return TraceTop(*struct.unpack_from("<QQ" if form.word == 8 else "<II", raw, 8))


def cpu_at(source: Dump, at: int, base: int, form: TraceForm, number: int) -> TraceCpu | None:
    """The part of a CPU that begins at a place, of a buffer that begins at `base`; None where the numbers make no sense."""
    raw = source.read(at, form.cpu)
    if len(raw) < form.cpu:
        return None
    long = "Q" if form.word == 8 else "I"
    magic, sizes, text, data = struct.unpack_from(f"<II2{long}", raw) if not form.head else (MAGIC, form.cpu, 0, 0)
    words = struct.unpack_from(f"<3{long}II", raw, 0 if form.head else 8 + 2 * form.word)
    first, head, commit, size, count = words
    if size & (size - 1) or not PAGE <= size <= _LARGEST_SUBBUFFER or not 2 <= count <= _MOST_SUBBUFFERS:
        return None
    index = source.read(at + form.cpu, 4 * count)
    start = base + align(at + form.cpu + 4 * count - base, size)
    if len(index) < 4 * count or first % size:
        return None
    buffers = struct.unpack(f"<{count}i", index)
    has_magic = magic == MAGIC and sizes == form.cpu
    return TraceCpu(number, at, start, size, count, first, head, commit, buffers, has_magic, text, data)
