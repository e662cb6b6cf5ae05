"""What a dump says of a kernel whose image is not in it: meminspect's region files and core images, cores of a few regions.

The log, VMCOREINFO, and the regions that hold one thing each (their ids are the series': linux_banner, tainted_mask).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from kinfo.errors import KinfoError
from kinfo.findings import Finding
from kinfo.kernel.boot.config import marks
from kinfo.kernel.boot.vmcoreinfo import NOTE
from kinfo.kernel.printk import crash as crashes
from kinfo.kernel.printk import of_note, of_regions, region_files
from kinfo.kernel.printk import taint as taints
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.of_regions import LogRegion
from kinfo.kernel.printk.triage import Triage
from kinfo.meminspect.minidump import is_region_file
from kinfo.memory import Memory
from kinfo.memory.vmcoreinfo import parse
from kinfo.named import NamedTuple
from kinfo.record.text import before_nul, escape
from kinfo.sources import open_memory
from kinfo.typed import BinaryIO

_SHOWN = ("KERNELOFFSET", "NUMBER(kimage_voffset)", "NUMBER(phys_base)", "NUMBER(PHYS_OFFSET)", "NUMBER(VA_BITS)", "PAGESIZE")


class WithoutKernel(NamedTuple):
    """What is known: each fact with its source in words, what crashed, and why there is no more (`reason`)."""

    name: str
    facts: tuple[tuple[str, str, str], ...]
    triage: Triage
    reason: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the log."""
        return tuple(self.triage.log.findings) if self.triage.log else ()


def without_kernel(
    paths: Sequence[str], stdin: BinaryIO | None, reason: str, names: Sequence[str] = ()
) -> WithoutKernel | None:
    """What is in a dump that leads to no kernel, for `reason`; None where it is neither a log nor VMCOREINFO.

    `names` are region files, where the paths are those or their folder. Raises KinfoError for files that cannot be read.
    """
    if names:
        return _of_regions(paths, names, reason)
    opened = open_memory(paths, stdin)
    try:
        if not isinstance(opened, Memory) or not opened.vmcoreinfo:
            return None
        log = _log(lambda: of_note.log_of(opened))
        return _made(opened.name, parse(opened.vmcoreinfo), NOTE, log, (), reason)
    finally:
        opened.close()


def files_named(paths: Sequence[str]) -> list[str]:
    """The region files that were named, or that are in the folder; none where something else was."""
    is_maybe = all(_has_regions(path) for path in paths)
    return region_files.named(list(paths)) if is_maybe and paths else []


def _has_regions(path: str) -> bool:
    """Whether it is a region file by its name, or a folder of some; one that cannot be listed may be."""
    if not os.path.isdir(path):
        return is_region_file(os.path.basename(path))
    try:
        return any(map(is_region_file, os.listdir(path)))
    except OSError:
        return True


def _of_regions(paths: Sequence[str], names: Sequence[str], reason: str) -> WithoutKernel:
    regions = region_files.regions(names)
    source = paths[0] if len(paths) == 1 else f"{len(paths)} files"
    by_name = {one.name: one for one in reversed(regions)}
    info = parse(by_name["Kvmcorein"].data) if "Kvmcorein" in by_name else {}
    log = _log(lambda: of_regions.log_of(regions, source))
    tainted = by_name.get("Ktainted_")
    mask = int.from_bytes(tainted.data[:8], "little") if tainted and len(tainted.data) in (4, 8) else None
    is_mask = tainted is not None and mask is not None and mask < 1 << len(taints.FLAGS)
    taint = taints.Taint(taints.letters(mask), _file(tainted)) if is_mask and mask is not None else None
    return _made(source, info, _file(by_name.get("Kvmcorein")), log, _from_regions(by_name), reason, taint)


def _from_regions(by_name: dict[str, LogRegion]) -> tuple[tuple[str, str, str], ...]:
    found = []
    if banner := by_name.get("Klinux_ba"):
        found.append(("banner", escape(before_nul(banner.data).strip()), _file(banner)))
    config = by_name.get("Kconfig")
    if config and any(True for _ in marks(config.data)):
        found.append(("configuration", "in it: `kinfo config` prints it", _file(config)))
    return tuple(found)


def _file(region: LogRegion | None) -> str:
    return f"md_{region.name}{region.id}.BIN" if region else ""


def _log(read: Callable[[], PrintkLog]) -> PrintkLog | KinfoError:
    try:
        return read()
    except KinfoError as error:
        return error


def _made(
    name: str,
    info: dict[str, str],
    source: str,
    log: PrintkLog | KinfoError,
    more: tuple[tuple[str, str, str], ...],
    reason: str,
    mask: taints.Taint | None = None,
) -> WithoutKernel:
    facts = [("release", info["OSRELEASE"], source)] if info.get("OSRELEASE") else []
    facts += more
    if info.get("BUILD-ID"):
        facts.append(("build id", info["BUILD-ID"], source))
    facts += [(key, info[key], source) for key in _SHOWN if key in info]
    if isinstance(log, KinfoError):
        seen = Triage(None, log.message, None, {}, mask, {})
    else:
        messages = log.messages
        of_modules = taints.of_modules(None, messages)
        found = mask or taints.taint(None, messages)
        seen = Triage(log, "", crashes.crash(messages), crashes.machine(messages), found, of_modules)
        facts.append(("uptime", f"{messages[-1].ns / 1e9:.1f} s", "the stamp of the log's newest line"))
    shown = tuple((key, escape(value.encode("utf-8", "replace")), where) for key, value, where in facts)
    return WithoutKernel(name, shown, seen, reason)
