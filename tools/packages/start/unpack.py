"""`kinfo_start` of kinfo.pyz: lays out what fits this Python in the user's cache, once, and hands over to the kinfo in it.

Compiled modules cannot be loaded from inside of a file. The folder's name holds the sum of what is in it; it is made beside
and renamed, so it is whole or not there, however many start at once. Imports as little as it can: this runs at every start.
"""

from __future__ import annotations

import os
import stat
import sys
from importlib.machinery import EXTENSION_SUFFIXES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

ARCHIVE = os.path.dirname(os.path.abspath(__file__))
STALE = 3600  # seconds after which nobody is unpacking any more


def run() -> None:
    """Unpack where that has not been done, then run kinfo."""
    index = __import__("kinfo_index")  # DIGEST, TARGETS, GLIBC: written when the file is made
    target = next((one for one in index.TARGETS if EXTENSION_SUFFIXES[0] == f".{one}.so"), None)
    if target is None:
        this = EXTENSION_SUFFIXES[0][1:-3]
        stop(f"has nothing for {sys.executable}, which is {this}; start it with one of: {', '.join(index.TARGETS)}")
    libc = glibc()
    if libc < index.GLIBC:
        stop(f"needs glibc {dotted(index.GLIBC)} or newer, this machine has {dotted(libc) if libc else 'another C library'}")
    sys.path[0] = unpacked(f"{index.DIGEST}-{target}", index.TARGETS[target])
    from kinfo.cli.main import main

    main()


def stop(what: str) -> NoReturn:
    """End with one line and exit code 2."""
    sys.stderr.write(f"{os.path.basename(ARCHIVE)}: {what}\n")
    sys.exit(2)


def dotted(version: tuple[int, ...]) -> str:
    """A version in digits and dots."""
    return ".".join(map(str, version))


def glibc() -> tuple[int, ...]:
    """The C library's version; () where it is another one."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        return tuple(map(int, version.split("."))) if name == "glibc" else ()
    except (ValueError, OSError):
        return ()


def unpacked(name: str, layers: tuple[str, ...]) -> str:
    """The folder with these layers in it, made where it is not there; ends with a word where none can be made."""
    problems = []
    for place in places():
        folder = os.path.join(place, name)
        try:
            if problem := unfit(place):
                problems.append(f"{place}: {problem}")
            elif os.path.isdir(folder) or unpack(place, name, layers):
                return folder
        except ValueError as error:  # of the archive, below
            stop(f"is damaged: {error}; copy it again, and compare its sum")
        except OSError as error:
            problems.append(f"{place}: {error.strerror or error}")
    stop(f"finds no folder to unpack itself into: {'; '.join(problems)}; name one with KINFO_PYZ_FOLDER=FOLDER")


def places() -> Iterator[str]:
    """Where to unpack, best first: what the user names, or the cache, then the folder for temporary files."""
    if named := os.environ.get("KINFO_PYZ_FOLDER"):
        yield os.path.abspath(named)
        return
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    if os.path.isabs(cache):
        yield os.path.join(cache, "kinfo", "pyz")
    yield os.path.join(os.environ.get("TMPDIR") or "/tmp", f"kinfo-pyz-{os.getuid()}")  # `unfit` looks whose it is


def unfit(place: str) -> str:
    """What keeps code from being kept in a folder, which is made where it is not there; "" for nothing."""
    os.makedirs(place, mode=0o700, exist_ok=True)
    found = os.stat(place, follow_symlinks=not os.path.basename(place).startswith("kinfo-pyz-"))
    if not stat.S_ISDIR(found.st_mode):
        return "is not a folder"
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        return "others may write to it"
    if os.statvfs(place).f_flag & os.ST_NOEXEC:
        return "is mounted noexec"
    return ""


def unpack(place: str, name: str, layers: tuple[str, ...]) -> bool:
    """Make the folder; True when it is there, whoever made it.

    Raises OSError, or ValueError for an archive that is damaged, and leaves nothing behind then.
    """
    import shutil
    import tempfile
    import zipfile
    import zlib

    clean(place)
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"{os.path.basename(ARCHIVE)}: unpacking into {place}, this once\n")
    new = tempfile.mkdtemp(dir=place, prefix=".new-")
    try:
        with zipfile.ZipFile(ARCHIVE) as archive:
            for layer in layers:
                with archive.open(layer) as file, zipfile.ZipFile(file) as packed:
                    packed.extractall(new)
        os.rename(new, os.path.join(place, name))
    except BaseException as error:
        shutil.rmtree(new, ignore_errors=True)
        if not os.path.isdir(os.path.join(place, name)):
            if isinstance(error, (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError)):
                raise ValueError(str(error)) from error
            raise
    return True


def clean(place: str) -> None:
    """Take away what a start that was killed left half unpacked."""
    import shutil
    import time

    for entry in os.scandir(place):
        if entry.name.startswith(".new-") and time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE:
            shutil.rmtree(entry.path, ignore_errors=True)
