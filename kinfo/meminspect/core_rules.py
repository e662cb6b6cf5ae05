"""What can be wrong with a core image of regions, and with the files that one is made of."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_CORE, _DRIVER = "kernel/meminspect/meminspect.c", "drivers/soc/qcom/minidump.c"

REGION_MISSING = Rule(
    "core-region-missing",
    _ERROR,
    "a region that the header lists has no file",
    "its bytes read as zeros in the core",
    "fetch the file from the device again",
    f"{_CORE}: a program header for every region",
)
REGION_EMPTY = Rule(
    "core-region-empty",
    _ERROR,
    "a region's file is empty",
    "its bytes read as zeros in the core",
    "fetch the file from the device again",
    f"{_DRIVER}: regions of size 0 are skipped, so no file is empty",
)
REGION_SIZE = Rule(
    "core-region-size",
    _ERROR,
    "a region's file has not the size that is stated for it",
    "what is short reads as zeros in the core; what is long is left out",
    "fetch the file from the device again",
    f"{_CORE} and {_DRIVER}: both round the size up to 4",
)
REGION_UNLISTED = Rule(
    "core-region-unlisted",
    _ERROR,
    "no header names a region's file",
    "it is left out of the core",
    "check that it is of the same dump",
    f"{_CORE}: a program header for every region but 1 and 2",
)
REGION_UNSURE = Rule(
    "core-region-unsure",
    _ERROR,
    "a region can lie in more than one place",
    "it is left out, and those places read as zeros in the core",
    "say where the regions lie: --regions with the driver's array, or the log of qdl --debug or edl",
    f"{_CORE}: what is registered after late_initcall is appended, whatever its id",
)
REGION_TWICE = Rule(
    "core-region-twice",
    _ERROR,
    "two files of one id differ",
    "neither is taken: the region reads as zeros in the core",
    "take away the file that is of another dump",
    f"{_DRIVER}: one region an id",
)
REGION_NO_BYTES = Rule(
    "core-region-no-bytes",
    _WARNING,
    "the header lists a region of size 0",
    "nothing was dumped for it; the log's text is lost where log_buf_len= was given",
    "register it with its size; v1 does it right",
    "meminspect v2, v3 setup_log_buf(): size 0 for the new buffer",
)
NOTE_REBUILT = Rule(
    "core-note-rebuilt",
    _ERROR,
    "the core's notes are damaged",
    "without them crash, drgn and vmcore-dmesg find no VMCOREINFO; they were made again, the command line is lost",
    "nothing to do; the kernel does not own the last page of that buffer",
    f"{_CORE}, v1 to v3: the CMA allocation is rounded down to whole pages",
)
HEADER_MADE = Rule(
    "core-header-made",
    _ERROR,
    "there is no ELF header among the regions",
    "it was made of the regions' addresses; a region that is missing is not known of",
    "nothing to do; the kernel's own needs CMA (CONFIG_DMA_CMA)",
    f"{_CORE}: init_elfheader()",
)
OTHER_BOOT = Rule(
    "core-other-boot",
    _ERROR,
    "the regions are of several boots",
    "addresses of one lead nowhere in the other: no log, wrong symbols",
    "take all files of one dump",
    "KASLR moves the image at every boot",
)
LOG_STALE = Rule(
    "core-log-stale",
    _WARNING,
    "the regions of the static log buffer are not the live log",
    "they hold the first messages of the boot only",
    "read the log by its pointers, as kinfo dmesg, drgn and vmcore-dmesg do, not by the ids",
    "kernel/printk/printk.c: log_buf_len= makes the log anew, in dynamic regions",
)
TRUNCATED = Rule(
    "core-truncated",
    _ERROR,
    "the core is cut off",
    "the regions behind its end are not there",
    "copy it again",
    "System V ABI: p_offset and p_filesz of a program header",
)
SHIFTED = Rule(
    "core-shifted",
    _ERROR,
    "a region was skipped, and all that follows is shifted",
    "every reader takes the regions behind it for others",
    "assemble the files again with kinfo core; what could be told was put right",
    "qdl 2.7: a region without a file is skipped, and no zeros are written",
)
OVERLAP = Rule(
    "core-overlap",
    _ERROR,
    "two program headers share bytes of the file",
    "one of the regions reads as the other",
    "write the core again",
    "System V ABI: p_offset and p_filesz of a program header",
)
TABLE_DIFFERS = Rule(
    "core-table-differs",
    _ERROR,
    "the table and the header disagree",
    "one of them is damaged, or of another boot",
    "take header and addresses of one dump",
    f"{_CORE} and {_DRIVER}: both follow the same table",
)
RAW_DUMP = Rule(
    "core-raw-dump",
    _ERROR,
    "the raw dump is not whole",
    "sections of it are missing or cut off",
    "give the partition more room, or copy it again",
    "Offline Dump header: flags, DumpSize, TotalDumpSizeRequired",
)
RULES = (
    *(REGION_MISSING, REGION_EMPTY, REGION_SIZE, REGION_UNLISTED, REGION_UNSURE, REGION_TWICE, REGION_NO_BYTES),
    *(NOTE_REBUILT, HEADER_MADE, OTHER_BOOT, LOG_STALE, TRUNCATED, SHIFTED, OVERLAP, TABLE_DIFFERS, RAW_DUMP),
)
