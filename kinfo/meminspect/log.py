"""Regions out of text: the minidump driver's debug lines, and listings of a dump's files (QDL, edl, dump_info.txt)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kinfo.errors import KinfoError
from kinfo.meminspect.entry import Entry, FoundEntries, TableForm
from kinfo.meminspect.minidump import id_and_name, is_region_file
from kinfo.sources import listing

# dev_dbg of drivers/soc/qcom/minidump.c: NAME:SEQ region registered PA:SIZE (hex)
_DRIVER = re.compile(r"(K\S{0,8}):(\d{1,3}) region registered ([0-9a-fA-F]{1,16}):([0-9a-fA-F]{1,16})\b")
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
    listed = listing.of_line(line)
    if listed is None or listed.size is None or not is_region_file(listed.file):
        return None
    id_, label = id_and_name(listed.file)
    return Entry(id_, label, None, listed.base, listed.size)
