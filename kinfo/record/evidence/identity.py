"""Length, checksum, release, build_info, and which kernels write the layout at all."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.record import kernels, text
from kinfo.record.checksum import State
from kinfo.record.evidence.subject import Evidence, Subject
from kinfo.record.layouts import LARGEST
from kinfo.writer_rows import rows

_IMPOSSIBLE = -12


def length(subject: Subject) -> Iterator[Evidence]:
    """How the dump's end fits the layout."""
    there, size = subject.window.size, subject.layout.size
    if there < size:
        yield Evidence(-10, f"the dump ends after {there} of {size} bytes")
    elif there == size and subject.window.is_end:
        yield Evidence(25, f"the dump is exactly {size} bytes long")


def checksum(subject: Subject) -> Iterator[Evidence]:
    """Whether the sum over this layout's length holds."""
    state = subject.checksum.state
    if subject.window.size < subject.layout.size:
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
    start, end = subject.release_place
    if start == end:
        return
    found, shown = subject.release_text, subject.window.shown(start, end)
    if found.is_blank:
        partial = subject.layout.vendor or rows.posted_in(subject.layout.alias) or not subject.checksum.state.verified
        yield Evidence(0 if partial else -15, "release is empty: only meminspect sums a record before it has one")
    elif not found.is_text:
        yield Evidence(-40, "no text where the release would be")
    elif not found.is_clean:
        yield Evidence(0, f"damaged text where the release would be: '{shown}'")
    elif found.has_tail:
        yield Evidence(0 if subject.release else -10, f"release '{shown}' has bytes behind its NUL")
    elif subject.release:
        yield Evidence(30, f"release '{shown}'")
    else:
        yield Evidence(15, f"release is text but no version: '{shown}'")


def build_info(subject: Subject) -> Iterator[Evidence]:
    """The text where the layout has build_info."""
    start, end = subject.place("build_info")
    window = subject.window
    if start == end:
        return
    if window.is_blank(start, end):
        yield Evidence(0, "build_info is empty")
    elif window.is_blank(start, start + 1) or not window.look(_is_lines, (start, end)):
        yield Evidence(-30, "no text where build_info would be")
    else:
        yield Evidence(10, "build_info is text")


def _is_lines(raw: bytes) -> bool:
    return text.is_printable(text.before_nul(raw).replace(b"\n", b""))


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
    if window.is_blank(size, LARGEST + 64):
        return
    if window.tail_is_noise:
        if window.is_blank(size, size + 4):
            zeros = window.first_byte(size, LARGEST + 64) - size
            yield Evidence(-15, f"{zeros} zero bytes follow before other data: the record goes on")
        return
    if subject.checksum.state.verified and window.size <= LARGEST + 64:
        return  # cut from a larger dump: nothing to compare the bytes with
    yield Evidence(-20, f"bytes that are not zero follow at {window.first_byte(size, LARGEST + 64):#x}")
