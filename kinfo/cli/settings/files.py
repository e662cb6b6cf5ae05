"""Settings files: read within bounds, and where in them a key stands."""

from __future__ import annotations

import errno
import os
import re
import stat

from kinfo.errors import KinfoError
from kinfo.named import NamedTuple
from kinfo.typed import Any

LARGEST = 64 << 10  # bytes
_MOST_DOTS = 200  # in a line: tomllib's time for a dotted key grows with the square of its parts
_WITHOUT = "mend it, or run without settings: --no-settings"
_MENTIONED = re.compile(rb"tool\s*\.\s*[\"']?kinfo|\[\s*[\"']?tool[\"']?\s*\]")


class SettingsFile(NamedTuple):
    """A file with settings: its tables as they stand there, and its text. `is_project`: it came with what is worked on."""

    path: str
    is_project: bool
    tables: dict[str, Any]
    text: str
    prefix: str

    @property
    def folder(self) -> str:
        """What its paths are relative to."""
        return os.path.dirname(self.path)

    def place(self, *keys: str) -> str:
        """`path:line` of a key; the path alone where the line cannot be told."""
        line = line_of(self.text, [*filter(None, self.prefix.split(".")), *keys])
        return f"{self.path}:{line}" if line else self.path


def read(path: str, *, is_project: bool) -> SettingsFile | None:
    """The settings in a file; None where it is not there, or is a pyproject.toml without [tool.kinfo]. Raises KinfoError."""
    is_shared = os.path.basename(path) == "pyproject.toml"
    data = _bytes(path)
    if data is None or (is_shared and not _MENTIONED.search(data)):
        return None
    if len(data) > LARGEST:
        hint = "put the settings of kinfo into a kinfo.toml beside it" if is_shared else _WITHOUT
        raise KinfoError(f"{path}: more than {LARGEST >> 10} KiB are no settings", hint)
    text = _text(path, data)
    tables = _parsed(path, text)
    if not is_shared:
        return SettingsFile(path, is_project, tables, text, "")
    tool = tables.get("tool")
    own = tool.get("kinfo") if isinstance(tool, dict) else None
    if own is None:
        return None
    if not isinstance(own, dict):
        raise KinfoError(f"{path}: tool.kinfo is no table", "write [tool.kinfo], and its keys in the lines below")
    return SettingsFile(path, is_project, own, text, "tool.kinfo")


def _bytes(path: str) -> bytes | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO without a writer is opened, too
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise KinfoError(f"{path}: cannot be read: {error.strerror}", _WITHOUT) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise KinfoError(f"{path}: is no file of text", "take it away, or run without settings: --no-settings")
    with open(handle, "rb") as file:
        return file.read(LARGEST + 1)


def _text(path: str, data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        at = data.count(b"\n", 0, error.start) + 1
        raise KinfoError(f"{path}:{at}: is no UTF-8", _WITHOUT) from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST_DOTS:
            raise KinfoError(f"{path}:{number}: more than {_MOST_DOTS} dots in a line are no settings", _WITHOUT)
    return text.removeprefix("\ufeff")


def _parsed(path: str, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        where = re.search(r" \(at line (\d+), column \d+\)$", said)
        at = f":{where[1]}" if where else ""
        what = said[: where.start()] if where else said.removesuffix(" (at end of document)")
        raise KinfoError(f"{path}{at}: is no TOML: {what}", _WITHOUT) from None
    except (RecursionError, ValueError) as error:  # ValueError: a number of more digits than Python reads, an impossible date
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise KinfoError(f"{path}: is no TOML: {what}", _WITHOUT) from None


_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([\w\"'.-][\w\"'. \t-]*?)\s*=")


def line_of(text: str, keys: list[str]) -> int:
    """The line, from 1 on, of the value of these keys, or of the header of that table; 0 where it cannot be told."""
    table: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            if table == keys:
                return number
        elif (key := _KEY.match(line)) and table + _parts(key[1]) == keys:
            return number
    return 0


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
