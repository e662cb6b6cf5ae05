"""What a guest told about itself, taken apart: its symbols, modules, memory map and VMCOREINFO."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tools.guests.machines import GuestError

_WORD = 1 << 64


class Told:
    """The kernel's own words. Addresses are the running kernel's: the slide is in them."""

    def __init__(self, told: Mapping[str, bytes]) -> None:
        text = {name: told[name].decode() for name in ("kallsyms", "modules", "iomem")}
        symbols = [line.split() for line in text["kallsyms"].splitlines()]
        built_in = [words for words in symbols if len(words) == 3]  # a module's have its name in brackets behind them
        self.symbols = len(symbols)
        self.built_in = len(built_in)
        self.lowest = min(int(words[0], 16) for words in built_in if words[1] not in "aA")
        self._kallsyms = {words[2]: int(words[0], 16) for words in reversed(built_in)}
        self.modules = [int(line.split()[5], 16) for line in text["modules"].splitlines()]
        self._iomem = text["iomem"]
        self.vmcoreinfo = _vmcoreinfo(told["kcore"])
        self.info = dict(line.split("=", 1) for line in self.vmcoreinfo.splitlines() if "=" in line)

    @property
    def voffset(self) -> int:
        """VA less PA in the kernel image: on arm64 alone."""
        return self.number("kimage_voffset")

    def meta(self) -> dict[str, Any]:
        """What every kernel tells of itself, in the words of meta.json."""
        return {
            "release": self.info["OSRELEASE"],
            "page_size": int(self.info["PAGESIZE"]),
            "kaslr_slide": hex(int(self.info["KERNELOFFSET"], 16)),
            "symbols": self.symbols,
            "built_in_symbols": self.built_in,
            "modules": len(self.modules),
        }

    def number(self, name: str) -> int:
        """A NUMBER of VMCOREINFO."""
        return int(self.info[f"NUMBER({name})"], 0) % _WORD

    def physical(self, address: int) -> int:
        """The physical address behind an address of the kernel image."""
        return (address - self.voffset) % _WORD

    def symbol(self, name: str) -> tuple[int, str] | None:
        """A symbol's physical address and who named it; kallsyms and VMCOREINFO must agree if both know it."""
        listed, noted = self._kallsyms.get(name), self.info.get(f"SYMBOL({name})")
        if listed is None and noted is None:
            return None
        if listed is not None and noted is not None and listed != int(noted, 16):
            raise GuestError(f"{name} is at {listed:#x} for kallsyms and at 0x{noted} for VMCOREINFO")
        sources = [source for source, value in (("/proc/kallsyms", listed), ("VMCOREINFO", noted)) if value is not None]
        value = listed if listed is not None else int(noted or "", 16)
        return self.physical(value), " and ".join(sources)

    def end_of(self, resource: str) -> int:
        """The physical address behind a resource of /proc/iomem."""
        found = re.search(rf"-([0-9a-f]+) : {resource}$", self._iomem, re.MULTILINE)
        if not found:
            raise GuestError(f"/proc/iomem has no {resource}")
        return int(found[1], 16) + 1


def _vmcoreinfo(kcore: bytes) -> str:
    """The note of this name: its size is 8 bytes before the name, its text behind the name's padding."""
    at = kcore.find(b"VMCOREINFO\0")
    if at < 0:
        raise GuestError("/proc/kcore has no VMCOREINFO")
    size = int.from_bytes(kcore[at - 8 : at - 4], "little")
    return kcore[at + 12 : at + 12 + size].rstrip(b"\0").decode()
