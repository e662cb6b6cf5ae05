"""Pages of HTML: what is on them, that they stand alone, and that nothing out of a dump becomes markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.pages import draw, logs
from kinfo.pages.documents import Documents
from kinfo.pages.draw import DrawnMark, DrawnSpan, drawn, spread
from kinfo.pages.html import rendered
from kinfo.pages.kernels import _crash_facts
from kinfo.pages.places import MapPlace, MapPlaces, of_record
from kinfo.pages.surveys import surveyed
from kinfo.pages.triage import page
from kinfo.report.devicetree import document
from kinfo.report.survey import TITLES
from tests.conftest import ROOT, Cli
from tests.fdt import N, blob, board, texts
from tests.kernels.image import Spec
from tests.kernels.tasks import world
from tests.minidumps import make as region_set
from tests.pages_read import PageRead, read_page
from tests.synthetic import make_fields, noise
from tests.test_dmesg_cli import with_log

EXAMPLES = ROOT / "dts_examples"
HOSTILE = "<script>alert(1)</script>\"'&amp;</td></style>\u202e\x1b[31m\x00{{7*7}}{% raw %}"
SHOWN = "<script>alert(1)</script>\"'&amp;</td></style>\\xe2\\x80\\xae\\x1b[31m"


def page_of(cli: Cli, *words: str | Path, code: int = 0) -> PageRead:
    """The page that a command writes, read and checked."""
    ran = cli("report", *words, "-o", "-")
    assert ran.code == code, ran.err
    return sound(ran.out)


def sound(html: str) -> PageRead:
    read = read_page(html)
    assert len(read.ids) == len(set(read.ids))
    assert set(read.links) <= set(read.ids)
    style = html.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert read.policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "http" not in html.replace("http-equiv", "")
    return read


@pytest.fixture
def record_file(tmp_path: Path) -> Path:
    path = tmp_path / "region.bin"
    path.write_bytes(kinfo.encode(make_fields("A2", 1), "A2").ljust(4096, b"\0"))
    return path


@pytest.fixture
def tree_file(tmp_path: Path) -> Path:
    path = tmp_path / "board.dtb"
    path.write_bytes(blob(board("vendor,board")))
    return path


# What is on it


def test_a_kernel(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = world(running={0: 40})
    made.kernel.write_elf(tmp_path / "ram.elf")
    read = page_of(kinfo_cli, tmp_path / "ram.elf", code=1)
    assert read.by_name["h2"][:2] == ["What happened", "Findings"]
    assert {"Backtraces", "Tasks", "Memory", "Record", "Virtual addresses", "What is not there", "Next"} <= {
        *read.by_name["h2"]
    }
    assert f"{made.kernel.base:#x}" in read.text
    assert "kinfo backtrace" in read.text
    assert {str(pid) for pid in made.placed if pid >= 0} <= {*read.by_name["td"]}
    assert hashlib.sha256((tmp_path / "ram.elf").read_bytes()).hexdigest() in read.text


def test_a_log_of_the_dump_and_one_beside_it(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = with_log()
    kernel.write_elf(tmp_path / "ram.elf")
    symbol = kernel.symbols[40]
    (tmp_path / "uart.txt").write_text(f"boot loader\npc : {symbol.va + 4:016x}\nRAM at {kernel.record_pa:#x}\n")
    read = page_of(kinfo_cli, tmp_path / "ram.elf", "--log", tmp_path / "uart.txt")
    assert f"Log {tmp_path / 'uart.txt'}" in read.by_name["h2"]
    assert [pre.count(f"<{symbol.name}+0x4/") for pre in read.by_name["pre"]][:2] == [1, 1]
    assert "1 addresses in it have names" in read.text
    assert "message 2" in read.text
    assert sum(link.startswith("at-va-") for link in read.links) >= 2  # the address is in the image
    assert read.by_name["h1"] == ["no panic and no oops in the log"]


def test_a_record_and_a_board(record_file: Path, tree_file: Path, kinfo_cli: Cli) -> None:
    read = page_of(kinfo_cli, record_file, "--dtb", tree_file)
    fields = make_fields("A2", 1)
    assert all(name in read.text for name in fields)
    assert "Says that a record is here" in read.text
    assert "What each kernel does with it" in read.text
    assert "the kernel" in read.by_name["th"]
    assert read.by_name["header"][0].count("(A2)") == 1
    assert read.by_name["svg"]
    alone = page_of(kinfo_cli, tree_file)
    assert "Record" not in alone.by_name["h2"]
    assert alone.by_name["h1"] == read.by_name["h1"]


def test_region_files(tmp_path: Path, kinfo_cli: Cli) -> None:
    region_set().write(tmp_path / "md")
    read = page_of(kinfo_cli, tmp_path / "md", code=1)
    assert read.by_name["h1"] == ["what happened is not known: the kernel's log cannot be read"]
    assert "KERNELOFFSET" in read.by_name["th"]


@pytest.mark.parametrize("is_packed", [False, True])
def test_inputs_are_hashed_as_they_are(is_packed: bool, tmp_path: Path, kinfo_cli: Cli) -> None:
    data = kinfo.encode(make_fields("C", 3), "C").ljust(4096, b"\0")
    path = tmp_path / "region.bin"
    path.write_bytes(gzip.compress(data, mtime=0) if is_packed else data)
    read = page_of(kinfo_cli, path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() in read.text
    assert f"{path.stat().st_size:,}" in read.text


def test_the_verdict(tmp_path: Path, record_file: Path, kinfo_cli: Cli) -> None:
    whole = bytearray(record_file.read_bytes())
    assert "nothing is wrong" in page_of(kinfo_cli, record_file).by_name["h1"][0]
    whole[40] ^= 0x10
    broken = tmp_path / "broken.bin"
    broken.write_bytes(whole)
    read = page_of(kinfo_cli, broken, code=1)
    assert re.fullmatch(r"\d+ errors?", read.by_name["h1"][0])
    assert "kinfo explain" in read.text
    lost = tmp_path / "lost.dtb"
    lost.write_bytes(
        blob(board("vendor,board", N("memory@0", {"device_type": texts("cpu")}))).replace(b"memory\0", b"cpumem\0")
    )
    assert page_of(kinfo_cli, lost, code=1).by_name["h1"] == ["the devicetree does not give the driver its memory"]


def test_a_board_without_a_node_is_not_called_sound(tmp_path: Path, record_file: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "board.dtb"
    path.write_bytes(blob(board("vendor,board", kinfo=False)))
    assert page_of(kinfo_cli, path, code=1).by_name["h1"] == ["the devicetree has no kinfo node"]
    assert page_of(kinfo_cli, record_file, "--dtb", path).by_name["h1"] == ["nothing is wrong with what was read; 1 warning"]


def test_an_undecided_board_is_not_called_sound() -> None:
    verdict = kinfo.verify_dt(EXAMPLES / "right" / "v3.dtb")[0]
    (tree,) = document([verdict])["trees"]
    shown = page(Documents("board", trees=[tree | {"outcome": "undecided"}]))
    assert (shown.level, "could not be decided" in shown.verdict) == ("unknown", True)


# Hostile


def test_texts_of_a_record_are_texts(tmp_path: Path, kinfo_cli: Cli) -> None:
    fields = make_fields("C", 2) | {"build_info": HOSTILE.encode(), "last_uts_release": b"6.12<b>"}
    path = tmp_path / "<img src=x onerror=alert(1)>.bin"
    path.write_bytes(kinfo.encode(fields, "C").ljust(4096, b"\0"))
    read = page_of(kinfo_cli, path, code=kinfo_cli("decode", path).code)
    assert "<script>alert(1)</script>" in read.text
    assert "6.12<b>" in read.text
    assert "49" not in read.by_name["dd"]


def test_messages_of_a_kernel_are_texts(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = with_log(text=HOSTILE.replace("\x00", "").encode())
    kernel.write_elf(tmp_path / "ram.elf")
    log = tmp_path / "uart.txt"
    log.write_bytes(HOSTILE.encode() + b"\n\xff\xfe" + b"A" * 10_000 + b"\n")
    read = page_of(kinfo_cli, tmp_path / "ram.elf", "--log", log)
    assert any(SHOWN in pre for pre in read.by_name["pre"])
    assert all("A" * 4097 not in pre for pre in read.by_name["pre"])


def test_names_of_nodes_are_texts(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "board.dtb"
    path.write_bytes(blob(board("<svg/onload=alert(1)>", N("x", {"compatible": texts("</table><a href=//evil>")}))))
    read = page_of(kinfo_cli, path, code=kinfo_cli("verify-dt", "--no-schema", path).code)
    assert "<svg/onload=alert(1)>" in read.text


def test_tabs_are_room() -> None:
    (line,) = logs.of_text(["a\tb"], MapPlaces([])).shown
    assert [one.text for one in line.pieces] == ["a       b"]
    (line,) = logs.of_kernel([{"level": "info", "time_ns": 0, "text": "\tb"}], MapPlaces([])).shown
    assert "".join(one.text for one in line.pieces) == "[    0.000000]         b"


@given(st.text(max_size=200))
def test_any_line_of_a_log_becomes_its_text(text: str) -> None:
    pieces = list(logs.pieces(text, MapPlaces([MapPlace("PA", 0, 1 << 60, "all", "image", "image", "")])))
    assert "".join(one.text for one in pieces) == text


# Where things are


@given(st.lists(st.floats(0, 2000), max_size=60).map(sorted))
def test_labels_keep_their_order_and_their_distance(wanted: list[float]) -> None:
    found = spread(wanted, 15.0, 14.0)
    assert len(found) == len(wanted)
    assert all(after - before >= 15.0 - 1e-6 for before, after in pairwise(found))
    assert all(place >= 14.0 for place in found)


def test_labels_stand_where_they_are_wanted() -> None:
    assert spread([20.0, 100.0, 200.0], 15.0, 14.0) == [20.0, 100.0, 200.0]
    assert spread([100.0, 100.0], 20.0, 14.0) == [90.0, 110.0]
    assert spread([0.0, 0.0], 20.0, 14.0) == [14.0, 34.0]


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(1, 1 << 33)), min_size=1, max_size=30))
def test_leaders_do_not_cross(given_: list[tuple[int, int]]) -> None:
    spans = [DrawnSpan(at, at + size, "x", "ram", number % 3, "a") for number, (at, size) in enumerate(given_)]
    marks = [DrawnMark(at + size // 2, "y", "kinfo", "b") for at, size in given_]
    made = drawn(spans, marks)
    ends = [[float(point.split(",")[1]) for point in one.leader.split()] for one in made.labels]
    for before, after in pairwise(ends):
        assert before[1] <= after[1]  # where a leader leaves the columns
        assert before[2] < after[2]  # where it arrives
    assert all(one.y <= made.height for one in made.labels)
    assert all(box.x >= 0 and box.x + box.width < made.width and box.height > 0 for box in made.boxes)


def test_columns_stand_side_by_side() -> None:
    made = drawn([DrawnSpan(0, 4096, "a", "ram", 0, "a"), DrawnSpan(0, 4096, "b", "image", 1, "b")], [])
    assert made.boxes[0].x + made.boxes[0].width < made.boxes[1].x
    assert drawn([], []).labels == ()
    assert draw.drawn([], [DrawnMark(5, "m", "kinfo", "m")]).labels[0].text == "0x5  m"


def test_the_smallest_place_is_linked() -> None:
    places = MapPlaces(
        [
            MapPlace("PA", 0x1000, 0x9000, "outer", "image", "image", ""),
            MapPlace("PA", 0x2000, 0x3000, "inner", "text", "parts", ""),
            MapPlace("PA", 0x2000, 0x3000, "inner too", "text", "parts", ""),
            MapPlace("PA", 0, 0x100000, "RAM", "ram", "dump", ""),
        ]
    )
    assert places.anchor(0x2800) == "at-pa-2000-3000-text"
    assert places.anchor(0x3000) == "at-pa-1000-9000-image"
    assert places.anchor(0x9000) == ""
    assert next(one.name for one in places.all if one.kind == "text") == "inner, inner too"
    assert places.of_code("") == "at-pa-2000-3000-text"
    assert places.of_code("nosuch") == ""


@pytest.mark.parametrize("alias", ["A0", "A2", "C", "V1"])
def test_places_of_a_record(alias: str) -> None:
    """Every pointer of a layout is on the map, in the space that the layout counts in."""
    data = kinfo.encode(make_fields(alias, 5), alias)
    from kinfo.report.document import record_data

    record: dict[str, Any] = record_data(kinfo.decode(data))
    places = {one.start for one in of_record(record)}
    wanted = {
        name: int(str(value), 16) for name, value in record["fields"].items() if name.endswith(("names_pa", "names_va"))
    }
    assert all(value in places for value in wanted.values() if value)


# Other commands


def test_compare_as_a_page(tmp_path: Path, record_file: Path, kinfo_cli: Cli) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(kinfo.encode(make_fields("A2", 1) | {"num_syms": 5}, "A2"))
    ran = kinfo_cli("compare", record_file, other, "--format", "html")
    read = sound(ran.out)
    assert ran.code == 1
    assert "num_syms" in read.text
    assert read.by_name["h1"] == ["the records differ where they should not"]
    same = sound(kinfo_cli("compare", record_file, record_file, "--format", "html").out)
    assert same.by_name["h1"] == ["nothing differs that should not"]


def test_compared_folders_as_a_page(tmp_path: Path, kinfo_cli: Cli) -> None:
    for folder, names in (("old", "abc"), ("new", "ab")):
        (tmp_path / folder).mkdir()
        for seed, name in enumerate(names):
            fields = make_fields("A2", seed) | ({"num_syms": 7} if (folder, name) == ("new", "b") else {})
            (tmp_path / folder / f"{name}.bin").write_bytes(kinfo.encode(fields, "A2"))
    read = sound(kinfo_cli("compare", tmp_path / "old", tmp_path / "new", "--format", "html").out)
    assert read.by_name["h1"] == ["1 of 2 pairs differ where they should not; 1 without a partner"]
    assert "b.bin" in read.by_name["h2"][0]  # what differs comes first
    assert "Without a partner" in read.by_name["h2"]


def test_decode_and_verify_dt_as_pages(record_file: Path, tree_file: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    assert "Record" in sound(kinfo_cli("decode", record_file, "--format", "html").out).by_name["h2"]
    other = tmp_path / "other.dtb"
    other.write_bytes(blob(board("other,board")))
    read = sound(kinfo_cli("verify-dt", "--no-schema", tree_file, other, "--format", "html").out)
    assert [title for title in read.by_name["h2"] if title.startswith("Board")] != []
    assert "svg" not in read.by_name  # two boards have no memory in common


# A survey's table


def survey_page(cli: Cli, folder: Path, *words: str | Path) -> PageRead:
    """The page of a table of a folder's files; everything that it says is in its JSON too."""
    table = folder.parent / f"{folder.name}.csv"
    cli("survey", folder, "-o", table, "--force")
    ran = cli("survey", "--report", table, "--format", "html", *words)
    assert ran.code == 0
    return sound(ran.out)


