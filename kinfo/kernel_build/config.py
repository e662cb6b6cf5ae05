"""Facts out of a kernel configuration: a .config file, or the one that an image carries (CONFIG_IKCONFIG)."""

from __future__ import annotations

import re
import zlib

from kinfo.errors import KernelError
from kinfo.kernel_build.model import Told
from kinfo.kernel_build.names import OPTIONS
from kinfo.sources.recognise import CONFIG_HEADER, CONFIG_LINE

_ARCHES = {"arm64": "arm64", "x86": "x86-64", "x86_64": "x86-64"}
_MARK = re.compile(rb"IKCFG_ST(?=\x1f\x8b)")
_UNPACKED_LIMIT = 4 << 20


def tell(told: Told, text: str, how: str) -> None:
    """What a configuration says: every option is on, or off, also by its absence."""
    options = {found[1] or found[3]: found[2] or "n" for found in CONFIG_LINE.finditer(text)}
    header = CONFIG_HEADER.search(text)
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


def embedded(data: memoryview, name: str) -> str:
    """The configuration that a part of an image carries; "" where there is none. Raises KernelError where it is damaged."""
    found = _MARK.search(data)
    if not found:
        return ""
    try:
        unpacked = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(
            data[found.end() : found.end() + (1 << 20)], _UNPACKED_LIMIT
        )
    except zlib.error as error:
        raise KernelError(f"{name}: the configuration in it is damaged: {error}", "check that it was copied whole") from None
    return unpacked.decode("ascii", "replace")
