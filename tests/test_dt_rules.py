"""The rules: every one has a wrong example that shows it, and right examples are left alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import kinfo
from kinfo.catalogue import RULES
from kinfo.dt.blob import parse
from kinfo.dt.board import Options
from kinfo.dt.dmesg import placed_regions
from kinfo.dt.dump import DumpFacts, dump_facts
from kinfo.dt.profiles import profile_named
from kinfo.dt.ranges import Range
from kinfo.dt.tree import tree_of
from kinfo.dt.verify import Verdict, verify
from kinfo.errors import UnknownNameError
from kinfo.findings import Severity
from kinfo.memory import BytesDump
from kinfo.record.layouts import layout_named
from tests.conftest import ROOT, Cli
from tests.early_boards import SIZE, Shape, dynamic
from tests.fdt import N, blob, board, cells, texts
from tests.synthetic import make_fields

EXAMPLES = ROOT / "dts_examples"
RIGHT = sorted((EXAMPLES / "right").glob("*.dtb"))
WRONG = sorted((EXAMPLES / "wrong").glob("*.dtb"))


def options_of(path: Path) -> list[str]:
    """The options that an example's comment gives."""
    lines = path.with_suffix(".dts").read_text().splitlines()
    mark = "// kinfo verify-dt "
    return shlex.split(next((line.removeprefix(mark) for line in lines if line.startswith(mark)), ""))


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_right_examples_are_sound(path: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("verify-dt", path, *options_of(path))
    assert (ran.code, ran.err) == (0, "")
    assert " sound" in ran.out.splitlines()[0]
    noted = [line for line in ran.out.splitlines() if line.startswith("  warning")]
    assert len(noted) == (1 if path.stem in ("v2", "v3") else 0)  # nobody maps the memory in mainline


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_wrong_examples_give_their_finding(path: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("verify-dt", path, "--format", "json", *options_of(path))
    (tree,) = json.loads(ran.out)["trees"]
    codes = [finding["code"] for finding in tree["findings"]]
    assert path.stem in codes
    severities = {finding["severity"] for finding in tree["findings"]}
    assert ran.code == (1 if "error" in severities or tree["outcome"] == "none" else 0)


# Rules that need more than a tree: see below.
ELSEWHERE = {
    *("devicetree-dump-address", "devicetree-dump-unplaced", "devicetree-dump-size", "devicetree-dump-image"),
    *("devicetree-dump-agrees", "devicetree-dump-erased", "devicetree-placed", "devicetree-blob"),
    *("devicetree-dump-elsewhere", "devicetree-dump-possible"),
    "devicetree-schema-skipped",
    *("devicetree-log-agrees", "devicetree-log-differs", "devicetree-iomem-agrees", "devicetree-iomem-differs"),
}


def test_every_rule_has_an_example() -> None:
    codes = {rule.code for rule in RULES if rule.family == "devicetree"}
    assert {path.stem for path in WRONG} | ELSEWHERE == codes


def checked(root: N, **options: Any) -> Verdict:
    return verify(tree_of(parse(blob(root))), Options(**options))


def codes(verdict: Verdict, *, info: bool = False) -> dict[str, str]:
    return {
        one.code.removeprefix("devicetree-"): one.message
        for one in verdict.findings
        if info or one.severity is not Severity.INFO
    }


def v3_board(
    properties: Mapping[str, bytes] | None = None, parent: Mapping[str, bytes] | None = None, more: Sequence[N] = ()
) -> N:
    """A board in the shape of v3 with 1 and 1 cells, the properties changed; a None-like empty name leaves one out."""
    kinfo_node = {"compatible": texts("google,debug-kinfo"), "reg": cells(0x4E000000, 0x10000), "no-map": b""}
    reserved = {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b""} | dict(parent or {})
    node = {name: raw for name, raw in (kinfo_node | dict(properties or {})).items() if raw != b"GONE"}
    return N(
        "",
        {"compatible": texts("a,b"), "#address-cells": cells(1), "#size-cells": cells(1)},
        [
            N("memory@40000000", {"device_type": texts("memory"), "reg": cells(0x40000000, 0x40000000)}),
            N(
                "reserved-memory",
                {name: raw for name, raw in reserved.items() if raw != b"GONE"},
                [N("debug-kinfo@4e000000", node), *more],
            ),
        ],
    )


GONE = b"GONE"
OTHER = N("other@4e008000", {"reg": cells(0x4E008000, 0x1000)})


class Case(NamedTuple):
    """One of the shapes that a schema catches or misses: the tree, the rule that must see it, whether the schema does."""

    root: N
    code: str
    schema: bool


# What the posted schema catches, and what it does not see.
NINETEEN = {
    "no no-map": Case(v3_board({"no-map": GONE}), "no-map", True),
    "no reg": Case(v3_board({"reg": GONE}), "no-address", True),
    "dynamic": Case(v3_board({"reg": GONE, "size": cells(0x1000)}), "dynamic", True),
    "two reg entries": Case(v3_board({"reg": cells(0x4E000000, 0x1000, 0x4F000000, 0x1000)}), "reg-extra", True),
    "extra property": Case(v3_board({"label": texts("x")}), "schema", True),
    "memory-region on it": Case(v3_board({"memory-region": cells(1)}), "older-shape", True),
    "no-map with a value": Case(v3_board({"no-map": cells(1)}), "schema", True),
    "no-map and reusable": Case(v3_board({"reusable": b""}), "reusable", True),
    "misaligned base": Case(v3_board({"reg": cells(0x4E000100, 0x1000)}), "alignment", False),
    "misaligned size": Case(v3_board({"reg": cells(0x4E000000, 0x1100)}), "alignment", False),
    "too small": Case(v3_board({"reg": cells(0x4E000000, 0x80)}), "too-small", False),
    "no ranges": Case(v3_board(parent={"ranges": GONE}), "ranges", False),
    "cells": Case(v3_board({"reg": cells(0, 0x4E000000, 0x1000)}, {"#address-cells": cells(2)}), "cells", False),
    "outside memory": Case(v3_board({"reg": cells(0x1000000, 0x10000)}), "outside-memory", False),
    "overlap": Case(v3_board(more=[OTHER]), "overlap", False),
    "outside /reserved-memory": Case(
        N(
            "",
            {"#address-cells": cells(1)},
            [N("x", {"compatible": texts("google,debug-kinfo"), "reg": cells(1, 1), "no-map": b""})],
        ),
        "not-a-region",
        False,
    ),
    "unit address": Case(v3_board({"reg": cells(0x4F000000, 0x10000)}), "unit-address", False),
    "two nodes": Case(
        v3_board(
            more=[
                N(
                    "debug-kinfo@4f000000",
                    {"compatible": texts("google,debug-kinfo"), "reg": cells(0x4F000000, 0x10000), "no-map": b""},
                )
            ]
        ),
        "several-nodes",
        False,
    ),
    "google,kinfo": Case(v3_board({"compatible": texts("google,kinfo")}), "compatible", False),
}


@pytest.mark.parametrize("name", NINETEEN)
def test_the_nineteen_cases(name: str, tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    case = NINETEEN[name]
    (tmp_path / "b.dtb").write_bytes(blob(case.root))
    ran = kinfo_cli("verify-dt", tmp_path / "b.dtb", "--profile", "v3", "--format", "json")
    (tree,) = json.loads(ran.out)["trees"]
    found = [finding["code"].removeprefix("devicetree-") for finding in tree["findings"]]
    assert case.code in found
    assert ("schema" in found) is case.schema
    (plain,) = json.loads(
        kinfo_cli("verify-dt", tmp_path / "b.dtb", "--profile", "v3", "--no-schema", "--format", "json").out
    )["trees"]
    assert case.code == "schema" or case.code in [one["code"].removeprefix("devicetree-") for one in plain["findings"]]


def test_a_sound_board_has_no_finding() -> None:
    assert checked(board()).findings == ()
    assert checked(board()).outcome == "sound"


def test_profiles_are_recognised() -> None:
    assert (checked(board()).profile.name, checked(v3_board()).profile.name) == ("downstream", "v3")
    assert checked(v3_board({"compatible": texts("google,kinfo")})).profile.name == "v1"
    assert "v2 looks the same" in checked(v3_board()).reason
    with pytest.raises(UnknownNameError, match=r"^no profile is called 'v9'; choose one of: downstream, v1, v2, v3$"):
        profile_named("v9")
    with pytest.raises(UnknownNameError, match=r"did you mean downstream\?$"):
        profile_named("downsteam")


def test_the_older_shape_is_shown_in_the_newer(kinfo_cli: Cli) -> None:
    ran = kinfo_cli("verify-dt", EXAMPLES / "right" / "pixel-like.dtb", "--profile", "v3", "--no-schema")
    assert "debug-kinfo@fd3fc000 {" in ran.out
    assert "reg = <0x0 0xfd3fc000 0x4000>;" in ran.out
    newer = kinfo_cli("verify-dt", EXAMPLES / "right" / "v3.dtb", "--profile", "downstream", "--no-schema")
    assert "memory-region = <&kinfo_region>;" in newer.out


def test_layouts_and_halves() -> None:
    small = v3_board({"reg": cells(0x4E000000, 0x1E0)})  # 480 bytes
    assert codes(checked(small))["alignment"] == "the size is no multiple of 4 KiB"
    assert "too-small" not in codes(checked(small))
    message = codes(checked(small, layout=layout_named("A2")))["too-small"]
    assert message == "480 bytes, where debug-kinfo-module-range (A2) has 484"
    some = codes(checked(small, profile=profile_named("downstream")))["too-small"]
    names = "A2 (484), A5 (484), A3 (492), A6v2 (504), A4 (528)"
    assert some == f"480 bytes are too few for the layouts {names}; --layout says which one the kernel writes"


def pixel(size: int) -> N:
    root = board()
    region = N("debug-kinfo@4e000000", {"reg": cells(0, 0x4E000000, size), "no-map": b"", "phandle": cells(1)})
    return N(
        "",
        root.properties,
        [child._replace(children=[region]) if child.name == "reserved-memory" else child for child in root.children],
    )


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0x300, "half of 768 bytes is 384; the record has 484"),
        (0x3C8, None),
    ],
)
def test_a_pixel_mapper_takes_half(size: int, message: str | None) -> None:
    assert codes(checked(pixel(size), layout=layout_named("A2"))).get("half-too-small") == message