def test_a_survey_as_a_page(tmp_path: Path, kinfo_cli: Cli) -> None:
    fields = make_fields("C", 1)
    fleet = {f"{at}.bin": fields for at in range(3)}
    fleet |= {"stack.bin": fields | {"thread_size": 0x8000}, HOSTILE.partition("/")[0]: make_fields("A2", 1)}
    fleet["release.bin"] = make_fields("C", 2) | {"last_uts_release": b"6.12.38-" + HOSTILE.partition("\0")[0].encode()[:50]}
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    for name, one in fleet.items():
        alias = "A2" if one == make_fields("A2", 1) else "C"
        (tmp_path / "new" / name).write_bytes(kinfo.encode(one, alias).ljust(4096, b"\0"))
    (tmp_path / "old" / "0.bin").write_bytes((tmp_path / "new" / "0.bin").read_bytes())
    (tmp_path / "new" / "none.bin").write_bytes(b"nothing" * 99)
    (tmp_path / "new" / "gone.bin").symlink_to("nowhere")
    survey_page(kinfo_cli, tmp_path / "old")
    read = survey_page(kinfo_cli, tmp_path / "new", "--since", tmp_path / "old.csv")
    (title,) = read.by_name["h1"]
    assert title.startswith("6 records; 1 file that could not be read; ")
    assert "; 1 contradicts its release; 1 file without a record" in title
    assert read.by_name["p"][0] == "Trouble"
    first = ["Findings", "Outliers", "New", "Rows", "Layouts and checksums", "Kernels", "Writers"]
    assert read.by_name["h2"][: len(first)] == first
    counted = set(read.by_name["tr"])  # a row's cells, one behind the other
    assert {"C5", "A21", "valid6", "files without a record1", "thread_size1", "new records3 by their SHA-256"} <= counted
    assert any(row.endswith("thread_size0x80000x4000") for row in counted)
    assert "<script>alert(1)<" in read.text
    assert f"kinfo decode {tmp_path / 'new' / 'stack.bin'} --offset 0x0" in read.by_name["code"]
    assert f"kinfo survey SOURCE... -o {tmp_path / 'new.csv'} --append" in read.by_name["code"]


