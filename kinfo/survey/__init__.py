"""Thousands of records as one table: `run` writes it, `report` sums it up, `batch` is the operator for other engines."""

from __future__ import annotations

from kinfo.survey.engine import batch

__all__ = ["batch"]
