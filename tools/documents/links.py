"""The links of a built site: whether each leads somewhere, and that no page fetches anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_FETCHED = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("object", "data")}

_FETCHES = re.compile(r"@import|url\(\s*[\"']?(?:https?:)?//")


class Page(HTMLParser):
    """The names that a page gives to places on it, and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one element names and where it leads."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.names.add(value)
            elif (tag, name) == ("a", "href") and value:
                self.links.append(value)
            elif (tag, name) in _FETCHED and value:
                self.fetched.append(value)


class Links(NamedTuple):
    """What is wrong, a line each; and the addresses outside of the site with the pages that name them."""

    wrong: list[str]
    outside: dict[str, list[str]]


def links(site: Path) -> Links:
    """Look at every page of a site in a folder. Nothing is fetched."""
    pages = {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    outside: dict[str, list[str]] = {}
    for path, page in pages.items():
        for link in filter(_is_outside, page.links):
            outside.setdefault(link, []).append(str(path.relative_to(site)))
    wrong = [f"{path.relative_to(site)}: {said}" for path in pages for said in _dead(path, pages)]
    styles = {path: path.read_text() for path in sorted(site.rglob("*.css"))}
    wrong += [f"{path.relative_to(site)}: fetches from elsewhere" for path, text in styles.items() if _FETCHES.search(text)]
    return Links(wrong, outside)


def _dead(path: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """What is wrong with the links of a page, a line each."""
    page = pages[path]
    for link in page.fetched:
        if _is_outside(link):
            yield f"{link}: fetched from elsewhere"
    for link in dict.fromkeys(page.links + page.fetched):
        if not _is_outside(link) and (said := _wrong(path, link, pages)):
            yield f"{link}: {said}"


def _is_outside(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def _wrong(path: Path, link: str, pages: dict[Path, Page]) -> str:
    """What is wrong with a link into the site; nothing when it leads somewhere."""
    parts = urlsplit(link)
    if parts.scheme == "data":
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "no such file"
    if parts.fragment and (page := pages.get(target)) and unquote(parts.fragment) not in page.names:
        return "no such place on the page"
    return ""
