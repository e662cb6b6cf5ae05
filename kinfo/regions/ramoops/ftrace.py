"""Function traces: struct pstore_ftrace_record of include/linux/pstore.h, 4.12 to 7.3.

On 64-bit kernels ip, parent ip (u64 each) and a word with the CPU in its low byte and the number of the call since boot
above it; on 32-bit ones ip and parent ip are u32. A zone keeps the records of earlier boots: the number falls where a boot
begins. In 7.2 and 7.3 (not yet in 6.12) addresses are without the
slide, and those of modules without their top bit (adjust_ip()).
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from kinfo.arch.address import KERNEL_HALF

_WORD = struct.Struct("<QQQ")
_HALF = struct.Struct("<IIQ")
TOP = KERNEL_HALF

Name = Callable[[int], str | None]


class Call(NamedTuple):
    """`ip` was called from `parent`, on `cpu`, as the `number`-th call that was written since boot.

    `is_old`: another boot wrote records behind it, so that its addresses are not those of the boot in the dump.
    """

    ip: int
    parent: int
    cpu: int
    number: int
    is_old: bool = False


def calls(data: bytes, *, is_64: bool = True) -> list[Call]:
    """A zone's records, oldest first. What was overwritten in part stands at the beginning, and is left out."""
    record = _WORD if is_64 else _HALF
    whole = data[len(data) % record.size :]
    return [Call(ip, parent, stamp & 0xFF, stamp >> 8) for ip, parent, stamp in record.iter_unpack(whole)]


def is_64(zones: Sequence[bytes]) -> bool:
    """Whether the records are of a 64-bit kernel: their numbers then grow, but where a boot begins."""
    return _falls(zones, is_64=True) <= _falls(zones, is_64=False)


def _falls(zones: Sequence[bytes], *, is_64: bool) -> float:
    total = falls = 0
    for data in zones:
        numbers = [call.number for call in calls(data[-(1 << 14) // 48 * 48 :], is_64=is_64)]
        total += max(len(numbers) - 1, 0)
        falls += sum(after <= before for before, after in pairwise(numbers))
    return falls / total if total else 1.0


def merged(zones: Sequence[Sequence[Call]]) -> list[Call]:
    """The calls of all CPUs as the kernel joins them, by number, a zone after the other (pstore_ftrace_combine_log())."""
    joined: list[Call] = []
    for zone in zones:
        joined = list(heapq.merge(zone, joined, key=lambda call: call.number))
    return joined


def by_boot(found: list[Call]) -> list[Call]:
    """A zone's calls, those of earlier boots marked: the number falls where a boot begins."""
    first = next((at for at in range(len(found) - 1, 0, -1) if found[at].number <= found[at - 1].number), 0)
    return [call._replace(is_old=True) for call in found[:first]] + found[first:]


def line(call: Call, name: Name, *, is_64: bool = True) -> str:
    """As /sys/fs/pstore/ftrace-ramoops-0 has it; `name` gives `symbol+0x0/0x0`, None for what has no name."""
    width = 16 if is_64 else 8
    ip, parent = (None, None) if call.is_old else (name(call.ip), name(call.parent))
    function = f"0x{call.ip:x}" if ip is None else ip.partition("+")[0] + _module(ip)
    caller = f"0x{call.parent:x}" if parent is None else parent
    return f"CPU:{call.cpu} ts:{call.number} {call.ip:0{width}x}  {call.parent:0{width}x}  {function} <- {caller}\n"


def _module(label: str) -> str:
    return " " + label.partition(" ")[2] if " [" in label else ""
