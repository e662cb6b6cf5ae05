"""`kinfo vectors`."""

from __future__ import annotations

import os
from typing import NamedTuple

from kinfo import api
from kinfo.cli import declare
from kinfo.cli.folder import all_or_none, writing
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.words import say
from kinfo.errors import OutputError

_INDEX = "vectors.json"


class Options(NamedTuple):
    """What `kinfo vectors` was asked for."""

    names: tuple[str, ...]
    output: str
    force: bool


@declare.command("vectors", short_help="Write test vectors for readers of the record")
@declare.argument("names", nargs=-1, metavar="[LAYOUT]...")
@declare.option("-o", "--output", required=True, metavar="DIR", help="The folder to write into; it is made.")
@declare.option("--force", is_flag=True, help="Overwrite files that are in DIR.")
@takes(Options)
def command(options: Options) -> int:
    """Write regions of every layout (or of these) into DIR: sound, inverted, half, cut, each field wrong, hostile.

    vectors.json says what each file is and what kinfo decodes of it: layout, how sure, rivals, checksum, fields, findings.
    The files are the same on every run; they test a boot loader that reads records, and start a fuzzer.

    \b
    kinfo vectors -o vectors
    kinfo vectors C D -o two
    """
    from kinfo.exports.vectors import index

    chosen = [api.layout(name) for name in options.names]
    with all_or_none() as writer:
        writer.make(options.output)
        if not options.force and _has_files(options.output):
            what = f"{options.output}: there are files in it already"
            raise OutputError(what, "name another folder, or overwrite with --force")
        made = list(api.vectors(*chosen))
        files = {one.name: one.data for one in made} | {_INDEX: index(made).encode()}
        for name, data in files.items():
            writer.put(os.path.join(options.output, name), writing(data), force=True)
    say(f"wrote {options.output}: {len(made)} regions, and {_INDEX} with what each must give")
    return SOUND


def _has_files(folder: str) -> bool:
    try:
        return bool(os.listdir(folder))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be read: {error.strerror}", "name another folder with -o") from None