def test_verdicts_of_surveys(tmp_path: Path, kinfo_cli: Cli) -> None:
    (tmp_path / "in").mkdir()
    sound_one = kinfo.encode(make_fields("C", 1), "C").ljust(4096, b"\0")
    (tmp_path / "in" / "none.bin").write_bytes(b"nothing" * 99)
    read = survey_page(kinfo_cli, tmp_path / "in")
    assert (read.by_name["p"][0], read.by_name["h1"]) == ("Not known", ["no record; 1 file without a record"])
    assert "Findings" not in read.by_name["h2"]
    (tmp_path / "in" / "a.bin").write_bytes(sound_one)
    read = survey_page(kinfo_cli, tmp_path / "in")
    assert (read.by_name["p"][0], read.by_name["h1"]) == ("Warnings", ["1 record; 1 file without a record"])
    (tmp_path / "in" / "none.bin").unlink()
    read = survey_page(kinfo_cli, tmp_path / "in", "--since", tmp_path / "in.csv")
    assert (read.by_name["p"][0], read.by_name["h1"]) == ("Sound", ["1 record: nothing is wrong"])
    assert "No layout, release, writer, device or finding is new." in read.by_name["p"]
    damaged = bytearray(sound_one)
    damaged[100] ^= 8
    (tmp_path / "in" / "b.bin").write_bytes(damaged)
    read = survey_page(kinfo_cli, tmp_path / "in")
    assert (read.by_name["p"][0], read.by_name["h1"]) == ("Trouble", ["2 records; 1 has errors"])


