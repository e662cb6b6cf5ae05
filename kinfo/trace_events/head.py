"""head.dat: what `trace-cmd restore -c` writes of a running kernel, trace.dat without the trace; versions 6 and 7.

Documentation/trace-cmd/trace-cmd.dat.v6.5.txt and v7.5.txt of trace-cmd: formats of the events, kallsyms, strings that the
kernel's own events name by address, and names of tasks.
"""

from __future__ import annotations

import re
import struct
import zlib
from itertools import islice
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.trace_events.formats import COMMON, EventFormat, LazyFormats, common_fields, parse

_MAGIC = b"\x17\x08Dtracing"
LARGEST = 256 << 20
_LARGEST_SECTION = 128 << 20
_MOST_FORMATS = 1 << 16
_MOST_SYSTEMS = 1 << 14
_HEADER, _FTRACE, _EVENTS, _KALLSYMS, _PRINTK, _CMDLINES = 16, 17, 18, 19, 20, 21
_PACKED = 1  # flag of a section
_PRINTK_LINE = re.compile(r'^0x([0-9a-f]{1,16}) : "(.*)"$', re.MULTILINE)
_ID = re.compile(rb"^ID: (\d{1,9})$", re.MULTILINE)
_CMDLINE = re.compile(r"^(\d{1,9}) (.{0,64})$", re.MULTILINE)
_USUAL = {"common_type": (0, 2), "common_flags": (2, 1), "common_preempt_count": (3, 1), "common_pid": (4, 4)}


class TraceHead(NamedTuple):
    """What a head.dat says of its kernel; `long` is the bytes of a long. kallsyms is its text, as /proc has it."""

    long: int
    formats: HeadFormats
    kallsyms: bytes
    strings: dict[int, str]
    comms: dict[int, str]


