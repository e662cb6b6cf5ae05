"""Reads a page as a browser would: elements, texts, links; and as an attacker would: whatever runs or loads."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import NamedTuple

VOID = {"meta", "br", "hr", "img", "link", "input"}
NEVER = {"script", "iframe", "object", "embed", "img", "link", "form", "base", "video", "audio", "template", "foreignobject"}


class PageRead(NamedTuple):
    """What is in a page: its text, the text of each element by name, anchors and the links to them."""

    text: str
    by_name: dict[str, list[str]]
    ids: list[str]
    links: list[str]
    policy: str


def read_page(html: str) -> PageRead:
    """The page; fails where it is not well formed, or where anything in it could run or load."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return PageRead(" ".join(reader.texts), reader.by_name, reader.ids, reader.links, reader.policy)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.by_name: dict[str, list[str]] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in NEVER, tag
        given = dict(attrs)
        assert len(given) == len(attrs), "an attribute twice"
        for name, value in attrs:
            assert re.fullmatch(r"[a-z-]+", name), name
            assert not name.startswith("on"), name
            assert name not in ("style", "src", "srcset", "action"), name
            if name == "href":
                assert value
                assert value.startswith("#"), value
                self.links.append(value[1:])
            if name == "id":
                assert value
                self.ids.append(value)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if tag not in VOID:
            self.open.append(tag)
            self.by_name.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag.lower()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] == "style":
            return
        self.texts.append(data)
        for name in set(self.open):
            self.by_name[name][-1] += data