def test_the_second_half_holds_the_vendor_block() -> None:
    root = v3_board({"reg": cells(0x4E000000, 100)})
    mapper = N("dss", {"compatible": texts("google,debug-snapshot-debug-kinfo"), "memory-region": cells(1)})
    region = root.children[1].children[0]
    named = region._replace(properties=dict(region.properties) | {"phandle": cells(1)})
    small = N("", root.properties, [root.children[0], root.children[1]._replace(children=[named]), mapper])
    assert codes(checked(small, layout=layout_named("V1")))["half-too-small"].startswith(
        "half of 100 bytes is 50; the record has 72"
    )


def test_page_sizes() -> None:
    aligned = v3_board({"reg": cells(0x4E004000, 0x4000)})
    assert codes(checked(aligned, page_size=16384)).keys() == {"unit-address", "no-mapper"}
    assert codes(checked(aligned, page_size=65536))["alignment"] == "the address is no multiple of 64 KiB"
    assert "alignment" not in codes(checked(aligned), info=True)  # whose pages are larger says so


def test_bad_handles() -> None:
    def with_handle(raw: bytes) -> str:
        root = board()
        changed = [
            child._replace(properties=dict(child.properties) | {"memory-region": raw})
            if child.name == "debug-kinfo"
            else child
            for child in root.children
        ]
        return codes(checked(N("", root.properties, changed)))["memory-region"]

    assert with_handle(b"") == "it has 0 bytes, no whole number of phandles"
    assert with_handle(b"\0\0\0\1\0") == "it has 5 bytes, no whole number of phandles"
    assert with_handle(cells(0)) == "the phandle is 0x0, which is never valid"
    assert with_handle(cells(0xFFFFFFFF)) == "the phandle is 0xffffffff, which is never valid"
    assert with_handle(cells(9)) == "no node has the phandle 0x9"


