"""linux_banner: the line that every kernel begins its log with."""

from __future__ import annotations

import re
from itertools import islice

from kinfo.findings import Finding
from kinfo.kernel import rules, variables
from kinfo.kernel.kernel import Kernel
from kinfo.record import text
from kinfo.record.limits import IMAGE_LIMIT

_LONGEST = 512
_MOST = 16  # banners that are looked at: two of the image, one or two of the log
_START = b"Linux version "
_NUMBER = re.compile(rb" #[0-9]+ ")


def banner(kernel: Kernel) -> str:
    """The banner out of the dump, escaped; "" where it is not found.

    kallsyms says where it is if it lists data; else read-only data is looked through for the record's release.
    """
    pa = variables.pa_of(kernel, "linux_banner") or _search(kernel)
    if pa is None or not kernel.memory.holds(pa, len(_START)):
        return ""
    raw = bytes(kernel.memory.view_up_to(pa, _LONGEST))
    return text.escape(text.before_nul(raw).partition(b"\n")[0])


def _search(kernel: Kernel) -> int | None:
    """Where the release's banner stands behind the text.

    From 6.1 on it is there twice: init/version.c holds a weak one that was compiled before the build had a number ("# SMP"),
    init/version-timestamp.c the one that counts ("#1 SMP", as `uname -v` has it).
    """
    wanted = re.escape(_START + text.unescape(kernel.pointers.release) + b" (")
    start, end = kernel.kallsyms.borders.etext, kernel.kallsyms.borders.end
    found: list[int] = []
    numbered: list[int] = []
    for first, data in kernel.memory.parts_between(start, min(end, start + IMAGE_LIMIT)):
        for one in islice(re.finditer(wanted, data), _MOST):
            line = text.before_nul(bytes(data[one.start() : one.start() + _LONGEST])).partition(b"\n")[0]
            (numbered if _NUMBER.search(line) else found).append(first + one.start())
    return next(iter(numbered or found), None)


def release(kernel: Kernel) -> tuple[str, str]:
    """The kernel's release as its banner has it, else the record; and which of the two. Empty where neither says."""
    line = banner(kernel)
    if line.startswith(_START.decode()):
        return line.removeprefix(_START.decode()).partition(" ")[0], "linux_banner"
    stated = kernel.pointers.release
    return ("", "") if stated in ("", "Linux") else (stated, "the record")


def check(kernel: Kernel) -> tuple[Finding, ...]:
    """Whether banner and record speak of one kernel."""
    line, release = banner(kernel), kernel.pointers.release
    if not line.startswith(_START.decode()):
        return (rules.KERNEL_NO_BANNER.at("linux_banner", "no banner was found in the memory"),)
    of_banner = line.removeprefix(_START.decode()).partition(" ")[0]
    if release and release not in ("Linux", of_banner):
        return (rules.KERNEL_ANOTHER_BOOT.at("last_uts_release", f"the record says {release}, the memory {of_banner}"),)
    return ()
