"""The kernel image drawn to scale in characters, from the record's own addresses."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.examine.check.image import image_range
from kinfo.printable import size_words
from kinfo.record.limits import TABLE_STEMS
from kinfo.record.record import Record
from kinfo.report.style import Style

WIDTH = 64
_LEAST = 16  # letters, below which the bar has a line of its own
_BORDERS = ("text", "stext", "etext", "sinittext", "einittext", "end")
_LEGEND = {
    "#": "text",
    "k": "kallsyms",
    "i": "init text",
    "P": "page table",
    ".": "read-only data, data, BSS",
}
COLOURS = {"#": "azure", "k": "pink", "i": "amber", "P": "scarlet", ".": "grey"}


def draw(record: Record, style: Style) -> Iterator[str]:
    """A bar from the image's start to its end, what its letters mean, and the borders behind it; or the bare addresses.

    The bar fits the terminal.
    """
    width = style.width
    borders = _addresses(record)
    image = image_range(record)
    if image is not None:
        start, end = image
        count = WIDTH if width is None else min(max(width - len(f"  {start:#x} [] {end:#x}"), 0), WIDTH)
        if has_ends := count >= _LEAST:
            cells = _cells(record, start, end, count)
        else:
            cells = _cells(record, start, end, min(max((width or 0) - len("  []"), _LEAST), WIDTH))
        bar = f"[{''.join(style.paint(cell, COLOURS[cell]) for cell in cells)}]"
        yield from (f"  {start:#x} {bar} {end:#x}",) if has_ends else (f"  {bar}", f"  {start:#x} - {end:#x}")
        legend = ", ".join(f"{letter} {meaning}" for letter, meaning in _LEGEND.items() if letter in cells)
        yield f"  {size_words(end - start)}; one letter is {size_words((end - start) // len(cells))}: {legend}"
    for address, names in sorted(borders.items()):
        is_inside = image is not None and image[0] <= address <= image[1]
        inside = f"+{address - image[0]:#x}" if image and is_inside else "outside" if image else ""
        yield f"  {address:#014x}  {inside:<12}{', '.join(names)}"


def _addresses(record: Record) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    named = [(f"_{stem}_{record.suffix}", record.pointer(stem)) for stem in _BORDERS]
    for name, address in (*named, ("swapper_pg_dir_pa", record.number("swapper_pg_dir_pa"))):
        if address:
            found.setdefault(address, []).append(name)
    return found


def _cells(record: Record, start: int, end: int, count: int) -> list[str]:
    """One letter a `count`-th of the image; what comes later covers what was drawn before."""
    cells = ["."] * count
    tables = [address for name in TABLE_STEMS if (address := record.pointer(name))]
    tables = [address for address in tables if start <= address < end]
    spans = [
        ("#", record.pointer("stext"), record.pointer("etext")),
        ("k", min(tables, default=None), max(tables, default=None)),
        ("P", record.number("swapper_pg_dir_pa"), record.number("swapper_pg_dir_pa")),
        ("i", record.pointer("sinittext"), record.pointer("einittext")),
    ]
    for letter, low, high in spans:
        if low and high and start <= low <= high <= end:
            first, last = ((address - start) * count // (end - start) for address in (low, high))
            for cell in range(first, min(max(last, first + 1), count)):
                cells[cell] = letter
    return cells
