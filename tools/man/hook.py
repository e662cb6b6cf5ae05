"""hatchling's hook: a wheel has the man pages in share/man/man1, where man(1) finds them below a prefix."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPages(BuildHookInterface[Any]):
    """Makes them into a folder that goes when the wheel is there."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        """Called before a wheel is made."""
        sys.path.insert(0, self.root)
        from tools.man import pages

        self.folder = tempfile.TemporaryDirectory()
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        date = time.strftime("%Y-%m-%d", time.gmtime(int(epoch))) if epoch else ""
        for name, text in pages(date).items():
            path = Path(self.folder.name) / name
            path.write_text(text)
            build_data["shared_data"][str(path)] = f"share/man/man1/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Called when it is there."""
        self.folder.cleanup()