def test_a_phandle_that_two_nodes_have() -> None:
    twin = N("twin", {"phandle": cells(1)})
    message = codes(checked(board("a,b", twin)))["memory-region"]
    assert message == "/reserved-memory/debug-kinfo@4e000000 and /twin have the same phandle 0x1"


def moved(parent: N) -> dict[str, str]:
    root = board()
    device = next(child for child in root.children if child.name == "debug-kinfo")
    rest = [child for child in root.children if child.name not in ("debug-kinfo", parent.name)]
    return codes(checked(N("", root.properties, [*rest, parent._replace(children=[device])])))


def test_where_devices_are_made() -> None:
    assert moved(N("soc", {"compatible": texts("simple-bus")})) == {}
    assert moved(N("firmware")) == {}
    assert moved(N("soc", {"compatible": texts("a,soc")}))["no-device"].startswith("/soc is no simple-bus")
    assert moved(N("chosen"))["no-device"] == "nobody makes devices of the children of /chosen"
    reserved = next(child for child in board().children if child.name == "reserved-memory")
    root = board()
    device = next(child for child in root.children if child.name == "debug-kinfo")
    inside = [
        child._replace(children=[*child.children, device]) if child.name == "reserved-memory" else child
        for child in root.children
        if child.name != "debug-kinfo"
    ]
    assert reserved.children
    assert (
        codes(checked(N("", root.properties, inside)))["no-device"]
        == "it is a child of /reserved-memory, of which no device is made"
    )


