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
KERNEL_PART_MISSING = Rule(
    "kernel-part-missing",
    _WARNING,
    "a part of the kernel's own memory cannot be told from the rest",
    "the core that is handed on lacks it: what needs it (the log, tasks, call chains) cannot be shown from there",
    "name what leads there (--btf FILE for tasks and stacks), or hand the whole dump on",
    "`kinfo core --only kernel`: what the kernel's own tables and lists lead to",
)
KERNEL_RECORD_ASTRAY = Rule(
    "kernel-record-astray",
    _WARNING,
    "the memory has a record that leads to no kernel, and a kernel that other things lead to",
    "the record is damaged, of another boot or of a kernel that is gone: a boot loader that follows it reads something else",
    "names and addresses here are those of the kernel in the memory; `kinfo decode` shows what the record says",
    "VMCOREINFO, kernel/vmcore_info.c, and the tables in memory, against the record",
)
KERNEL_VOFFSET = Rule(
    "kernel-voffset",
    _ERROR,
    "two sources of kimage_voffset disagree",
    "one of them is damaged: virtual addresses may be wrong",
    "physical addresses hold; compare one virtual address with a line of the kernel's log",
    "kallsyms_relative_base holds a VA; swapper_pg_dir maps the image",
)
KERNEL_FOREIGN_NOTE = Rule(
    "kernel-foreign-note",
    _ERROR,
    "the dump's VMCOREINFO note is not that of the kernel in the memory",
    "debuggers that open the dump take slide and addresses from the note; kinfo takes none of them",
    "give debuggers what `kinfo core` writes: it has a sound note; if the note is right, the record is another kernel's",
    "VMCOREINFO, kernel/vmcore_info.c, against the record, linux_banner and swapper_pg_dir",
)
KERNEL_PHYS_OFFSET = Rule(
    "kernel-phys-offset",
    _ERROR,
    "sources of the linear map's place disagree",
    "one of them is damaged: virtual addresses outside the image and the modules may be wrong",
    "the message names each source with its value: dump the memory again, and do not use the one that stands alone",
    "memstart_addr, arch/arm64/mm/init.c; page_offset_base, arch/x86/mm/kaslr.c; VMCOREINFO; swapper_pg_dir",
)
KERNEL_SLIDE = Rule(
    "kernel-slide",
    _WARNING,
    "VMCOREINFO and the usual link address give different slides",
    "the slide that a debugger is given for vmlinux may be wrong; addresses out of the dump hold",
    "compare `nm vmlinux` with `kinfo lookup RAM _stext`: the difference is the slide",
    "KERNELOFFSET, kernel/vmcore_info.c and arch; KIMAGE_VADDR, arch/arm64/include/asm/memory.h (KASAN moves it)",
)
KERNEL_NO_LINEAR = Rule(
    "kernel-no-linear-map",
    _WARNING,
    "where RAM is mapped cannot be told",
    "PHYS_OFFSET is not known; a core has only the kernel image at its virtual addresses",
    "dump all RAM: the tables of the linear map lie near its top",
    "arch/arm64/mm/mmu.c, map_mem(); arch/x86/mm/init_64.c",
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
KERNEL_NO_MODULE_RANGES = Rule(
    "kernel-no-module-ranges",
    _INFO,
    "where the modules' memory is cannot be had",
    "modules are listed by name; addresses in them get none",
    "nothing to do with this dump: the layout lacks the offsets into struct module, or the driver left them 0",
    _MODULE,
)
KERNEL_MODULE_RANGES = Rule(
    "kernel-module-ranges",
    _WARNING,
    "the record's offset into struct module does not lead to a module's memory",
    "addresses in those modules get no names",
    "where it is every module, compare the offset with what `kinfo facts` finds in the vmlinux; else memory is damaged",
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
KERNEL_ANOTHER_IMAGE = Rule(
    "kernel-another-image",
    _INFO,
    "the memory has another whole kernel, with a record of its own",
    "its addresses and names are not those of the kernel that is shown",
    "nothing to do where the kernel that is shown is the right one; --kinfo with the PA of the other record shows the other",
    "after a warm reset the kernel before is still whole where physical KASLR put it elsewhere",
)
KERNEL_DRAW = Rule(
    "kernel-draw",
    _WARNING,
    "the memory has a record of another kernel than the one that was named, and nothing tells which ran",
    "addresses and names may be those of a kernel that was dead when the dump was taken",
    "hold an address of the log against both, or dump with the CPUs' registers (QEMU's and kdump's cores have them)",
    "NT_PRSTATUS, VMCOREINFO and the list of modules, of both kernels",
)
KERNEL_NOT_LIVE = Rule(
    "kernel-not-live",
    _ERROR,
    "the kernel that the record points at is not the one that ran when the dump was taken",
    "addresses and names may belong to a kernel of an earlier boot",
    "take the record out of the same dump (leave --kinfo out), or dump again after one boot",
    "NT_PRSTATUS of the core: program counters, through the kernel's own page tables; else wall clocks and lists of modules",
)
KERNEL_SEARCH_BOUND = Rule(
    "kernel-search-bound",
    _WARNING,
    "not every record of the memory was tried",
    "the kernel that ran may have a record that was not looked at",
    "name the record with --kinfo: its file, or its PA in the memory",
    "the bounds of the search",
)
KERNEL_TWO_RECORDS = Rule(
    "kernel-two-records",
    _INFO,
    "the memory has another record of the same kernel",
    "a reader that takes the other one may know less, or something else",
    "nothing to do where it tells less; where fields differ, `kinfo compare` shows how",
    "two writers in one kernel (debug_kinfo and meminspect), or a copy of an earlier one",
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
