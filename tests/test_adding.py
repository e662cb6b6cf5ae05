"""What is added must be whole: a posting, a layout. What one lacks is said by its name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

import kinfo
from kinfo.errors import FieldError
from kinfo.kernel_build.names import BY_NAME
from kinfo.record.structs import STRUCTS
from kinfo.writer_rows import rows
from kinfo.writer_rows.model import Posting, WriterRow
from kinfo.writer_rows.series import V3
from kinfo.writers import DRIVERS, Request
from kinfo.writers.model import Driver
from kinfo.writers.registry import driver_of
from tests.conftest import ROOT
from tests.inspect_tables import STATIC, entries, runtime
from tests.synthetic import MAIN, VENDOR, make_fields
from tests.test_crosscheck import kernel  # noqa: F401  # a fixture
from tests.test_drivers import some_facts
from tests.test_layouts import FACTS
from tools import generate, golden

ORACLE = (ROOT / "tests" / "oracle" / "structs.h").read_text()
UNSEEN = {("kmemdump-rfc-v2", "tree"), ("kmemdump-rfc-v3", "tree"), ("kmemdump-rfc-v3", "series")}  # not known, so not said


def row_lacks(row: WriterRow) -> tuple[str, ...]:
    """The parts that a writer's row, or what belongs to it elsewhere, does not have."""
    known = {layout.alias for layout in kinfo.layouts()}
    parts = {
        "name": bool(re.fullmatch(r"[a-z0-9-]+", row.name)),
        "label": bool(row.label),
        "title": bool(row.title),
        "layouts": bool(row.layouts),
        "source": bool(row.source),
        **{f"layout {alias} in record/layouts.py": alias in known for alias in row.layouts},
        "driver": row.posting is not None or any(one.name == row.name for one in DRIVERS),
    }
    if row.key:
        parts |= {
            "short": bool(row.short),
            "posted": bool(re.fullmatch(r"20\d\d-\d\d", row.posted)),
            "base": row.base is not None,
            "posting": row.posting is not None,
            "tree": row.tree is not None,
            "series": row.series is not None,
        }
    if row.series:
        parts["series called by its key"] = row.series.name == row.key
        parts["table in tests/inspect_tables.py"] = row.series.name in STATIC
    if row.key and row.tree:
        parts["folder in bindings/"] = (ROOT / "bindings" / row.key).is_dir()
    gone = row.posting is not None and not row.posting.stores_base
    parts["gap for _relative_pa"] = not gone or any(gap.field == "_relative_pa" for gap in row.gaps)
    return tuple(part for part, is_there in parts.items() if not is_there and (row.name, part) not in UNSEEN)


@pytest.mark.parametrize("row", rows.ROWS, ids=lambda row: row.name)
def test_every_row_is_whole(row: WriterRow) -> None:
    lacking = row_lacks(row)
    assert not lacking, f"{row.name} lacks: {', '.join(lacking)}"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"label": ""}, "label"),
        ({"title": ""}, "title"),
        ({"posted": ""}, "posted"),
        ({"layouts": ()}, "layouts"),
        ({"layouts": ("none",)}, "layout none in record/layouts.py"),
        ({"base": None}, "base"),
        ({"source": ""}, "source"),
        ({"tree": None}, "tree"),
        ({"key": "v9"}, "folder in bindings/"),
        ({"series": None}, "series"),
        ({"series": V3._replace(name="v9")}, "table in tests/inspect_tables.py"),
        ({"posting": None}, "posting"),
        ({"posting": None, "name": "meminspect-v9"}, "driver"),
        ({"gaps": ()}, "gap for _relative_pa"),
    ],
)
def test_a_part_that_is_missing_is_named(change: dict[str, object], part: str) -> None:
    row = rows.row_named("meminspect-v3")
    assert row
    assert part in row_lacks(row._replace(**change))  # type: ignore[arg-type]


def test_names_and_keys_are_used_once() -> None:
    names = [row.name for row in rows.ROWS]
    keys = [row.key for row in rows.postings()]
    assert len(set(names)) == len(names)
    assert len(set(keys)) == len(keys)
    assert names == [driver.name for driver in DRIVERS]


