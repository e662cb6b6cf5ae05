"""Devicetrees: whether they give the driver its memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from kinfo.dt.given import DtOptions
    from kinfo.dt.verify import Verdict


def verify_dt(
    path: str | os.PathLike[str],
    options: DtOptions | None = None,
    *,
    cache: str | os.PathLike[str] | None = None,
    stdin: BinaryIO | None = None,
) -> tuple[Verdict, ...]:
    """The verdict on every tree in a file (.dtb, .dts, images that hold trees) or folder like /proc/device-tree.

    `options` is what is known beyond the tree: profile, layout, page size, the kernel's release, a record out of memory, the
    log of a boot. `cache` is a folder for processed schemas; without one the schema is left out and the rules alone are
    checked. Without dtschema, an extra, that is so too, and a finding says it. `stdin` is behind the name "-". Raises
    KinfoError where the file, one of its trees or one of those that the options name cannot be read, and for options that
    make no sense.
    """
    from kinfo.dt.given import DtOptions, verdicts

    return verdicts(os.fspath(path), options or DtOptions(), None if cache is None else os.fspath(cache), stdin)
