"""Thousands of records as one table: `run` writes it, `report` sums it up, `batch` is the operator for other engines."""
