"""A record, and everything that was found out about it."""

from __future__ import annotations

from functools import cached_property

from kinfo.examine import check
from kinfo.examine.check.completeness import missing_fields
from kinfo.examine.written_by import possible_writers
from kinfo.findings import Findings
from kinfo.record.record import Record


class Examined(Record):
    """A record with its writers and findings, each made when first asked for: a reader of addresses has no use for them."""

    vendor: Examined | None = None

    @classmethod
    def of(cls, record: Record) -> Examined:
        """The record, its vendor block likewise."""
        if isinstance(record, Examined):
            return record
        values = {name: getattr(record, name) for name in Record.field_names}
        return cls(**values | {"vendor": cls.of(record.vendor) if record.vendor else None})

    @cached_property
    def writers(self) -> tuple[str, ...]:
        """The drivers that can have written it, likeliest first."""
        return possible_writers(self)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Fields that are 0 although a finished record of a kernel has them."""
        return missing_fields(self)

    @cached_property
    def findings(self) -> Findings:
        """What is wrong with it, the gravest first."""
        return Findings(check.run(self))
