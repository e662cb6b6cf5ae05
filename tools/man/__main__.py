"""Write the man pages into a folder: `python -m tools.man build/man`."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.man import pages


def main() -> int:
    """Write them; without a folder, say how."""
    if len(sys.argv) != 2:
        print("usage: python -m tools.man FOLDER", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text)
    print(f"man: wrote {folder}: {len(list(folder.iterdir()))} pages; man {folder}/kinfo.1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
