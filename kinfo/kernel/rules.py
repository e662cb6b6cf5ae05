"""What can be found about the kernel that a record points at."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_MODULE = "kernel/module/main.c; struct module in include/linux/module.h"

KERNEL_ANOTHER_BOOT = Rule(
    "kernel-another-boot",
    _ERROR,
    "the record and the memory name different kernels",
    "addresses and names may belong to another kernel than the one in the dump",
    "take the record out of the same dump (leave --kinfo out), or dump both again after one boot",
    "linux_banner, init/version-timestamp.c, against the record's release",
)
KERNEL_BASE = Rule(
    "kernel-base",
    _INFO,
    "the symbols count from another field than the record's layout says",
    "a boot loader that adds the record's base gives every symbol a wrong address",
    "nothing to do here; for the writer see `kinfo explain symbols-base` and `symbols-no-base`",
    "kallsyms_relative_base: _text where KALLSYMS_ALL is on, _stext where it is off (scripts/kallsyms.c)",
)
KERNEL_ENCODING = Rule(
    "kernel-encoding",
    _INFO,
    "the symbol table has another form than that kernel's release leads to expect",
    "readers that go by the release (LK, MediaTek mrdump) misread the table",
    "nothing to do here: the form was verified; the tree has a backport, or the release is not the kernel's own",
    "scripts/kallsyms.c, 4.14 to 7.0",
)
KERNEL_VOFFSET = Rule(
    "kernel-voffset",
    _ERROR,
    "two sources of kimage_voffset disagree",
    "one of them is damaged: virtual addresses may be wrong",
    "physical addresses hold; compare one virtual address with a line of the kernel's log",
    "kallsyms_relative_base holds a VA; swapper_pg_dir maps the image",
)
KERNEL_NO_PAGE_TABLE = Rule(
    "kernel-no-page-table",
    _WARNING,
    "the kernel's page table cannot be read",
    "only the kernel image has virtual addresses; modules, stacks and the heap have none",
    "dump the kernel image whole: swapper_pg_dir is a part of it",
    "arch/arm64/mm/mmu.c, arch/x86/mm/init_64.c",
)
KERNEL_NO_MODULES = Rule(
    "kernel-no-modules",
    _INFO,
    "the list of modules cannot be had",
    "addresses in modules get no names",
    "the message says what is missing; a kernel with CONFIG_KALLSYMS_ALL has the symbol",
    _MODULE,
)
KERNEL_MODULES_BROKEN = Rule(
    "kernel-modules-broken",
    _WARNING,
    "the list of modules breaks off",
    "modules behind the break have no names",
    "a module was being loaded, or memory is damaged or missing: the address says where",
    _MODULE,
)
KERNEL_NO_BANNER = Rule(
    "kernel-no-banner",
    _INFO,
    "the kernel's banner cannot be read from the memory",
    "nothing but the symbol table itself shows that record and memory belong together",
    "nothing to do: without CONFIG_KALLSYMS_ALL no symbol says where the banner is",
    "linux_banner, init/version-timestamp.c",
)
KERNEL_LK_WALK = Rule(
    "kernel-lk-walk",
    _INFO,
    "the boot loader cannot follow this kernel's page table",
    "LK prints UNKNOWN+0x0 for every address of a backtrace",
    "nothing is wrong with the record: give the boot loader's log to `kinfo symbolize` together with the RAM dump",
    "LK, lib/linux_debug: virt_to_phys is a walk of three levels with VA_BITS 39",
)

RULES: tuple[Rule, ...] = tuple(value for value in globals().values() if isinstance(value, Rule))
