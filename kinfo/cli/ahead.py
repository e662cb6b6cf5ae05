"""The schema check's process, started before the command is imported: that takes longer than everything else together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kinfo.cli.caches import cache_folder
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.schema import SchemaCheck, SchemaTool

_NO_CHECK = {"--no-schema", "--list", "--help", "-h"}
_STARTED: list[SchemaCheck] = []


@contextmanager
def started(arguments: Sequence[str]) -> Iterator[None]:
    """Start it for a `verify-dt` with these arguments; it is gone when the command is."""
    if not _NO_CHECK.isdisjoint(arguments) or _is_left_out(arguments):
        yield
        return
    from kinfo.dt.schema import SchemaCheck

    with SchemaCheck(schema_tool(), ahead=True) as check:
        _STARTED[:] = [check]
        yield
        _STARTED.clear()


def _is_left_out(arguments: Sequence[str]) -> bool:
    from kinfo.cli.settings.search import is_any

    if not is_any(os.environ):
        return False
    from kinfo.cli.settings.apply import leaves_out

    return leaves_out("verify-dt", "no-schema", arguments)


def schema_check(files: int, *, required: bool) -> SchemaCheck:
    """The one that was started. Several files are shared by workers, which start a child each: this process needs none."""
    from kinfo.dt.schema import SchemaCheck

    check = _STARTED.pop() if _STARTED else SchemaCheck(schema_tool())
    if files > 1:
        check.end()
    check.tool = check.tool._replace(required=required)
    return check


def schema_tool() -> SchemaTool:
    """With the cache in the user's folder for such things."""
    from kinfo.dt.schema import SchemaTool

    return SchemaTool(cache_folder("schema"))
