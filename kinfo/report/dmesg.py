"""The kernel's log as lines, as dmesg prints them, and as a document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from kinfo.kernel.printk.message import FACILITIES, LEVELS, Message, PrintkLog
from kinfo.named import NamedTuple
from kinfo.printable import printable
from kinfo.report.style import Style

_SECOND, _MICRO = 1_000_000_000, 1_000_000
_BATCH = 1024
_COLOURS: tuple[tuple[str, ...], ...] = (  # by level, as dmesg of util-linux has them
    *(("bold", "red"),) * 3,
    ("red",),
    ("bold",),
    (),
    (),
    ("dim",),
)


class LineShape(NamedTuple):
    """How lines are written.

    `is_raw`: with `<facility and level>`, as `dmesg -r`. `is_human`: days and hours instead of seconds. `has_caller`: who
    printed it behind the time. `is_shown`: for a terminal, on which nothing in the text may act.
    """

    style: Style
    is_raw: bool = False
    is_human: bool = False
    has_caller: bool = False
    is_shown: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether nothing was asked for: seconds and text."""
        return not (self.is_raw or self.is_human or self.has_caller or self.is_shown)


def lines(messages: Iterable[Message], shape: LineShape, named: Callable[[bytes], bytes] | None = None) -> Iterator[bytes]:
    """The lines of the messages, in pieces; `named` puts names into a text.

    The time stands on every line, on those of one message with several lines as well, as syslog(2) gives them.
    """
    if shape.is_plain and named is None:
        yield from _plain_lines(messages)
        return
    stamp = _human if shape.is_human else _seconds
    for message in messages:
        raw = named(message.raw) if named else message.raw
        head = stamp(message.ns)
        if shape.has_caller:
            head += b"[%6s]" % message.caller.encode()
        if shape.is_raw:
            head = b"<%d>%s" % (message.facility << 3 | message.level, head)
        if shape.is_shown:
            yield _shown(message, head.decode(), raw, shape.style).encode("utf-8", "surrogateescape")
        elif b"\n" in raw:
            yield b"".join([b"%s %s\n" % (head, line) for line in raw.split(b"\n")])
        else:
            yield b"%s %s\n" % (head, raw)


def _plain_lines(messages: Iterable[Message]) -> Iterator[bytes]:
    """What most want, in as few steps as it takes: a thousand messages at once."""
    rest = iter(messages)
    while batch := list(islice(rest, _BATCH)):
        micros = [one.ns // 1000 for one in batch]
        raws = [one.raw for one in batch]
        if b"\n" in b"".join(raws):
            raws = [_lined(one) for one in batch]
        values = zip([one // _MICRO for one in micros], [one % _MICRO for one in micros], raws, strict=True)
        yield b"[%5d.%06d] %b\n" * len(batch) % tuple(chain.from_iterable(values))


def _lined(message: Message) -> bytes:
    return message.raw.replace(b"\n", b"\n[%5d.%06d] " % divmod(message.ns // 1000, _MICRO))


def _seconds(stamp: int) -> bytes:
    return b"[%5d.%06d]" % (stamp // _SECOND, stamp % _SECOND // 1000)


def _human(stamp: int) -> bytes:
    seconds = stamp // _SECOND
    hours = (seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, stamp % _SECOND // 1000)
    return b"[%dd %02d:%02d:%02d.%06d]" % hours


def _shown(message: Message, head: str, raw: bytes, style: Style) -> str:
    """For a terminal: what could act on it is written as an escape, colours say the level."""
    colours = _COLOURS[message.level]
    texts = [printable(line.decode("utf-8", "surrogateescape"), keep="\t") for line in raw.split(b"\n")]
    return "".join([f"{style.paint(head, 'green')} {style.paint(text, *colours) if colours else text}\n" for text in texts])


def document(log: PrintkLog, messages: Iterable[Message], named: Callable[[bytes], bytes] | None = None) -> dict[str, object]:
    """The log as plain data."""
    from kinfo.report.document import finding_data

    return {
        "schema_version": 1,
        "source": log.source,
        "form": log.form,
        "release": log.release or None,
        "messages": [_plain(message, named) for message in messages],
        "lost": dict(log.lost),
        "findings": [finding_data(finding) for finding in log.findings],
    }


def _plain(message: Message, named: Callable[[bytes], bytes] | None) -> dict[str, object]:
    raw = named(message.raw) if named else message.raw
    return {
        "seq": message.seq,
        "time_ns": message.ns,
        "level": LEVELS[message.level],
        "facility": facility_name(message.facility),
        "caller": message.caller or None,
        "continued": message.is_continued,
        "text": raw.decode("utf-8", "surrogateescape"),
        "dictionary": message.dictionary,
    }


def facility_name(number: int) -> str:
    """A facility's name; its number where it has none."""
    return FACILITIES[number] if number < len(FACILITIES) else str(number)
