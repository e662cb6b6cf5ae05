"""The change that brings a tree to a profile's shape, as devicetree source."""

from __future__ import annotations

from kinfo.dt.board import Board, Use
from kinfo.dt.ranges import Range
from kinfo.writer_rows.rows import DEBUG_KINFO


def snippet(board: Board) -> str:
    """The nodes as the profile wants them, with this board's address; empty where the tree has the profile's shape."""
    for use in board.uses:
        on_region = board.on_region(use.node)
        if board.profile.on_region and not on_region:
            return _region(board, use)
        if not board.profile.on_region and on_region:
            return _device(use)
    return ""


def _region(board: Board, use: Use) -> str:
    extent = use.region.extent if use.region else None
    name = f"debug-kinfo@{extent.base:x}" if extent else "debug-kinfo@ADDRESS"
    reg = _cells(board, extent) if extent else "ADDRESS SIZE"
    return (
        f"/* instead of {use.node.path}{f' and {use.region.node.path}' if use.region else ''}: */\n"
        "/ {\n\treserved-memory {\n"
        f"\t\t#address-cells = <{board.cells.address}>;\n\t\t#size-cells = <{board.cells.size}>;\n\t\tranges;\n\n"
        f'\t\t{name} {{\n\t\t\tcompatible = "{DEBUG_KINFO}";\n\t\t\treg = <{reg}>;\n\t\t\tno-map;\n\t\t}};\n'
        "\t};\n};\n"
    )


def _device(use: Use) -> str:
    return (
        f"/* with the label kinfo_region: on {use.node.path}, and without its compatible: */\n"
        f'/ {{\n\tdebug-kinfo {{\n\t\tcompatible = "{DEBUG_KINFO}";\n\t\tmemory-region = <&kinfo_region>;\n\t}};\n}};\n'
    )


def _cells(board: Board, extent: Range) -> str:
    return " ".join([*_words(extent.base, board.cells.address), *_words(extent.size, board.cells.size)])


def _words(value: int, count: int) -> list[str]:
    return [f"{value >> 32 * place & 0xFFFFFFFF:#x}" for place in reversed(range(count))]
