"""VMCOREINFO: what the kernel itself writes down for crash dumps (Documentation/admin-guide/kdump/vmcoreinfo.rst)."""

from __future__ import annotations

from kinfo.kernel.boot import variables
from kinfo.kernel.kernel import Kernel

_PAGE = 4096  # VMCOREINFO_BYTES is a page, of 4K on x86-64 and arm64 alike in what is written


def vmcoreinfo(kernel: Kernel) -> dict[str, str]:
    """Its lines as key and value: from the core's note, else from the kernel's own copy; empty where there is none."""
    raw = kernel.memory.vmcoreinfo
    if not raw and (va := variables.number(kernel, "vmcoreinfo_data")):
        raw = variables.bytes_at(kernel, va, _PAGE)
    return parse(raw)


def parse(raw: bytes) -> dict[str, str]:
    """The lines of a note as key and value."""
    lines = raw.partition(b"\0")[0].decode("ascii", "replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def value(info: dict[str, str], key: str, base: int = 16) -> int | None:
    """A number of it; None where it is missing or no number."""
    try:
        return int(info[key], base)
    except (KeyError, ValueError):
        return None
