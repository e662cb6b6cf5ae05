"""Names that clang's link-time optimisation lengthened: a static function that it made global is `name.llvm.HASH`.

The kernel cuts that off where it names an address and where it looks a name up (cleanup_symbol_name() of
kernel/kallsyms.c); /proc/kallsyms has the whole name. It came in 5.13 (mainline's first form cut `$HASH` only, Android's
`.llvm.` too; 5.16 cut at the first dot, 6.5 and 6.1.y at `.llvm.`) and went in 6.11 ("kallsyms: Match symbols exactly with
CONFIG_LTO_CLANG"; 6.10.y has that from some release on). A record does not say whether its kernel was built so, but such
names are in no other.
"""

from __future__ import annotations

import re

from kinfo.record.kernels import Version

_CUT_BY: tuple[Version, Version] = ((5, 13), (6, 10))
_HASH = re.compile(r"\.llvm\.[0-9]")


def cuts(version: Version | None) -> bool:
    """Whether kernels of that release name addresses without the hash."""
    return version is not None and _CUT_BY[0] <= version <= _CUT_BY[1]


def short(name: str) -> str:
    """The name as it was before: without `.llvm.HASH` and what follows."""
    found = _HASH.search(name) if ".llvm." in name else None
    return name[: found.start()] if found else name
