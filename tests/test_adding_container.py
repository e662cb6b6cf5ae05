"""What is added to the containers of devicetrees must be whole; a made-up one shows what it takes."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from kinfo.dt import containers
from kinfo.dt.containers import walk
from kinfo.dt.containers.piece import Data, Piece, cut
from kinfo.errors import TreeError
from tests import fdt

HELPERS = ("walk", "piece", "appended")  # the walk, what all share, and what is taken where nothing matches
WRITERS = {
    "dt_table": fdt.dt_table,
    "boot_image": fdt.boot_image,
    "fit": fdt.fit,
    "uimage": fdt.uimage,
    "rockchip_spi": fdt.rockchip_spi,
    "packed": None,  # by Python's own gzip, lzma and bz2, and the libraries of the others
}


def lacks(name: str, module: Any) -> tuple[str, ...]:
    """The parts that a container does not have, by the file where each belongs."""
    parts = {
        "matches() in its module": callable(getattr(module, "matches", None)),
        "pieces() in its module": callable(getattr(module, "pieces", None)),
        "place in _FORMATS of dt/containers/walk.py": any(one is module for one in walk._FORMATS),
        "writer in tests/fdt.py, named in WRITERS here": name in WRITERS,
    }
    return tuple(part for part, is_there in parts.items() if not is_there)


def modules() -> dict[str, ModuleType]:
    names = [one.name for one in pkgutil.iter_modules(containers.__path__) if one.name not in HELPERS]
    return {name: __import__(f"{containers.__name__}.{name}", fromlist=["_"]) for name in names}


def test_every_container_is_whole() -> None:
    lacking = {name: parts for name, module in modules().items() if (parts := lacks(name, module))}
    assert not lacking
    assert set(WRITERS) == set(modules())


def test_a_part_that_is_missing_is_named() -> None:
    assert [part.split()[0] for part in lacks("none", SimpleNamespace())] == ["matches()", "pieces()", "place", "writer"]


MADE_UP = SimpleNamespace(
    __doc__="A made-up container:\n\n`BOX`, a length in one byte, what it holds; once more, until the end.",
    matches=lambda data: bytes(data[:3]) == b"BOX",
)


def _pieces(data: Data) -> Iterator[Piece]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 3 : at + 7], "big")
        yield Piece(cut(data, at + 7, size, "a box"), f"box {at:#x}")
        at += 7 + size


MADE_UP.pieces = _pieces


def box(*contents: bytes) -> bytes:
    return b"".join(b"BOX" + len(content).to_bytes(4, "big") + content for content in contents)


def test_a_container_is_a_module_and_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read in others and others in it; one that is cut is said."""
    one, two = fdt.blob(fdt.board("one,board")), fdt.blob(fdt.board("two,board"))
    with pytest.raises(TreeError, match="holds no devicetree: it begins with 42 4f 58"):
        list(walk.leaves(box(b"nothing")))
    monkeypatch.setattr(walk, "_FORMATS", (*walk._FORMATS, MADE_UP))
    found = list(walk.leaves(box(one, fdt.uimage(two), box(one))))
    assert [bytes(leaf.data) for leaf in found] == [one, two, one]
    assert [leaf.inside for leaf in found] == [
        ("box 0x0",),
        (f"box {7 + len(one):#x}", "uImage"),
        (f"box {14 + len(one) + len(fdt.uimage(two)):#x}", "box 0x0"),
    ]
    with pytest.raises(TreeError, match="a box at 0x7 has 1000 bytes, beyond the end"):
        list(walk.leaves(b"BOX" + (1000).to_bytes(4, "big") + one[:100]))
