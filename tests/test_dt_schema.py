"""The schema check: our bindings are sound, dt-validate's errors become findings, and its child cannot harm us."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import kinfo
from kinfo.dt import schema
from kinfo.dt.blob import parse
from kinfo.dt.board import Board, Options
from kinfo.dt.check.schema import findings
from kinfo.dt.child import Child, Limits
from kinfo.dt.excerpt import excerpt
from kinfo.dt.profiles import PROFILES, profile_named
from kinfo.dt.schema import SchemaCheck, SchemaTool, bindings_folder, processed
from kinfo.dt.tree import tree_of
from kinfo.dt.verify import verify
from kinfo.errors import KinfoError
from kinfo.findings import Finding, Severity
from kinfo.workers import in_order
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


SPINS = "while True: pass"
CHILDREN = {
    "sleeps": ("import time; time.sleep(600)", Limits(wall=1), "did not come to an end in 1 seconds"),
    "spins": (SPINS, Limits(seconds=1), "did not come to an end in 1 seconds of processor time"),
    "grows": ("x = bytearray(1 << 30)", Limits(), "failed: MemoryError"),
    "crashes": ("import os; os.kill(os.getpid(), 11)", Limits(), "was killed by signal 11"),
    "fails": ("raise SystemExit('no such thing')", Limits(), "failed: no such thing"),
    "is silent": ("raise SystemExit(3)", Limits(), "failed: exit code 3"),
    "says nothing": ("raise SystemExit(0)", Limits(), "left no report"),
}


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_that_goes_wrong_leaves_the_verdict_open(
    name: str, tool: SchemaTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, limits, message = CHILDREN[name]
    processed(profile_named("downstream"), tool)
    monkeypatch.setattr(schema, "_VALIDATE", code)
    board_ = made(board())
    with SchemaCheck(tool._replace(limits=limits)) as schema_check:
        verdict = verify(board_.tree, schema=schema_check)
    assert [(one.code, one.severity, one.message) for one in verdict.findings] == [
        ("devicetree-schema-failed", Severity.WARNING, f"dt-validate {message}")
    ]
    assert verdict.outcome == "undecided"
    assert "--no-schema" in verdict.findings[0].remedy


def test_the_processing_that_goes_wrong_leaves_the_verdict_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for code, message in (
        ("raise SystemExit('broken')", "failed: broken"),
        (SPINS, "did not come to an end in 1 seconds of"),
    ):
        monkeypatch.setattr(schema, "_PROCESS", code)
        (finding,) = check(made(board()), SchemaTool(str(tmp_path), Limits(seconds=1)))
        assert finding.code == "devicetree-schema-failed"
        assert finding.message.startswith(f"dt-mk-schema {message}")
        assert list(tmp_path.iterdir()) == []


def test_a_starved_machine_is_waited_for() -> None:
    """A child that gets no processor for longer than all the processor time it may use: wall time would have ended it."""
    with Child("import time; time.sleep(2.5)", Limits(seconds=1)) as child:
        assert child.run([]) == ""


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """Not only after Ctrl-C: the parent is killed, as by the kernel for memory."""
    started = tmp_path / "started"
    code = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    parent = f"""
import time
from kinfo.dt.child import Child, Limits
child = Child({code!r}, Limits())
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        wait_for(lambda: started.exists() and bool(started.read_text()))
        process.kill()
    wait_for(lambda: not _command(started.read_text()))


class TestWithoutDtschema:
    @pytest.fixture(autouse=True)
    def missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "dtschema", None)

    def test_a_note(self, tmp_path: Path) -> None:
        with SchemaCheck(SchemaTool(str(tmp_path)), ahead=True) as schema_check:
            assert schema_check._waiting is None
            verdict = verify(made(board()).tree, schema=schema_check)
        (finding,) = verdict.findings
        assert (verdict.outcome, finding.code, finding.severity) == ("sound", "devicetree-schema-skipped", Severity.INFO)
        assert finding.message == f"dtschema is not installed; {sys.executable} -m pip install 'kinfo[dt]'"

    def test_undecided_where_it_is_required(self, tmp_path: Path) -> None:
        (finding,) = check(made(board()), SchemaTool(str(tmp_path), required=True))
        assert (finding.code, finding.message.partition(";")[0]) == ("devicetree-schema-failed", "dtschema is not installed")

    def test_a_board_without_kinfo_needs_none(self, tmp_path: Path) -> None:
        assert check(made(board(kinfo=False)), SchemaTool(str(tmp_path), required=True)) == []


