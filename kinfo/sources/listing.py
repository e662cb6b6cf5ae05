"""The texts that come with a full RAM dump, and say which file holds which memory.

QPST and the device itself write dump_info.txt and load.cmm beside the files (load.cmm is one of the files that the device
sends: a script of Lauterbach's TRACE32); edl and `qdl --debug` print the device's table as they read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kinfo.named import NamedTuple

_LINE = 600  # letters of a line that are looked at
_MOST = 4096  # files

# Compiled, and kept, when first used: that takes 2 ms.
# dump_info.txt: PREF ADDRESS LENGTH REGION FILE; the address is hex, the length decimal, the region has blanks in it
_DUMP_INFO = r"\s*\d{1,3}\s+(0x[0-9a-fA-F]{1,16})\s+(\d{1,20})\s+(?:\S.{0,80}?\s+)?(\S{1,80})\s*$"
# load.cmm: d.load.binary FILE ADDRESS /noclear
_CMM = r"""(?i:\bd(?:ata)?\.load\.binary\s+"?([^"\s]{1,300})"?\s+(?:\w{1,5}:)?(0x[0-9a-f]{1,16})\b)"""
# edl: FILE(REGION): Offset 0x.., Length 0x.., SavePref 0x..
_EDL = r"(\S{1,80}?)\(.{0,80}?\): Offset (0x[0-9a-fA-F]{1,16}), Length (0x[0-9a-fA-F]{1,16})\b"
# QDL: type 0x.. address: 0x.. length: 0x.. region: NAME filename: FILE
_QDL = r"\baddress: (0x[0-9a-fA-F]{1,16}) length: (0x[0-9a-fA-F]{1,16}) region:.{0,80}? filename:\s*(\S{1,80})\s*$"


class ListedFile(NamedTuple):
    """A file of a dump, by its plain name: the PA of its first byte, and its size where the text says one."""

    file: str
    base: int
    size: int | None

    @property
    def is_memory(self) -> bool:
        """Whether the file is a part of a full dump: .BIN, but not a region of a minidump (md_NAME.BIN)."""
        name = self.file.lower()
        return name.endswith(".bin") and not name.startswith("md_")


def looks_like(head: bytes) -> bool:
    """Whether a text that begins so is such a listing."""
    lines = head.decode("utf-8", "replace").splitlines()
    return any(of_line(line[:_LINE]) for line in lines)


def read(lines: Iterable[str]) -> Iterator[ListedFile]:
    """What the lines say, the first _MOST files of it; other lines are passed over."""
    count = 0
    for line in lines:
        if count < _MOST and (one := of_line(line[:_LINE])):
            count += 1
            yield one


def of_line(line: str) -> ListedFile | None:
    """The file that a line of such a listing names; None for other lines."""
    if found := re.search(_QDL, line):
        return ListedFile(_plain(found[3]), int(found[1], 16), int(found[2], 16))
    if found := re.search(_EDL, line):
        return ListedFile(_plain(found[1]), int(found[2], 16), int(found[3], 16))
    if found := re.search(_CMM, line):
        return ListedFile(_plain(found[1]), int(found[2], 16), None)
    if found := re.match(_DUMP_INFO, line):
        return ListedFile(_plain(found[3]), int(found[1], 16), int(found[2]))
    return None


def _plain(name: str) -> str:
    """Without folders of the machine that wrote it: a listing never leads out of its own folder."""
    return re.split(r"[\\/]", name)[-1]
