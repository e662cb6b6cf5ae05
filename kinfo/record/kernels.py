"""What a kernel's release says about the record it leaves: lengths, options, and the order of the kallsyms tables.

Facts from Debian's linux-source 6.1 and 6.12 and the list postings named beside them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kinfo.named import NamedTuple

Version = tuple[int, int]
Span = tuple[Version | None, Version | None]  # first and last release; None is open

NO_BASE_CHOICE = (6, 11)  # "kallsyms: get rid of code for absolute kallsyms" removed CONFIG_KALLSYMS_BASE_RELATIVE
PLACE_RELATIVE = (7, 0)  # "kallsyms: Get rid of kallsyms relative base": offsets count from their own place
NEW_TABLE_ORDER = (6, 4)  # "scripts/kallsyms: change the output order"
LONG_NAMES = (6, 1)  # KSYM_NAME_LEN 128 -> 512
CFI_RENAMED = (6, 18)  # CONFIG_CFI_CLANG became CONFIG_CFI

_RELEASE = r"(\d{1,3})\.(\d{1,4})(?:\.(\d{1,6}))?(?=[^0-9]|$)"
LONGEST_VERSION = 16  # bytes of a release that its version can depend on: "123.1234.123456", and one that is no digit
ANDROID_MARKS = ("-android", "-mainline", "-gki", "-ab")  # -ab: the number of an Android build


class Release(NamedTuple):
    """A kernel release string taken apart: (major, minor) and whether it carries Android's marks."""

    text: str
    version: Version
    is_android: bool


@lru_cache(256)  # every check asks, and the records of a fleet have few
def parse_release(text: str) -> Release | None:
    """The release, or None when the text does not begin with a version number."""
    found = re.match(_RELEASE, text)
    if not found:
        return None
    return Release(text, (int(found[1]), int(found[2])), is_android(text))


def is_android(text: str) -> bool:
    """Whether a release carries Android's marks."""
    return any(mark in text for mark in ANDROID_MARKS)


def name_len(version: Version) -> int:
    """KSYM_NAME_LEN of a release, in bytes."""
    return 512 if version >= LONG_NAMES else 128


def module_name_len(bits: int) -> int:
    """MODULE_NAME_LEN: 64 - sizeof(unsigned long)."""
    return 64 - bits // 8


def symbol_lens(name: int, bits: int, module: int) -> tuple[int, int]:
    """KSYM_SYMBOL_LEN without and with a module's build id (the latter since 5.14 or 5.15).

    sizeof("%s+%#lx/%#lx [%s]") or sizeof("... [%s %s]"), the two names, two longs in decimal, a 20-byte build id in hex.
    """
    common = (name - 1) + 2 * (bits * 3 // 10) + (module - 1) + 1
    return 18 + common, 21 + common + 40


_OLD_ORDER = ("_offsets_pa", "_names_pa", "_markers_pa", "_seqs_of_names_pa", "_token_table_pa", "_token_index_pa")
_NEW_ORDER = ("_names_pa", "_markers_pa", "_token_table_pa", "_token_index_pa", "_offsets_pa", "_seqs_of_names_pa")


def table_order(version: Version) -> tuple[str, ...]:
    """The kallsyms tables as they follow one another in .rodata (seqs_of_names only where the kernel has it)."""
    return _NEW_ORDER if version >= NEW_TABLE_ORDER else _OLD_ORDER


def order_of(version: Version | None, earliest: Version | None) -> tuple[str, ...]:
    """The order by the release, else by the first release that can have the layout; empty where neither tells."""
    known = version or (earliest if earliest and earliest >= NEW_TABLE_ORDER else None)
    return table_order(known) if known else ()


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans of releases have one in common."""
    starts_in_time = one[0] is None or other[1] is None or one[0] <= other[1]
    ends_late_enough = one[1] is None or other[0] is None or one[1] >= other[0]
    return starts_in_time and ends_late_enough


def version_bounds(name: int, bits: int, module: int, symbol: int) -> Span:
    """The releases that fit the length fields, for a record whose release is not there: first and last, None is open."""
    if name == 512:
        return LONG_NAMES, None
    if name != 128:
        return None, None
    old, _ = symbol_lens(name, bits, module)
    return (None, (5, 14)) if symbol == old else (None, (6, 0))
