"""One message of the kernel's log, and the log as a whole.

Levels and facilities are syslog's (RFC 5424); flags are those of kernel/printk/printk_ringbuffer.h and, before 5.10, of
kernel/printk/printk.c.
"""

from __future__ import annotations

from collections import Counter

from kinfo.findings import Finding
from kinfo.named import NamedTuple
from kinfo.printable import brief

LEVELS = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("res0", "res1", "res2", "res3"),
    *(f"local{number}" for number in range(8)),
)
NEWLINE, PREFIX, CONT = 2, 4, 8  # enum printk_info_flags; LOG_PREFIX until 4.9
_IS_CPU = 1 << 31  # in a caller id: of a CPU, else of a task


class Message(NamedTuple):
    """One message: what one call of printk() left, or several that went on with one line.

    `seq` counts messages since boot (before 5.10, where the kernel does not say: from the oldest that is left). `ns` is when
    it was printed, in nanoseconds of local_clock(), which begins at boot. `level` is 0 (emerg) to 7 (debug), `facility` 0 for
    the kernel's own. `raw` are the bytes of the text, which can have several lines and no newline at its end.
    """

    seq: int
    ns: int
    level: int
    facility: int
    flags: int
    raw: bytes
    caller_id: int | None = None
    subsystem: str = ""
    device: str = ""
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The text; a byte that is no UTF-8 is a surrogate escape, as in Python's file names."""
        return self.raw.decode("utf-8", "surrogateescape")

    @property
    def lines(self) -> list[bytes]:
        """The lines of the text, one at the least."""
        return self.raw.split(b"\n")

    @property
    def caller(self) -> str:
        """Who printed it, as the kernel writes it: T and a thread's id, C and a CPU's number outside of tasks; "" unknown."""
        return "" if self.caller_id is None else caller(self.caller_id)

    @property
    def is_continued(self) -> bool:
        """Whether it goes on with the line of the message before it (LOG_CONT)."""
        return bool(self.flags & CONT)

    @property
    def dictionary(self) -> dict[str, str]:
        """What is kept beside the text: SUBSYSTEM and DEVICE of drivers; COMM and CALLER2 where the kernel keeps them."""
        known = (("SUBSYSTEM", self.subsystem), ("DEVICE", self.device), *self.extra)
        return {key: value for key, value in known if value}


def seconds(ns: int) -> str:
    """A time as dmesg writes it: seconds, with six digits behind the point and what is behind them cut off."""
    return f"{ns // 1_000_000_000}.{ns % 1_000_000_000 // 1000:06}"


def caller(number: int) -> str:
    """A caller id in words: T12 for a task, C3 for a CPU (print_caller() in kernel/printk/printk.c)."""
    return f"C{number & ~_IS_CPU}" if number & _IS_CPU else f"T{number}"


class PrintkLog(NamedTuple):
    """The log of one kernel.

    `messages` are in the order in which they were printed. `source` says where they were read, `form` by which offsets.
    `lost` counts those that cannot be shown, by reason. `findings` say what is wrong, or not here. `release` is the kernel's
    ("" where nothing says).
    """

    messages: list[Message]
    source: str
    form: str
    lost: Counter[str]
    findings: tuple[Finding, ...]
    release: str = ""

    @property
    def count_lost(self) -> int:
        """How many messages are known to have been in the log and cannot be shown."""
        return sum(self.lost.values())

    def __repr__(self) -> str:
        return brief(self, f"{len(self.messages)} messages of {self.source}")
