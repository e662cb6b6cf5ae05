"""What the site has in its margin: every page, by what it is for. A page that stands nowhere fails the build."""

from __future__ import annotations

FIRST = "docs/index"

CONTENTS: dict[str, tuple[str, ...]] = {
    "Reading": (
        "docs/format",
        "docs/ram",
        "docs/dmesg",
        "docs/pstore",
        "docs/trace",
        "docs/report",
        "docs/many",
        "docs/survey",
    ),
    "Checking": ("docs/devicetree", "docs/build", "docs/compare", "docs/ci", "docs/meminspect", "docs/minidump"),
    "Looking up": ("docs/exports", "docs/output", "docs/findings", "docs/api", "docs/benchmarks"),
    "The project": ("README", "docs/development", "CONTRIBUTING", "SECURITY", "CHANGELOG"),
}


def pages() -> list[str]:
    """Every page, the first one first."""
    return [FIRST, *(page for group in CONTENTS.values() for page in group)]


def directives() -> str:
    """The contents as Sphinx wants them; not in the first page's source, as the code host would show them as code."""
    groups = [f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{_lines(names)}\n```" for title, names in CONTENTS.items()]
    return "\n\n" + "\n\n".join(groups) + "\n"


def _lines(names: tuple[str, ...]) -> str:
    return "\n".join(f"/{name}" for name in names)
