"""The library's face: what `import kinfo` offers. Nothing here prints, exits or keeps state."""

from __future__ import annotations

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
)
from kinfo.api.trees import verify_dt

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
    "verify_dt",
]
