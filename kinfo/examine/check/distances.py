"""How far apart neighbouring tables lie: what stands between has a size that num_syms gives, or one within bounds.

Backports make several distances right: seqs_of_names came to 6.1.y, the relative base went in 7.0.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch.address import align
from kinfo.examine import symbol_rules
from kinfo.examine.check.image import has_address_table
from kinfo.findings import Finding
from kinfo.named import NamedTuple
from kinfo.record import kernels
from kinfo.record.record import Record


class _Between(NamedTuple):
    """The least and the greatest distance that can be."""

    low: int
    high: int


_Allowed = _Between | tuple[int, ...]
_TOKEN_INDEX_SIZES = (512,)  # 256 times u16
_TOKEN_TABLE_SIZES = _Between(256, 4096)  # 256 strings with a NUL each; 880 to 1,120 bytes in kernels seen
_LONGEST_AVERAGE = 128  # bytes of a compressed name; 8 to 12 in kernels seen

_FIRST_WITHOUT_BASE = (6, 19)  # Android's mainline dropped it after 6.19, mainline in 7.0


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    count, bits = record.number("num_syms"), record.number("bit_per_long")
    version = record.release.version if record.release else None
    earliest = record.layout.kernels.possible[0] if record.layout else None
    if not count or bits not in (32, 64) or not kernels.order_of(version, earliest):
        return
    for low, high, allowed in _wanted(version, count, bits // 8, is_absolute=has_address_table(record)):
        yield from _distance(record, low, high, allowed)


def _wanted(
    version: kernels.Version | None, count: int, pointer: int, *, is_absolute: bool
) -> Iterator[tuple[str, str, _Allowed]]:
    """Pairs of neighbours, and which distances they can have; without a version those of every release with that order."""
    marker = pointer if version and version < (4, 20) else 4
    label = pointer if version and version < kernels.PLACE_RELATIVE else 4
    first, element = ("addresses", pointer) if is_absolute else ("offsets", 4)
    base = 0 if is_absolute else pointer
    table, markers, seqs = element * count, marker * -(-count // 256), align(3 * count, label)
    yield "names", "markers", _Between(2 * count, _LONGEST_AVERAGE * count)
    yield "token_table", "token_index", _TOKEN_TABLE_SIZES
    if version and version < kernels.NEW_TABLE_ORDER:
        yield first, "names", (align(table, pointer) + base + pointer,)  # relative_base and num_syms stand between
        yield "markers", "token_table", (align(markers, label), align(markers, label) + seqs)
    else:
        yield "markers", "token_table", (align(markers, label), align(markers, pointer if version is None else label))
        yield "token_index", first, _TOKEN_INDEX_SIZES
        with_base = (align(table, pointer) + base,)
        may_lack_base = version is None or version >= _FIRST_WITHOUT_BASE
        yield first, "seqs_of_names", with_base + ((align(table, 4), align(table, label)) if may_lack_base else ())


def _distance(record: Record, low: str, high: str, allowed: _Allowed) -> Iterator[Finding]:
    start, end = record.pointer(low), record.pointer(high)
    if start and end and start < end and not _fits(end - start, allowed):
        is_counted = allowed is not _TOKEN_TABLE_SIZES and allowed is not _TOKEN_INDEX_SIZES
        low, high = (f"_{name}_{record.suffix}" for name in (low, high))
        why = f"num_syms {record.number('num_syms')} gives" if is_counted else "every kernel has"
        yield symbol_rules.SYMBOLS_TABLE_SIZE.at(high, f"{high} - {low} is {end - start:#x}, but {why} {_shown(allowed)}")


def _fits(distance: int, allowed: _Allowed) -> bool:
    return allowed.low <= distance <= allowed.high if isinstance(allowed, _Between) else distance in allowed


def _shown(allowed: _Allowed) -> str:
    if isinstance(allowed, _Between):
        return f"{allowed.low:#x} to {allowed.high:#x}"
    different = [size for index, size in enumerate(allowed) if size not in allowed[:index]]
    return " or ".join(f"{size:#x}" for size in sorted(different))
