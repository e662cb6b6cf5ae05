"""Release and build_info: strings that nobody checked before they were stored."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.examine import rules
from kinfo.examine.written_by import rows_of_sysname
from kinfo.findings import Finding, Rule
from kinfo.named import NamedTuple
from kinfo.record import kernels, text
from kinfo.record.record import Record

_FINGERPRINT = (3, 3, 2)  # brand/product/device:release/id/incremental:type/tags
_BUILD_TYPES = (b"user", b"userdebug", b"eng")


def check(record: Record) -> Iterator[Finding]:
    """All of this module."""
    yield from _release(record)
    yield from _build_info(record)


def _release(record: Record) -> Iterator[Finding]:
    name = "uts_release" if record.layout and record.layout.vendor else "last_uts_release"
    if rows_of_sysname(record):
        yield rules.RECORD_RELEASE_SYSNAME.at(name, "it reads 'Linux'")
    elif (raw := record.string(name)) is not None:
        yield from (remark.at(name) for remark in text.look(_of_release, raw))


class _Remark(NamedTuple):
    """A rule with a sentence, which is no part of what it is compared by."""

    rule: Rule
    message: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Remark) and self.rule == other.rule

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.rule.code)

    def at(self, where: str) -> Finding:
        return self.rule.at(where, self.message)


def _of_release(raw: bytes) -> tuple[_Remark, ...]:
    shown = text.escape(text.before_nul(raw))
    if not any(raw):
        return ()
    if b"\0" not in raw:
        words = "64 bytes without a NUL"
    elif not text.is_printable(text.before_nul(raw)) or raw[0] == 0:
        words = f"{text.escape(raw[:16])}... is no text"
    elif kernels.parse_release(shown) is None:
        words = f"{shown!r} does not begin with a version"
    elif behind := text.after_nul(raw):
        words = f"{len(behind)} bytes stand behind its NUL"
    else:
        return ()
    return (_Remark(rules.RECORD_RELEASE, words),)


def _build_info(record: Record) -> Iterator[Finding]:
    raw = record.string("build_info")
    if raw is not None:
        yield from (remark.at("build_info") for remark in text.look(_of_build_info, raw))


def _of_build_info(raw: bytes) -> tuple[_Remark, ...]:
    if not any(raw):
        return ()
    string, remarks = text.before_nul(raw), []
    if b"\0" not in raw:
        remarks.append(_Remark(rules.RECORD_BUILD_INFO_UNTERMINATED, "256 bytes and no NUL"))
    if stale := _stale_tail(string, text.after_nul(raw)):
        remarks.append(_Remark(rules.RECORD_BUILD_INFO_STALE, stale))
    if string.endswith(b"\n"):
        remarks.append(_Remark(rules.RECORD_BUILD_INFO_NEWLINE, "a newline at its end"))
    if not text.is_printable(string.replace(b"\n", b"")):
        first = next(byte for byte in string if not text.is_printable(bytes([byte])))
        remarks.append(_Remark(rules.RECORD_BUILD_INFO_TEXT, f"byte {first:#04x} at {string.index(first)}"))
    return tuple(remarks)


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
