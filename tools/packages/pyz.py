"""kinfo in one file, for machines with a Python and no network: `make pyz`.

It holds kinfo and every package of a plain install, compiled ones for each Python and each machine: `make pyz
PYTHONS=3.11 MACHINES=x86_64` makes a smaller one. What several of them have alike is in it once. Start it as it is
(`./kinfo.pyz`) or by a Python of choice (`python3.12 kinfo.pyz`); start/unpack.py says where it unpacks itself. The same
packages make the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import re
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

from tools.packages import dist, licences

START = Path(__file__).parent / "start"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
GLIBC_TAGS = {"manylinux2014": (2, 17), "manylinux2010": (2, 12), "manylinux1": (2, 5)}
NEWEST_GLIBC = 28  # Debian 10, RHEL 8: numpy's wheels ask for it
LEFT_OUT = re.compile(
    r"/tests?/|\.pyi$|^numpy/(f2py|_core/include|distutils)/|\.a$|/RECORD$|/INSTALLER$|/_cffi\.[^/]*so$|^bin/"
)
"""Of other projects' wheels: what no run of kinfo loads."""
EPOCH = (1980, 1, 1, 0, 0, 0)


class Target(NamedTuple):
    """A CPython and the machine that it runs on."""

    python: str
    machine: str

    @property
    def tag(self) -> str:
        """As CPython has it in the names of its extension modules."""
        return f"cpython-{self.python.replace('.', '')}-{self.machine}-linux-gnu"


def is_compiled(name: str) -> bool:
    """Whether the wheel of an installed package is of one Python and machine."""
    return "Root-Is-Purelib: false" in (distribution(name).read_text("WHEEL") or "")


def platforms(machine: str) -> Iterator[str]:
    """Every tag of wheels that run with the newest glibc that is asked for."""
    yield from (f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_GLIBC, 4, -1))
    yield from (f"{name}_{machine}" for name in GLIBC_TAGS)


def fetched(targets: list[Target], into: Path) -> dict[Target, list[Path]]:
    """The wheels of each: kinfo's of the last commit, the others at the versions that are installed here."""
    others = [f"{one.name}=={one.version}" for one in licences.plain() if one.name != licences.PROJECT]
    compiled = [one for one in others if is_compiled(one.partition("==")[0])]
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    pure = into / "pure"
    tree = dist.cloned(dist.PLACES[0], into)
    dist.built(tree, pure, dist.PLACES[0], "315532800", "--wheel")
    dist.run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(pure), *(one for one in others if one not in compiled))
    wheels = {}
    for target in targets:
        folder, code = into / target.tag, f"cp{target.python.replace('.', '')}"
        options = [
            "--only-binary=:all:",
            "--no-deps",
            "--implementation=cp",
            f"--python-version={target.python}",
            "--dest",
            str(folder),
        ]
        tags = [f"--platform={one}" for one in platforms(target.machine)] + [f"--abi={one}" for one in (code, "abi3", "none")]
        dist.run(*pip, "download", "--quiet", *options, *tags, *compiled)
        wheels[target] = sorted([*pure.glob("*.whl"), *folder.glob("*.whl")])
    return wheels


def glibc_of(wheels: list[Path]) -> tuple[int, int]:
    """The oldest glibc that all of these wheels run with."""
    found = [(0, 0)]
    for wheel in wheels:
        tags = wheel.stem.rpartition("-")[2]
        versions = [(int(major), int(minor)) for major, minor in re.findall(r"manylinux_(\d+)_(\d+)_", tags)]
        versions += [version for name, version in GLIBC_TAGS.items() if f"{name}_" in tags]
        found.append(min(versions, default=(0, 0)))
    return max(found)


def contents(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a wheel as they lie when it is installed, but for those that no run loads."""
    with zipfile.ZipFile(wheel) as packed:
        for name in sorted(packed.namelist()):
            if not name.endswith("/") and (name.startswith("kinfo/") or not LEFT_OUT.search(name)):
                yield re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", name), packed.read(name)


def layers(wheels: dict[Target, list[Path]]) -> dict[tuple[Target, ...], dict[str, bytes]]:
    """Files by who has them alike: what is the same for all is in one layer, and so on."""
    owners: dict[tuple[str, bytes], list[Target]] = defaultdict(list)
    data: dict[tuple[str, bytes], bytes] = {}
    for target, files in wheels.items():
        for wheel in files:
            for name, text in contents(wheel):
                key = (name, hashlib.sha256(text).digest())
                data[key] = text
                owners[key].append(target)
    made: dict[tuple[Target, ...], dict[str, bytes]] = defaultdict(dict)
    for key in sorted(owners):
        made[tuple(owners[key])][key[0]] = data[key]
    return made


def zipped(files: dict[str, bytes], *, is_packed: bool = True) -> bytes:
    """An archive of files, the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED if is_packed else zipfile.ZIP_STORED, 9)
    return out.getvalue()


def made(wheels: dict[Target, list[Path]]) -> bytes:
    """The whole file."""
    parts = {owners: zipped(files) for owners, files in sorted(layers(wheels).items())}
    names = {owners: f"layer-{number}.zip" for number, owners in enumerate(parts)}
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts.values())).hexdigest()[:16]
    targets = {one.tag: tuple(names[owners] for owners in parts if one in owners) for one in wheels}
    glibc = glibc_of([wheel for files in wheels.values() for wheel in files])
    files = {
        "__main__.py": (START / "first.py").read_bytes(),
        "kinfo_start.py": (START / "unpack.py").read_bytes(),
        "kinfo_index.py": f"DIGEST = {digest!r}\nGLIBC = {glibc!r}\nTARGETS = {targets!r}\n".encode(),
        **{names[owners]: part for owners, part in parts.items()},
    }
    return b"#!/usr/bin/env python3\n" + zipped(files, is_packed=False)


def main(arguments: list[str] | None = None) -> int:
    """Write dist/kinfo.pyz, and say what is in it."""
    parser = argparse.ArgumentParser(prog="pyz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pythons", nargs="+", default=PYTHONS, metavar="3.N")
    parser.add_argument("--machines", nargs="+", default=MACHINES, choices=MACHINES)
    parser.add_argument("-o", "--output", type=Path, default=dist.ROOT / "dist" / "kinfo.pyz")
    options = parser.parse_args(arguments)
    targets = [Target(python, machine) for machine in options.machines for python in options.pythons]
    with tempfile.TemporaryDirectory() as folder:
        wheels = fetched(targets, Path(folder))
        data = made(wheels)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_bytes(data)
    os.chmod(options.output, 0o755)
    print(*sorted({wheel.name for files in wheels.values() for wheel in files}), sep="\n")
    print(f"{hashlib.sha256(data).hexdigest()}  {options.output.name}")
    print(f"pyz: {options.output}: {len(data) / (1 << 20):.0f} MiB, for {', '.join(one.tag for one in targets)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
