"""The construct model of every layout: a sequence of pieces, so that it reads as what differs from its neighbour.

This is the only place that says where a field lies. `shapes` (for the hot path), the C header, the specification and the
JSON listing are derived from it; after a change here, `make generate` writes them anew, and a test tells when it was not.
"""

from __future__ import annotations

from typing import Any

from construct import Struct

from kinfo.record import pieces as p

_A1 = (*p.CLASSIC, *p.TREE_LOOKUP, *p.CORE_LAYOUT_OFFSETS)
_A2 = (*_A1, *p.MODULE_RANGE)
_A3 = (*_A2, *p.SCMVERSION)
_A6 = (*p.CLASSIC, *p.TREE_LOOKUP, *p.MOD_MEM_OFFSETS)

# B, C, CR and D have seqs_of_names among the tables, which moves everything behind them by 8.
_WITH_SEQS = (*p.IMAGE, *p.TABLES, *p.SEQS, *p.STACK_AND_PAGE_TABLE, *p.RELEASE)
_MODULES = (*p.TREE_LOOKUP, *p.MOD_MEM_OFFSETS)

_V1 = (*p.HEAD, *p.VENDOR_RELEASE)
_V3 = (*_V1, *p.VENDOR_NAMES_LEN)
_V3S = (*_V3, *p.VENDOR_SUSPEND)
_V3L = (*_V3S, *p.VA_SPACE)

STRUCTS: dict[str, Any] = {
    "Z0": Struct(*p.START, *p.VIRTUAL_SYMBOLS, *p.VIRTUAL_SPACE, *p.RELEASE),
    "A0": Struct(*p.CLASSIC),
    "A1": Struct(*_A1),
    "A1n": Struct(*p.CLASSIC, *p.TREE_LOOKUP),
    "A2": Struct(*_A2),
    "A3": Struct(*_A3),
    "A4": Struct(*_A3, *p.VA_SPACE),
    "A5": Struct(*p.CLASSIC, *p.TREE_LOOKUP, *p.MOD_KALLSYMS_OFFSET, *p.MODULE_RANGE, *p.MODULE_PLT),
    "A6": Struct(*_A6),
    "A6v2": Struct(*_A6, *p.SEQS, *p.RESERVED_DATA),
    "B": Struct(*p.START, *p.ADDRESSES_AND_BASE, *_WITH_SEQS, *p.BUILD_INFO, *_MODULES),
    "C": Struct(*p.START, *p.BASE_AND_TEXT, *_WITH_SEQS, *p.BUILD_INFO, *_MODULES),
    "CR": Struct(*p.START, *p.RESERVED_AND_TEXT, *_WITH_SEQS, *p.BUILD_INFO, *_MODULES),
    "D": Struct(*p.START, *p.BASE_AND_TEXT, *_WITH_SEQS, *_MODULES),
    "V1": Struct(*_V1),
    "V2": Struct(*_V1, *p.VENDOR_MOD_ROOT),
    "V3": Struct(*_V3),
    "V3s": Struct(*_V3S),
    "V3l": Struct(*_V3L),
    "V4": Struct(*_V3L, *p.VENDOR_FREQUENCIES),
}


def shape_of(model: Any) -> tuple[tuple[str, str, int], ...]:
    """A construct.Struct of fixed-size fields, flat: name, struct code of one element, elements of an array (0: none)."""
    return tuple((named.name, *_element(named.subcon)) for named in model.subcons)


def _element(subcon: Any) -> tuple[str, int]:
    if hasattr(subcon, "count"):  # construct.Array
        return _element(subcon.subcon)[0], int(subcon.count)
    if hasattr(subcon, "fmtstr"):  # construct.FormatField
        return str(subcon.fmtstr[-1]), 0
    return f"{subcon.sizeof()}s", 0
