"""What the site has in its margin: every page, by what it is for. What stands nowhere here comes last."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST = "docs/index"

# A page, or a title for the margin and a page, where the page's own is too long for it.
CONTENTS: dict[str, tuple[str, ...]] = {
    "Begin": ("Tutorial <tutorial>", "Installing, and all commands <../README>", "Questions <faq>"),
    "You are": (
        "Firmware engineer, 4 KiB <firmware-engineer>",
        "Board integrator <board-integrator>",
        "Crash triager <crash-triager>",
        "Owner of a kernel's CI <ci-owner>",
        "Author of scripts <script-author>",
        "Author of a boot loader <boot-loader>",
    ),
    "How it works": ("Which layout is it? <detection>", "Placing reserved memory <placement>", "ram"),
    "Reading": ("dmesg", "pstore", "trace", "report", "meminspect", "minidump", "many", "survey"),
    "Checking": ("devicetree", "build", "compare", "ci"),
    "To look up": ("format", "findings", "output", "exports", "api", "shell", "settings", "editors", "benchmarks"),
    "The project": ("development", "../CONTRIBUTING", "../SECURITY", "../CHANGELOG"),
}


def there() -> list[str]:
    """Every page that there is, by its place in the project."""
    return sorted(str(path.relative_to(ROOT).with_suffix("")) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))


def groups() -> dict[str, dict[str, str]]:
    """The pages of each group, with titles for the margin; "" is a page's own. Raises LookupError for what is not there."""
    found = {title: dict(map(_entry, names)) for title, names in CONTENTS.items()}
    known = [FIRST, *(page for pages in found.values() for page in pages)]
    if gone := set(known) - set(there()):
        raise LookupError(f"no such page: {', '.join(sorted(gone))}")
    found[list(found)[-1]] |= {page: "" for page in there() if page not in known}
    return found


def _entry(name: str) -> tuple[str, str]:
    title, _, page = name.rpartition(" <")
    page = page.removesuffix(">")
    return (page.removeprefix("../") if page.startswith("../") else f"docs/{page}"), title


def directives() -> str:
    """The contents as Sphinx wants them; not in the first page's source, as the code host would show them as code."""
    made = [f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{_lines(pages)}\n```" for title, pages in groups().items()]
    return "\n\n" + "\n\n".join(made) + "\n"


def _lines(pages: dict[str, str]) -> str:
    return "\n".join(f"{title} </{page}>" if title else f"/{page}" for page, title in pages.items())
