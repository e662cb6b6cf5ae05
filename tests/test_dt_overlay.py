"""Overlays: applied as fdtoverlay does, and read alone as far as that goes."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinfo.dt.blob import parse
from kinfo.dt.overlay import apply, partial
from kinfo.dt.tree import Node, Tree, tree_of
from kinfo.dt.written import to_blob
from kinfo.errors import TreeError
from tests.fdt import N, blob, cells, texts


def tree(node: N) -> Tree:
    return tree_of(parse(blob(node)))


def base(**symbols: str) -> N:
    soc = N(
        "soc",
        {"phandle": cells(3), "compatible": texts("simple-bus")},
        [N("uart@0", {"phandle": cells(7), "status": texts("okay")})],
    )
    labels = {"soc": "/soc", "uart": "/soc/uart@0", **symbols}
    return N(
        "", {"compatible": texts("a,b")}, [soc, N("__symbols__", {label: texts(path) for label, path in labels.items()})]
    )


def fragment(number: int, content: N, **target: bytes) -> N:
    return N(
        f"fragment@{number}",
        {name.replace("_", "-"): value for name, value in target.items()},
        [content._replace(name="__overlay__")],
    )


def flat(root: Node) -> dict[str, dict[str, bytes]]:
    return {node.path: node.properties for node in root.walk()}


OVER = N(
    "",
    {},
    [
        fragment(
            0, N("", {}, [N("kinfo", {"memory-region": cells(1), "link": cells(0xFFFFFFFF)})]), target=cells(0xFFFFFFFF)
        ),
        fragment(1, N("", {"new": b""}, [N("mem", {"phandle": cells(1)})]), target_path=texts("/")),
        N("__symbols__", {"mem": texts("/fragment@1/__overlay__/mem")}),
        N("__fixups__", {"soc": texts("/fragment@0:target:0"), "uart": texts("/fragment@0/__overlay__/kinfo:link:0")}),
        N("__local_fixups__", {}, [N("fragment@0", {}, [N("__overlay__", {}, [N("kinfo", {"memory-region": cells(0)})])])]),
    ],
)


def test_an_overlay_is_merged() -> None:
    merged = flat(apply(tree(base()), tree(OVER)).root)
    assert merged["/soc/kinfo"] == {"memory-region": cells(8), "link": cells(7)}
    assert merged["/mem"] == {"phandle": cells(8)}
    assert merged["/"] == {"compatible": texts("a,b"), "new": b""}
    assert merged["/__symbols__"]["mem"] == texts("/mem")
    assert "/fragment@0" not in merged


def test_the_base_stays_as_it_was() -> None:
    before = tree(base())
    apply(before, tree(OVER))
    assert flat(before.root) == flat(tree(base()).root)


def test_an_overlay_without_its_base() -> None:
    alone = partial(tree(OVER))
    assert alone.partial
    assert set(flat(alone.root)) == {"/", "/&soc", "/&soc/kinfo", "/mem"}
    assert flat(alone.root)["/&soc/kinfo"]["memory-region"] == cells(1)


def fixups(**places: str) -> N:
    return N("__fixups__", {label: texts(place) for label, place in places.items()})


TO_ROOT = fragment(0, N(""), target_path=texts("/"))
WRONG: dict[str, tuple[list[N], str]] = {
    "label": (
        [fragment(0, N(""), target=cells(0)), fixups(gone="/fragment@0:target:0")],
        "the base has no label gone; compile the base with dtc -@, or name the right base",
    ),
    "target": ([fragment(0, N(""), target=cells(99))], "the target 0x63 of fragment@0 is not in the base; compile the base"),
    "path": ([fragment(0, N(""), target_path=texts("/gone"))], "fragment@0 has the target '/gone', which is not in the base"),
    "no-target": ([fragment(0, N(""))], "fragment@0 has the target None, which is not in the base"),
    "fixup": (
        [fragment(0, N("")), fixups(soc="/fragment@0:gone:0")],
        "its fixup '/fragment@0:gone:0' names no property; compile the overlay again",
    ),
    "fixup-text": ([fragment(0, N("")), fixups(soc="nonsense")], "its fixup 'nonsense' names no property"),
    "fixup-offset": (
        [fragment(0, N(""), target=cells(0)), fixups(soc="/fragment@0:target:2")],
        "its fixup at 2 is beyond /fragment@0:target",
    ),
    "local": (
        [TO_ROOT, N("__local_fixups__", {}, [N("gone", {"x": cells(0)})])],
        "its __local_fixups__ name something that is not there: /__local_fixups__/gone",
    ),
    "handle": (
        [fragment(0, N("", {"phandle": cells(0xFFFFFFFA)}), target_path=texts("/soc"))],
        "the phandle 0xfffffffa of /fragment@0/__overlay__ is too large",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_said(name: str) -> None:
    nodes, message = WRONG[name]
    with pytest.raises(TreeError) as caught:
        apply(tree(base()), tree(N("", {}, nodes)))
    assert str(caught.value).startswith(message)


def test_a_label_without_a_phandle() -> None:
    bare = N("", {}, [N("soc"), N("__symbols__", {"soc": texts("/soc"), "uart": texts("/soc")})])
    with pytest.raises(TreeError, match=r"^/soc of the base has no phandle; compile the base with dtc -@"):
        apply(tree(bare), tree(OVER))


names = st.sampled_from(("a", "b", "c", "soc", "uart@0"))
contents = st.recursive(
    st.dictionaries(st.sampled_from(("x", "y", "status")), st.binary(max_size=8), max_size=2).map(lambda props: N("", props)),
    lambda inner: st.tuples(
        st.dictionaries(st.sampled_from(("x", "y")), st.binary(max_size=8), max_size=2),
        st.dictionaries(names, inner, max_size=3),
    ).map(lambda drawn: N("", drawn[0], [child._replace(name=name) for name, child in drawn[1].items()])),
    max_leaves=6,
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(("soc", "uart", "/", "/soc")), contents, st.booleans()), min_size=1, max_size=3))
def test_fdtoverlay_agrees(tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, N, bool]]) -> None:
    if not shutil.which("fdtoverlay"):
        pytest.skip("fdtoverlay is not installed: apt-get install device-tree-compiler")
    folder = tmp_path_factory.mktemp("overlay")
    overlay = _overlay(drawn)
    (folder / "base.dtb").write_bytes(blob(base()))
    (folder / "over.dtbo").write_bytes(blob(overlay))
    command = ["fdtoverlay", "-i", "base.dtb", "-o", "out.dtb", "over.dtbo"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    merged = apply(tree(base()), tree(overlay))
    assert flat(merged.root) == flat(tree_of(parse((folder / "out.dtb").read_bytes())).root)
    assert parse(to_blob(merged))


def _overlay(drawn: list[tuple[str, N, bool]]) -> N:
    fragments, fixups, local = [], dict[str, list[str]](), []
    for number, (target, drawn_content, has_handle) in enumerate(drawn):
        content = drawn_content
        if has_handle:
            child = N(f"new{number}", {"phandle": cells(number + 1), "self": cells(number + 1)})
            content = N("", content.properties, [*content.children, child])
            local.append(N(f"fragment@{number}", {}, [N("__overlay__", {}, [N(child.name, {"self": cells(0)})])]))
        if target.startswith("/"):
            fragments.append(fragment(number, content, target_path=texts(target)))
        else:
            fixups.setdefault(target, []).append(f"/fragment@{number}:target:0")
            fragments.append(fragment(number, content, target=cells(0xFFFFFFFF)))
    special = [N("__fixups__", {label: texts(*places) for label, places in fixups.items()})] if fixups else []
    return N("", {}, [*fragments, *special, *([N("__local_fixups__", {}, local)] if local else [])])


def test_the_real_compiler_s_overlay() -> None:
    if not shutil.which("dtc"):
        pytest.skip("dtc is not installed: apt-get install device-tree-compiler")
    source = '/dts-v1/; /plugin/; &soc { k: kinfo { compatible = "google,debug-kinfo"; memory-region = <&k>; }; };'
    done = subprocess.run(["dtc", "-q", "-@", "-O", "dtb"], input=source.encode(), capture_output=True, check=True)
    merged = apply(tree(base()), tree_of(parse(done.stdout)))
    node = merged.at("/soc/kinfo")
    assert node is not None
    assert node.properties["memory-region"] == node.properties["phandle"]
    assert merged.phandle(int.from_bytes(node.properties["phandle"], "big")) == (node,)
