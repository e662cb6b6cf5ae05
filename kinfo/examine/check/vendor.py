"""The region around the record: its tail, its size, and the vendor block in its second half."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch.address import KERNEL_HALF, PA_LIMIT
from kinfo.examine import rules
from kinfo.examine.check.image import image_range
from kinfo.findings import Finding, Severity
from kinfo.record import text
from kinfo.record.checksum import HEAD_SIZE, State
from kinfo.record.record import Record


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    if record.state is not State.ERASED and not record.tail_is_zero:
        yield _tail(record)
    block = record.vendor
    if record.is_alone:
        where = f"nothing that is a kernel's record lies before the vendor block at {record.offset:#x}"
        yield rules.RECORD_VENDOR_ALONE.at("record", where)
    yield from _pointers(record, block or record)
    if block is None:
        return
    half = block.offset - record.offset
    if half < record.size:
        yield rules.RECORD_REGION_SIZE.at(
            "region", f"the vendor block begins at {half:#x}, inside the record's {record.size} bytes"
        )
    if not block.state.verified:
        stored, computed = block.checksum.stored, block.checksum.computed
        where, words = "vendor.combined_checksum", f"stored {stored:#010x}, computed {computed:#010x}"
        magic = block.number("magic_number")
        if block.checksum.holds_but_for_the_magic:
            where, words = "vendor.magic_number", f"it is {magic:#010x}; the sum over the body holds"
        yield rules.RECORD_VENDOR_CHECKSUM.at(where, words)
    if text.look(_are_of_two_kernels, record.release_raw, block.release_raw):
        yield rules.RECORD_VENDOR_RELEASE.at("vendor.uts_release", f"{block.release_text!r} beside {record.release_text!r}")


def _tail(record: Record) -> Finding:
    """Zeros up to the region's half, and then something: a vendor block too damaged to be known as one."""
    start, half = record.tail_place, (record.region_size or 0) // 2
    if half and half <= start < half + HEAD_SIZE:
        words = f"behind zeros, the second half begins at {half:#x} with bytes that do not read as a vendor block"
        return rules.RECORD_TAIL.at(
            "region", words, Severity.WARNING, remedy="look at those bytes: `xxd -s` with that offset"
        )
    return rules.RECORD_TAIL.at("region", f"bytes that are not zero follow the record's {record.size} bytes")


def _pointers(record: Record, block: Record) -> Iterator[Finding]:
    """The module root lies in the data of the image that the kernel's record describes; structures are aligned."""
    where = "vendor." if block is not record else ""
    root, suspend = block.number("mod_root_pa"), block.number("suspend_diag_va")
    image = image_range(record)
    if root and (root % 4 or root >= PA_LIMIT or (image and not image[0] <= root < image[1])):
        yield rules.RECORD_VENDOR_POINTER.at(f"{where}mod_root_pa", f"{root:#x} is no place of data in the image")
    if suspend and (suspend % 8 or suspend < KERNEL_HALF):
        yield rules.RECORD_VENDOR_POINTER.at(f"{where}suspend_diag_va", f"{suspend:#x} is no structure's kernel address")
    phys = block.number("phys_offset")
    if block is not record and phys and image and image[0] < phys < KERNEL_HALF:
        yield rules.RECORD_VENDOR_POINTER.at("vendor.phys_offset", f"{phys:#x} lies above the image {image[0]:#x}")


def _are_of_two_kernels(one: bytes, other: bytes) -> bool:
    ours, theirs = (_prefix(text.escape(text.before_nul(raw))) for raw in (one, other))
    return bool(ours and theirs and ours != theirs)


def _prefix(release: str) -> str:
    """The part of a release before its commit: newer vendor modules put their own commit behind it."""
    return release.split(" ", maxsplit=1)[0].partition("-g")[0].partition("-ab")[0]
