"""Formats of events out of a kernel's memory: ftrace_events, struct trace_event_call; kernel/trace/trace_events.c.

What /sys/kernel/tracing/events/*/*/format shows is made of the same lists. 4.7 to 7.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kinfo.errors import KernelError, KinfoError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader
from kinfo.kernel.tasks.links import follow
from kinfo.trace_events.formats import EventField, EventFormat, LazyFormats, declared

_NAME = re.compile(r"[A-Za-z_]\w{0,127}")
_LONGEST = 1 << 17  # bytes of a print format
_STEP = 512
_MOST_FIELDS = 256
_OF_SYSCALLS = "syscall_get_enter_fields"  # the class's function for fields that the system call's metadata have


class KernelFormats(LazyFormats):
    """A kernel's formats, out of its memory.

    `problem` says where the list of events breaks off, "" where it is whole. Raises KernelError where there is no list, or
    no types.
    """

    def __init__(self, kernel: Kernel, reader: Reader) -> None:
        self._kernel, self._reader = kernel, reader
        types = kernel.types
        self._call, self._class = types["trace_event_call"], types["trace_event_class"]
        self._field, self._links = types["ftrace_event_field"], types["list_head"]
        head = variable(kernel, "ftrace_events")
        found = follow(reader, head)
        self.problem = found.problem
        start, number = self._call.offset("list"), self._call.member("event.type")
        self._at = {reader.number(node - start + number.offset, number.size): node - start for node in found.nodes}
        super().__init__(self._at)

    def read(self, number: int) -> EventFormat | None:
        """See LazyFormats."""
        try:
            return self._format(self._at[number], number)
        except KinfoError:
            return None

    def _format(self, call: int, number: int) -> EventFormat:
        reader = self._reader
        class_ = reader.number(call + self._call.offset("class"))
        system = text_at(reader, reader.number(class_ + self._class.offset("system")), _STEP)
        print_fmt = text_at(reader, reader.number(call + self._call.offset("print_fmt")), _LONGEST)
        fields = tuple(self._fields(call, class_))
        return EventFormat(system, self._name(call), number, fields, print_fmt)

    def _name(self, call: int) -> str:
        """Its own name, or where it is a tracepoint's, what that begins with: the pointer is one in a union."""
        pointer = self._reader.number(call + self._call.offset("name"))
        name = text_at(self._reader, pointer, _STEP)
        return name if _NAME.fullmatch(name) else text_at(self._reader, self._reader.number(pointer), _STEP)

    def _fields(self, call: int, class_: int) -> Iterator[EventField]:
        reader = self._reader
        link = self._field.offset("link")
        for node in reversed(follow(reader, self._head(call, class_)).nodes[:_MOST_FIELDS]):
            raw = reader.read(node - link, self._field.size)
            kind = text_at(reader, self._field.member("type").of(raw), _STEP)
            name = text_at(reader, self._field.member("name").of(raw), _STEP)
            base, bracket, _ = kind.partition("[")
            is_dynamic = kind.startswith(("__data_loc", "__rel_loc"))
            text = f"{kind} {name}" if is_dynamic or not bracket else f"{base} {name}[{self._elements(kind, raw)}]"
            offset, size = (self._field.member(one).of(raw) for one in ("offset", "size"))
            is_signed = bool(self._field.member("is_signed").of(raw))
            if found := declared(text, offset, size, is_signed=is_signed):
                yield found

    def _elements(self, kind: str, raw: bytes) -> str:
        """The length of an array: the kernel's word for it, or where it has no number, what the field says (since 6.3)."""
        length = kind.partition("[")[2].partition("]")[0]
        member = self._field.find("len")
        return str(member.of(raw)) if member and not length.isdigit() else length

    def _head(self, call: int, class_: int) -> int:
        """VA of the list of the fields: the class's, or what its function leads to."""
        getter = self._class.find("get_fields")
        function = self._reader.number(class_ + getter.offset) if getter else 0
        if not function:
            return class_ + self._class.offset("fields")
        place = self._kernel.at(function)
        if place is None or place.symbol != _OF_SYSCALLS:
            raise KernelError(f"the fields of an event come from VA {function:#x}")
        metadata = self._reader.number(call + self._call.offset("data"))
        return metadata + self._kernel.types["syscall_metadata"].offset("enter_fields")


def variable(kernel: Kernel, name: str) -> int:
    """VA of a variable of the image. Raises KernelError where its name is not listed."""
    pa = variables.pa_of(kernel, name)
    if pa is None or kernel.space is None:
        raise KernelError(f"{kernel.memory.name}: the variable {name} has no address", "its kernel needs CONFIG_KALLSYMS_ALL")
    return kernel.space.va(pa)


def text_at(reader: Reader, va: int, limit: int) -> str:
    """The text at a VA up to its NUL, read a piece at a time. Raises KinfoError where it cannot be read."""
    raw = b""
    while len(raw) < limit:
        step = _STEP - va % _STEP
        piece = reader.read(va, step)
        end = piece.find(b"\0")
        if end >= 0:
            return (raw + piece[:end]).decode("utf-8", "replace")
        raw, va = raw + piece, va + step
    raise KernelError(f"a text has no end within {limit} bytes")
