"""Compile dts_examples/: a .dtb beside every .dts, by dtc, written anew by pyfdt so that every dtc gives the same bytes."""

from __future__ import annotations

from pathlib import Path

from kinfo.dt.blob import parse
from kinfo.dt.source import compiled
from kinfo.dt.tree import tree_of
from kinfo.dt.written import to_blob

EXAMPLES = Path(__file__).resolve().parent.parent / "dts_examples"


def blobs() -> dict[Path, bytes]:
    """Every blob with what it must hold."""
    sources = sorted(EXAMPLES.rglob("*.dts"))
    return {path.with_suffix(".dtb"): to_blob(tree_of(parse(compiled(str(path), path.read_bytes(), ())))) for path in sources}


def main() -> None:
    for path, blob in blobs().items():
        path.write_bytes(blob)


if __name__ == "__main__":
    main()
