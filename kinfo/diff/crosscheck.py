"""The synthetic comparison of the series' cover letter: what the upstream and the downstream driver leave on one kernel.

The author of the series had no device: he had the driver write into memory of its own and held the bytes against what the
downstream driver would have saved. Here both are built from the same facts, and every difference has its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kinfo.diff.classify import compare_records
from kinfo.diff.judge import differences
from kinfo.diff.model import Comparison, Difference, Kind
from kinfo.diff.policy import Policy
from kinfo.errors import KinfoError
from kinfo.findings import Finding, Findings, Severity
from kinfo.meminspect.entry import Table, TableForm
from kinfo.memory import BytesDump
from kinfo.printable import brief
from kinfo.record.locate import decode_offset
from kinfo.record.record import Fields, Record
from kinfo.writer_rows import rows
from kinfo.writers import Built, Registered


class Third(NamedTuple):
    """A record out of memory beside the two: where it was found, its fields, and how each writer's record differs from it."""

    name: str
    fields: Fields
    against_upstream: Comparison
    against_downstream: Comparison

    def __repr__(self) -> str:
        return brief(self, f"{self.name}: {len(self.fields)} fields")


class Crossed(NamedTuple):
    """Both records, as their drivers leave them, and their comparison with the writers' own reasons.

    `findings` say of every difference whether it passes (info) or not, those of the third record included.
    """

    upstream: Built
    downstream: Built
    comparison: Comparison
    third: Third | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether a difference has no reason: there is a finding of error severity."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    def __repr__(self) -> str:
        drivers = f"{self.upstream.driver} against {self.downstream.driver}"
        return brief(self, f"{drivers}: {'refused' if self.is_refused else 'passes'}, {len(self.findings)} differences")


def crosscheck(
    upstream: Built, downstream: Built, found: tuple[str, Record] | None = None, policy: Policy | None = None
) -> Crossed:
    """Compare what two drivers leave. `found` is a record out of memory, with its name. Raises RecordError."""
    records = _record(upstream), _record(downstream)
    comparison = _explained(compare_records(*records), upstream, downstream)
    third = _third(records, found, upstream, downstream) if found else None
    every = (comparison, *((third.against_upstream, third.against_downstream) if third else ()))
    findings = dict.fromkeys(one for each in every for one in differences(each, policy or Policy()))
    return Crossed(upstream, downstream, comparison, third, Findings(findings))


def entries_for(table: Table, driver: str) -> tuple[Registered, ...]:
    """The table's regions as a driver is handed them, checked first.

    Raises KinfoError: for a table that has an error (unknown ids, entries without an address or that wrap around), and for
    one of another series than the driver's.
    """
    for finding in table.findings:
        if finding.severity is Severity.ERROR:
            raise KinfoError(f"{table.source}: {finding.where}: {finding.message}", finding.remedy)
    row = rows.row_named(driver)  # v1 and v2 have one map of ids; RFC v3's was not seen, so every table is taken
    if row and row.series and row.series.symbols != table.series.symbols:
        raise KinfoError(
            f"{table.source}: is a table of {table.series.name}, whose ids {driver} does not know",
            f"`kinfo table {table.source}` says why; choose the driver of that series",
        )
    return entries_of(table)


def entries_of(table: Table) -> tuple[Registered, ...]:
    """The table's regions as the driver is handed them: by id, of an id that comes twice the last.

    Where the form holds no VA (minidump regions, a log), or the header beside it has those of one boot (md_*.BIN), what
    lies there is the facts' own symbol.
    """
    if table.form is TableForm.FILES:
        table = table._replace(entries=tuple(one._replace(va=None, pa=None) for one in table.entries))
    last = {(entry.id, "" if entry.id is not None else entry.name): entry for entry in table.entries}
    ordered = sorted(last.values(), key=lambda entry: entry.id or 0)
    return tuple(Registered(entry.name, entry.va, entry.pa or 0, entry.size, entry.id) for entry in ordered)


def _record(built: Built) -> Record:
    return decode_offset(BytesDump(built.data, built.driver), 0, layout=built.layout)


def _third(records: tuple[Record, Record], found: tuple[str, Record], upstream: Built, downstream: Built) -> Third:
    name, record = found
    return Third(
        name,
        record.fields,
        _explained(compare_records(records[0], record), upstream, None),
        _explained(compare_records(records[1], record), downstream, None),
    )


def _explained(comparison: Comparison, *built: Built | None) -> Comparison:
    """Where only the writers' rules explain a difference, their reasons: what one of them leaves 0, or gets wrong."""
    whys = [{one.field: one.why for one in each.written if one.why} if each else {} for each in built]
    names = [each.driver if each else "" for each in built]
    found = tuple(_reasoned(one, whys, names) for one in comparison.differences)
    return comparison._replace(differences=found)


def _reasoned(one: Difference, whys: Sequence[dict[str, str]], names: Sequence[str]) -> Difference:
    if one.kind not in (Kind.REGRESSION, Kind.PER_BUILD, Kind.PER_BOOT):
        return one
    for why, name in zip(whys, names, strict=True):
        if one.field in why:
            return one._replace(kind=Kind.WRITER, reason=why[one.field], source=name)
    return one
