"""Write everything that is derived: the flat shapes, the documents' tables, the shipped samples, the golden files.

`python tools/generate.py` writes them; with --check it changes nothing and fails when one of them is not current.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def shapes() -> str:
    """kinfo/record/shapes.py."""
    from kinfo.record.structs import STRUCTS, shape_of

    lines = [
        '"""Generated from `structs` by tools/generate.py: the fields of every layout as (name, struct code, elements)."""',
        "",
        "SHAPES: dict[str, tuple[tuple[str, str, int], ...]] = {",
    ]
    for alias, model in STRUCTS.items():
        lines.append(f'    "{alias}": (')
        lines += [f'        ("{name}", "{item}", {elements}),' for name, item, elements in shape_of(model)]
        lines.append("    ),")
    return "\n".join([*lines, "}", ""])


def targets() -> dict[Path, bytes]:
    """Every derived file with what it must hold."""
    return {ROOT / "kinfo/record/shapes.py": shapes().encode()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a file is not current")
    check = parser.parse_args().check
    stale = [path for path, wanted in targets().items() if not path.exists() or path.read_bytes() != wanted]
    for path in stale:
        print(f"{'stale' if check else 'wrote'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(targets()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
