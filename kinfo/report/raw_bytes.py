"""Bytes as a hex dump: 16 a line behind their address, or as many as there is room for; lines that repeat as one `*`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_ADDRESS = 16  # digits
_USUAL, _LEAST = 16, 4


def lines(pieces: Iterable[bytes], address: int, columns: int | None = None) -> Iterator[str]:
    """The dump, line by line, as the pieces come; the last line has the address behind the last byte.

    `columns` are those of the terminal: None where there is none to keep to.
    """
    count = _USUAL
    while columns is not None and count > _LEAST and _width(count) > columns:
        count //= 2
    at, before, is_repeating = address, b"", False
    for row in _rows(pieces, count):
        if row == before and len(row) == count:
            if not is_repeating:
                yield "*\n"
            is_repeating = True
        else:
            yield _line(at, row, count)
            is_repeating = False
        at, before = at + len(row), row
    yield f"{at:016x}\n"


def _width(count: int) -> int:
    return _ADDRESS + 2 + 3 * count + 2 + count


def _line(at: int, row: bytes, count: int) -> str:
    half = count // 2
    digits = f"{row[:half].hex(' ')}  {row[half:].hex(' ')}"
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
    return f"{at:0{_ADDRESS}x}  {digits:<{3 * count}}  {text}\n"


def _rows(pieces: Iterable[bytes], count: int) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        data = rest + piece if rest else piece
        end = len(data) - len(data) % count
        for at in range(0, end, count):
            yield bytes(data[at : at + count])
        rest = bytes(data[end:])
    if rest:
        yield rest
