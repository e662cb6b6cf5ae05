"""Flags, lengths and counts against the kernel that the release names."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.examine import rules
from kinfo.findings import Finding, Severity
from kinfo.record import kernels
from kinfo.record.limits import FLAGS, is_stack_size
from kinfo.record.record import Record

_MAX_SYMS = 4_000_000


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    yield from _flag_values(record)
    yield from _base_relative(record)
    yield from _other_flags(record)
    yield from _counts(record)
    yield from _lengths(record)


def _flag_values(record: Record) -> Iterator[Finding]:
    for name in FLAGS:
        value = record.number(name)
        if value is not None and value > 1:
            yield rules.RECORD_FLAG.at(name, f"it is {value}")


def _base_relative(record: Record) -> Iterator[Finding]:
    flag = record.number("enabled_base_relative")
    version = record.release.version if record.release else None
    if flag == 1 and version is not None and version >= kernels.NO_BASE_CHOICE:
        yield rules.RECORD_BASE_RELATIVE.at("enabled_base_relative", f"it is 1 on {version[0]}.{version[1]}")
    elif flag == 0 and record.number("_offsets_pa"):
        if version is None or version >= kernels.NO_BASE_CHOICE:
            message = "it is 0, as on every kernel from 6.11 on, though the table is base-relative"
            yield rules.RECORD_BASE_RELATIVE_ZERO.at("enabled_base_relative", message)
        elif record.number("_relative_pa"):
            yield rules.RECORD_BASE_RELATIVE_ZERO.at(
                "enabled_base_relative", "it is 0, but _relative_pa and _offsets_pa are set", Severity.WARNING
            )


def _other_flags(record: Record) -> Iterator[Finding]:
    if record.number("enabled_absolute_percpu") == 1:
        yield rules.RECORD_ABSOLUTE_PERCPU.at("enabled_absolute_percpu", "it is 1")
    is_renamed = record.release is not None and record.release.version >= kernels.CFI_RENAMED
    if record.number("enabled_cfi_clang") == 0 and is_renamed:
        yield rules.RECORD_CFI_RENAMED.at("enabled_cfi_clang", "it is 0 on a kernel that calls the option CONFIG_CFI")


def _counts(record: Record) -> Iterator[Finding]:
    bits, threads, syms = (record.number(name) for name in ("bit_per_long", "thread_size", "num_syms"))
    if bits is not None and bits not in (32, 64):
        yield rules.RECORD_BITS.at("bit_per_long", f"it is {bits}")
    if threads is not None and not is_stack_size(threads):
        yield rules.RECORD_THREAD_SIZE.at("thread_size", f"{threads:#x} is not a power of two from 4 KiB to 256 KiB")
    if syms is not None and syms > _MAX_SYMS:
        yield rules.RECORD_NUM_SYMS.at("num_syms", f"{syms} symbols are more than any kernel has")


def _lengths(record: Record) -> Iterator[Finding]:
    name, bits, module, symbol = (
        record.number(field) for field in ("name_len", "bit_per_long", "module_name_len", "symbol_len")
    )
    if name is None or module is None or symbol is None or bits not in (32, 64):
        return
    version = record.release.version if record.release else None
    if version and name != kernels.name_len(version):
        yield rules.RECORD_NAME_LEN.at("name_len", f"{name}, where {record.release_text} has {kernels.name_len(version)}")
    elif name not in (128, 512):
        yield rules.RECORD_NAME_LEN.at("name_len", f"{name} is neither 128 nor 512")
    if module != kernels.module_name_len(bits):
        severity = Severity.INFO if module == 0 else None
        wanted = kernels.module_name_len(bits)
        yield rules.RECORD_MODULE_NAME_LEN.at("module_name_len", f"{module}, expected {wanted}", severity)
    allowed = kernels.symbol_lens(name, bits, module or kernels.module_name_len(bits))
    if symbol not in allowed:
        yield rules.RECORD_SYMBOL_LEN.at("symbol_len", f"{symbol}, expected {allowed[0]} or {allowed[1]} (with build id)")
