"""Zones of ramoops as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kinfo.findings import Severity
from kinfo.printable import painted, printable
from kinfo.ramoops_source import FoundZones
from kinfo.regions.ramoops.read import Ramoops, Zone
from kinfo.report.columns import Column, Row, row, table
from kinfo.report.findings import finding_lines
from kinfo.report.style import Style

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = (
    Column("zone", 16),
    Column("at", 20, 0),
    Column("size", 10, 0, is_right=True),
    Column("held", 10, 0, is_right=True),
    Column("what", is_text=True),
)
_LATEST = 250_000_000_000  # seconds: the year 9892


def render(found: FoundZones, style: Style) -> str:
    """The whole screen: each region, its zones, the findings."""
    lines: list[str] = []
    for region in found.regions:
        lines += [style.paint(_title(found, region), "bold"), *_zones(region, style), ""]
    if found.findings:
        lines += [style.paint("Findings", "bold"), *finding_lines(found.findings, style)]
    else:
        lines.pop()
    return "\n".join(map(_shown, lines)) + "\n"


def block(found: FoundZones, files: int, folder: str, style: Style) -> str:
    """Of a source that is one of many: how many files are in its folder, a line for each region, each error and warning."""
    lines = [f"{style.paint(found.source, 'bold')}: {files} file{'' if files == 1 else 's'} in {folder}"]
    lines += [f"  {found.unit} {region.at:#x}: {_in_short(region)}" for region in found.regions]
    for one in found.findings:
        if one.severity is not Severity.INFO:
            head = style.severity(one.severity, f"{one.severity.value:<8}")
            lines.append(f"  {head}{style.paint(one.code, 'bold')}  {one.where}: {one.message}")
    return "\n".join(map(_shown, lines)) + "\n"


def _in_short(region: Ramoops) -> str:
    """What a region holds, and its newest record."""
    held = [zone for zone in region.zones if not zone.is_empty]
    records = [zone.record for zone in held if zone.record]
    kinds = dict.fromkeys(zone.kind for zone in held if zone.kind and not zone.record)
    counts = f"{len(records)} record{'' if len(records) == 1 else 's'}"
    parts = [", ".join((counts, *kinds)) if held else "no crash was recorded"]
    if records:
        newest = max(records, key=lambda one: (one.seconds, one.micros))
        parts.append(f"newest {newest.reason or 'record'}, {when(newest.seconds)}")
    return "; ".join(parts)


def _shown(line: str) -> str:
    return painted(line)


def _title(found: FoundZones, region: Ramoops) -> str:
    ecc = f"ECC of {region.parity} bytes a block: {region.corrected} bytes corrected" if region.parity else "no ECC"
    lost = f", {region.lost} block{'s' * (region.lost > 1)} lost" if region.lost else ""
    layout = "laid out as the zones show" if region.source == "zones" else f"laid out by {region.source}"
    return f"{found.source}: ramoops at {found.unit} {region.at:#x}, {len(region.zones)} zones, {ecc}{lost}, {layout}"


def _zones(region: Ramoops, style: Style) -> Iterator[str]:
    empty = [zone for zone in region.zones if zone.is_empty]
    yield from table(_COLUMNS, [_row(zone) for zone in region.zones if not zone.is_empty], style)
    if empty:
        places = ", ".join(f"{zone.at:#x}" for zone in empty[:3]) + (", ..." if len(empty) > 3 else "")
        yield f"  empty: {len(empty)} zones, at {places}"
    if len(empty) == len(region.zones):
        yield "  no crash was recorded since the zones were made or cleared"


def _row(zone: Zone) -> Row:
    name = f"{zone.kind} {zone.number}" if zone.kind else "-"
    return row(name, f"{zone.at:#x}", "?" if zone.size is None else f"{zone.size}", f"{len(zone.data)}", _what(zone))


def _what(zone: Zone) -> str:
    if zone.fault:
        return zone.fault
    if zone.record:
        record = zone.record
        title = f"{record.reason}#{record.crash} Part{record.part}" if record.reason else "a record"
        packing = record.packing or "unknown packing" if record.fault else record.packing or "not packed"
        return f"{title}, {when(record.seconds)}, {packing}" + (
            ", left packed" if record.fault else f", {len(record.text)} bytes"
        )
    if zone.header and zone.header.version:
        return f"function traces of a kernel {'.'.join(map(str, zone.header.version))}"
    if zone.logcat:
        return f"Android's log (logcat), {zone.logcat} records"
    return "text" if zone.kind != "pmsg" else "what user space wrote"


def when(seconds: int) -> str:
    """The clock's time, in UTC."""
    if not 0 < seconds < _LATEST:
        return f"{seconds} s"
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S UTC")


def document(found: FoundZones, written: Mapping[int, Sequence[str]]) -> dict[str, Any]:
    """What JSON shows: each region with its zones, and the names of the files that were written."""
    from kinfo.report.document import SCHEMA_VERSION, finding_data

    return {
        "schema_version": SCHEMA_VERSION,
        "source": printable(found.source),
        "address": found.unit,
        "regions": [
            {
                "at": f"{region.at:#x}",
                "layout": region.source,
                "ecc_size": region.parity,
                "corrected_bytes": region.corrected,
                "lost_blocks": region.lost,
                "zones": [_plain(zone) for zone in region.zones],
                "files": [printable(name) for name in written.get(region.at, ())],
            }
            for region in found.regions
        ],
        "findings": [finding_data(finding) for finding in found.findings],
    }


def _plain(zone: Zone) -> dict[str, Any]:
    record = zone.record
    return {
        "kind": zone.kind or None,
        "number": zone.number,
        "at": f"{zone.at:#x}",
        "size": zone.size,
        "held": len(zone.data),
        "corrected_bytes": zone.corrected,
        "lost_blocks": zone.lost,
        "fault": zone.fault or None,
        "kernel": ".".join(map(str, zone.header.version)) if zone.header and zone.header.version else None,
        "logcat_records": zone.logcat,
        "record": None
        if record is None
        else {
            "reason": record.reason or None,
            "crash": record.crash,
            "part": record.part,
            "time": f"{record.seconds}.{record.micros:06}",
            "compression": record.packing or None,
            "fault": record.fault or None,
        },
    }
