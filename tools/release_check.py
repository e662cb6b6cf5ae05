"""Whether this commit can be released: `make release-check`.

The version has a dated section in CHANGELOG.md, sdist and wheel come out twice with the same bytes, and the wheel, alone in a
clean environment, runs the demo. Works on what is committed, not on the working tree. Exit code 0, or 1 with a line a fault.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def unreleased(version: str, changelog: str) -> str:
    """What keeps CHANGELOG.md from being that version's: "" where its first section is headed `## VERSION (YYYY-MM-DD)`."""
    heading = re.search(r"^## (.+)$", changelog, re.MULTILINE)
    if heading is None:
        return "CHANGELOG.md has no section"
    if re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading[1]):
        return ""
    return f"CHANGELOG.md begins with {heading[1]!r}: head it `## {version} (YYYY-MM-DD)`"


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def differences(first: dict[str, str], second: dict[str, str]) -> Iterator[str]:
    """A line for every file that two builds do not have alike."""
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            yield f"{name}: two builds of one commit differ"


def built(source: Path, into: Path) -> dict[str, str]:
    """Source distribution and wheel of a source tree; their digests."""
    run(sys.executable, "-m", "build", "--outdir", str(into), str(source))
    return digests(into)


def exported(into: Path) -> Path:
    """The committed tree, unpacked anew."""
    archive = into / "tree.tar"
    run("git", "-C", str(ROOT), "archive", "--output", str(archive), "HEAD")
    with tarfile.open(archive) as tar:
        tar.extractall(into / "tree", filter="data")
    return into / "tree"


def demonstrated(wheel: Path, into: Path) -> str:
    """What is wrong with a wheel alone in a clean environment; "" where it runs the demo and says its version."""
    venv.create(into, with_pip=True)
    run(str(into / "bin/python"), "-m", "pip", "install", "--quiet", str(wheel))
    for arguments in (["--version"], ["demo"]):
        done = subprocess.run([into / "bin/kinfo", *arguments], cwd=into, capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout:
            return f"{wheel.name}: kinfo {arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-200:]}"
    return ""


def run(*command: str) -> None:
    """A command whose failure ends the check, with what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def faults() -> Iterator[str]:
    """Everything that keeps this commit from being released."""
    from kinfo.version import __version__

    if fault := unreleased(__version__, (ROOT / "CHANGELOG.md").read_text()):
        yield fault
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / str(index) for index in range(2)]
        results = []
        for folder in folders:
            folder.mkdir()
            results.append(built(exported(folder), folder / "dist"))
        yield from differences(*results)
        wheel = next((folders[0] / "dist").glob("*.whl"))
        if fault := demonstrated(wheel, Path(name) / "venv"):
            yield fault
        for file, digest in results[0].items():
            print(f"{digest}  {file}")


def main() -> int:
    """Print every fault; 1 where there is one."""
    sys.path.insert(0, str(ROOT))
    found = list(faults())
    for fault in found:
        print(f"release-check: {fault}")
    if not found:
        print("release-check: ready")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
