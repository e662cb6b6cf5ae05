"""The documents as a site: it builds without a warning, every link leads somewhere, nothing is fetched from elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.documents import contents
from tools.documents.contents import FIRST, directives, groups, there
from tools.documents.links import Links, links

AT_HOME = "<!doctype html><title>x</title><p id='here'><a name='there'></a>"


def site(folder: Path, **files: str) -> Links:
    for name, text in files.items():
        path = folder / name.replace("_", ".").replace("..", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return links(folder)


def test_the_site_builds_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    for needed in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(needed, reason=f"{needed} is not installed: pip install '.[docs]' builds the documents' site")
    done = subprocess.run(
        [sys.executable, "-m", "tools.documents", "-o", tmp_path / "site"],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},  # Sphinx's are its authors' matter
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(there()) + 2} pages, 0 dead links" in done.stdout  # with index.html and the search
    built = tmp_path / "site"
    assert f"{FIRST}.html" in (built / "index.html").read_text()
    assert {str(path.relative_to(built).with_suffix("")) for path in built.rglob("*.html")} >= set(there())
    assert '<a id="checksum-mismatch">' in (built / "docs" / "findings.html").read_text()
    assert not list(built.glob(".*"))
    assert list(tmp_path.iterdir()) == [built]
    assert all(line.startswith("https://") for line in (built / "external-links.txt").read_text().splitlines())


def test_every_page_stands_in_the_contents_once(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [page for names in groups().values() for page in names]
    assert sorted([FIRST, *listed]) == there()
    assert directives().count("toctree") == len(contents.CONTENTS)
    monkeypatch.setattr(contents, "CONTENTS", {"All": ("The format <format>", "../README")})
    assert list(groups()["All"].items())[:2] == [("docs/format", "The format"), ("README", "")]
    assert "\n\nThe format </docs/format>\n/README\n" in directives()
    assert sorted([FIRST, *groups()["All"]]) == there()
    monkeypatch.setattr(contents, "CONTENTS", {"All": ("nowhere",)})
    with pytest.raises(LookupError, match="no such page: docs/nowhere"):
        groups()


def test_links_that_lead_somewhere(tmp_path: Path) -> None:
    first = f"{AT_HOME}<a href='#here'>1</a><a href='sub/b.html#there'>2</a><a href='https://example.org/'>3</a>"
    second = f"{AT_HOME}<a href='../a.html#here'>1</a><img src='data:image/png;base64,AA=='><a href='mailto:x@example.org'>"
    found = site(tmp_path, a_html=first, sub__b_html=second)
    assert found.wrong == []
    assert found.outside == {"https://example.org/": ["a.html"], "mailto:x@example.org": ["sub/b.html"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<a href='b.html'>", "b.html: no such file"),
        ("<a href='#nowhere'>", "#nowhere: no such place on the page"),
        ("<a href='a.html#nowhere'>", "a.html#nowhere: no such place on the page"),
        ("<script src='https://example.org/x.js'></script>", "https://example.org/x.js: fetched from elsewhere"),
        ("<script src='//example.org/x.js'></script>", "//example.org/x.js: fetched from elsewhere"),
        ("<link rel='stylesheet' href='gone.css'>", "gone.css: no such file"),
        ("<img src='gone.png'>", "gone.png: no such file"),
    ],
)
def test_links_that_lead_nowhere(tmp_path: Path, text: str, said: str) -> None:
    assert site(tmp_path, a_html=f"{AT_HOME}{text}").wrong == [f"a.html: {said}"]


@pytest.mark.parametrize("style", ["@import 'x.css';", "p { background: url(https://example.org/x) }", 'a{b:url("//x/y")}'])
def test_styles_that_fetch(tmp_path: Path, style: str) -> None:
    assert site(tmp_path, a_html=AT_HOME, x_css=style).wrong == ["x.css: fetches from elsewhere"]


def test_styles_of_their_own(tmp_path: Path) -> None:
    assert site(tmp_path, a_html=AT_HOME, x_css="p { background: url(data:image/svg+xml;x) }").wrong == []
