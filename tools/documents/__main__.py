"""Build the site into a folder: `python -m tools.documents -o build/site`. Any warning is an error, and so is a dead link."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

_TO_FIRST = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>kinfo</title>
<meta http-equiv="refresh" content="0; url={0}"></head><body><a href="{0}">kinfo</a></body></html>
"""


def main() -> int:
    """Build, look at every link, and say where the first page is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", dest="folder", type=Path, default=ROOT / "build" / "site", help="replaced when it is there")
    folder = parser.parse_args().folder.resolve()
    if code := build(folder):
        return code
    from tools.documents.links import links

    found = links(folder)
    for line in found.wrong:
        print(f"documents: {line}", file=sys.stderr)
    listed = "".join(f"{link}  {' '.join(sorted(set(pages)))}\n" for link, pages in sorted(found.outside.items()))
    (folder / "external-links.txt").write_text(listed)
    pages = len(list(folder.rglob("*.html")))
    print(
        f"documents: {pages} pages, {len(found.wrong)} dead links, {len(found.outside)} external links in external-links.txt"
    )
    print(f"documents: open {folder / 'index.html'}")
    return 1 if found.wrong else 0


def build(folder: Path) -> int:
    """Sphinx's exit code. The folder is replaced."""
    from sphinx.cmd.build import build_main

    from tools.documents.contents import FIRST

    shutil.rmtree(folder, ignore_errors=True)
    here = Path(__file__).resolve().parent
    code = build_main(["-q", "-W", "--keep-going", "-n", "-c", str(here), "-d", f"{folder}.trees", str(ROOT), str(folder)])
    shutil.rmtree(f"{folder}.trees", ignore_errors=True)
    if not code:
        (folder / ".buildinfo").unlink(missing_ok=True)
        shutil.rmtree(folder / "_sources", ignore_errors=True)
        (folder / "index.html").write_text(_TO_FIRST.format(f"{FIRST}.html"))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
