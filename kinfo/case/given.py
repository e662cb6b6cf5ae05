"""What a case is made of, sorted by what it can be read as."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kinfo.errors import DumpError
from kinfo.pages.model import Input
from kinfo.sources.folder import has_dump
from kinfo.sources.kinds import Role
from kinfo.sources.recognise import HEAD, recognise

_PIECE = 1 << 20


class CaseFiles(NamedTuple):
    """Paths of dumps (RAM, regions, cores), a log's and boards'; `kinfo` as open_kernel takes it."""

    dumps: tuple[str, ...]
    boards: tuple[str, ...]
    log: str | None = None
    kinfo: str | None = None

    @property
    def files(self) -> Iterator[str]:
        """Every file that was named, without the base of raw memory behind it."""
        for one in (*self.dumps, *self.boards, *(path for path in (self.log, self.kinfo) if path)):
            path = one if os.path.exists(one) else one.partition(",")[0].rpartition("@")[0]
            if path and os.path.exists(path):
                yield path


def given(sources: Sequence[str], log: str | None, dtb: str | None, kinfo: str | None) -> CaseFiles:
    """The sources sorted: devicetrees by how they begin, everything else is a dump."""
    boards = tuple(one for one in sources if _is_tree(one))
    dumps = tuple(one for one in sources if one not in boards)
    return CaseFiles(dumps, (*boards, *((dtb,) if dtb else ())), log, kinfo)


def _is_tree(path: str) -> bool:
    if os.path.isdir(path):
        return not has_dump(path) and os.path.exists(os.path.join(path, "#address-cells"))
    if path.endswith((".dts", ".dtb", ".dtbo")):
        return True
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return recognise(file.read(HEAD)).kind.role is Role.TREE
    except (OSError, ValueError):
        return False  # whoever opens it says why


def inputs(case: CaseFiles) -> Iterator[Input]:
    """Every file with its size and hash. Raises DumpError for one that cannot be read."""
    for path in case.files:
        for one in sorted(_files_in(path)) if os.path.isdir(path) else [path]:
            yield _input(one)


def _files_in(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        yield from (entry.path for entry in entries if entry.is_file())


def _input(path: str) -> Input:
    digest, size = hashlib.sha256(), 0
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return Input(path, None, "not kept: it is no regular file")
        with open(path, "rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise DumpError(f"{path}: cannot read: {error.strerror}", "check the file and its permissions") from error
    return Input(path, size, digest.hexdigest())
