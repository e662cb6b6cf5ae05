"""What a kernel made for tests is like: everything that can be chosen, and what follows from the release."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.kernels import paging, tables
from tests.kernels.modules import ModuleShape, ModuleSpec
from tests.kernels.tables import Symbol

MIB = 1 << 20


@dataclass(frozen=True)
class Spec:
    """What kernel to make. None: as a kernel of this release and architecture has it (the properties say how).

    `symbols` replaces the functions and data that are made up (the landmarks stay), `extra` adds to them; both count from
    `_text`. `count` is how many functions are made up. `slide` is added to where the image would lie without KASLR.
    `data_letter` is the type of all data symbols (x86-64 kernels of 7.2 have "T"; "": each has its own).
    `map_head` says whether `_text` to `_stext` is mapped. `modules_by`: with "list" the symbol table
    has `modules`, with "tree" `mod_tree`, with "both" both; in memory there are always both, the tree if the kernel has one.
    """

    release: str = "6.12.1-test"
    arch: str = "arm64"
    encoding: str | None = None
    order: str | None = None
    big: bool | None = None
    seqs: bool | None = None
    counter: int | None = None
    compress: bool = True
    page_format: str | None = None
    actual_bits: int | None = None
    blocks: bool = True
    map_head: bool | None = None
    phys_base: int | None = None
    ram_size: int | None = None
    text_pa: int | None = None
    slide: int = 0x12600000
    kimage_va: int | None = None
    linear_va: int | None = None
    keep_all: bool = True
    data_letter: str = ""
    count: int = 190
    symbols: Sequence[Symbol] | None = None
    extra: Sequence[Symbol] = ()
    modules: Sequence[ModuleSpec] = (ModuleSpec("alpha"), ModuleSpec("beta", struct_offset=0xF80), ModuleSpec("gamma"))
    modules_by: str = "list"
    tree_lookup: bool = True
    module_variant: str | tuple[int, int] | None = None
    module_va: int | None = None
    export_form: str = "PREL32 with namespace"
    layout: str | None = None
    record_pa: int | None = None

    @property
    def version(self) -> tuple[int, int]:
        """(major, minor) of the release."""
        found = re.match(r"(\d+)\.(\d+)", self.release)
        assert found
        return int(found[1]), int(found[2])

    @property
    def word(self) -> int:
        """Bytes of a long."""
        return 4 if self.arch == "arm" else 8

    @property
    def shape(self) -> tables.Shape:
        """How the kallsyms tables are written."""
        version = self.version
        return tables.Shape(
            encoding=self.encoding or self._usual_encoding(),
            order=self.order or ("7.0" if version >= (7, 0) else "new" if version >= (6, 4) else "old"),
            word=self.word,
            counter=self.counter or (self.word if version < (4, 20) else 4),
            big=version >= (6, 1) if self.big is None else self.big,
            seqs=version >= (6, 1) if self.seqs is None else self.seqs,
            compress=self.compress,
        )

    def _usual_encoding(self) -> str:
        if self.version >= (7, 0):
            return "direct" if self.arch == "arm" else "place"
        return "percpu" if self.arch == "x86" and self.version < (6, 15) else "relative"

    @property
    def form(self) -> paging.Format:
        """The page table format."""
        usual = {"x86": "x86-4", "arm64": "arm64-4k-39", "arm": "arm-short"}
        return paging.FORMATS[self.page_format or usual[self.arch]]

    @property
    def page(self) -> int:
        """Bytes of a page."""
        return self.form.page

    @property
    def module_shape(self) -> ModuleShape:
        """Where struct module keeps what."""
        version = self.version
        variant: str | tuple[int, int] = "core_layout"
        if version >= (6, 4):
            variant = (16, 8) if version < (6, 13) else (24, 20) if version == (6, 13) else (16, 12)
        variant = self.module_variant or variant
        return ModuleShape(self.word, self.tree_lookup, variant, export_form=self.export_form, has_gpl_array=version < (7, 0))

    @property
    def record_layout(self) -> str:
        """The alias of the record's layout."""
        return self.layout or ("CR" if self.version >= (7, 0) else "C" if self.version >= (6, 4) else "A2")

    @property
    def ram(self) -> tuple[int, int]:
        """First physical address of RAM, and the one behind the last."""
        base = self.phys_base if self.phys_base is not None else 0 if self.arch == "x86" else 0x80000000
        usual = (8 if self.page <= 0x1000 else 12) + self.count // 1000
        return base, base + (self.ram_size or usual * MIB)

    @property
    def text(self) -> int:
        """Physical address of `_text`."""
        usual = {"arm64": 0x210000, "x86": 0x200000, "arm": 0x8000}
        return self.text_pa if self.text_pa is not None else self.ram[0] + usual[self.arch]

    @property
    def page_end(self) -> int:
        """Where the linear map's half of an arm64 kernel's VAs ends; modules come next."""
        bits = self.form.va_bits
        if bits > 48:  # the image must do with what processors without 52 bits have
            bits = 47 if self.form.page_shift == 14 else 48
        return paging.SPACE - (1 << (bits - 1))

    @property
    def text_va(self) -> int:
        """VA of `_text`, congruent to its physical address modulo 2 MiB."""
        if self.kimage_va is not None:
            return self.kimage_va
        if self.arch == "arm":
            return self.linear + self.text - self.ram[0]
        if self.arch == "x86":
            return 0xFFFFFFFF81000000 + self.slide + self.text % (2 * MIB)
        modules_size = 2048 * MIB if self.version >= (6, 5) else 128 * MIB
        return self.page_end + modules_size + self.slide + self.text % (2 * MIB)

    @property
    def linear(self) -> int:
        """VA of the first byte of RAM in the linear map."""
        if self.linear_va is not None:
            return self.linear_va
        if self.arch == "arm":
            return 0xC0000000
        if self.arch == "x86":
            return {48: 0xFFFF888000000000, 57: 0xFF11000000000000}[self.form.va_bits] + self.ram[0]
        return paging.SPACE - (1 << (self.actual_bits or self.form.va_bits))

    @property
    def first_module_va(self) -> int:
        """Where modules are loaded."""
        if self.module_va is not None:
            return self.module_va
        if self.arch == "arm":
            return self.linear - 0x1000000
        return 0xFFFFFFFFC0200000 if self.arch == "x86" else self.page_end + 0x1400000
