"""Devicetrees: whether they give the driver its memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kinfo.errors import KinfoError

if TYPE_CHECKING:
    from kinfo.dt.board import Options
    from kinfo.dt.verify import Verdict


def verify_dt(
    path: str | os.PathLike[str], options: Options | None = None, *, cache: str | os.PathLike[str] | None = None
) -> tuple[Verdict, ...]:
    """The verdict on every tree in a file (.dtb, .dts, images that hold trees) or folder like /proc/device-tree.

    `options` is what is known beyond the tree: profile, layout, page size, a record out of memory (kinfo.dt.board.Options).
    `cache` is a folder for processed schemas; without one the schema is left out and the rules alone are checked. Without
    dtschema, an extra, that is so too, and a finding says it. Raises KinfoError where the file, or one of its trees, cannot
    be read.
    """
    from contextlib import nullcontext

    from kinfo.dt.batch import CheckRequest, verify_file
    from kinfo.dt.schema import SchemaCheck, SchemaTool

    with SchemaCheck(SchemaTool(os.fspath(cache))) if cache else nullcontext() as schema:
        request = CheckRequest(schema=schema) if options is None else CheckRequest(options, schema)
        result = verify_file(os.fspath(path), request)
    if result.problems:
        raise KinfoError(result.problems[0])
    return result.verdicts
