"""`kinfo vectors`."""

from __future__ import annotations

import os
from typing import NamedTuple

from kinfo import api
from kinfo.cli import declare
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.cli.output import write_file
from kinfo.cli.words import say
from kinfo.errors import KinfoError

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
    try:
        os.makedirs(options.output, exist_ok=True)
        is_empty = not os.listdir(options.output)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise KinfoError(f"{options.output}: cannot be made: {reason}", "name another folder with -o") from None
    if not is_empty and not options.force:
        raise KinfoError(f"{options.output}: there are files in it already", "name another folder, or overwrite with --force")
    made = list(api.vectors(*chosen))
    for one in made:
        write_file(os.path.join(options.output, one.name), one.data, force=True)
    write_file(os.path.join(options.output, _INDEX), index(made).encode(), force=True)
    say(f"wrote {options.output}: {len(made)} regions, and {_INDEX} with what each must give")
    return SOUND
