"""What evidence is, and what it is read off: the bytes, and one layout laid over them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import cached_property, lru_cache

from kinfo.named import NamedTuple
from kinfo.record import kernels, text
from kinfo.record.checksum import Checksum, State, judge, prefix_sums
from kinfo.record.layouts import LARGEST
from kinfo.record.limits import UTS_LEN, VENDOR_HALF
from kinfo.record.model import Layout, Value
from kinfo.typed import Any
from kinfo.writer_rows import android

CONTRADICTION = -25
_SHORTEST_RELEASE = 5  # "6.12."
_LONG_TEXT = 8  # flags and num_syms of a kernel's record are not so much text


class Evidence(NamedTuple):
    """One observation: how much it speaks for (or, negative, against) a layout, and what was seen."""

    points: int
    text: str


class Window:
    """The bytes a record may lie in, from its first on, and whether the dump ends with them.

    Evidence looks at them through these methods alone, so that `kinfo.record.asked` can write down what it looked at.
    """

    def __init__(self, data: bytes, *, is_end: bool) -> None:
        self.data = data
        self.size = len(data)
        self.is_end = is_end
        self._seen: dict[tuple[object, ...], Any] = {}

    def look(self, function: Callable[..., Hashable], *ranges: tuple[int, int]) -> Any:
        """What a function says of the bytes between offsets, as far as they are there. It may look at nothing else."""
        key = (function, *ranges)
        if key not in self._seen:
            self._seen[key] = function(*(self.data[start:end] for start, end in ranges))
        return self._seen[key]

    def is_blank(self, start: int, end: int) -> bool:
        """Whether there is nothing but zeros between two offsets, or nothing at all."""
        return bool(self.look(text.is_blank, (start, end)))

    def filled(self, end: int) -> int:
        """How many bytes there are up to an offset, without the zeros before it."""
        return len(self.data[:end].rstrip(b"\0"))

    def first_byte(self, start: int, end: int) -> int:
        """Where the first byte that is not zero lies between two offsets; the end where there is none."""
        behind = self.data[start:end]
        return start + len(behind) - len(behind.lstrip(b"\0"))

    def cut(self, end: int) -> Window:
        """A window that ends sooner, and the dump with it."""
        return Window(self.data[:end], is_end=True)

    def values(self, layout: Layout) -> Mapping[str, Value]:
        """The fields of a layout, as far as they are there."""
        return layout.unpack_partial(self.data) if self.size < layout.size else layout.unpack(self.data)

    def shown(self, start: int, end: int) -> str:
        """The text between two offsets, for a sentence."""
        return text.escape(text.before_nul(self.data[start:end]))

    @cached_property
    def sums(self) -> tuple[int, ...]:
        """The checksum of every body length."""
        return prefix_sums(self.data[: LARGEST + 4])

    @cached_property
    def tail_is_noise(self) -> bool:
        """Whether the region held other data before: then what follows the record says nothing."""
        return bool(self.look(is_noise, (LARGEST, VENDOR_HALF)))

    @cached_property
    def begins_with_text(self) -> bool:
        """Whether a release stands where the vendor block has it; a byte of it may be corrupt. A record has flags there."""
        short = self.look(_is_short_release, (8, 8 + _SHORTEST_RELEASE))
        return bool(self.look(_is_like_a_release, (8, 72)) if short is None else short)

    def word(self, offset: int) -> int:
        """The u32 at an offset."""
        return int.from_bytes(self.data[offset : offset + 4], "little")

    def checksum(self, layout: Layout) -> Checksum:
        """The checksum over this layout's length; over what is there when the window is shorter."""
        stored = self.word(4)
        if self.size < layout.size:
            return Checksum(State.MISMATCH, stored, self.sums[-1])
        return judge(self.word(0), layout.magic, stored, self.sums[layout.words])


def is_noise(tail: bytes) -> bool:
    """Whether most bytes are not zero."""
    return bool(tail) and tail.count(0) < len(tail) // 2


def _is_short_release(raw: bytes) -> bool | None:
    """Whether text that ends within these bytes is a release; None for text that goes on."""
    string, nul, _ = raw.partition(b"\0")
    if not nul and len(raw) == _SHORTEST_RELEASE:
        return None
    return kernels.parse_release(text.escape(string)) is not None


def _is_like_a_release(raw: bytes) -> bool:
    string = text.before_nul(raw)
    if kernels.parse_release(text.escape(string)) is not None:
        return True
    odd = text.odd_bytes(string)
    return (len(string) >= _SHORTEST_RELEASE and odd <= 1 and kernels.parse_release(text.escape(string[2:])) is not None) or (
        len(string) >= _LONG_TEXT and odd <= 1
    )


class ReleaseText(NamedTuple):
    """What can be said of the text where a release would be. `version` and `is_android` are None where it is none."""

    is_blank: bool
    is_text: bool  # of nearly all its bytes
    is_clean: bool  # of all its bytes, and shorter than the field
    has_tail: bool  # behind its NUL
    version: kernels.Version | None
    is_android: bool | None


_NO_TEXT = ReleaseText(is_blank=False, is_text=False, is_clean=False, has_tail=False, version=None, is_android=None)
_BLANK = _NO_TEXT._replace(is_blank=True)


@lru_cache(256)  # the records of a fleet have few releases
def _release_text(raw: bytes) -> ReleaseText:
    string = text.before_nul(raw)
    is_printable = text.is_printable(string)
    release = kernels.parse_release(string.decode("ascii")) if is_printable else None
    return ReleaseText(
        is_blank=False,
        is_text=text.odd_bytes(string) <= len(string) // 16,  # a byte or two may be corrupt
        is_clean=is_printable and len(string) < UTS_LEN,
        has_tail=bool(text.after_nul(raw)),
        version=release.version if release else None,
        is_android=release.is_android if release else None,
    )


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
        self.release_place = self.place("uts_release" if layout.vendor else "last_uts_release")
        self.release_text = self._release_text()
        version, is_android = self.release_text.version, self.release_text.is_android
        shown = window.shown(*self.release_place)
        self.release = None if version is None else kernels.Release(shown, version, bool(is_android))
        is_before_release = not layout.vendor and self.release_text.is_blank
        # The writer had not come to its end: then fields that are zero say nothing.
        self.is_unfinished = checksum.state is State.NOT_WRITTEN or is_before_release
        # A tree that guards all about modules, built without them.
        has_guard = android.GUARDS_MODULES.has(layout.alias)
        self.is_without_modules = has_guard and not any(self.number(name) for name in layout.module_fields)

    def place(self, name: str) -> tuple[int, int]:
        """Where a text field lies, as far as it is there; nowhere when the layout has none of that name."""
        field = self.layout.by_name.get(name)
        return (min(field.offset, self.window.size), min(field.end, self.window.size)) if field else (0, 0)

    def _release_text(self) -> ReleaseText:
        """Others have numbers there, which are seldom alike in two records: a first byte of 0 spares looking at the rest."""
        start, end = self.release_place
        if self.window.is_blank(start, end):
            return _BLANK
        if self.window.is_blank(start, start + 1):
            return _NO_TEXT
        return self.window.look(_release_text, (start, end))  # type: ignore[no-any-return]

    def zero(self, points: int) -> int:
        """The weight of a zero that a finished record would not have."""
        return 0 if self.is_unfinished else points
