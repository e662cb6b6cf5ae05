"""Evidence for and against one layout, read off the bytes.

Each function looks at one thing and says how much it weighs, in points, and why, in words. Nothing here decides: `detect`
adds up. A weight of CONTRADICTION or less is something that no known writer of the layout can have left.

A zero is weak evidence: the rest of a region is usually zero, so a longer layout always "has" its tail as zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from kinfo.record import kernels, text
from kinfo.record.checksum import Checksum, State, judge, prefix_sums
from kinfo.record.layouts import LARGEST
from kinfo.record.model import Layout, Value

CONTRADICTION = -25
PA_LIMIT = 1 << 52  # no arm64 or x86-64 kernel has wider physical addresses
MODULE_STRUCT_LIMIT = 0x2000  # struct module is far smaller, debug options included
IMAGE_LIMIT = 64 << 20  # kernel images are smaller, debug ones excepted
NAMES_LIMIT = 64 << 20  # kallsyms_names of the largest kernels is some 3 MB
TEXT_GAP = 0x400000  # _text to _stext: the image's head, 64 KiB on arm64, 0 on x86-64
FLAGS = ("enabled_all", "enabled_base_relative", "enabled_absolute_percpu", "enabled_cfi_clang")
VENDOR_HALF = 2048  # the vendor block lies here at the earliest: half of a page


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

    @cached_property
    def release_bytes(self) -> bytes:
        """The raw release field; empty when cut off."""
        value = self.values.get("uts_release" if self.layout.vendor else "last_uts_release")
        return value if isinstance(value, bytes) else b""

    @cached_property
    def release(self) -> kernels.Release | None:
        """The release taken apart, when it reads as one."""
        raw = text.before_nul(self.release_bytes)
        return kernels.parse_release(raw.decode("ascii")) if raw and text.is_printable(raw) else None

    @cached_property
    def is_unfinished(self) -> bool:
        """Whether the writer had not come to its end: then fields that are zero say nothing."""
        return self.checksum.state is State.NOT_WRITTEN or not any(self.release_bytes)

    def zero(self, points: int) -> int:
        """The weight of a zero that a finished record would not have."""
        return 0 if self.is_unfinished else points


def observe(subject: Subject) -> Iterator[Evidence]:
    """Everything that speaks for or against a layout, what rules most layouts out first."""
    yield from _release(subject)
    if subject.layout.vendor:
        yield from _vendor(subject)
    else:
        yield from _lengths(subject)
        yield from _stack(subject)
        yield from _addresses(subject)
        yield from _base_and_text(subject)
        yield from _build_info(subject)
        yield from _modules(subject)
        yield from _kernel_range(subject)
    yield from _va_space(subject)
    yield from _length(subject)
    yield from _checksum(subject)
    yield from _tail(subject)


def _length(subject: Subject) -> Iterator[Evidence]:
    there, size = len(subject.window.data), subject.layout.size
    if there < size:
        yield Evidence(-10, f"the dump ends after {there} of {size} bytes")
    elif there == size and subject.window.is_end:
        yield Evidence(25, f"the dump is exactly {size} bytes long")


def _checksum(subject: Subject) -> Iterator[Evidence]:
    state = subject.checksum.state
    if len(subject.window.data) < subject.layout.size:
        return
    over = f"over {subject.layout.words} words"
    if state is State.VALID:
        yield Evidence(40, f"checksum holds {over}")
    elif state is State.INVERTED:
        yield Evidence(40, f"inverted checksum holds {over}")
    elif state is State.MISMATCH and subject.checksum.flipped_bit is not None:
        yield Evidence(20, f"checksum {over} is one bit off")


def _release(subject: Subject) -> Iterator[Evidence]:
    raw = subject.release_bytes
    if not raw:
        return
    field = "release"
    string = text.before_nul(raw)
    if not any(raw):
        partial = subject.layout.vendor or subject.layout.alias in ("C", "D") or not subject.checksum.state.verified
        yield Evidence(0 if partial else -15, f"{field} is empty: only meminspect sums a record before it has one")
    elif not text.is_printable(string) or b"\0" not in raw or raw[0] == 0:
        yield Evidence(-40, f"no text where the {field} would be")
    elif text.after_nul(raw):
        yield Evidence(0 if subject.release else -10, f"{field} {string.decode()!r} has bytes behind its NUL")
    elif subject.release:
        yield Evidence(30, f"{field} {string.decode()!r}")
    else:
        yield Evidence(15, f"{field} is text but no version: {string.decode()!r}")


def _lengths(subject: Subject) -> Iterator[Evidence]:
    bits = subject.number("bit_per_long")
    flags = [subject.number(name) or 0 for name in FLAGS]
    if bits is None:
        return
    if bits not in (32, 64):
        yield Evidence(-30, f"bit_per_long {bits}")
    else:
        yield Evidence(10, f"bit_per_long {bits}")
    if max(flags) > 1:
        yield Evidence(-30, f"flag bytes {flags}")
    lengths = [subject.number(name) or 0 for name in ("name_len", "symbol_len")]
    if not (32 <= lengths[0] <= 1024 and lengths[0] < lengths[1] <= 4096):
        yield Evidence(-30, f"name_len {lengths[0]} and symbol_len {lengths[1]}")
    else:
        yield Evidence(5, f"name_len {lengths[0]} and symbol_len {lengths[1]}")


def _stack(subject: Subject) -> Iterator[Evidence]:
    size = subject.number("thread_size")
    if size is None:
        return
    if size == 0:
        yield Evidence(subject.zero(-10), "thread_size 0")
    elif size.bit_count() == 1 and 0x1000 <= size <= 0x40000:
        yield Evidence(15, f"thread_size {size:#x} is a power of two")
    else:
        yield Evidence(-30, f"thread_size {size:#x} is no stack size")
    page_table = subject.number("swapper_pg_dir_pa")
    if page_table:
        is_plausible = page_table % 4096 == 0 and page_table < PA_LIMIT
        yield Evidence(5 if is_plausible else -20, f"swapper_pg_dir_pa {page_table:#x}")
    elif page_table == 0:
        yield Evidence(subject.zero(-5), "swapper_pg_dir_pa 0")


def _addresses(subject: Subject) -> Iterator[Evidence]:
    """Physical or virtual: Z0 alone holds virtual addresses."""
    is_virtual = "_stext_va" in subject.layout.by_name
    suffix = "va" if is_virtual else "pa"
    start, end = subject.number(f"_stext_{suffix}"), subject.number(f"_end_{suffix}")
    if not start or not end:
        return
    bits = subject.number("bit_per_long")
    looks_virtual = start >= 1 << 63 if bits == 64 else start >= 0x80000000
    if looks_virtual != is_virtual and (is_virtual or start >= PA_LIMIT):
        yield Evidence(-30, f"_stext_{suffix} {start:#x} is no {'virtual' if is_virtual else 'physical'} address")
    elif start < end:
        yield Evidence(5, f"_stext_{suffix} {start:#x} below _end_{suffix} {end:#x}")


def _base_and_text(subject: Subject) -> Iterator[Evidence]:
    """The two words at 24 and 32: all that tells B, C and CR apart beside the release."""
    if "_text_pa" not in subject.layout.by_name and subject.layout.alias != "B":
        return
    names = [field.name for field in subject.layout.fields if field.offset in (24, 32)]
    first, second = (subject.number(name) or 0 for name in names)
    flag = subject.number("enabled_base_relative")
    judged = {"_addresses_pa": _as_addresses_and_base, "_relative_pa": _as_base_and_text, "_reserved": _as_reserved}
    points, words = judged[names[0]](subject, first, second, flag == 1)
    if points < 0 or first or second:
        yield Evidence(points, f"{names[0]} {first:#x}, {names[1]} {second:#x}: {words}")


def _is_image_start(subject: Subject, address: int) -> bool:
    start = subject.number("_stext_pa") or 0
    return bool(address) and 0 <= start - address < TEXT_GAP


def _as_addresses_and_base(subject: Subject, first: int, second: int, flag: bool) -> tuple[int, str]:
    etext, end = subject.number("_etext_pa") or 0, subject.number("_end_pa") or 0
    if flag and first == 0 and _is_image_start(subject, second):
        return 10, "no address table, the base at the image's start"
    if not flag and second == 0 and etext <= first < end:
        return 10, "an address table, no base"
    if first and _is_image_start(subject, first):
        return -25, "an address table cannot lie before the text"
    return -15, "does not go with enabled_base_relative"


def _as_base_and_text(subject: Subject, first: int, second: int, flag: bool) -> tuple[int, str]:
    points = -8 if flag else 0  # the Android driver of this layout never sets the flag
    if _is_image_start(subject, first) and _is_image_start(subject, second):
        return 10 + points, "base and _text at the image's start"
    if first == 0 and _is_image_start(subject, second):
        is_android = subject.release is not None and subject.release.is_android
        return (-4 if is_android else 2) + points, "_text, and no base (meminspect v2 leaves it 0)"
    if second == 0 and _is_image_start(subject, first):
        return 3 + points, "a base but no _text"
    offsets = subject.number("_offsets_pa") or 0
    if offsets and offsets < first and _is_image_start(subject, second):
        return 2 + points, "a base among the tables (kmemdump RFC v2 stores the variable's address)"
    return -10 + points, "neither is the image's start"


def _as_reserved(subject: Subject, first: int, second: int, _flag: bool) -> tuple[int, str]:
    if first:
        return -25, "the reserved word is not zero"
    if not _is_image_start(subject, second):
        return -6, "_text is not the image's start"
    if subject.release is None:
        return -4, "no base, and no release that would say why"
    if subject.release.version < kernels.PLACE_RELATIVE or subject.release.is_android:
        return 10, "no base, _text at the image's start"
    return -4, "no base, but the release is not Android's"


def _build_info(subject: Subject) -> Iterator[Evidence]:
    raw = subject.values.get("build_info")
    if not isinstance(raw, bytes):
        return
    if not any(raw):
        yield Evidence(0, "build_info is empty")
    elif raw[0] == 0 or not text.is_printable(text.before_nul(raw).replace(b"\n", b"")):
        yield Evidence(-30, "no text where build_info would be")
    else:
        yield Evidence(10, "build_info is text")


def _modules(subject: Subject) -> Iterator[Evidence]:
    lookup = subject.number("enabled_modules_tree_lookup")
    if lookup is None:
        return
    if lookup > 1:
        yield Evidence(-30, f"enabled_modules_tree_lookup {lookup:#x} is no flag")
    elif lookup:
        yield Evidence(3, "enabled_modules_tree_lookup 1")
    names = [name for name in subject.layout.by_name if name.startswith("mod_") and name != "mod_scmversion_offset"]
    yield from _module_offsets(subject, {name: subject.number(name) for name in names}, lookup)
    yield from _module_range(subject)
    yield from _scmversion(subject)
    yield from _v2_tail(subject)


def _module_offsets(subject: Subject, offsets: Mapping[str, int | None], lookup: int) -> Iterator[Evidence]:
    values = [value for value in offsets.values() if value is not None]
    shown = ", ".join(f"{value:#x}" for value in values)
    if not offsets:
        if lookup:
            yield Evidence(-10, "tree lookup without CONFIG_MODULES")
    elif not any(values):
        yield Evidence(-30 if lookup else subject.zero(-22), "no offsets into struct module")
    elif values == sorted(set(values)) and values[0] and values[-1] < MODULE_STRUCT_LIMIT and not _misaligned(values):
        yield Evidence(10, f"offsets into struct module rise: {shown}")
    else:
        yield Evidence(-30, f"no offsets into struct module: {shown}")


def _misaligned(offsets: list[int]) -> bool:
    return any(offset % 4 for offset in offsets)


def _module_range(subject: Subject) -> Iterator[Evidence]:
    start, end = subject.number("module_start_va"), subject.number("module_end_va")
    if start is None or end is None:
        return
    plt = subject.number("module_plt_start_va")
    limit = 1 << 63 if subject.number("bit_per_long") == 64 else 1 << 24
    if not start and not end and not plt:
        has_modules = bool(subject.number("mod_kallsyms_offset"))
        yield Evidence(subject.zero(-24 if has_modules else -10), "no module range")
    elif limit <= start < end and (plt is None or plt == 0 or plt >= limit):
        yield Evidence(10, f"module range {start:#x} - {end:#x}")
    else:
        yield Evidence(-30, f"no range of kernel addresses: {start:#x} - {end:#x}")


def _scmversion(subject: Subject) -> Iterator[Evidence]:
    enabled, offset = subject.number("enabled_module_scmversion"), subject.number("mod_scmversion_offset")
    if enabled is None or offset is None:
        return
    if enabled == 1 and 0 < offset < MODULE_STRUCT_LIMIT:
        yield Evidence(8, f"module scmversion at {offset:#x}")
    elif enabled == 0 and offset == 0:
        yield Evidence(subject.zero(-8), "no module scmversion (GKI kernels have it)")
    else:
        yield Evidence(-30, f"enabled_module_scmversion {enabled:#x}, offset {offset:#x}")


def _v2_tail(subject: Subject) -> Iterator[Evidence]:
    reserved = subject.values.get("reserved_data")
    seqs = subject.number("_seqs_of_names_pa")
    if reserved is None or seqs is None:
        return
    if seqs == 0:
        yield Evidence(subject.zero(-20), "no seqs_of_names")
    elif _is_among_tables(subject, seqs):
        yield Evidence(12, f"seqs_of_names {seqs:#x} lies among the tables")
    else:
        yield Evidence(-30 if seqs >= PA_LIMIT else -20, f"seqs_of_names {seqs:#x} far from the other tables")
    if isinstance(reserved, tuple) and any(reserved):
        yield Evidence(-15, "reserved words are not zero")


def _is_among_tables(subject: Subject, address: int) -> bool:
    """Whether an address is near most of the tables: holds with one of their pointers corrupt."""
    tables = ("_offsets_pa", "_names_pa", "_token_table_pa", "_token_index_pa", "_markers_pa")
    return sum(abs((subject.number(name) or 0) - address) < IMAGE_LIMIT for name in tables) >= 3


def _kernel_range(subject: Subject) -> Iterator[Evidence]:
    first, last = _versions(subject)
    known, possible = subject.layout.kernels.known, subject.layout.kernels.possible
    shown = subject.release.text if subject.release else "the length fields"
    if not _overlap((first, last), possible):
        yield Evidence(-25, f"{shown}: such a kernel cannot write this layout")
    elif subject.release and _overlap((first, last), known):
        yield Evidence(6, f"{shown}: seen in {subject.layout.seen_in}")
    elif subject.release:
        yield Evidence(-6, f"{shown}: known only from {subject.layout.seen_in}")


def _versions(subject: Subject) -> tuple[kernels.Version | None, kernels.Version | None]:
    if subject.release:
        return subject.release.version, subject.release.version
    numbers = [subject.number(name) or 0 for name in ("name_len", "bit_per_long", "module_name_len", "symbol_len")]
    return kernels.version_bounds(*numbers)


_Span = tuple[kernels.Version | None, kernels.Version | None]


def _overlap(one: _Span, other: _Span) -> bool:
    starts_in_time = one[0] is None or other[1] is None or one[0] <= other[1]
    ends_late_enough = one[1] is None or other[0] is None or one[1] >= other[0]
    return starts_in_time and ends_late_enough


def _vendor(subject: Subject) -> Iterator[Evidence]:
    if subject.window.data[8:24] == bytes(16) and subject.window.data[24:72] != bytes(48):
        yield Evidence(-30, "the release begins with zeros")
    root = subject.number("mod_root_pa")
    if root is not None:
        if root == 0:
            yield Evidence(-8, "no module root")
        else:
            is_plausible = 1 << 24 <= root < PA_LIMIT and root % 4 == 0
            yield Evidence(6 if is_plausible else -30, f"module root {root:#x}")
    names = subject.number("names_total_len")
    if names is not None:
        if names == 0:
            yield Evidence(-8, "names_total_len 0")
        else:
            yield Evidence(6 if names < NAMES_LIMIT else -30, f"names_total_len {names}")
    suspend = subject.number("suspend_diag_va")
    if suspend is not None:
        if suspend == 0:
            yield Evidence(-8, "no suspend diagnosis")
        else:
            yield Evidence(6 if suspend >= 1 << 63 else -30, f"suspend_diag_va {suspend:#x}")
    yield from _frequencies(subject)


def _frequencies(subject: Subject) -> Iterator[Evidence]:
    names = subject.values.get("dss_freq_name")
    if not isinstance(names, tuple):
        return
    strings = [text.before_nul(name) for name in names if isinstance(name, bytes)]
    if not any(strings):
        yield Evidence(-8, "no frequency names")
    elif all(text.is_printable(string) for string in strings):
        yield Evidence(8, f"{sum(map(bool, strings))} frequency names")
    else:
        yield Evidence(-30, "frequency names are no text")


def _va_space(subject: Subject) -> Iterator[Evidence]:
    bits, page_offset = subject.number("va_bits"), subject.number("page_offset")
    if bits is None or page_offset is None:
        return
    if 32 <= bits <= 57 and page_offset >= 1 << 63:
        yield Evidence(12, f"va_bits {bits}, page_offset {page_offset:#x}")
    else:
        yield Evidence(-30, f"va_bits {bits}, page_offset {page_offset:#x}: no kernel has such")


def _tail(subject: Subject) -> Iterator[Evidence]:
    window, size = subject.window, subject.layout.size
    behind = window.data[size : max(LARGEST, size) + 64]
    if window.tail_is_noise or not any(behind):
        return
    if subject.checksum.state.verified and not window.data[LARGEST + 64 : VENDOR_HALF]:
        return  # cut from a larger dump: nothing to compare the bytes with
    first = next(index for index, byte in enumerate(behind) if byte)
    yield Evidence(-20, f"bytes that are not zero follow at {size + first:#x}")
