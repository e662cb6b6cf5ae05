"""The golden folder of every layout: fields in, the same bytes out; the same bytes in, the same document and evidence out.

`tools/golden.py` writes them anew after a wanted change.
"""

from __future__ import annotations

import json
import struct
from functools import reduce
from operator import xor
from pathlib import Path

import pytest

import kinfo
from kinfo.report.document import decoded
from tests.evidence_shown import shown

GOLDEN = Path(__file__).parent / "golden"
each_folder = pytest.mark.parametrize("folder", sorted(GOLDEN.iterdir()), ids=lambda path: path.name)


def test_every_layout_has_its_folder() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {layout.alias for layout in kinfo.layouts()}


@each_folder
def test_encode(folder: Path) -> None:
    fields = json.loads((folder / "fields.json").read_text())
    assert kinfo.encode(fields, folder.name) == (folder / "record.bin").read_bytes()


@each_folder
def test_decode(folder: Path) -> None:
    document = decoded("record.bin", [kinfo.decode((folder / "record.bin").read_bytes())])
    assert document == json.loads((folder / "decoded.json").read_text())


@each_folder
def test_evidence(folder: Path) -> None:
    """Every weight that a whole record, or one with a field lost or overwritten, gives to its layout."""
    assert shown((folder / "record.bin").read_bytes(), kinfo.layout(folder.name)) == (folder / "evidence.txt").read_text()


@each_folder
def test_the_committed_sum_is_the_drivers(folder: Path) -> None:
    record = (folder / "record.bin").read_bytes()
    _, stored, *words = struct.unpack(f"<{len(record) // 4}I", record)
    assert stored == reduce(xor, words)
