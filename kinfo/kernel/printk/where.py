"""What leads to a log, and words that both of its forms need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from kinfo.kernel.printk.layout import RingLayout
from kinfo.kernel.printk.reach import Reach
from kinfo.named import NamedTuple
from kinfo.record.kernels import Version

NO_LOG = "a kernel with CONFIG_KALLSYMS_ALL or CONFIG_VMCORE_INFO says where its log is"


class Where(NamedTuple):
    """What leads to a log.

    `reach` has the bytes, `address` gives a variable's VA (None: not known), `values` are VMCOREINFO's lines, `layouts` what
    else says where members lie. `release` is the kernel's ("" unknown) and `version` its numbers; `source` says in words what
    all of this rests on.
    """

    reach: Reach
    address: Callable[[str], int | None]
    values: Mapping[str, str]
    source: str
    release: str = ""
    version: Version | None = None
    layouts: Callable[[], Iterator[RingLayout]] = lambda: iter(())


def count_of(count: int) -> str:
    """A number of messages, in words."""
    return f"{count} message{'s' * (count != 1)}"


def reasons(lost: Counter[str]) -> str:
    """Why messages cannot be shown, in words; "" where all can."""
    words = [f"{count} {reason}" for reason, count in lost.items() if count]
    return f": {', '.join(words)}" if words else ""
