"""A layout and its fields: everything that knows an offset, derived from the construct model.

The model is in `structs`. `shapes` holds it flat, generated, so that neither construct's import nor its speed is paid for
when a record is decoded; offsets follow from the order of the fields, because the record is packed.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import islice

from kinfo.frozen import Frozen
from kinfo.named import NamedTuple
from kinfo.printable import brief
from kinfo.record.fields import NOTES, Note
from kinfo.record.kernels import Span
from kinfo.record.shapes import SHAPES
from kinfo.typed import Any

Shape = tuple[tuple[str, str, int], ...]
Value = int | bytes | tuple[int, ...] | tuple[bytes, ...]

_CTYPES = {"B": "u8", "H": "u16", "L": "u32", "Q": "u64"}
_SIZES = {"B": 1, "H": 2, "L": 4, "Q": 8}


class Field(NamedTuple):
    """One field of one layout.

    `offset` and `size` are bytes from the start of the record; `item` is the struct code of one element ("B", "H", "L", "Q"
    for unsigned integers, "8s" for bytes) and `elements` how many an array has (0: not an array).
    """

    name: str
    offset: int
    size: int
    item: str
    elements: int

    @property
    def is_text(self) -> bool:
        """Whether the elements are byte strings rather than integers."""
        return self.item.endswith("s")

    @property
    def bits(self) -> int:
        """Width of one integer element in bits; 0 for text."""
        return 0 if self.is_text else 8 * _SIZES[self.item]

    @property
    def ctype(self) -> str:
        """The C type with its array bounds, as in `u8[64]`."""
        bounds = f"[{self.elements}]" if self.elements else ""
        if self.is_text:
            return f"u8{bounds}[{self.item[:-1]}]"
        return _CTYPES[self.item] + bounds

    @property
    def end(self) -> int:
        """Offset of the first byte behind the field."""
        return self.offset + self.size

    @property
    def note(self) -> Note:
        """Meaning, source and unit."""
        return NOTES[self.name]

    def __repr__(self) -> str:
        return brief(self, f"{self.name}: {self.ctype} at {self.offset:#x}")


def bits_of(name: str) -> int:
    """Width in bits of one integer element of the field: the same in every layout; 0 for text. Raises KeyError."""
    return _BITS[name]


_BITS = {name: 0 if item.endswith("s") else 8 * _SIZES[item] for shape in SHAPES.values() for name, item, _ in shape}


class Kernels(NamedTuple):
    """Kernel releases (major, minor) in which a layout was seen, and in which it can be at all; None is open."""

    known: Span
    possible: Span = (None, None)


class Layout(Frozen):
    """One shape of the record: which bytes mean what. Who writes it, and how well, is `writers`."""

    name: str
    alias: str
    title: str
    kernels: Kernels
    seen_in: str
    writers: tuple[str, ...]
    compatible: str
    magic: int = 0xCCEEDDFF
    vendor: bool = False

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every field in order, with its offset. Raises LookupError for a layout without a shape."""
        if self.alias not in SHAPES:
            raise LookupError(
                f"layout {self.alias} has no shape: add its struct to record/structs.py and run `make generate`"
            )
        return tuple(_fields(SHAPES[self.alias]))

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Fields by their C name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def suffix(self) -> str:
        """How the names of its pointers end: "va" in kdebuginfo, "pa" everywhere else."""
        return "va" if "_stext_va" in self.by_name else "pa"

    @cached_property
    def module_fields(self) -> tuple[str, ...]:
        """The fields about modules, tree lookup first."""
        return tuple(name for name in self.by_name if name.startswith(("enabled_modules_", "mod_", "module_s", "module_e")))

    @cached_property
    def module_offsets(self) -> tuple[str, ...]:
        """The offsets into struct module, in order, but for scmversion's."""
        wanted = ("mod_core_layout_offset", "mod_init_layout_offset", "mod_mem_offset", "mod_kallsyms_offset")
        return tuple(name for name in wanted if name in self.by_name)

    @cached_property
    def size(self) -> int:
        """Size of the record in bytes."""
        return self.fields[-1].end

    @property
    def model(self) -> Any:
        """The construct.Struct that all this is derived from; importing construct is left to whoever needs it."""
        from kinfo.record.structs import STRUCTS

        return STRUCTS[self.alias]

    @property
    def words(self) -> int:
        """Number of 32-bit words that the checksum covers: all but magic and checksum, a rest of 1-3 bytes dropped."""
        return (self.size - 8) // 4

    @cached_property
    def _packer(self) -> struct.Struct:
        return struct.Struct("<" + "".join(field.item * (field.elements or 1) for field in self.fields))

    def unpack(self, data: bytes | memoryview) -> dict[str, Value]:
        """The raw value of every field; `data` holds at least `size` bytes."""
        return self._named(self._packer.unpack_from(data))

    def unpack_partial(self, data: bytes) -> dict[str, Value]:
        """The fields that lie whole within `data`, which may be shorter than the record."""
        padded = bytes(data[: self.size]).ljust(self.size, b"\0")
        return dict(islice(self.unpack(padded).items(), bisect_right(self._ends, len(data))))

    def pack(self, values: Mapping[str, Value]) -> bytes:
        """The record's bytes; every field of the layout must be in `values`, in its range."""
        flat: list[Any] = []
        for field in self.fields:
            value = values[field.name]
            flat.extend(value if isinstance(value, tuple) else (value,))
        packed: bytes = self._packer.pack(*flat)
        return packed

    def _named(self, flat: tuple[Any, ...]) -> dict[str, Value]:
        if self._is_flat:
            return dict(zip(self._names, flat, strict=True))
        values: dict[str, Value] = {}
        rest = iter(flat)
        for field in self.fields:
            values[field.name] = tuple(next(rest) for _ in range(field.elements)) if field.elements else next(rest)
        return values

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return tuple(field.end for field in self.fields)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @cached_property
    def _is_flat(self) -> bool:
        return not any(field.elements for field in self.fields)

    def __repr__(self) -> str:
        return brief(self, f"{self.name} ({self.alias}): {self.size} bytes, {len(self.fields)} fields, {self.title}")


def _fields(shape: Shape) -> Iterable[Field]:
    offset = 0
    for name, item, elements in shape:
        size = struct.calcsize("<" + item) * (elements or 1)
        yield Field(name, offset, size, item, elements)
        offset += size
