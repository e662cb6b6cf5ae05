"""RAM as the kernel takes it from the tree and the command line, and what is in it when reserved memory is read.

drivers/of/fdt.c: early_init_dt_scan_memory(), early_init_dt_add_memory_arch(), early_init_dt_check_for_usable_mem_range();
arch/arm64/mm/init.c: arm64_memblock_init().
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kinfo.dt.boot.memblock import PHYS_MAX, Memblock
from kinfo.dt.boot.releases import EarlyMemory
from kinfo.dt.ranges import Range, number, root_cells, whole_ranges
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.dt.tree import Node, Tree

_PHYS_BITS = 48  # arm64 without LPA: memblock_remove(1ULL << PHYS_MASK_SHIFT, ULLONG_MAX)
_SUFFIXES = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}
_NUMBER = r"(?i:(?:0x([0-9a-f]{1,99})|(0[0-7]{0,99})|([1-9][0-9]{0,99}))([kmgtpe]?))"
_MAX_BANKS = 4096


class LoadedFile(NamedTuple):
    """What the boot loader put into memory and the tree does not tell, as far as it is known: physical addresses.

    `image`: the kernel; `blob`: where this tree lies, of `blob_size` bytes; `page`: bytes of the kernel's page.
    """

    image: Range | None = None
    blob: int | None = None
    blob_size: int = 0
    page: int = 4096


class Owned(NamedTuple):
    """Memory that has an owner before /reserved-memory is read."""

    name: str
    extent: Range


def string_of(node: Node, name: str) -> str | None:
    """A property as the kernel's strcmp() sees it: up to the first NUL; None where there is none."""
    raw = node.properties.get(name)
    return None if raw is None else raw.split(b"\0", 1)[0].decode("ascii", "replace")


def is_available(node: Node, release: EarlyMemory) -> bool:
    """of_fdt_device_is_available(): an empty status is the empty string up to 6.12, and no status from 7.x on."""
    raw = node.properties.get("status")
    if raw is None or (release.strict and b"\0" not in raw):
        return True
    return string_of(node, "status") in ("ok", "okay")


def chosen_of(tree: Tree) -> Node | None:
    """/chosen; with a unit address, too, as fdt_path_offset() has it (before 5.17 @0 alone)."""
    return next((node for node in tree.root.children if node.name.partition("@")[0] == "chosen"), None)


