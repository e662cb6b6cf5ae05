"""What a notebook shows of an object: a table in HTML, everything in it escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table. Cells are text: nothing in them is taken for markup, whoever wrote it."""
    titles = "".join(f"<th>{_escaped(title)}</th>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{_escaped(caption)}</caption><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _escaped(cell: object) -> str:
    from html import escape

    from kinfo.printable import printable

    return escape(printable(str(cell)))
