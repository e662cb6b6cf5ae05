"""The kernel's configuration, where it carries one (CONFIG_IKCONFIG)."""

from __future__ import annotations

from kinfo.kernel import ikconfig, variables
from kinfo.kernel.kernel import Kernel


def config(kernel: Kernel) -> dict[str, str]:
    """Option to value ("CONFIG_HZ": "250"), for options that are set; empty where the kernel carries no configuration."""
    pa = variables.pa_of(kernel, "kernel_config_data")
    if pa is None:
        return {}
    raw = bytes(kernel.memory.view_up_to(pa, ikconfig.PACKED_LIMIT)).removeprefix(ikconfig.MARK)
    try:
        text = ikconfig.unpack(raw)
    except ValueError:
        return {}
    return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("CONFIG_") and "=" in line)
