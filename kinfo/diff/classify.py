"""The class of every field, by rules that do not care which record is called old. docs/compare.md has them as a table."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.diff.builds import PAGE, Pair, is_address
from kinfo.diff.model import Comparison, Difference, Kind
from kinfo.diff.readings import alike
from kinfo.diff.reasons import reason_for
from kinfo.errors import RecordError
from kinfo.named import NamedTuple
from kinfo.record import kernels
from kinfo.record.checksum import State
from kinfo.record.limits import VENDOR_HALF
from kinfo.record.model import Value
from kinfo.record.record import Record
from kinfo.record.text import before_nul
from kinfo.writer_rows import rows

CHECKSUM, LAYOUT, VENDOR = "checksum", "layout", "vendor"
_OF_THE_BOOT = ("module_start_va", "module_end_va", "module_plt_start_va", "suspend_diag_va", "kimage_voffset", "phys_offset")
_UNALIGNED = ("suspend_diag_va",)
_MODULE_RANGE = ("module_start_va", "module_end_va")
_BEHIND_TREES = ("mod_init_layout_offset", "mod_kallsyms_offset")  # struct module grows by a tree node a range before them
_OF_THE_BUILD = ("num_syms", "names_total_len", "dss_freq_name", "dss_freq_size")
_VERIFIED = frozenset((State.VALID.value, State.INVERTED.value))


class _Verdict(NamedTuple):
    kind: Kind
    reason: str = ""
    source: str = ""


_SAME = _Verdict(Kind.SAME)
_UNDECIDED = _Verdict(Kind.REGRESSION, "a release is lost, and the rest does not tell whether they are of one build")


def compare_records(old: Record, new: Record) -> Comparison:
    """Compare two records. Raises RecordError for one that is an erased region."""
    for record in (old, new):
        if record.layout is None:
            raise RecordError("an erased region has no fields to compare", "decode says what is there")
    pair = alike(Pair(old, new))
    found = (*_differences(pair), *_vendor(old, new, pair))
    return Comparison(*_aliases(pair), pair.same_build, pair.slide, found)


def _differences(pair: Pair) -> Iterator[Difference]:
    yield _checksum(pair.old, pair.new)
    yield from _layout(pair)
    yield from _fields(pair)


def _vendor(old: Record, new: Record, main: Pair) -> Iterator[Difference]:
    """The block in the second half of the region, where both dumps reach so far."""
    blocks = [record.vendor for record in (old, new)]
    if blocks[0] and blocks[1]:
        pair = alike(Pair(blocks[0], blocks[1], main))
        yield from (one._replace(field=f"{VENDOR}.{one.field}") for one in _differences(pair))
    elif any(blocks) and all(_has_second_half(record) for record in (old, new)):
        before, after = (block.layout.alias if block and block.layout else None for block in blocks)
        yield Difference(VENDOR, before, after, Kind.PER_BOOT, "the vendor module writes it after boot, or not")


def _has_second_half(record: Record) -> bool:
    return record.region_size is not None and record.region_size >= 2 * VENDOR_HALF


def _aliases(pair: Pair) -> tuple[str, str]:
    assert pair.old.layout is not None
    assert pair.new.layout is not None
    return pair.old.layout.alias, pair.new.layout.alias


def _checksum(old: Record, new: Record) -> Difference:
    """The sum's state: its value follows from the fields."""
    before, after = old.state.value, new.state.value
    if before == after:
        verdict = _SAME
    elif {before, after} <= _VERIFIED:
        verdict = _Verdict(Kind.PER_BOOT, "a boot loader has read one of them")
    else:
        verdict = _Verdict(Kind.REGRESSION, "one of them is not whole")
    return Difference(CHECKSUM, before, after, *verdict)


def _layout(pair: Pair) -> Iterator[Difference]:
    """One driver that writes another layout within one series: the boot loader reads other bytes than before."""
    before, after = _aliases(pair)
    is_posted = rows.posted_in(before) or rows.posted_in(after)
    if before != after and pair.series == 1 and not is_posted:
        yield Difference(LAYOUT, before, after, Kind.REGRESSION, "kernels of one series, and both layouts are Android's")


def _fields(pair: Pair) -> Iterator[Difference]:
    old, new = dict(pair.old.fields), dict(pair.new.fields)
    old_tails, new_tails = pair.old.after_nul, pair.new.after_nul
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        verdict = _one_layout(pair, name) if before is None or after is None else _field(pair, name)
        yield Difference(name, before, after, *verdict, old_tails.get(name, b""), new_tails.get(name, b""))


def _one_layout(pair: Pair, name: str) -> _Verdict:
    without = pair.new if name in pair.old.values else pair.old
    assert without.layout is not None
    if name in without.layout.by_name:
        return _Verdict(Kind.REGRESSION, "the dump ends before it")
    return _Verdict(Kind.ONE_LAYOUT, f"{without.layout.alias} has no such field")


