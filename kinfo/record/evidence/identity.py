"""Length, checksum, release, build_info, and which kernels write the layout at all."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.record import kernels, text
from kinfo.record.checksum import State
from kinfo.record.evidence.subject import Evidence, Subject
from kinfo.record.layouts import LARGEST
from kinfo.record.limits import UTS_LEN, VENDOR_HALF
from kinfo.writer_rows import rows

_IMPOSSIBLE = -12


def length(subject: Subject) -> Iterator[Evidence]:
    """How the dump's end fits the layout."""
    there, size = len(subject.window.data), subject.layout.size
    if there < size:
        yield Evidence(-10, f"the dump ends after {there} of {size} bytes")
    elif there == size and subject.window.is_end:
        yield Evidence(25, f"the dump is exactly {size} bytes long")


def checksum(subject: Subject) -> Iterator[Evidence]:
    """Whether the sum over this layout's length holds."""
    state = subject.checksum.state
    if len(subject.window.data) < subject.layout.size:
        return
    over = f"over {subject.layout.words} words"
    if state is State.VALID:
        yield Evidence(40, f"checksum holds {over}")
    elif state is State.INVERTED:
        yield Evidence(40, f"inverted checksum holds {over}")
    elif subject.checksum.holds_but_for_the_magic:
        yield Evidence(36, f"checksum holds {over}, but for the magic")
    elif state is State.MISMATCH and subject.checksum.flipped_bit is not None:
        yield Evidence(36, f"checksum {over} is one bit off")


def release(subject: Subject) -> Iterator[Evidence]:
    """The text where the layout has its release."""
    raw = subject.release_bytes
    if not raw:
        return
    string = text.before_nul(raw)
    if not any(raw):
        partial = subject.layout.vendor or rows.posted_in(subject.layout.alias) or not subject.checksum.state.verified
        yield Evidence(0 if partial else -15, "release is empty: only meminspect sums a record before it has one")
    elif raw[0] == 0 or not _is_mostly_text(string):
        yield Evidence(-40, "no text where the release would be")
    elif not text.is_printable(string) or len(string) == UTS_LEN:
        yield Evidence(0, f"damaged text where the release would be: '{text.escape(string)}'")
    elif text.after_nul(raw):
        yield Evidence(0 if subject.release else -10, f"release {string.decode()!r} has bytes behind its NUL")
    elif subject.release:
        yield Evidence(30, f"release {string.decode()!r}")
    else:
        yield Evidence(15, f"release is text but no version: {string.decode()!r}")


def _is_mostly_text(string: bytes) -> bool:
    """Whether nearly every byte is printable: a byte or two may be corrupt."""
    return sum(not 0x20 <= byte < 0x7F for byte in string) <= len(string) // 16


def build_info(subject: Subject) -> Iterator[Evidence]:
    """The text where the layout has build_info."""
    raw = subject.text_bytes("build_info")
    if not raw:
        return
    if not any(raw):
        yield Evidence(0, "build_info is empty")
    elif raw[0] == 0 or not text.is_printable(text.before_nul(raw).replace(b"\n", b"")):
        yield Evidence(-30, "no text where build_info would be")
    else:
        yield Evidence(10, "build_info is text")


def kernel_range(subject: Subject) -> Iterator[Evidence]:
    """Whether kernels of that release write this layout."""
    versions = _versions(subject)
    known, possible = subject.layout.kernels.known, subject.layout.kernels.possible
    shown = subject.release.text if subject.release else "the length fields"
    if not kernels.overlap(versions, possible):
        yield Evidence(
            _IMPOSSIBLE if _has_option_of_before(subject, versions) else -25,
            f"{shown}: such a kernel cannot write this layout",
        )
    elif subject.release and kernels.overlap(versions, known):
        yield Evidence(6, f"{shown}: seen in {subject.layout.seen_in}")
    elif subject.release:
        yield Evidence(-6, f"{shown}: known only from {subject.layout.seen_in}")


def _has_option_of_before(subject: Subject, versions: kernels.Span) -> bool:
    """Whether B's kernel is too new by its release, but not by enabled_base_relative: one of the two is wrong."""
    is_new = versions[0] is not None and versions[0] >= kernels.NO_BASE_CHOICE
    return subject.layout.alias == "B" and is_new and subject.number("enabled_base_relative") == 1


def _versions(subject: Subject) -> kernels.Span:
    if subject.release:
        return subject.release.version, subject.release.version
    numbers = [subject.number(name) or 0 for name in ("name_len", "bit_per_long", "module_name_len", "symbol_len")]
    return kernels.version_bounds(*numbers)


def tail(subject: Subject) -> Iterator[Evidence]:
    """What lies right behind the layout's end: nothing else should, and zeros before noise are still the record."""
    window, size = subject.window, subject.layout.size
    behind = window.data[size : LARGEST + 64]
    if not any(behind):
        return
    if window.tail_is_noise:
        zeros = len(behind) - len(behind.lstrip(b"\0"))
        if zeros >= 4:
            yield Evidence(-15, f"{zeros} zero bytes follow before other data: the record goes on")
        return
    if subject.checksum.state.verified and not window.data[LARGEST + 64 : VENDOR_HALF]:
        return  # cut from a larger dump: nothing to compare the bytes with
    first = next(index for index, byte in enumerate(behind) if byte)
    yield Evidence(-20, f"bytes that are not zero follow at {size + first:#x}")
