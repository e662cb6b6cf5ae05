"""What user space wrote to /dev/pmsg0: text, or on Android the log's records in liblog's format."""

from __future__ import annotations

import struct

# struct android_pmsg_log_header_t {u8 magic 'l'; u16 len, uid, pid} and android_log_header_t {u8 id; u16 tid; u32 sec, nsec},
# packed; `len` is of all of it, with the message behind (system/logging/liblog, private/android_logger.h).
_RECORD = struct.Struct("<cHHHBHII")
_LARGEST = _RECORD.size + 4068  # LOGGER_ENTRY_MAX_PAYLOAD
_BUFFERS = 8  # main, radio, events, system, crash, stats, security, kernel
_SURE = 8  # records in a row: enough, whatever follows
_SEARCH = 2 * _LARGEST  # where a ring was overwritten, its first record has lost its beginning


def logcat_records(data: bytes) -> int:
    """How many whole records of Android's log follow one another; 0 where the bytes are something else."""
    at = 0
    while (at := data.find(b"l", at, _SEARCH)) >= 0:
        if count := _chain(data, at):
            return count
        at += 1
    return 0


def _chain(data: bytes, at: int) -> int:
    """Records from here on; 0 where what follows is neither a record nor the end of the data."""
    count = 0
    while at + _RECORD.size <= len(data):
        magic, length, _, _, buffer, _, _, nanos = _RECORD.unpack_from(data, at)
        if magic != b"l" or not _RECORD.size < length <= _LARGEST or buffer >= _BUFFERS or nanos >= 10**9:
            return count if count >= _SURE else 0
        at += length
        count += at <= len(data)
    return count