# A posting that is not there: its row alone, with ids and a plan, put where a row stands.
V4 = """
import sys
from kinfo.writer_rows import rows
from kinfo.writer_rows.model import Gap, Posting, TreeShape, WriterRow
from kinfo.writer_rows.series import V3

symbols = V3.symbols + ("made_up",)
v3 = rows.row_named("meminspect-v3")
rows.ROWS += (
    WriterRow(
        "meminspect-v4", "v4", "meminspect v4", "meminspect v4, posted 2027-01", "2027-01", ("D",), (7, 3), "made up",
        TreeShape("made up (meminspect v4)", True, ("google,debug-kinf4",), ("google,debug-kinf4",), ((7, 2),)),
        V3._replace(name="v4", title="meminspect v4 (made up)", symbols=symbols, dynamic=45),
        v3.posting._replace(regions=(*v3.posting.regions, "kallsyms_relative_base"), base="value"),
        (Gap("enabled_cfi_clang", "v4 stores no enabled_cfi_clang", "made up"),),
    ),
)
from kinfo.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def with_v4(*arguments: str) -> tuple[int, str, str]:
    """What a command says where there is a v4."""
    done = subprocess.run([sys.executable, "-c", V4, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.returncode, done.stdout, done.stderr


def test_a_new_posting_is_built(kernel: list[str]) -> None:  # noqa: F811
    code, out, err = with_v4("build", *kernel, "--driver", "meminspect-v4", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["driver"] == "meminspect-v4"
    assert "__pa(*(u64 *)va) of region kallsyms_relative_base" in out
    code, _, err = with_v4("build", *kernel, "--driver", "meminspect-v4", "--build-info", "x", "--explain")
    assert (code, err.splitlines()[0][:43]) == (2, "kinfo: meminspect v4 has no build_info: the")


def test_a_new_posting_is_held_against_androids(kernel: list[str]) -> None:  # noqa: F811
    code, out, err = with_v4("crosscheck", *kernel, "--upstream", "v4", "--format", "json")
    assert (code, err) == (0, "")
    kinds = {one["field"]: one["kind"] for one in json.loads(out)["differences"]}
    assert kinds["_relative_pa"] == "same"  # v3 leaves it 0


@pytest.mark.parametrize(
    ("command", "words"), [("crosscheck", "v4 (default)"), ("table", "v3 or v4"), ("verify-dt", "v3 or v4")]
)
def test_a_new_posting_is_in_the_help(command: str, words: str) -> None:
    assert words in " ".join(with_v4(command, "--help")[1].split())


def test_a_new_posting_has_its_table(tmp_path: Path) -> None:
    found = [one for one in entries("v3") if one.id != 44]
    made = found[0]._replace(id=44, symbol="made_up", size=48)
    (tmp_path / "table.bin").write_bytes(runtime([*found, made]))
    code, out, err = with_v4("table", str(tmp_path / "table.bin"), "--series", "v4", "--format", "json")
    assert (code, err) == (0, "")
    by_id = {one["id"]: one for one in json.loads(out)["entries"]}
    assert by_id[44]["name"] == "made_up"
    assert with_v4("table", str(tmp_path / "table.bin"), "--series", "v5")[2].strip().endswith("rfc-v2, v1, v2, v3, v4")


def test_a_new_posting_has_its_devicetree(tmp_path: Path) -> None:
    right = (ROOT / "dts_examples" / "right" / "v3.dtb").read_bytes()
    assert right.count(b"google,debug-kinfo\0") == 1
    (tmp_path / "v4.dtb").write_bytes(right.replace(b"google,debug-kinfo\0", b"google,debug-kinf4\0"))
    code, out, err = with_v4("verify-dt", "--no-schema", "--profile", "v4", str(tmp_path / "v4.dtb"))
    assert (code, err) == (0, "")
    assert "v4" in out
    assert with_v4("verify-dt", "--no-schema", "--profile", "v3", str(tmp_path / "v4.dtb"))[0] == 1
    assert "has the compatible google,debug-kinf4" in with_v4("verify-dt", "--no-schema", str(tmp_path / "v4.dtb"))[1]


def test_a_new_posting_is_named_and_explains_what_it_leaves_out(tmp_path: Path) -> None:
    old, new = tmp_path / "old.bin", tmp_path / "new.bin"
    old.write_bytes(kinfo.encode(make_fields("C", 1) | {"enabled_cfi_clang": 1}, "C"))
    new.write_bytes(kinfo.encode(make_fields("D", 1) | {"enabled_cfi_clang": 0, "_relative_pa": 0x80400000}, "D"))
    assert json.loads(with_v4("decode", str(new), "--format", "json")[1])["records"][0]["writers"] == ["meminspect v4"]
    assert "v4 stores no enabled_cfi_clang" in with_v4("compare", str(old), str(new))[1]


def test_a_posting_of_several_layouts_writes_its_first_on_any_release() -> None:
    row = rows.row_named("meminspect-v3")
    assert row
    driver = driver_of(row._replace(layouts=("D", "C")))
    assert driver.layout({"release": "6.12.1-android16-5-gab"}).alias == "D"


def test_a_writer_without_a_plan_is_refused_by_name() -> None:
    row = rows.row_named("meminspect-v3")
    assert row
    with pytest.raises(FieldError, match="meminspect-v9 has neither a posting in its row nor a plan"):
        driver_of(row._replace(name="meminspect-v9", posting=None))


# Layouts


def layout_lacks(alias: str) -> tuple[str, ...]:
    """The parts that a layout does not have, by the file where each belongs."""
    known = {layout.alias: layout for layout in kinfo.layouts()}
    writers = {one for row in rows.ROWS for one in row.layouts}
    golden = ROOT / "tests" / "golden" / alias
    is_vendor = alias in known and known[alias].vendor
    parts = {
        "struct in record/structs.py": alias in STRUCTS,
        "entry in record/layouts.py": alias in known,
        "writer in writer_rows/rows.py": alias in writers or is_vendor,
        "C struct in tests/oracle/structs.h": f"struct kinfo_{alias} {{" in ORACLE or f" kinfo_{alias} {{" in ORACLE,
        "size in tests/test_layouts.py": alias in FACTS,
        "fields in tests/synthetic.py": alias in (*MAIN, *VENDOR),
        "golden folder (python tools/golden.py)": (golden / "record.bin").exists(),
    }
    parts |= dict.fromkeys(facts_lack(alias), False) if alias in known else {}
    return tuple(part for part, is_there in parts.items() if not is_there)


def facts_lack(alias: str, drivers: Sequence[Driver] = DRIVERS) -> tuple[str, ...]:
    """What the facts that this layout's drivers need do not have, by the file where it belongs."""
    asked = [
        driver.missing(Request({"release": "6.12.1"}, kinfo.layout(alias))) for driver in drivers if alias in driver.layouts
    ]
    facts = {name for names in asked for name in names}
    unknown = [f"fact {name} in kernel_build/names.py" for name in sorted(facts - set(BY_NAME))]
    return (*unknown, *(f"fact {name} in some_facts of tests/test_drivers.py" for name in sorted(facts - set(some_facts()))))


