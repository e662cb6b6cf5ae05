"""`kinfo core --only kernel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinfo.cli import declare
from kinfo.cli.words import say

if TYPE_CHECKING:
    from kinfo.findings import Finding
    from kinfo.kernel.kernel import Kernel

only_option = declare.option(
    "--only", kind=declare.Choice(("kernel",)), help="Leave out what is not the kernel's own: a core to hand on."
)


def write_kernel(kernel: Kernel, path: str, *, force: bool) -> tuple[Finding, ...]:
    """Write the kernel's own memory as a core, and say what is in it and what is not. Raises KinfoError."""
    from functools import partial

    from kinfo.cli import output
    from kinfo.debuggers import core_file, kernel_only
    from kinfo.kernel.excerpt.parts import excerpt

    kept = excerpt(kernel)
    output.write_with(path, partial(kernel_only.write, kernel, kept), force=force)
    for line in kernel_only.told(kept):
        say(line)
    return (*core_file.findings(kernel), *kept.findings)
