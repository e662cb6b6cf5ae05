"""Output formats: a registry says which there are, and every command offers what it has in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kinfo.catalogue import RULES
from kinfo.cli.commands import COMMANDS
from kinfo.cli.declare import Choice
from kinfo.report import formats
from kinfo.report.formats import Shown, rendered
from kinfo.report.judged import Judged
from tests.conftest import ROOT, Cli

# How editors take a compiler's line apart.
EDITORS = (
    r"(?P<file>[^:]+)(?::(?P<line>\d+)(?::(?P<column>\d+))?)?: "
    r"(?P<level>error|warning|note): (?P<message>.*) \[(?P<code>[a-z0-9-]+)\]"
)

# What a command alone has besides, or instead: raw or binary forms of its own.
OWN = {"layouts": {"md", "c", "rust", "kaitai", "imhex"}, "table": {"csv"}, "symbols": {"elf"}, "survey": {"html"}}
JUDGING = {"decode", "compare", "crosscheck", "verify-dt"}
INSTEAD = {"symbols": ("text", "json")}  # a line a symbol, as it comes: YAML would be megabytes that nobody reads


def offered() -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, (module, _) in COMMANDS.items():
        command = import_module(module).command
        for option in command.parameters:
            if option.name == "form":
                assert isinstance(option.kind, Choice)
                yield name, option.kind.names


def test_commands_offer_what_the_registry_says() -> None:
    assert {"text", "json", "yaml"} <= set(formats.names_for_data())  # what was offered once stays
    assert {"text", "json", "yaml", "sarif", "junit", "github", "gcc", "html"} <= set(formats.names_for_findings())
    for command, names in offered():
        all_ = formats.names_for_findings() if command in JUDGING else formats.names_for_data()
        assert names == (*INSTEAD.get(command, all_), *(one for one in names if one in OWN.get(command, ()))), command


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(PLAIN, max_size=4), PLAIN)
def test_a_list_that_comes_item_by_item_is_written_as_one_that_is_there(items: list[Any], other: Any) -> None:
    whole = {"first": other, "items": items, "last": 1}
    for name in ("json", "yaml"):
        at_once = "".join(rendered(name, Shown(lambda: whole)))
        piecemeal = "".join(rendered(name, Shown(lambda: whole | {"items": iter(items)})))
        read: Callable[[str], Any] = json.loads if name == "json" else yaml.safe_load
        assert read(piecemeal) == read(at_once)
        if name == "json":
            assert piecemeal == at_once


@given(st.lists(st.dictionaries(st.text(max_size=5), PLAIN, max_size=3), max_size=4))
def test_lines_of_json_are_a_document_each(documents: list[Any]) -> None:
    """Whatever is in them: as many lines as documents, and each is read alone."""
    lines = "".join(rendered("jsonl", Shown(dict, each=lambda: documents))).splitlines(keepends=True)
    assert [json.loads(line) for line in lines] == json.loads("".join(rendered("json", Shown(lambda: documents))))
    assert all(line.endswith("\n") for line in lines)
    whole = {"items": documents}
    for shown in (Shown(lambda: whole), Shown(lambda: {"items": iter(documents)})):
        (line,) = "".join(rendered("jsonl", shown)).splitlines()
        assert json.loads(line) == json.loads("".join(rendered("json", Shown(lambda: whole))))


def test_errors_as_compilers_write_them(kinfo_cli: Cli, shipped: Path) -> None:
    path = shipped / "ram-6.12.bin"
    ran = kinfo_cli("decode", path, "--format", "gcc")
    lines = ran.out.splitlines()
    assert ran.code == 1
    assert lines[0].startswith(f"{path}: error: at 0x9000: combined_checksum: stored 0x4e7cb527, ")
    assert lines[0].endswith(" [checksum-mismatch]")
    assert all(re.fullmatch(EDITORS, line) for line in lines)
    assert {re.fullmatch(EDITORS, line)["level"] for line in lines} == {"error", "warning", "note"}  # type: ignore[index]


def test_a_line_of_a_finding_is_one_line() -> None:
    rule = RULES[0]
    finding = rule.at("a\nb", "one\n  two\x1b[2J")
    for lines, place in (
        ({}, "x\\x0a.dts"),
        ({"a\nb": ("y.dts", 3, 0)}, "y.dts:3"),
        ({"a\nb": ("y.dts", 3, 7)}, "y.dts:3:7"),
    ):
        judged = Judged("x", "x\n.dts", None, (finding,), lines)
        (line,) = "".join(rendered("gcc", Shown(dict, lambda judged=judged: [judged]))).splitlines()  # type: ignore[misc]
        assert line == f"{place}: {rule.severity.value}: a b: one two\\x1b[2J [{rule.code}]".replace(": info:", ": note:")
        assert re.fullmatch(EDITORS, line)


def test_the_matcher_that_ships_reads_it() -> None:
    (matcher,) = json.loads((ROOT / "docs" / "vscode-problem-matcher.json").read_text())["problemMatcher"]
    pattern = matcher["pattern"]
    found = re.fullmatch(pattern["regexp"].replace("(?<", "(?P<"), "dir/board.dts:8:4: error: /a: b [devicetree-ranges]")
    assert found
    wanted = {
        "file": "dir/board.dts",
        "line": "8",
        "column": "4",
        "severity": "error",
        "message": "/a: b",
        "code": "devicetree-ranges",
    }
    assert {name: found[pattern[name]] for name in wanted} == wanted
    found = re.fullmatch(pattern["regexp"], "board.dts:8: warning: /a: b [x-y]")
    assert found
    assert (found[pattern["line"]], found[pattern["column"]]) == ("8", None)


def test_only_what_a_format_shows_is_made() -> None:
    def fails() -> Any:
        raise AssertionError("not asked for")

    for one in formats.FORMATS:
        what = Shown(fails, list) if one.is_of_findings else Shown(lambda: {"pairs": [], "alone": []}, fails)
        assert isinstance("".join(rendered(one.name, what)), str)


def test_a_name_that_is_no_formats() -> None:
    with pytest.raises(LookupError, match="there is no output format xml"):
        rendered("xml", Shown(dict))