def test_a_page_of_a_big_fleet_says_what_it_leaves_out() -> None:
    releases = {f"6.12.{at}": 100_000 - at for at in range(5000)}
    counts = {**{name: {} for name in TITLES}, "releases": releases, "layouts": {"C": 10**9}}
    outlier = {"source": "a b.bin", "offset": 0, "release": "6.12.1", "state": "valid"}
    outliers = [{**outlier, "fields": {"thread_size": {"here": 1, "others": None}}}] * 1000
    found = {"table": "t.csv", "rows": 10**9, "distinct": 10**9, "kinds": {"record": 10**9}, "counts": counts, "new": {}}
    found |= {"outlier_count": 4000, "outliers": outliers, "since": None, "new_records": 0}
    html = rendered(surveyed(found, TITLES, "0"))
    read = sound(html)
    assert "And 4,970 more: --format json has all." in read.by_name["p"]
    assert "And 3,800 more records: --format json has up to 1,000." in read.by_name["p"]
    assert "kinfo decode 'a b.bin' --offset 0x0" in read.by_name["code"]
    assert len(html) < 200_000
    bars = [float(width) for width in re.findall(r'<rect class="bar "? width="([0-9.]+)"', html)]
    assert all(0.5 <= one <= 100 for one in bars)


# Refusals


