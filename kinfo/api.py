"""The library's face: what `import kinfo` offers. Nothing here prints, exits or keeps state."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kinfo.errors import KinfoError
from kinfo.examine import Examined
from kinfo.memory import BytesDump, Dump, open_source
from kinfo.record import encode as _encode
from kinfo.record import locate as _locate
from kinfo.record.layouts import LAYOUTS, layout_named
from kinfo.record.locate import Hit
from kinfo.record.model import Layout
from kinfo.record.scan import PAGE

if TYPE_CHECKING:
    from kinfo.dt.board import Options
    from kinfo.dt.verify import Verdict
    from kinfo.kernel_build.model import Facts
    from kinfo.writers import Built, Driver, Entry

Path = str | os.PathLike[str]
Source = Dump | bytes | bytearray | memoryview | str | os.PathLike[str]


def layouts() -> tuple[Layout, ...]:
    """Every known layout, oldest first."""
    return LAYOUTS


def layout(name: str) -> Layout:
    """The layout with this name or alias. Raises UnknownNameError."""
    return layout_named(name)


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


def verify_dt(
    path: str | os.PathLike[str], options: Options | None = None, *, cache: str | os.PathLike[str] | None = None
) -> tuple[Verdict, ...]:
    """The verdict on every tree in a file (.dtb, .dts, images that hold trees) or folder like /proc/device-tree.

    `options` is what is known beyond the tree: profile, layout, page size, a record out of memory (kinfo.dt.board.Options).
    `cache` is a folder for processed schemas; without one the schema is left out and the rules alone are checked. Without
    dtschema, an extra, that is so too, and a finding says it. Raises KinfoError where the file, or one of its trees, cannot
    be read.
    """
    from contextlib import nullcontext

    from kinfo.dt.batch import Request, verify_file
    from kinfo.dt.schema import SchemaCheck, SchemaTool

    with SchemaCheck(SchemaTool(os.fspath(cache))) if cache else nullcontext() as schema:
        request = Request(schema=schema) if options is None else Request(options, schema)
        result = verify_file(os.fspath(path), request)
    if result.problems:
        raise KinfoError(result.problems[0])
    return result.verdicts


def encode(fields: Mapping[str, Any], layout: Layout | str, after_nul: Mapping[str, str | bytes] | None = None) -> bytes:
    """A record with these fields (raw, or as `Record.fields` shows them) and a right checksum. Raises FieldError."""
    return _encode.encode(fields, layout_named(layout) if isinstance(layout, str) else layout, after_nul)


def facts(
    sources: Path | Sequence[Path],
    *,
    phys_base: int | None = None,
    phys_offset: int | None = None,
    settings: Sequence[str] = (),
    kinfo: Path | int | None = None,
) -> Facts:
    """What a writer of the record stores, out of vmlinux, Image, System.map, .config, /proc/kallsyms, RAM dumps.

    `phys_base` is the PA that `_text` runs at; `phys_offset` the start of RAM (x86-64: the kernel's phys_base), from which
    that follows. `settings` are NAME=VALUE, for what nothing else gives; `kinfo` is a RAM dump's record: a file, or its PA.
    Raises KinfoError for files that are no sources, and for facts that contradict one another.
    """
    from kinfo.kernel.open import record_word
    from kinfo.kernel_build.gather import Given, gather

    paths = [sources] if isinstance(sources, (str, os.PathLike)) else sources
    return gather([os.fspath(path) for path in paths], Given(phys_base, phys_offset, settings, record_word(kinfo)))


def build(
    facts: Mapping[str, int | str],
    driver: Driver | str,
    layout: str | None = None,
    *,
    build_info: Sequence[str] = (),
    entries: Sequence[Entry] | None = None,
    after: int | None = None,
    only: Collection[str] | None = None,
) -> Built:
    """The record that a driver leaves on the kernel of these facts (`kinfo.facts` has them, or any mapping of their names).

    `layout` is one of the driver's (default: as the release calls for). `build_info` are successive writes to the parameter.
    `entries` are the regions that meminspect registers (default: those with a field); `after` stops behind so many of them,
    `only` lets those of these names or ids through. Raises KinfoError, with the missing facts and how to give them.
    """
    from kinfo.kernel_build.model import Facts
    from kinfo.writers import Request, driver_named

    chosen = driver_named(driver) if isinstance(driver, str) else driver
    if isinstance(facts, Facts) and layout is None and len(chosen.layouts) > 1:
        facts.require(("release",))
    request = Request(facts, chosen.layout(facts, layout), build_info, entries, after, only)
    if isinstance(facts, Facts):
        facts.require(chosen.missing(request))
    return chosen.build(request)


@contextmanager
def _opened(dump: Source) -> Iterator[Dump]:
    if isinstance(dump, Dump):
        yield dump
        return
    opened = open_source(os.fspath(dump)) if isinstance(dump, (str, os.PathLike)) else BytesDump(dump)
    with opened:
        yield opened
