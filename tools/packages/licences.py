"""Licences of everything that an install of kinfo brings, out of the installed packages' own metadata: `make licences`.

A plain install must bring no GPL and nothing whose licence is not known: exit code 1 where it does. Of the extras the
licences are listed, and whatever is GPL is named: that is why they are extras. `--extra NAME` takes only some of them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import NamedTuple

from packaging.requirements import Requirement

PROJECT = "kinfo"
EXTRAS = ("dt", "drgn", "kdump", "survey")

STATED_ELSEWHERE = {
    "pyfdt": ("Apache-2.0", "the head of its one file, pyfdt/pyfdt.py"),
    "pylibfdt": ("GPL-2.0-or-later OR BSD-2-Clause", "libfdt's sources (README.license of dtc)"),
    "pykdumpfile": ("GPL-2.0-or-later", "its LICENSE files"),
}
"""Packages whose metadata names no licence: what it is, and where that stands."""

BUNDLED = {
    "numpy": {
        "libscipy_openblas": "OpenBLAS: BSD-3-Clause",
        "libgfortran": "of GCC: GPL-3.0-or-later WITH GCC-exception-3.1",
        "libquadmath": "of GCC: LGPL-2.1-or-later",
    },
    "lz4": {"liblz4": "BSD-2-Clause"},
    "zstandard": {"libzstd": "BSD-3-Clause OR GPL-2.0-only"},
}
"""Other projects' libraries that wheels carry, beside the package's own code or in it, by how their files' names begin."""

_FREE = r"\b(MIT|BSD|0BSD|Apache|PSF|Python Software Foundation|Zlib|ISC|CC0|Unlicense|LGPL|GNU (Library or )?Lesser)\b"
_GPL = r"\bA?GPL|GNU (Affero )?General Public"


class Package(NamedTuple):
    """An installed package and its licence ("" where nobody states it); where that stands, if not in its metadata.

    `carried`: files of the libraries that its wheel has in a folder of their own.
    """

    name: str
    version: str
    licence: str
    source: str = ""
    carried: tuple[str, ...] = ()

    @property
    def is_gpl(self) -> bool:
        """Whether the GPL or the AGPL is the only way to take it: one of several choices, or with an exception, it is not."""
        choices = re.split(r"\bOR\b", self.licence)
        return all(re.search(_GPL, one) and not re.search(r"\bWITH\b", one) for one in choices)

    @property
    def is_known(self) -> bool:
        """Whether every part of it is a licence that is known here."""
        return all(re.search(f"{_FREE}|{_GPL}", one) for one in re.split(r"\bAND\b|\bOR\b|,", self.licence))

    @property
    def strangers(self) -> list[str]:
        """Libraries in its wheel that are not in BUNDLED."""
        known = tuple(BUNDLED.get(self.name, ()))
        return [one for one in self.carried if not (known and one.startswith(known))]


def of(found: Distribution) -> Package:
    """A package with its licence: the SPDX expression, else classifiers, else the old field when it is one line."""
    name, data = normal(found.metadata["Name"]), found.metadata
    classifiers = [one.rpartition(" :: ")[2] for one in data.get_all("Classifier") or [] if one.startswith("License ::")]
    expression, old = ("".join(data.get_all(field) or []).strip() for field in ("License-Expression", "License"))
    stated = expression or ", ".join(classifiers) or ("" if "\n" in old else old)
    carried = tuple(sorted(path.name for path in found.files or [] if path.parent.name.endswith(".libs")))
    if stated:
        return Package(name, found.version, stated, "", carried)
    return Package(name, found.version, *STATED_ELSEWHERE.get(name, ("", "")), carried)


def normal(name: str) -> str:
    """A package's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def brought(name: str, extras: frozenset[str] = frozenset()) -> Iterator[Distribution]:
    """Every package that this one with these extras brings, itself too. Raises PackageNotFoundError for one not installed."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, extras)]
    while waiting:
        name, extras = waiting.pop()
        if (normal(name), extras) in seen:
            continue
        is_new = normal(name) not in {one for one, _ in seen}
        seen.add((normal(name), extras))
        found = distribution(name)
        if is_new:
            yield found
        for requirement in map(Requirement, found.requires or []):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": one}) for one in extras or {""}):
                waiting.append((requirement.name, frozenset(requirement.extras)))


def plain() -> list[Package]:
    """What a plain install brings, by name."""
    return sorted(of(one) for one in brought(PROJECT))


def of_extra(extra: str) -> list[Package]:
    """What an extra brings beyond a plain install, by name; PackageNotFoundError where it is not installed."""
    known = {one.name for one in plain()}
    return sorted(one for one in map(of, brought(PROJECT, frozenset({extra}))) if one.name not in known)


def faults(packages: list[Package]) -> Iterator[str]:
    """A line for each package that a plain install must not bring."""
    for one in packages:
        if not one.is_known:
            yield f"{one.name} {one.version}: licence {one.licence or 'not stated'}: find out, or do without it"
        elif one.is_gpl:
            yield f"{one.name} {one.version}: {one.licence}: put it into an extra, or do without it"
        for library in one.strangers:
            yield f"{one.name} {one.version}: its wheel carries {library}: find out its licence, and note it in BUNDLED"


def _listed(packages: list[Package]) -> Iterator[str]:
    for one in packages:
        source = f"  [{one.source}]" if one.source else ""
        mark = "  <- GPL" if one.is_gpl else ""
        yield f"  {one.name:<28} {one.version:<14} {one.licence or 'not stated'}{source}{mark}"
        for library, licence in BUNDLED.get(one.name, {}).items():
            yield f"  {'':<28} {'':<14} its wheel carries {library}, {licence}"
        if one.strangers:
            names = ", ".join(dict.fromkeys(re.split(r"-|\.so", name)[0] for name in one.strangers))
            yield f"  {'':<28} {'':<14} its wheel carries, under licences of their own: {names}"


def main(arguments: list[str] | None = None) -> int:
    """List, and 1 where a plain install brings what it must not."""
    parser = argparse.ArgumentParser(prog="licences", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--extra", action="append", choices=EXTRAS, help="this extra alone; may be repeated")
    options = parser.parse_args(arguments)
    packages = plain()
    print("plain install:", *_listed(packages), sep="\n")
    for extra in options.extra or EXTRAS:
        try:
            print(f"extra {extra}, besides:", *_listed(of_extra(extra)), sep="\n")
        except PackageNotFoundError as missing:
            print(f"extra {extra}: {missing.args[0]} is not installed here, so what it brings is not known")
    found = list(faults(packages))
    for fault in found:
        print(f"licences: {fault}")
    if not found:
        print(f"licences: no GPL in the {len(packages)} packages of a plain install, and none whose licence is not known")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
