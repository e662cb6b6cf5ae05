"""`kinfo encode`."""

from __future__ import annotations

from typing import NamedTuple

from kinfo import api
from kinfo.cli import common, declare
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.output import write_file
from kinfo.cli.words import say
from kinfo.errors import FieldError
from kinfo.fields_file import read_fields


class Options(NamedTuple):
    """What `kinfo encode` was asked for."""

    fields: str
    layout: str | None
    output: str
    region: int | None
    force: bool


@declare.command("encode", short_help="Write a record from field values")
@declare.argument("fields")
@declare.option("--layout", metavar="NAME", help="The record's layout (default: the one that FIELDS names).")
@declare.option("-o", "--output", required=True, metavar="OUT", help="The file to write; - for standard output.")
@declare.option("--region", kind=common.NUMBER, help="Fill up with zeros to a region of this many bytes.")
@declare.option("--force", is_flag=True, help="Overwrite OUT.")
@takes(Options)
def command(options: Options) -> int:
    """Write a record with a right checksum from FIELDS: YAML or JSON, - for standard input.

    FIELDS is a mapping of C field names to values, or what `kinfo decode --format yaml` or json prints of one record.
    Fields left out are 0.

    \b
    kinfo decode dump.bin --format yaml > fields.yaml
    kinfo encode fields.yaml -o record.bin
    """
    given = read_fields(options.fields, options.layout, stdin=common.stdin())
    for note in given.notes:
        say(note)
    chosen = api.layout(given.layout)
    try:
        data = api.encode(given.fields, chosen, given.after_nul)
    except FieldError as error:
        raise FieldError(f"{options.fields}: {error.message}", error.hint) from None
    if options.region is not None:
        if not len(data) <= options.region <= 1 << 24:
            raise declare.UsageError(f"--region {options.region}: it takes {len(data)} (the record) to {1 << 24} bytes")
        data = data.ljust(options.region, b"\0")
    write_file(options.output, data, force=options.force)
    if options.output != "-":
        say(f"wrote {options.output}: {chosen.name} ({chosen.alias}), {len(data)} bytes")
    return SOUND
