"""A log as a whole: whether it is one of the kernel in the dump, as far as its own lines say.

A log states its release and build ("Linux version 6.12.1 (...) #1 SMP DATE", "Not tainted 6.12.1 #1") and, in a panic, the
KASLR offset ("Kernel Offset: 0x2a3e00000 from 0xffffffc080000000"). Where one of them is not the dump's, the names of its
addresses would be wrong, and that boot's lines are left as they are. A log can hold several boots: each begins with its
"Linux version".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property

from kinfo.kernel.boot.banner import banner
from kinfo.kernel.boot.slide import image_start, slide
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.symbolize import Symbolizer, whole_lines
from kinfo.named import NamedTuple
from kinfo.record.text import escape
from kinfo.typed import TypeVar

_WORDS = (b"Linux version ", b"ainted", b"Kernel Offset: ")  # one of them is in every statement
# init/version.c; dump_stack_print_info in lib/dump_stack.c; dump_kernel_offset in arch/*/kernel/setup.c and module/kaslr code
_STATEMENT = re.compile(
    rb"Linux version (?P<boot>\d[!-~]{0,255})(?: \([ -~]{0,800}?\) (?P<built>#\d[ -~]{0,255}))?"
    rb"|(?:Not tainted|Tainted: [A-Z ]{1,60}?)[ (]{1,20}(?P<oops>\d+\.\d[!-'*-~]{0,255})\)? (?P<number>#\d[!-~]{0,64})"
    rb"|Kernel Offset: (?:(?P<none>disabled)|0x(?P<offset>[0-9a-fA-F]{1,16}) from 0x(?P<link>[0-9a-fA-F]{1,16}))"
)
_BUILD = re.compile(r"\) (#\d.*?)\s*$")  # UTS_VERSION: "#2 SMP Mon Nov 23 03:25:12 UTC 2026"
_HEAD_LIMIT = 0x10000  # between _text and _stext


def is_one_build(says: str, own: str) -> bool:
    """Whether one may be the other: an oops has the first word alone, a log's line can be cut or have more behind it."""
    if " " not in says:
        return says == own.partition(" ")[0]
    return own.startswith(says) or says.startswith(own)


class Statement(NamedTuple):
    """What a line says of its boot, what the dump has, and whether they agree. `begins`: a boot's first line."""

    line: int
    subject: str
    says: str
    has: str
    agrees: bool
    begins: bool

    @property
    def words(self) -> str:
        """For people."""
        return f"line {self.line}: {self.subject} {self.says}, but the dump has {self.has}"


