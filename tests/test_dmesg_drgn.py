"""drgn's get_printk_records() on the rings of our own writer: a third reading. Where it differs, the test says why.

drgn has types from debug information (`printk_types`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import kinfo
from tests.kernels import printk
from tests.kernels.printk import PRB, Ring, places, ring_core
from tests.kernels.printk_types import compiled


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An executable with the types, in which prb is where our cores have it."""
    pytest.importorskip("drgn")
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    return compiled(tmp_path_factory.mktemp("types"))


def theirs(ring: Ring, types: Path) -> list[Any]:
    """What drgn makes of a ring: no core's headers are between it and the bytes."""
    import drgn
    from drgn.helpers.linux.printk import get_printk_records

    program = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    pieces = {PRB: places()["ring"].to_bytes(8, "little"), **ring.pieces(places())}
    for va, data in pieces.items():
        program.add_memory_segment(
            va, len(data), lambda _address, size, offset, _physical, data=data: data[offset : offset + size]
        )
    module = program.extra_module(str(types), create=True)
    module.try_file(str(types), force=True)
    return list(get_printk_records(program))


def ours(ring: Ring, folder: Path) -> list[kinfo.Message]:
    ring_core(folder / "core.elf", ring)
    return kinfo.dmesg(folder / "core.elf").messages


def test_the_same_messages(types: Path, tmp_path: Path) -> None:
    """Every member of every message, while no block wraps."""
    ring = Ring(5, 11)
    for number in range(20):
        device = (b"usb", b"c189:%d" % number) if number % 3 else (b"", b"")
        flags = printk.NEWLINE | printk.CONT * (number % 2)
        ring.store(b"message %d\nline" % number, number * 7919, number % 8, number % 5, flags, number, device)
    ring.store(b"of a CPU", caller=1 << 31 | 3)
    found, wanted = ours(ring, tmp_path), theirs(ring, types)
    assert len(found) == len(wanted) == 21
    for own, one in zip(found, wanted, strict=True):
        assert (own.raw, own.facility, own.level, own.seq, own.ns) == (
            one.text,
            one.facility,
            one.level,
            one.seq,
            one.timestamp,
        )
        assert own.is_continued == one.continuation
        said = {key.decode(): value.decode() for key, value in one.context.items()}
        assert own.dictionary == said
        who = f"T{one.caller_tid}" if one.caller_cpu is None else f"C{one.caller_cpu}"
        assert own.caller == who


def test_where_drgn_is_wrong(types: Path, tmp_path: Path) -> None:
    """0.3.0: a wrapped block begins with its id as well, which drgn takes for text (data_alloc() stores it there).

    Lost text (FAILED_LPOS) is a message there, of a letter; prb_read() has none. A block that ends with the ring (6.19 on) is
    one that wraps there; get_data() looks at its last byte.
    """
    ring = Ring()
    for letter in (b"a", b"b", b"c"):
        ring.store(letter * 200)
    own, one = ours(ring, tmp_path)[-1], theirs(ring, types)[-1]
    assert own.raw == b"c" * 200
    assert one.text == bytes(ring.text[:200]) != own.raw
    ring = Ring()
    ring.store(b"before")
    ring.store(b"x" * 300)
    assert [message.raw for message in ours(ring, tmp_path)] == [b"before"]
    assert len(theirs(ring, types)) == 2
    ring = Ring(fits_end=True)
    ring.store(b"a" * 248)
    ring.store(b"b" * 248)
    assert [message.raw for message in ours(ring, tmp_path)] == [b"a" * 248, b"b" * 248]
    assert theirs(ring, types)[1].text != b"b" * 248
