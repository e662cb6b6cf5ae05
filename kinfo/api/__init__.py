"""The library's face: what `import kinfo` offers. Nothing here prints, exits or keeps state.

Names are loaded when first used: a command wants one subject of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kinfo.api.builds import build, crosscheck, facts, region_values, registered, table
    from kinfo.api.comparisons import compare, compare_folders, update_baseline
    from kinfo.api.kernels import core, debug, info, lookup, read, symbol_file
    from kinfo.api.logs import Symbolized, symbolize
    from kinfo.api.many import decode_each
    from kinfo.api.pages import TriagePage, triage_page
    from kinfo.api.records import (
        decode,
        decode_all,
        encode,
        explain,
        find,
        layout,
        layout_diff,
        layouts,
        rules,
        vectors,
    )
    from kinfo.api.trees import verify_dt

_HOMES = {
    **dict.fromkeys(("build", "crosscheck", "facts", "region_values", "registered", "table"), "kinfo.api.builds"),
    **dict.fromkeys(("compare", "compare_folders", "update_baseline"), "kinfo.api.comparisons"),
    **dict.fromkeys(("core", "debug", "info", "lookup", "read", "symbol_file"), "kinfo.api.kernels"),
    **dict.fromkeys(("Symbolized", "symbolize"), "kinfo.api.logs"),
    **dict.fromkeys(("decode_each",), "kinfo.api.many"),
    **dict.fromkeys(("TriagePage", "triage_page"), "kinfo.api.pages"),
    **dict.fromkeys(
        ("decode", "decode_all", "encode", "explain", "find", "layout", "layout_diff", "layouts", "rules", "vectors"),
        "kinfo.api.records",
    ),
    **dict.fromkeys(("verify_dt",), "kinfo.api.trees"),
}

__all__ = [
    "Symbolized",
    "TriagePage",
    "build",
    "compare",
    "compare_folders",
    "core",
    "crosscheck",
    "debug",
    "decode",
    "decode_all",
    "decode_each",
    "encode",
    "explain",
    "facts",
    "find",
    "info",
    "layout",
    "layout_diff",
    "layouts",
    "lookup",
    "read",
    "region_values",
    "registered",
    "rules",
    "symbol_file",
    "symbolize",
    "table",
    "triage_page",
    "update_baseline",
    "vectors",
    "verify_dt",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