@pytest.mark.parametrize("status", ["disabled", "no", "fail", "OK", ""])
def test_every_status_but_ok_is_off(status: str) -> None:
    assert codes(checked(v3_board({"status": texts(status)})))["disabled"] == f'the status is "{status}"'


def test_statuses_that_are_on() -> None:
    for status in ("ok", "okay"):
        assert "disabled" not in codes(checked(v3_board({"status": texts(status)})))


def chosen(**properties: bytes) -> N:
    root = v3_board()
    node = N("chosen", {name.replace("_", "-").replace("linux-", "linux,", 1): raw for name, raw in properties.items()})
    return N("", root.properties, [*root.children, node])


def test_what_the_boot_loader_loads() -> None:
    initrd = codes(checked(chosen(linux_initrd_start=cells(0x4E000000), linux_initrd_end=cells(0x4E100000))))
    assert initrd["overlap"] == "the initrd of /chosen is at 0x4e000000-0x4e0fffff (1 MiB)"
    wide = codes(checked(chosen(linux_initrd_start=cells(0, 0x4D000000), linux_initrd_end=cells(0, 0x4E000001))))
    assert wide["overlap"].startswith("the initrd of /chosen")
    assert codes(checked(chosen(linux_elfcorehdr=cells(0x4E000000, 0x1000))))["overlap"].startswith("elfcorehdr of /chosen")
    assert "overlap" not in codes(checked(chosen(linux_initrd_start=cells(0x41000000), linux_initrd_end=cells(0x42000000))))
    assert "overlap" not in codes(checked(chosen(linux_initrd_start=cells(0x41000000))))
    reserved = verify(tree_of(parse(blob(v3_board(), reserve=[(0x4E000000, 0x100), (0, 0x100)]))))
    assert codes(reserved, info=True)["memreserve"] == "/memreserve/ has 0x4e000000-0x4e0000ff (0x100 bytes)"


