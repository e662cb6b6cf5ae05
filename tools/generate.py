"""Write everything that is derived: the flat shapes, the documents' tables, the README's examples, the shipped samples.

`python tools/generate.py` writes them; with --check it changes nothing and fails when one of them is not current.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHAPES = ROOT / "kinfo/record/shapes.py"
SAMPLES = ("crash-6.12.elf", "crash-6.12.log", "meminspect-half.bin", "pixel-5.10.bin", "ram-6.12.bin")
sys.path.insert(0, str(ROOT))  # for tools and tests, which are in no package


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


def document(path: Path, blocks: dict[str, str]) -> str:
    """A hand-written document with its generated blocks filled in, each between a pair of markers."""
    text = path.read_text()
    for name, body in blocks.items():
        begin, end = f"<!-- begin generated: {name} -->\n", f"<!-- end generated: {name} -->"
        head, _, rest = text.partition(begin)
        _, found, tail = rest.partition(end)
        if not found:
            raise SystemExit(f"{path}: no markers for {name!r}")
        text = f"{head}{begin}\n{body}\n{end}{tail}"
    return text


def format_blocks() -> dict[str, str]:
    """The tables of docs/format.md."""
    import kinfo
    from kinfo.report.layouts import markdown
    from tools import campaign

    rows = [
        "| alias | name | bytes | words | magic | release at | build_info at | devicetree | seen in |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for layout in kinfo.layouts():
        places = [layout.by_name.get(name) for name in ("uts_release" if layout.vendor else "last_uts_release", "build_info")]
        at = " | ".join("none" if place is None else str(place.offset) for place in places)
        cells = f"{layout.alias} | {layout.name} | {layout.size} | {layout.words} | `{layout.magic:#x}` | {at}"
        rows.append(f"| {cells} | `{layout.compatible}` | {layout.seen_in} |")
    return {
        "campaign": campaign.markdown(range(1, 2)),
        "map": "\n".join(rows) + "\n",
        "layouts": "\n".join(markdown(layout) for layout in kinfo.layouts()),
    }


def findings_blocks() -> dict[str, str]:
    """The tables of docs/findings.md."""
    from kinfo.report.explain import markdown

    return {"findings": markdown()}


def api_blocks() -> dict[str, str]:
    """The reference in docs/api.md."""
    from tools import api

    return {"functions": api.functions(), "classes": api.classes()}


def targets() -> dict[Path, Callable[[], bytes]]:
    """Every derived file, and what makes what it must hold."""
    from tools.completions import WRITERS
    from tools.sessions import with_real_output

    blocks = {"format.md": format_blocks, "api.md": api_blocks, "findings.md": findings_blocks}

    def page(path: Path) -> bytes:
        text = document(path, blocks[path.name]()) if path.name in blocks else path.read_text()
        return with_real_output(text).encode()

    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    derived = {path: partial(page, path) for path in pages if path.name in blocks or "```console\n" in path.read_text()}
    made = {ROOT / "kinfo/samples" / name: partial(_sample, name) for name in SAMPLES}
    made |= {ROOT / "kinfo/completions" / name: partial(_completion, name) for name in WRITERS}
    return {SHAPES: lambda: shapes().encode(), **derived, **made}


@cache
def _samples() -> dict[str, bytes]:
    from tools.samples import samples

    return samples()


def _sample(name: str) -> bytes:
    return _samples()[name]


@cache
def _completions() -> dict[Path, bytes]:
    from tools.completions import scripts

    return scripts(Path())


def _completion(name: str) -> bytes:
    return _completions()[Path(name)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a file is not current")
    check = parser.parse_args().check
    if not check and (not SHAPES.exists() or SHAPES.read_text() != shapes()):
        SHAPES.write_text(shapes())  # first: everything else is derived with them
        print(f"wrote: {SHAPES.relative_to(ROOT)}")
    try:
        stale = [path for path, made in targets().items() if _put(path, made(), check)]
    except LookupError as error:  # a layout that is not whole yet
        print(f"generate: {error.args[0]}", file=sys.stderr)
        return 1
    return 1 if check and stale else 0


def _put(path: Path, wanted: bytes, check: bool) -> bool:
    """Whether the file was not current. It is now, unless it is only checked."""
    if path.exists() and path.read_bytes() == wanted:
        return False
    print(f"{'stale' if check else 'wrote'}: {path.relative_to(ROOT)}")
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted)
    return True


if __name__ == "__main__":
    sys.exit(main())
