"""What follows from a record: who can have written it, what is missing, and what is wrong with it."""

from __future__ import annotations

from kinfo.examine.examined import Examined

__all__ = ["Examined"]
