"""Evidence for and against one layout, read off the bytes.

Each function looks at one thing and says how much it weighs, in points, and why, in words. Nothing here decides: `detect`
adds up. A weight of CONTRADICTION or less is something that no known writer of the layout can have left.

Where the weights come from: they were set by hand and are held by the tests, which give records of every layout, whole, cut,
damaged and beside look-alikes, to detection; only their order and their sums against each other matter. A sum that holds over
32 bits (40) is the most that one thing can say; one that holds but for a bit, or for the magic, is as good but for the chance
that damage made it (36), so that it outweighs a contradiction (-25) and a whole sum still outweighs it. What no writer leaves
is -25 and below (a release of before the layout, a table before the text); what one could leave by an option or a tree that
was not seen is just above it (-24), so that it never rules a layout out alone. The rest is between: 30 for text that must be
a release, 10 to 15 for a number in a narrow range, 2 to 6 for what noise has as often.

A zero is weak evidence: the rest of a region is usually zero, so a longer layout always "has" its tail as zeros.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.record.evidence import identity, image, modules, vendor
from kinfo.record.evidence.subject import CONTRADICTION, Evidence, Subject, Window

__all__ = ["CONTRADICTION", "Evidence", "Subject", "Window", "body", "frame"]


def body(subject: Subject) -> Iterator[Evidence]:
    """What the fields say for or against a layout, what rules most layouts out first."""
    yield from identity.release(subject)
    if subject.layout.vendor:
        yield from vendor.vendor(subject)
    else:
        yield from image.lengths(subject)
        yield from image.stack(subject)
        yield from image.addresses(subject)
        yield from image.base_and_text(subject)
        yield from identity.build_info(subject)
        yield from modules.modules(subject)
        yield from identity.kernel_range(subject)
    yield from vendor.va_space(subject)


def frame(subject: Subject) -> Iterator[Evidence]:
    """What length, checksum and the bytes behind say: zeros and a cut can make them fit another layout by chance."""
    yield from identity.length(subject)
    yield from identity.checksum(subject)
    yield from identity.tail(subject)
