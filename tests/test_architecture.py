"""The house rules that the source itself must keep: import direction, no printing in the library, a light start."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

PACKAGE = Path(__file__).resolve().parent.parent / "kinfo"

# Imports point to a lower rank or stay in the room. memory, record and meminspect do not know each other.
RANKS = {
    "typed": -2,
    **dict.fromkeys(("printable", "arch", "frozen", "named"), -1),  # arch: what an architecture fixes; it imports nothing
    "notebook": -0.5,
    **dict.fromkeys(("version", "errors", "findings", "notices", "worker_process"), 0),
    "workers": 0.1,
    "many": 0.2,  # many files: names in, outcomes out
    "elf": 0.5,
    "writer_rows": 0.5,  # data that every room above reads; the models, which encode, are in writers
    **dict.fromkeys(("memory", "record"), 1),
    "sources": 1.1,  # from what a user names to bytes and memory, for every reader above
    "meminspect": 1.2,  # its listings are of files, too
    **dict.fromkeys(("plain_data", "whole_file"), 1.2),
    "fields_file": 1.3,
    "trace_events": 1.3,  # formats of events, on bytes and text alone
    "examine": 1.5,  # what follows from a record: evidence is in record, for detection adds it up
    "regions": 1.5,  # on memory alone; the tree's checks and the kernel's names use it
    **dict.fromkeys(("dt", "kernel", "writers"), 2),
    **dict.fromkeys(("kernel_build", "diff"), 3),
    **dict.fromkeys(("catalogue", "inspect_table", "ramoops_source", "reserved", "trace_source"), 4),
    "minidump": 4.1,  # a core of regions: tables say where they lie
    "region_memory": 4.2,  # it takes the table out of RAM from inspect_table, and where a core's regions are from minidump
    "pages": 4.8,  # out of documents alone
    "read_out": 4.5,  # bytes by region, symbol and address
    "survey": 4.5,  # tables of many records; reports are rendered in report
    **dict.fromkeys(("report", "debuggers", "exports"), 5),
    "case": 5.3,  # everything that can be said of a dump, for a page
    "api": 5.5,
    "cli": 6,
    **dict.fromkeys(("__init__", "__main__"), 7),
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            is_top = node.module == "kinfo"
            names = [f"kinfo.{alias.name}" if is_top else str(node.module) for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "kinfo":
                yield parts[1] if len(parts) > 1 else "__init__"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    for other in imported_rooms(ast.parse(path.read_text())):
        assert other == room or RANKS[other] < RANKS[room], f"{room} imports {other}"


def imports_of(path: Path, modules: set[str], *, at_once: bool) -> set[str]:
    """The modules that a file imports when it runs; `at_once`: without those that its functions import."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if at_once and isinstance(node, ast.FunctionDef):
            continue
        if isinstance(node, ast.ImportFrom):
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= within & modules or {str(node.module)} & modules
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & modules
        waiting += ast.iter_child_nodes(node)
    return found


# One object that a reader asks for everything: what is worked out from it is imported when it is asked for.
FACES = {"kinfo.kernel.kernel", "kinfo.dt.board"}


def test_no_imports_run_in_circles() -> None:
    parts = {path: path.relative_to(PACKAGE.parent).with_suffix("").parts for path in MODULES}
    names = {".".join(dotted).removesuffix(".__init__"): path for path, dotted in parts.items()}
    imported = {name: imports_of(path, set(names), at_once=name in FACES) - {name} for name, path in names.items()}

    def reached(name: str) -> set[str]:
        seen: set[str] = set()
        waiting = [*imported[name]]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += imported[one]
        return seen

    assert not {name for name in names if name in reached(name)}


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(path) not in ("cli", "__main__")], ids=str)
def test_library_neither_prints_nor_exits_nor_reads_the_environment(path: Path) -> None:
    forbidden = {"print", "exit", "quit", "input"}
    attributes = {("sys", "exit"), ("sys", "stdout"), ("sys", "stderr"), ("sys", "argv"), ("os", "environ"), ("os", "getenv")}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in forbidden
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in attributes


def modules_after(*arguments: str) -> set[str]:
    """The modules that a command imports beyond what the interpreter itself brought."""
    code = f"""
import sys
before = set(sys.modules)
from kinfo.cli.main import run
try:
    run({list(arguments)!r})
finally:
    sys.stderr.write("\\n".join(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines())


HEAVY = {"yaml", "numpy", "rich", "dtschema", "construct", "hypothesis", "tempfile", "difflib", "urllib"}


def test_help_imports_next_to_nothing() -> None:
    assert not modules_after("--help") & (HEAVY | {"click", "dataclasses", "json", "kinfo.record"})


def test_decode_leaves_heavy_modules_out(shipped: Path) -> None:
    loaded = modules_after("decode", str(shipped / "pixel-5.10.bin"))
    assert "kinfo.record.decode" in loaded
    assert not loaded & (HEAVY | {"json"})


def test_json_needs_no_yaml(shipped: Path) -> None:
    assert not modules_after("decode", str(shipped / "pixel-5.10.bin"), "--format", "json") & HEAVY


@pytest.mark.parametrize("room", ["kernel", "memory", "sources", "elf"])
def test_what_reads_memory_does_without_typing(room: str) -> None:
    """`kinfo.typed` and `kinfo.named` say the same, and cost nothing: `import typing` takes a third of `python -c pass`."""
    for path in (PACKAGE / room).rglob("*.py"):
        found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert "typing" not in [node.module for node in found if not node.col_offset], path


def test_rules_need_no_schema_tool() -> None:
    loaded = modules_after("verify-dt", "--no-schema", str(PACKAGE.parent / "dts_examples" / "right" / "v3.dtb"))
    assert "kinfo.dt.verify" in loaded
    assert not loaded & (HEAVY | {"subprocess", "multiprocessing", "lz4", "zstandard", "lzma", "click"})
    assert not loaded & {"dataclasses", "inspect", "pyfdt", "json", "kinfo.memory.elf", "kinfo.sources.folder"}
    for command in (("decode", "x"), ("explain",)):
        assert "pyfdt" not in modules_after(*command)


def test_the_search_needs_no_numpy(shipped: Path) -> None:
    assert "numpy" not in modules_after("find", str(shipped / "ram-6.12.bin"))
    assert "numpy" not in modules_after("find", str(shipped / "ram-6.12.bin"), "--step", "4")


def test_no_test_depends_on_the_clock() -> None:
    """Wall time is the machine's, not the test's: what must be quick is held to processor time, a hang is seen as one."""
    assert settings().deadline is None
    clocks = {"time.time()", "time.monotonic()", "time.perf_counter()", "timeout="}
    used = {
        (path.name, line.strip())
        for path in (PACKAGE.parent / "tests").rglob("*.py")
        for line in path.read_text().splitlines()
        if path != Path(__file__) and any(clock in line for clock in clocks)
    }
    assert not used


def test_public_names_are_the_documented_ones() -> None:
    import kinfo

    for name in kinfo.__all__:
        assert getattr(kinfo, name) is not None
    assert set(kinfo.__all__) == set(dir(kinfo))
    with pytest.raises(AttributeError, match="module 'kinfo' has no attribute 'nonsense'"):
        kinfo.nonsense  # noqa: B018  # the access is the test


def test_one_word_has_one_meaning() -> None:
    """No two rooms give a class the same name; each command's Options and their like are the same thing in each."""
    same_everywhere = {"Options"}
    rooms: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name not in same_everywhere:
                rooms.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert not {name: paths for name, paths in rooms.items() if len(paths) > 1}
