"""Facts out of a kernel configuration: a .config file, or the one that an image carries (CONFIG_IKCONFIG)."""

from __future__ import annotations

import re

from kinfo.kernel.boot.config import embedded
from kinfo.kernel_build.model import Told
from kinfo.kernel_build.names import OPTIONS
from kinfo.sources.recognise import CONFIG_HEADER, CONFIG_LINE

__all__ = ["embedded", "tell"]

_ARCHES = {"arm64": "arm64", "x86": "x86-64", "x86_64": "x86-64"}


def tell(told: Told, text: str, how: str) -> None:
    """What a configuration says: every option is on, or off, also by its absence."""
    options = {found[1] or found[3]: found[2] or "n" for found in re.finditer(CONFIG_LINE, text)}
    header = re.search(CONFIG_HEADER, text)
    told.config = options
    told.config_version = header[2] if header else ""
    if header:
        told.add("arch", _ARCHES.get(header[1], header[1]), f"{how}: its first lines")
    elif "y" in (options.get("CONFIG_ARM64"), options.get("CONFIG_X86_64")):
        told.add("arch", "arm64" if options.get("CONFIG_ARM64") == "y" else "x86-64", how)
    for name in OPTIONS:
        told.add(name, int(options.get(name) == "y"), how if name in options else f"{how}: not in it")
    if options.get("CONFIG_ARM64_VA_BITS", "").isdecimal():
        told.add("VA_BITS", int(options["CONFIG_ARM64_VA_BITS"]), f"{how}: CONFIG_ARM64_VA_BITS")
