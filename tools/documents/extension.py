"""What plain Markdown cannot say to Sphinx: the contents, anchors within the text, folders, what a console is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from pygments.lexer import Lexer
from pygments.lexers.shell import BashLexer
from pygments.lexers.special import TextLexer
from pygments.token import Generic
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

from tools.documents import contents

_ANCHOR = re.compile(r'<a id="([^"]+)">')


class Console(Lexer):  # type: ignore[misc]
    """A terminal with `$ ` before what is typed. Pygments' own takes output that begins with `#` for root's."""

    name = "console"
    aliases: ClassVar[list[str]] = ["console"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """What is typed, as a shell's words; what comes out, as it is."""
        at = 0
        for line in text.splitlines(keepends=True):
            if line.startswith("$ "):
                yield at, Generic.Prompt, "$ "
                yield from (
                    (at + 2 + place, kind, word) for place, kind, word in BashLexer().get_tokens_unprocessed(line[2:])
                )
            else:
                yield at, Generic.Output, line
            at += len(line)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_lexer("console", Console)
    app.add_lexer("csv", TextLexer)  # Pygments has none
    app.connect("source-read", _with_contents)
    app.connect("doctree-read", _know_anchors)
    app.connect("doctree-read", _unlink_folders)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _with_contents(_: Sphinx, name: str, source: list[str]) -> None:
    if name == contents.FIRST:
        source[0] += contents.directives()


def _know_anchors(app: Sphinx, tree: nodes.document) -> None:
    """Let links to an anchor within the text count as links to a heading do, which are checked."""
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for raw in tree.findall(nodes.raw):
        for name in _ANCHOR.findall(raw.astext()):
            slugs[name] = (raw.line or 0, name, name)


def _unlink_folders(app: Sphinx, tree: nodes.document) -> None:
    """A folder of the project is a page on the code host, and words here."""
    here = (Path(app.srcdir) / app.env.docname).parent
    for link in list(tree.findall(pending_xref)):
        if (here / str(link["reftarget"])).is_dir():
            link.replace_self(link.children)
