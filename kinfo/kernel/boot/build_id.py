"""The kernel's build id: from .notes of the image, else from VMCOREINFO."""

from __future__ import annotations

from kinfo.kernel.boot.image_notes import image_build_id
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.kernel.kernel import Kernel


def build_id(kernel: Kernel) -> bytes:
    """The build id, usually 20 bytes; empty where neither the notes nor VMCOREINFO tell."""
    found = image_build_id(kernel)
    if found:
        return found
    try:
        return bytes.fromhex(vmcoreinfo(kernel).get("BUILD-ID", ""))
    except ValueError:
        return b""
