"""A kernel's symbols as text and as JSON, a piece at a time: the table is never held whole."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kinfo.kernel.kernel import Kernel
from kinfo.kernel.listing import lines, module_lines, shift_of

SCHEMA_VERSION = 1


def text(kernel: Kernel, *, physical: bool, modules: bool) -> Iterator[str]:
    """Lines as /proc/kallsyms has them (and System.map: without modules the two are alike)."""
    width = 2 * kernel.pointers.word
    yield from kernel.kallsyms.listing(shift_of(kernel, physical=physical))
    if modules:
        for line in module_lines(kernel, physical=physical):
            yield f"{line.address:0{width}x} {line.type} {line.name}\t[{line.module}]\n"


def as_json(kernel: Kernel, *, physical: bool, modules: bool) -> Iterator[str]:
    """One JSON document: {"schema_version", "release", "addresses", "symbols": [{"address", "type", "name", "module"}]}."""
    if not physical and kernel.space is None:
        raise kernel.no_space  # before anything is written
    head = {
        "schema_version": SCHEMA_VERSION,
        "release": kernel.pointers.release,
        "addresses": "physical" if physical else "virtual",
    }
    yield json.dumps(head)[:-1] + ', "symbols": ['
    comma = ""
    for line in lines(kernel, physical=physical, modules=modules):
        data = {"address": f"{line.address:#x}", "type": line.type, "name": line.name, "module": line.module or None}
        yield f"{comma}\n  {json.dumps(data)}"
        comma = ","
    yield "\n]}\n"
