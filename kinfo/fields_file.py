"""Files of field values: what people write to have a record encoded, and what `kinfo decode` prints."""

from __future__ import annotations

import os
from collections.abc import Mapping

from kinfo.errors import FieldError
from kinfo.named import NamedTuple
from kinfo.plain_data import load
from kinfo.typed import Any, BinaryIO

UNKNOWN = "unknown"  # the layout of an erased region, as decode prints it
TEXT_NAMES = (".yaml", ".yml", ".json")


class FieldsFile(NamedTuple):
    """A layout's name, field values, what stands behind NULs (in hex); `notes` say what of the file was left out."""

    layout: str
    fields: Mapping[str, Any]
    after_nul: Mapping[str, str]
    notes: tuple[str, ...] = ()


def read_fields(
    path: str | os.PathLike[str],
    layout: str | None = None,
    *,
    how: str = "name one with --layout",
    stdin: BinaryIO | None = None,
) -> FieldsFile:
    """The fields of a file; `layout` overrules what it says. Raises FieldError, KinfoError.

    `how` is what to do about a file that does not name its layout.
    """
    path = os.fspath(path)
    data = load(path, stdin)
    notes: tuple[str, ...] = ()
    if "records" in data:
        data, notes = _one_record(path, data["records"])
    values = data.get("fields", data)
    if not isinstance(values, Mapping):
        raise FieldError(f"{path}: `fields` is no mapping", "write it as `name: value`, one a line")
    name = layout or (data.get("layout") if values is not data else None)
    if not isinstance(name, str):
        raise FieldError(f"{path}: does not say its layout", how)
    return FieldsFile(name, values, (data.get("after_nul") or {}) if values is not data else {}, notes)


def _one_record(path: str, records: Any) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    if not isinstance(records, list) or len(records) != 1 or not isinstance(records[0], Mapping):
        raise FieldError(f"{path}: `records` is not one record", "decode without --all, or keep one of them")
    (data,) = records
    if data.get("layout") == UNKNOWN:
        raise FieldError(f"{path}: an erased region has no record to encode", "decode a dump that has one")
    notes = ("the vendor block is left out; encode its fields on their own",) if data.get("vendor") else ()
    return data, notes