def _field(pair: Pair, name: str) -> _Verdict:
    before, after = pair.old.values[name], pair.new.values[name]
    if before == after:
        if not pair.has_moved or pair.distances.get(name) != 0:
            return _SAME
        return _Verdict(Kind.REGRESSION, f"the other addresses moved by {pair.common:#x}, this one did not")
    if reason := reason_for(name, pair):
        return _Verdict(Kind.WRITER, reason.text, reason.source)
    if is_address(name):
        return _address(pair, name)
    return _value(pair, name, before, after)


def _address(pair: Pair, name: str) -> _Verdict:
    if pair.is_garbage(name):
        return _Verdict(Kind.PER_BOOT, "kallsyms_addresses is not there: -kimage_voffset", "the driver of 2020")
    distance = pair.distances.get(name)
    if distance is None:
        return _Verdict(Kind.REGRESSION, "it is set in one of them only")
    if distance == pair.common:
        if distance % PAGE:
            return _Verdict(Kind.REGRESSION, f"all addresses moved by {distance:#x}, which is no whole number of pages")
        return _Verdict(Kind.MOVED, f"by {distance:+#x}, as the others")
    if pair.same_build is False:
        return _Verdict(Kind.PER_BUILD, "another build")
    if pair.same_build is None:
        return _UNDECIDED
    others = f"the others by {pair.common:+#x}" if pair.common is not None else "no two by the same distance"
    return _Verdict(Kind.REGRESSION, f"it moved by {distance:+#x}, {others}")


def _value(pair: Pair, name: str, before: Value, after: Value) -> _Verdict:
    if name in ("last_uts_release", "uts_release"):
        return _release(pair, before, after)
    if name == "build_info":
        return _build_info(before, after)
    if name in _OF_THE_BOOT:
        return _of_the_boot(pair, name, before, after)
    if name in _OF_THE_BUILD:
        return _count(pair, before, after)
    return _constant(pair, name)


def _of_the_boot(pair: Pair, name: str, before: Value, after: Value) -> _Verdict:
    if not before or not after:
        return _Verdict(Kind.REGRESSION, "it is set in one of them only")
    if name not in _UNALIGNED and any(isinstance(value, int) and value % PAGE for value in (before, after)):
        return _Verdict(Kind.REGRESSION, "it is no whole number of pages")
    if name in _MODULE_RANGE and pair.same_build and len({_range_size(record) for record in (pair.old, pair.new)}) == 2:
        return _Verdict(Kind.REGRESSION, "the range for modules has another size")
    return _Verdict(Kind.PER_BOOT, "chosen at boot")


def _range_size(record: Record) -> int:
    return (record.number("module_end_va") or 0) - (record.number("module_start_va") or 0)


def _release(pair: Pair, before: Value, after: Value) -> _Verdict:
    if not _text(before) or not _text(after):
        return _Verdict(Kind.REGRESSION, "one of them has no release")
    if _text(before) == _text(after):
        return _Verdict(Kind.REGRESSION, "something stands behind its NUL")
    if pair.is_release_lost:
        return _Verdict(Kind.REGRESSION, "it is no kernel's release, in one of them or both")
    return _Verdict(Kind.PER_BUILD, "another release")


def _build_info(before: Value, after: Value) -> _Verdict:
    if _text(before) == _text(after):
        return _Verdict(Kind.PER_BOOT, "the tail of an earlier, longer write")
    if not _text(before) or not _text(after):
        return _Verdict(Kind.PER_BOOT, "user space writes it after boot, or not")
    return _Verdict(Kind.PER_BUILD, "another build of user space")


def _text(value: Value) -> bytes:
    return before_nul(value) if isinstance(value, bytes) else b""


def _count(pair: Pair, before: Value, after: Value) -> _Verdict:
    if not before or not after:
        return _Verdict(Kind.REGRESSION, "it is 0 in one of them")
    if pair.same_build is None:
        return _UNDECIDED
    if pair.same_build:
        return _Verdict(Kind.REGRESSION, "release and addresses are of one build")
    return _Verdict(Kind.PER_BUILD, "another build")


def _constant(pair: Pair, name: str) -> _Verdict:
    """Configuration and the compiler's offsets: they differ where the releases explain it, and nowhere else."""
    if name.endswith("_offset") and pair.series == 2:
        both = all(record.number(name) for record in (pair.old, pair.new))
        if both:
            return _Verdict(Kind.PER_BUILD, "struct module of another release")
    if name in _BEHIND_TREES and pair.differs("enabled_modules_tree_lookup"):
        return _Verdict(Kind.PER_BUILD, "it follows enabled_modules_tree_lookup")
    if name == "name_len" and all(_has_its_length(record) for record in (pair.old, pair.new)):
        return _Verdict(Kind.PER_BUILD, "KSYM_NAME_LEN grew from 128 to 512", "6.1")
    if name == "symbol_len" and pair.differs("name_len"):
        return _Verdict(Kind.PER_BUILD, "it follows name_len")
    return _Verdict(Kind.REGRESSION, "it does not depend on boot or build")


def _has_its_length(record: Record) -> bool:
    return record.release is not None and record.number("name_len") == kernels.name_len(record.release.version)
