"""The numbers that struct module is read by: the record's, and where it has none those of the kernel's own types."""

from __future__ import annotations

from kinfo.errors import KernelError
from kinfo.kernel.pointers import Pointers
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.kernel.types.model import Struct
    from kinfo.kernel.types.types import Types

TYPES = "BTF"
_PARTS = ("module_memory", "module_layout")  # what a module's memory is described by: since 6.4, and before


class Numbers(NamedTuple):
    """Offsets into struct module, and the length of its name; 0 is not known. `source` says where they are from."""

    source: str
    core: int
    init: int
    mem: int
    kallsyms: int
    name_len: int
    has_tree: bool


def numbers_of(pointers: Pointers) -> Numbers:
    """The numbers for a kernel."""
    stated = of_record(pointers)
    if stated.core or stated.mem:
        return stated
    return of_types(pointers.types()) or stated


def of_record(pointers: Pointers) -> Numbers:
    """What the record says, or what stands for it."""
    core, init, mem, kallsyms = (
        pointers.count(f"mod_{name}_offset") for name in ("core_layout", "init_layout", "mem", "kallsyms")
    )
    has_tree = bool(pointers.count("enabled_modules_tree_lookup"))
    return Numbers(pointers.source, core, init, mem, kallsyms, pointers.count("module_name_len"), has_tree)


def of_types(types: Types | None) -> Numbers | None:
    """What the types say; None where there are none, or they have no struct module that names lie in."""
    try:
        module = types.find("module") if types else None
        if types is None or module is None:
            return None
        part = next((found for name in _PARTS if (found := types.find(name))), None)
        name = module.find("name")
        core, init, mem, kallsyms = (_offset(module, one) for one in ("core_layout", "init_layout", "mem", "kallsyms"))
        return Numbers(TYPES, core, init, mem, kallsyms, name.elements if name else 0, bool(part and "mtn" in part))
    except KernelError:
        return None


def _offset(module: Struct, member: str) -> int:
    found = module.find(member)
    return found.offset if found else 0
