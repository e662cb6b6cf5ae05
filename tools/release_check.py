"""Whether this commit can be released: `make release-check`.

The version has a dated section in CHANGELOG.md, sdist and wheel are the same bytes wherever they are built, and the wheel,
alone in a clean environment, runs the demo. Works on what is committed, not on the working tree. Exit code 0, or 1 with a
line a fault.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from kinfo.version import __version__
from tools.packages import dist

ROOT = Path(__file__).resolve().parent.parent


def unreleased(version: str, changelog: str) -> str:
    """What keeps CHANGELOG.md from being that version's: "" where its first section is headed `## VERSION (YYYY-MM-DD)`."""
    heading = re.search(r"^## (.+)$", changelog, re.MULTILINE)
    if heading is None:
        return "CHANGELOG.md has no section"
    if re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading[1]):
        return ""
    return f"CHANGELOG.md begins with {heading[1]!r}: head it `## {version} (YYYY-MM-DD)`"


def demonstrated(wheel: Path, into: Path) -> str:
    """What is wrong with a wheel alone in a clean environment; "" where it runs the demo and says its version."""
    venv.create(into, with_pip=True)
    dist.run(str(into / "bin/python"), "-m", "pip", "install", "--quiet", str(wheel))
    for arguments in (["--version"], ["demo"]):
        done = subprocess.run([into / "bin/kinfo", *arguments], cwd=into, capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout:
            return f"{wheel.name}: kinfo {arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-200:]}"
    return ""


def faults() -> Iterator[str]:
    """Everything that keeps this commit from being released."""
    if fault := unreleased(__version__, (ROOT / "CHANGELOG.md").read_text()):
        yield fault
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "dist"
        yield from dist.faults(folder)
        wheel = next(folder.glob("*.whl"))
        if fault := demonstrated(wheel, Path(name) / "venv"):
            yield fault
        for file, digest in dist.digests(folder).items():
            print(f"{digest}  {file}")


def main() -> int:
    """Print every fault; 1 where there is one."""
    found = list(faults())
    for fault in found:
        print(f"release-check: {fault}")
    if not found:
        print("release-check: ready")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
