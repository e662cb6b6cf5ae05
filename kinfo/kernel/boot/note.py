"""Whether a VMCOREINFO is that of the kernel in the memory: each line that can be held against something else is.

A dump's note can be another kernel's: hypervisors write such, and files get mixed up. What the record, the banner, the page
tables and the image's own notes say of the same thing tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.arch import arm, arm64, x86_64
from kinfo.arch.address import MASK
from kinfo.kernel.boot import banner
from kinfo.kernel.boot.image_notes import image_build_id
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.formats import EntryKind, PageFormat
from kinfo.kernel.paging.space import Space
from kinfo.named import NamedTuple
from kinfo.record import text

_TABLES = ("names", "token_table", "token_index")  # where what the record says stands for itself
_SHOWN, _LONGEST = 3, 80  # differences that a message names, and letters of each part


class Check(NamedTuple):
    """A line of VMCOREINFO beside what `source` has for it. `is_of_boot`: no two boots with KASLR have the same."""

    key: str
    stated: str
    own: str
    source: str
    is_same: bool
    is_of_boot: bool

    def __str__(self) -> str:
        key, stated, own = (text.escape(words[:_LONGEST].encode()) for words in (self.key, self.stated, self.own))
        return f"{key} is {stated} in it, {own} by {self.source}"


class NoteEvidence(NamedTuple):
    """What a VMCOREINFO's lines come to beside the memory: whether it belongs to the kernel in it."""

    checks: tuple[Check, ...]

    @property
    def differences(self) -> tuple[Check, ...]:
        """The lines that are another kernel's."""
        return tuple(check for check in self.checks if not check.is_same)

    @property
    def is_bound(self) -> bool:
        """Whether it is the note of this very boot: an address agrees, and nothing differs."""
        return not self.differences and any(check.is_of_boot for check in self.checks)

    def __str__(self) -> str:
        return "; ".join(map(str, self.differences[:_SHOWN]))


def evidence(kernel: Kernel, values: dict[str, str]) -> NoteEvidence:
    """VMCOREINFO's lines held against the kernel, as far as both say something."""
    return NoteEvidence(tuple(check for check in (*_of_build(kernel, values), *_of_boot(kernel, values)) if check.stated))


def _of_build(kernel: Kernel, values: dict[str, str]) -> Iterator[Check]:
    release, source = banner.release(kernel)
    if release:
        stated = values.get("OSRELEASE", "")
        is_same = stated in (release, kernel.pointers.release)  # that these two differ is a finding of its own
        yield Check("OSRELEASE", stated, release, source, is_same, is_of_boot=False)
    if build := image_build_id(kernel).hex():
        stated = values.get("BUILD-ID", "")
        yield Check("BUILD-ID", stated, build, "the notes of the image", stated.lower() == build, is_of_boot=False)


def _of_boot(kernel: Kernel, values: dict[str, str]) -> Iterator[Check]:
    """What page tables and the symbol table's own base say."""
    space = kernel.space
    if space is None:
        return
    where = space.evidence
    yield _number(values, "SYMBOL(_stext)", space.va(kernel.kallsyms.borders.stext), where)
    if space.root:
        yield _number(values, "SYMBOL(swapper_pg_dir)", space.va(space.root), where)
    yield from _of_tables(kernel, space, values)
    machine = space.form.machine if space.form else None
    if machine in (None, arm64.MACHINE):
        yield _number(values, "NUMBER(kimage_voffset)", space.voffset, where)
    elif machine == x86_64.MACHINE:
        yield _number(values, "NUMBER(phys_base)", x86_64.voffset(space.voffset), where, base=10)
    if space.form is not None:
        yield from _of_format(values, space, space.form)


def _of_format(values: dict[str, str], space: Space, form: PageFormat) -> Iterator[Check]:
    """What the page tables' format says of the build."""
    tables = "the page table's format"
    yield _number(values, "PAGESIZE", form.page_size, tables, base=10, is_of_boot=False)
    if form.machine == arm64.MACHINE:
        yield _number(values, "NUMBER(TCR_EL1_T1SZ)", 64 - (space.va_bits or 0), tables, is_of_boot=False)
    elif form.machine == arm.MACHINE and "CONFIG_ARM_LPAE" in values:
        own = "y" if form.kind is EntryKind.LPAE else "n"
        stated = values["CONFIG_ARM_LPAE"]
        yield Check("CONFIG_ARM_LPAE", stated, own, tables, stated == own, is_of_boot=False)


def _of_tables(kernel: Kernel, space: Space, values: dict[str, str]) -> Iterator[Check]:
    """What a record says of kallsyms; without one it can be this very VMCOREINFO that said it."""
    for name in _TABLES if kernel.pointers.record else ():
        if pa := kernel.pointers.pa(name):
            yield _number(values, f"SYMBOL(kallsyms_{name})", space.va(pa), kernel.pointers.source)


def _number(values: dict[str, str], key: str, own: int, source: str, *, base: int = 16, is_of_boot: bool = True) -> Check:
    stated = values.get(key, "")
    try:
        is_same = (int(stated, base) - own) & MASK == 0
    except ValueError:
        is_same = False
    return Check(key, stated, f"{own:#x}" if base == 16 else f"{own}", source, is_same, is_of_boot)