ALIASES = sorted({*STRUCTS, *(layout.alias for layout in kinfo.layouts()), *FACTS, *MAIN, *VENDOR})


@pytest.mark.parametrize("alias", ALIASES)
def test_every_layout_is_whole(alias: str) -> None:
    lacking = layout_lacks(alias)
    assert not lacking, f"layout {alias} lacks: {'; '.join(lacking)}"


def test_every_part_of_a_layout_is_asked_for() -> None:
    assert [part.split()[0] for part in layout_lacks("none")] == [
        "struct",
        "entry",
        "writer",
        "C",
        "size",
        "fields",
        "golden",
    ]


def test_a_fact_that_is_new_is_asked_for() -> None:
    class Asking:
        layouts = ("D",)

        def missing(self, _: Request) -> tuple[str, ...]:
            return ("num_syms", "module.made_up")

    assert facts_lack("D", [cast("Driver", Asking())]) == (
        "fact module.made_up in kernel_build/names.py",
        "fact module.made_up in some_facts of tests/test_drivers.py",
    )


def test_fields_that_are_not_the_layouts_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRUCTS, "D", STRUCTS["A4"])
    with pytest.raises(
        LookupError, match=r"^layout D has no _text_pa in its struct, .*no value for va_bits: say so where tests"
    ):
        make_fields("D", 1)


def test_a_golden_folder_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "GOLDEN", tmp_path)
    monkeypatch.setattr(golden, "make_fields", lambda *_: {"made_up": 1})
    with pytest.raises(SystemExit, match=r"golden: .*Z0/fields.json: kdebuginfo has no field 'made_up'.*remove this folder"):
        golden.main()
    assert not list(tmp_path.iterdir())


def test_regions_that_a_posting_registers_have_an_id_in_its_series() -> None:
    for row in rows.postings():
        if row.series and isinstance(row.posting, Posting):
            assert not [name for name in row.posting.regions if row.series.id_of(name) is None], row.name


def test_a_layout_without_struct_or_fields_says_what_to_add() -> None:
    entry = kinfo.layout("D")._replace(alias="none")
    with pytest.raises(LookupError, match=r"layout none has no shape: add its struct to record/structs.py and run `make gen"):
        assert entry.size
    with pytest.raises(LookupError, match=r"layout none has no fields: add it to tests/synthetic.py"):
        make_fields("none", 1)


def test_generate_writes_the_shapes_first_and_says_what_a_layout_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacking() -> dict[Path, bytes]:
        raise LookupError("layout none has no fields")

    made = ROOT / "kinfo" / "record" / "shapes.py"
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "SHAPES", tmp_path / "shapes.py")
    monkeypatch.setattr(generate, "targets", lacking)
    monkeypatch.setattr(sys, "argv", ["generate"])
    assert generate.main() == 1
    assert (tmp_path / "shapes.py").read_bytes() == made.read_bytes(), "record/shapes.py is not current: make generate"
    assert capsys.readouterr() == ("wrote: shapes.py\n", "generate: layout none has no fields\n")


def test_a_field_that_a_driver_has_no_rule_for_is_named() -> None:
    row = rows.row_named("meminspect-v3")
    assert row
    facts = {"release": "7.1.0"}
    driver = driver_of(row._replace(layouts=("A4",)))
    with pytest.raises(FieldError, match=r"meminspect-v3 has no rule for .*va_bits.* of layout A4"):
        driver.missing(Request(facts, driver.layout(facts)))
