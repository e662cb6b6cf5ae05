"""Test vectors for whoever reads records: regions of every layout, sound and not, with the answers that kinfo gives.

The same bytes and answers on every run. What the answers say is decoded from the bytes; what was written is said beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kinfo.examine import Examined
from kinfo.exports.made_kernel import record_of
from kinfo.memory import BytesDump
from kinfo.record.checksum import prefix_sums
from kinfo.record.decode import decode_at
from kinfo.record.fields import HEAD_FIELDS
from kinfo.record.model import Field, Layout
from kinfo.record.shown import shown_fields

REGION = 2048  # as long as what detection looks at: with room for the longest layout, and no second half beside it
_CHANGED_BYTE = 42  # a byte of _stext_pa in a kernel's record, of the release in a vendor block
FORMAT_VERSION = 1


class Vector(NamedTuple):
    """A file of test vectors: its name, its bytes, the layout that was written, what was done to it, and the answer.

    `expected` is plain data: `record` (whether there is one), and of one `layout`, `confidence`, `rivals`, `checksum`,
    `fields` (as JSON of `kinfo decode` has them) and the codes of `findings`.
    """

    name: str
    data: bytes
    layout: Layout
    what: str
    expected: dict[str, Any]


def vectors(layouts: Iterable[Layout]) -> Iterator[Vector]:
    """Every vector of these layouts, in order."""
    for layout in layouts:
        for name, what, data in _of(layout):
            yield Vector(f"{layout.alias}-{name}.bin", data, layout, what, answer(data))


def index(made: Iterable[Vector]) -> str:
    """vectors.json: what each file is, and what a reader must say of it."""
    found = {
        one.name: {
            "written": one.layout.alias,
            "what": one.what,
            "size": len(one.data),
            "sha256": hashlib.sha256(one.data).hexdigest(),
            "expected": one.expected,
        }
        for one in made
    }
    return json.dumps({"format_version": FORMAT_VERSION, "vectors": found}, indent=1) + "\n"


def answer(data: bytes) -> dict[str, Any]:
    """What kinfo says of the record at the first byte of a region."""
    with BytesDump(data) as dump:
        record = decode_at(dump)
        if record is None or record.layout is None:
            return {"record": False}
        examined = Examined.of(record)
        return {
            "record": True,
            "layout": record.layout.alias,
            "confidence": record.confidence.value,
            "rivals": [rival.layout.alias for rival in record.rivals],
            "checksum": record.state.value,
            "fields": shown_fields(record),
            "findings": list(dict.fromkeys(one.code for one in examined.findings)),
        }


def _of(layout: Layout) -> Iterator[tuple[str, str, bytes]]:
    record = record_of(layout)
    middle = layout.fields[len(layout.fields) // 2].offset
    yield "sound", "as its driver leaves it, in a region of zeros", _region(record)
    yield "alone", "the record's bytes, and none behind them", record
    yield "inverted", "read once by a boot loader, which stored the complement of the sum", _region(_inverted(record))
    half = record[:middle].ljust(layout.size, b"\0")
    yield "half", "its second half never written, with a right sum", _region(_summed(half, layout))
    yield "cut", "its first half, and no bytes behind them", record[:middle]
    yield "unsummed", "everything but the sum written", _region(record[:4] + bytes(4) + record[8:])
    yield "no-magic", "everything but the magic written", _region(bytes(4) + record[4:])
    flipped = record[:_CHANGED_BYTE] + bytes([record[_CHANGED_BYTE] ^ 0x10]) + record[_CHANGED_BYTE + 1 :]
    yield "flipped", f"one bit of byte {_CHANGED_BYTE} flipped", _region(flipped)
    yield "swapped", "each 32-bit word with its bytes reversed", _region(_swapped(record))
    yield "old-bytes", "other data behind it", (record + b"\xa5\x5a\xc3" * REGION)[:REGION]
    yield from _wrong(layout, record)
    yield from _hostile(layout, record)


def _wrong(layout: Layout, record: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Each field with bytes that no writer leaves, and a right sum."""
    for field in layout.fields:
        if field.name in HEAD_FIELDS:
            continue
        for word, byte in (("ones", 0xFF), ("zero", 0)):
            changed = _with(record, field, bytes([byte]) * field.size)
            if changed != record:
                what = f"{field.name} with every bit {'set' if byte else 'clear'}, with a right sum"
                yield f"{field.name.strip('_')}-{word}", what, _region(_summed(changed, layout))


def _hostile(layout: Layout, record: bytes) -> Iterator[tuple[str, str, bytes]]:
    release = layout.by_name["uts_release" if layout.vendor else "last_uts_release"]
    texts = {
        "escape": (b"\x1b[2J\x1b]0;x\x07", "control characters of a terminal in the release"),
        "markup": (b'"><script>alert(1)</script>', "markup in the release"),
        "format": (b"%s%n%1000000d", "a print format in the release"),
        "no-nul": (b"6" * release.size, "a release without a NUL"),
    }
    for name, (text, what) in texts.items():
        changed = _with(record, release, text.ljust(release.size, b"\0"))
        yield f"hostile-{name}", f"{what}, with a right sum", _region(_summed(changed, layout))
    ones = record[:8] + b"\xff" * (layout.size - 8)
    yield "hostile-ones", "every field with every bit set, with a right sum", _region(_summed(ones, layout))
    yield "hostile-magics", "nothing but magics", record[:4] * (REGION // 4)


def _region(record: bytes) -> bytes:
    return record.ljust(REGION, b"\0")


def _inverted(record: bytes) -> bytes:
    return record[:4] + bytes(byte ^ 0xFF for byte in record[4:8]) + record[8:]


def _swapped(record: bytes) -> bytes:
    whole = record.ljust(-(-len(record) // 4) * 4, b"\0")
    return b"".join(whole[at : at + 4][::-1] for at in range(0, len(whole), 4))


def _with(record: bytes, field: Field, content: bytes) -> bytes:
    return record[: field.offset] + content + record[field.end :]


def _summed(record: bytes, layout: Layout) -> bytes:
    return record[:4] + prefix_sums(record)[layout.words].to_bytes(4, "little") + record[8:]