def test_how_many_regions_a_kernel_keeps() -> None:
    many = v3_board(more=[N(f"r{number}", {"size": cells(0x1000)}) for number in range(65)])
    assert codes(checked(many))["too-many"] == "65 regions without reg, where 7.2 keeps 64"
    fixed = v3_board(more=[N(f"r@{number}000", {"reg": cells(number << 12, 0x1000)}) for number in range(1, 66)])
    assert "too-many" not in codes(checked(fixed, kernel=(6, 12)))
    assert codes(checked(fixed, kernel=(6, 1)))["too-many"] == "66 regions, where 6.1 keeps 64"
    assert codes(checked(fixed, kernel=(4, 19)))["too-many"] == "66 regions, where 4.19 keeps 32"


def test_the_image_and_the_memory_map() -> None:
    verdict = checked(v3_board(more=[OTHER]), image=Range(0x4DF00000, 0x200000))
    assert codes(verdict)["overlap-image"].startswith("the kernel's image is at 0x4df00000-0x4e0fffff")
    kinds = [(one.kind, one.extent.base) for one in verdict.memory_map]
    assert kinds == [("ram", 0x40000000), ("image", 0x4DF00000), ("kinfo", 0x4E000000), ("region", 0x4E008000)]


def dumped(alias: str = "C", *, base: int | None = 0x4E000000, changes: dict[str, Any] | None = None) -> DumpFacts:
    data = kinfo.encode(make_fields(alias, 1) | (changes or {}), alias).ljust(4096, b"\0")
    return DumpFacts("region.bin", kinfo.decode(data, base=base))


def test_a_record_against_the_tree() -> None:
    fine = checked(v3_board(), dump=dumped())
    assert codes(fine, info=True)["dump-agrees"] == "region.bin has it at 0x4e000000"
    wrong = codes(checked(v3_board(), dump=dumped(base=0x4F000000)))
    assert wrong["dump-address"] == "region.bin has it at 0x4f000000, the region begins at 0x4e000000"
    assert codes(checked(v3_board(), dump=dumped(base=None)), info=True)["dump-unplaced"] == "region.bin is raw memory"
    small = codes(checked(v3_board({"reg": cells(0x4E000000, 0x100)}), dump=dumped()))
    assert small["dump-size"] == "it has 472 bytes, the region 256"


def test_the_record_s_image_against_every_region() -> None:
    facts = dumped()
    assert facts.image is not None
    other = N("other", {"reg": cells(facts.image.base & 0xFFFFF000, 0x1000)})
    message = codes(checked(v3_board(more=[other]), dump=facts))["dump-image"]
    assert f"overlaps the image at {facts.image}" in message
    nothing = dumped(changes={"_text_pa": 0, "_stext_pa": 0})
    assert nothing.image is None


def raw_dump(data: bytes, base: int | None) -> DumpFacts:
    return dump_facts(BytesDump(data, "region.bin"), base)


@pytest.mark.parametrize("byte", [0x00, 0xFF])
def test_an_erased_region_proves_nothing(byte: int) -> None:
    erased = bytes([byte]) * 0x20000  # twice the region: its size is no record's
    for base, more in (
        (0x4E000000, " (0x4e000000-0x4e01ffff (128 KiB))"),
        (None, ""),
        (0x4F000000, " (0x4f000000-0x4f01ffff (128 KiB)), and they are not the region's, which begins at 0x4e000000"),
    ):
        verdict = checked(v3_board(), dump=raw_dump(erased, base))
        found = {code: text for code, text in codes(verdict, info=True).items() if code.startswith("dump-")}
        assert found == {"dump-erased": f"all 131072 bytes of region.bin are {byte:02x}{more}"}
        assert verdict.outcome == "sound"