class _Bytes:
    """A file's bytes, taken one after the other."""

    def __init__(self, raw: bytes, at: int = 0) -> None:
        self.raw, self.at = raw, at

    @property
    def left(self) -> int:
        return len(self.raw) - self.at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise ValueError(f"it ends at byte {len(self.raw)}, where {size} more bytes should lie behind {self.at}")
        self.at += size
        return self.raw[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def word(self) -> bytes:
        end = self.raw.find(b"\0", self.at, self.at + 4096)
        if end < 0:
            raise ValueError(f"a name that begins at byte {self.at} has no end")
        word = self.raw[self.at : end]
        self.at = end + 1
        return word


def read(raw: bytes, name: str) -> TraceHead:
    """What the bytes of a head.dat say; `name` is for messages. Raises KinfoError where they are none, or damaged."""
    hint = "make it on the device with `trace-cmd restore -c -o head.dat`"
    if not raw.startswith(_MAGIC):
        raise KinfoError(f"{name}: is no trace.dat of trace-cmd: its magic is not there", hint)
    try:
        return _read(_Bytes(raw, len(_MAGIC)))
    except ValueError as error:
        raise KinfoError(f"{name}: {error}", f"it is damaged or cut; {hint}") from None


def _read(source: _Bytes) -> TraceHead:
    version = source.word()
    if version not in (b"6", b"7"):
        raise ValueError(f"its version is {version[:20].decode('ascii', 'replace')!r}, and 6 and 7 are known")
    if source.number(1):
        raise ValueError("it is of a big-endian kernel, which is not read")
    long = source.number(1)
    if long not in (4, 8):
        raise ValueError(f"it says that a long has {long} bytes")
    source.number(4)  # bytes of a page
    texts = _sections(source) if version == b"7" else _in_a_row(source)
    formats = _formats(texts[_FTRACE], texts[_EVENTS])
    strings = {int(one[1], 16): _unquoted(one[2]) for one in _PRINTK_LINE.finditer(_text(texts[_PRINTK]))}
    comms = {int(one[1]): one[2] for one in _CMDLINE.finditer(_text(texts[_CMDLINES]))}
    return TraceHead(long, formats, texts[_KALLSYMS], strings, comms)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _unquoted(text: str) -> str:
    return text.removesuffix("\\n").replace('\\"', '"')


def _in_a_row(source: _Bytes) -> dict[int, bytes]:
    """Version 6: one part behind the other."""
    for _ in range(2):  # header_page, header_event
        source.word()
        source.take(source.number(8))
    start = source.at
    for _ in range(_count(source)):
        source.take(source.number(8))
    ftrace = source.raw[start : source.at]
    start = source.at
    for _ in range(_count(source, _MOST_SYSTEMS)):
        source.word()
        for _ in range(_count(source)):
            source.take(source.number(8))
    events = source.raw[start : source.at]
    kallsyms = source.take(source.number(4))
    printk = source.take(source.number(4))
    comms = source.take(source.number(8)) if source.left >= 8 else b""
    return {_FTRACE: ftrace, _EVENTS: events, _KALLSYMS: kallsyms, _PRINTK: printk, _CMDLINES: comms}


def _count(source: _Bytes, most: int = _MOST_FORMATS) -> int:
    count = source.number(4)
    if count > most:
        raise ValueError(f"it is said to have {count} formats")
    return count


def _sections(source: _Bytes) -> dict[int, bytes]:
    """Version 7: sections, each with its number; packed where they say so."""
    packing = source.word()
    source.word()  # the version of what packed it
    source.number(8)  # where the options are
    found = dict.fromkeys((_FTRACE, _EVENTS, _KALLSYMS, _PRINTK, _CMDLINES), b"")
    while source.left >= 16:
        number, flags, _, size = struct.unpack("<HHIQ", source.take(16))
        raw = source.take(size)
        if number in found and not found[number]:
            found[number] = _content(number, _unpacked(raw, packing) if flags & _PACKED else raw)
    if not found[_FTRACE] and not found[_EVENTS]:
        raise ValueError("it has no formats of events")
    return found


def _content(number: int, raw: bytes) -> bytes:
    """A section's text without its length; formats as they are."""
    width = {_KALLSYMS: 4, _PRINTK: 4, _CMDLINES: 8}.get(number, 0)
    return _Bytes(raw, width).take(int.from_bytes(raw[:width], "little")) if width else raw


def _unpacked(raw: bytes, packing: bytes) -> bytes:
    source, parts, left = _Bytes(raw), [], _LARGEST_SECTION
    while source.left:
        size, whole = source.number(4), source.number(4)
        if whole > left:
            raise ValueError(f"a section unpacks to more than {_LARGEST_SECTION >> 20} MiB")
        part = _undone(source.take(size), whole, packing)
        if len(part) != whole:
            raise ValueError("a packed section does not have the length that it says")
        left -= whole
        parts.append(part)
    return b"".join(parts)


def _undone(packed: bytes, whole: int, packing: bytes) -> bytes:
    if packing == b"zlib":
        try:
            return zlib.decompressobj().decompress(packed, whole)
        except zlib.error as error:
            raise ValueError(f"a packed section is damaged: {error}") from None
    if packing == b"zstd":
        import zstandard

        try:
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=whole)
        except zstandard.ZstdError as error:
            raise ValueError(f"a packed section is damaged: {error}") from None
    raise ValueError(f"it is packed with {packing[:20].decode('ascii', 'replace')!r}, and zlib and zstd are known")


class HeadFormats(LazyFormats):
    """The formats of a head.dat, by their texts."""

    def __init__(self, texts: dict[int, tuple[str, bytes]]) -> None:
        super().__init__(texts)
        self._texts = texts

    def read(self, number: int) -> EventFormat | None:
        """See LazyFormats; None for events that do not begin as all do."""
        system, text = self._texts[number]
        return parse(_text(text), system) if _is_usual(text) else None


def _is_usual(text: bytes) -> bool:
    common = common_fields(_text(text))
    return all(common.get(name) == place for name, place in _USUAL.items())


def _formats(ftrace: bytes, events: bytes) -> HeadFormats:
    texts: dict[int, tuple[str, bytes]] = {}
    source = _Bytes(ftrace)
    if ftrace:
        _block(source, "ftrace", texts)
    source = _Bytes(events)
    if events:
        for _ in range(_count(source, _MOST_SYSTEMS)):
            system = _text(source.word())
            _block(source, system, texts)
    if texts and not any(_is_usual(text) for _, text in islice(texts.values(), 16)):
        raise ValueError(f"its events do not begin with type, flags, preemption and pid within {COMMON} bytes")
    return HeadFormats(texts)


def _block(source: _Bytes, system: str, texts: dict[int, tuple[str, bytes]]) -> None:
    for _ in range(_count(source)):
        text = source.take(source.number(8))
        if found := _ID.search(text, 0, 400):
            texts.setdefault(int(found[1]), (system, text))
