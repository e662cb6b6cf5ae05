"""A struct out of DWARF (versions 2 to 5): for kernels that carry no BTF.

The entries are walked in their order and the walk ends at the struct: every C file of a kernel that knows modules describes
struct module, so it is found among the first. Entries of a fixed size are stepped over without a look into them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kinfo.errors import KernelError
from kinfo.kernel_build.types import DwarfMember, DwarfStruct

MOST_ENTRIES = 500_000  # that are looked at; a kernel's first C file has some 20,000
_ARRAY_TYPE, _MEMBER, _STRUCT_TYPE, _SUBRANGE, _COMPILE_UNIT = 0x01, 0x0D, 0x13, 0x21, 0x11
_UNION_TYPE = 0x17
_NAME, _BYTE_SIZE, _UPPER_BOUND, _COUNT, _LOCATION, _DECLARATION, _TYPE = 0x03, 0x0B, 0x2F, 0x37, 0x38, 0x3C, 0x49
_STR_OFFSETS_BASE, _DATA_BIT_OFFSET = 0x72, 0x6B
# Bytes of the values of each form: data1 to data16, flag and flag_present, implicit_const; refs; strx1-4, addrx1-4.
_DATA = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0C: 1, 0x19: 0, 0x21: 0}
_REFS = {0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8, 0x20: 8}
_INDICES = {0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4}
_FIXED = _DATA | _REFS | _INDICES
_OFFSETS = (0x0E, 0x17, 0x1F, 0x1D)  # strp, sec_offset, line_strp, strp_sup: as wide as the unit's offsets
_ULEB = (0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23)  # udata, ref_udata, strx, addrx, loclistx, rnglistx
_STRING, _STRP, _LINE_STRP, _SDATA, _ADDR, _REF_ADDR, _IMPLICIT = 0x08, 0x0E, 0x1F, 0x0D, 0x01, 0x10, 0x21
_STRX = {0x1A: 0, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4}
_BLOCKS = {0x0A: 1, 0x03: 2, 0x04: 4, 0x09: 0, 0x18: 0}  # bytes of their length; 0: ULEB128
_PLUS_UCONST = 0x23

Value = int | bytes


class _Abbreviation(NamedTuple):
    """What entries of one kind look like: attribute, form, constant; `size` in bytes where that is fixed."""

    tag: int
    has_children: bool
    attributes: tuple[tuple[int, int, int], ...]
    size: int | None


class _Entry(NamedTuple):
    """An entry: tag (0 ends a list of children), whether children follow, where its attributes begin and end."""

    tag: int
    has_children: bool
    kind: _Abbreviation | None
    at: int
    end: int


class Dwarf:
    """Debug information, section by section (.debug_info, .debug_abbrev, .debug_str, .debug_line_str, .debug_str_offsets)."""

    def __init__(self, sections: Mapping[str, memoryview]) -> None:
        self.info = sections[".debug_info"]
        self.abbrev = sections[".debug_abbrev"]
        self.strings = {form: sections.get(name, memoryview(b"")) for form, name in _STRING_SECTIONS.items()}
        self.str_offsets = sections.get(".debug_str_offsets", memoryview(b""))
        self._left = MOST_ENTRIES
        self._tables: dict[tuple[int, int, int], dict[int, _Abbreviation]] = {}

    def find(self, name: str) -> DwarfStruct | None:
        """The first complete struct of this name among the entries that are looked at. Raises KernelError for damage."""
        try:
            for unit in self._units():
                found = unit.find(name.encode())
                if found or self._left <= 0:
                    return found
        except (IndexError, struct.error, KeyError, RecursionError) as error:
            raise KernelError("its DWARF is damaged", "check that the image was copied whole") from error
        return None

    def spend(self) -> bool:
        """Whether one more entry may be looked at."""
        self._left -= 1
        return self._left >= 0

    def _units(self) -> Iterator[_Unit]:
        at = 0
        while at + 12 <= len(self.info):
            length, wide = struct.unpack_from("<I", self.info, at)[0], False
            start = at + 4
            if length == 0xFFFFFFFF:
                length, wide, start = struct.unpack_from("<Q", self.info, start)[0], True, start + 8
            unit = self._unit(at, start, start + length, wide=wide)
            if unit:
                yield unit
            at = start + length

    def _unit(self, at: int, start: int, end: int, *, wide: bool) -> _Unit | None:
        offset, width = ("<Q", 8) if wide else ("<I", 4)
        version = struct.unpack_from("<H", self.info, start)[0]
        if not 2 <= version <= 5 or end > len(self.info):
            raise KeyError(version)
        if version == 5:
            kind, address = struct.unpack_from("<BB", self.info, start + 2)
            table = struct.unpack_from(offset, self.info, start + 4)[0]
            body = start + 4 + width
            if kind != 1:
                return None  # type, partial, skeleton and split units
        else:
            table = struct.unpack_from(offset, self.info, start + 2)[0]
            address, body = self.info[start + 2 + width], start + 3 + width
        return _Unit(self, at, body, end, width, version, self._abbreviations(table, address, width))

    def _abbreviations(self, at: int, address: int, width: int) -> dict[int, _Abbreviation]:
        key = (at, address, width)
        if key not in self._tables:
            self._tables[key] = dict(self._read_abbreviations(at, address, width))
        return self._tables[key]

    def _read_abbreviations(self, at: int, address: int, width: int) -> Iterator[tuple[int, _Abbreviation]]:
        while True:
            code, at = _uleb(self.abbrev, at)
            if not code:
                return
            tag, at = _uleb(self.abbrev, at)
            has_children, at = bool(self.abbrev[at]), at + 1
            attributes = []
            while True:
                attribute, at = _uleb(self.abbrev, at)
                form, at = _uleb(self.abbrev, at)
                constant, at = _sleb(self.abbrev, at) if form == _IMPLICIT else (0, at)
                if not attribute and not form:
                    break
                attributes.append((attribute, form, constant))
            sizes = [_fixed(form, address, width) for _, form, _ in attributes]
            known = [size for size in sizes if size is not None]
            yield code, _Abbreviation(tag, has_children, tuple(attributes), sum(known) if len(known) == len(sizes) else None)


_STRING_SECTIONS = {_STRP: ".debug_str", _LINE_STRP: ".debug_line_str"}


class _Unit:
    """One compilation unit."""

    def __init__(
        self, dwarf: Dwarf, start: int, body: int, end: int, width: int, version: int, kinds: dict[int, _Abbreviation]
    ) -> None:
        self.dwarf, self.start, self.body, self.end = dwarf, start, body, end
        self.width, self.version, self.kinds = width, version, kinds
        self.str_offsets_base = 2 * width  # where the unit does not say: behind the table's header

    def find(self, name: bytes) -> DwarfStruct | None:
        """The complete struct of this name."""
        at = self.body
        while at < self.end and self.dwarf.spend():
            entry = self._entry(at)
            if entry.tag == _COMPILE_UNIT:
                self.str_offsets_base = _number(self._attributes(entry).get(_STR_OFFSETS_BASE), self.str_offsets_base)
            elif entry.tag == _STRUCT_TYPE and entry.has_children:
                values = self._attributes(entry)
                if values.get(_NAME) == name and _BYTE_SIZE in values and _DECLARATION not in values:
                    return DwarfStruct(_number(values[_BYTE_SIZE]), dict(self._members(entry)))
            at = entry.end
        return None

    def _entry(self, at: int) -> _Entry:
        code, at = _uleb(self.dwarf.info, at)
        if not code:
            return _Entry(0, False, None, at, at)
        kind = self.kinds[code]
        end = at + kind.size if kind.size is not None else self._end(kind, at)
        return _Entry(kind.tag, kind.has_children, kind, at, end)

    def _end(self, kind: _Abbreviation, at: int) -> int:
        for _, form, _ in kind.attributes:
            at = self._value(form, 0, at)[1]
        return at

    def _attributes(self, entry: _Entry) -> dict[int, Value]:
        values, at = {}, entry.at
        for attribute, form, constant in entry.kind.attributes if entry.kind else ():
            value, at = self._value(form, constant, at)
            values[attribute] = value
        return values

    def _value(self, form: int, constant: int, at: int) -> tuple[Value, int]:
        info = self.dwarf.info
        if form in _STRX:
            size = _STRX[form]
            index, at = (int.from_bytes(info[at : at + size], "little"), at + size) if size else _uleb(info, at)
            return self._indexed(index), at
        if form in _BLOCKS:
            size = _BLOCKS[form]
            length, at = (int.from_bytes(info[at : at + size], "little"), at + size) if size else _uleb(info, at)
            return bytes(info[at : at + length]), at + length
        if form in _STRING_SECTIONS:
            place = int.from_bytes(info[at : at + self.width], "little")
            return _text(self.dwarf.strings[form], place), at + self.width
        if form == _STRING:
            text = _text(info, at)
            return text, at + len(text) + 1
        if form in _ULEB:
            return _uleb(info, at)
        if form == _SDATA:
            return _sleb(info, at)
        if form == _IMPLICIT:
            return constant, at
        size = self._width(form)
        return int.from_bytes(info[at : at + size], "little"), at + size

    def _width(self, form: int) -> int:
        size = _fixed(form, 8, self.width)
        if size is None:
            raise KeyError(form)
        return size

    def _indexed(self, index: int) -> bytes:
        table = self.dwarf.str_offsets
        at = self.str_offsets_base + index * self.width
        return _text(self.dwarf.strings[_STRP], int.from_bytes(table[at : at + self.width], "little"))

    def _children(self, entry: _Entry) -> Iterator[_Entry]:
        """An entry's own children; theirs are stepped over."""
        at, depth = entry.end, 1
        while depth and at < self.end and self.dwarf.spend():
            child = self._entry(at)
            if depth == 1 and child.tag:
                yield child
            depth += 1 if child.has_children else -1 if not child.tag else 0
            at = child.end

    def _members(self, entry: _Entry, depth: int = 8) -> Iterator[tuple[str, DwarfMember]]:
        for child in self._children(entry):
            if child.tag != _MEMBER:
                continue
            values = self._attributes(child)
            offset = _offset_of(values)
            kind = values.get(_TYPE)
            target = self._entry(self.start + kind) if isinstance(kind, int) else None
            name = values.get(_NAME)
            if isinstance(name, bytes) and name:
                yield name.decode("ascii", "replace"), DwarfMember(offset, self._elements(target))
            elif target and depth and target.tag in (_STRUCT_TYPE, _UNION_TYPE):
                for inner, member in self._members(target, depth - 1):
                    yield inner, DwarfMember(offset + member.offset, member.elements)

    def _elements(self, target: _Entry | None) -> int:
        if target is None or target.tag != _ARRAY_TYPE:
            return 0
        for child in self._children(target):
            if child.tag == _SUBRANGE:
                values = self._attributes(child)
                return _number(values[_UPPER_BOUND]) + 1 if _UPPER_BOUND in values else _number(values.get(_COUNT))
        return 0


