"""The list of modules: from the symbol `modules`, from `mod_tree`, or from a Pixel vendor block's mod_root_pa."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.errors import KernelError
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.modules import search
from kinfo.kernel.paging.space import Space
from kinfo.named import NamedTuple

MOST_MODULES = 8192


class Root(NamedTuple):
    """Where the list begins: `name` of the variable, its PA, and whether it is the tree."""

    name: str
    pa: int
    is_tree: bool


def root_of(kallsyms: Kallsyms, space: Space) -> Root:
    """The list's root. Raises KernelError with what is missing."""
    if root := _stated(kallsyms):
        return root
    if kallsyms.has_data:
        raise KernelError("kallsyms has neither `modules` nor `mod_tree`: a kernel without CONFIG_MODULES", "")
    try:
        pa = search.head_of(kallsyms, space)
    except KernelError as error:
        reason = "this kernel's kallsyms names code only (CONFIG_KALLSYMS_ALL is off): neither `modules` nor `mod_tree`"
        raise KernelError(f"{reason}; {error.message}", "") from None
    return Root("the list of modules, known by its shape", pa, is_tree=False)


def _stated(kallsyms: Kallsyms) -> Root | None:
    record = kallsyms.pointers.record
    vendor = record.vendor if record else None
    if pa := vendor.number("mod_root_pa") if vendor else 0:
        return Root("the vendor block's mod_root_pa", pa, bool(kallsyms.pointers.count("enabled_modules_tree_lookup")))
    for name, is_tree in (("modules", False), ("mod_tree", True)):
        if symbol := kallsyms.variable(name):
            return Root(name, symbol.pa, is_tree)
    return None


def addresses(root: Root, space: Space, word: int) -> Iterator[int]:
    """VAs of every struct module, in the kernel's order. Raises KernelError or HoleError where the list breaks off.

    A list whose links disagree is gone through to its end, and KernelError comes then.
    """
    if root.is_tree:
        # struct latch_tree_root: a seqcount, then two rb_roots
        yield from _tree(space, space.number(space.va(root.pa) + word, word), word)
        return
    yield from _list(space, space.va(root.pa), word)


def _list(space: Space, head: int, word: int) -> Iterator[int]:
    seen, wrong = {head}, ""
    before, node = head, space.number(head, word)
    while node not in seen:
        yield node - word
        if len(seen) == MOST_MODULES:
            raise KernelError(f"more than {MOST_MODULES} modules: the list leads astray", "")
        seen.add(node)
        wrong = wrong or _mismatch(space, before, node, word)
        before, node = node, space.number(node, word)
    if node != head:
        raise KernelError(f"the list of modules runs in a circle at VA {node:#x}", "")
    if wrong := wrong or _mismatch(space, before, head, word):
        raise KernelError(wrong, "")


def _mismatch(space: Space, before: int, node: int, word: int) -> str:
    """What is wrong where a node does not point back at the one before it."""
    back = space.number(node + word, word)
    if back == before:
        return ""
    reason = "it was being changed, or is damaged"
    return f"the list leads from VA {before:#x} to {node:#x}, which points back at {back:#x}: {reason}"


def _tree(space: Space, top: int, word: int) -> Iterator[int]:
    """Modules of the tree, each once, in the order of their addresses (a node for each range, left before right).

    Struct mod_tree_node is a pointer to its module, then the tree's nodes; struct rb_node parent and colour, right, left.
    """
    seen_nodes: set[int] = set()
    modules: set[int] = set()
    path: list[int] = []
    node = top
    while path or node:
        while node:
            if node in seen_nodes or len(seen_nodes) == MOST_MODULES * 8:
                raise KernelError(f"the tree of modules runs in a circle at VA {node:#x}", "")
            seen_nodes.add(node)
            path.append(node)
            node = space.number(node + 2 * word, word)
        node = path.pop()
        module = space.number(node - word, word)
        if module not in modules:
            modules.add(module)
            yield module
        node = space.number(node + word, word)
