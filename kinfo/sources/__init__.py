"""What a user names, opened once: recognised by content, unpacked, its bytes, and the physical memory made of them.

Names are loaded when first used: a tree or a record that is a file of its own needs no reader of dumps.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kinfo.sources.memory import RawDump, open_memory, open_source
    from kinfo.sources.opened import Opened, open_all, open_file

_HOMES = {
    **dict.fromkeys(("RawDump", "open_memory", "open_source"), "memory"),
    **dict.fromkeys(("Opened", "open_all", "open_file"), "opened"),
}

__all__ = ["Opened", "RawDump", "open_all", "open_file", "open_memory", "open_source"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
