"""Bytes that a boot loader may meet: sound records of every layout, and what can become of them. The same for a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import kinfo
from kinfo.record.checksum import prefix_sums
from kinfo.record.layouts import LARGEST
from kinfo.record.model import Layout
from tests.synthetic import make_fields, wrap

WRAPPINGS = ("alone", "zero", "zero", "zero", "noise")
Change = Callable[[bytearray, Layout, random.Random], None]


def resummed(record: bytearray, layout: Layout) -> None:
    """A right sum again, as if the writer had left all this."""
    record[4:8] = prefix_sums(bytes(record))[layout.words].to_bytes(4, "little")


def _flip(record: bytearray, layout: Layout, rng: random.Random) -> None:
    record[rng.randrange(layout.size)] ^= 1 << rng.randrange(8)


def _flips(record: bytearray, layout: Layout, rng: random.Random) -> None:
    for _ in range(rng.randrange(2, 9)):
        _flip(record, layout, rng)


def _field(record: bytearray, layout: Layout, rng: random.Random) -> None:
    """One field as it is not left: zero, ones, noise, another field's bytes."""
    field, other = rng.choice(layout.fields[2:]), rng.choice(layout.fields)
    borrowed = bytes(record[other.offset : other.end])
    content = rng.choice((bytes(field.size), b"\xff" * field.size, rng.randbytes(field.size), b"a" * field.size, borrowed))
    record[field.offset : field.end] = content.ljust(field.size, b"\0")[: field.size]


def _fields(record: bytearray, layout: Layout, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 5)):
        _field(record, layout, rng)


def _unfinished(record: bytearray, layout: Layout, rng: random.Random) -> None:
    """As a writer leaves it that is stopped: fields from some place on are zero."""
    start = rng.choice(layout.fields[2:]).offset
    record[start:] = bytes(len(record) - start)


def _without_release(record: bytearray, layout: Layout, rng: random.Random) -> None:
    field = layout.by_name["uts_release" if layout.vendor else "last_uts_release"]
    text = rng.choice((b"", b"Linux", b"6.12.1", b"5.10.1-android13", b"7.0.0-rc3", b"6.6.30-g1", b"4.19.2", b"\xc3\xa4"))
    record[field.offset : field.end] = text.ljust(field.size, b"\0")


def _without_modules(record: bytearray, layout: Layout, rng: random.Random) -> None:
    for name in layout.module_fields:
        field = layout.by_name[name]
        record[field.offset : field.end] = bytes(field.size)
    if rng.randrange(2) and (field := layout.by_name.get("module_name_len", layout.fields[0])).name != "magic_number":
        record[field.offset : field.end] = bytes(field.size)


CHANGES: tuple[Change, ...] = (
    _flip,
    _flips,
    _field,
    _field,
    _fields,
    _fields,
    _unfinished,
    _without_release,
    _without_modules,
)


def _tail(record: bytearray, layout: Layout, rng: random.Random) -> bytes:
    """Another layout's record around this one: what a shorter write over a longer one leaves, with a sum that holds."""
    other = rng.choice(kinfo.layouts())
    longer = bytearray(kinfo.encode(make_fields(other.alias, rng.randrange(99)), other).ljust(LARGEST, b"\0"))
    longer[: layout.size] = record[: layout.size]
    return bytes(longer)


def _cut(data: bytes, rng: random.Random) -> bytes:
    end = rng.randrange(LARGEST + 80)
    return rng.choice((data[:end], data[:end].ljust(4096, b"\0"), data[:end].ljust(4096, b"\xff")))


def case(layout: Layout, rng: random.Random) -> bytes:
    """One case: a record of the layout, changed or not, summed again or not, wrapped, cut."""
    record = bytearray(kinfo.encode(make_fields(layout.alias, rng.randrange(500)), layout))
    if rng.randrange(8):
        rng.choice(CHANGES)(record, layout, rng)
        if rng.randrange(3):
            resummed(
                record, layout if rng.randrange(8) else rng.choice([x for x in kinfo.layouts() if x.size <= layout.size])
            )
            record[0:4] = layout.magic.to_bytes(4, "little")
    if not rng.randrange(16):
        record[4:8] = bytes(4)
    elif not rng.randrange(4):
        record[4:8] = bytes(byte ^ 0xFF for byte in record[4:8])
    data = _tail(record, layout, rng) if not rng.randrange(8) else bytes(record)
    data = wrap(data, rng.choice(WRAPPINGS), rng.randrange(1000))[0]
    return data if rng.randrange(6) else _cut(data, rng)


def cases(count: int, seed: int) -> Iterator[bytes]:
    """So many cases, of every layout in turn."""
    rng = random.Random(f"headers {seed}")
    layouts = kinfo.layouts()
    for number in range(count):
        yield case(layouts[number % len(layouts)], rng)
