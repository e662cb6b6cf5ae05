"""Wheel and sdist of the last commit, the same bytes wherever and whenever they are built: `make dist`.

Both are built twice, from clones that differ in path, umask, owner, file times, time zone and language, and must be alike;
the wheel out of the sdist must be the one out of the clone; both must hold what is committed, and nothing else. All files
are dated by the commit (SOURCE_DATE_EPOCH). Exit code 0, or 1 with a line a fault; then dist/ has both, and SHA256SUMS.

The bytes depend on hatchling's version, which the wheel names itself (`Generator` in its file WHEEL).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
NOBODY = 65534


class Place(NamedTuple):
    """A way in which builders' machines differ: folder, umask, owner of the files, their times, environment."""

    folder: str
    umask: int
    owner: int
    age: int
    environment: dict[str, str]


PLACES = (
    Place("a", 0o022, 0, 0, {"TZ": "UTC", "LC_ALL": "C.UTF-8"}),
    Place("b/a longer path", 0o077, NOBODY, 86_400 * 400, {"TZ": "Pacific/Auckland", "LC_ALL": "C"}),
)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def differences(first: dict[str, str], second: dict[str, str]) -> Iterator[str]:
    """A line for every file that two builds do not have alike."""
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            yield f"{name}: two builds of one commit differ"


def run(*command: str, environment: dict[str, str] | None = None, umask: int = -1) -> str:
    """What a command prints; one that fails ends everything, with what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, umask=umask, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def cloned(place: Place, into: Path) -> Path:
    """The last commit, as it lies on such a machine."""
    tree = into / place.folder / "tree"
    tree.parent.mkdir(parents=True)
    trusted = ("-c", f"safe.directory={ROOT}", "-c", f"safe.directory={ROOT}/.git")  # the checkout may be another user's
    run("git", *trusted, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(tree), umask=place.umask)
    for path in (tree, *tree.rglob("*")):
        at = path.stat().st_mtime - place.age
        os.utime(path, (at, at))
        if os.geteuid() == 0:
            os.chown(path, place.owner, place.owner)
    return tree


def built(tree: Path, into: Path, place: Place, epoch: str, *kinds: str) -> dict[str, str]:
    """Digests of what is built of a tree; with no kinds the sdist, and the wheel out of it."""
    environment = os.environ | place.environment | {"SOURCE_DATE_EPOCH": epoch}
    command = (sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", str(into), str(tree))
    run(*command, environment=environment, umask=place.umask)
    return digests(into)


def committed() -> list[str]:
    """Every file of the last commit."""
    return run("git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "ls-tree", "-r", "-z", "--name-only", "HEAD").split(
        "\0"
    )[:-1]


def wrong_contents(folder: Path, files: list[str]) -> Iterator[str]:
    """A line for every file of a package that is not committed, or the other way round."""
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(sdist) as tar:
        held = {name.partition("/")[2] for name in tar.getnames()}
    yield from _odd(sdist.name, held, {*files, "PKG-INFO"})
    with zipfile.ZipFile(wheel) as packed:
        # .data/ is for a prefix: completions, which are committed below kinfo/, and man pages, made of the commands.
        held = {name for name in packed.namelist() if ".dist-info/" not in name and ".data/data/share/" not in name}
    wanted = {name for name in files if name.startswith("kinfo/")}
    wanted |= {f"kinfo/{name}" for name in files if name.startswith("bindings/")}
    yield from _odd(wheel.name, held, wanted)


def _odd(package: str, held: set[str], wanted: set[str]) -> Iterator[str]:
    yield from (f"{package}: holds {name}, which is not committed" for name in sorted(held - wanted))
    yield from (f"{package}: lacks {name}" for name in sorted(wanted - held))


def faults(into: Path) -> Iterator[str]:
    """What is wrong with packages of the last commit; they are in `into` then."""
    epoch = (
        os.environ.get("SOURCE_DATE_EPOCH")
        or run("git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), "log", "-1", "--format=%ct").strip()
    )
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        trees = [cloned(place, work) for place in PLACES]
        results = [built(tree, work / str(at), PLACES[at], epoch) for at, tree in enumerate(trees)]
        yield from differences(*results)
        direct = built(trees[1], work / "direct", PLACES[1], epoch, "--wheel")
        yield from (
            f"{wheel}: out of the sdist it is another than out of the tree"
            for wheel, digest in direct.items()
            if results[0][wheel] != digest
        )
        yield from wrong_contents(work / "0", committed())
        into.mkdir(parents=True, exist_ok=True)
        for package in results[0]:
            shutil.copyfile(work / "0" / package, into / package)


def main() -> int:
    """Build; 1 with a line for each fault, or the sums of what is there."""
    into = ROOT / "dist"
    found = list(faults(into))
    for fault in found:
        print(f"dist: {fault}")
    if found:
        return 1
    sums = "".join(f"{digest}  {name}\n" for name, digest in digests(into).items() if name.endswith((".whl", ".tar.gz")))
    (into / "SHA256SUMS").write_text(sums)
    print(f"{sums}dist: wheel and sdist are the same bytes from two clones, and hold what is committed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
