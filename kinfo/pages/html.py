"""A page as one HTML file that needs nothing else: no script, no network, its style inside.

A Content-Security-Policy in it allows that style alone, by its hash: whatever a dump might smuggle in is not run. Every text
is made printable and escaped on its way into the page.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from kinfo.pages.model import Page
from kinfo.printable import printable

if TYPE_CHECKING:
    from jinja2 import Environment


def rendered(page: Page) -> str:
    """The page's text."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _environment().get_template("page.html").render(page=page, style=style, digest=digest)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("kinfo.pages"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    from importlib.resources import files

    return files("kinfo.pages").joinpath("templates/page.css").read_text(encoding="utf-8")


def _shown(value: object) -> object:
    """A value as it stands in the page: no control characters, no direction marks. Markup is the templates' own."""
    return printable(value) if type(value) is str else value
