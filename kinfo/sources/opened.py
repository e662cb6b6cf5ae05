"""One file that a user named, opened once: what it is, its bytes, what is packed in it, the memory that it holds.

It is handed on, and never opened again by its name: standard input, and a file that was replaced meanwhile, are read once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from types import TracebackType

from kinfo.errors import DumpError
from kinfo.memory import Dump, Memory
from kinfo.memory.dump import open_dump
from kinfo.sources import kinds
from kinfo.sources.kinds import FileKind, Role
from kinfo.sources.recognise import HEAD, Recognised, packing, recognise
from kinfo.sources.specs import Spec, parse_spec
from kinfo.typed import BinaryIO, Self


class Opened:
    """A file, open. `spec` is how it was named, `name` is for messages, `raw` its bytes as they are, packed or not."""

    def __init__(self, spec: Spec, raw: Dump) -> None:
        self.spec, self.raw, self.name = spec, raw, raw.name
        self.packing = packing(raw.read(0, 16))
        self._content: Dump | None = None

    @cached_property
    def head(self) -> bytes:
        """How what it holds begins: HEAD bytes at the most. Raises DumpError for damaged packed data."""
        return self.start(HEAD)

    @cached_property
    def recognised(self) -> Recognised:
        """What it is, unpacked. Raises DumpError as `head` does."""
        return recognise(self.head)

    def start(self, size: int) -> bytes:
        """The first bytes of what it holds, up to `size`, without unpacking all of it. Raises DumpError as `head` does."""
        if self.packing is None or self._content is not None:
            return self.content.read(0, size)
        from kinfo.sources import unpack

        return unpack.head(self.raw, self.packing, size)

    @property
    def content(self) -> Dump:
        """Its bytes, unpacked once. Raises DumpError as `unpack.unpack` does."""
        if self._content is None:
            self._content = self.raw if self.packing is None else self._unpacked(self.packing)
        return self._content

    def _unpacked(self, packing: FileKind) -> Dump:
        from kinfo.sources.unpack import unpack

        return unpack(self.raw, packing)

    def memory(self) -> Dump | Memory:
        """What it holds, unpacked: Memory where it is a container with addresses, the bytes where it is raw.

        Raises DumpError for damage, and for what is no memory.
        """
        content = self.content
        self.refuse(Role.MEMORY)
        kind = self.recognised.kind
        if kind in (kinds.ELF, kinds.ELF_CORE):
            from kinfo.memory import elf

            return elf.read(content)
        if kind in kinds.KDUMPS:
            from kinfo.sources import kdump

            return kdump.read(content)
        if kind is kinds.RAW_DMP:
            from kinfo.memory import raw_dmp

            return raw_dmp.read(content)
        return self._lime() if kind is kinds.LIME else content

    def _lime(self) -> Memory:
        from kinfo.memory import lime

        return lime.read(self.content)

    def refuse(self, role: Role) -> None:
        """Raise DumpError, with what to do instead, where this is of a kind that cannot be taken in that role."""
        if how := self.recognised.kind.instead.get(role):
            raise DumpError(f"{self.name}: is {self.recognised.kind.what}", how)

    def close(self) -> None:
        """Let go of the file."""
        self.raw.close()
        if self._content is not None:
            self._content.close()

    def __repr__(self) -> str:
        return f"<Opened {self.name}: {self.recognised.kind.what}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_file(path: str | os.PathLike[str], stdin: BinaryIO | None = None) -> Opened:
    """The file of just this name, or `-` for `stdin`. Raises DumpError as `open_dump` does."""
    return _open(Spec(os.fspath(path), None), stdin)


def open_all(texts: Iterable[str | os.PathLike[str]], stdin: BinaryIO | None = None) -> list[Opened]:
    """Everything that FILE, FILE@BASE, FILE@BASE,FILE@BASE or `-` name, in order. Raises DumpError as `open_dump` does."""
    found: list[Opened] = []
    try:
        for text in texts:
            found += _named(os.fspath(text), stdin)
    except BaseException:
        for one in found:
            one.close()
        raise
    return found


def _named(text: str, stdin: BinaryIO | None) -> Iterator[Opened]:
    """The files of a text; a folder's, or a listing's, where it is a full RAM dump in several files."""
    for spec in parse_spec(text):
        if spec.base is None and os.path.isdir(spec.path):
            from kinfo.sources.folder import specs_of_folder

            yield from (_open(one, stdin) for one in specs_of_folder(spec.path))
            continue
        file = _open(spec, stdin)
        parts = _parts(file)
        if not parts:
            yield file
            continue
        file.close()
        yield from (_open(one, stdin) for one in parts)


def _parts(file: Opened) -> Sequence[Spec]:
    """The files that a listing names; none where the file is no listing, or one of other files."""
    if file.spec.base is not None or file.packing or file.name == "<stdin>" or file.recognised.kind is not kinds.LISTING:
        return ()
    from kinfo.sources import folder

    try:
        return folder.specs_of_listing(file.spec.path, file.raw.read(0, folder.LARGEST))
    except BaseException:
        file.close()
        raise


def _open(spec: Spec, stdin: BinaryIO | None) -> Opened:
    raw = open_dump(spec.path, stdin)
    try:
        return Opened(spec, raw)
    except BaseException:
        raw.close()
        raise
