"""The record a debug_kinfo driver would have left in a guest, from facts that kinfo had no part in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kinfo
from kinfo.kernel.types import Types
from kinfo.kernel.types.btf import search
from tools.guests import finder
from tools.guests.core import Core
from tools.guests.machines import GuestError
from tools.guests.told import Told

_SYMBOLS = ("_stext", "_etext", "_sinittext", "_einittext", "swapper_pg_dir")
_TABLES = ("offsets", "names", "markers", "token_table", "token_index")
_OPTIONS = {
    "enabled_all": "KALLSYMS_ALL",
    "enabled_base_relative": "KALLSYMS_BASE_RELATIVE",
    "enabled_absolute_percpu": "KALLSYMS_ABSOLUTE_PERCPU",
    "enabled_cfi_clang": "CFI_CLANG",
    "enabled_modules_tree_lookup": "MODULES_TREE_LOOKUP",
}
_LENGTHS = {"name_len": 512, "symbol_len": 666, "bit_per_long": 64, "thread_size": 0x4000}
_SAMPLE = 1 << 16  # bytes of the names that must be the same in the image and in the dump


class Facts:
    """The record's fields, and for each of them where it comes from."""

    def __init__(self, told: Told, core: Core, image: Path, config: Path, cache: Path) -> None:
        self.fields: dict[str, int | str] = {}
        self.sources: dict[str, str] = {}
        self._told, self._core = told, core
        self._image = image.read_bytes()
        self._found = finder.tables(image, cache)
        btf = Types(search(self._image))
        module = btf.struct("module")
        self.layout = "C" if "mem" in module.members else "A2"
        self.module_size = module.size
        self.memory_size = btf.struct("module_memory" if self.layout == "C" else "module_layout").size
        self._build(config.read_text().splitlines())
        self._symbols()
        self._base()
        self._modules({name: member.offset for name, member in module.members.items()})
        self._put("module_name_len", module.members["name"].elements, "BTF: elements of struct module's name")
        self._check()

    def _put(self, name: str, value: int | str, source: str) -> None:
        self.fields[name], self.sources[name] = value, source

    def _put_symbol(self, field: str, symbol: str) -> None:
        known = self._told.symbol(symbol)
        if known is None:
            raise GuestError(f"nobody knows where {symbol} is")
        self._put(field, *known)

    def _build(self, config: list[str]) -> None:
        self._put("last_uts_release", self._told.info["OSRELEASE"], "VMCOREINFO: OSRELEASE")
        for name, option in _OPTIONS.items():
            self._put(name, int(f"CONFIG_{option}=y" in config), f"config: CONFIG_{option}")
        for name, length in _LENGTHS.items():
            self._put(name, length, "a constant of these kernels on arm64")

    def _symbols(self) -> None:
        for name in _SYMBOLS:
            self._put_symbol(f"{name}_pa", name)
        self._put("_end_pa", self._told.end_of("Kernel data"), "/proc/iomem: end of Kernel data")
        names = self._told.symbol("kallsyms_names")
        assert names is not None
        for name in _TABLES:
            place = names[0] + self._found[f"kallsyms_{name}"] - self._found["kallsyms_names"]
            known = self._told.symbol(f"kallsyms_{name}")
            if known and known[0] != place:
                raise GuestError(f"kallsyms_{name} is at {known[0]:#x} for {known[1]}, at {place:#x} for vmlinux-to-elf")
            source = f"{known[1]}, and vmlinux-to-elf" if known else "vmlinux-to-elf: its distance from kallsyms_names"
            self._put(f"_{name}_pa", place, source)
        self.text_pa = names[0] - self._found["kallsyms_names"]
        if self.layout == "C":
            self._put_symbol("_text_pa", "_text")
            self._put_symbol("_seqs_of_names_pa", "kallsyms_seqs_of_names")

    def _base(self) -> None:
        """The two numbers that the kernel keeps beside its tables, read out of the dump."""
        count, base = self._told.symbol("kallsyms_num_syms"), self._told.symbol("kallsyms_relative_base")
        assert count is not None
        assert base is not None
        self._put("num_syms", self._core.number(count[0], 4), f"dump: kallsyms_num_syms, by {count[1]}")
        relative = self._told.physical(self._core.number(base[0], 8))
        self._put("_relative_pa", relative, f"dump: kallsyms_relative_base, by {base[1]}")

    def _modules(self, offsets: dict[str, int]) -> None:
        members = ("mem",) if self.layout == "C" else ("core_layout", "init_layout")
        for name in (*members, "kallsyms"):
            self._put(f"mod_{name}_offset", offsets[name], f"BTF: struct module's {name}")
        if self.layout == "A2":
            # The range's start is a variable that nobody names; the first module is loaded right there (checked below).
            start, length = min(self._told.modules), self._told.number("MODULES_END") - self._told.number("MODULES_VADDR")
            self._put("module_start_va", start, "/proc/modules: the lowest module; the kernel's constants hold the number")
            self._put("module_end_va", start + length, "its length from VMCOREINFO: MODULES_END - MODULES_VADDR")

    def _check(self) -> None:
        """What must be so if every fact is right."""
        numbers = {name: value for name, value in self.fields.items() if isinstance(value, int)}
        names = numbers["_names_pa"]
        sample = self._image[names - self.text_pa :][:_SAMPLE]
        checks = {
            "num_syms is what /proc/kallsyms lists": numbers["num_syms"] == self._told.built_in,
            "the base is the lowest symbol": numbers["_relative_pa"] == self._told.physical(self._told.lowest),
            "the first token is at 0": self._core.number(numbers["_token_index_pa"], 2) == 0,
            "the first marker is 0": self._core.number(numbers["_markers_pa"], 4) == 0,
            "the first offset is 0": self._core.number(numbers["_offsets_pa"], 4) == 0,
            "the names lie in the dump as in the image": self._core.read(names, len(sample)) == sample,
            "_text is where vmlinux-to-elf has it": numbers.get("_text_pa", self.text_pa) == self.text_pa,
            "_end is where the image header has it": numbers["_end_pa"] - self.text_pa == _image_size(self._image),
        }
        if self.layout == "A2":
            constants = self._core.read(numbers["_etext_pa"], numbers["_sinittext_pa"] - numbers["_etext_pa"])
            checks["the module area's start is a constant"] = numbers["module_start_va"].to_bytes(8, "little") in constants
        for check, holds in checks.items():
            if not holds:
                raise GuestError(f"the facts contradict one another; not so: {check}")

    def record(self) -> bytes:
        """The record, in the layout that fits the kernel."""
        return kinfo.encode(self.fields, self.layout)

    def meta(self) -> dict[str, Any]:
        """What the guest's meta.json says about the kernel besides."""
        told = self._told
        return {
            "layout": self.layout,
            "va_bits": 64 - told.number("TCR_EL1_T1SZ"),  # the CPU's, where NUMBER(VA_BITS) is the configuration's
            "kimage_voffset": hex(told.voffset),
            "phys_offset": hex(told.number("PHYS_OFFSET")),
            "module_size": self.module_size,
            "module_memory_size": self.memory_size,  # of an element of mem, or of core_layout
            "text_pa": hex(self.text_pa),
            "facts": self.sources,
        }


def _image_size(image: bytes) -> int:
    return int.from_bytes(image[16:24], "little")
