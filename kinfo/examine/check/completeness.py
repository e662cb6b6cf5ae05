"""Which fields are 0 that a finished record has.

meminspect's fields fill one by one as regions are registered, and every step leaves a valid checksum.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from kinfo.examine import rules
from kinfo.examine.written_by import stores_base_in
from kinfo.findings import Finding
from kinfo.record import kernels, text
from kinfo.record.model import Layout
from kinfo.record.record import Record

_OPTIONAL_PREFIXES = ("enabled_", "mod_", "module_")
_OPTIONAL = {"build_info", "reserved_data", "_reserved", "va_bits", "page_offset", "page_end", "phys_offset"}
_OPTIONAL |= {"kimage_voffset", "dss_freq_name", "dss_freq_size", "suspend_diag_va", "magic_number"}
_OPTIONAL |= {"combined_checksum", "bit_per_long", "name_len", "symbol_len", "thread_size"}


def missing_fields(record: Record) -> tuple[str, ...]:
    """The fields that are 0 or empty although a kernel of this layout has a value for them."""
    if record.layout is None or record.layout.vendor:
        return ()
    return tuple(name for name in _expected(record, record.layout) if not _has_value(record, name))


def _has_value(record: Record, name: str) -> bool:
    value = record.values.get(name)
    if value is None or record.layout is None:
        return True
    return not text.look(text.is_blank, value) if record.layout.by_name[name].is_text else bool(value)


def _expected(record: Record, layout: Layout) -> Iterator[str]:
    needed = _address_form(record, layout.suffix)
    return (name for name, is_of_form in _never_zero(layout) if not is_of_form or name in needed)


@cache
def _never_zero(layout: Layout) -> tuple[tuple[str, bool], ...]:
    """The fields that a kernel has a value for, and whether that depends on the form of its table."""
    form = {f"_{stem}_{layout.suffix}" for stem in ("addresses", "relative", "offsets")}
    names = (name for name in layout.by_name if name not in _OPTIONAL and not name.startswith(_OPTIONAL_PREFIXES))
    return tuple((name, name in form) for name in names)


def _address_form(record: Record, suffix: str) -> tuple[str, ...]:
    """Which of addresses, base and offsets this kernel's table needs."""
    version = record.release.version if record.release else None
    is_absolute = bool(record.number(f"_addresses_{suffix}")) and not record.number("enabled_base_relative")
    if is_absolute and not record.number(f"_offsets_{suffix}"):
        return (f"_addresses_{suffix}",)
    is_stored = record.layout is not None and stores_base_in(record.layout)  # meminspect v3 has the field, and leaves it 0
    needs_base = is_stored and version is not None and version < kernels.PLACE_RELATIVE
    return (f"_relative_{suffix}", f"_offsets_{suffix}") if needs_base else (f"_offsets_{suffix}",)


def check(record: Record) -> Iterator[Finding]:
    """A valid record that is empty or incomplete."""
    missing = missing_fields(record) if record.state.verified else ()
    if not missing:
        return
    pointers = [name for name in record.values if name.endswith(("_pa", "_va"))]
    if not any(record.number(name) for name in pointers) and not record.release_text:
        yield rules.RECORD_EMPTY.at("record", "every address, num_syms and the release are 0")
    else:
        yield rules.RECORD_INCOMPLETE.at("record", f"0 in {', '.join(missing)}")
