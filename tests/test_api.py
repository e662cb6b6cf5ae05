"""The library: all that the commands do, documented, typed, and pleasant to look at."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kinfo
from kinfo.cli.commands import COMMANDS
from kinfo.errors import UnknownNameError
from tests.conftest import Cli
from tests.synthetic import make_fields

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "kinfo" / "samples"
CRASH, PIXEL = SAMPLES / "crash-6.12.elf", SAMPLES / "pixel-5.10.bin"
DOCUMENT = (ROOT / "docs" / "api.md").read_text()

# What a script calls where a person types the command: functions, or what an open kernel has.
LIBRARY = {
    "decode": ("decode", "decode_all", "decode_each"),
    "find": ("find",),
    "survey": ("survey_files", "survey_report"),
    "encode": ("encode",),
    "facts": ("facts",),
    "build": ("build", "registered"),
    "info": ("info",),
    "symbols": ("symbol_file", "Kernel.symbols"),
    "lookup": ("lookup", "Kernel.at", "Kernel.named"),
    "symbolize": ("symbolize",),
    "ps": ("Kernel.tasks",),
    "backtrace": ("Kernel.backtrace", "Kernel.backtraces"),
    "config": ("kernel_config",),
    "pstore": ("open_ramoops",),
    "trace": ("open_traces",),
    "regions": ("reserved_memory",),
    "dmesg": ("dmesg", "Kernel.log"),
    "debug": ("debug",),
    "core": ("core",),
    "read": ("read",),
    "verify-dt": ("verify_dt",),
    "table": ("table", "region_values"),
    "compare": ("compare", "compare_folders", "update_baseline"),
    "crosscheck": ("crosscheck",),
    "layouts": ("layouts", "layout", "layout_diff"),
    "vectors": ("vectors",),
    "report": ("triage_page",),
    "explain": ("explain", "rules"),
}
SHOWS = {"demo", "completion", "settings"}  # what they show comes from the others, or is of no use to a program


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_function(command: str) -> None:
    if command in SHOWS:
        return
    assert command in LIBRARY, f"no function of the library does what `kinfo {command}` does: add it, and its name here"
    for name in LIBRARY[command]:
        owner, _, method = name.rpartition(".")
        assert hasattr(getattr(kinfo, owner), method) if owner else name in kinfo.__all__, name
        assert owner in kinfo.__all__ or not owner


def test_no_function_is_missing_from_the_table() -> None:
    values = {name: getattr(kinfo, name) for name in kinfo.__all__}
    functions = {name for name, value in values.items() if callable(value) and not isinstance(value, type)}
    assert functions - {name for names in LIBRARY.values() for name in names} == {"open_kernel", "read_types"}
    assert LIBRARY.keys() | SHOWS == COMMANDS.keys()


def test_no_room_has_the_name_of_something_public() -> None:
    """`import kinfo.facts` would put the room in the function's place."""
    rooms = {path.relative_to(ROOT / "kinfo").parts[0].removesuffix(".py") for path in (ROOT / "kinfo").rglob("*.py")}
    assert "record" in rooms
    assert not rooms & set(kinfo.__all__)


@pytest.mark.parametrize("name", kinfo.__all__)
def test_every_name_is_documented(name: str) -> None:
    if name != "__version__":
        assert re.search(rf"^### kinfo\.{name}$", DOCUMENT, re.MULTILINE), "run `make generate`"
        assert len(getattr(kinfo, name).__doc__) > 20


def test_the_documents_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = doctest.testfile("../docs/api.md", package=sys.modules[__package__ or "tests"], verbose=False)
    assert done.attempted > 20
    assert done.failed == 0


