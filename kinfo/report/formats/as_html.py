"""HTML: the document as one page that stands alone (`kinfo.pages`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kinfo.pages import comparisons, triage
from kinfo.pages.documents import Documents
from kinfo.pages.html import rendered
from kinfo.pages.model import Page
from kinfo.report.formats import Shown
from kinfo.report.layouts import by_alias
from kinfo.version import __version__


def parts(what: Shown) -> Iterator[str]:
    """The page, in one piece."""
    document = what.document()
    yield rendered(next(page for key, page in _PAGES.items() if key in document)(document))


def _records(document: dict[str, Any]) -> Page:
    records = document["records"]
    return triage.page(Documents(document["source"], records=records, layouts=by_alias(records), version=__version__))


def _trees(document: dict[str, Any]) -> Page:
    name = ", ".join(dict.fromkeys(one["name"] for one in document["trees"]))
    return triage.page(Documents(name, trees=document["trees"], version=__version__))


def _surveyed(document: dict[str, Any]) -> Page:
    from kinfo.pages.surveys import surveyed
    from kinfo.report.survey import TITLES

    return surveyed(document, TITLES, __version__)


_PAGES: dict[str, Callable[[dict[str, Any]], Page]] = {
    "records": _records,
    "trees": _trees,
    "pairs": lambda document: comparisons.compared(document, __version__),
    "outliers": _surveyed,
    "upstream": lambda document: comparisons.crosschecked(document, __version__),
}
"""A document is known by what it holds."""
