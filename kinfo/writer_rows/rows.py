"""Every writer of the record that is modelled: what ships first, then the postings of the series, oldest first."""

from __future__ import annotations

from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.printable import quoted
from kinfo.writer_rows import series
from kinfo.writer_rows.model import Gap, Posting, TreeShape, WriterRow

DEBUG_KINFO, DEBUG_KINFO_V2, KINFO = "google,debug-kinfo", "google,debug-kinfo-v2", "google,kinfo"
ANDROID = "Android debug_kinfo driver"

_BOTH = (DEBUG_KINFO, DEBUG_KINFO_V2)
_COMMON = ((5, 10), (5, 15), (6, 1), (6, 6), (6, 12))  # Android's common kernels
_ON_REGION = "compatible on the reserved-memory child"
_BORDERS = ("_sinittext", "_einittext", "_end", "_text", "_stext", "_etext")
_COUNT, _BASE = "kallsyms_num_syms", "kallsyms_relative_base"
_KALLSYMS = ("offsets", "names", "token_table", "token_index", "markers", "seqs_of_names")
_TABLES = tuple(f"kallsyms_{name}" for name in _KALLSYMS)
_WITH_BASE = (*_BORDERS, _COUNT, _BASE, *_TABLES, "swapper_pg_dir")
_WITHOUT = (*_BORDERS, _COUNT, *_TABLES, "swapper_pg_dir")
_MM, _KERNEL = "mm/kmemdump/kinfo.c", "kernel/meminspect/kinfo.c"

_SHIPPED = (
    WriterRow(
        *("android", "", ANDROID, "Android's debug_kinfo driver", ""),
        ("C", "CR", "B", "A6v2", "A6", "A5", "A4", "A3", "A2", "A1n", "A1", "A0"),
        None,
        "drivers/staging/android/debug_kinfo.c, drivers/android/debug_kinfo.c",
        tree=TreeShape("device node with memory-region (Android; all that ships)", False, _BOTH, _BOTH, _COMMON),
        words={
            "A0": " of 2020 (uses virt_to_phys on image symbols; _addresses_pa may be garbage)",
            "A1": " in drivers/staging/android, 2021",
            "A1n": " with the module offsets under #ifdef CONFIG_MODULES",
            "A2": " of 5.10 to 6.1 device trees",
            "A3": " in kernel_common's staging tree",
            "A4": " in BayLibre's staging copy (its .c was not seen)",
            "A5": " between the removal of core_layout and mod_mem_offset",
            "A6": " of 6.6 device trees",
            "A6v2": " with the v2 compatible",
            "B": " in kernel_common",
            "C": " in kernel_common",
            "CR": ' whose header says "Start from 6.19" (its .c was not seen)',
        },
    ),
    WriterRow(
        *(
            "android-samsung",
            "",
            "Samsung's copy",
            "Samsung's copy for 6.6: seqs_of_names in _addresses_pa",
            "",
            ("A6",),
            None,
        ),
        "debug_kinfo.c of Samsung's 6.6 trees",
        words={"A6": " (puts kallsyms_seqs_of_names in _addresses_pa)"},
    ),
    WriterRow(
        *("android-gt8pro", "", "the realme GT8pro's copy", "the realme GT8pro's copy for 6.12: no _text_pa, no seqs", ""),
        *(("C", "B", "A6"), None, "debug_kinfo.c of the realme GT8pro's 6.12 tree"),
    ),
    WriterRow(
        *("kdebuginfo", "", "Google kdebuginfo", "Google's kdebuginfo of 2018: virtual addresses", "", ("Z0",), None),
        "kdebuginfo.c of 4.9 to 4.19",
        words={"Z0": ", a device_initcall that ioremaps the node's first resource"},
    ),
    WriterRow(
        *("pixel", "", "Pixel vendor module debug-snapshot-debug-kinfo", "the Pixel vendor module's block", ""),
        ("V3l", "V3s", "V3", "V2", "V1"),  # V4's frequency names are the hardware's: no fact of a kernel
        *(None, "debug-snapshot-debug-kinfo.c of Pixel trees"),
        words=dict.fromkeys(("V4", "V3l", "V3s", "V3", "V2", "V1"), ""),
    ),
)
_POSTED = (
    WriterRow(
        *("kmemdump-rfc-v2", "rfc-v2", "kmemdump RFC v2", "kmemdump RFC v2, posted 2025-07", "2025-07", ("C",), (6, 16)),
        f"kmemdump RFC v2 {_MM}",
        series=series.RFC_V2,
        posting=Posting((*_WITH_BASE, "init_uts_ns_name"), False, "place", "stored", True, is_sysname=True),
        gaps=(
            Gap("_relative_pa", "RFC v2 stores the variable's own address", f"kmemdump RFC v2 {_MM}"),
            Gap(
                *("last_uts_release", 'RFC v2 copies the first member of init_uts_ns, which is "Linux"'),
                f"kmemdump RFC v2 {_MM}",
            ),
        ),
    ),
    WriterRow(  # its ids were not seen
        *("kmemdump-rfc-v3", "rfc-v3", "kmemdump RFC v3", "kmemdump RFC v3, posted 2025-09", "2025-09", ("C",), (6, 17)),
        f"kmemdump RFC v3 {_MM}",
        posting=Posting(("init_uts_ns", *_WITH_BASE), True, "value", "stored", True),
    ),
    WriterRow(
        *("meminspect-v1", "v1", "meminspect v1", "meminspect v1, posted 2025-11", "2025-11", ("C",), (6, 18)),
        f"meminspect v1 {_KERNEL}",
        TreeShape(
            "google,kinfo device node (meminspect v1, posted 2025-11)", False, (KINFO,), (DEBUG_KINFO,), ((6, 12), (7, 2))
        ),
        series.V1,
        Posting(("init_uts_ns", *_WITH_BASE), True, "value", "copied"),
    ),
    WriterRow(
        *("meminspect-v2", "v2", "meminspect v2", "meminspect v2, posted 2026-03", "2026-03", ("C",), (7, 0)),
        f"meminspect v2 {_KERNEL}",
        TreeShape(f"{_ON_REGION} (meminspect v2, posted 2026-03)", True, (DEBUG_KINFO,), (DEBUG_KINFO,), ((7, 2),)),
        series.V2,
        Posting(("init_uts_ns", *_WITHOUT), True, "value", "copied"),
        (Gap("_relative_pa", "v2 stores no _relative_pa", f"meminspect v2 15/25: {_BASE} is no longer registered"),),
    ),
    WriterRow(
        *("meminspect-v3", "v3", "meminspect v3", "meminspect v3, posted 2026-07", "2026-07", ("D",), (7, 2)),
        f"meminspect v3 {_KERNEL}",
        TreeShape(f"{_ON_REGION} (meminspect v3, posted 2026-07)", True, (DEBUG_KINFO,), (DEBUG_KINFO,), ((7, 2),)),
        series.V3,
        Posting(("init_uts_ns", *_WITHOUT), True, "", ""),
        (Gap("_relative_pa", "v3 never stores _relative_pa", f"meminspect v3 {_KERNEL}: no case for it"),),
    ),
)
ROWS: tuple[WriterRow, ...] = (*_SHIPPED, *_POSTED)


