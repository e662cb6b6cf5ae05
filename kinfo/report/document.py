"""Decoded records as plain data: the shape that JSON and YAML show and other programs build on.

docs/record.schema.json describes it; SCHEMA_VERSION changes only when a reader of the old shape would break.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinfo.examine import Examined
from kinfo.fields_file import UNKNOWN
from kinfo.findings import Finding
from kinfo.record.locate import Hit
from kinfo.record.shown import shown_fields, shown_tails
from kinfo.typed import Any

SCHEMA_VERSION = 1


def decoded(source: str, records: Iterable[Examined], *, explain: bool = False) -> dict[str, Any]:
    """The document of one dump."""
    return {
        "schema_version": SCHEMA_VERSION,
        "source": source,
        "records": [record_data(record, explain=explain) for record in records],
    }


def record_data(record: Examined, *, explain: bool = False) -> dict[str, Any]:
    """One record; `explain` adds the evidence for every layout."""
    data: dict[str, Any] = {
        "layout": record.layout.name if record.layout else UNKNOWN,
        "alias": record.layout.alias if record.layout else UNKNOWN,
        "confidence": record.confidence.value,
        "rivals": [rival.layout.alias for rival in record.rivals],
        "rival_fields": {rival.layout.alias: list(rival.fields) for rival in record.rivals},
        "offset": f"{record.offset:#x}",
        "address": None if record.address is None else f"{record.address:#x}",
        "size": record.size,
        "region_size": record.region_size,
        "truncated": record.is_truncated,
        "checksum": {
            "state": record.state.value,
            "stored": f"{record.checksum.stored:#010x}",
            "computed": f"{record.checksum.computed:#010x}",
        },
        "writers": list(record.writers),
        "missing": list(record.missing),
        "fields": shown_fields(record),
        "after_nul": shown_tails(record),
        "vendor": record_data(record.vendor, explain=explain) if record.vendor else None,
        "findings": [finding_data(finding) for finding in record.findings],
    }
    if explain:
        data["evidence"] = [
            {
                "alias": weighed.layout.alias,
                "points": weighed.points,
                "observations": [{"points": item.points, "text": item.text} for item in weighed.evidence],
            }
            for weighed in record.weighed
        ]
    return data


def finding_data(finding: Finding) -> dict[str, str]:
    """One finding."""
    return {**finding._asdict(), "severity": finding.severity.value}


def hit_data(source: str, hit: Hit) -> dict[str, Any]:
    """One line of `kinfo find`."""
    record = hit.record
    return {
        "source": source,
        "offset": f"{hit.offset:#x}",
        "kind": "decoy" if record is None else "vendor" if record.layout and record.layout.vendor else "record",
        "layout": record.layout.name if record and record.layout else None,
        "alias": record.layout.alias if record and record.layout else None,
        "confidence": record.confidence.value if record else None,
        "state": record.state.value if record else None,
        "release": record.release_text if record else None,
        "vendor": hit_data(source, Hit(record.vendor.offset, record.vendor)) if record and record.vendor else None,
    }


def found(hits: Iterable[tuple[str, Hit]]) -> dict[str, Any]:
    """The document of `kinfo find`."""
    return {"schema_version": SCHEMA_VERSION, "hits": [hit_data(source, hit) for source, hit in hits]}