@pytest.mark.parametrize(
    ("version", "lack"),
    [
        ("version = '2023.11'", "dtschema 2023.11 is installed, 2026.9 or newer is needed"),
        ("version = '2026.9.dev1'", ""),
        ("version = '2027.1'", ""),
        ("nothing", ""),
        (None, "dtschema is not installed"),
    ],
)
def test_which_dtschema_will_do(version: str | None, lack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dtschema").mkdir()
    (tmp_path / "dtschema" / "__init__.py").write_text("raise ImportError('broken')")
    if version:
        (tmp_path / "dtschema" / "version.py").write_text(version)
    monkeypatch.delitem(sys.modules, "dtschema", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert schema.lacking() == lack


def test_dtschema_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed, but libfdt is gone, as after a change of Python."""
    monkeypatch.setattr(schema, "_PROCESS", "import no_such_libfdt")
    (finding,) = check(made(board()), SchemaTool(str(tmp_path)))
    assert (finding.code, "No module named 'no_such_libfdt'" in finding.message) == ("devicetree-schema-failed", True)
    assert (
        finding.remedy == f"dtschema does not load in this Python; mend it with: {sys.executable} -m pip install 'kinfo[dt]'"
    )


def test_boards_that_share_their_nodes_are_checked_once(tool: SchemaTool, monkeypatch: pytest.MonkeyPatch) -> None:
    with SchemaCheck(tool) as schema_check:
        first = schema_check.check(made(board("a,one"), "v3"))
        monkeypatch.setattr(schema, "_VALIDATE", "raise SystemExit(1)")
        assert schema_check.check(made(board("a,two"), "v3")) == first
        assert schema_check.check(made(board("a,two"))) != first


def test_a_child_that_was_not_needed_is_ended(tool: SchemaTool) -> None:
    with SchemaCheck(tool, ahead=True) as schema_check:
        servant = schema_check._waiting
        assert servant is not None
        assert servant.child._process.poll() is None
    assert servant.child._process.poll() == -9


# A child that answers [] as dt-validate does of a sound tree; `{0}` is what it does first, with the tree in `tree`.
ANSWERS = """
import os, signal, struct, sys, time
count = 0
for line in sys.stdin:
    tree = os.pread(int(sys.argv[1]), 1 << 20, 0)
    {0}
    count += 1
    os.write(1, struct.pack('>I', 2) + b'[]')
"""


def named(name: str) -> Board:
    """A board whose kinfo node, which is all that the child is shown, differs by the name."""
    root = board()
    node = N("debug-kinfo", {"compatible": texts("google,debug-kinfo"), "memory-region": cells(1), "note": texts(name)})
    return made(N("", root.properties, [node if child.name == "debug-kinfo" else child for child in root.children]))


def test_one_child_serves_many_trees(tool: SchemaTool) -> None:
    """And says of each what a child of its own says: nothing of a tree is left for the next."""
    clocked = {"compatible": texts("google,debug-kinfo"), "memory-region": cells(1), "clocks": cells(5, 7)}
    provider = N("debug-kinfo", clocked | {"phandle": cells(5), "#clock-cells": cells(1)})
    user = N("debug-kinfo", clocked)
    roots = [board(), *(N("", board().properties, [one, *board(kinfo=False).children]) for one in (provider, user))]
    boards = [made(root, profile) for profile in ("downstream", "v3") for root in roots]
    alone = [check(one, tool) for one in boards]
    assert any(alone)
    with SchemaCheck(tool) as schema_check:
        assert [list(schema_check.check(one)) for one in boards] == alone
        assert schema_check._waiting is not None
        assert schema_check._waiting.served == len(boards)


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("if b'bad' in tree: os.kill(os.getpid(), 11)", "dt-validate was killed by signal 11"),
        ("if b'bad' in tree: raise ValueError('no tree')", "dt-validate failed: ValueError: no tree"),
        ("if b'bad' in tree: sys.exit(0)", "dt-validate left no report"),
        ("if b'bad' in tree: os.write(1, b'\\xff' * 8)", "dt-validate has 4294967295 bytes to say"),
        ("if b'bad' in tree: os.write(1, struct.pack('>I', 1) + b'?')", "dt-validate left no report"),
    ],
)
def test_the_tree_at_fault_is_the_one_that_is_named(
    first: str, said: str, tool: SchemaTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_VALIDATE", ANSWERS.format(first))
    with SchemaCheck(tool) as schema_check:
        found = {name: schema_check.check(named(name)) for name in ("one", "two", "bad", "three")}
    assert {name: [one.message for one in each] for name, each in found.items()} == {
        "one": [],
        "two": [],
        "bad": [said],
        "three": [],
    }


def test_a_tree_is_tried_again_without_what_others_left(tool: SchemaTool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_VALIDATE", ANSWERS.format("if count == 2: os.kill(os.getpid(), 11)"))
    with SchemaCheck(tool) as schema_check:
        assert [schema_check.check(named(str(number))) for number in range(6)] == [()] * 6


def _pid(schema_check: SchemaCheck) -> int:
    return schema_check._waiting.child.pid if schema_check._waiting else 0


def test_a_child_that_grows_is_replaced(tool: SchemaTool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_VALIDATE", ANSWERS.format("if b'large' in tree: kept = bytearray(300 << 20)"))
    with SchemaCheck(tool) as schema_check:
        schema_check.check(named("small"))
        pid = _pid(schema_check)
        schema_check.check(named("large"))
        assert _pid(schema_check) == 0
        assert pid
        assert schema_check.check(named("another")) == ()


def test_every_tree_has_its_own_time(tool: SchemaTool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor time is counted from tree to tree; one that uses it up is not tried again."""
    work = (
        "import time; end = time.process_time() + (1e9 if b'bad' in tree else 0.8)\n    while time.process_time() < end: pass"
    )
    monkeypatch.setattr(schema, "_VALIDATE", ANSWERS.format(work))
    with SchemaCheck(tool._replace(limits=Limits(seconds=1))) as schema_check:
        assert [schema_check.check(named(str(number))) for number in range(4)] == [()] * 4
        (finding,) = schema_check.check(named("bad"))
    assert finding.message == "dt-validate did not come to an end in 1 seconds of processor time"


def test_a_fork_has_a_child_of_its_own(tool: SchemaTool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves none behind, nor ends its parent's."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2))
    with SchemaCheck(tool, ahead=True) as schema_check:
        assert schema_check._waiting is not None
        mine = schema_check._waiting.child

        def work(number: int) -> tuple[int, tuple[Finding, ...]]:
            found = schema_check.check(named(str(number)))
            assert schema_check._waiting is not None
            return schema_check._waiting.child.pid, found

        answers = list(in_order(work, range(4), lambda *_: (0, ()), schema_check.end))
        assert mine._process.poll() is None
    theirs = {pid for pid, _ in answers}
    assert len(theirs) == 2
    assert mine.pid not in theirs
    assert [found for _, found in answers] == [()] * 4
    for pid in theirs:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_processes_that_start_together_make_one_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, time; words = sys.stdin.read().split('\\0'); time.sleep(0.5); open(words[2], 'w').write('{}')"
    monkeypatch.setattr(schema, "_PROCESS", f"open({str(tmp_path / 'made')!r}, 'a').write('x'); {code}")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2))
    tool = SchemaTool(str(tmp_path / "cache"))
    made_ = list(in_order(lambda _: processed(profile_named("v3"), tool), range(2), lambda *_: ""))
    assert made_[0] == made_[1]
    assert (tmp_path / "made").read_text() == "x"


def test_the_library_s_call_leaves_no_child(tool: SchemaTool, tmp_path: Path) -> None:
    (tmp_path / "b.dtb").write_bytes(blob(board()))
    kinfo.verify_dt(tmp_path / "b.dtb", cache=tool.cache)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


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


def wait_for(is_there: Callable[[], bool]) -> None:
    """However long it takes: a test that hangs is seen as such."""
    while not is_there():
        time.sleep(0.02)


def test_no_child_is_left_behind_by_an_interrupt(tmp_path: Path) -> None:
    """Ctrl-C while dt-validate hangs: exit 130, long before its time is up, without the child."""
    (tmp_path / "b.dtb").write_bytes(blob(board()))
    code = f"""
import sys
from kinfo.dt import schema
schema._VALIDATE = "import os, time; open({str(tmp_path / "started")!r}, 'w').write(str(os.getpid())); time.sleep(7777)"
from kinfo.cli.main import main
main(["verify-dt", {str(tmp_path / "b.dtb")!r}])
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wait_for(lambda: (tmp_path / "started").exists() and bool((tmp_path / "started").read_text()))
    child.send_signal(2)
    _, said = child.communicate()
    assert (child.returncode, said.strip()) == (130, b"")
    wait_for(lambda: not _command((tmp_path / "started").read_text()))  # the kernel kills it when its parent has ended


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
