"""YAML: the document, its keys in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinfo.report.formats import Shown
from kinfo.report.formats.plain import is_streamed, unicode_only


def parts(what: Shown) -> Iterator[str]:
    """The document, in one piece, or item by item where its lists come so."""
    data = what.document()
    if not is_streamed(data):
        yield text(data)
        return
    for name, value in data.items():
        if not isinstance(value, Iterator):
            yield text({name: value})
            continue
        lead = f"{name}:\n"
        for item in value:
            yield lead + text([item])
            lead = ""
        if lead:
            yield f"{name}: []\n"


def text(data: Any) -> str:
    """Plain data as YAML."""
    import yaml

    return yaml.safe_dump(unicode_only(data), sort_keys=False, width=120, allow_unicode=True)
