"""A table summed up: layouts, releases, writers, states, what is wrong most often, which records contradict their build."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kinfo.errors import KinfoError
from kinfo.printable import brief
from kinfo.survey import remote
from kinfo.survey.digests import DigestList, Sorted, different, digest_of, lacking
from kinfo.survey.formats import ParquetForm, form_of
from kinfo.survey.partitions import files_of
from kinfo.survey.schema import Cell
from kinfo.survey.storage import storage_of

# What one build gives every record that it leaves, whatever boot and device: numbers that the compiler fixed.
_FIXED = (
    *("layout", "enabled_all", "enabled_base_relative", "enabled_absolute_percpu", "enabled_cfi_clang", "num_syms"),
    *("name_len", "bit_per_long", "module_name_len", "symbol_len", "thread_size", "enabled_modules_tree_lookup"),
    *("mod_core_layout_offset", "mod_init_layout_offset", "mod_mem_offset", "mod_kallsyms_offset"),
    *("image_size", "names_size", "token_table_size", "tables_span"),
)
# And its addresses, counted from `_stext`: KASLR moves all of the image.
_MOVED = tuple(
    f"_{stem}_pa" for stem in ("etext", "sinittext", "einittext", "end", "offsets", "names", "token_table", "markers")
)
_START = "_stext_pa"
_LEAST = 3  # records of a build, below which none of them can be said to contradict the others
_MOST_OUTLIERS = 1000

_COUNTED = {
    "layouts": "layout",
    "versions": "version",
    "releases": "release",
    "writers": "writers",
    "states": "state",
    "confidences": "confidence",
    "findings": "findings",
    "severities": "severity",
    "devices": "device",
}
_COLUMNS = ("kind", "sha256", *_COUNTED.values())


class Outlier(NamedTuple):
    """A record that says otherwise than most of its build: where, and field by field what it has and what the others have."""

    source: str
    offset: int
    release: str
    state: str
    fields: dict[str, tuple[Cell, Cell]]


class SurveyReport(NamedTuple):
    """A table summed up: `counts` has, for layouts, versions, releases, writers and so on, how many rows have each value.

    `kinds` counts all rows: records, vendor blocks, erased regions, files without a record, files that could not be read;
    `counts` and `distinct` (different records by their SHA-256) those with a record. `outliers` contradict their build;
    `outlier_count` may be more of them. `new`, where another table was named: the values that it lacks, and `new_records`.
    """

    table: str
    rows: int
    kinds: dict[str, int]
    distinct: int
    counts: dict[str, dict[str, int]]
    outlier_count: int
    outliers: tuple[Outlier, ...]
    since: str | None
    new: dict[str, dict[str, int]]
    new_records: int

    def __repr__(self) -> str:
        return brief(self, f"{self.table}: {self.rows:,} rows, {self.distinct:,} records that differ")


def survey_report(table: str, since: str | None = None) -> SurveyReport:
    """Sum up a table that `survey_files` wrote; `since`: an older one, to say what is new.

    Raises KinfoError for what is no whole table of a survey.
    """
    kinds, counts, hashes = _counted(table)
    new: dict[str, dict[str, int]] = {}
    new_records = 0
    if since is not None:
        _, before, known = _counted(since)
        new = {
            name: {value: count for value, count in counts[name].most_common() if value not in before[name]}
            for name in counts
        }
        new_records = lacking(hashes, known)
    outliers: list[Outlier] = []
    count = 0
    for count, one in enumerate(_outliers(table), 1):
        if count <= _MOST_OUTLIERS:
            outliers.append(one)
    return SurveyReport(
        remote.shown(table),
        kinds.total(),
        dict(kinds.most_common()),
        different(hashes),
        {name: dict(one.most_common()) for name, one in counts.items()},
        count,
        tuple(outliers),
        remote.shown(since) if since is not None else None,
        {name: one for name, one in new.items() if one},
        new_records,
    )


def rows_of_table(table: str, columns: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    """The cells of these columns in a table, in a file or in a folder. Raises KinfoError for what is none."""
    form, storage = form_of(table), storage_of(table)
    if not storage.identity(table):
        raise KinfoError(f"{remote.shown(table)}: is not there", "check the path")
    names = [table]
    if storage.is_folder(table):
        names = list(files_of(storage, table)) if isinstance(form, ParquetForm) else []
        if not names:
            raise KinfoError(f"{remote.shown(table)}: holds no table of kinfo's survey", "name the table that survey wrote")
    for name in names:
        with storage.read(name) as file:
            yield from form.rows(file, remote.shown(name), columns)


def _counted(table: str) -> tuple[Counter[str], dict[str, Counter[str]], Sorted]:
    kinds: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTED}
    hashes = DigestList()
    for kind, sha256, *cells in rows_of_table(table, _COLUMNS):
        kinds[str(kind)] += 1
        if sha256 is None:
            continue
        hashes.add(digest_of(sha256))
        for counter, cell in zip(counts.values(), cells, strict=True):
            if isinstance(cell, list):
                counter.update(map(str, cell))
            elif cell is not None:
                counter[str(cell)] += 1
    return kinds, counts, hashes.sorted()


Shape = tuple[Cell, ...]


def _shapes(table: str) -> Iterator[tuple[str, str, int, str, Shape]]:
    """Release, source, offset, state, and what the build fixes of every record of a kernel that has a release."""
    columns = ("kind", "release", "version", "source", "offset", "state", _START, *_FIXED, *_MOVED)
    for kind, release, version, source, offset, state, start, *cells in rows_of_table(table, columns):
        if kind != "record" or version is None:
            continue
        fixed, moved = cells[: len(_FIXED)], cells[len(_FIXED) :]
        assert isinstance(offset, int)
        base = start if isinstance(start, int) else 0
        counted = [place - base if isinstance(place, int) and place and base else None for place in moved]
        yield str(release), str(source), offset, str(state), (*fixed, *counted)


def _outliers(table: str) -> Iterator[Outlier]:
    """Records that say otherwise than more than half of their build; what a build has is said by those whose sum holds."""
    builds: defaultdict[str, Counter[Shape]] = defaultdict(Counter)
    for release, _, _, state, shape in _shapes(table):
        if state in ("valid", "inverted"):
            builds[release][shape] += 1
    usual = {release: _most(shapes) for release, shapes in builds.items() if shapes.total() >= _LEAST}
    names = (*_FIXED, *_MOVED)
    for release, source, offset, state, shape in _shapes(table):
        others = usual.get(release)
        if others is None or shape == others:
            continue
        fields: dict[str, tuple[Cell, Cell]] = {
            name: (own, theirs)
            for name, own, theirs in zip(names, shape, others, strict=True)
            if own is not None and theirs is not None and own != theirs
        }
        if fields:
            yield Outlier(source, offset, release, state, fields)


def _most(shapes: Counter[Shape]) -> Shape:
    """What more than half of a build's records have, field by field; None where there is no such value."""
    total = shapes.total()
    columns: list[Cell] = []
    for at in range(len(_FIXED) + len(_MOVED)):
        values: Counter[Cell] = Counter()
        for shape, count in shapes.items():
            value = shape[at]
            assert not isinstance(value, list)
            values[value] += count
        (value, count), *_ = values.most_common(1)
        columns.append(value if 2 * count > total else None)
    return tuple(columns)
