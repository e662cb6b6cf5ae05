"""Which symbols of a module are exported in the kernel's sense: those in `syms` of struct module.

/proc/kallsyms shows a module's symbol in capitals where is_exported() (kernel/module/kallsyms.c) finds it in `mod->syms`.
Up to 6.18 EXPORT_SYMBOL_GPL() puts symbols into an array of its own, `gpl_syms`, so they stay small; from 7.x on there is
one array for both. The record does not say where either is. They are recognised: a word of struct module that leads to
struct kernel_symbol, whose value lies in the module and whose name is a name. `num_gpl_syms` is the number before
`gpl_syms`, `num_syms` comes behind `syms`. (Held against /proc/kallsyms of 5.10, 6.1, 6.12, 6.18 and 7.2.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from itertools import islice, takewhile

from kinfo.errors import DumpError, KernelError
from kinfo.kernel.modules.layout import ModuleRange
from kinfo.kernel.paging.space import Space
from kinfo.named import NamedTuple

_MOST = 1 << 14  # exports of a module; the largest have some hundreds
_COUNT_BEHIND = (2, 3)  # words from syms to num_syms: crcs lies between them, and flagstab from 7.x on
_MOST_LOOKS = 1 << 20  # words that are looked at as if they began an export, in all modules
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_.]*")
_LONGEST_NAME = 128
Export = tuple[str, int]  # name and VA


class Exporter(NamedTuple):
    """A module as this needs it: struct module up to its memory ranges, and those."""

    raw: bytes
    ranges: list[ModuleRange]

    def holds(self, va: int) -> bool:
        """Whether a VA lies in it."""
        return any(part.start <= va < part.start + part.size for part in self.ranges)


class Exports:
    """The exports of a kernel's modules; `first` is where, in struct module, the words behind the name begin."""

    def __init__(self, space: Space, word: int, first: int, modules: Iterable[Exporter]) -> None:
        self._space, self._word, self._first = space, word, first
        self._modules = list(modules)
        self._looks = 0

    def of(self, module: Exporter) -> set[Export] | None:
        """Names and VAs of what a module exports; None where that cannot be told."""
        if self._offset is None:
            return set() if self._has_gpl_only else None
        at = self._pointer(module, self._offset)
        if not at:
            return set()
        for words in _COUNT_BEHIND:
            count = self._number(module.raw, self._offset + words * self._word)
            found = self._run(module, at, count)
            if 0 < len(found) == count:
                return {*found}
        return None

    @property
    def _offset(self) -> int | None:
        """Offset of `syms`."""
        return self._arrays[0]

    @property
    def _has_gpl_only(self) -> bool:
        return self._arrays[1]

    @cached_property
    def _arrays(self) -> tuple[int | None, bool]:
        """Offset of `syms` as far as any module uses it, and whether `gpl_syms` was recognised."""
        hits: dict[int, list[Exporter]] = {}
        for module in self._modules:
            for offset in range(self._first, len(module.raw) - self._word + 1, self._word):
                at = self._pointer(module, offset)
                if module.holds(at) and self._run(module, at, 1):
                    hits.setdefault(offset, []).append(module)
        gpl = [offset for offset, modules in hits.items() if all(self._is_gpl(module, offset) for module in modules)]
        plain = [offset for offset in hits if offset not in gpl]
        return min(plain, default=None), bool(gpl)

    def _is_gpl(self, module: Exporter, offset: int) -> bool:
        """Whether the number before a pointer counts what it points to, as num_gpl_syms does."""
        count = self._number(module.raw, offset - 4)
        return 0 < count == len(self._run(module, self._pointer(module, offset), count))

    def _pointer(self, module: Exporter, offset: int) -> int:
        return int.from_bytes(module.raw[offset : offset + self._word], "little")

    @staticmethod
    def _number(raw: bytes, offset: int) -> int:
        return int.from_bytes(raw[offset : offset + 4], "little")

    def _run(self, module: Exporter, at: int, count: int) -> list[Export]:
        """The first `count` entries of an array, as far as they are entries, in the form that gives most."""
        if count > _MOST:
            return []
        ways = [[*takewhile(bool, islice(self._entries(module, at, *form), count))] for form in self._forms]
        return max(([one for one in way if one] for way in ways), key=len)

    @property
    def _forms(self) -> tuple[tuple[int, bool], ...]:
        """Bytes of struct kernel_symbol, and whether it holds distances (PREL32, 4.19): 5.4 added the namespace."""
        plain = ((3 * self._word, False), (2 * self._word, False))
        return ((12, True), (8, True), *plain) if self._word == 8 else plain

    def _entries(self, module: Exporter, at: int, size: int, is_relative: bool) -> Iterable[Export | None]:
        while True:
            yield self._entry(module, at, is_relative)
            at += size

    def _entry(self, module: Exporter, at: int, is_relative: bool) -> Export | None:
        """One struct kernel_symbol; None where there is none."""
        width = 4 if is_relative else self._word
        self._looks += 1
        if self._looks > _MOST_LOOKS:
            return None
        try:
            raw = self._space.read(at, 2 * width)
            value, name_at = (
                int.from_bytes(raw[place : place + width], "little", signed=is_relative) + (at + place if is_relative else 0)
                for place in (0, width)
            )
            if not module.holds(value) or not module.holds(name_at):
                return None
            name = self._space.read(name_at, min(_LONGEST_NAME, 0x1000 - name_at % 0x1000))
            if b"\0" not in name:
                name += self._space.read(name_at + len(name), _LONGEST_NAME)
        except (KernelError, DumpError):
            return None
        name = name.partition(b"\0")[0]
        return (name.decode(), value) if _NAME.fullmatch(name) else None
