"""A full RAM dump as QPST, QDL and edl leave it: a folder of files, and a listing that says where each of them lies."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from kinfo import notices
from kinfo.errors import DumpError
from kinfo.sources import listing
from kinfo.sources.listing import ListedFile
from kinfo.sources.specs import Spec

_LISTINGS = ("dump_info.txt", "load.cmm")
_OTHERS = (".txt", ".log")  # what a user may have called the output of edl or qdl
LARGEST = 1 << 20  # bytes of a listing
_MOST = 10_000  # files of a folder that are looked at
_MOST_SAID = 8  # missing files that are said one by one
_BELOW = "memory"  # where edl puts the files
_PACKED = ("", ".gz", ".zst", ".xz", ".bz2", ".lz4")
_PART = r"(?i:DDRCS\d.*\.BIN)"


def specs_of_folder(folder: str) -> tuple[Spec, ...]:
    """The files of the dump in a folder. Raises DumpError where it has none, or nothing says where they lie."""
    names = _names(folder)
    said = _said(folder, names)
    if not said:
        raise _none(folder, names)
    return _specs(folder, said)


def has_dump(folder: str) -> bool:
    """Whether a folder has a listing with files of a full dump in it."""
    try:
        return bool(_said(folder, _names(folder)))
    except DumpError:
        return False


def is_dump(folder: str) -> bool:
    """Whether a folder that was come by is one dump: it has a listing of a known name with files of a full dump in it."""
    for name in _LISTINGS:
        path = os.path.join(folder, name)
        try:
            if os.path.isfile(path) and _listed(path):
                return True
        except DumpError:
            continue
    return False


def is_meant_as_dump(folder: str) -> bool:
    """Whether a folder that was named is one dump, or meant as one: it has parts of one that nothing gives a place."""
    try:
        names = _names(folder)
        return any(re.fullmatch(_PART, name) for name in names) or bool(_said(folder, names))
    except DumpError:
        return False


def _said(folder: str, names: Sequence[str]) -> dict[str, list[ListedFile]]:
    """What the listings of a folder say: of those with the known names, else of any text."""
    files = [name for name in names if name.lower() in _LISTINGS]
    files = files or [name for name in names if name.lower().endswith(_OTHERS)]
    return {name: found for name in files if (found := _listed(os.path.join(folder, name)))}


def specs_of_listing(path: str, text: bytes) -> tuple[Spec, ...]:
    """The files that a listing names, beside it; none where it names none of a full dump. Raises DumpError."""
    found = _memory(text)
    folder = os.path.dirname(path) or os.curdir
    return _specs(folder, {os.path.basename(path): found}) if found else ()


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for _, entry in zip(range(_MOST), entries, strict=False) if entry.is_file())
    except OSError as error:
        raise DumpError(f"{folder}: cannot be listed: {error.strerror}", "check its permissions") from error


def _none(folder: str, names: Sequence[str]) -> DumpError:
    parts = [name for name in names if re.fullmatch(_PART, name)]
    if not parts:
        return DumpError(f"{folder}: is a directory", "name the dump file in it")
    others = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
    return DumpError(
        f"{folder}: has {parts[0]}{others}, but no dump_info.txt or load.cmm that says where they lie",
        f"name each with its address: {os.path.join(folder, parts[0])}@0x80000000",
    )


def _listed(path: str) -> list[ListedFile]:
    try:
        with open(path, "rb") as file:
            return _memory(file.read(LARGEST))
    except OSError as error:
        raise DumpError(f"{path}: {error.strerror}", "check its permissions") from error


def _memory(text: bytes) -> list[ListedFile]:
    return [one for one in listing.read(text.decode("utf-8", "replace").splitlines()) if one.is_memory]


def _specs(folder: str, said: dict[str, list[ListedFile]]) -> tuple[Spec, ...]:
    """Every file with its address, in the order of those. What is listed and not there is said."""
    files = _agreed(folder, said)
    specs: list[Spec] = []
    missing: list[str] = []
    for where, one in sorted(files, key=lambda pair: pair[1].base):
        path = _place(folder, one.file)
        if path is None:
            size = "" if one.size is None else f", {one.size} bytes"
            missing.append(f"{os.path.join(folder, one.file)}: is in {where} (PA {one.base:#x}{size}), and missing here")
        elif one.size != 0:
            specs.append(Spec(path, one.base, one.size))
    if not specs:
        names = " and ".join(said)
        raise DumpError(f"{folder}: has none of the {len(files)} files that {names} lists", "copy them beside it")
    for text in missing[:_MOST_SAID]:
        notices.tell(text)
    if len(missing) > _MOST_SAID:
        notices.tell(f"{folder}: and {len(missing) - _MOST_SAID} more files that are listed are missing here")
    return tuple(specs)


def _agreed(folder: str, said: dict[str, list[ListedFile]]) -> list[tuple[str, ListedFile]]:
    """Each file once, and which listing has it. Raises DumpError where two places are said of one."""
    files: dict[str, tuple[str, ListedFile]] = {}
    for name, found in said.items():
        for one in found:
            where, known = files.setdefault(one.file.lower(), (name, one))
            if known.base != one.base:
                raise DumpError(
                    f"{folder}: {one.file} lies at {known.base:#x} by {where}, at {one.base:#x} by {name}",
                    f"name each with its address: {os.path.join(folder, one.file)}@{known.base:#x}",
                )
            if known.size is None:
                files[one.file.lower()] = (where, one._replace(size=one.size))
    return list(files.values())


def _place(folder: str, file: str) -> str | None:
    """Where a file is: beside the listing, or below it where edl puts it; packed or not, in whatever case."""
    for below in (folder, os.path.join(folder, _BELOW)):
        for suffix in _PACKED:
            for name in (file, file.upper(), file.lower()):
                path = os.path.join(below, name + suffix)
                if os.path.isfile(path):
                    return path
    return None
