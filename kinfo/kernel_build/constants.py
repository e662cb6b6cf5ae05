"""Facts out of types: the lengths and the offsets into struct module, from BTF or DWARF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from kinfo.kernel_build.model import Told

_MEMBERS = ("core_layout", "init_layout", "mem", "kallsyms", "scmversion")


class AnyMember(Protocol):
    """What is asked of a member, whoever read it: offset in bytes, elements of an array (else 0)."""

    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def elements(self) -> int: ...  # noqa: D102


class AnyStruct(Protocol):
    """A struct of BTF or of DWARF."""

    @property
    def members(self) -> Mapping[str, AnyMember]: ...  # noqa: D102


Lookup = Callable[[str], AnyStruct | None]


def tell(told: Told, find: Lookup, form: str) -> None:
    """What the types say: where struct module has its members, and how long its name is."""
    module = find("module")
    if module is None or "kallsyms" not in module.members:
        return
    how = f"{form}: struct module"
    for name in _MEMBERS:
        if name in module.members:
            told.add(f"module.{name}", module.members[name].offset, how)
    told.add("MODULE_NAME_LEN", module.members["name"].elements or None if "name" in module.members else None, how)
    told.add("CONFIG_MODULES", 1, how)


def tell_more(told: Told, find: Lookup, form: str) -> None:
    """What BTF says beyond that: every type of the kernel is in it, so a struct that is not found is not there."""
    tell(told, find, form)
    lister = find("kallsym_iter")
    if lister and "name" in lister.members:
        told.add("KSYM_NAME_LEN", lister.members["name"].elements or None, f"{form}: struct kallsym_iter")
    for name in ("module_memory", "module_layout"):
        part = find(name)
        if part:
            told.add("CONFIG_MODULES_TREE_LOOKUP", int("mtn" in part.members), f"{form}: struct {name}")
            return
