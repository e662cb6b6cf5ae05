"""Why the modules' symbols, or those of one, are not among a kernel's."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.kernel.kernel import Kernel


def what_is_missing(kernel: Kernel) -> Iterator[str]:
    """A sentence for each thing that is missing; none where every loaded module's symbols are there."""
    modules = kernel.modules
    if modules is None:
        yield f"no modules: they lie outside the image: {kernel.no_space.message}"
        return
    for finding in modules.findings:
        yield finding.message
    if not modules.all and not modules.unknown:
        yield "no modules: none is loaded"
    reasons = {module.no_symbols for module in modules.all}
    if len(reasons) == 1 and len(modules.all) > 1 and "" not in reasons:
        yield f"none of {len(modules.all)} modules has its symbols in the list: {reasons.pop()}"
        return
    for module in modules.all:
        if module.no_symbols:
            yield f"module {module.name}: its symbols cannot be read: {module.no_symbols}"