def test_an_erased_region_in_a_dump_with_a_record_elsewhere() -> None:
    record = kinfo.encode(make_fields("C", 1), "C")
    ram = bytearray(0x40000)
    ram[0x30000 : 0x30000 + len(record)] = record
    found = codes(checked(v3_board(), dump=raw_dump(bytes(ram), 0x4E000000)))
    message = "the region's 65536 bytes in region.bin are all 00; a record lies elsewhere, at 0x4e030000"
    assert found["dump-erased"] == message
    assert found["dump-address"] == "region.bin has it at 0x4e030000, the region begins at 0x4e000000"
    for some in (b"\0\1", b"\0\xff", b"\xff\xfe"):
        ram[8:10] = some
        assert "dump-erased" not in codes(checked(v3_board(), dump=raw_dump(bytes(ram), 0x4E000000)))
    assert "dump-erased" not in codes(checked(v3_board(), dump=raw_dump(bytes(ram), 0x4E001000)))  # not all of it is there


def test_any_record_of_the_dump_may_be_the_region_s() -> None:
    record = kinfo.encode(make_fields("C", 1), "C")
    ram = record.ljust(0x1000, b"\0") * 3
    found = codes(checked(v3_board(), dump=raw_dump(ram, 0x4DFFE000)), info=True)
    assert found["dump-agrees"] == "region.bin has it at 0x4e000000"


def test_the_vendor_block_alone() -> None:
    block = kinfo.encode(make_fields("V2", 1), "V2")
    data = bytes(0x800) + block.ljust(0x800, b"\0")
    found = codes(checked(v3_board(), dump=raw_dump(data, 0x4E000000)), info=True)
    message = "region.bin has the vendor module's block alone, at 0x4e000800: the kernel's record beside it is gone"
    assert {code: text for code, text in found.items() if code.startswith("dump-")} == {"dump-erased": message}


PLACED = {"reg": GONE, "size": cells(0x1000), "alignment": cells(0x1000), "alloc-ranges": cells(0x40000000, 0x10000000)}


def of_the_dump(root: N, **options: Any) -> dict[str, str]:
    found = codes(checked(root, **options), info=True)
    return {code: text for code, text in found.items() if code.startswith("dump-")}


def test_a_record_against_a_dynamic_region() -> None:
    """Where the model puts it, and nowhere else, it agrees; where no kernel can have put it is an error."""
    root = v3_board(PLACED, more=[N("other@47000000", {"reg": cells(0x47000000, 0x1000)})])
    for pa, code, message in (
        (0x4FFFF000, "agrees", "region.bin has it at 0x4ffff000, where 6.12 puts it"),
        (0x80000000, "address", "region.bin has it at 0x80000000, outside alloc-ranges"),
        (0x4FFFF800, "address", "region.bin has it at 0x4ffff800, outside alloc-ranges"),
        (0x4FFFE800, "address", "region.bin has it at 0x4fffe800, no multiple of 0x1000"),
        (
            0x47000000,
            "address",
            "region.bin has it at 0x47000000, where /reserved-memory/other@47000000 lies (0x47000000-0x47000fff (4 KiB))",
        ),
        (0x48000000, "elsewhere", "region.bin has it at 0x48000000; by the tree 6.12 puts it at 0x4ffff000"),
    ):
        assert of_the_dump(root, dump=dumped(base=pa)) == {f"dump-{code}": message}


def test_a_record_against_a_dynamic_region_where_no_ram_is() -> None:
    wide = PLACED | {"alloc-ranges": cells(0, 0xFFFFF000)}
    found = of_the_dump(v3_board(wide), dump=dumped(base=0x90000000))
    assert found == {"dump-address": "region.bin has it at 0x90000000, where 0x90000000-0x90000fff (4 KiB) is not all RAM"}
    root = v3_board(wide)
    bare = N("", root.properties, [child for child in root.children if not child.name.startswith("memory")])
    found = of_the_dump(bare, dump=dumped(base=0x90000000))
    assert found == {"dump-possible": "region.bin has it at 0x90000000, which nothing in the tree forbids"}
    assert of_the_dump(bare, dump=dumped(base=None)) == {"dump-unplaced": "region.bin is raw memory"}


