"""Where a table and the parts of an unfinished one are kept: a folder of this machine, or of object storage."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol
from uuid import uuid4

from kinfo import whole_file
from kinfo.errors import KinfoError
from kinfo.survey import remote

Write = Callable[[Any], object]
IsHeld = Callable[[], None]


_HELD: set[int] = set()  # locks of this process


def _leave_to_parent() -> None:
    """In a worker: a lock of flock(2) would last as long as any process has it open, and not end with who holds it."""
    while _HELD:
        os.close(_HELD.pop())


os.register_at_fork(after_in_child=_leave_to_parent)


class Storage(Protocol):
    """Files by name: each is written whole or not at all."""

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none where it is not there."""

    def identity(self, name: str) -> str:
        """What tells a file from another of its name; empty where it is not there."""

    def is_folder(self, name: str) -> bool:
        """Whether it is a folder."""

    def read(self, name: str) -> Any:
        """The file, open for reading."""

    def write(self, name: str, write: Write) -> None:
        """Write what `write` writes to the file that it is given, in any existing one's place. Raises KinfoError."""

    def rename(self, name: str, new: str) -> None:
        """Give a file another name, in an existing one's place."""

    def delete(self, name: str) -> None:
        """Remove a file."""

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it."""

    def lock(self, name: str) -> contextlib.AbstractContextManager[IsHeld]:
        """Hold a name for this process while the context lasts. Raises KinfoError where another holds it.

        What the context gives raises KinfoError where another one has taken it since.
        """


class Disk:
    """Of this machine."""

    def names(self, folder: str) -> list[str]:
        """See Storage."""
        try:
            return sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def identity(self, name: str) -> str:
        """See Storage."""
        try:
            state = os.stat(name)
        except FileNotFoundError:
            return ""
        return f"{state.st_ino} {state.st_size} {state.st_mtime_ns}"

    def is_folder(self, name: str) -> bool:
        """See Storage."""
        return os.path.isdir(name)

    def read(self, name: str) -> IO[bytes]:
        """See Storage."""
        try:
            return open(name, "rb")  # whoever asked for it closes it
        except OSError as error:
            raise KinfoError(f"{name}: {error.strerror}", "check the path and its permissions") from error

    def write(self, name: str, write: Write) -> None:
        """See Storage."""
        folder = os.path.dirname(name) or "."
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise KinfoError(f"{folder}: cannot be made: {error.strerror}", "name a folder that can") from None
        whole_file.write_with(name, write, force=True)

    def rename(self, name: str, new: str) -> None:
        """See Storage."""
        os.makedirs(os.path.dirname(new) or ".", exist_ok=True)
        os.replace(name, new)

    def delete(self, name: str) -> None:
        """See Storage."""
        os.unlink(name)

    def remove(self, folder: str) -> None:
        """See Storage."""
        shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[IsHeld]:
        """See Storage: the lock goes with the process, however that ends."""
        folder = os.path.dirname(name) or "."
        try:
            os.makedirs(folder, exist_ok=True)
            handle = os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise KinfoError(f"{name}: cannot write: {error.strerror}", "check the folder and its permissions") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise KinfoError(f"{folder}: another survey is writing there", "wait for it, or name another table") from None
        _HELD.add(handle)
        try:
            yield lambda: None  # nobody else gets it
        finally:
            _HELD.discard(handle)
            os.close(handle)


class Bucket:
    """Of object storage; names are URLs. An object appears when all of it is there."""

    def names(self, folder: str) -> list[str]:
        """See Storage."""
        place = remote.place_of(folder)
        from pyarrow import fs

        selector = fs.FileSelector(place.path, allow_not_found=True)
        return sorted(one.base_name for one in _asked(folder, lambda: place.files.get_file_info(selector)))

    def identity(self, name: str) -> str:
        """See Storage."""
        place = remote.place_of(name)
        from pyarrow import fs

        (found,) = _asked(name, lambda: place.files.get_file_info([place.path]))
        return "" if found.type == fs.FileType.NotFound else f"{found.type} {found.size} {found.mtime_ns}"

    def is_folder(self, name: str) -> bool:
        """See Storage."""
        place = remote.place_of(name)
        from pyarrow import fs

        (found,) = _asked(name, lambda: place.files.get_file_info([place.path]))
        return bool(found.type == fs.FileType.Directory)

    def read(self, name: str) -> Any:
        """See Storage."""
        place = remote.place_of(name)
        return _asked(name, lambda: place.files.open_input_file(place.path))

    def write(self, name: str, write: Write) -> None:
        """See Storage: under another name first, for a stream that is given up is stored all the same."""
        place = remote.place_of(name)
        part = f"{place.path}.kinfo-part"

        def put() -> None:
            with place.files.open_output_stream(part) as file:
                write(file)
            place.files.move(part, place.path)

        _asked(name, put)

    def rename(self, name: str, new: str) -> None:
        """See Storage."""
        place = remote.place_of(name)
        _asked(new, lambda: place.files.move(place.path, remote.place_of(new).path))

    def delete(self, name: str) -> None:
        """See Storage."""
        place = remote.place_of(name)
        _asked(name, lambda: place.files.delete_file(place.path))

    def remove(self, folder: str) -> None:
        """See Storage."""
        place = remote.place_of(folder)
        with contextlib.suppress(OSError):
            place.files.delete_dir(place.path)

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[IsHeld]:
        """See Storage; object storage has no locks, and what a killed run left is nobody's: the last one to come takes it."""
        own = uuid4().hex.encode()
        self.write(name, lambda file: file.write(own))

        def is_held() -> None:
            with contextlib.suppress(KinfoError), self.read(name) as file:
                if file.read() == own:
                    return
            raise KinfoError(
                f"{remote.shown(name)}: another survey has begun to write there", "wait for its end, and run this again"
            )

        yield is_held


def _asked(name: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except OSError as error:
        raise KinfoError(f"{remote.shown(name)}: {remote.first_line(error)}", "check the name, and your rights") from error


def storage_of(name: str) -> Storage:
    """Where a name is."""
    return Bucket() if remote.is_remote(name) else Disk()


def joined_name(folder: str, *names: str) -> str:
    """The name of something in a folder; of a URL, what follows its `?` stays at the end."""
    path, mark, options = folder.partition("?") if remote.is_remote(folder) else (folder, "", "")
    return "/".join((path.rstrip("/"), *names)) + mark + options
