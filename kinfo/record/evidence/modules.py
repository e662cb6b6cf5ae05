"""The tails: offsets into struct module, the module range, scmversion, and what v2 added."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kinfo.arch.address import KERNEL_HALF, PA_LIMIT
from kinfo.record.evidence.subject import Evidence, Subject
from kinfo.record.limits import IMAGE_LIMIT, MODULE_STRUCT_LIMIT, TABLES
from kinfo.writer_rows import android


def modules(subject: Subject) -> Iterator[Evidence]:
    """Everything about modules."""
    lookup = subject.number("enabled_modules_tree_lookup")
    if lookup is None:
        return
    if lookup > 1:
        yield Evidence(-30, f"enabled_modules_tree_lookup {lookup:#x} is no flag")
    elif lookup:
        yield Evidence(3, "enabled_modules_tree_lookup 1")
    if subject.is_without_modules and not subject.is_unfinished:
        is_guarded = subject.number("module_name_len") == 0
        points = 6 if is_guarded else -24 if android.GUARDS_NAME_LEN.has(subject.layout.alias) else 0
        yield Evidence(points, "nothing about modules: a tree with #ifdef CONFIG_MODULES, built without")
        return
    yield from _module_offsets(subject, lookup)
    yield from _module_range(subject)
    yield from _scmversion(subject)
    yield from _v2_tail(subject)


def _module_offsets(subject: Subject, lookup: int) -> Iterator[Evidence]:
    values = [value for name in subject.layout.module_offsets if (value := subject.number(name)) is not None]
    shown = ", ".join(f"{value:#x}" for value in values)
    if not subject.layout.module_offsets:
        if lookup:
            yield Evidence(-10, "tree lookup without CONFIG_MODULES")
    elif not any(values):
        yield Evidence(-30 if lookup else subject.zero(-22), "no offsets into struct module")
    elif _rises(values) and values[0] and values[-1] < MODULE_STRUCT_LIMIT and not _misaligned(values):
        yield Evidence(10, f"offsets into struct module rise: {shown}")
    else:
        yield Evidence(-30, f"no offsets into struct module: {shown}")


def _rises(values: list[int]) -> bool:
    return all(low < high for low, high in pairwise(values))


def _misaligned(offsets: list[int]) -> bool:
    return any(offset % 4 for offset in offsets)


def _module_range(subject: Subject) -> Iterator[Evidence]:
    start, end = subject.number("module_start_va"), subject.number("module_end_va")
    if start is None or end is None:
        return
    plt = subject.number("module_plt_start_va")
    limit = KERNEL_HALF if subject.number("bit_per_long") == 64 else 1 << 24
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
    return sum(abs((subject.number(name) or 0) - address) < IMAGE_LIMIT for name in TABLES) >= 3