CONSUMER = """
from pathlib import Path
import kinfo

record: kinfo.Examined = kinfo.decode(Path("dump.bin"))
count: int | None = record.number("num_syms")
for finding in record.findings:
    word: str = finding.severity.value + finding.code
names: list[str] = [name for name in record.fields]
compared: kinfo.Compared = kinfo.compare(record, "new.bin", ignore=["build_info"])
kinds: list[kinfo.Kind] = [one.kind for one in compared.comparison.differences]
with kinfo.open_kernel(["a@0x80000000"], kinfo=0x9E000000) as kernel:
    place: kinfo.Place | None = kernel.at(0xFFFF)
    found: tuple[kinfo.Lookup, ...] = kinfo.lookup(kernel, "schedule", 5)
    text: bytes = kinfo.symbolize(kernel, Path("log")).text + kinfo.symbol_file(kernel)
summary: kinfo.Summary = kinfo.info("ram.elf")
facts: kinfo.Facts = kinfo.facts(Path("vmlinux"))
built: kinfo.Built = kinfo.build(facts, "meminspect-v1", entries=kinfo.registered("table.yaml", "meminspect-v1"))
crossed: kinfo.Crossed = kinfo.crosscheck(facts, "v3", regions=kinfo.table("vmlinux"))
diff: kinfo.LayoutDiff = kinfo.layout_diff("C", kinfo.layout("D"))
rule: kinfo.Rule = kinfo.explain("checksum-mismatch")
states: list[str] = list(kinfo.update_baseline("golden", "a.bin").values())
outcomes: list[str] = [verdict.outcome for verdict in kinfo.verify_dt("board.dtb")]
options = kinfo.DtOptions(profile="v3", kernel=(6, 12), image=(Path("Image"), 0x80000000), dump=Path("a"), select=[1])
verdict: kinfo.Verdict = kinfo.verify_dt(Path("vendor_boot.img"), options)[0]
"""


