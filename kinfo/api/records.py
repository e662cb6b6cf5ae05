"""Records: decoded, found, encoded; their layouts, and what findings mean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kinfo.examine import Examined
from kinfo.memory import BytesDump, Dump
from kinfo.record import encode as _encode
from kinfo.record import locate as _locate
from kinfo.record.layouts import LAYOUTS, layout_named
from kinfo.record.locate import Hit
from kinfo.record.model import Layout
from kinfo.record.scan import PAGE
from kinfo.sources import open_source
from kinfo.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinfo.exports.vectors import Vector
    from kinfo.findings import Rule
    from kinfo.record.layout_diff import LayoutDiff

Source = Dump | bytes | bytearray | memoryview | str | os.PathLike[str]


def layouts() -> tuple[Layout, ...]:
    """Every known layout, oldest first."""
    return LAYOUTS


def layout(name: str) -> Layout:
    """The layout with this name or alias. Raises UnknownNameError."""
    return layout_named(name)


def layout_diff(one: Layout | str, other: Layout | str) -> LayoutDiff:
    """What differs between two layouts: fields that went, moved, came. Raises UnknownNameError."""
    from kinfo.record import layout_diff as diffs

    return diffs.layout_diff(*(layout_named(which) if isinstance(which, str) else which for which in (one, other)))


def explain(code: str) -> Rule:
    """What the finding with this code means: title, effect, remedy, source. Raises UnknownNameError."""
    from kinfo.catalogue import rule_named

    return rule_named(code)


def rules() -> tuple[Rule, ...]:
    """Every finding that there can be, by subject."""
    from kinfo.catalogue import RULES

    return RULES


def decode(
    dump: Source, *, offset: int | None = None, base: int | None = None, layout: Layout | str | None = None
) -> Examined:
    """The record of a dump: bytes, a path, or an open Dump.

    Without `offset` the dump is searched, and the best record returned (`decode_all` returns every one). `base` is the
    physical address of the dump's first byte; `layout` forces a reading. Compressed files are unpacked; in ELF cores and LiME
    dumps offsets are physical addresses. Raises KinfoError with what was found instead.
    """
    return decode_all(dump, offset=offset, base=base, layout=layout)[0]


def decode_all(
    dump: Source, *, offset: int | None = None, base: int | None = None, layout: Layout | str | None = None
) -> tuple[Examined, ...]:
    """Every record of a dump, best first. Arguments and errors as for `decode`."""
    wanted = layout_named(layout) if isinstance(layout, str) else layout
    with _opened(dump) as source:
        base = source.base if base is None else base
        if offset is not None:
            return (Examined.of(_locate.decode_offset(source, offset, base=base, layout=wanted)),)
        if wanted is not None:
            return (Examined.of(_locate.forced(source, wanted, base=base)),)
        return tuple(map(Examined.of, _locate.locate(source, base=base)))


def find(dump: Source, *, step: int = PAGE, base: int | None = None) -> Iterator[Hit]:
    """Every magic at a multiple of `step` bytes (a multiple of 4), as a record or a decoy, in order."""
    if step < 4 or step % 4:
        raise ValueError(f"step is {step}; it must be a multiple of 4")
    with _opened(dump) as source:
        yield from _locate.find(source, step, base=source.base if base is None else base)


def encode(fields: Mapping[str, Any], layout: Layout | str, after_nul: Mapping[str, str | bytes] | None = None) -> bytes:
    """A record with these fields (raw, or as `Record.fields` shows them) and a right checksum. Raises FieldError."""
    return _encode.encode(fields, layout_named(layout) if isinstance(layout, str) else layout, after_nul)


def vectors(*layouts: Layout | str) -> Iterator[Vector]:
    """Test vectors for readers of the record: regions of these layouts (default: all), sound and not, with kinfo's answers.

    They are the same on every run. Raises UnknownNameError.
    """
    from kinfo.exports import vectors as made

    chosen = [layout_named(one) if isinstance(one, str) else one for one in layouts]
    return made.vectors(chosen or LAYOUTS)


@contextmanager
def _opened(dump: Source) -> Iterator[Dump]:
    if isinstance(dump, Dump):
        yield dump
        return
    opened = open_source(os.fspath(dump)) if isinstance(dump, (str, os.PathLike)) else BytesDump(dump)
    with opened:
        yield opened
