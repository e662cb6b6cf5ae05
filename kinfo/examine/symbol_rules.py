"""What the checks can find about addresses: the image, its kallsyms tables, its page table."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_KALLSYMS = "scripts/kallsyms.c, 6.1 and 6.12"
_ASK_WRITER = "check the driver that wrote it, or the memory for corruption"

SYMBOLS_ORDER = Rule(
    "symbols-order",
    _ERROR,
    "the image's borders are out of order",
    "a reader that tests ranges names nothing, or the wrong section",
    "one pointer is corrupt, or the layout is wrong: see --explain",
    "arch/arm64/kernel/vmlinux.lds.S, arch/x86/kernel/vmlinux.lds.S",
)
SYMBOLS_IMAGE_SIZE = Rule(
    "symbols-image-size",
    _ERROR,
    "the image is larger than a kernel can be",
    "a reader that trusts _end takes other memory for the kernel's",
    _ASK_WRITER,
    "KERNEL_IMAGE_SIZE of x86-64 is 1 GiB; arm64 images with all debugging on stay below 256 MiB",
)
SYMBOLS_HEAD = Rule(
    "symbols-head",
    _WARNING,
    "_stext is not where a linker script puts it behind the image's start",
    "one of the two is likely wrong, and symbols computed from it with it",
    _ASK_WRITER,
    "arch/arm64/kernel/vmlinux.lds.S: 64 KiB (4 KiB before 5.11); x86-64: no gap, both at a multiple of 2 MiB",
)
SYMBOLS_ALIGNMENT = Rule(
    "symbols-alignment",
    _WARNING,
    "a border of the image or a table is not aligned",
    "none for readers, but no linker script leaves it so: the pointer is likely corrupt",
    _ASK_WRITER,
    "arch/arm64/kernel/vmlinux.lds.S: _text, _stext, _etext and _end are aligned; INIT_TEXT_SECTION(8)",
)
SYMBOLS_RANGE = Rule(
    "symbols-range",
    _ERROR,
    "a pointer is no physical address",
    "a boot loader that follows it faults or reads a device",
    _ASK_WRITER,
    "physical addresses have at most 52 bits on arm64 and x86-64",
)
SYMBOLS_OUTSIDE_IMAGE = Rule(
    "symbols-outside-image",
    _ERROR,
    "a table lies outside the image",
    "names cannot be read",
    "the pointer is corrupt, or the layout is wrong: see --explain",
    f"{_KALLSYMS}: the tables are in .rodata",
)
SYMBOLS_TABLE_ORDER = Rule(
    "symbols-table-order",
    _WARNING,
    "the kallsyms tables are not in the order of that kernel",
    "readers that check the order (MediaTek mrdump) refuse the record",
    "one pointer is corrupt, the release is wrong, or the order was backported",
    f"{_KALLSYMS}; the order changed in 6.4",
)
SYMBOLS_TABLE_SIZE = Rule(
    "symbols-table-size",
    _WARNING,
    "the distance between two tables is not what num_syms gives",
    "num_syms or a pointer is wrong: names will be shifted or garbled",
    _ASK_WRITER,
    f"{_KALLSYMS}: offsets take 4 bytes a symbol, markers 4 (8 before 4.20) for 256, token_index 512",
)
SYMBOLS_NO_BASE = Rule(
    "symbols-no-base",
    _WARNING,
    "_relative_pa is 0 although this kernel's offsets count from a base",
    "LK computes every address from 0",
    "the base is _text where KALLSYMS_ALL is on, _stext where it is off",
    "meminspect v2 and v3 never store it; the kernel had it until 6.19",
)
SYMBOLS_BASE = Rule(
    "symbols-base",
    _ERROR,
    "_relative_pa is not the start of the image",
    "every symbol address computed from it is wrong",
    "take _text as the base, _stext where enabled_all is 0; kmemdump RFC v2 stores the variable's own address",
    "kmemdump RFC v2, __pa(vaddr); fixed in RFC v3 by __pa(*(u64 *)vaddr)",
)
SYMBOLS_ADDRESSES_GARBAGE = Rule(
    "symbols-addresses-garbage",
    _INFO,
    "_addresses_pa is not zero although the table is base-relative",
    "none: readers use the base when enabled_base_relative is 1",
    "ignore the field; the early driver stores virt_to_phys(0)",
    "drivers/staging/android/debug_kinfo.c of 2020/21",
)
SYMBOLS_ADDRESSES_SEQS = Rule(
    "symbols-addresses-seqs",
    _INFO,
    "_addresses_pa holds kallsyms_seqs_of_names",
    "none for readers that know it: names can be found by binary search",
    "read the field as _seqs_of_names_pa",
    "Samsung's debug_kinfo.c under CONFIG_SEC_DEBUG_BUILT",
)
SYMBOLS_PLACE_RELATIVE = Rule(
    "symbols-place-relative",
    _INFO,
    "the offsets table is place-relative: each entry counts from its own place",
    "LK and MediaTek mrdump, which add a base, find wrong names or none",
    "address of symbol i = _offsets_pa + 4*i + offsets[i]; no base is needed",
    '"kallsyms: Get rid of kallsyms relative base", 7.0',
)
SYMBOLS_PAGE_TABLE = Rule(
    "symbols-page-table",
    _ERROR,
    "swapper_pg_dir_pa cannot be the kernel's page table",
    "no virtual address can be translated",
    _ASK_WRITER,
    "swapper_pg_dir is page-aligned and inside the image",
)
SYMBOLS_VIRTUAL = Rule(
    "symbols-virtual",
    _ERROR,
    "a pointer is no kernel virtual address",
    "the boot loader's translation gives nonsense",
    _ASK_WRITER,
    "kdebuginfo (2018) stores virtual addresses",
)

RULES: tuple[Rule, ...] = tuple(value for value in globals().values() if isinstance(value, Rule))