def test_refusals(tmp_path: Path, record_file: Path, kinfo_cli: Cli) -> None:
    out = tmp_path / "page.html"
    nothing = tmp_path / "nothing.bin"
    nothing.write_bytes(noise(4096, 1))
    for words, message in (
        ((tmp_path / "nosuch",), "No such file"),
        ((nothing,), "nothing.bin"),
        ((record_file, "--log", tmp_path / "nolog"), "nolog: cannot read: No such file or directory"),
        ((record_file, "--dtb", tmp_path / "no.dtb"), "no.dtb"),
    ):
        ran = kinfo_cli("report", *words, "-o", out)
        assert (ran.code, ran.out, out.exists()) == (2, "", False), ran.err
        assert message in ran.err
        assert ran.err.count("\n") == 1
    out.write_text("mine")
    ran = kinfo_cli("report", record_file, "-o", out)
    assert (ran.code, out.read_text()) == (2, "mine")
    assert "--force" in ran.err
    ran = kinfo_cli("report", record_file, "-o", out, "--force")
    assert ran.code == 0
    assert ran.err == f"kinfo: {out}: nothing is wrong with what was read; open it in any browser\n"
    sound(out.read_text())


def test_the_library(record_file: Path) -> None:
    made = kinfo.triage_page(record_file)
    assert made.findings == ()
    assert "nothing is wrong" in repr(made)
    sound(made.html)
    assert json.dumps(made.findings) == "[]"


