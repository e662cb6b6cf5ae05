"""What a plain install consists of, as CycloneDX: `make sbom` writes dist/kinfo.cdx.json.

The wheel of the last commit is installed into an environment of its own, which cyclonedx-py describes and holds against
CycloneDX's schema. Licences that a package's metadata does not state are put in from licences.py. The same packages make the
same bytes. Exit code 0, or 1 with a line a fault.
"""

from __future__ import annotations

import json
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kinfo.version import __version__
from tools.packages import dist, licences

VERSION = "1.6"


def described(work: Path) -> dict[str, Any]:
    """The document of a plain install, made in a folder."""
    tree = dist.cloned(dist.PLACES[0], work)
    dist.built(tree, work / "dist", dist.PLACES[0], "315532800", "--wheel")
    venv.create(work / "venv", with_pip=True)
    python = str(work / "venv" / "bin" / "python")
    dist.run(python, "-m", "pip", "install", "--quiet", str(next((work / "dist").glob("*.whl"))))
    dist.run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
    out = work / "kinfo.cdx.json"
    options = ["--output-reproducible", "--mc-type", "application", "--pyproject", str(tree / "pyproject.toml")]
    dist.run(sys.executable, "-m", "cyclonedx_py", "environment", *options, "--sv", VERSION, "-o", str(out), python)
    document: dict[str, Any] = json.loads(out.read_text())
    return document


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """With the licences that only licences.py knows, and kinfo's own version."""
    for component in document["components"]:
        licence, _ = licences.STATED_ELSEWHERE.get(licences.normal(component["name"]), ("", ""))
        if licence and not component.get("licenses"):
            component["licenses"] = [{"expression": licence}]
    document["metadata"]["component"].setdefault(
        "version", __version__
    )  # pyproject.toml says where it stands, not what it is
    return document


def faults(document: dict[str, Any]) -> Iterator[str]:
    """A line for each thing that the document says wrong, or not."""
    named = {licences.normal(one["name"]): one for one in document["components"]}
    wanted = {one.name for one in licences.plain()}
    yield from (f"{name}: is in the document, but no part of a plain install" for name in sorted(named.keys() - wanted))
    missing = wanted - named.keys() - {licences.PROJECT}  # which is what the document is about
    yield from (f"{name}: is part of a plain install, but not in the document" for name in sorted(missing))
    yield from (f"{name}: no licence" for name, one in sorted(named.items()) if not one.get("licenses"))
    yield from (f"schema: {fault}" for fault in invalid(document))


def invalid(document: dict[str, Any]) -> Iterator[str]:
    """What CycloneDX's own schema has against it."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.from_version(VERSION)).validate_str(json.dumps(document))
    if error is not None:
        yield str(error)


def main() -> int:
    """Write it, and say how many packages it has."""
    with tempfile.TemporaryDirectory() as folder:
        document = completed(described(Path(folder)))
    found = list(faults(document))
    for fault in found:
        print(f"sbom: {fault}")
    if found:
        return 1
    out = dist.ROOT / "dist" / "kinfo.cdx.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n")
    print(f"sbom: {out}: CycloneDX {VERSION}, {len(document['components'])} packages, valid by its schema")
    return 0


if __name__ == "__main__":
    sys.exit(main())