def row_named(name: str) -> WriterRow | None:
    """The row of the driver of this name, in any case; None for a name that no row has."""
    return next((row for row in ROWS if row.name == name.lower()), None)


def posting_named(key: str) -> WriterRow:
    """The posting with this key, as in v3 or rfc-v2. Raises UnknownNameError."""
    by_key = {row.key: row for row in postings()}
    try:
        return by_key[key.lower()]
    except KeyError:
        choices = f"choose one of: {', '.join(by_key)}"
        raise UnknownNameError(f"no posting is called {quoted(key)}", did_you_mean(key.lower(), by_key, choices)) from None


def postings() -> tuple[WriterRow, ...]:
    """The postings of the series, oldest first."""
    return tuple(row for row in ROWS if row.key)


def posted_in(alias: str) -> tuple[WriterRow, ...]:
    """The postings that write this layout, oldest first."""
    return tuple(row for row in postings() if alias in row.layouts)


def shipped_in(alias: str) -> tuple[WriterRow, ...]:
    """The writers that ship and write this layout."""
    return tuple(row for row in ROWS if not row.key and alias in row.layouts)


def written_by(alias: str) -> tuple[str, ...]:
    """Who writes a layout, for a reader: its postings, and of what ships those whose release for it is known."""
    return tuple(row.wrote(alias) for row in ROWS if alias in row.words or (row.key and alias in row.layouts))


def first_base() -> tuple[int, int]:
    """The oldest kernel that the series was ever posted for."""
    return min(row.base for row in postings() if row.base)
