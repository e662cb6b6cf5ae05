"""What evidence is, and what it is read off: the bytes, and one layout laid over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from kinfo.named import NamedTuple
from kinfo.record import kernels, text
from kinfo.record.checksum import Checksum, State, judge, prefix_sums
from kinfo.record.layouts import LARGEST
from kinfo.record.limits import VENDOR_HALF
from kinfo.record.model import Layout, Value
from kinfo.writer_rows import android

CONTRADICTION = -25
_SHORTEST_RELEASE = 5  # "6.12."
_LONG_TEXT = 8  # flags and num_syms of a kernel's record are not so much text


class Evidence(NamedTuple):
    """One observation: how much it speaks for (or, negative, against) a layout, and what was seen."""

    points: int
    text: str


class Window:
    """The bytes a record may lie in, from its first on, and whether the dump ends with them."""

    def __init__(self, data: bytes, *, is_end: bool) -> None:
        self.data = data
        self.is_end = is_end
        self._releases: dict[bytes, kernels.Release | None] = {}

    @cached_property
    def sums(self) -> list[int]:
        """The checksum of every body length."""
        return prefix_sums(self.data[: LARGEST + 4])

    @cached_property
    def tail_is_noise(self) -> bool:
        """Whether the region held other data before: then what follows the record says nothing."""
        tail = self.data[LARGEST:VENDOR_HALF]
        return bool(tail) and tail.count(0) < len(tail) // 2

    @cached_property
    def begins_with_text(self) -> bool:
        """Whether a release stands where the vendor block has it; a byte of it may be corrupt. A record has flags there."""
        string = text.before_nul(self.data[8:72])
        if kernels.parse_release(text.escape(string)) is not None:
            return True
        odd = sum(not 0x20 <= byte < 0x7F for byte in string)
        return (
            len(string) >= _SHORTEST_RELEASE and odd <= 1 and kernels.parse_release(text.escape(string[2:])) is not None
        ) or (len(string) >= _LONG_TEXT and odd <= 1)

    def release(self, raw: bytes) -> kernels.Release | None:
        """A release field taken apart, when it reads as one; many layouts have it at the same place."""
        if raw not in self._releases:
            string = text.before_nul(raw)
            is_text = bool(string) and text.is_printable(string)
            self._releases[raw] = kernels.parse_release(string.decode("ascii")) if is_text else None
        return self._releases[raw]

    def word(self, offset: int) -> int:
        """The u32 at an offset."""
        return int.from_bytes(self.data[offset : offset + 4], "little")

    def checksum(self, layout: Layout) -> Checksum:
        """The checksum over this layout's length; over what is there when the window is shorter."""
        stored = self.word(4)
        if len(self.data) < layout.size:
            return Checksum(State.MISMATCH, stored, self.sums[-1])
        return judge(self.word(0), layout.magic, stored, self.sums[layout.words])


class Subject:
    """One layout laid over one window: what every function of this package looks at.

    `number(name)` is an integer field's value, or None when the layout has no such field or the record is cut before it.
    """

    def __init__(self, layout: Layout, window: Window, values: Mapping[str, Value], checksum: Checksum) -> None:
        self.layout = layout
        self.window = window
        self.values = values
        self.checksum = checksum
        self.number: Callable[[str], int | None] = values.get  # type: ignore[assignment]  # asked for integer fields only
        self.release_bytes = self.text_bytes("uts_release" if layout.vendor else "last_uts_release")
        self.release = window.release(self.release_bytes)
        is_before_release = not layout.vendor and not any(self.release_bytes)
        # The writer had not come to its end: then fields that are zero say nothing.
        self.is_unfinished = checksum.state is State.NOT_WRITTEN or is_before_release
        # A tree that guards all about modules, built without them.
        has_guard = android.GUARDS_MODULES.has(layout.alias)
        self.is_without_modules = has_guard and not any(self.number(name) for name in layout.module_fields)

    def text_bytes(self, name: str) -> bytes:
        """As much of a text field as is there; empty when the layout has none of that name."""
        field = self.layout.by_name.get(name)
        return self.window.data[field.offset : field.end] if field else b""

    def zero(self, points: int) -> int:
        """The weight of a zero that a finished record would not have."""
        return 0 if self.is_unfinished else points
