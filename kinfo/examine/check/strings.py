"""Release and build_info: strings that nobody checked before they were stored."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.examine import rules
from kinfo.examine.written_by import rows_of_sysname
from kinfo.findings import Finding
from kinfo.record import text
from kinfo.record.record import Record

_FINGERPRINT = (3, 3, 2)  # brand/product/device:release/id/incremental:type/tags
_BUILD_TYPES = (b"user", b"userdebug", b"eng")


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    yield from _release(record)
    yield from _build_info(record)


def _release(record: Record) -> Iterator[Finding]:
    name = "uts_release" if record.layout and record.layout.vendor else "last_uts_release"
    raw = record.string(name)
    if raw is None or not any(raw):
        return
    if rows_of_sysname(record):
        yield rules.RECORD_RELEASE_SYSNAME.at(name, "it reads 'Linux'")
    elif b"\0" not in raw:
        yield rules.RECORD_RELEASE.at(name, "64 bytes without a NUL")
    elif not text.is_printable(text.before_nul(raw)) or raw[0] == 0:
        yield rules.RECORD_RELEASE.at(name, f"{text.escape(raw[:16])}... is no text")
    elif record.release is None:
        yield rules.RECORD_RELEASE.at(name, f"{record.release_text!r} does not begin with a version")
    elif text.after_nul(raw):
        yield rules.RECORD_RELEASE.at(name, f"{len(text.after_nul(raw))} bytes stand behind its NUL")


def _build_info(record: Record) -> Iterator[Finding]:
    raw = record.string("build_info")
    if raw is None or not any(raw):
        return
    string = text.before_nul(raw)
    if b"\0" not in raw:
        yield rules.RECORD_BUILD_INFO_UNTERMINATED.at("build_info", "256 bytes and no NUL")
    if stale := _stale_tail(string, text.after_nul(raw)):
        yield rules.RECORD_BUILD_INFO_STALE.at("build_info", stale)
    if string.endswith(b"\n"):
        yield rules.RECORD_BUILD_INFO_NEWLINE.at("build_info", "a newline at its end")
    if not text.is_printable(string.replace(b"\n", b"")):
        first = next(byte for byte in string if not text.is_printable(bytes([byte])))
        yield rules.RECORD_BUILD_INFO_TEXT.at("build_info", f"byte {first:#04x} at {string.index(first)}")


def _stale_tail(string: bytes, behind: bytes) -> str:
    """How the tail of an earlier write shows, or nothing."""
    if behind:
        return f"{len(behind)} bytes stand behind its NUL: '{text.escape(behind[:24])}'"
    line, newline, rest = string.partition(b"\n")
    if newline and rest:
        return f"text goes on behind the newline of the last write: '{text.escape(rest[:24])}'"
    parts = [part.split(b"/") for part in line.split(b":")]
    is_fingerprint = tuple(map(len, parts)) == _FINGERPRINT and all(all(words) for words in parts)
    if is_fingerprint or len(parts[-1]) != 2 or parts[-1][0] not in _BUILD_TYPES:
        return ""
    return f"'{text.escape(line)}' is no fingerprint, but ends like one"
