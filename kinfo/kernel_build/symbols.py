"""Facts out of symbols: of a vmlinux, of System.map or /proc/kallsyms, of the tables in an image."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kinfo.errors import DumpError
from kinfo.kernel_build.model import Told
from kinfo.kernel_build.names import ALIASES, STACKS, SYMBOLS

_WANTED = re.compile(rb"^([0-9a-f]{8,16}) [a-zA-Z] (" + b"|".join(sorted(map(str.encode, SYMBOLS))) + rb")$", re.MULTILINE)
_STACK_LIMIT = 1 << 20


def tell(told: Told, symbols: Mapping[str, int], how: str) -> None:
    """What symbols say. The first name of a fact that has several counts."""
    for name, va in symbols.items():
        if name not in ALIASES and name not in _STACK_NAMES:
            told.add(name, va, how)
    for alias, name in ALIASES.items():
        if alias in symbols:
            told.add(name, symbols[alias], f"{how}, as {alias}")
    for start, end in STACKS:
        size = symbols.get(end, 0) - symbols.get(start, 0)
        if start in symbols and 0 < size <= _STACK_LIMIT:
            told.add("THREAD_SIZE", size, f"{how}: {start} to {end}")


_STACK_NAMES = {name for pair in STACKS for name in pair}


def tell_listing(told: Told, data: bytes) -> None:
    """What System.map or /proc/kallsyms says. Raises DumpError for a list without addresses, or without what is wanted."""
    symbols: dict[str, int] = {}
    for found in _WANTED.finditer(data):
        symbols.setdefault(found[2].decode(), int(found[1], 16))
    if not symbols:
        raise DumpError(f"{told.source}: lists none of the kernel's own symbols", "name the System.map of the build")
    if not any(symbols.values()):
        raise DumpError(f"{told.source}: every address in it is 0", "read /proc/kallsyms as root: kptr_restrict hides them")
    tell(told, symbols, "symbol")
    if b"\t[" in data:  # only a running kernel lists modules, and it lists every symbol of its own once
        own = sum(1 for line in data.splitlines() if line and not line.endswith(b"]"))
        told.add("num_syms", own, "lines that are of no module")
        told.is_running = True
