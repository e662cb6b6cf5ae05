"""Formats of events: /sys/kernel/tracing/events/*/*/format, which trace-cmd keeps in its files."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

_FIELD = re.compile(r"\tfield:(?P<text>[^;]{1,400});\s*offset:(\d{1,9});\s*size:(\d{1,9});(?:\s*signed:(\d);)?")
_SHAPE = re.compile(r"(?P<type>.*?[\s*])(?P<name>\w+)(?P<array>\[[^\]]*\])?$")
_HEAD = re.compile(r"name: (\S{1,200})\nID: (\d{1,9})\nformat:\n")
COMMON = 8  # bytes of struct trace_entry: common_type, common_flags, common_preempt_count, common_pid
_MOST_FIELDS = 256
_LARGEST = 1 << 20


class EventField(NamedTuple):
    """A field: its C type, its name, where it lies in a record, its bytes. `elements` is 0 where it is no array."""

    type: str
    name: str
    offset: int
    size: int
    is_signed: bool
    elements: int = 0

    @property
    def is_dynamic(self) -> bool:
        """Whether it holds offset and length of what lies behind the fields."""
        return self.type.startswith(("__data_loc", "__rel_loc"))

    @property
    def is_text(self) -> bool:
        """Whether it is an array of char."""
        return "char" in self.type and "unsigned char" not in self.type and (self.elements > 0 or self.is_dynamic)

    @property
    def element(self) -> int:
        """Bytes of one element."""
        return self.size // self.elements if self.elements else self.size


class EventFormat(NamedTuple):
    """An event: its system, name and id, its own fields (without the common ones), and how it is printed."""

    system: str
    name: str
    id: int
    fields: tuple[EventField, ...]
    print_fmt: str

    def field(self, name: str) -> EventField | None:
        """The field of a name."""
        return next((field for field in self.fields if field.name == name), None)


class LazyFormats(Mapping[int, EventFormat]):
    """Formats by the number of the event, each read when it is first asked for: there are thousands."""

    def __init__(self, numbers: Collection[int]) -> None:
        self._numbers = numbers
        self._known: dict[int, EventFormat | None] = {}

    @abstractmethod
    def read(self, number: int) -> EventFormat | None:
        """The format of one of the numbers; None where it cannot be read."""

    def __getitem__(self, number: int) -> EventFormat:
        """The format of an event. Raises KeyError where there is none, or it cannot be read."""
        if number not in self._known:
            self._known[number] = self.read(number) if number in self._numbers else None
        found = self._known[number]
        if found is None:
            raise KeyError(number)
        return found

    def __iter__(self) -> Iterator[int]:
        """The numbers of all."""
        return iter(self._numbers)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._numbers)


def parse(text: str, system: str = "") -> EventFormat | None:
    """A format by its text; None where it is none."""
    head = _HEAD.match(text)
    if not head or len(text) > _LARGEST:
        return None
    lines, _, fmt = text[head.end() :].partition("\nprint fmt: ")
    fields = tuple(field for field in _fields(lines) if not field.name.startswith("common_"))
    return EventFormat(system, head[1], int(head[2]), fields[:_MOST_FIELDS], fmt.strip())


def common_fields(text: str) -> dict[str, tuple[int, int]]:
    """Offset and size of the fields that every event has, by name."""
    return {field.name: (field.offset, field.size) for field in _fields(text) if field.name.startswith("common_")}


def _fields(text: str) -> Iterator[EventField]:
    for found in _FIELD.finditer(text):
        if field := declared(found["text"], int(found[2]), int(found[3]), is_signed=found[4] == "1"):
            yield field


def declared(text: str, offset: int, size: int, *, is_signed: bool) -> EventField | None:
    """A field by its declaration, `char comm[16]`, `__data_loc char[] name`; None where that is none."""
    shape = _SHAPE.match(text.strip())
    if shape is None or size > _LARGEST or offset > _LARGEST:
        return None
    kind, array = shape["type"].strip(), shape["array"]
    if kind.startswith(("__data_loc", "__rel_loc")) or array is None:
        return EventField(kind, shape["name"], offset, size, is_signed)
    return EventField(kind, shape["name"], offset, size, is_signed, _elements(array[1:-1], kind, size))


def _elements(count: str, kind: str, size: int) -> int:
    """Elements of an array. Its length may be a word that the kernel has not put a number for: then by the type's size."""
    if count.isdigit():
        return int(count)
    return size // (bytes_of(kind) or 1)


_SIZES = {"char": 1, "u8": 1, "s8": 1, "bool": 1, "u16": 2, "s16": 2, "short": 2, "u32": 4, "s32": 4, "int": 4, "unsigned": 4}
_SIZES |= {"u64": 8, "s64": 8, "__u8": 1, "__u16": 2, "__u32": 4, "__u64": 8, "__s32": 4, "__s64": 8, "uint8_t": 1}
_SIZES |= {"uint16_t": 2, "uint32_t": 4, "uint64_t": 8, "__le16": 2, "__le32": 4, "__le64": 8, "__be16": 2, "__be32": 4}
_SIZES |= {"size_t": 8, "long": 8, "sector_t": 8, "dev_t": 4, "pid_t": 4, "gfp_t": 4, "uintptr_t": 8, "__be64": 8}
_SIZES |= {"ssize_t": 8, "loff_t": 8, "int8_t": 1, "int16_t": 2, "int32_t": 4, "int64_t": 8, "umode_t": 2}


def bytes_of(kind: str, long: int = 8) -> int:
    """Bytes of a type by its name; 0 where it is not known. `long` is the kernel's."""
    if kind.rstrip().endswith("*"):
        return long
    words = [word for word in kind.split() if word not in ("const", "volatile")]
    if words.count("long") == 2:
        return 8
    sizes = [_SIZES[word] for word in words if word in _SIZES]
    if "long" in words or "size_t" in words or "uintptr_t" in words:
        return long
    return min(sizes) if sizes else 0
