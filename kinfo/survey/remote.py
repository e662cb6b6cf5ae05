"""Object storage, through pyarrow.fs: s3://bucket/key, gs://bucket/key. Credentials and regions are pyarrow's business.

Other endpoints (MinIO, a test's server) are named as pyarrow takes them: s3://KEY:SECRET@bucket/key?endpoint_override=HOST:PORT&scheme=http.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from kinfo.errors import DumpError, KinfoError
from kinfo.memory import Dump
from kinfo.memory.dump import WINDOW
from kinfo.survey.arrow import pyarrow
from kinfo.survey.rows import file_time

_WHOLE = 8 << 20  # bytes of an object that is read at once: one answer is of one version, and sixteen of them fit into memory
_REMOTE = re.compile(r"(s3|gs|gcs|abfs|abfss|hdfs)://")
_SECRET = re.compile(r"://[^/@]*@")


def is_remote(name: str) -> bool:
    """Whether a name is an object's or a prefix's of object storage, and no file's."""
    return bool(_REMOTE.match(name))


class RemotePlace(NamedTuple):
    """A file system of pyarrow, and a path in it."""

    files: Any
    path: str


def place_of(url: str) -> RemotePlace:
    """The file system that a URL names. Raises KinfoError without pyarrow, and for a URL that it does not take."""
    pyarrow(shown(url))
    from pyarrow import fs

    try:
        return RemotePlace(*fs.FileSystem.from_uri(url))
    except (OSError, ValueError, NotImplementedError) as error:
        raise KinfoError(f"{shown(url)}: {first_line(error)}", "write s3://bucket/key or gs://bucket/key") from error


def shown(url: str) -> str:
    """A URL without the secrets in it, for tables and messages."""
    return _SECRET.sub("://", url)


def first_line(error: BaseException) -> str:
    """What an error of pyarrow says, without the lines that follow."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def url_of(url: str, path: str) -> str:
    """The URL of another path of the same file system, with the same options."""
    scheme, _, rest = url.partition("://")
    host, query = rest.rpartition("?")[::2] if "?" in rest else (rest, "")
    secret = host.rpartition("@")[0] if "@" in host.partition("/")[0] else ""
    return f"{scheme}://{secret + '@' if secret else ''}{path}{'?' + query if query else ''}"


def listed(url: str) -> Iterator[tuple[str, int | None, int | None]]:
    """URL, size and time (us) of every object at or below a URL, by name. Raises KinfoError where it cannot be listed."""
    place = place_of(url)
    from pyarrow import fs

    try:
        (found,) = place.files.get_file_info([place.path])
        many = [found]
        if found.type == fs.FileType.Directory:
            many = place.files.get_file_info(fs.FileSelector(place.path, recursive=True))
    except OSError as error:
        raise KinfoError(f"{shown(url)}: cannot be listed: {first_line(error)}", "check the name, and your rights") from error
    for one in sorted(many, key=lambda info: info.path):
        if one.type != fs.FileType.Directory:
            yield url_of(url, one.path), one.size, file_time(one.mtime_ns)


class ObjectDump(Dump):
    """An object's bytes: of a small one all at once, of one version; of others piece by piece as they are asked for."""

    _all: bytes | None = None

    def __init__(self, file: Any, name: str, modified: int | None) -> None:
        self.file, self.name, self.modified = file, name, modified
        self.held = self.size = file.size()

    def read(self, offset: int, size: int) -> bytes:
        """See Dump."""
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        if self.size > _WHOLE:
            return self._asked(offset, size)
        if self._all is None:
            self._all = self._asked(0, self.size)
        return self._all[offset : offset + size]

    def _asked(self, offset: int, size: int) -> bytes:
        try:
            data = bytes(self.file.read_at(size, offset))
        except OSError as error:
            raise DumpError(f"{self.name}: cannot read at {offset:#x}: {first_line(error)}", "try again") from error
        if len(data) != size:
            what = f"{self.name}: {len(data)} of {size} bytes came at {offset:#x}"
            raise DumpError(what, "it was stored anew meanwhile, or cut: try again")
        return data

    def view(self, offset: int, size: int) -> memoryview:
        """See Dump."""
        return memoryview(self.read(offset, size))

    def windows(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, memoryview]]:
        """See Dump."""
        last = self.size if end is None else min(end, self.size)
        for offset in range(start, last, WINDOW):
            yield offset, self.view(offset, min(WINDOW, last - offset))

    def close(self) -> None:
        """See Dump."""
        self.file.close()


def state_now(url: str) -> tuple[int | None, int | None]:
    """Size and time (us) of an object; None where they cannot be had."""
    place = place_of(url)
    try:
        (found,) = place.files.get_file_info([place.path])
    except OSError:
        return None, None
    return found.size, file_time(found.mtime_ns)


def opened(url: str) -> ObjectDump:
    """An object, opened. Raises DumpError where there is none, or it cannot be read."""
    place = place_of(url)
    try:
        (found,) = place.files.get_file_info([place.path])
        file = place.files.open_input_file(place.path)
    except OSError as error:
        raise DumpError(f"{shown(url)}: {first_line(error)}", "check the name, and your rights") from error
    dump = ObjectDump(file, shown(url), file_time(found.mtime_ns))
    if dump.size == 0:
        dump.close()
        raise DumpError(f"{dump.name}: is empty", "check the command that wrote it")
    return dump
