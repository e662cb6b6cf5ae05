"""Facts that follow from others: what a release, an architecture or a configuration fixes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kinfo.arch import arm64, machines, x86_64
from kinfo.arch.address import MASK
from kinfo.kernel_build.model import Fact, Value
from kinfo.record import kernels
from kinfo.record.kernels import Version

_BUILD_ID_IN_SYMBOL = (5, 15)  # KSYM_SYMBOL_LEN has room for it; 5.14 may have it already, so that release is left open
_THREAD_SHIFT = arm64.MIN_THREAD_SHIFT  # and THREAD_SIZE_ORDER 2 of x86-64


class Derived:
    """Facts that follow from `known`, which they are added to; those that are known already stay as they are."""

    def __init__(
        self, known: dict[str, Fact], config: Mapping[str, str] | None, config_version: str, *, is_running: bool
    ) -> None:
        self.is_running = is_running  # whether addresses are those of the running kernel
        self.known, self.config, self.config_version = known, config, config_version
        self._release()
        self._lengths()
        self._options()
        self._thread_size()
        self._place()
        self._space()

    def _value(self, name: str) -> Value | None:
        return self.known[name].value if name in self.known else None

    def _number(self, name: str) -> int | None:
        value = self._value(name)
        return value if isinstance(value, int) else None

    def _put(self, name: str, value: Value, how: str) -> None:
        self.known.setdefault(name, Fact(name, value, "derived", how))

    @property
    def version(self) -> Version | None:
        """The kernel's release as two numbers."""
        release = kernels.parse_release(str(self._value("release") or ""))
        return release.version if release else None

    def _release(self) -> None:
        """A configuration that adds nothing of its own to the release: the version in its head is all of it."""
        local = (self.config or {}).get("CONFIG_LOCALVERSION")
        if self.config and self.config_version and (self.config.get("CONFIG_LOCALVERSION_AUTO") or "n") == "n" and local:
            name = self.config_version + local.strip('"')
            self._put("release", name, "head of the .config, and CONFIG_LOCALVERSION")

    def _lengths(self) -> None:
        arch, version = self._value("arch"), self.version
        if arch in machines.BUILDS.values():
            self._put("BITS_PER_LONG", 64, f"{arch}")
        bits = self._number("BITS_PER_LONG")
        if bits is not None:
            self._put("MODULE_NAME_LEN", kernels.module_name_len(bits), "64 - sizeof(long)")
        if version is not None:
            self._put("KSYM_NAME_LEN", kernels.name_len(version), "the release: 512 from 6.1 on, 128 before")
        name, module = self._number("KSYM_NAME_LEN"), self._number("MODULE_NAME_LEN")
        if version is not None and name and module and bits and version != (5, 14):
            old, new = kernels.symbol_lens(name, bits, module)
            self._put(
                "KSYM_SYMBOL_LEN", new if version >= _BUILD_ID_IN_SYMBOL else old, "its formula in kallsyms.h, by release"
            )

    def _options(self) -> None:
        version = self.version
        if version is None:
            return
        if version >= kernels.NO_BASE_CHOICE:
            self._put("CONFIG_KALLSYMS_BASE_RELATIVE", 0, "the option went in 6.11")
        if version >= kernels.CFI_RENAMED:
            self._put("CONFIG_CFI_CLANG", 0, "the option was renamed in 6.18")
        else:
            self._put("CONFIG_CFI", 0, "the option came in 6.18")
        if self._value("arch") == "arm64":
            self._put("CONFIG_KALLSYMS_ABSOLUTE_PERCPU", 0, "x86-64 has the option, arm64 does not")

    def _thread_size(self) -> None:
        """By the configuration, where no symbol tells: arch/arm64/include/asm/memory.h, x86's page_64_types.h."""
        config = self.config
        if config is None or self._value("arch") is None:
            return
        shift = _THREAD_SHIFT + int("y" in (config.get("CONFIG_KASAN_GENERIC"), config.get("CONFIG_KASAN_SW_TAGS")))
        if config.get("CONFIG_ARM64_64K_PAGES") == "y" and config.get("CONFIG_VMAP_STACK") == "y":
            shift = max(shift, 16)  # a stack is at least a page
        self._put("THREAD_SIZE", 1 << shift, ".config: KASAN, VMAP_STACK, page size")

    def _place(self) -> None:
        text = self._number("_text")
        everything = self._number("CONFIG_KALLSYMS_ALL")
        if self.version is not None and self.version < kernels.PLACE_RELATIVE and everything is not None:
            first = "_text" if everything else "_stext"
            if (base := self._number(first)) is not None:
                self._put(
                    "relative_base",
                    base,
                    f"kallsyms begins with {first} where KALLSYMS_ALL is {'on' if everything else 'off'}",
                )
        if self._number("CONFIG_RANDOMIZE_BASE") == 0:
            self._put("kaslr_slide", 0, "CONFIG_RANDOMIZE_BASE is off")
        known = self._number("kimage_voffset")
        if self.is_running and text is not None and text >> 63 and known is not None:
            self._put("text_pa", text - known & MASK, "_text - kimage_voffset")
        place, slide = self._number("text_pa"), 0 if self.is_running else self._number("kaslr_slide")
        if text is not None and text >> 63 and place is not None and slide is not None:
            how = "_text - text_pa" if self.is_running else "_text + kaslr_slide - text_pa"
            self._put("kimage_voffset", text + slide - place & MASK, how)

    def _space(self) -> None:
        """arm64's linear map (asm/memory.h): below the image since 5.4, above it before."""
        bits, version = self._number("VA_BITS"), self.version
        if bits is None or version is None or self._value("arch") != "arm64":
            return
        is_flipped = arm64.is_flipped(version)
        page_shift = 14 if (self.config or {}).get("CONFIG_ARM64_16K_PAGES") == "y" else 12
        self._put("PAGE_OFFSET", arm64.page_offset(bits, flipped=is_flipped), "VA_BITS")
        if is_flipped:
            self._put("PAGE_END", arm64.page_end(arm64.va_bits_min(bits, page_shift)), "VA_BITS_MIN")


def text_pa(phys_offset: int, text: int | None, arch: Value | None, text_offset: int | None) -> int | None:
    """PA of `_text` where the start of RAM (arm64), or the kernel's phys_base (x86-64), is `phys_offset`.

    None where too little is known of the image.
    """
    if arch == "x86-64":
        return None if text is None else x86_64.image_pa(text, phys_offset)
    if text_offset is None and (text is None or not text >> 63):
        return None
    return phys_offset + (text_offset if text_offset is not None else (text or 0) % arm64.BLOCK)


_VERSION = re.compile(r"(\d+\.\d+)(?:\.(\d+))?")


def contradicts(config_version: str, release: str) -> bool:
    """Whether a configuration is of another version than a release: 6.12.117 is of 6.12.117-android16-5, not of 6.12.11.

    Debian's releases leave the third number out: 6.1.0-56-arm64 is 6.1.192.
    """
    of_config, of_release = _VERSION.match(config_version), _VERSION.match(release)
    if not of_config or not of_release:
        return False
    return of_config[1] != of_release[1] or of_release[2] not in ("0", of_config[2])
