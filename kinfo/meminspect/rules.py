"""What can be wrong with an inspect table."""

from __future__ import annotations

from kinfo.findings import Rule, Severity

_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_CORE = "kernel/meminspect/meminspect.c"

UNKNOWN_ID = Rule(
    "table-unknown-id",
    _ERROR,
    "an id is none of the series'",
    "the kernel ignores it: meminspect_register_id_pa() returns",
    "check the series (--series), or the memory for corruption",
    f"{_CORE}: MEMINSPECT_ID_MAX is 201",
)
DUPLICATE_ID = Rule(
    "table-duplicate-id",
    _WARNING,
    "an id comes twice",
    "at run time the last one wins, the other region is not dumped",
    "register each region once",
    f"{_CORE}: meminspect_prepare_table() copies over slot [id]",
)
NO_ADDRESS = Rule(
    "table-no-address",
    _ERROR,
    "an entry has neither VA nor PA",
    "its region cannot be found; the kinfo driver would store the address of virtual 0",
    "in an unrelocated vmlinux apply .rela.dyn or RELR first; else check the driver that registers it",
    "arm64: --no-apply-dynamic-relocs leaves pointers 0 in the file",
)
WRAPS = Rule(
    "table-wraps",
    _ERROR,
    "an entry's end is beyond its address space",
    "the dump of the region would begin again at 0",
    "check size and address",
    "size_t arithmetic in the backends",
)
EMPTY_REGION = Rule(
    "table-empty-region",
    _WARNING,
    "an entry has a size of 0",
    "nothing is dumped for it; the new log's text is lost where log_buf_len= was given",
    "register it with its size; v1 does it right",
    "meminspect v2, v3 setup_log_buf(): size 0 for the new buffer; the minidump driver skips it",
)
NAME = Rule(
    "table-name",
    _WARNING,
    "a region's name is not that of its id",
    "files are taken for what they are not: go by the number",
    "trust the id; in v3 md_Ktk_data29.BIN holds _sinittext",
    "drivers/soc/qcom/minidump.c: string table, meminspect v3",
)
STRIDE = Rule(
    "table-stride",
    _ERROR,
    "the section's entries are not one size_of(entry) apart",
    "the kernel walks the section in steps of 40 bytes and reads garbage between them",
    "give struct inspect_entry's objects an alignment, as the review of v3 asks",
    "GCC for x86-64 aligns 40-byte objects to 32 bytes",
)
NO_PA = Rule(
    "table-no-pa",
    _INFO,
    "static entries have no PA",
    "backends compute it from the VA; unregistering such an entry finds no match",
    "nothing to do: v1 and v2 leave it 0",
    f"{_CORE}: meminspect_prepare_table(); v3 sets it",
)
SERIES_OPEN = Rule(
    "table-series",
    _INFO,
    "more than one series fits",
    "ids may mean other regions than the names say",
    "name the series with --series",
    "the table has no version field",
)
LATE_ID = Rule(
    "table-late-id",
    _INFO,
    "an id is used that the posting itself registers nothing at",
    "what the region holds is not known from its id",
    "ask the driver that registers it",
    "meminspect v1 and v2: MEMINSPECT_ID_init_mm_pgd has no annotation; a module can register it",
)
ID_OPEN = Rule(
    "table-id-open",
    _INFO,
    "ids of a core image's regions are not known",
    "such a region can be told by its address and size only",
    "give the minidump driver's region array or a RAM dump, which have ids",
    f"{_CORE}: what is registered after late_initcall is appended, whatever its id",
)
RULES = (UNKNOWN_ID, DUPLICATE_ID, NO_ADDRESS, WRAPS, EMPTY_REGION, NAME, STRIDE, NO_PA, SERIES_OPEN, LATE_ID, ID_OPEN)
