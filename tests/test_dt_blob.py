"""The structure check: sound blobs come back whole, everything else is refused quickly with the reason."""

from __future__ import annotations

import random
import shutil
import string
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinfo.dt.blob import BlobNode, _Reader, parse
from kinfo.dt.tree import Tree, tree_of
from kinfo.dt.written import property_source, to_blob
from kinfo.errors import BlobError
from tests.conftest import ROOT
from tests.fdt import BEGIN, END, END_NODE, NOP, PROP, N, blob, board, cells, structure, texts

names = st.text(alphabet=string.ascii_letters + string.digits + ",._+-#@", min_size=1, max_size=20)
properties = st.dictionaries(names, st.binary(max_size=24), max_size=5)
leaves = st.tuples(names, properties).map(lambda drawn: N(*drawn))
trees = st.recursive(
    leaves,
    lambda inner: st.tuples(names, properties, st.lists(inner, max_size=4, unique_by=lambda node: node.name)).map(
        lambda drawn: N(*drawn)
    ),
    max_leaves=12,
)
reservations = st.lists(st.tuples(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=3)


def plain(node: BlobNode) -> tuple[str, dict[str, bytes], list[object]]:
    return node.name, node.properties, [plain(child) for child in node.children]


def wanted(node: N) -> tuple[str, dict[str, bytes], list[object]]:
    return node.name, dict(node.properties), [wanted(child) for child in node.children]


@given(trees, reservations, st.sampled_from((16, 17)))
def test_a_tree_comes_back_whole(tree: N, reserve: list[tuple[int, int]], version: int) -> None:
    root = tree._replace(name="")
    found = parse(blob(root, reserve=reserve, version=version))
    assert plain(found.root) == wanted(root)
    assert found.reservations == tuple(reserve)
    again = parse(to_blob(tree_of(found)))  # pyfdt's writer
    assert (plain(again.root), again.reservations) == (plain(found.root), found.reservations)


@given(trees)
def test_the_tree_knows_its_paths(tree: N) -> None:
    made = tree_of(parse(blob(tree._replace(name=""))))
    for node in made.root.walk():
        assert made.at(node.path) is node


ROOT_NODE = structure(N("", {}), bytearray())
DEEP = b"".join(cells(BEGIN) + b"a\0\0\0" for _ in range(1000))

CASES = {
    "empty": (b"", "0 bytes are less than a header"),
    "magic": (blob(board(), magic=0x12345678), "it begins with 0x12345678, not 0xd00dfeed"),
    "cut": (blob(board())[:-8], "the header has {size} bytes, the file {cut}"),
    "totalsize": (blob(board(), totalsize=8), "the header has a total size of 8 bytes"),
    "old": (blob(board(), version=3), "the header has version 3 (readable as 16), where 16 and 17 are known"),
    "new": (
        blob(board(), version=18, last_comp_version=18),
        "the header has version 18 (readable as 18), where 16 and 17 are known",
    ),
    "struct-place": (
        blob(board(), off_struct=0x7FFFFFF0),
        "the header has its structure block at 0x7ffffff0, outside its {size} bytes",
    ),
    "struct-aligned": (blob(board(), off_struct=58), "the header has its structure block at 0x3a, not at a multiple of 4"),
    "struct-size": (blob(board(), size_struct=1 << 20), "the header has 1048576 bytes of structure at 0x38, beyond its end"),
    "strings-size": (
        blob(board(), size_strings=0xFFFFFFF0),
        "the header has 4294967280 bytes of strings at {strings:#x}, beyond its end",
    ),
    "reserve-place": (
        blob(board(), off_reserve=4),
        "the header has its memory reservation block at 0x4, outside its {size} bytes",
    ),
    "reserve-end": (
        blob(body=ROOT_NODE + cells(END), reserve=[(1, 1)], off_reserve=64),
        "the memory reservation block has no end",
    ),
    "reserve-many": (blob(board(), reserve=[(1, 1)] * 5000), "more than 4096 memory reservations"),
    "tag": (blob(body=cells(7)), "tag 0x7 at 0x38"),
    "no-end": (blob(body=ROOT_NODE), "the structure block ends at {end:#x} without an END"),
    "nothing": (blob(body=cells(END)), "the END at 0x38 comes before any node"),
    "inside": (blob(body=cells(BEGIN, 0, END)), "the END at 0x40 comes inside a node"),
    "end-node": (blob(body=cells(END_NODE, END)), "a node ends at 0x38 that never began"),
    "two-roots": (blob(body=ROOT_NODE + ROOT_NODE + cells(END)), "a second root at 0x44"),
    "root-name": (blob(body=cells(BEGIN) + b"/\0\0\0" + cells(END_NODE, END)), "the node at 0x38 has no proper name"),
    "node-name": (blob(N("", {}, [N("a\x80")])), "the node at 0x40 has no proper name"),
    "slash": (blob(N("", {}, [N("a/b")])), "the node at 0x40 has no proper name"),
    "long-name": (blob(N("", {}, [N("a" * 300)])), "the node at 0x40 has no proper name"),
    "duplicate-node": (blob(N("", {}, [N("a", {}, [N("b"), N("b")])])), "two nodes /a/b"),
    "duplicate-property": (
        blob(body=cells(BEGIN, 0, PROP, 0, 0, PROP, 0, 0, END_NODE, END), strings=b"x\0"),
        "/ has two properties x",
    ),
    "property-outside": (blob(body=cells(PROP, 0, 0), strings=b"x\0"), "a property out of place at 0x38"),
    "property-cut": (blob(body=cells(BEGIN, 0, PROP, 0)), "a property out of place at 0x40"),
    "proplen": (
        blob(body=cells(BEGIN, 0, PROP, 0xFFFFFFF0, 0), strings=b"x\0"),
        "the property at 0x40 has 4294967280 bytes, beyond the structure block",
    ),
    "string-outside": (
        blob(body=cells(BEGIN, 0, PROP, 0, 99, END_NODE, END), strings=b"x\0"),
        "the property at 0x40 has no proper name: its string is at 0x63 of 2",
    ),
    "string-open": (
        blob(body=cells(BEGIN, 0, PROP, 0, 0, END_NODE, END), strings=b"x"),
        "the property at 0x40 has no proper name: its string is at 0x0 of 1",
    ),
    "deep": (blob(body=cells(BEGIN, 0) + DEEP), "more than 64 nodes inside each other at 0x238"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said(name: str) -> None:
    data, message = CASES[name]
    header = [int.from_bytes(data[at : at + 4], "big") for at in range(0, 40, 4)] if len(data) >= 40 else [0] * 10
    figures = {"size": header[1], "cut": len(data), "strings": header[3], "end": header[2] + header[9]}
    with pytest.raises(BlobError) as caught:
        parse(data)
    assert caught.value.message == "not a sound devicetree blob: " + message.format(**figures)
    assert caught.value.hint


HOSTILE = {
    "nesting": (blob(body=cells(BEGIN, 0) + DEEP * 200), True),
    "nops": (blob(body=cells(*[NOP] * 1_000_000) + ROOT_NODE + cells(END)), False),
    "siblings": (
        blob(
            body=cells(BEGIN, 0)
            + b"".join(structure(N(f"n{at}"), bytearray()) for at in range(300_000))
            + cells(END_NODE, END)
        ),
        True,
    ),
    "proplen": (blob(body=cells(BEGIN, 0, PROP, 0x7FFFFFFF, 0), strings=b"x\0"), True),
    "properties": (blob(body=cells(BEGIN, 0) + cells(PROP, 0, 0) * 500_000 + cells(END_NODE, END), strings=b"x\0"), True),
    "long-names": (blob(body=cells(BEGIN, 0) + cells(PROP, 0, 0) * 3 + cells(END_NODE, END), strings=b"x" * 4_000_000), True),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_blobs_are_done_with_at_once(name: str) -> None:
    data, is_refused = HOSTILE[name]
    start = time.process_time()
    if is_refused:
        with pytest.raises(BlobError):
            parse(data)
    else:
        parse(data)
    assert time.process_time() - start < 20  # 2 s on an idle machine; a hang is what this is about


def test_random_damage_is_refused_or_read() -> None:
    rng = random.Random(3)
    sound = blob(board())
    for _ in range(400):
        data = bytearray(sound)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            tree = tree_of(parse(bytes(data[: rng.choice((len(data), rng.randrange(len(data) + 1)))])))
        except BlobError:
            continue
        assert [node.path for node in tree.root.walk()]


def test_a_property_behind_a_node_is_an_oddity() -> None:
    body = cells(BEGIN, 0) + structure(N("a"), bytearray()) + cells(PROP, 0, 0, END_NODE, END)
    assert parse(blob(body=body, strings=b"x\0")).oddities == (("/", "its property x comes behind a node"),)


def test_properties_as_source() -> None:
    node = tree_of(
        parse(
            blob(
                N(
                    "",
                    {
                        "reg": cells(0, 0x4E000000, 0x1000),
                        "no-map": b"",
                        "compatible": texts("a,b", "c"),
                        "odd": b"\1\2\3",
                        "long": b"x" * 500,
                    },
                )
            )
        )
    ).root
    assert property_source(node, "reg") == "reg = <0x0 0x4e000000 0x1000>;"
    assert property_source(node, "no-map") == "no-map;"
    assert property_source(node, "compatible") == 'compatible = "a,b", "c";'
    assert property_source(node, "odd") == "odd = [01 02 03];"
    assert len(property_source(node, "long")) < 120
    assert property_source(node, "long").endswith("...")


def test_values_of_properties() -> None:
    node = tree_of(parse(blob(N("", {"words": cells(1, 2) + b"\3", "none": b"", "text": b"a\xff\0b\0"})))).root
    assert (node.cells("words"), node.cells("none"), node.cells("missing")) == ((1, 2), (), None)
    assert (node.texts("text"), node.text("text"), node.text("none"), node.text("missing")) == (
        ("a\\xff", "b"),
        "a\\xff",
        "",
        None,
    )
    assert (node.unit_address, N("x").name) == (None, "x")


def dtc(*arguments: str, data: bytes) -> bytes:
    if not shutil.which("dtc"):
        pytest.skip("dtc is not installed: apt-get install device-tree-compiler")
    return subprocess.run(["dtc", "-q", *arguments, "-"], input=data, capture_output=True, check=True).stdout


@settings(max_examples=25)
@given(trees, reservations)
def test_dtc_reads_the_same(tree: N, reserve: list[tuple[int, int]]) -> None:
    root = tree._replace(name="")
    data = blob(root, reserve=reserve)
    assert plain(parse(dtc("-I", "dtb", "-O", "dtb", "-f", data=data)).root) == wanted(root)
    assert plain(parse(dtc("-I", "dtb", "-O", "dtb", "-f", data=to_blob(tree_of(parse(data))))).root) == wanted(root)


@pytest.mark.parametrize("path", sorted((ROOT / "dts_examples").rglob("*.dts")), ids=lambda path: path.stem)
def test_example_blobs_are_current(path: Path) -> None:
    if not shutil.which("dtc"):
        pytest.skip("dtc is not installed: apt-get install device-tree-compiler")
    compiled = dtc("-@", "-I", "dts", "-O", "dtb", data=path.read_bytes())
    assert plain(parse(compiled).root) == plain(parse(path.with_suffix(".dtb").read_bytes()).root), (
        "run `python -m tools.examples`"
    )


def test_a_tree_can_be_made_by_hand() -> None:
    tree = Tree(tree_of(parse(blob(board()))).root, [(1, 2)])
    assert parse(to_blob(tree)).reservations == ((1, 2),)


def test_a_flood_of_nops_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Millions of words, of which hardly any is looked at alone."""
    looked: list[int] = []
    tag = _Reader._tag

    def counting(self: _Reader, at: int, end: int) -> int:
        looked.append(at)
        return tag(self, at, end)

    monkeypatch.setattr(_Reader, "_tag", counting)
    body = cells(BEGIN, 0) + cells(NOP) * (1 << 20) + cells(END_NODE, END)
    assert parse(blob(body=body)).root.name == ""
    assert len(looked) < 1 << 15


def test_a_compatible_that_no_board_has_is_refused() -> None:
    with pytest.raises(BlobError, match=r"/x has a compatible of 70000 bytes; it is damaged, or no board's tree"):
        parse(blob(N("", {}, [N("x", {"compatible": b"a\0" * 35000})])))
