"""`kinfo verify-dt`: exit codes, messages, formats, choosing, many files, overlays."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

import kinfo
from tests.conftest import ROOT, Cli
from tests.fdt import Entry, N, blob, board, cells, dt_table, texts
from tests.synthetic import make_fields

NO_KINFO = blob(board("example,none", kinfo=False))
SOUND = blob(board())
BROKEN = blob(board())[:-1] + b"\0"


def small() -> bytes:
    """A board whose region is too small: an error."""
    root = board("example,small")
    region = N("debug-kinfo@4e000000", {"reg": cells(0, 0x4E000000, 0x100), "no-map": b"", "phandle": cells(1)})
    children = [child._replace(children=[region]) if child.name == "reserved-memory" else child for child in root.children]
    return blob(N("", root.properties, children))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    contents = {
        "sound.dtb": SOUND,
        "none.dtb": NO_KINFO,
        "small.dtb": small(),
        "cut.dtb": SOUND[:-8],
        "dtbo.img": dt_table([Entry(SOUND, 1), Entry(NO_KINFO, 2), Entry(small(), 3)]),
        "half.img": dt_table([Entry(SOUND, 1), Entry(SOUND[:-8], 2)]),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_sound_is_0(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("verify-dt", files / "sound.dtb")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "sound.dtb (example,board): sound\n"
        "  memory        held at 0x4e000000-0x4e00ffff, no-map [on 5.10 to 6.12]\n"
        "  driver        works: a device is made, finds the region, and the region has room [on 5.10 to 6.12]\n"
        "  profile       downstream: device node with memory-region (Android; all that ships)\n"
        "                /debug-kinfo is a device node with the compatible google,debug-kinfo\n"
        "  kinfo node    /debug-kinfo\n"
        "  region        /reserved-memory/debug-kinfo@4e000000\n"
        "  asked for     0x4e000000-0x4e00ffff (64 KiB), static, no-map\n"
        "  mapped by     Pixel's debug-snapshot\n"
        "\n"
        "Memory map\n"
        "  0x000040000000 +----------------+ RAM, 1 GiB\n"
        "  0x00004e000000 |################| debug-kinfo@4e000000, 64 KiB  <- kinfo\n"
        "  0x000080000000 +----------------+\n"
    )


def test_an_error_is_1(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("verify-dt", files / "small.dtb")
    assert ran.code == 1
    assert ran.out.startswith("small.dtb (example,small): not sound: 2 errors, 1 warning\n")
    assert "  error   devicetree-too-small  Android's driver refuses it with -EINVAL" in ran.out
    message = "/reserved-memory/debug-kinfo@4e000000: reg: 256 bytes, where debug-kinfo-2020 (A0) has 452"
    assert f"          why:    {message}\n" in ran.out
    assert "          reg = <0x0 0x4e000000 0x100>;\n" in ran.out


def test_no_kinfo_node_is_its_own_outcome(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("verify-dt", files / "none.dtb")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("none.dtb (example,none): no kinfo node\n")
    assert "          why:    /: no node is compatible with google,debug-kinfo" in ran.out
    assert "--overlay" in ran.out
    assert kinfo_cli("verify-dt", files / "none.dtb", "--if-present").code == 0
    required = kinfo_cli("verify-dt", files / "none.dtb", "--require")
    assert (required.code, "  error   devicetree-no-node" in required.out) == (1, True)


def test_one_tree_of_a_file_suffices_unless_all_are_required(kinfo_cli: Cli, files: Path) -> None:
    (files / "two.img").write_bytes(dt_table([Entry(SOUND), Entry(NO_KINFO)]))
    assert kinfo_cli("verify-dt", files / "two.img").code == 0
    assert kinfo_cli("verify-dt", files / "two.img", "--require").code == 1
    assert kinfo_cli("verify-dt", files / "sound.dtb", files / "none.dtb").code == 1


def test_strict_counts_warnings(kinfo_cli: Cli) -> None:
    path = ROOT / "dts_examples" / "right" / "v3.dtb"
    assert kinfo_cli("verify-dt", path, "--no-schema").code == 0
    assert kinfo_cli("verify-dt", path, "--no-schema", "--strict").code == 1


def test_what_cannot_be_read_is_2(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("verify-dt", files / "cut.dtb")
    assert (ran.code, ran.out) == (2, "")
    size = len(SOUND)
    assert ran.err == (
        f"kinfo: {files}/cut.dtb: not a sound devicetree blob: the header has {size} bytes, the file {size - 8}; "
        "it is cut off: get it again\n"
    )
    gone = kinfo_cli("verify-dt", files / "gone.dtb")
    assert (gone.code, gone.err) == (
        2,
        f"kinfo: {files}/gone.dtb: No such file or directory; check the path and its permissions\n",
    )


def test_one_unreadable_file_does_not_hide_the_others(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli(
        "verify-dt", "--no-schema", files / "sound.dtb", files / "cut.dtb", files / "small.dtb", files / "none.dtb"
    )
    assert ran.code == 2
    assert ran.out.startswith("sound.dtb (example,board): sound\nsmall.dtb (example,small): not sound: 2 errors, 1 warning\n")
    assert ran.out.endswith("none.dtb (example,none): no kinfo node\n3 trees: 1 broken, 1 sound, 1 without a kinfo node\n")
    assert "cut.dtb: not a sound devicetree blob" in ran.err


def test_a_broken_tree_in_an_image(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("verify-dt", "--no-schema", files / "half.img")
    assert (ran.code, ran.out.splitlines()[0]) == (2, "half.img#1 (example,board): sound")
    assert ran.err.startswith("kinfo: half.img#2 (DT table v0 entry 2 (id 0x2, rev 0x0)): not a sound devicetree blob")
    listed = kinfo_cli("verify-dt", "--list", files / "half.img")
    assert (listed.code, "half.img#2" in listed.err) == (2, True)


def test_list_and_select(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("verify-dt", "--list", files / "dtbo.img", files / "sound.dtb")
    rows = [re.split(r"  +", line) for line in ran.out.splitlines()]
    assert ran.code == 0
    assert [row[0] for row in rows] == [
        "dtbo.img#1 (example,board)",
        "dtbo.img#2 (example,none)",
        "dtbo.img#3 (example,small)",
        "sound.dtb (example,board)",
    ]
    assert [row[-2] for row in rows[:3]] == ["1 kinfo", "0 kinfo", "1 kinfo"]
    assert rows[1][-1] == "DT table v0 entry 2 (id 0x2, rev 0x0)"
    assert kinfo_cli("verify-dt", files / "dtbo.img", "--select", "1", "--no-schema").code == 0
    assert kinfo_cli("verify-dt", files / "sound.dtb", "--select", "1", "--no-schema").code == 0
    assert kinfo_cli("verify-dt", files / "dtbo.img", "--select", "small", "--no-schema").code == 1
    missed = kinfo_cli("verify-dt", files / "dtbo.img", "--select", "9")
    assert (missed.code, missed.err) == (
        2,
        f"kinfo: {files}/dtbo.img: no tree fits --select 9; see `kinfo verify-dt --list`\n",
    )
    assert kinfo_cli("verify-dt", "--list", files / "gone").code == 2


def overlay() -> bytes:
    region = N("mem@4e100000", {"reg": cells(0, 0x4E100000, 0x10000), "no-map": b"", "phandle": cells(1)})
    node = N("debug-kinfo", {"compatible": texts("google,debug-kinfo"), "memory-region": cells(1)})
    local = N(
        "__local_fixups__", {}, [N("fragment@1", {}, [N("__overlay__", {}, [N("debug-kinfo", {"memory-region": cells(0)})])])]
    )
    return blob(
        N(
            "",
            {},
            [
                N("fragment@0", {"target-path": texts("/reserved-memory")}, [N("__overlay__", {}, [region])]),
                N("fragment@1", {"target-path": texts("/")}, [N("__overlay__", {}, [node])]),
                local,
            ],
        )
    )


def test_overlays_are_applied(kinfo_cli: Cli, files: Path) -> None:
    (files / "k.dtbo").write_bytes(overlay())
    (files / "all.img").write_bytes(dt_table([Entry(SOUND), Entry(overlay(), 2)]))
    for name in ("k.dtbo", "all.img#2"):
        ran = kinfo_cli("verify-dt", files / "none.dtb", "--overlay", files / name)
        assert ran.code == 0
        assert f"  inside        + {os.path.basename(name)}\n" in ran.out
        assert "0x4e100000-0x4e10ffff (64 KiB), static, no-map" in ran.out
    alone = kinfo_cli("verify-dt", files / "k.dtbo")
    assert (alone.code, "devicetree-partial" in alone.out) == (0, True)


def test_overlays_that_do_not_fit(kinfo_cli: Cli, files: Path) -> None:
    (files / "k.dtbo").write_bytes(overlay())
    (files / "bad.dtbo").write_bytes(blob(N("", {}, [N("fragment@0", {"target-path": texts("/x")}, [N("__overlay__")])])))

    def message(*arguments: str | Path) -> str:
        ran = kinfo_cli("verify-dt", *arguments)
        assert (ran.code, ran.out) == (2, "")
        return ran.err.replace(f"{files}/", "").removeprefix("kinfo: ").rstrip("\n")

    assert (
        message(files / "none.dtb", "--overlay", files / "sound.dtb")
        == "sound.dtb: is a whole tree, not an overlay; name it as the file to check"
    )
    assert (
        message(files / "k.dtbo", "--overlay", files / "k.dtbo")
        == "k.dtbo: is an overlay itself; name the base tree first, and this with --overlay"
    )
    assert (
        message(files / "none.dtb", "--overlay", files / "dtbo.img")
        == "dtbo.img: holds 3 trees; pick one: --overlay dtbo.img#1 (`kinfo verify-dt --list dtbo.img`)"
    )
    hint = "compile the base with dtc -@, or name the right base"
    wanted = f"bad.dtbo: fragment@0 has the target '/x', which is not in the base; {hint}"
    assert message(files / "none.dtb", "--overlay", files / "bad.dtbo") == wanted
    assert message(files / "none.dtb", "--overlay", files / "half.img#2").startswith(
        "half.img#2 (DT table v0 entry 2 (id 0x2, rev 0x0)): not a sound"
    )


def test_a_dump_is_held_against_the_tree(kinfo_cli: Cli, files: Path) -> None:
    (files / "region.bin").write_bytes(kinfo.encode(make_fields("C", 1), "C").ljust(4096, b"\0"))
    region = files / "region.bin"
    fine = kinfo_cli("verify-dt", "--no-schema", files / "sound.dtb", "--dump", f"{region}@0x4e000000")
    assert (fine.code, "region.bin has it at 0x4e000000" in fine.out) == (0, True)
    wrong = kinfo_cli("verify-dt", "--no-schema", files / "sound.dtb", "--dump", f"{region}@0x4f000000")
    assert (wrong.code, "devicetree-dump-address" in wrong.out) == (1, True)
    nothing = kinfo_cli("verify-dt", files / "sound.dtb", "--dump", files / "none.dtb")
    assert (nothing.code, "none.dtb: no record in" in nothing.err) == (2, True)
    several = kinfo_cli("verify-dt", files / "sound.dtb", "--dump", "a@0,b@0x1000")
    assert (several.code, several.err) == (2, "kinfo: a@0,b@0x1000: is several files; name the one that holds the record\n")


def test_the_log_is_read(kinfo_cli: Cli, files: Path) -> None:
    (files / "log").write_text(
        "[0.0] OF: reserved mem: 0x4e000000..0x4e000fff (4 KiB) nomap non-reusable debug_kinfo_region\n"
    )
    board_ = ROOT / "dts_examples" / "right" / "qualcomm-like.dtb"
    ran = kinfo_cli("verify-dt", "--no-schema", board_, "--dmesg", files / "log")
    assert (ran.code, "it lies at 0x4e000000-0x4e000fff (4 KiB)" in ran.out) == (0, True)
    (files / "log").write_text("nothing\n")
    empty = kinfo_cli("verify-dt", "--no-schema", board_, "--dmesg", files / "log")
    assert (
        empty.err
        == f'kinfo: {files}/log: has no line "OF: reserved mem: ..."; give the log from the boot\'s first lines on\n'
    )
    gone = kinfo_cli("verify-dt", board_, "--dmesg", files / "gone")
    assert (gone.code, gone.err) == (
        2,
        f"kinfo: {files}/gone: cannot read: No such file or directory; check the name and its permissions\n",
    )


USAGE = {
    "both": (["--require", "--if-present"], "--require and --if-present exclude each other"),
    "schema": (["--require-schema", "--no-schema"], "--require-schema and --no-schema exclude each other"),
    "profile": (["--profile", "v7"], "no profile is called 'v7'; choose one of: downstream, v1, v2, v3"),
    "layout": (["--layout", "nonsense"], "no layout is called 'nonsense'; choose one of:"),
    "kernel": (["--kernel", "new"], "--kernel 'new' does not begin with a version: write 6.1 or 6.1.99-android14"),
    "image": (["--image", "0x80000000"], "--image '0x80000000' is no address and size: write 0x80000000+0x2000000"),
    "page": (["--page-size", "8192"], "Invalid value for '--page-size': '8192' is not one of '4096', '16384', '65536'"),
    "stdin": (["-", "-"], "- can be named once"),
}


@pytest.mark.parametrize("name", USAGE)
def test_usage(name: str, kinfo_cli: Cli, files: Path) -> None:
    arguments, message = USAGE[name]
    ran = kinfo_cli("verify-dt", *([] if name == "stdin" else [files / "sound.dtb"]), *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"kinfo: {message}")


def test_options_reach_the_rules(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli(
        *("verify-dt", "--no-schema", files / "sound.dtb", "--layout", "A2", "--page-size", "65536"),
        *("--kernel", "5.10.1-android13", "--image", "0x4d000000+0x2000000"),
    )
    assert (ran.code, "devicetree-overlap-image" in ran.out) == (1, True)
    assert "kernel image, 32 MiB" in ran.out


def test_json_keeps_its_schema(kinfo_cli: Cli, files: Path) -> None:
    ran = kinfo_cli("verify-dt", "--format", "json", files / "small.dtb", files / "none.dtb")
    data = json.loads(ran.out)
    schema = json.loads((ROOT / "docs" / "verify-dt.schema.json").read_text())
    jsonschema.validate(data, schema)
    assert [tree["outcome"] for tree in data["trees"]] == ["broken", "none"]
    first = next(one for one in data["trees"][0]["findings"] if one["code"] == "devicetree-too-small")
    assert (first["node"], first["property"]) == ("/reserved-memory/debug-kinfo@4e000000", "reg")
    assert first["value"] == "reg = <0x0 0x4e000000 0x100>;"
    assert yaml.safe_load(kinfo_cli("verify-dt", "--format", "yaml", files / "small.dtb", files / "none.dtb").out) == data


def test_formats_for_ci(kinfo_cli: Cli, files: Path) -> None:
    sarif = json.loads(kinfo_cli("verify-dt", "--no-schema", "--format", "sarif", files / "small.dtb").out)
    result = sarif["runs"][0]["results"][0]
    assert result["ruleId"].startswith("devicetree-")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}
    junit = ET.fromstring(kinfo_cli("verify-dt", "--no-schema", "--format", "junit", files / "small.dtb").out)
    assert [suite.get("name") for suite in junit] == [f"{files}/small.dtb"]
    github = kinfo_cli("verify-dt", "--no-schema", "--format", "github", files / "small.dtb").out
    assert github.startswith(f"::error file={files}/small.dtb,title=devicetree-")
    assert "at 0x" not in github.splitlines()[0].partition("::/")[0]


@pytest.fixture
def unfinished(monkeypatch: pytest.MonkeyPatch) -> None:
    """dt-validate fails, whatever the tree."""
    monkeypatch.setattr("kinfo.dt.schema._VALIDATE", "raise SystemExit('no reason')")


@pytest.mark.usefixtures("unfinished")
class TestTheSchemaCheckDoesNotFinish:
    def test_undecided_is_2(self, kinfo_cli: Cli, files: Path) -> None:
        ran = kinfo_cli("verify-dt", files / "sound.dtb")
        assert (ran.code, ran.out.splitlines()[0]) == (2, "sound.dtb (example,board): undecided: 1 warning")
        assert "\n  warning devicetree-schema-failed  " in ran.out
        assert "why:    /: dt-validate failed: no reason\n" in ran.out
        assert kinfo_cli("verify-dt", "--strict", files / "sound.dtb").code == 2
        assert kinfo_cli("verify-dt", "--no-schema", files / "sound.dtb").code == 0

    def test_an_error_of_the_rules_is_1_all_the_same(self, kinfo_cli: Cli, files: Path) -> None:
        ran = kinfo_cli("verify-dt", files / "small.dtb")
        assert (ran.code, ran.out.splitlines()[0]) == (1, "small.dtb (example,small): not sound: 2 errors, 2 warnings")
        assert kinfo_cli("verify-dt", files / "sound.dtb", files / "small.dtb").code == 1

    def test_a_tree_that_it_does_not_bear_on(self, kinfo_cli: Cli, files: Path) -> None:
        assert kinfo_cli("verify-dt", "--if-present", files / "none.dtb").code == 0

    def test_several_files(self, kinfo_cli: Cli, files: Path) -> None:
        ran = kinfo_cli("verify-dt", files / "sound.dtb", files / "none.dtb", "--if-present")
        assert (ran.code, ran.out.splitlines()[-1]) == (2, "2 trees: 0 broken, 0 sound, 1 without a kinfo node, 1 undecided")
        assert "devicetree-schema-failed" in ran.out

    def test_no_format_blames_the_tree(self, kinfo_cli: Cli, files: Path) -> None:
        def shown(form: str) -> str:
            ran = kinfo_cli("verify-dt", "--strict", "--format", form, files / "sound.dtb")
            assert ran.code == 2
            return ran.out

        data = json.loads(shown("json"))
        jsonschema.validate(data, json.loads((ROOT / "docs" / "verify-dt.schema.json").read_text()))
        assert data["trees"][0]["outcome"] == "undecided"
        (result,) = json.loads(shown("sarif"))["runs"][0]["results"]
        assert (result["ruleId"], result["kind"], result["level"]) == ("devicetree-schema-failed", "open", "none")
        (suite,) = ET.fromstring(shown("junit"))
        assert (suite.get("failures"), suite.get("errors"), len(suite.findall("testcase/error"))) == ("0", "1", 1)
        assert shown("github").startswith("::warning ")


class TestWithoutDtschema:
    @pytest.fixture(autouse=True)
    def missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "dtschema", None)

    INSTALL = f"dtschema is not installed; {sys.executable} -m pip install 'kinfo[dt]'"

    def test_the_rules_alone_decide(self, kinfo_cli: Cli, files: Path) -> None:
        ran = kinfo_cli("verify-dt", "--strict", files / "sound.dtb")
        assert (ran.code, ran.err, ran.out.splitlines()[0]) == (0, "", "sound.dtb (example,board): sound: 1 note")
        assert "\n  info    devicetree-schema-skipped  " in ran.out
        assert f"why:    /: {self.INSTALL}\n" in ran.out
        assert kinfo_cli("verify-dt", files / "small.dtb").code == 1
        assert "schema-skipped" not in kinfo_cli("verify-dt", "--no-schema", files / "sound.dtb").out

    def test_several_files(self, kinfo_cli: Cli, files: Path) -> None:
        ran = kinfo_cli("verify-dt", "--if-present", files / "sound.dtb", files / "none.dtb")
        assert (ran.code, ran.out.splitlines()[-1]) == (0, f"the schema was not checked: {self.INSTALL}")

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ("json", '"severity": "info"'),
            ("yaml", "severity: info"),
            ("sarif", '"level": "note"'),
            ("junit", "<system-out>/: dtschema is not installed"),
            ("github", "::notice "),
        ],
    )
    def test_a_note_in_every_format(self, kinfo_cli: Cli, files: Path, form: str, words: str) -> None:
        ran = kinfo_cli("verify-dt", "--format", form, files / "sound.dtb")
        assert (ran.code, ran.err) == (0, "")
        assert words in ran.out
        assert "devicetree-schema-skipped" in ran.out

    def test_require_schema(self, kinfo_cli: Cli, files: Path) -> None:
        ran = kinfo_cli("verify-dt", "--require-schema", files / "sound.dtb")
        assert (ran.code, ran.out.splitlines()[0]) == (2, "sound.dtb (example,board): undecided: 1 warning")
        assert "\n  warning devicetree-schema-failed  " in ran.out
        assert f"why:    /: {self.INSTALL}\n" in ran.out
        assert kinfo_cli("verify-dt", "--require-schema", files / "small.dtb").code == 1
        assert kinfo_cli("verify-dt", "--require-schema", files / "sound.dtb", files / "sound.dtb").code == 2


def test_require_schema_with_dtschema(kinfo_cli: Cli, files: Path) -> None:
    assert kinfo_cli("verify-dt", "--require-schema", files / "sound.dtb").code == 0


def test_standard_input() -> None:
    command = [sys.executable, "-m", "kinfo", "verify-dt", "--no-schema", "-"]
    done = subprocess.run(command, input=SOUND, capture_output=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, b"<stdin> (example,board): sound")


def test_hostile_names_stay_on_their_line(kinfo_cli: Cli, files: Path) -> None:
    root = board("evil\x1b[2J\x07")
    (files / "evil.dtb").write_bytes(blob(root))
    ran = kinfo_cli("verify-dt", "--no-schema", files / "evil.dtb")
    assert "\x1b" not in ran.out + ran.err


def test_many_files_stop_on_an_interrupt(tmp_path: Path) -> None:
    """What they print is more than a pipe holds: the command cannot be through before it is interrupted."""
    for number in range(600):
        (tmp_path / f"{number:0200}.dtb").write_bytes(SOUND)
    command = [sys.executable, "-m", "kinfo", "verify-dt", *map(str, sorted(tmp_path.glob("*.dtb")))]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    child.stdout.readline()
    os.kill(child.pid, signal.SIGINT)
    out, err = child.communicate()
    assert (child.returncode, err.strip()) == (130, b"")
    assert out.count(b"\n") < 590
    while _group_lives(child.pid):  # a test that hangs here says that a child was left behind
        time.sleep(0.05)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_library(files: Path, tmp_path: Path) -> None:
    (verdict,) = kinfo.verify_dt(files / "sound.dtb", cache=tmp_path / "cache")
    assert (verdict.outcome, verdict.findings) == ("sound", ())
    assert [one.outcome for one in kinfo.verify_dt(str(files / "dtbo.img"))] == ["sound", "none", "broken"]
    (strict,) = kinfo.verify_dt(files / "none.dtb", kinfo.DtOptions(require=True))
    assert strict.findings[0].severity is kinfo.Severity.ERROR
    with pytest.raises(kinfo.KinfoError, match=r"not a sound devicetree blob"):
        kinfo.verify_dt(files / "half.img")


def test_the_library_takes_what_the_command_takes(files: Path) -> None:
    (files / "region.bin").write_bytes(kinfo.encode(make_fields("C", 1), "C").ljust(4096, b"\0"))
    (files / "Image").write_bytes(struct.pack("<16xQ32x4s4x", 0x2000000, b"ARM\x64") + bytes(64))  # as in test_explain_boot
    loaded: tuple[Any, ...] = (f"{files / 'Image'}@0x4d000000", (files / "Image", 0x4D000000))
    for image in ("0x4d000000+0x2000000", (0x4D000000, 0x2000000), *loaded):
        options = kinfo.DtOptions(profile="v3", kernel=(6, 12), image=image, page_size=65536)
        (verdict,) = kinfo.verify_dt(files / "sound.dtb", options)
        assert "devicetree-overlap-image" in {one.code for one in verdict.findings}, image
    for dump, is_there in ((f"{files / 'region.bin'}@0x4f000000", True), (f"{files / 'region.bin'}@0x4e000000", False)):
        (verdict,) = kinfo.verify_dt(files / "sound.dtb", kinfo.DtOptions(dump=dump))
        assert ("devicetree-dump-address" in {one.code for one in verdict.findings}) is is_there
    (files / "log").write_text("nothing\n")
    assert kinfo.verify_dt(files / "sound.dtb", kinfo.DtOptions(dmesg=files / "log", select=[1]))[0].outcome == "sound"
    with open(files / "sound.dtb", "rb") as stdin:
        assert kinfo.verify_dt("-", stdin=stdin)[0].outcome == "sound"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"require": True, "if_present": True}, "require and if_present exclude each other"),
        ({"page_size": 8192}, "page_size 8192 is not one of 4096, 16384, 65536"),
        ({"kernel": "new"}, "kernel 'new' does not begin with a version: write 6.1 or 6.1.99-android14"),
        ({"image": "0x80000000"}, "image '0x80000000' is no address and size: write 0x80000000+0x2000000 or Image@PA"),
        ({"image": (0x80000000, 0)}, "image 0x80000000+0x0 is no memory: write 0x80000000+0x2000000"),
        ({"image": "Image@here"}, "image 'here' is no physical address: write it as 0x4a000000"),
        ({"blob": -1}, "blob -1 is no physical address: write it as 0x4a000000"),
        ({"profile": "v7"}, "no profile is called 'v7'; choose one of: downstream, v1, v2, v3"),
        ({"iomem": "gone"}, "gone: cannot read: No such file or directory; check the name and its permissions"),
    ],
)
def test_options_that_make_no_sense(given: dict[str, Any], message: str, files: Path) -> None:
    with pytest.raises(kinfo.KinfoError) as raised:
        kinfo.verify_dt(files / "sound.dtb", kinfo.DtOptions(**given))
    assert str(raised.value) == message


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of trees, and what else lies there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boards" / "more").mkdir(parents=True)
    (tmp_path / "boards" / "a.dtb").write_bytes(SOUND)
    (tmp_path / "boards" / "more" / "noname").write_bytes(SOUND)
    (tmp_path / "boards" / "more" / "Makefile").write_text("dtb-y += a.dtb")
    (tmp_path / "boards" / "README").write_text("of the boards")
    return tmp_path / "boards"


class TestMany:
    def test_a_folder_a_pattern_and_a_list_are_every_tree_in_them(self, kinfo_cli: Cli, trees: Path) -> None:
        ran = kinfo_cli("verify-dt", "boards", "--no-schema")
        assert (ran.code, ran.err) == (0, "")
        assert [line.split(" ")[0] for line in ran.out.splitlines()] == ["a.dtb", "noname", "2"]
        (trees.parent / "list").write_text("boards/a.dtb\nboards/more\n")
        for words in (["boards/*.dtb", "boards/more/no*"], ["--files-from", "list"], ["boards", "--jobs", "1"]):
            assert kinfo_cli("verify-dt", *words, "--no-schema") == ran
        assert len(kinfo_cli("verify-dt", "boards", "--list").out.splitlines()) == 2

    def test_a_document_a_line_for_each_file(self, kinfo_cli: Cli, trees: Path) -> None:
        (trees / "broken.dtb").write_bytes(SOUND[:100])
        ran = kinfo_cli("verify-dt", "boards", "--no-schema", "--format", "jsonl")
        assert ran.code == 2
        lines = [json.loads(line) for line in ran.out.splitlines()]
        assert [one["source"] for one in lines] == ["boards/a.dtb", "boards/broken.dtb", "boards/more/noname"]
        assert [len(one["trees"]) for one in lines] == [1, 0, 1]
        assert lines[1]["problems"][0].startswith("boards/broken.dtb: ")
        whole = json.loads(kinfo_cli("verify-dt", "boards", "--no-schema", "--format", "json").out)
        assert whole["trees"] == [tree for one in lines for tree in one["trees"]]

    def test_no_tree_is_there(self, kinfo_cli: Cli, trees: Path) -> None:
        (trees / "a.dtb").unlink()
        (trees / "more" / "noname").unlink()
        for words in (["boards"], ["boards", "--list"]):
            ran = kinfo_cli("verify-dt", *words, "--no-schema")
            message = "boards: no file is there; passed over: 2 files of other kinds; name some, or another folder"
            assert (ran.code, ran.out, ran.err) == (2, "", f"kinfo: {message}\n")
        ran = kinfo_cli("verify-dt", "gone*", "--list")
        assert (ran.code, "nothing fits it as a pattern" in ran.err) == (2, True)
        assert "Missing argument 'FILE...'" in kinfo_cli("verify-dt").err

    def test_a_folder_that_is_a_tree_stays_one(self, kinfo_cli: Cli, trees: Path) -> None:
        (trees / "compatible").write_bytes(b"example,board\0")
        ran = kinfo_cli("verify-dt", "boards", "--no-schema", "--if-present")
        assert ran.code == 0
        assert "boards (example,board)" in ran.out
