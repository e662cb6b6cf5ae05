"""The kernel's configuration, where it carries one (CONFIG_IKCONFIG)."""

from __future__ import annotations

import zlib

from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel

_MARK = b"IKCFG_ST"
_PACKED, _UNPACKED = 1 << 20, 4 << 20


def config(kernel: Kernel) -> dict[str, str]:
    """Option to value ("CONFIG_HZ": "250"), for options that are set; empty where the kernel carries no configuration."""
    pa = variables.pa_of(kernel, "kernel_config_data")
    if pa is None:
        return {}
    raw = bytes(kernel.memory.view_up_to(pa, _PACKED)).removeprefix(_MARK)
    try:
        text = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(raw, _UNPACKED).decode("ascii", "replace")
    except zlib.error:
        return {}
    return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("CONFIG_") and "=" in line)
