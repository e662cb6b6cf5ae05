"""What the site has in its margin: every page, by what it is for. What stands nowhere here comes last."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST = "docs/index"

CONTENTS: dict[str, tuple[str, ...]] = {
    "Begin": ("tutorial", "../README", "faq"),
    "You are": ("firmware-engineer", "board-integrator", "crash-triager", "ci-owner", "script-author", "boot-loader"),
    "How it works": ("detection", "placement", "ram"),
    "Reading": ("dmesg", "pstore", "trace", "report", "meminspect", "minidump", "many", "survey"),
    "Checking": ("devicetree", "build", "compare", "ci"),
    "To look up": ("format", "findings", "output", "exports", "api", "shell", "settings", "editors", "benchmarks"),
    "The project": ("development", "../CONTRIBUTING", "../SECURITY", "../CHANGELOG"),
}


def there() -> list[str]:
    """Every page that there is, by its place in the project."""
    return sorted(str(path.relative_to(ROOT).with_suffix("")) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))


def groups() -> dict[str, list[str]]:
    """The pages of each group. Raises LookupError for one that is not there."""
    found = {title: [_place(name) for name in names] for title, names in CONTENTS.items()}
    known = [FIRST, *(page for names in found.values() for page in names)]
    if gone := set(known) - set(there()):
        raise LookupError(f"no such page: {', '.join(sorted(gone))}")
    found[list(found)[-1]] += [page for page in there() if page not in known]
    return found


def _place(name: str) -> str:
    return name.removeprefix("../") if name.startswith("../") else f"docs/{name}"


def directives() -> str:
    """The contents as Sphinx wants them; not in the first page's source, as the code host would show them as code."""
    made = [f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{_lines(names)}\n```" for title, names in groups().items()]
    return "\n\n" + "\n\n".join(made) + "\n"


def _lines(names: list[str]) -> str:
    return "\n".join(f"/{name}" for name in names)
