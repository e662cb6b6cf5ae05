"""The scratch area of a persistent buffer: what kernel/trace/trace.c keeps there of the boot that wrote it.

struct trace_scratch {text address, number of modules, modules} in 6.15; with the clock's number before it from 6.16 on.
A module is {address of its text, name}.
"""

from __future__ import annotations

from kinfo.named import NamedTuple

_NAME = {8: 56, 4: 60}  # MODULE_NAME_LEN by the bytes of a long
_MOST_CLOCKS = 32
# trace_clocks[] of kernel/trace/trace.c; the last is ARCH_TRACE_CLOCKS of x86. Those that do not count nanoseconds apart.
CLOCKS = ("local", "global", "counter", "uptime", "perf", "mono", "mono_raw", "boot", "tai", "x86-tsc")
NOT_IN_NS = frozenset(("counter", "uptime", "x86-tsc"))


class TraceModule(NamedTuple):
    """A module of that boot: its name and the VA of its text."""

    name: str
    text: int


class Scratch(NamedTuple):
    """`text` is the VA of _text in that boot; `clock` its trace clock, "" where the kernel does not keep it (6.15)."""

    text: int
    clock: str
    modules: tuple[TraceModule, ...]


def scratch(raw: bytes, word: int) -> Scratch | None:
    """What an area holds; None where it is another thing, or was never filled."""
    words = [int.from_bytes(raw[at : at + word], "little") for at in range(0, 3 * word, word)]
    half = 1 << (8 * word - 1)
    if len(raw) < 3 * word:
        return None
    if words[0] >= half:
        return _filled(raw, word, 0, "")
    clock = int.from_bytes(raw[:4], "little")
    if words[1] >= half and clock < _MOST_CLOCKS:
        return _filled(raw, word, word, CLOCKS[clock] if clock < len(CLOCKS) else f"number {clock}")
    return None


def _filled(raw: bytes, word: int, at: int, clock: str) -> Scratch | None:
    text, count = (int.from_bytes(raw[place : place + word], "little") for place in (at, at + word))
    entry, at = word + _NAME[word], at + 2 * word
    if at + entry * count > len(raw):
        return None
    modules = []
    for place in range(at, at + entry * count, entry):
        name = raw[place + word : place + entry].split(b"\0")[0].decode("ascii", "replace")
        modules.append(TraceModule(name, int.from_bytes(raw[place : place + word], "little")))
    return Scratch(text, clock, tuple(modules))