def banks(tree: Tree, release: EarlyMemory, page: int) -> Iterator[Range]:
    """The memory nodes' entries in whole pages, in the tree's order."""
    cells, count = root_cells(tree), 0
    nodes = tree.root.children if release.memory_status else tree.root.walk()
    for node in nodes:
        if not _is_memory(node, release):
            continue
        name = "linux,usable-memory" if "linux,usable-memory" in node.properties else "reg"
        raw = node.properties.get(name, b"")
        if release.strict and cells.total and len(raw) % (4 * cells.total):
            continue
        for bank in whole_ranges(node.cells(name) or (), cells):
            start = -(-bank.base // page) * page
            end = bank.end // page * page
            if end > start and count < _MAX_BANKS:
                count += 1
                yield Range(start, end - start)


def _is_memory(node: Node, release: EarlyMemory) -> bool:
    """By device_type alone, which 7.x wants to end with a NUL (fdt_stringlist_get()); and by status, see EarlyMemory."""
    if string_of(node, "device_type") != "memory" or (release.strict and b"\0" not in node.properties["device_type"]):
        return False
    return not release.memory_status or is_available(node, release)


def usable(tree: Tree, release: EarlyMemory) -> tuple[Range, ...]:
    """linux,usable-memory-range of /chosen: one range up to 5.15, then two; from 7.3 on six (2 + CRASHK_CMA_RANGES_MAX)."""
    chosen = chosen_of(tree)
    found = whole_ranges((chosen.cells("linux,usable-memory-range") or ()) if chosen else (), root_cells(tree))
    return found[: 1 if release.version < (5, 17) else 2 if release.version < (7, 3) else 6]


def arguments(tree: Tree) -> list[str]:
    """The kernel's arguments as the tree has them, up to "--"."""
    chosen = chosen_of(tree)
    words = ((string_of(chosen, "bootargs") or "") if chosen else "").replace('"', "").split()
    return words[: words.index("--")] if "--" in words else words


def memparse(text: str) -> tuple[int, str]:
    """The number that a text begins with, and the rest (lib/cmdline.c): hexadecimal, octal behind a 0, or decimal; K to E.

    It wraps at 64 bits; where there is no number it is 0.
    """
    match = re.match(_NUMBER, text)
    if not match:
        return 0, text
    high, octal, plain, suffix = match.groups()
    digits, base = (high, 16) if high else (octal, 8) if octal else (plain, 10)
    value = int(digits, base) << _SUFFIXES[suffix.lower()]
    return value & ((1 << 64) - 1), text[match.end() :]


def _values(tree: Tree, name: str) -> list[str]:
    """What the command line gives an argument, in order."""
    return [word.partition("=")[2] for word in arguments(tree) if word.startswith(f"{name}=")]


def memory_limit(tree: Tree, page: int) -> int | None:
    """The last `mem=` of the command line, in bytes and whole pages; None where there is none."""
    values = _values(tree, "mem")
    return memparse(values[-1])[0] // page * page if values else None


def replaces_cma(tree: Tree) -> bool:
    """Whether `cma=` of the command line makes the default pool, in place of the tree's (rmem_cma_setup(), 5.6 and later)."""
    return bool(_values(tree, "cma"))


def initrd(tree: Tree) -> Range | None:
    """The initrd by /chosen, or by `initrdmem=` or `initrd=` of the command line (do_mounts_initrd.c); None without one."""
    chosen = chosen_of(tree)
    start, end = (chosen.cells(f"linux,initrd-{edge}") if chosen else None for edge in ("start", "end"))
    found = Range(number(start), number(end) - number(start)) if start is not None and end is not None else Range(0, 0)
    for word in arguments(tree):
        name, _, value = word.partition("=")
        base, rest = memparse(value)
        if name in ("initrd", "initrdmem") and rest.startswith(","):
            found = Range(base, memparse(rest[1:])[0])
    return found if found.size > 0 else None


def elfcorehdr(tree: Tree) -> Range | None:
    """/chosen's linux,elfcorehdr: where a crashed kernel's core header lies.

    Of several entries kernels up to 6.12 take the first, and 7.x none: it is taken.
    """
    chosen = chosen_of(tree)
    found = whole_ranges((chosen.cells("linux,elfcorehdr") or ()) if chosen else (), root_cells(tree))
    return found[0] if found and found[0].size else None


def prepare(tree: Tree, release: EarlyMemory, loaded: LoadedFile) -> tuple[Memblock, tuple[Owned, ...], bool]:
    """Memory as early_init_fdt_scan_reserved_mem() finds it, who owns what, and whether the tree says where RAM is.

    Where it does not, all that can be addressed is taken for RAM.
    """
    found = list(banks(tree, release, loaded.page))
    memory = Memblock(found or [Range(0, 1 << _PHYS_BITS)])
    ranges = usable(tree, release)
    if ranges:
        memory.cap(ranges[0])
        for one in ranges[1:]:
            memory.memory.add(one)
    memory.memory.remove(Range(1 << _PHYS_BITS, PHYS_MAX))
    limit = memory_limit(tree, loaded.page)
    if found and limit is not None:
        memory.limit(limit)
        if loaded.image:
            memory.memory.add(loaded.image)
    owned = tuple(_owned(tree, memory, loaded))
    for taken in owned:
        memory.reserved.add(taken.extent)
    return memory, owned, bool(found)


def _owned(tree: Tree, memory: Memblock, loaded: LoadedFile) -> Iterator[Owned]:
    if loaded.blob is not None and loaded.blob_size:
        yield Owned("the devicetree blob", Range(loaded.blob, loaded.blob_size))
    there = initrd(tree)
    first = next(iter(memory.memory), None)
    if there and first:
        start = there.base // loaded.page * loaded.page
        whole = Range(start, -(-there.end // loaded.page) * loaded.page - start)
        if whole.base >= first.base:  # else: "initrd not fully accessible via the linear mapping", and it is forgotten
            memory.memory.add(whole)
            memory.memory.mark(whole, mark=False)
            yield Owned("the initrd", whole)
    if loaded.image:
        yield Owned("the kernel's image", loaded.image)