def _offset_of(values: Mapping[int, Value]) -> int:
    """A member's offset in bytes: a number, or (DWARF 2 and 3) the expression `plus_uconst N`."""
    where = values.get(_LOCATION)
    if isinstance(where, bytes):
        return _uleb(memoryview(where), 1)[0] if where[:1] == bytes([_PLUS_UCONST]) else 0
    return where if where is not None else _number(values.get(_DATA_BIT_OFFSET)) // 8


def _number(value: Value | None, otherwise: int = 0) -> int:
    return value if isinstance(value, int) else otherwise


def _fixed(form: int, address: int, width: int) -> int | None:
    """Bytes of a value of this form where they do not depend on the value."""
    if form == _ADDR:
        return address
    if form in _OFFSETS or form == _REF_ADDR:
        return width
    return _FIXED.get(form)


def _text(data: memoryview, at: int) -> bytes:
    for size in (64, 4096):
        piece = bytes(data[at : at + size])
        end = piece.find(b"\0")
        if end >= 0:
            return piece[:end]
    return bytes(data[at : at + 4096])


def _uleb(data: memoryview, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while byte & 0x80:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > 70:
            raise IndexError("a number of more than 64 bits")
    return value, at + 1


def _sleb(data: memoryview, at: int) -> tuple[int, int]:
    value, end = _uleb(data, at)
    bits = 7 * (end - at)
    return (value - (1 << bits) if value >> (bits - 1) else value), end
