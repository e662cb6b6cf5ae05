"""The command line: exit codes, formats, and the screens as a whole."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

import kinfo
from kinfo.catalogue import RULES
from kinfo.cli.commands import COMMANDS
from kinfo.record.shown import shown_fields
from kinfo.version import PROJECT_URL
from tests.conftest import ROOT, Cli, Ran
from tests.synthetic import PAGE, make_fields

SCHEMA = json.loads((ROOT / "docs" / "record.schema.json").read_text())


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A region with a record that has nothing wrong."""
    path = tmp_path / "sound.bin"
    path.write_bytes(kinfo.encode(make_fields("A2", 1), "A2").ljust(PAGE, b"\0"))
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A record with an error, a warning and control characters in its strings."""
    path = tmp_path / "broken.bin"
    fields = make_fields("C", 1) | {"build_info": b"x\x1b]0;evil\x07\n</failure>&\"'\0stale", "thread_size": 5}
    path.write_bytes(kinfo.encode(fields, "C"))
    return path


class TestTop:
    def test_help(self, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("--help")
        assert (ran.code, ran.err) == (0, "")
        for name, (_, help_text) in COMMANDS.items():
            assert re.search(rf"^  {name} +{re.escape(help_text)}$", ran.out, re.MULTILINE)
        assert kinfo_cli("-h") == ran

    def test_no_arguments_show_help_and_decide_nothing(self, kinfo_cli: Cli) -> None:
        assert kinfo_cli() == Ran(2, kinfo_cli("--help").out, "")

    def test_click_shows_the_same_help(self) -> None:
        from click.testing import CliRunner

        from kinfo.cli.commands import top_help
        from kinfo.cli.group import kinfo as group

        assert CliRunner().invoke(group, ["--help"]).output.strip() == top_help().strip()

    def test_version(self, kinfo_cli: Cli) -> None:
        assert kinfo_cli("--version") == Ran(0, f"kinfo {kinfo.__version__}\n", "")

    def test_unknown_command(self, kinfo_cli: Cli) -> None:
        names = ", ".join(COMMANDS)
        assert kinfo_cli("xyzzy") == Ran(2, "", f"kinfo: there is no command 'xyzzy'; choose one of: {names}\n")
        assert kinfo_cli("decod").err == "kinfo: there is no command 'decod'; did you mean decode?\n"

    def test_an_option_without_its_value_is_its_commands(self, kinfo_cli: Cli) -> None:
        for words in (("layouts", "--diff", "C"), ("decode", "--format"), ("decode", "--hex=3", "x")):
            assert kinfo_cli(*words).err.endswith(f"; see `kinfo {words[0]} --help`\n")
        assert kinfo_cli("--color", "nope", "info", "x").err.endswith("; see `kinfo --help`\n")

    def test_an_option_of_a_command_before_it(self, kinfo_cli: Cli) -> None:
        for words, command in ((("--no-cache", "info", "x"), "info"), (("--format", "json", "decode"), "decode")):
            told = f"write it behind the command: kinfo {command} ... {words[0]}; `kinfo {command} --help` lists its options"
            assert kinfo_cli(*words) == Ran(2, "", f"kinfo: there is no option '{words[0]}' before a command; {told}\n")
        told = "`kinfo --help` lists the commands, `kinfo COMMAND --help` the options of one"
        assert kinfo_cli("-V") == Ran(2, "", f"kinfo: there is no option '-V' before a command; {told}\n")

    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_has_help(self, kinfo_cli: Cli, name: str) -> None:
        ran = kinfo_cli(name, "--help")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"Usage: kinfo {name} ")
        assert "\\b" not in ran.out
        assert "\b" not in ran.out

    def test_as_a_module(self) -> None:
        done = subprocess.run([sys.executable, "-m", "kinfo", "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"kinfo {kinfo.__version__}\n"

    def test_a_reader_that_leaves_early(self, sound: Path) -> None:
        command = f"{sys.executable} -m kinfo decode {sound} --hex --explain | head -1"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert done.stdout.count("\n") == 1

    @pytest.mark.parametrize(
        ("redirection", "message"),
        [
            (">&-", "kinfo: standard output is closed; send it somewhere: > FILE, or > /dev/null for the exit code alone\n"),
            (">&- 2>&-", ""),
            ("> /dev/full", "kinfo: cannot write the output: No space left on device; make room, or send it elsewhere\n"),
        ],
    )
    def test_output_that_goes_nowhere(self, sound: Path, redirection: str, message: str) -> None:
        command = f"{sys.executable} -m kinfo decode {sound} {redirection}"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (2, message)

    def test_closed_standard_input(self) -> None:
        command = f"{sys.executable} -m kinfo decode - <&-"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (2, "kinfo: -: there is no standard input here; name a file\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("decode",), "Missing argument 'DUMP...'; see `kinfo decode --help`"),
            (("decode", "x", "--offset", "ten"), "'ten' is not a number: write 4096 or 0x1000"),
            (("decode", "x", "--offset", "-1"), "-1 is not within 64 bits"),
            (("decode", "x", "--nosuch"), "No such option"),
            (
                ("decode", "x", "--hex", "--format", "json"),
                "--hex goes with --format text, not json; see `kinfo decode --help`",
            ),
            (("find", "x", "--step", "6"), "6 is not a multiple of 4"),
            (("find", "-", "-"), "- can be named once; see `kinfo find --help`"),
            (("explain", "checksum-mismach"), "no finding has the code 'checksum-mismach'; did you mean checksum-mismatch?"),
        ],
    )
    def test_usage_errors_are_one_line(self, kinfo_cli: Cli, arguments: tuple[str, ...], message: str) -> None:
        ran = kinfo_cli(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert message in ran.err
        assert len(ran.err.splitlines()) == 1


class TestDecode:
    def test_exit_codes(self, kinfo_cli: Cli, sound: Path, broken: Path, tmp_path: Path) -> None:
        assert kinfo_cli("decode", sound).code == 0
        assert kinfo_cli("decode", sound, "--strict").code == 0
        assert kinfo_cli("decode", broken).code == 1
        warned = tmp_path / "warned"
        warned.write_bytes(kinfo.encode(make_fields("C", 1) | {"build_info": "x\n"} | {"_names_pa": 0}, "C"))
        assert kinfo_cli("decode", warned).code == 0
        assert kinfo_cli("decode", warned, "--strict").code == 1

    def test_text(self, kinfo_cli: Cli, sound: Path) -> None:
        ran = kinfo_cli("decode", sound, "--base", "0xfcfff000")
        lines = ran.out.splitlines()
        assert lines[0] == f"{sound} at 0x0 (PA 0xfcfff000): debug-kinfo-module-range (A2), 484 bytes, layout certain"
        titles = [line for line in lines if line and not line.startswith(" ")][1:]
        assert titles[:2] == ["Build", "Image in physical memory"]
        assert titles[2].startswith("Kallsyms: ")
        assert titles[3:] == ["Modules", "Next:"]
        assert "\x1b" not in ran.out
        bar = next(line for line in lines if "[" in line)
        assert re.fullmatch(r"  0x[0-9a-f]+ \[[#kiP.]{64}\] 0x[0-9a-f]+", bar)

    def test_text_of_every_layout(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        for layout in kinfo.layouts():
            path = tmp_path / layout.alias
            path.write_bytes(kinfo.encode(make_fields(layout.alias, 1), layout))
            ran = kinfo_cli("decode", path, "--hex", "--explain")
            assert (ran.code, ran.err) == (0, "")
            for name, shown in shown_fields(kinfo.decode(path)).items():
                assert name in ran.out
                if isinstance(shown, str):
                    assert shown in ran.out

    def test_control_characters_never_reach_the_screen(self, kinfo_cli: Cli, broken: Path) -> None:
        for extra in ((), ("--hex", "--explain"), ("--format", "json"), ("--format", "yaml"), ("--format", "github")):
            out = kinfo_cli("decode", broken, *extra).out
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)
        assert r"x\x1b]0;evil\x07\x0a</failure>&" in kinfo_cli("decode", broken).out

    def test_colours_on_a_terminal_only(self, sound: Path) -> None:
        import pty

        def on_a_terminal(environment: dict[str, str]) -> bytes:
            import os

            pid, terminal = pty.fork()
            if pid == 0:
                os.environ.update({"TERM": "xterm", **environment})
                os.execv(sys.executable, [sys.executable, "-m", "kinfo", "decode", str(sound), "--hex"])
            output = b""
            try:
                while chunk := os.read(terminal, 65536):
                    output += chunk
            except OSError:  # the child closed its end
                pass
            os.close(terminal)
            os.waitpid(pid, 0)
            return output

        assert b"\x1b[1;32m" in on_a_terminal({})
        assert b"\x1b" not in on_a_terminal({"NO_COLOR": "1"})

    @pytest.mark.parametrize("explain", [False, True])
    def test_json_keeps_to_its_schema(self, kinfo_cli: Cli, tmp_path: Path, broken: Path, explain: bool) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        paths = [broken]
        for layout in kinfo.layouts():
            paths.append(tmp_path / layout.alias)
            paths[-1].write_bytes(kinfo.encode(make_fields(layout.alias, 1), layout))
        erased, cut = tmp_path / "erased", tmp_path / "cut"
        erased.write_bytes(bytes(PAGE))
        cut.write_bytes(kinfo.encode(make_fields("A2", 1), "A2")[:250])
        for path in (*paths, erased, cut):
            out = kinfo_cli("decode", path, "--format", "json", *(["--explain"] if explain else [])).out
            jsonschema.validate(json.loads(out), SCHEMA)
        assert json.loads(kinfo_cli("decode", erased, "--format", "json").out)["records"][0]["checksum"]["state"] == "erased"

    def test_json_values(self, kinfo_cli: Cli, broken: Path) -> None:
        record = json.loads(kinfo_cli("decode", broken, "--format", "json").out)["records"][0]
        fields = make_fields("C", 1)
        assert (record["layout"], record["alias"], record["offset"], record["size"]) == ("debug-kinfo-text", "C", "0x0", 472)
        assert record["fields"]["num_syms"] == fields["num_syms"]
        assert record["fields"]["_stext_pa"] == f"{fields['_stext_pa']:#x}"
        assert record["fields"]["last_uts_release"] == fields["last_uts_release"]
        assert record["after_nul"] == {"build_info": b"stale".hex()}
        assert "magic_number" not in record["fields"]

    def test_yaml_says_the_same_as_json(self, kinfo_cli: Cli, broken: Path) -> None:
        as_json, as_yaml = (kinfo_cli("decode", broken, "--format", form).out for form in ("json", "yaml"))
        assert yaml.safe_load(as_yaml) == json.loads(as_json)

    def test_sarif(self, kinfo_cli: Cli, broken: Path) -> None:
        ran = kinfo_cli("decode", broken, "--format", "sarif")
        log = json.loads(ran.out)
        run = log["runs"][0]
        assert (ran.code, log["version"], run["tool"]["driver"]["name"]) == (1, "2.1.0", "kinfo")
        codes = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert {result["ruleId"] for result in run["results"]} == set(codes)
        levels = {result["ruleId"]: result["level"] for result in run["results"]}
        assert levels["record-thread-size"] == "error"
        assert levels["record-build-info-stale"] == "warning"
        assert levels["record-base-relative-zero"] == "note"
        place = run["results"][0]["locations"][0]["physicalLocation"]
        assert place == {"artifactLocation": {"uri": broken.as_uri()}, "region": {"startLine": 1, "byteOffset": 0}}
        for rule in run["tool"]["driver"]["rules"]:
            page, _, anchor = rule["helpUri"].removeprefix(f"{PROJECT_URL}/").partition("#")
            assert f'<a id="{anchor}"></a>' in (ROOT / page).read_text()

    def test_junit(self, kinfo_cli: Cli, broken: Path, sound: Path) -> None:
        suite = ET.fromstring(kinfo_cli("decode", broken, "--format", "junit").out)[0]
        failed = [case.get("name") for case in suite if case.find("failure") is not None]
        assert failed == ["record-thread-size"]
        assert (suite.get("failures"), suite.get("tests")) == ("1", str(len(suite)))
        strict = ET.fromstring(kinfo_cli("decode", broken, "--format", "junit", "--strict").out)[0]
        assert int(strict.get("failures") or 0) > 1
        passed = ET.fromstring(kinfo_cli("decode", sound, "--format", "junit").out)[0]
        assert [case.get("name") for case in passed if len(case) == 0] == ["decode"]

    def test_github(self, kinfo_cli: Cli, broken: Path) -> None:
        lines = kinfo_cli("decode", broken, "--format", "github").out.splitlines()
        wanted = f"::error file={broken},title=record-thread-size::at 0x0: thread_size: "
        wanted += "0x5 is not a power of two from 4 KiB to 256 KiB"
        assert wanted in lines
        assert all(re.match(r"::(error|warning|notice) file=", line) for line in lines)

    def test_gitlab(self, kinfo_cli: Cli, broken: Path, sound: Path) -> None:
        issues = json.loads(kinfo_cli("decode", broken, "--format", "gitlab").out)
        found = next(one for one in issues if one["check_name"] == "record-thread-size")
        assert found["description"] == "thread_size: 0x5 is not a power of two from 4 KiB to 256 KiB"
        assert (found["severity"], found["location"]) == ("critical", {"path": str(broken), "lines": {"begin": 1}})
        assert {one["severity"] for one in issues} == {"critical", "minor", "info"}
        marks = [one["fingerprint"] for one in issues]
        assert len({*marks}) == len(marks)
        assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in marks)
        ran = kinfo_cli("decode", broken, "--format", "sarif").out
        assert marks == [one["partialFingerprints"]["finding/v1"] for one in json.loads(ran)["runs"][0]["results"]]
        broken.write_bytes(kinfo.encode(make_fields("A2", 1) | {"thread_size": 7}, "A2").ljust(4096, b"\0"))
        again = json.loads(kinfo_cli("decode", broken, "--format", "gitlab").out)
        assert found["fingerprint"] in [one["fingerprint"] for one in again]  # another value of the same fault
        assert json.loads(kinfo_cli("decode", sound, "--format", "gitlab").out) == []

    def test_all_and_the_word_about_more(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        record = kinfo.encode(make_fields("A2", 1), "A2").ljust(PAGE, b"\0")
        path = tmp_path / "ram"
        path.write_bytes(bytes(2 * PAGE) + record * 5)
        ran = kinfo_cli("decode", path)
        assert ran.err == "kinfo: 4 more at 0x3000, 0x4000, 0x5000, ...; --all shows them\n"
        ran = kinfo_cli("decode", path, "--all", "--format", "json")
        assert ran.err == ""
        assert [one["offset"] for one in json.loads(ran.out)["records"]] == [f"{n * PAGE:#x}" for n in range(2, 7)]
        assert kinfo_cli("decode", path, "--all").out.count("layout certain") == 5

    def test_standard_input(self, kinfo_cli: Cli, sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sound.read_bytes())))
        screen, _, following = kinfo_cli("decode", sound).out.partition("\nNext:")
        assert kinfo_cli("decode", "-").out == screen.replace(str(sound), "<stdin>") + "\nNext:" + following.replace(
            str(sound), "FILE"
        )

    def test_erased_and_not_written(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "region"
        for byte in (b"\0", b"\xff"):
            path.write_bytes(byte * PAGE)
            ran = kinfo_cli("decode", path, "--hex")
            assert ran.code == 1
            assert f"all 4096 bytes of the region are {byte.hex()}" in ran.out
            assert f"4096 bytes of {byte.hex()}" in ran.out
        path.write_bytes(bytes(8) + kinfo.encode(make_fields("C", 1), "C")[8:])
        ran = kinfo_cli("decode", path)
        assert (ran.code, "checksum                     not written" in ran.out) == (1, True)

    def test_hex_dump(self, kinfo_cli: Cli, shipped: Path, tmp_path: Path) -> None:
        out = kinfo_cli("decode", shipped / "pixel-5.10.bin", "--hex").out
        assert re.search(r"^  0000  ff dd ee cc +\.\.\.\. +magic_number = 0xcceeddff$", out, re.MULTILINE)
        assert re.search(r"^  0114  176 zero bytes$", out, re.MULTILINE)
        assert re.search(r"^  01e4  1564 zero bytes behind the record$", out, re.MULTILINE)
        assert out.count("\nBytes\n") == 2
        path = tmp_path / "noisy"
        path.write_bytes(kinfo.encode(make_fields("D", 1), "D") + b"garbage!" * 100)
        tail = kinfo_cli("decode", path, "--hex").out
        assert re.search(r"^  00d8  67 61 72 62 .* garbage!garbage!  \(behind the record: no field\)$", tail, re.MULTILINE)
        assert re.search(r"^  0118  736 more bytes behind the record$", tail, re.MULTILINE)
        path.write_bytes(kinfo.encode(make_fields("C", 1), "C")[:212])
        assert "(behind the end of the dump)  enabled_modules_tree_lookup" in kinfo_cli("decode", path, "--hex").out


class TestFind:
    def test_lists_records_decoys_and_vendor_blocks(self, kinfo_cli: Cli, shipped: Path) -> None:
        ran = kinfo_cli("find", shipped / "ram-6.12.bin", shipped / "pixel-5.10.bin")
        rows = [line.split()[:5] for line in ran.out.splitlines()]
        assert ran.code == 0
        assert rows[1:] == [
            ["0x3000", "decoy", "-", "-", "-"],
            ["0x9000", "record", "C", "likely", "mismatch"],
            ["0x0", "record", "A2", "likely", "valid"],
            ["0x800", "vendor", "V1", "likely", "valid"],
        ]

    @pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
    def test_as_data(self, kinfo_cli: Cli, shipped: Path, form: str, load: Any) -> None:
        data = load(kinfo_cli("find", shipped / "ram-6.12.bin", "--format", form).out)
        assert data["schema_version"] == 1
        assert [(hit["offset"], hit["kind"], hit["alias"]) for hit in data["hits"]] == [
            ("0x3000", "decoy", None),
            ("0x9000", "record", "C"),
        ]

    def test_nothing_found(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "ram"
        path.write_bytes(bytes(64) + kinfo.encode(make_fields("C", 1), "C").ljust(PAGE, b"\0"))
        ran = kinfo_cli("find", path)
        assert ran.code == 1
        assert ran.err == f"kinfo: {path}: no record found; try --step 4 for records that are not at a page boundary\n"
        assert kinfo_cli("find", path, "--step", "4").code == 0
        path.write_bytes(b"x" * 100)
        assert (
            kinfo_cli("find", path, "--step", "4").err == f"kinfo: {path}: no record found; decode says what else it may be\n"
        )

    def test_one_bad_file_does_not_hide_the_others(self, kinfo_cli: Cli, tmp_path: Path, shipped: Path) -> None:
        ran = kinfo_cli("find", tmp_path / "none", shipped / "pixel-5.10.bin")
        assert ran.code == 2
        assert "record  A2" in ran.out
        assert ran.err.splitlines() == [
            f"kinfo: {tmp_path}/none: No such file or directory; check the path and its permissions",
            "kinfo: 2 files: 1 record, 1 could not be read",
        ]

    def test_progress_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch, shipped: Path, capsys: Any) -> None:
        from kinfo.cli import progress
        from kinfo.memory import open_dump

        monkeypatch.setattr(progress, "_BIG", 0)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        with progress.with_progress(open_dump(shipped / "ram-6.12.bin")) as source:
            assert isinstance(source, progress.ProgressDump)
            assert [hit.offset for hit in kinfo.find(source)] == [0x3000, 0x9000]
        assert capsys.readouterr().out == ""


class TestExplain:
    def test_list_one_and_json(self, kinfo_cli: Cli) -> None:
        listed = kinfo_cli("explain").out
        assert all(rule.code in listed for rule in RULES)
        one = kinfo_cli("explain", "symbols-no-base").out
        assert one.startswith("warning  symbols-no-base\n  what    _relative_pa is 0 although ")
        assert [line.split()[0] for line in one.splitlines()[1:]] == ["what", "effect", "do", "source"]
        data = json.loads(kinfo_cli("explain", "--format", "json").out)
        assert [rule["code"] for rule in data] == [rule.code for rule in RULES]
        assert len(json.loads(kinfo_cli("explain", "layout-forced", "--format", "json").out)) == 1


class TestDemo:
    def test_decodes_every_shipped_sample(self, kinfo_cli: Cli, shipped: Path) -> None:
        ran = kinfo_cli("demo")
        assert (ran.code, ran.err) == (0, "")
        for path in shipped.iterdir():
            assert f"== {path.name}: " in ran.out
        for word in ("vendor", "valid, incomplete", "mismatch", "Now your own: kinfo decode DUMP"):
            assert word in ran.out