def test_a_record_where_the_kernel_places_nothing() -> None:
    found = of_the_dump(v3_board(PLACED | {"size": cells(0, 0x1000)}), dump=dumped(base=0x4FFFF000))
    assert found["dump-address"].startswith('region.bin has it at 0x4ffff000, "invalid size property in')


def test_a_record_elsewhere_leaves_the_verdict_open() -> None:
    """A kernel that knew more than the tree puts the region lower: neither agreement nor a fault."""
    root = Shape(name="kinfo", region=dynamic(SIZE, within=(0x50000000, 0x1000000))).tree()
    for pa, outcome in ((0x50FFF000, "sound"), (0x50FFE000, "undecided"), (0x58000000, "broken")):
        assert (hex(pa), checked(root, dump=dumped(base=pa)).outcome) == (hex(pa), outcome)


def test_the_record_s_kernel_is_the_one_in_question() -> None:
    facts = dumped(base=0x4FFFF000)
    assert facts.kernel is not None
    verdict = checked(v3_board(PLACED), dump=facts)
    assert [one.kernel for one in verdict.kernels] == [f"{facts.kernel[0]}.{facts.kernel[1]}"]
    torn = dumped(base=0x4FFFF000)._replace(record=kinfo.decode(bytes([*facts.record.raw[:20], 1]) + facts.record.raw[21:]))
    assert torn.kernel is None


LOG = """[    0.000000] Linux version 6.1.99
[    0.000000] OF: reserved mem: 0x00000000bffff000..0x00000000bfffffff (4 KiB) nomap non-reusable debug-kinfo@4e000000
[    0.000000] OF: reserved mem: 0x0000000090000000..0x00000000903fffff (4096 KiB) map reusable linux,cma
[    0.000000] OF: reserved mem: 0x2..0x1 (0 KiB) map reusable nonsense
"""


def test_the_kernel_s_log_places_regions() -> None:
    placed = placed_regions(LOG.splitlines())
    assert placed == {"debug-kinfo@4e000000": Range(0xBFFFF000, 0x1000), "linux,cma": Range(0x90000000, 0x400000)}
    dynamic = v3_board({"reg": GONE, "size": cells(0x1000)})
    verdict = checked(dynamic, placed=placed, profile=profile_named("downstream"))
    assert codes(verdict, info=True)["placed"] == "it lies at 0xbffff000-0xbfffffff (4 KiB)"
    assert codes(verdict)["outside-memory"].startswith("0xbffff000-0xbfffffff (4 KiB) is not inside")
    assert verdict.memory[0].extent == Range(0xBFFFF000, 0x1000)


def test_an_odd_blob_is_a_warning() -> None:
    sound = tree_of(parse(blob(board())))
    sound.oddities = (("/soc", "its property x comes behind a node"),)
    assert codes(verify(sound))["blob"] == "its property x comes behind a node"


def test_a_node_per_region_and_none() -> None:
    assert codes(checked(board("a,b", kinfo=False)))["no-node"].startswith("no node is compatible with google,debug-kinfo")
    assert checked(board("a,b", kinfo=False)).outcome == "none"
    bare = N("", {}, [N("debug-kinfo", {"enabled": cells(1)})])  # a name is no key
    assert checked(bare).outcome == "none"


def test_mediatek_and_qualcomm_need_no_mapper_node() -> None:
    assert "no-mapper" in codes(checked(v3_board()))
    qualcomm = v3_board()._replace(
        properties={"compatible": texts("a,b", "qcom,x"), "#address-cells": cells(1), "#size-cells": cells(1)}
    )
    assert checked(qualcomm).memory[0].mappers == ("Qualcomm's debug_symbol, which looks the kinfo node up itself",)
    mediatek = v3_board({"compatible": texts("google,debug-kinfo", "mediatek,aee_debug_kinfo")})
    assert checked(mediatek).memory[0].mappers == ("MediaTek's mrdump",)
