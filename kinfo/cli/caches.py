"""Where the user's things are kept that can be made again."""

from __future__ import annotations

import os


def cache_folder(name: str) -> str:
    """A folder of the user's for what can be made again."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "kinfo", name)
