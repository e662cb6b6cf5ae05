"""linux_banner: the line that every kernel begins its log with."""

from __future__ import annotations

from kinfo.errors import HoleError
from kinfo.findings import Finding
from kinfo.kernel import rules
from kinfo.kernel.boot import variables
from kinfo.kernel.kernel import Kernel
from kinfo.record import text
from kinfo.record.limits import IMAGE_LIMIT

_LONGEST = 512
_START = b"Linux version "


def banner(kernel: Kernel) -> str:
    """The banner out of the dump, escaped; "" where it is not found.

    kallsyms says where it is if it lists data; else read-only data is looked through for the record's release.
    """
    pa = variables.pa_of(kernel, "linux_banner") or _search(kernel)
    if pa is None or not kernel.memory.holds(pa, len(_START)):
        return ""
    raw = bytes(kernel.memory.view_up_to(pa, _LONGEST))
    return text.escape(text.before_nul(raw).rstrip(b"\n"))


def _search(kernel: Kernel) -> int | None:
    wanted = _START + text.unescape(kernel.record.release_text) + b" ("
    start, end = kernel.kallsyms.borders.etext, kernel.kallsyms.borders.end
    try:
        data = bytes(kernel.memory.view(start, min(max(end - start, 0), IMAGE_LIMIT)))
    except HoleError:
        return None
    at = data.find(wanted)
    return start + at if at >= 0 else None


def release(kernel: Kernel) -> tuple[str, str]:
    """The kernel's release as its banner has it, else the record; and which of the two. Empty where neither says."""
    line = banner(kernel)
    if line.startswith(_START.decode()):
        return line.removeprefix(_START.decode()).partition(" ")[0], "linux_banner"
    stated = kernel.record.release_text
    return ("", "") if stated in ("", "Linux") else (stated, "the record")


def check(kernel: Kernel) -> tuple[Finding, ...]:
    """Whether banner and record speak of one kernel."""
    line, release = banner(kernel), kernel.record.release_text
    if not line.startswith(_START.decode()):
        return (rules.KERNEL_NO_BANNER.at("linux_banner", "no banner was found in the memory"),)
    of_banner = line.removeprefix(_START.decode()).partition(" ")[0]
    if release and release not in ("Linux", of_banner):
        return (rules.KERNEL_ANOTHER_BOOT.at("last_uts_release", f"the record says {release}, the memory {of_banner}"),)
    return ()