def test_a_consumer_is_checked_with_the_librarys_types(tmp_path: Path) -> None:
    def checked(text: str) -> tuple[int, str]:
        (tmp_path / "consumer.py").write_text(text)
        words = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "--cache-dir"]
        words += [str(tmp_path / "cache"), "consumer.py"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    pytest.importorskip("mypy", reason="mypy is not installed")
    assert checked(CONSUMER) == (0, "Success: no issues found in 1 source file\n")
    code, said = checked(CONSUMER + "wrong: str = kinfo.decode(1.5).size\n")
    assert code == 1
    assert said.count("error:") == 2  # the argument and the answer: nothing is Any


def shown() -> list[tuple[str, str]]:
    record = kinfo.decode(PIXEL)
    other = kinfo.decode(kinfo.encode(make_fields("C", 1) | {"build_info": b"<b>&\x1b[2J"}, "C"))
    facts = kinfo.facts(CRASH)
    board = ROOT / "dts_examples" / "wrong" / "devicetree-ranges.dtb"
    compared = kinfo.compare(record, record)
    with kinfo.open_kernel(CRASH) as kernel:
        objects: list[Any] = [
            *(record, other, record.layout, record.fields, record.findings, record.findings[0], record.rivals[0]),
            *(record.weighed[0], kinfo.layout("C").fields[3], *kinfo.find(SAMPLES / "ram-6.12.bin")),
            *(kernel, kernel.memory, kernel.space, kernel.modules, kernel.record, kernel.at(0xFFFFFFC092621428)),
            *(kinfo.info(kernel), *kinfo.lookup(kernel, "vfs_read", "none"), kinfo.symbolize(kernel, b"x")),
            *(facts, kinfo.build(facts, "android"), kinfo.crosscheck(facts), kinfo.explain("record-bits")),
            *(compared, compared.comparison, compared.comparison.differences[0], kinfo.verify_dt(board)[0]),
            *(kinfo.layout_diff("C", "D"), kinfo.Policy(), kinfo.debug(CRASH, "gdb")),
            kernel.modules.all[0] if kernel.modules else None,
        ]
        return [(type(one).__name__, repr(one)) for one in objects]


SHOWN = shown()


@pytest.mark.parametrize(("name", "text"), SHOWN)
def test_what_a_person_meets_reads_as_one_line(name: str, text: str) -> None:
    assert text.startswith(f"<{name} ")
    assert text.isprintable()
    assert " object at 0x" not in text
    assert len(text) < 200


def test_notebooks_get_tables_in_which_nothing_is_markup() -> None:
    fields = make_fields("C", 1) | {"build_info": b'<script>&"x"\x1b[2J', "last_uts_release": "6.12.1<i>"}
    record = kinfo.decode(kinfo.encode(fields, "C"), layout="C")
    for html in (record._repr_html_(), record.findings._repr_html_(), record.findings[0]._repr_html_()):
        tags = set(re.findall(r"</?([^>]*)>", html))
        assert tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
        assert html.isprintable()
    assert "&lt;script&gt;&amp;&quot;x&quot;" in record._repr_html_()
    assert f"<td>num_syms</td><td>{fields['num_syms']}</td>" in record._repr_html_()
    with kinfo.open_kernel(CRASH) as kernel:
        assert kernel.record._repr_html_().startswith("<table>")


class TestSameAsTheCommands:
    """What a function says is what the command shows."""

    def test_info_and_lookup(self, kinfo_cli: Cli) -> None:
        summary = kinfo.info([str(CRASH)])
        assert summary.banner in kinfo_cli("info", CRASH).out
        found = kinfo.lookup(CRASH, 0xFFFFFFC092621428, "vfs_read+0x10", "0x1", "nothing")
        ran = kinfo_cli("lookup", CRASH, "0xffffffc092621428", "vfs_read+0x10", "0x1", "nothing")
        assert ran.code == 1
        for one in found:
            assert all(place.label in ran.out for place in one.places)
            assert one.places or f"{one.word}: {one.reason}\n" in ran.out

    def test_symbolize(self, kinfo_cli: Cli) -> None:
        log = SAMPLES / "crash-6.12.log"
        done = kinfo.symbolize(CRASH, log)
        assert done.text.decode() == kinfo_cli("symbolize", CRASH, "--log", log).out
        assert (done.contradictions, done.left) == ((), 0)
        other = b"Linux version 5.4.1 (a@b) (gcc) #1\npc ffffffc092621428\n"
        kept = kinfo.symbolize(CRASH, other)
        assert (kept.text, kept.left, len(kept.contradictions)) == (other, 1, 1)
        assert b"<sched_read+" in kinfo.symbolize(CRASH, other, force=True).text

    def test_core_and_symbol_file(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        ran = kinfo_cli("core", CRASH, "-o", tmp_path / "one")
        found = kinfo.core(CRASH, tmp_path / "two")
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
        assert all(one.code in ran.err for one in found)
        with pytest.raises(kinfo.KinfoError, match="exists already"):
            kinfo.core(CRASH, tmp_path / "two")
        kinfo.core(CRASH, tmp_path / "two", force=True)
        kinfo_cli("symbols", CRASH, "--modules", "-o", tmp_path / "elf")
        assert kinfo.symbol_file(CRASH, modules=True) == (tmp_path / "elf").read_bytes()

    def test_debug(self, kinfo_cli: Cli) -> None:
        assert kinfo.debug(CRASH, "drgn").shown == kinfo_cli("debug", CRASH, "--tool", "drgn").out
        with pytest.raises(UnknownNameError, match="no debugger is called 'gbd'; did you mean gdb"):
            kinfo.debug(CRASH, "gbd")

    def test_records_are_named_as_numbers_and_paths(self) -> None:
        with kinfo.open_kernel(CRASH) as kernel:
            place = kernel.record.address
        assert place is not None
        assert kinfo.info(CRASH, place).banner == kinfo.info(CRASH, hex(place)).banner
        assert kinfo.facts(CRASH, kinfo=place)["num_syms"] == 299

    def test_crosscheck(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        facts = kinfo.facts(CRASH)
        crossed = kinfo.crosscheck(facts)
        assert crossed.upstream.driver == "meminspect-v3"
        assert not crossed.is_refused
        assert crossed.is_refused is bool(kinfo_cli("crosscheck", CRASH).code)
        left = tmp_path / "left.bin"
        fields = kinfo.decode(crossed.downstream.data).fields
        left.write_bytes(kinfo.encode(fields | {"thread_size": 1}, "C"))
        assert kinfo.crosscheck(facts, "v1", dump=left).is_refused
        assert kinfo_cli("crosscheck", CRASH, "--upstream", "v1", "--dump", left).code == 1
        assert not kinfo.crosscheck(facts, "v1", dump=left, ignore=["thread_size"]).is_refused
        with pytest.raises(UnknownNameError, match="no posting is called 'v9'"):
            kinfo.crosscheck(facts, "v9")

    def test_tables(self, tmp_path: Path) -> None:
        listing = tmp_path / "table.yaml"
        listing.write_text("series: v1\nentries:\n- {id: 40, va: 0xffff800080000000, pa: 0x80000000, size: 8}\n")
        found = kinfo.table(listing)
        assert (len(found.entries), found.series.name) == (1, kinfo.table(str(listing), series="v1").series.name)
        assert found.source == str(listing)
        with pytest.raises(kinfo.KinfoError, match=r"is a table of .*, whose ids kmemdump-rfc-v2 does not know"):
            kinfo.registered(listing, "kmemdump-rfc-v2")
        assert [one.va for one in kinfo.registered(found, "meminspect-v1")] == [0xFFFF800080000000]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    fields = make_fields("C", 1)
    for folder, size in (("old", 0x4000), ("new", 0x8000)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.bin").write_bytes(kinfo.encode(fields | {"thread_size": size}, "C"))
        (tmp_path / folder / "b.bin").write_bytes(kinfo.encode(fields, "C"))
    (tmp_path / "new" / "b.bin").write_bytes(bytes(100))
    (tmp_path / "new" / "c.bin").write_bytes(kinfo.encode(fields, "C"))
    return tmp_path / "old", tmp_path / "new"


def test_records_are_compared_whatever_holds_them(folders: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = (folder / "a.bin" for folder in folders)
    for compared in (kinfo.compare(old, str(new)), kinfo.compare(kinfo.decode(old), kinfo.decode(new))):
        assert [one.code for one in compared.findings if one.severity is kinfo.Severity.ERROR] == ["compare-regression"]
    (tmp_path / "policy.yaml").write_text("fields: {thread_size: [regression]}\n")
    for policy in (tmp_path / "policy.yaml", {"fields": {"thread_size": ["regression"]}}):
        assert not kinfo.compare(old, new, policy=policy).is_refused
    with pytest.raises(kinfo.KinfoError, match="no layout has a field 'threadsize'; did you mean thread_size"):
        kinfo.compare(old, new, ignore=["threadsize"])
    (tmp_path / "erased").write_bytes(bytes(4096))
    with pytest.raises(kinfo.KinfoError, match="erased region"):
        kinfo.compare(old, tmp_path / "erased")
    assert kinfo.compare(old, old, exact=True).findings == ()


def test_folders_and_baselines(folders: tuple[Path, Path], tmp_path: Path) -> None:
    found = list(kinfo.compare_folders(*folders))
    outcomes = [one for one in found if isinstance(one, kinfo.PairOutcome)]
    assert [one.compared is not None for one in outcomes] == [True, False]
    assert "b.bin" in outcomes[1].problem
    assert [(one.name, one.finding.code) for one in found if isinstance(one, kinfo.Alone)] == [("c.bin", "compare-extra")]
    golden = tmp_path / "golden"
    assert kinfo.update_baseline(golden, folders[0]) == {"a.bin": "new", "b.bin": "new"}
    assert kinfo.update_baseline(golden, folders[1] / "a.bin") == {"a.bin": "changed: thread_size"}
    assert kinfo.update_baseline(golden, folders[1] / "a.bin") == {"a.bin": "same"}
    with pytest.raises(kinfo.KinfoError):
        kinfo.update_baseline(golden, folders[1] / "c.bin", folders[1] / "b.bin")
    assert not (golden / "c.bin").exists()
