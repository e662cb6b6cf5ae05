"""The structure of a flattened devicetree, checked before anything else touches it: bounded and iterative.

Facts: Devicetree Specification v0.4, chapter 5. Older versions than 16 have no size of the strings block and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from kinfo.errors import BlobError
from kinfo.named import NamedTuple

MAGIC = 0xD00DFEED
HEADER = Struct(">10I")
MAX_SIZE = 64 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_PROPERTIES = 1_000_000
_BEGIN_NODE, _END_NODE, _PROP, _NOP, _END = 1, 2, 3, 4, 9
_TAGS = frozenset((_BEGIN_NODE, _END_NODE, _PROP, _NOP, _END))
_WORD = Struct(">I")
_WORDS = Struct(">II")
_PAIR = Struct(">QQ")
_LETTERS = bytes(range(0x21, 0x7F))  # of names; dtc's own rules are narrower, boot loaders' trees are not
_NOPS = b"\0\0\0\4" * 16384
_MAX_LIST = 64 << 10  # bytes of a compatible; boards have some hundred
_MAX_RESERVATIONS = 4096
_MAX_ODDITIES = 100  # more are of no use to anyone


class BlobNode(NamedTuple):
    """A node: name, properties (name and value) in order, the nodes below it in order."""

    name: str
    properties: dict[str, bytes]
    children: list[BlobNode]


class Blob(NamedTuple):
    """A sound blob. `size` is its totalsize in bytes, `oddities` what can be read and is yet wrong (node path, sentence)."""

    size: int
    version: int
    boot_cpu: int
    reservations: tuple[tuple[int, int], ...]
    root: BlobNode
    oddities: tuple[tuple[str, str], ...]


class BlobHeader(NamedTuple):
    """The ten words of the header."""

    magic: int
    totalsize: int
    off_struct: int
    off_strings: int
    off_reserve: int
    version: int
    last_comp_version: int
    boot_cpu: int
    size_strings: int
    size_struct: int


def header_of(data: bytes | memoryview, offset: int = 0) -> BlobHeader | None:
    """The header at an offset where it is one: magic, known version, sizes and places that fit each other."""
    if len(data) - offset < HEADER.size:
        return None
    header = BlobHeader(*HEADER.unpack_from(data, offset))
    return header if header.magic == MAGIC and not _header_problem(header) else None


def parse(data: bytes | memoryview) -> Blob:
    """Check a blob, and take it apart; bytes behind its totalsize are not looked at. Raises BlobError."""
    return _Reader(data).read()


def _header_problem(header: BlobHeader) -> str:
    if header.version < 16 or header.last_comp_version > 17:
        return f"version {header.version} (readable as {header.last_comp_version}), where 16 and 17 are known"
    if not HEADER.size - 4 * (header.version == 16) <= header.totalsize <= MAX_SIZE:
        return f"a total size of {header.totalsize} bytes"
    blocks = (
        ("structure", header.off_struct, 4),
        ("strings", header.off_strings, 1),
        ("memory reservation", header.off_reserve, 8),
    )
    for what, offset, alignment in blocks:
        if not HEADER.size - 4 <= offset <= header.totalsize:
            return f"its {what} block at {offset:#x}, outside its {header.totalsize} bytes"
        if offset % alignment:
            return f"its {what} block at {offset:#x}, not at a multiple of {alignment}"
    if header.off_strings + header.size_strings > header.totalsize:
        return f"{header.size_strings} bytes of strings at {header.off_strings:#x}, beyond its end"
    if header.version >= 17 and header.off_struct + header.size_struct > header.totalsize:
        return f"{header.size_struct} bytes of structure at {header.off_struct:#x}, beyond its end"
    return ""


def _fail(what: str, hint: str = "it is damaged: get it again, or compile it anew") -> BlobError:
    return BlobError(f"not a sound devicetree blob: {what}", hint)


def _is_name(raw: bytes) -> bool:
    return 0 < len(raw) < 256 and not raw.translate(None, _LETTERS)


class _Reader:
    """One pass over one blob."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = bytes(data[: MAX_SIZE + 1])
        self.oddities: list[tuple[str, str]] = []

    def read(self) -> Blob:
        data = self.data
        if len(data) < HEADER.size:
            raise _fail(f"{len(data)} bytes are less than a header")
        header = BlobHeader(*HEADER.unpack_from(data))
        if header.magic != MAGIC:
            raise _fail(f"it begins with {header.magic:#010x}, not {MAGIC:#x}", "name a devicetree blob, or what holds one")
        if problem := _header_problem(header):
            raise _fail(f"the header has {problem}")
        if header.totalsize > len(data):
            raise _fail(f"the header has {header.totalsize} bytes, the file {len(data)}", "it is cut off: get it again")
        self.data = data[: header.totalsize]
        reservations = tuple(self._reservations(header.off_reserve))
        end = header.off_struct + header.size_struct if header.version >= 17 else header.totalsize
        self.strings = self.data[header.off_strings : header.off_strings + header.size_strings]
        self.names: dict[int, str] = {}
        root = self._tree(header.off_struct, end)
        return Blob(header.totalsize, header.version, header.boot_cpu, reservations, root, tuple(self.oddities))

    def _reservations(self, offset: int) -> Iterator[tuple[int, int]]:
        for _ in range(_MAX_RESERVATIONS):
            if offset + _PAIR.size > len(self.data):
                raise _fail("the memory reservation block has no end")
            pair = _PAIR.unpack_from(self.data, offset)
            if pair == (0, 0):
                return
            yield pair
            offset += _PAIR.size
        raise _fail(f"more than {_MAX_RESERVATIONS} memory reservations")

    def _tree(self, at: int, end: int) -> BlobNode:
        """The structure block. One loop, since depth and counts are hostile until they are checked."""
        top = BlobNode("", {}, [])  # holds the root
        stack, names, nodes, properties = [top], [set[str]()], 0, 0
        while (tag := self._tag(at, end)) != _END:
            at += 4
            if tag == _PROP:
                properties += 1
                at = self._property(at, end, stack, properties)
            elif tag == _BEGIN_NODE:
                nodes += 1
                at, node = self._begin(at, end, stack, nodes, names[-1])
                stack.append(node)
                names.append(set())
            elif tag == _NOP:
                at = self._behind_nops(at, end)
            elif tag == _END_NODE:
                if len(stack) == 1:
                    raise _fail(f"a node ends at {at - 4:#x} that never began")
                stack.pop()
                names.pop()
        return self._ended(stack, at)

    def _behind_nops(self, at: int, end: int) -> int:
        """Behind all of a run of NOPs, of which a hostile blob has millions."""
        while end - at >= len(_NOPS) and self.data.startswith(_NOPS, at):
            at += len(_NOPS)
        return at

    def _tag(self, at: int, end: int) -> int:
        if at + 4 > end:
            raise _fail(f"the structure block ends at {end:#x} without an END")
        tag: int = _WORD.unpack_from(self.data, at)[0]
        if tag not in _TAGS:
            raise _fail(f"tag {tag:#x} at {at:#x}")
        return tag

    def _begin(self, at: int, end: int, stack: list[BlobNode], nodes: int, siblings: set[str]) -> tuple[int, BlobNode]:
        stop = self.data.find(b"\0", at, min(end, at + 256))
        raw = self.data[at:stop]
        is_root = len(stack) == 1
        if stop < 0 or not ((is_root and not raw) or _is_name(raw)) or b"/" in raw:
            raise _fail(f"the node at {at - 4:#x} has no proper name")
        if is_root and stack[0].children:
            raise _fail(f"a second root at {at - 4:#x}")
        if len(stack) > MAX_DEPTH:
            raise _fail(f"more than {MAX_DEPTH} nodes inside each other at {at - 4:#x}")
        if nodes > MAX_NODES:
            raise _fail(f"more than {MAX_NODES} nodes")
        name = "" if is_root else raw.decode("ascii")
        if name in siblings:
            raise _fail(f"two nodes {self._path(stack)}/{name}")
        siblings.add(name)
        node = BlobNode(name, {}, [])
        stack[-1].children.append(node)
        return stop + 4 - (stop - at) % 4 if (stop - at) % 4 else stop + 4, node

    def _property(self, at: int, end: int, stack: list[BlobNode], count: int) -> int:
        if at + 8 > end or len(stack) == 1 or count > MAX_PROPERTIES:
            raise _fail(f"a property out of place at {at - 4:#x}")
        size: int
        offset: int
        size, offset = _WORDS.unpack_from(self.data, at)
        start = at + 8
        if size > end - start:
            raise _fail(f"the property at {at - 4:#x} has {size} bytes, beyond the structure block")
        name = self.names.get(offset) or self._string(offset, at - 4)
        if name == "compatible" and size > _MAX_LIST:
            raise _fail(f"{self._path(stack) or '/'} has a compatible of {size} bytes", "it is damaged, or no board's tree")
        node = stack[-1]
        if name in node.properties:
            raise _fail(f"{self._path(stack) or '/'} has two properties {name}")
        if node.children and len(self.oddities) < _MAX_ODDITIES:
            self.oddities.append((self._path(stack) or "/", f"its property {name} comes behind a node"))
        node.properties[name] = self.data[start : start + size]
        return start + (size + 3 & ~3)

    def _string(self, offset: int, place: int) -> str:
        stop = self.strings.find(b"\0", offset, offset + 256) if offset < len(self.strings) else -1
        raw = self.strings[offset : max(stop, offset)]
        if not _is_name(raw):
            raise _fail(f"the property at {place:#x} has no proper name: its string is at {offset:#x} of {len(self.strings)}")
        name = raw.decode("ascii")
        self.names[offset] = name
        return name

    def _ended(self, stack: list[BlobNode], at: int) -> BlobNode:
        if len(stack) > 1 or not stack[0].children:
            raise _fail(f"the END at {at:#x} comes {'inside a node' if len(stack) > 1 else 'before any node'}")
        return stack[0].children[0]

    @staticmethod
    def _path(stack: list[BlobNode]) -> str:
        return "/".join(node.name for node in stack[1:])
