"""The layouts in the languages of whoever reads records: each is one file of this folder, made from the one model.

Nothing here states an offset: fields, sizes and types come from `record/model.py`, bounds from `record/limits.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from kinfo.record.model import Layout

LANGUAGES: dict[str, str] = {name: f"kinfo.exports.{name}" for name in ("c", "rust", "kaitai", "imhex")}


def exported(language: str, layouts: Sequence[Layout]) -> str:
    """The layouts in a language of LANGUAGES, as text. Raises KeyError for another."""
    made: Callable[[Sequence[Layout]], str] = import_module(LANGUAGES[language]).exported
    return made(layouts)
