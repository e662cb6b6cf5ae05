"""A log named by a build's symbols, with no dump: every boot in it says itself by how far its image was moved.

A panic ends with "Kernel Offset: 0x2a3e00000 from 0xffffffc080000000" (dump_kernel_offset in arch/*/kernel/setup.c): the
slide, and the address the image was linked at. A boot that does not say so is named by the slide that the user gives, or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kinfo.kernel.log import is_one_build, parts
from kinfo.kernel.symbolize import Symbolizer
from kinfo.kernel_build.build_names import BuildNames
from kinfo.kernel_build.symbol_list import SymbolList
from kinfo.record.text import escape

_HEAD = 0x10000  # between _text and _stext, of a list that has the second alone


class Heard(NamedTuple):
    """What a line of the log says: `begins` a boot of that release and build, or a slide from a link address."""

    line: int
    begins: bool
    release: str = ""
    build: str = ""
    slide: int | None = None
    link: int | None = None


@dataclass
class LoggedBoot:
    """A boot in the log: its first line, by how much its image was moved (None: nothing says so), what speaks against it."""

    line: int
    slide: int | None = None
    problems: list[str] = field(default_factory=list)


class BuildLog:
    """Puts names into a log, boot by boot; `survey` first, then `named`. `boots` are what was found; `count` the names put.

    `slide` is the user's word for boots that say nothing. A boot that contradicts it, or the symbols, is left as it is,
    unless `is_forced`. `lines` is for the Symbolizer; names that stand in the log need no slide for it.
    """

    def __init__(
        self,
        symbols: SymbolList,
        slide: int | None = None,
        *,
        is_forced: bool = False,
        lines: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._lines = lines
        self.symbols, self.slide, self._is_forced = symbols, slide, is_forced
        self.boots: list[LoggedBoot] = []
        self.count = 0
        self._by_slide: dict[int, Symbolizer] = {}

    def survey(self, read: Callable[[], bytes]) -> None:
        """Go through the whole log: a panic says its offset behind its trace."""
        self.boots = [LoggedBoot(1, self.slide)]
        for _, said in parts(read, _hear):
            if said is None:
                continue
            if said.begins and said.line > self.boots[-1].line:
                self.boots.append(LoggedBoot(said.line, self.slide))
            self._judge(self.boots[-1], said)

    def _judge(self, boot: LoggedBoot, said: Heard) -> None:
        own = self.symbols
        if said.release and own.release and said.release != own.release:
            boot.problems.append(f"line {said.line}: it is of {said.release}, {own.source} of {own.release}")
        elif said.build and own.build and not is_one_build(said.build, own.build):
            boot.problems.append(f"line {said.line}: it is of {said.release} {said.build}, {own.source} of {own.build}")
        if said.link is not None and not own.is_running and not 0 <= own.text - said.link <= _HEAD:
            words = f"its kernel was linked at {said.link:#x}, {own.source} at {own.text:#x}"
            boot.problems.append(f"line {said.line}: {words}")
        if said.slide is None or own.is_running:
            return
        if boot.slide is not None and boot.slide != said.slide:
            boot.problems.append(f"line {said.line}: Kernel Offset is {said.slide:#x}, not {boot.slide:#x}")
        boot.slide = boot.slide if boot.slide is not None else said.slide

    def named(self, read: Callable[[], bytes]) -> Iterator[bytes]:
        """The log with names, in pieces; `read` gives b"" at the end."""
        boots = iter(self.boots)
        boot, before = next(boots), 1
        for text, said in parts(read, _hear):
            if said is not None and said.begins and said.line > before:
                boot, before = next(boots), said.line
            slide = 0 if self.symbols.is_running else boot.slide
            if boot.problems and not self._is_forced:
                yield text
                continue
            if slide is None:
                yield self._lines(text) if self._lines else text
                continue
            symbolizer = self._symbolizer(slide)
            counted = symbolizer.count
            yield symbolizer.text(text)
            self.count += symbolizer.count - counted

    def _symbolizer(self, slide: int) -> Symbolizer:
        if slide not in self._by_slide:
            self._by_slide[slide] = Symbolizer(BuildNames(self.symbols, slide), self._lines)
        return self._by_slide[slide]


def _hear(found: re.Match[bytes], line: int) -> Heard:
    release = found["boot"] or found["oops"]
    if release is not None:
        build = escape(found["built"] or found["number"] or b"").rstrip()
        return Heard(line, found["boot"] is not None, escape(release), build)
    if found["none"]:
        return Heard(line, begins=False, slide=0)
    return Heard(line, begins=False, slide=int(found["offset"], 16), link=int(found["link"], 16))
