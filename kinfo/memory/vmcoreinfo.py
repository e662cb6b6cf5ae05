"""VMCOREINFO as text: lines of key and value (kernel/vmcore_info.c)."""

from __future__ import annotations

from collections.abc import Mapping

_SYMBOL = "SYMBOL("


def parse(raw: bytes) -> dict[str, str]:
    """The lines of a note as key and value."""
    lines = raw.partition(b"\0")[0].decode("ascii", "replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def symbols(info: Mapping[str, str]) -> dict[str, int]:
    """The SYMBOL() lines: VAs by name, as written. That of mem_section can be where it points (CONFIG_SPARSEMEM_EXTREME)."""
    names = (key[len(_SYMBOL) : -1] for key in info if key.startswith(_SYMBOL) and key.endswith(")"))
    return {name: va for name in names if (va := value(info, f"{_SYMBOL}{name})")) is not None}


def value(info: Mapping[str, str], key: str, base: int = 16) -> int | None:
    """A number of it; None where it is missing or no number."""
    try:
        return int(info[key], base)
    except (KeyError, ValueError):
        return None
