"""What evidence is, and what it is read off: the bytes, and one layout laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kinfo.record import kernels, text
from kinfo.record.checksum import Checksum, State, judge, prefix_sums
from kinfo.record.layouts import LARGEST
from kinfo.record.limits import VENDOR_HALF
from kinfo.record.model import Layout, Value

CONTRADICTION = -25


class Evidence(NamedTuple):
    """One observation: how much it speaks for (or, negative, against) a layout, and what was seen."""

    points: int
    text: str


@dataclass(frozen=True, eq=False, repr=False)
class Window:
    """The bytes a record may lie in, from its first on, and whether the dump ends with them."""

    data: bytes
    is_end: bool

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
        """Whether a release stands where the vendor block has it."""
        return kernels.parse_release(text.escape(text.before_nul(self.data[8:72]))) is not None

    def word(self, offset: int) -> int:
        """The u32 at an offset."""
        return int.from_bytes(self.data[offset : offset + 4], "little")

    def checksum(self, layout: Layout) -> Checksum:
        """The checksum over this layout's length; over what is there when the window is shorter."""
        magic_is_there = self.word(0) == layout.magic
        stored = self.word(4)
        if len(self.data) < layout.size:
            return Checksum(State.MISMATCH, stored, self.sums[-1])
        return judge(magic_is_there, stored, self.sums[layout.words])


@dataclass(frozen=True, eq=False, repr=False)
class Subject:
    """One layout laid over one window: what every function below looks at."""

    layout: Layout
    window: Window
    values: Mapping[str, Value]
    checksum: Checksum

    def number(self, name: str) -> int | None:
        """An integer field's value; None when the layout has no such field or the record is cut before it."""
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def text_bytes(self, name: str) -> bytes:
        """As much of a text field as is there; empty when the layout has none of that name."""
        field = self.layout.by_name.get(name)
        return self.window.data[field.offset : field.end] if field else b""

    @cached_property
    def release_bytes(self) -> bytes:
        """The raw release field, as much of it as is there."""
        return self.text_bytes("uts_release" if self.layout.vendor else "last_uts_release")

    @cached_property
    def release(self) -> kernels.Release | None:
        """The release taken apart, when it reads as one."""
        raw = text.before_nul(self.release_bytes)
        return kernels.parse_release(raw.decode("ascii")) if raw and text.is_printable(raw) else None

    @cached_property
    def is_unfinished(self) -> bool:
        """Whether the writer had not come to its end: then fields that are zero say nothing."""
        is_before_release = not self.layout.vendor and not any(self.release_bytes)
        return self.checksum.state is State.NOT_WRITTEN or is_before_release

    @cached_property
    def is_without_modules(self) -> bool:
        """Whether it comes from a tree that puts all about modules under #ifdef CONFIG_MODULES (gs201, zumapro, sm8735)."""
        has_guard = self.layout.alias in ("A1n", "A2", "A6")
        tail = [self.number(name) for name in self.layout.by_name if name.startswith(("mod_", "module_"))]
        return has_guard and not any(tail) and not self.number("enabled_modules_tree_lookup")

    def zero(self, points: int) -> int:
        """The weight of a zero that a finished record would not have."""
        return 0 if self.is_unfinished else points