class Log:
    """Puts names into a log, except into the boots that are not the dump's.

    `heard` is called with every statement that the dump contradicts. `is_forced`: names are put all the same. Afterwards
    `left` is how many addresses were left without their names, `doubtful` how many got one before their boot turned out to be
    another one; after `survey` there are none.
    """

    def __init__(
        self,
        kernel: Kernel,
        heard: Callable[[Statement], None],
        *,
        is_forced: bool = False,
        lines: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.symbolizer = Symbolizer(kernel, lines)
        self.left = self.doubtful = 0
        self._heard, self._is_forced = heard, is_forced
        self._known = _Known(kernel)
        self._boots: list[bool] | None = None  # of every boot in the log, whether it is the dump's

    def survey(self, read: Callable[[], bytes]) -> None:
        """Go through the whole log first, where it can be read twice: a panic says its offset behind its trace."""
        self._boots = [True]
        for _, statement in self._parts(read):
            if statement is None:
                continue
            if statement.begins:
                self._boots.append(True)
            if not statement.agrees:
                self._boots[-1] = False
                self._heard(statement)

    def named(self, read: Callable[[], bytes]) -> Iterator[bytes]:
        """The log with names, in pieces; `read` gives b"" at the end."""
        follow = _Surveyed(self._boots) if self._boots is not None else _Heard(self._heard)
        counted = self.symbolizer.count  # where the boot began
        for text, statement in self._parts(read):
            if statement is not None:
                if statement.begins:
                    counted = self.symbolizer.count
                if follow.hear(statement):
                    self.doubtful += self.symbolizer.count - counted
                    counted = self.symbolizer.count
            named = self.symbolizer.text(text)
            if follow.is_ours or self._is_forced:
                yield named
            else:
                self.left += self.symbolizer.count - counted
                counted = self.symbolizer.count
                yield text

    def _parts(self, read: Callable[[], bytes]) -> Iterator[tuple[bytes, Statement | None]]:
        return parts(read, self._known.judged)


Said = TypeVar("Said")


def parts(
    read: Callable[[], bytes], heard: Callable[[re.Match[bytes], int], Said | None]
) -> Iterator[tuple[bytes, Said | None]]:
    """Whole lines, cut before every line that states something, with what `heard` makes of it and of its number."""
    line = 1
    for text in whole_lines(read):
        at, statement = 0, None
        if any(word in text for word in _WORDS):
            for found in _STATEMENT.finditer(text):
                start = max(at, text.rfind(b"\n", at, found.start()) + 1)
                number = line + text.count(b"\n", 0, start)
                if (said := heard(found, number)) is None:
                    continue
                if start > at or statement is not None:
                    yield text[at:start], statement
                at, statement = start, said
        yield text[at:], statement
        line += text.count(b"\n")


class _Surveyed:
    """Whose boot it is, where all of the log has been read."""

    def __init__(self, boots: list[bool]) -> None:
        self._boots = iter(boots)
        self.is_ours = next(self._boots)

    def hear(self, statement: Statement) -> bool:
        """Go by a statement; whether it shows that names were put wrongly: never."""
        if statement.begins:
            self.is_ours = next(self._boots)
        return False


class _Heard:
    """Whose boot it is, as far as the log has been read."""

    def __init__(self, heard: Callable[[Statement], None]) -> None:
        self._heard = heard
        self._wrong: set[str] = set()

    @property
    def is_ours(self) -> bool:
        """Whether nothing has been heard against it."""
        return not self._wrong

    def hear(self, statement: Statement) -> bool:
        """Go by a statement; whether it shows that names were put wrongly."""
        was_ours = self.is_ours
        if statement.begins:
            self._wrong.clear()
        self._wrong.discard(statement.subject)
        if statement.agrees:
            return False
        self._wrong.add(statement.subject)
        self._heard(statement)
        return was_ours


class _Known:
    """What the dump has of what logs state, found when it is first asked for."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def judged(self, found: re.Match[bytes], line: int) -> Statement | None:
        """A statement; None where the dump does not tell."""
        release = found["boot"] or found["oops"]
        if release is not None:
            build = escape(found["built"] or found["number"] or b"").rstrip()
            return self._release(escape(release), build, line, begins=found["boot"] is not None)
        return self._disabled(line) if found["none"] else self._offset(int(found["offset"], 16), int(found["link"], 16), line)

    def _release(self, release: str, build: str, line: int, *, begins: bool) -> Statement | None:
        """Release and build: one source built twice, or with another configuration, has one release and other addresses."""
        known = self._dump_releases
        if not known and not begins:
            return None
        own, subject = self._dump_build, "the log is of"
        if release not in known or not build or not own or is_one_build(build, own):
            return Statement(line, subject, release, " and ".join(known), not known or release in known, begins)
        return Statement(line, subject, f"{release} {build}", f"{' and '.join(known)} {own}", agrees=False, begins=begins)

    @cached_property
    def _dump_build(self) -> str:
        """What the banner says of the build, as `uname -v` has it; "" where it has no number."""
        found = _BUILD.search(banner(self._kernel))
        return found[1] if found else ""

    @cached_property
    def _dump_releases(self) -> list[str]:
        """The record's, and the banner's where it differs."""
        of_banner = banner(self._kernel).removeprefix("Linux version ").partition(" ")[0]
        told = dict.fromkeys((self._kernel.pointers.release, of_banner))
        return [one for one in told if one and one[0].isdigit()]

    def _offset(self, offset: int, link: int, line: int) -> Statement | None:
        """On every architecture offset and link address add up to where _text runs."""
        kernel = self._kernel
        if kernel.space is None:
            return None
        start, stated = image_start(kernel), kernel.pointers.pa("text")
        stext = kernel.space.va(kernel.kallsyms.borders.stext)
        text = kernel.space.va(start) if start is not None and stated else None
        runs = offset + link & kernel.space.mask
        agrees = runs == text if text is not None else 0 <= stext - runs <= _HEAD_LIMIT
        has = f"{(text if text is not None else stext) - link & kernel.space.mask:#x}"
        return Statement(line, "Kernel Offset", f"{offset:#x} from {link:#x}", has, agrees, begins=False)

    def _disabled(self, line: int) -> Statement | None:
        found = slide(self._kernel)
        if found is None:
            return None
        return Statement(
            line, "Kernel Offset", "disabled", f"{found.slide:#x} by {found.evidence}", not found.slide, begins=False
        )
