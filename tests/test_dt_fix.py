"""--fix: what is mended, and what is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kinfo.dt.blob import parse
from kinfo.dt.board import Options
from kinfo.dt.fix import Mended, mend
from kinfo.dt.overlay import partial
from kinfo.dt.profiles import profile_named
from kinfo.dt.tree import tree_of
from kinfo.errors import TreeError
from tests.conftest import ROOT, Cli
from tests.early_boards import BASE, SIZE, Shape, dynamic
from tests.fdt import N, blob, cells

EXAMPLES = ROOT / "dts_examples" / "wrong"


def mended(shape: Shape, **options: object) -> Mended:
    return mend(tree_of(parse(blob(shape.tree()))), Options(**options))  # type: ignore[arg-type]


def region_of(result: Mended, name: str = f"kinfo@{BASE:x}") -> dict[str, bytes]:
    node = result.tree.at(f"/reserved-memory/{name}")
    assert node is not None
    return node.properties


def test_nothing_to_mend() -> None:
    assert mended(Shape())[1:] == ((), ())


def test_one_wrong_cell_count() -> None:
    """The reg is right for the root's cells: only the count changes."""
    result = mended(Shape(parent={"#size-cells": cells(1)}))
    assert result[1:] == (("/reserved-memory: #size-cells = <2>",), ())
    assert region_of(result)["reg"] == Shape().pair((BASE, SIZE))


def test_everything_written_for_the_wrong_cells() -> None:
    one = Shape(1, 1)
    other = N("other", {"reg": one.pair((0x5A000000, SIZE))})
    shape = Shape(region={"reg": one.pair((BASE, SIZE))}, parent={"#address-cells": cells(1), "#size-cells": cells(1)})
    # two entries of one and one cells are one of two and two: what is meant cannot be told
    twice = shape._replace(region={"reg": one.pair((BASE, SIZE), (0x59000000, SIZE))})
    assert {one.code for one in mended(twice).left}
    result = mended(shape._replace(after=[other]))
    assert result.left == ()
    assert region_of(result)["reg"] == Shape().pair((BASE, SIZE))
    assert region_of(result, "other")["reg"] == Shape().pair((0x5A000000, SIZE))
    assert len(result.changes) == 4
    placed = N("placed", {"size": cells(SIZE), "alignment": cells(SIZE)})
    result = mended(shape._replace(after=[placed]))
    assert (region_of(result, "placed")["size"], region_of(result, "placed")["alignment"]) == (cells(0, SIZE), cells(0, SIZE))
    mixed = N("mixed", {"reg": Shape().pair((0x5A000000, SIZE))[4:]})  # three cells: neither 1 and 1 nor 2 and 2
    assert [one.code for one in mended(shape._replace(after=[mixed])).left][:1] == ["devicetree-cells"]


def test_ranges_sizes_and_placed_cells() -> None:
    assert mended(Shape(parent={"ranges": b"GONE"}))[1:] == (("/reserved-memory: ranges added",), ())
    assert region_of(mended(Shape(region={"reg": Shape().pair((BASE, 0x800))})))["reg"] == Shape().pair((BASE, SIZE))
    result = mended(Shape(name="kinfo", region=dynamic(SIZE) | {"size": cells(SIZE)}))
    assert (region_of(result, "kinfo")["size"], result.left) == (cells(0, SIZE), ())


def test_a_size_is_left_where_the_page_is_another_s() -> None:
    beside = N("beside", {"reg": Shape().pair((BASE + 0x800, 0x800)), "no-map": b""})
    assert mended(Shape(region={"reg": Shape().pair((BASE, 0x800))}, after=[beside])).changes == ()


def test_the_older_shape_becomes_the_newer() -> None:
    result = mended(Shape(region={"no-map": b"GONE"}), profile=profile_named("v3"))
    assert result.left == ()
    assert "/debug-kinfo: removed" in result.changes
    assert region_of(result)["compatible"] == b"google,debug-kinfo\0"
    assert "no-map" in region_of(result)


def test_absurd_cells_are_left_alone() -> None:
    root = Shape(name="kinfo", region=dynamic(SIZE)).tree()
    root = root._replace(properties=dict(root.properties) | {"#size-cells": cells(0x10000000)})
    assert mend(tree_of(parse(blob(root))), Options()).left


def test_an_overlay_alone_is_refused() -> None:
    with pytest.raises(TreeError, match="is an overlay without its base"):
        mend(partial(tree_of(parse(blob(Shape().tree())))), Options())


@pytest.mark.parametrize("code", ["cells", "ranges"])
def test_the_wrong_examples(code: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    out = tmp_path / "out.dtb"
    ran = kinfo_cli("verify-dt", EXAMPLES / f"devicetree-{code}.dtb", "--fix", "-o", out)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("changed  /reserved-memory")
    assert kinfo_cli("verify-dt", "--no-schema", out).code == 0


@pytest.mark.skipif(not shutil.which("dtc"), reason="dtc is not installed: apt-get install device-tree-compiler")
def test_source_is_written(tmp_path: Path, kinfo_cli: Cli) -> None:
    out = tmp_path / "out.dts"
    assert kinfo_cli("verify-dt", EXAMPLES / "devicetree-ranges.dtb", "--fix", "-o", out).code == 0
    assert "ranges;" in out.read_text()


def test_what_would_be_a_guess_is_not_written(tmp_path: Path, kinfo_cli: Cli) -> None:
    out = tmp_path / "out.dtb"
    ran = kinfo_cli("verify-dt", EXAMPLES / "devicetree-outside-memory.dtb", "--fix", "-o", out)
    assert (ran.code, out.exists()) == (1, False)
    assert ran.out.startswith("left     /reserved-memory/debug-kinfo-reserved@fd3fc000:reg: ")
    assert ran.err == f"kinfo: {out}: not written: what is left would be a guess\n"
    fine = ROOT / "dts_examples" / "right" / "pixel-like.dtb"
    ran = kinfo_cli("verify-dt", fine, "--fix", "-o", out)
    assert (ran.code, ran.err) == (0, f"kinfo: {out}: not written: there is nothing to mend\n")


def test_how_it_is_asked(tmp_path: Path, kinfo_cli: Cli) -> None:
    example = EXAMPLES / "devicetree-ranges.dtb"
    assert "--fix takes one file, and -o OUT.dtb or OUT.dts" in kinfo_cli("verify-dt", example, "--fix").err
    ran = kinfo_cli("verify-dt", example, "--fix", "-o", tmp_path / "no" / "folder.dtb")
    assert (ran.code, "cannot write: No such file or directory" in ran.err) == (2, True)
