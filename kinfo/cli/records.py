"""The record that a command line names: a dump, or a file of fields."""

from __future__ import annotations

from kinfo import api
from kinfo.cli import common
from kinfo.errors import RecordError
from kinfo.examine import Examined
from kinfo.memory import open_source

_TEXT_NAMES = (".yaml", ".yml", ".json")


def opened(path: str) -> Examined:
    """The record in a dump, or made of a file of fields. Raises KinfoError."""
    if path.endswith(_TEXT_NAMES):
        from kinfo.cli.fields import parsed

        name, fields, after_nul = parsed(path, None, "write `layout: NAME`, and the fields below `fields:`")
        return api.decode(api.encode(fields, name, after_nul), offset=0, layout=name)
    with open_source(path, common.stdin()) as source:
        record = api.decode(source)
    if record.layout is None:
        raise RecordError(f"{path}: is an erased region: every byte is the same", "name a dump that has a record")
    return record
