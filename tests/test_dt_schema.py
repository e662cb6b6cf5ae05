"""The schema check: our bindings are sound, dt-validate's errors become findings, and its child cannot harm us."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kinfo.dt import schema
from kinfo.dt.blob import parse
from kinfo.dt.board import Board, Options
from kinfo.dt.check.schema import findings
from kinfo.dt.excerpt import excerpt
from kinfo.dt.profiles import PROFILES, profile_named
from kinfo.dt.schema import SchemaCheck, SchemaTool, bindings_folder, processed
from kinfo.dt.tree import tree_of
from kinfo.errors import KinfoError
from kinfo.findings import Finding
from tests.fdt import N, blob, board, cells, texts

FOLDER = Path(bindings_folder())
BINDINGS = sorted(FOLDER.rglob("*.yaml"))
TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> SchemaTool:
    return SchemaTool(str(tmp_path_factory.getbasetemp() / "schema-cache"))


def check(board_: Board, tool: SchemaTool) -> list[Finding]:
    with SchemaCheck(tool) as schema_check:
        return list(schema_check.check(board_))


def made(root: N, profile: str = "downstream") -> Board:
    return Board(tree_of(parse(blob(root))), Options(profile=profile_named(profile)))


def test_there_is_a_folder_for_every_profile() -> None:
    assert {path.relative_to(FOLDER).parts[0] for path in BINDINGS} == {profile.name for profile in PROFILES}


@pytest.mark.parametrize("path", BINDINGS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_bindings_pass_the_meta_schema(path: Path) -> None:
    done = subprocess.run([TOOLS / "dt-doc-validate", "-n", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert f"$id: http://devicetree.org/schemas/{'/'.join(path.parts[-2:])}#" in path.read_text()


@pytest.mark.parametrize("path", BINDINGS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_bindings_examples_compile_and_validate(path: Path, tmp_path: Path, tool: SchemaTool) -> None:
    if not shutil.which("dtc"):
        pytest.skip("dtc is not installed: apt-get install device-tree-compiler")
    source = subprocess.run([TOOLS / "dt-extract-example", path], capture_output=True, check=True).stdout
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", tmp_path / "e.dtb"], input=source, capture_output=True, check=True)
    profile = profile_named(path.relative_to(FOLDER).parts[0])
    arguments: list[str | Path] = ["-s", processed(profile, tool), "-m", "-l", "kinfo", tmp_path / "e.dtb"]
    done = subprocess.run([TOOLS / "dt-validate", *arguments], capture_output=True, text=True, check=True)
    assert [line for line in done.stderr.splitlines() if "kinfo" in line] == []


def test_what_dt_validate_says_becomes_a_finding(tool: SchemaTool) -> None:
    found = check(made(board(), "v3"), tool)
    choices = "; ".join(f"'{name}' is a required property" for name in ("reg", "size", "iommu-addresses"))
    assert [finding.message for finding in found] == [
        f"one of these must be mended: {choices}",
        "'reg' is a required property",
        "'no-map' is a required property",
        "Unevaluated properties are not allowed ('memory-region' was unexpected)",
    ]
    assert {finding.where for finding in found} == {"/debug-kinfo"}
    assert found[0].source == "http://devicetree.org/schemas/reserved-memory/google,debug-kinfo.yaml, by dt-validate"
    assert (check(made(board()), tool)) == []
    assert (check(made(board(kinfo=False)), tool)) == []


def test_the_excerpt_has_what_bears_on_kinfo_and_no_more() -> None:
    busy = N(
        "soc", {"interrupt-parent": cells(99), "ranges": b""}, [N(f"dev@{at}", {"reg": cells(at, 1)}) for at in range(50)]
    )
    tree = tree_of(parse(excerpt(made(board("a,b", busy)))))
    assert [node.path for node in tree.root.walk()] == [
        "/",
        "/reserved-memory",
        "/reserved-memory/debug-kinfo@4e000000",
        "/debug-kinfo",
    ]
    assert "interrupt-parent" not in tree.root.properties


def test_schemas_are_processed_once(tmp_path: Path) -> None:
    tool = SchemaTool(str(tmp_path / "new" / "cache"))
    path = Path(processed(profile_named("v3"), tool))
    before = path.stat().st_mtime_ns
    assert processed(profile_named("v3"), tool) == str(path)
    assert path.stat().st_mtime_ns == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KinfoError, match=r"file/x: cannot keep the processed schema: .*; set XDG_CACHE_HOME to a folder"):
        processed(profile_named("v3"), SchemaTool(str(tmp_path / "file" / "x")))


def test_dtschema_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        KinfoError, match=r"^dtschema is not installed; pip install dtschema, or leave the schema out with --no-schema$"
    ):
        processed(profile_named("v3"), SchemaTool(str(tmp_path)))


CHILDREN = {
    "hangs": ("import time; time.sleep(60)", "dt-validate did not come to an end in 1 seconds"),
    "grows": ("x = bytearray(1 << 30)", "dt-validate failed: MemoryError"),
    "crashes": ("import os; os.kill(os.getpid(), 11)", "dt-validate was killed by signal 11"),
    "fails": ("raise SystemExit('no such thing')", "dt-validate failed: no such thing"),
    "is silent": ("raise SystemExit(3)", "dt-validate failed: exit code 3"),
}


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_that_goes_wrong_is_a_finding(name: str, tool: SchemaTool, monkeypatch: pytest.MonkeyPatch) -> None:
    code, message = CHILDREN[name]
    processed(profile_named("downstream"), tool)
    monkeypatch.setattr(schema, "_VALIDATE", code)
    start = time.perf_counter()
    (finding,) = check(made(board()), tool._replace(seconds=1))
    assert (finding.code, finding.message) == ("devicetree-schema-failed", message)
    assert time.perf_counter() - start < 20


def test_the_schema_cannot_be_processed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_PROCESS", "raise SystemExit('broken')")
    with pytest.raises(KinfoError, match=r"^dt-mk-schema failed: broken; leave the schema out with --no-schema$"):
        processed(profile_named("v3"), SchemaTool(str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_boards_that_share_their_nodes_are_checked_once(tool: SchemaTool, monkeypatch: pytest.MonkeyPatch) -> None:
    with SchemaCheck(tool) as schema_check:
        first = schema_check.check(made(board("a,one"), "v3"))
        monkeypatch.setattr(schema, "_VALIDATE", "raise SystemExit(1)")
        assert schema_check.check(made(board("a,two"), "v3")) == first
        assert schema_check.check(made(board("a,two"))) != first


def test_a_child_that_was_not_needed_is_ended(tool: SchemaTool) -> None:
    with SchemaCheck(tool, ahead=True) as schema_check:
        child = schema_check._waiting
        assert child is not None
        assert child._process.poll() is None
    assert child._process.poll() == -9


def test_huge_nodes_never_reach_dtschema(tool: SchemaTool) -> None:
    huge = N("", {}, [N("debug-kinfo", {"compatible": texts("google,debug-kinfo"), "x": bytes(1 << 20)})])
    (finding,) = check(made(huge), tool)
    assert finding.message.endswith("bytes: dt-validate would take minutes")


def test_cells_of_zero_never_reach_dtschema(tool: SchemaTool) -> None:
    root = N("", {"#address-cells": cells(0), "#size-cells": cells(0)}, board().children)
    (finding,) = check(made(root), tool)
    assert finding.message == "dt-validate would not come to an end: it does not expect 0 cells"


def test_other_diagnostics() -> None:
    said = [
        {"type": "decode", "message": "bad"},
        {"type": "unmatched", "message": "x"},
        {"type": "recursion-error", "node": "/a"},
    ]
    assert [(finding.code, finding.where) for finding in findings(said)] == [
        ("devicetree-schema", "/"),
        ("devicetree-schema-failed", "/a"),
    ]


def test_no_child_is_left_behind_by_an_interrupt(tmp_path: Path) -> None:
    """Ctrl-C while dt-validate hangs: exit 130, quickly, without the child."""
    (tmp_path / "b.dtb").write_bytes(blob(board()))
    code = f"""
import sys
from kinfo.dt import schema
schema._VALIDATE = "import time; open({str(tmp_path / "started")!r}, 'w').close(); time.sleep(77.125)"
from kinfo.cli.main import main
main(["verify-dt", {str(tmp_path / "b.dtb")!r}])
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(2)
    _, said = child.communicate(timeout=20)
    assert (child.returncode, said.strip()) == (130, b"")
    commands = [_command(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    assert not [command for command in commands if b"77.125" in command and str(tmp_path).encode() in command]


def _command(pid: str) -> bytes:
    try:
        return Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""


def test_regions_are_checked_too(tool: SchemaTool) -> None:
    root = board()
    region = N("debug-kinfo@4e000000", {"reg": cells(0, 0x4E000000, 0x1000), "no-map": cells(1), "phandle": cells(1)})
    children = [child._replace(children=[region]) if child.name == "reserved-memory" else child for child in root.children]
    found = check(made(N("", root.properties, children)), tool)
    assert [(finding.where, finding.message) for finding in found] == [
        ("/", "no-map: size (4) error for type flag"),
        ("/reserved-memory/debug-kinfo@4e000000:no-map", "1 is not of type 'boolean'"),
    ]
