"""Overlays: applied to a base as libfdt does, or read alone as far as that goes.

Facts: Documentation/devicetree/overlay-notes.rst, and the form that dtc -@ writes: `/fragment@N` with `target` or
`target-path` and `__overlay__`; `__fixups__` (a label of the base: places of its phandle, "PATH:PROPERTY:OFFSET"),
`__local_fixups__` (a tree of offsets of the overlay's own phandles), `__symbols__` (labels).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kinfo.dt.tree import Node, Tree, handle_of
from kinfo.errors import TreeError

_NO_TARGET = 0xFFFFFFFF
_AGAIN = "compile the overlay again with dtc -@"
_BASE_HINT = "compile the base with dtc -@, or name the right base"


def apply(base: Tree, overlay: Tree) -> Tree:
    """A new tree: the overlay merged into the base. Raises TreeError for what the base lacks or the overlay garbles."""
    root, over = _copy(base.root), _copy(overlay.root)
    tree = Tree(root, base.reservations, size=base.size + overlay.size, oddities=base.oddities)
    _renumber(over, max((handle_of(node) or 0 for node in root.walk()), default=0))
    symbols = tree.at("/__symbols__")
    for label, places in _fixups(over):
        path = symbols.text(label) if symbols else None
        target = tree.at(path) if path else None
        if target is None:
            raise TreeError(f"the base has no label {label}", _BASE_HINT)
        for place in places:
            _write(over, place, _handle(target))
    targets: dict[str, Node] = {}
    for fragment, content in _fragments(over):
        target = _target(Tree(root), fragment)
        targets[fragment.path] = target
        _merge(target, content)
    _merge_symbols(root, over, targets)
    return Tree(root, base.reservations, size=tree.size, oddities=base.oddities)


def partial(overlay: Tree) -> Tree:
    """The overlay without its base: fragments under their target-path, or under /&LABEL for a label of the base."""
    over = _copy(overlay.root)
    labels = {place: label for label, places in _fixups(over) for place in places}
    root = Node("", {name: raw for name, raw in over.properties.items() if name == "compatible"})
    for fragment, content in _fragments(over):
        label = labels.get(f"{fragment.path}:target:0")
        path = fragment.text("target-path") or f"/&{label or fragment.name}"
        _merge(_made(root, path), content)
    return Tree(root, overlay.reservations, size=overlay.size, oddities=overlay.oddities, partial=True)


def _made(root: Node, path: str) -> Node:
    node = root
    for name in path.strip("/").split("/") if path.strip("/") else ():
        node = node.child(name) or node.add(Node(name))
    return node


def _copy(root: Node) -> Node:
    top = Node(root.name, dict(root.properties))
    todo = [(top, root)]
    while todo:
        copy, node = todo.pop()
        todo += [(copy.add(Node(child.name, dict(child.properties))), child) for child in node.children]
    return top


def _fragments(over: Node) -> Iterator[tuple[Node, Node]]:
    for fragment in over.children:
        content = fragment.child("__overlay__")
        if content is not None:
            yield fragment, content


def _fixups(over: Node) -> Iterator[tuple[str, tuple[str, ...]]]:
    fixups = over.child("__fixups__")
    for label in fixups.properties if fixups else ():
        yield label, fixups.texts(label) if fixups else ()


def _write(over: Node, place: str, handle: int) -> None:
    """Put a phandle into PATH:PROPERTY:OFFSET."""
    path, _, rest = place.partition(":")
    name, _, offset = rest.rpartition(":")
    node = Tree(over).at(path)
    if node is None or name not in node.properties or not offset.isdigit():
        raise TreeError(f"its fixup {place!r} names no property", _AGAIN)
    _patch(node, name, int(offset), lambda _: handle)


def _patch(node: Node, name: str, offset: int, change: Callable[[int], int]) -> None:
    raw = node.properties[name]
    if offset + 4 > len(raw):
        raise TreeError(f"its fixup at {offset} is beyond {node.path}:{name}", _AGAIN)
    value = change(int.from_bytes(raw[offset : offset + 4], "big")) & 0xFFFFFFFF
    node.properties[name] = raw[:offset] + value.to_bytes(4, "big") + raw[offset + 4 :]


def _handle(node: Node) -> int:
    """The node's phandle. Raises TreeError: a label whose node has none cannot be pointed at."""
    handle = handle_of(node) or handle_of(node, "linux,phandle")
    if not handle:
        raise TreeError(f"{node.path} of the base has no phandle", _BASE_HINT)
    return handle


def _renumber(over: Node, above: int) -> None:
    """Put the overlay's own phandles above the base's, and change every place that names them."""
    if not above:
        return
    for node in over.walk():
        for name in ("phandle", "linux,phandle"):
            if (handle := handle_of(node, name)) is not None:
                if handle + above >= _NO_TARGET:
                    raise TreeError(f"the phandle {handle:#x} of {node.path} is too large", _AGAIN)
                node.properties[name] = (handle + above).to_bytes(4, "big")
    for node, name, offset in _local_places(over):
        _patch(node, name, offset, lambda old: old + above)


def _local_places(over: Node) -> Iterator[tuple[Node, str, int]]:
    """Node, property and offset of every phandle of the overlay's own."""
    local = over.child("__local_fixups__")
    todo = [(child, over.child(child.name)) for child in local.children] if local else []
    while todo:
        fixup, node = todo.pop()
        if node is None or any(name not in node.properties for name in fixup.properties):
            raise TreeError(f"its __local_fixups__ name something that is not there: {fixup.path}", _AGAIN)
        yield from ((node, name, offset) for name in fixup.properties for offset in fixup.cells(name) or ())
        todo += [(child, node.child(child.name)) for child in fixup.children]


def _target(tree: Tree, fragment: Node) -> Node:
    handles = fragment.cells("target")
    if handles:
        found = tree.phandle(handles[0])
        if len(found) == 1:
            return found[0]
        raise TreeError(f"the target {handles[0]:#x} of {fragment.name} is not in the base", _BASE_HINT)
    path = fragment.text("target-path")
    node = tree.at(path) if path else None
    if node is None:
        raise TreeError(f"{fragment.name} has the target {path!r}, which is not in the base", _BASE_HINT)
    return node


def _merge(into: Node, content: Node) -> None:
    todo = [(into, content)]
    while todo:
        node, new = todo.pop()
        node.properties.update(new.properties)
        todo += [(node.child(child.name) or node.add(Node(child.name)), child) for child in new.children]


def _merge_symbols(root: Node, over: Node, targets: dict[str, Node]) -> None:
    """The overlay's labels, with their paths in the merged tree."""
    new = over.child("__symbols__")
    if new is None:
        return
    symbols = root.child("__symbols__") or root.add(Node("__symbols__"))
    for label in new.properties:
        path = new.text(label) or ""
        fragment, mark, rest = path.partition("/__overlay__")
        target = targets.get(fragment)
        if mark and target is not None:
            symbols.properties[label] = f"{target.path.rstrip('/')}{rest}".encode("ascii", "backslashreplace") + b"\0"
