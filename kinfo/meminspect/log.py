"""Regions out of text: the minidump driver's debug lines, what QDL (debug) and edl print, and QPST's dump_info.txt."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kinfo.errors import KinfoError
from kinfo.meminspect.entry import Entry, FoundEntries, TableForm

# dev_dbg of drivers/soc/qcom/minidump.c: NAME:SEQ region registered PA:SIZE (hex)
_DRIVER = re.compile(r"(K\S{0,8}):(\d{1,3}) region registered ([0-9a-fA-F]{1,16}):([0-9a-fA-F]{1,16})\b")
# QDL: type 0x.. address: 0x.. length: 0x.. region: NAME filename: md_NAME.BIN
_QDL = re.compile(
    r"address: (0x[0-9a-fA-F]{1,16}) length: (0x[0-9a-fA-F]{1,16}) region:\s*(\S{0,20}) "
    r"filename:\s*md_(K.{0,8}?)(\d{1,3})\.BIN"
)
# edl: md_NAME.BIN(md_REGION): Offset 0x.., Length 0x.., SavePref 0x..
_EDL = re.compile(r"md_(K.{0,8}?)(\d{1,3})\.BIN\(.{0,20}\): Offset (0x[0-9a-fA-F]{1,16}), Length (0x[0-9a-fA-F]{1,16})\b")
# dump_info.txt: PREF ADDRESS LENGTH REGION FILE; the address is hex, the length 16 decimal digits
_DUMP_INFO = re.compile(r"\d (0x[0-9a-fA-F]{16})\s+(\d{16})\s+\S.{0,25}?\s+md_(K.{0,8}?)(\d{1,3})\.BIN\b")
_LINE = 600  # letters of a line that are looked at
_MOST = 4096


def read(name: str, lines: Iterable[str]) -> FoundEntries:
    """Every region that the text speaks of, the last word on an id counting. Raises KinfoError when there is none."""
    found: dict[int, Entry] = {}
    for line in lines:
        entry = _entry(line[:_LINE])
        if entry and entry.id is not None and len(found) < _MOST:
            found.pop(entry.id, None)
            found[entry.id] = entry
    if not found:
        wanted = '"NAME:SEQ region registered PA:SIZE" of the driver, nor QDL\'s, edl\'s or dump_info.txt\'s "md_K..."'
        raise KinfoError(
            f"{name}: has no line {wanted}", 'log with dyndbg="file drivers/soc/qcom/minidump.c +p", or qdl --debug'
        )
    return FoundEntries(TableForm.LOG, tuple(found.values()))


def _entry(line: str) -> Entry | None:
    if match := _DRIVER.search(line):
        return Entry(int(match[2]), match[1], None, int(match[3], 16), int(match[4], 16))
    if match := _QDL.search(line):
        return Entry(int(match[5]), match[4], None, int(match[1], 16), int(match[2], 16))
    if match := _EDL.search(line):
        return Entry(int(match[2]), match[1], None, int(match[3], 16), int(match[4], 16))
    if match := _DUMP_INFO.search(line):
        return Entry(int(match[4]), match[3], None, int(match[1], 16), int(match[2]))
    return None
