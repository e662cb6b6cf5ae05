"""`kinfo encode`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from kinfo import api
from kinfo.cli import common
from kinfo.cli.main import SOUND
from kinfo.cli.output import write_file
from kinfo.cli.words import say
from kinfo.errors import FieldError, KinfoError
from kinfo.memory import open_dump
from kinfo.report.document import UNKNOWN

_LIMIT = 1 << 16  # a fields file is a few KB, its document at most
_DEPTH = 16  # what decode prints nests 8 levels deep


@click.command("encode", short_help="Write a record from field values")
@click.argument("fields")
@click.option("--layout", metavar="NAME", help="The record's layout (default: the one that FIELDS names).")
@click.option("-o", "--output", required=True, metavar="OUT", help="The file to write; - for standard output.")
@click.option("--region", type=common.NUMBER, help="Fill up with zeros to a region of this many bytes.")
@click.option("--force", is_flag=True, help="Overwrite OUT.")
def command(*, fields: str, layout: str | None, output: str, region: int | None, force: bool) -> int:
    """Write a record with a right checksum from FIELDS: YAML or JSON, - for standard input.

    FIELDS is a mapping of C field names to values, or what `kinfo decode --format yaml` or json prints of one record.
    Fields left out are 0.

    \b
    kinfo decode dump.bin --format yaml > fields.yaml
    kinfo encode fields.yaml -o record.bin
    """
    name, values, after_nul = _parse(fields, layout)
    chosen = api.layout(name)
    try:
        data = api.encode(values, chosen, after_nul)
    except FieldError as error:
        raise FieldError(f"{fields}: {error.message}", error.hint) from None
    if region is not None:
        if not len(data) <= region <= 1 << 24:
            raise click.UsageError(f"--region {region}: it takes {len(data)} (the record) to {1 << 24} bytes")
        data = data.ljust(region, b"\0")
    write_file(output, data, force=force)
    if output != "-":
        say(f"wrote {output}: {chosen.name} ({chosen.alias}), {len(data)} bytes")
    return SOUND


def _parse(path: str, layout: str | None) -> tuple[str, Mapping[str, Any], Mapping[str, str]]:
    """Layout name, fields, and what stands behind NULs."""
    data = _load(path)
    if "records" in data:
        records = data["records"]
        if not isinstance(records, list) or len(records) != 1 or not isinstance(records[0], Mapping):
            raise FieldError(f"{path}: `records` is not one record", "decode without --all, or keep one of them")
        data = records[0]
        if data.get("layout") == UNKNOWN:
            raise FieldError(f"{path}: an erased region has no record to encode", "decode a dump that has one")
        if data.get("vendor"):
            say("the vendor block is left out; encode its fields on their own")
    values = data.get("fields", data)
    if not isinstance(values, Mapping):
        raise FieldError(f"{path}: `fields` is no mapping", "write it as `name: value`, one a line")
    name = layout or (data.get("layout") if values is not data else None)
    if not isinstance(name, str):
        raise FieldError(f"{path}: does not say its layout", "name one with --layout")
    return name, values, (data.get("after_nul") or {}) if values is not data else {}


def _load_plain(text: bytes) -> Any:
    """YAML without what no fields file needs and a hostile one abuses: aliases and deep nesting."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _DEPTH:
            raise yaml.YAMLError("aliases or deep nesting")
    return yaml.safe_load(text)


def _load(path: str) -> Mapping[str, Any]:
    import yaml

    with open_dump(path, common.stdin()) as source:
        text = source.read(0, _LIMIT + 1)
    if len(text) > _LIMIT:
        raise FieldError(f"{path}: is larger than {_LIMIT} bytes", "name a file of field values, not a dump")
    try:
        data = _load_plain(text)  # JSON is YAML
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise KinfoError(f"{path}: is neither YAML nor JSON{place}", "write `name: value`, one a line") from error
    if not isinstance(data, Mapping):
        raise FieldError(f"{path}: is no mapping of field names to values", "write `name: value`, one a line")
    return data