def test_a_real_crash(real_samples: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("report", real_samples / "crash-6.18" / "crash.elf.zst", "-o", "-")
    read = sound(ran.out)
    assert ran.code == 0
    assert read.by_name["h1"] == ["Kernel panic - not syncing: sysrq triggered crash"]
    chain = next(details for details in read.by_name["details"] if "which panicked" in details)
    assert chain.index("sysrq_handle_crash+") < chain.index("vfs_write+") < chain.index("el0t_64_sync+")
    without_logs = re.sub(r"<pre>.*?</pre>", "", ran.out, flags=re.DOTALL)
    assert len(without_logs) < 200_000


def test_what_cannot_be_had_is_named(tmp_path: Path, kinfo_cli: Cli) -> None:
    """Without ORC and frame pointers nothing leads through a stack of x86-64."""
    made = world(Spec(arch="x86"), running={1: 40})
    made.kernel.write_elf(tmp_path / "ram.elf")
    read = sound(kinfo_cli("report", tmp_path / "ram.elf", "-o", "-").out)
    assert "Backtraces" not in read.by_name["h2"]
    assert {"backtraces", "the kernel's log", "the board"} <= {*read.by_name["th"]}


def test_times_are_those_of_the_log() -> None:
    """dmesg cuts what is behind microseconds off: a page that rounds has another time than the log below it."""
    event = {"text": "Kernel panic", "time_ns": 48_802_352_999}
    crash = {"panic": event, "oops": [event], "pc": None, "lr": None, "hardware": None}
    facts = list(_crash_facts({"crash": crash, "trouble": [event]}))
    assert [fact.note for fact in facts] == ["at 48.802352 s"] * 3
