"""`kinfo dmesg`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show, strict_option
from kinfo.cli.options import takes
from kinfo.cli.ram import beside, kernel_options
from kinfo.cli.words import say
from kinfo.errors import KinfoError, did_you_mean
from kinfo.kernel.printk.message import FACILITIES, LEVELS, Message
from kinfo.named import NamedTuple
from kinfo.printable import quoted
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.kernel.printk.open import OpenedLog

_PIECE = 4096  # messages


class Options(NamedTuple):
    """What `kinfo dmesg` was asked for."""

    source: tuple[str, ...]
    kinfo: str | None
    symbols: str | None
    phys_base: int | None
    slide: int | None
    raw: bool
    human: bool
    caller: bool
    level: str | None
    facility: str | None
    names: bool
    form: str
    strict: bool


@declare.command("dmesg", short_help="Print the kernel's log out of a dump")
@declare.argument("source", nargs=-1, required=True, metavar="SOURCE...")
@kernel_options
@declare.option("--raw", is_flag=True, help="With <facility and level> before each line, as dmesg -r.")
@declare.option("--human", is_flag=True, help="Times in days, hours, minutes and seconds since boot.")
@declare.option("--caller", is_flag=True, help="Who printed it: T and a thread's id, or C and a CPU's number.")
@declare.option("--level", metavar="LIST", help="Only these levels, by name: err,warn; err+ is err and what is graver.")
@declare.option("--facility", metavar="LIST", help="Only these facilities, by name: kern,daemon.")
@declare.option("--names", is_flag=True, help="Put names behind raw addresses, as kinfo symbolize does.")
@data_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Print the log of the kernel in SOURCE..., as dmesg does; no vmlinux is needed, and no record where VMCOREINFO is there.

    SOURCE is RAM as for `kinfo symbols`, kdump's vmcore, meminspect's core image, or its region files: md_K*.BIN one by one,
    or their folder. Times are seconds since boot. What is no text stands as an escape on a terminal, and as it is elsewhere.

    Exit 0, 1 when a part of the log is damaged or not in the dump (the rest is printed), 2 when there is no log.

    \b
    kinfo dmesg ram.elf
    kinfo dmesg md/ --level err+
    kinfo dmesg vmcore --raw > dmesg.txt
    """
    from kinfo.kernel.printk.open import open_log
    from kinfo.report import dmesg as report

    levels, facilities = _levels(options.level), _facilities(options.facility)
    opened = open_log(options.source, options.kinfo, common.stdin(), is_kernel_wanted=options.names, beside=beside(options))
    messages = _chosen(opened.log.messages, levels, facilities)
    named = _namer(opened) if options.names else None
    if options.form != "text":
        show(options.form, lambda: report.document(opened.log, messages, named))
    else:
        style = common.style()
        is_shown = sys.stdout.isatty() or (style.colour and not options.raw)
        shape = report.LineShape(
            style, is_raw=options.raw, is_human=options.human, has_caller=options.caller, is_shown=is_shown
        )
        for piece in _pieces(report.lines(messages, shape, named)):
            common.write_bytes(piece)
    for finding in opened.log.findings:
        say(f"{finding.severity.value} {finding.code}: {finding.message}; {finding.remedy}")
    if opened.kernel:
        opened.kernel.close()
    return common.verdict(opened.log.findings, strict=options.strict)


def _pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines in larger pieces."""
    while piece := b"".join(islice(lines, _PIECE)):
        yield piece


def _chosen(
    messages: Sequence[Message], levels: Collection[int] | None, facilities: Collection[int] | None
) -> Sequence[Message]:
    if levels is not None:
        messages = [message for message in messages if message.level in levels]
    if facilities is not None:
        messages = [message for message in messages if message.facility in facilities]
    return messages


def _namer(opened: OpenedLog) -> Callable[[bytes], bytes]:
    if opened.kernel is None:
        hint = "name the record with --kinfo, or put the names in with `kinfo symbolize`"
        raise KinfoError("--names needs the kernel's symbols, and nothing leads to them", hint)
    from kinfo.kernel.symbolize import Symbolizer

    return Symbolizer(opened.kernel).text


def _levels(text: str | None) -> Collection[int] | None:
    """Levels as dmesg takes them: names or numbers, NAME+ for it and the graver ones, +NAME for it and the milder ones."""
    if text is None:
        return None
    chosen: set[int] = set()
    for word in text.split(","):
        number = _number(word.strip("+ "), LEVELS, "level")
        first = 0 if word.rstrip().endswith("+") else number
        last = len(LEVELS) - 1 if word.lstrip().startswith("+") else number
        chosen.update(range(first, last + 1))
    return chosen


def _facilities(text: str | None) -> Collection[int] | None:
    return None if text is None else {_number(word.strip(), FACILITIES, "facility") for word in text.split(",")}


def _number(word: str, names: Sequence[str], what: str) -> int:
    if word in names:
        return names.index(word)
    if word.isascii() and word.isdecimal() and int(word) < len(names):
        return int(word)
    raise KinfoError(f"there is no {what} {quoted(word)}", did_you_mean(word, names, f"choose one of: {', '.join(names)}"))
