"""What the checks can find about the record as such; `symbol_rules` has the addresses. The checks are in `check/`."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_ANDROID = "drivers/android/debug_kinfo.c"
_MEMINSPECT = "kernel/meminspect/kinfo.c (posted v1-v3)"
_LK = "LK lib/linux_debug (Samsung, 2022)"
_CHOOSE = "run `kinfo decode --explain` to see the evidence, and force one with --layout"
_ASK_WRITER = "check the driver that wrote it, or the memory for corruption"

# Family checksum: is the record whole?
CHECKSUM_MISMATCH = Rule(
    "checksum-mismatch",
    _ERROR,
    "the stored checksum is not the sum of the body",
    "every careful boot loader (LK, MediaTek mrdump) refuses the record",
    "take the values with care: memory was corrupted, or the dump was taken while the driver wrote",
    "update_kernel_all_info(), the same in every driver",
)
CHECKSUM_INVERTED = Rule(
    "checksum-inverted",
    _INFO,
    "the checksum is inverted: a boot loader has read this record",
    "the record is good, but LK will not accept it a second time",
    "nothing to do; the values are as the kernel left them",
    _LK,
)
CHECKSUM_NOT_WRITTEN = Rule(
    "checksum-not-written",
    _ERROR,
    "the body is there but magic or checksum is not",
    "no boot loader will find the record",
    "the kernel stopped inside the driver's probe, or the driver failed: look in its log for debug-kinfo",
    f"{_ANDROID}: update_kernel_all_info() runs last, magic before the sum",
)
CHECKSUM_MAGIC = Rule(
    "checksum-magic",
    _ERROR,
    "the first word is not the layout's magic",
    "no boot loader takes these bytes for a record",
    "look for the record's place with `kinfo find --step 4`",
    "magic 0xCCEEDDFF, 0xAACCBBDD in kdebuginfo",
)
CHECKSUM_INTERRUPTED = Rule(
    "checksum-interrupted",
    _WARNING,
    "the stored checksum is the sum of the body's first words only",
    "the snapshot was taken while the driver summed in place; the update is not atomic",
    "the values are most likely right; take the dump again if you can",
    "update_kernel_all_info(), the same in every driver",
)
CHECKSUM_SUSPECT = Rule(
    "checksum-suspect",
    _INFO,
    "one field's flipped bit explains the checksum and other findings",
    "the record is whole but for that bit",
    "read the field with the bit flipped back, and look for failing memory",
    "XOR: a single flipped bit shows at its place in the sum",
)

# Family layout: which bytes mean what?
LAYOUT_AMBIGUOUS = Rule(
    "layout-ambiguous",
    _WARNING,
    "more than one layout fits the bytes",
    "the fields named may be read wrongly",
    _CHOOSE,
    "the record has no version and no size field",
)
LAYOUT_RIVALS = Rule(
    "layout-rivals",
    _INFO,
    "another layout cannot be ruled out",
    "the fields named may be read wrongly",
    _CHOOSE,
    "the record has no version and no size field",
)
LAYOUT_FORCED = Rule(
    "layout-forced",
    _WARNING,
    "the layout that was asked for is not the one the bytes speak for",
    "fields behind the first difference are likely nonsense",
    "leave --layout out, or see --explain for what speaks against it",
    "kinfo's layout detection",
)
LAYOUT_KERNEL = Rule(
    "layout-kernel",
    _WARNING,
    "this layout was never seen from such a kernel",
    "the layout may be a rival's, or the tree carries a driver of another release",
    _CHOOSE,
    "the trees and postings listed by `kinfo layouts NAME`",
)

# Family record: everything about the record that is no address.
RECORD_ERASED = Rule(
    "record-erased",
    _ERROR,
    "the region holds nothing but one byte value",
    "there is no record: the boot loader gets no symbols",
    "all 00: the driver never ran, or LK cleared the region after use; all ff: memory that lost power, or flash",
    _LK,
)
RECORD_TRUNCATED = Rule(
    "record-truncated",
    _ERROR,
    "the dump ends inside the record",
    "the checksum cannot be formed and the last fields are missing",
    "dump the whole reserved-memory region (a page at least)",
    "struct kernel_all_info",
)
RECORD_INCOMPLETE = Rule(
    "record-incomplete",
    _WARNING,
    "the record is valid, but fields that the kernel must have are 0",
    "the boot loader cannot name symbols without them",
    "the kernel stopped before late_initcall, or regions are not annotated: see which ids the meminspect table holds",
    f"{_MEMINSPECT}: fields fill one by one, each update ends in a valid checksum",
)
RECORD_EMPTY = Rule(
    "record-empty",
    _WARNING,
    "the record is valid, but no region was ever registered",
    "the boot loader gets constants of the build and not one address",
    "the kernel stopped between the driver's probe and late_initcall",
    f"{_MEMINSPECT}; seen in a booted kernel",
)
RECORD_REGION_SIZE = Rule(
    "record-region-size",
    _ERROR,
    "the region is too small for the record",
    "the driver's probe fails, or the second half's vendor block overwrites the record",
    "enlarge the reserved-memory node's reg (twice the record where a Pixel mapper takes the second half)",
    f"{_ANDROID}; drivers/soc/google/debug/debug-snapshot-debug-kinfo.c",
)
RECORD_TAIL = Rule(
    "record-tail",
    _INFO,
    "the region behind the record is not zero",
    "none: the drivers clear and sum only the struct",
    "nothing to do; kinfo does not take those bytes for fields",
    f"{_ANDROID}: memset(sizeof(struct kernel_all_info))",
)
RECORD_IN_IMAGE = Rule(
    "record-in-image",
    _ERROR,
    "the record lies inside the kernel image it describes",
    "either the reserved memory overlaps the kernel, or the record or the base address is wrong",
    "check --base, then the reserved-memory node against the kernel's load address",
    "reserved memory is never handed to the image",
)
RECORD_FLAG = Rule(
    "record-flag",
    _ERROR,
    "a flag is neither 0 nor 1",
    "boot loaders branch on it (LK picks the symbol table by enabled_base_relative)",
    _ASK_WRITER,
    "IS_ENABLED() gives 0 or 1",
)
RECORD_BASE_RELATIVE = Rule(
    "record-base-relative",
    _WARNING,
    "enabled_base_relative is 1 although the kernel has no such option",
    "the release or the flag is wrong",
    _ASK_WRITER,
    "CONFIG_KALLSYMS_BASE_RELATIVE was removed for 6.11",
)
RECORD_BASE_RELATIVE_ZERO = Rule(
    "record-base-relative-zero",
    _INFO,
    "enabled_base_relative is 0 although every table of this kernel is base-relative",
    "LK and other readers of the A layouts take 0 for 'use _addresses_pa' and find no symbol",
    "ignore the flag from 6.11 on; a reader should look at _offsets_pa",
    "CONFIG_KALLSYMS_BASE_RELATIVE was removed for 6.11: IS_ENABLED() of it is 0",
)
RECORD_ABSOLUTE_PERCPU = Rule(
    "record-absolute-percpu",
    _WARNING,
    "enabled_absolute_percpu is 1, which only x86-64 SMP kernels can have",
    "Samsung's sec_qc_summary takes it for 'use _addresses_pa'; other readers decode offsets by sign",
    "right on an x86-64 guest; on arm64 the byte is corrupt",
    "init/Kconfig: default X86_64 && SMP in 6.1 and 6.12, gone by 7.0",
)
RECORD_CFI_RENAMED = Rule(
    "record-cfi-renamed",
    _INFO,
    "enabled_cfi_clang is 0, but the option has another name in this kernel",
    "the flag says nothing from 6.18 on",
    "ask the kernel's config for CONFIG_CFI",
    "CONFIG_CFI_CLANG was renamed CONFIG_CFI (2025-09)",
)
RECORD_BITS = Rule(
    "record-bits",
    _ERROR,
    "bit_per_long is neither 32 nor 64",
    "no reader can size the kernel's tables",
    _ASK_WRITER,
    "BITS_PER_LONG",
)
RECORD_THREAD_SIZE = Rule(
    "record-thread-size",
    _ERROR,
    "thread_size is no stack size",
    "back-traces run out of the stack or stop short",
    _ASK_WRITER,
    "THREAD_SIZE is a power of two, 16 KiB on arm64 (page size where pages are larger)",
)
RECORD_NUM_SYMS = Rule(
    "record-num-syms",
    _ERROR,
    "num_syms is no number of symbols",
    "a reader that trusts it walks out of memory",
    _ASK_WRITER,
    "kallsyms_num_syms: 20,000 to 300,000 in kernels seen",
)
RECORD_NAME_LEN = Rule(
    "record-name-len",
    _WARNING,
    "name_len is not KSYM_NAME_LEN of that kernel",
    "MediaTek's mrdump refuses a record whose name_len is not its own kernel's",
    "an out-of-tree change of KSYM_NAME_LEN, or the release is wrong",
    "128 before 6.1, 512 from 6.1 (include/linux/kallsyms.h)",
)
RECORD_MODULE_NAME_LEN = Rule(
    "record-module-name-len",
    _WARNING,
    "module_name_len is not MODULE_NAME_LEN",
    "readers that size struct module by it (LK does) find no module",
    "0 is left by trees that guard it with CONFIG_MODULES; anything else: check the writer",
    "64 - sizeof(unsigned long) (include/linux/moduleparam.h)",
)
RECORD_SYMBOL_LEN = Rule(
    "record-symbol-len",
    _WARNING,
    "symbol_len is not KSYM_SYMBOL_LEN of these lengths",
    "readers that size buffers by it cut names",
    "check name_len, bit_per_long and module_name_len: one of the four is wrong",
    "KSYM_SYMBOL_LEN (include/linux/kallsyms.h), with a build id since 5.14 or 5.15",
)
RECORD_RELEASE = Rule(
    "record-release",
    _WARNING,
    "the release does not read as a kernel release",
    "readers that switch on the version (LK on 4.19) take the wrong branch",
    "compare it with `uname -r`; kinfo's checks by kernel version are left out",
    "last_uts_release: at most 63 characters and a NUL",
)
RECORD_RELEASE_SYSNAME = Rule(
    "record-release-sysname",
    _ERROR,
    "the release is the system's name",
    "the reader cannot know the kernel version",
    "this is kmemdump RFC v2: use RFC v3 or later",
    "kmemdump RFC v2 copies &init_uts_ns.name, whose first member is sysname; fixed in RFC v3",
)
RECORD_BUILD_INFO_STALE = Rule(
    "record-build-info-stale",
    _WARNING,
    "build_info ends in the tail of an earlier, longer text",
    "the fingerprint shown is no build's",
    "write it once a boot; only the part before the tail is the last write",
    f"{_ANDROID}, {_MEMINSPECT}: memcpy of strlen() bytes, nothing is cleared",
)
RECORD_BUILD_INFO_UNTERMINATED = Rule(
    "record-build-info-unterminated",
    _WARNING,
    "build_info fills all 256 bytes without a NUL",
    "a reader that prints it as a string runs on into the next field",
    "no driver stores more than 255 bytes: check the memory",
    f"{_ANDROID}: min(255, strlen())",
)
RECORD_BUILD_INFO_NEWLINE = Rule(
    "record-build-info-newline",
    _INFO,
    "build_info ends in a newline",
    "comparisons with ro.build.fingerprint fail",
    "write it with `echo -n` or printf",
    "kernel/params.c hands the buffer to ->set unchanged",
)
RECORD_BUILD_INFO_TEXT = Rule(
    "record-build-info-text",
    _WARNING,
    "build_info holds bytes that are no text",
    "printing them raw can act on a terminal; kinfo escapes them",
    _ASK_WRITER,
    "ro.build.fingerprint is printable ASCII",
)
RECORD_TREE_LOOKUP = Rule(
    "record-tree-lookup",
    _ERROR,
    "enabled_modules_tree_lookup is neither 0 nor 1",
    "readers look for modules in the wrong structure",
    _ASK_WRITER,
    "IS_ENABLED(CONFIG_MODULES_TREE_LOOKUP)",
)
RECORD_MODULE_OFFSETS = Rule(
    "record-module-offsets",
    _WARNING,
    "the offsets into struct module cannot be",
    "addresses in modules get no name, or a wrong one",
    "compare with `pahole -C module vmlinux`",
    "struct module (include/linux/module.h): mem[] or core_layout, then init_layout, then kallsyms",
)
RECORD_MODULE_RANGE = Rule(
    "record-module-range",
    _WARNING,
    "the module range is no range of kernel addresses",
    "LK uses it as a filter and will name no module",
    _ASK_WRITER,
    f"{_ANDROID}: module_alloc_base or MODULES_VADDR",
)
RECORD_VA_SPACE = Rule(
    "record-va-space",
    _WARNING,
    "the virtual address space cannot be",
    "addresses cannot be translated",
    _ASK_WRITER,
    "VA_BITS, PAGE_OFFSET, PAGE_END and kimage_voffset of arch/arm64/include/asm/memory.h",
)
RECORD_RESERVED = Rule(
    "record-reserved",
    _WARNING,
    "a reserved word is not zero",
    "a newer writer may mean something by it",
    "check whether the layout is right: --explain",
    f"{_ANDROID}: the struct is cleared at probe",
)
RECORD_VENDOR_CHECKSUM = Rule(
    "record-vendor-checksum",
    _WARNING,
    "the vendor block's checksum or magic does not hold",
    "LK leaves the vendor release out",
    "take the vendor block's values with care",
    "drivers/soc/google/debug/debug-snapshot-debug-kinfo.c",
)
RECORD_VENDOR_POINTER = Rule(
    "record-vendor-pointer",
    _WARNING,
    "a pointer of the vendor block cannot be",
    "modules or the suspend diagnosis are looked for in other memory",
    "look for modules by the kernel's record; newer kernels have long names, which the vendor module walks wrongly",
    "drivers/soc/google/debug/debug-snapshot-debug-kinfo.c: mod_tree or modules, in the image's data; kernel VAs",
)
RECORD_VENDOR_ALONE = Rule(
    "record-vendor-alone",
    _ERROR,
    "the vendor block stands without the kernel's record",
    "the boot loader has the release, and no symbols",
    "the first half was wiped, or the kernel's driver never wrote it: look in its log for debug-kinfo",
    "drivers/soc/google/debug/debug-snapshot-debug-kinfo.c: V1 is written before the record, the later ones after it",
)
RECORD_VENDOR_RELEASE = Rule(
    "record-vendor-release",
    _WARNING,
    "the vendor block's release belongs to another kernel",
    "vendor modules and kernel come from different builds, or one half is of an earlier boot",
    "compare both releases with the flashed images",
    "drivers/soc/google/debug/debug-snapshot-debug-kinfo.c",
)

RULES: tuple[Rule, ...] = tuple(value for value in globals().values() if isinstance(value, Rule))
