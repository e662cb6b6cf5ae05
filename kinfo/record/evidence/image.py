"""Flags and lengths, the stack, the image's addresses, and the two words that tell B, C and CR apart."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch.address import KERNEL_HALF, PA_LIMIT
from kinfo.record import kernels
from kinfo.record.evidence.subject import Evidence, Subject
from kinfo.record.limits import FLAGS, TEXT_GAP, is_stack_size


def lengths(subject: Subject) -> Iterator[Evidence]:
    """Flags, width of a long, lengths of names."""
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
    name_len, symbol_len = (subject.number(name) or 0 for name in ("name_len", "symbol_len"))
    is_plausible = 32 <= name_len <= 1024 and name_len < symbol_len <= 4096
    yield Evidence(5 if is_plausible else -30, f"name_len {name_len} and symbol_len {symbol_len}")
    if subject.number("module_name_len") == 0 and not subject.is_without_modules:
        yield Evidence(-15, "module_name_len 0, which only trees with #ifdef CONFIG_MODULES leave")


def stack(subject: Subject) -> Iterator[Evidence]:
    """Stack size and page table."""
    size = subject.number("thread_size")
    if size is None:
        return
    if size == 0:
        yield Evidence(subject.zero(-10), "thread_size 0")
    elif is_stack_size(size):
        yield Evidence(15, f"thread_size {size:#x} is a power of two")
    else:
        yield Evidence(-30, f"thread_size {size:#x} is no stack size")
    page_table = subject.number("swapper_pg_dir_pa")
    if page_table:
        is_plausible = page_table % 4096 == 0 and page_table < PA_LIMIT
        yield Evidence(5 if is_plausible else -20, f"swapper_pg_dir_pa {page_table:#x}")
    elif page_table == 0:
        yield Evidence(subject.zero(-5), "swapper_pg_dir_pa 0")


def addresses(subject: Subject) -> Iterator[Evidence]:
    """Physical or virtual: Z0 alone holds virtual addresses."""
    suffix = subject.layout.suffix
    is_virtual = suffix == "va"
    start, end = subject.number(f"_stext_{suffix}"), subject.number(f"_end_{suffix}")
    if not start or not end:
        return
    bits = subject.number("bit_per_long")
    looks_virtual = start >= KERNEL_HALF if bits == 64 else start >= 0x80000000
    if looks_virtual != is_virtual and (is_virtual or start >= PA_LIMIT):
        yield Evidence(-30, f"_stext_{suffix} {start:#x} is no {'virtual' if is_virtual else 'physical'} address")
    elif start < end:
        yield Evidence(5, f"_stext_{suffix} {start:#x} below _end_{suffix} {end:#x}")


def base_and_text(subject: Subject) -> Iterator[Evidence]:
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
    if not flag and second == 0 and etext <= first < end and not subject.number("_offsets_pa"):
        return 10, "an address table, no base"
    if first and _is_image_start(subject, first):
        return -25, "an address table cannot lie before the text"
    return -15, "does not go with enabled_base_relative"


def _as_base_and_text(subject: Subject, first: int, second: int, flag: bool) -> tuple[int, str]:
    points = -8 if flag else 0  # Android's driver of C: LEAVES_BASE_FLAG in writer_rows/android.py
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
    if first == 0 and second == 0:
        return subject.zero(-10), "neither base nor _text"
    return -10 + points, "neither is the image's start"


def _as_reserved(subject: Subject, first: int, second: int, flag: bool) -> tuple[int, str]:
    if flag:  # 6.11 has no such option: then flag or release is wrong, or the layout is B
        return -8 if first == 0 else -20, "enabled_base_relative 1, which such a kernel has no option for"
    if first:
        return -20, "the reserved word is not zero"
    if not _is_image_start(subject, second):
        return -6, "_text is not the image's start"
    if subject.release is None:
        return -4, "no base, and no release that would say why"
    if subject.release.version < kernels.PLACE_RELATIVE or subject.release.is_android:
        return 10, "no base, _text at the image's start"
    return -4, "no base, but the release is not Android's"
