"""`kinfo facts` and `kinfo build`: exit codes, messages, formats and the files they write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import kinfo
from kinfo.findings import Rule
from kinfo.meminspect import rules
from tests.build_files import Extra, config_text, module_types, symbol_values, system_map, vmlinux
from tests.conftest import Cli, Ran
from tests.kernels.image import Spec, make

KERNEL = make(Spec(slide=0))
INFO = "google/husky/husky:15/AP4A.000007.001/10000007:user/release-keys"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build's files, and nothing else, in a folder."""
    (tmp_path / "vmlinux").write_bytes(vmlinux(KERNEL, symbol_values(KERNEL), extras=[Extra(".BTF", module_types(KERNEL))]))
    (tmp_path / "config").write_text(config_text("6.12.1"))
    (tmp_path / "System.map").write_text(system_map(symbol_values(KERNEL)))
    return tmp_path


def named(build: Path, *names: str) -> list[str]:
    return [*(str(build / name) for name in names), "--phys-base", hex(KERNEL.spec.text)]


class TestFacts:
    def test_text(self, kinfo_cli: Cli, build: Path) -> None:
        ran = kinfo_cli("facts", *named(build, "vmlinux", "config"))
        assert (ran.code, ran.err) == (0, "")
        rows = {line.split()[0]: line.split() for line in ran.out.splitlines() if line}
        assert rows["fact"] == ["fact", "value", "source", "how"]
        assert rows["_text"] == ["_text", f"{KERNEL.text_va:#x}", str(build / "vmlinux"), "symbol"]
        assert rows["module.mem"][1:] == [
            str(KERNEL.spec.module_shape.mem_offset),
            str(build / "vmlinux"),
            "BTF:",
            "struct",
            "module",
        ]
        assert rows["CONFIG_CFI_CLANG"][1:3] == ["0", str(build / "config")]
        assert rows["text_pa"][1:] == [f"{KERNEL.spec.text:#x}", "--phys-base", "given"]
        assert ran.out.endswith(
            "\nNot known\n"
            "  kaslr_slide     how far above its link address the image runs: give a RAM dump of the running kernel, or "
            "--set kaslr_slide=N\n"
            "  kimage_voffset  VA minus PA of the running image: give a RAM dump of the running kernel, or "
            "--set kimage_voffset=N\n"
        )

    def test_nothing_is_missing_when_all_is_given(self, kinfo_cli: Cli, build: Path) -> None:
        ran = kinfo_cli("facts", *named(build, "vmlinux", "config"), "--set", "kaslr_slide=0x1000")
        assert "Not known" not in ran.out

    @pytest.mark.parametrize("form", ["json", "yaml"])
    def test_data(self, kinfo_cli: Cli, build: Path, form: str) -> None:
        ran = kinfo_cli("facts", *named(build, "System.map"), "--format", form)
        data = json.loads(ran.out) if form == "json" else yaml.safe_load(ran.out)
        assert data["schema_version"] == 1
        assert data["facts"]["_stext"] == {
            "value": f"{KERNEL.va('text'):#x}",
            "source": str(build / "System.map"),
            "how": "symbol",
        }
        assert {
            "name": "num_syms",
            "meaning": "what kallsyms_num_syms holds",
            "give": ("vmlinux, Image, /proc/kallsyms or a RAM dump, or --set num_syms=N"),
        } in data["missing"]
        assert (ran.code, ran.err) == (0, "")

    def test_standard_input(self, build: Path) -> None:
        with (build / "config").open() as source:
            done = subprocess.run(
                [sys.executable, "-m", "kinfo", "facts", "-", "--format", "json"],
                stdin=source, capture_output=True, text=True, check=True,
            )  # fmt: skip
        assert json.loads(done.stdout)["facts"]["CONFIG_MODULES"]["source"] == "<stdin>"

    def test_memory_on_standard_input(self, shipped: Path) -> None:
        """It is read as from a file; a pipe cannot be opened twice, so this holds that nothing does."""
        command = [sys.executable, "-m", "kinfo", "facts", "--format", "json"]
        dump = (shipped / "crash-6.12.elf").read_bytes()
        piped = subprocess.run([*command, "-"], input=dump, capture_output=True, check=True).stdout
        named = subprocess.run([*command, shipped / "crash-6.12.elf"], capture_output=True, check=True).stdout
        assert piped.decode() == named.decode().replace(str(shipped / "crash-6.12.elf"), "<stdin>")
        none = subprocess.run([*command, "-"], input=bytes(8192), capture_output=True, check=False)
        assert (none.returncode, none.stdout) == (2, b"")
        assert none.stderr.startswith(b"kinfo: <stdin>: ")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "name a source: vmlinux, Image, System.map, .config or a RAM dump; see `kinfo facts --help`"),
            (["-", "-"], "- can be named once; see `kinfo facts --help`"),
            (
                ["--set", "text_pa=banana"],
                "--set text_pa=banana: is no number; write 4096 or 0x1000, say",
            ),
            (
                ["/dev/null/x"],
                "/dev/null/x: Not a directory; check the path and its permissions",
            ),
            (
                ["--phys-base", "x", "y"],
                "Invalid value for '--phys-base': 'x' is not a number: write 4096 or 0x1000; see `kinfo facts --help`",
            ),
        ],
    )
    def test_errors(self, kinfo_cli: Cli, arguments: list[str], message: str) -> None:
        assert kinfo_cli("facts", *arguments) == Ran(2, "", f"kinfo: {message}\n")

    def test_names_cannot_act_on_a_terminal(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "a\x1b[2Jb"
        path.write_text(config_text("6.12\x1b[2J.1", arch="\x1b[3J"))
        ran = kinfo_cli("facts", path)
        assert ran.code == 0
        assert "\x1b" not in ran.out
        assert "a\\x1b[2Jb" in ran.out
        assert "\\x1b[3J" in ran.out


class TestBuild:
    def test_android(self, kinfo_cli: Cli, build: Path) -> None:
        out = build / "golden.bin"
        arguments = [*named(build, "vmlinux", "config"), "--driver", "android", "--build-info", INFO, "-o", str(out)]
        assert kinfo_cli("build", *arguments) == Ran(0, "", f"kinfo: wrote {out}: android, debug-kinfo-text (C), 472 bytes\n")
        assert out.read_bytes() == KERNEL.record
        assert kinfo_cli("build", *arguments) == Ran(
            2, "", f"kinfo: {out}: exists already; name another file, or overwrite it with --force\n"
        )
        assert kinfo_cli("build", *arguments, "--force").code == 0
        assert kinfo_cli("decode", out).code == 0

    def test_to_standard_output(self, build: Path) -> None:
        arguments = [*named(build, "vmlinux", "config"), "--driver", "meminspect-v3", "-o", "-"]
        done = subprocess.run([sys.executable, "-m", "kinfo", "build", *arguments], capture_output=True, check=True)
        assert kinfo.decode(done.stdout).layout is kinfo.layout("D")
        assert done.stderr == b""

    def test_explained(self, kinfo_cli: Cli, build: Path) -> None:
        ran = kinfo_cli("build", *named(build, "vmlinux", "config"), "--driver", "meminspect-v2", "--explain")
        assert (ran.code, ran.err) == (0, "")
        lines = ran.out.splitlines()
        record = kinfo.build(kinfo.facts([build / "vmlinux", build / "config"], phys_base=KERNEL.spec.text), "meminspect-v2")
        checksum = int.from_bytes(record.data[4:8], "little")
        assert lines[0] == f"meminspect-v2: debug-kinfo-text (C), 472 bytes, checksum {checksum:#010x}"
        text = next(line for line in lines if line.startswith("_text_pa"))
        assert text.split() == [
            "_text_pa",
            f"{KERNEL.spec.text:#x}",
            "__pa(_text)",
            str(build / "vmlinux") + ",",
            "--phys-base",
        ]
        base = next(line for line in lines if line.startswith("_relative_pa"))
        assert base.endswith("v2 no longer registers kallsyms_relative_base")

    @pytest.mark.parametrize("form", ["json", "yaml"])
    def test_explained_as_data_that_encode_takes(self, kinfo_cli: Cli, build: Path, form: str) -> None:
        out, again = build / "golden.bin", build / "again.bin"
        arguments = [*named(build, "vmlinux", "config"), "--driver", "android", "-o", str(out), "--format", form]
        ran = kinfo_cli("build", *arguments, "--build-info", "longer text", "--build-info", "short")
        data = json.loads(ran.out) if form == "json" else yaml.safe_load(ran.out)
        assert data["fields"]["build_info"] == "shortr text"
        assert (data["driver"], data["layout"], data["size"]) == ("android", "debug-kinfo-text", 472)
        explained = {one["field"]: one for one in data["explained"]}
        assert explained["_stext_pa"] == {
            "field": "_stext_pa",
            "stores": "__pa_symbol(_stext)",
            "facts": {"_stext": str(build / "vmlinux"), "_text": str(build / "vmlinux"), "text_pa": "--phys-base"},
            "why": None,
        }
        assert explained["enabled_base_relative"]["why"] == "not assigned in the drivers of layout C"
        (build / f"fields.{form}").write_text(ran.out)
        assert kinfo_cli("encode", build / f"fields.{form}", "-o", again).code == 0
        assert again.read_bytes() == out.read_bytes()

    def test_stopped_early(self, kinfo_cli: Cli, build: Path) -> None:
        out = build / "half.bin"
        arguments = [*named(build, "vmlinux", "config"), "--driver", "meminspect-v1", "-o", str(out), "--force"]
        assert kinfo_cli("build", *arguments, "--after", "3").code == 0
        values = kinfo.decode(out).values
        assert [values[f"_{name}_pa"] != 0 for name in ("sinittext", "einittext", "end")] == [True, True, False]
        assert kinfo_cli("build", *arguments, "--only", "_end,swapper_pg_dir").code == 0
        values = kinfo.decode(out).values
        assert values["_end_pa"] == KERNEL.pa("end")
        assert values["_sinittext_pa"] == 0
        ran = kinfo_cli("build", *arguments, "--after", "0")
        assert ran.err.splitlines()[0] == "kinfo: no region was registered: magic and checksum are still 0"
        assert out.read_bytes()[:8] == bytes(8)

    def test_refused_build_info_is_said(self, kinfo_cli: Cli, build: Path) -> None:
        ran = kinfo_cli(
            "build", *named(build, "vmlinux", "config"), "--driver", "android", "--build-info", "x" * 300, "-o", "-"
        )
        assert ran.code == 2 or "300 characters" in ran.err  # - is refused where standard output is a terminal
        out = build / "out"
        ran = kinfo_cli(
            "build", *named(build, "vmlinux", "config"), "--driver", "meminspect-v1", "--build-info", "x" * 300, "-o", out
        )
        assert ran.code == 0
        assert ran.err.startswith(
            "kinfo: a build_info of 300 characters: the driver returned an error and stored nothing of it\nkinfo: wrote "
        )

    def test_missing_facts_are_named_in_one_line(self, kinfo_cli: Cli, build: Path) -> None:
        out = build / "out"
        ran = kinfo_cli(
            "build", str(build / "System.map"), str(build / "config"), "--driver", "android", "--layout", "C", "-o", out
        )
        names = (
            "num_syms: give vmlinux, Image, /proc/kallsyms or a RAM dump, or --set NAME=N",
            "KSYM_NAME_LEN, KSYM_SYMBOL_LEN: give vmlinux, Image or a RAM dump, or --set NAME=N",
            "text_pa: give a RAM dump, or --phys-base PA",
            "release: give vmlinux, Image or a RAM dump, or --set NAME=TEXT",
            "relative_base: give vmlinux, Image or a RAM dump, or --set NAME=VA",
            "module.mem, module.kallsyms: give vmlinux or Image with BTF, vmlinux with DWARF, or a RAM dump, or --set NAME=N",
        )
        said = f"{build / 'System.map'} and 1 more: not enough is known: 8 facts are missing; {'; '.join(names)}"
        assert ran == Ran(2, "", f"kinfo: {said}\n")
        assert not out.exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["vmlinux"], "Missing option '--driver'; see `kinfo build --help`"),
            (
                ["vmlinux", "--driver", "android"],
                "name the file to write with -o, or ask with --explain; see `kinfo build --help`",
            ),
            (
                ["vmlinux", "--driver", "android", "-o", "-", "--explain"],
                "--explain goes to standard output, where -o - sends the record; see `kinfo build --help`",
            ),
            (["vmlinux", "--driver", "androit", "--explain"], "no driver is called 'androit'; did you mean android?"),
            (
                ["vmlinux", "--driver", "meminspect-v3", "--layout", "C", "--explain"],
                "meminspect-v3 does not write debug-kinfo-text (C); choose one of: D",
            ),
            (
                ["vmlinux", "--driver", "android", "--after", "-1", "--explain"],
                "Invalid value for '--after': -1 is not in the range x>=0; see `kinfo build --help`",
            ),
            (
                ["vmlinux", "--driver", "android", "--after", "1", "--explain"],
                "android writes the record at once; entries go with the meminspect and kmemdump drivers",
            ),
            (
                ["vmlinux", "--driver", "meminspect-v3", "--build-info", "x", "--explain"],
                "meminspect v3 has no build_info: the parameter and the field are gone; leave it out",
            ),
        ],
    )
    def test_errors(self, kinfo_cli: Cli, build: Path, arguments: list[str], message: str) -> None:
        paths = [str(build / one) if one == "vmlinux" else one for one in arguments]
        assert kinfo_cli("build", *paths) == Ran(2, "", f"kinfo: {message}\n")

    @pytest.mark.parametrize(
        ("entry", "said", "rule"),
        [
            (
                "{id: 250, name: x, va: 0x1000, size: 8}",
                "id 250: v1 has ids 1 to 200, static ones below 44",
                rules.UNKNOWN_ID,
            ),
            ("{id: 31, va: 0, size: 8}", "id 31: it has no address", rules.NO_ADDRESS),
            ("{id: 31, va: 0xffffffffffffffff, size: 8}", "id 31: 8 bytes from VA 0xffffffffffffffff", rules.WRAPS),
        ],
    )
    def test_tables_that_cannot_be(self, kinfo_cli: Cli, build: Path, entry: str, said: str, rule: Rule) -> None:
        path = build / "table.yaml"
        path.write_text(f"series: v1\nentries:\n  - {entry}\n")
        options = ["--driver", "meminspect-v1", "--table", path, "--explain"]
        ran = kinfo_cli("build", *named(build, "vmlinux", "config"), *options)
        assert ran == Ran(2, "", f"kinfo: {path}: {said}; {rule.remedy}\n")

    def test_a_table_of_another_series(self, kinfo_cli: Cli, build: Path) -> None:
        path = build / "table.yaml"
        path.write_text("series: v1\nentries:\n  - {id: 26, va: 0xffff800081000000, size: 8}\n")
        ran = kinfo_cli("build", *named(build, "vmlinux"), "--driver", "meminspect-v3", "--table", path, "--explain")
        said = f"{path}: is a table of v1, whose ids meminspect-v3 does not know"
        assert ran == Ran(2, "", f"kinfo: {said}; `kinfo table {path}` says why; choose the driver of that series\n")

    @pytest.mark.parametrize(
        "form",
        [
            "table.json",
            "inspect_entries.bin",
            "inspect_table_runtime.bin",
            "md_regions.bin",
            "core.elf",
            "md",
            "../dmesg.txt",
        ],
    )
    def test_a_real_table_in_every_form(self, kinfo_cli: Cli, real_samples: Path, tmp_path: Path, form: str) -> None:
        """The record that the upstream driver left, out of the table of the same boot, whatever holds it."""
        folder, out = real_samples / "kernels" / "meminspect-v1", tmp_path / "out.bin"
        wanted = (folder / "kinfo_up.bin").read_bytes()[:472]
        sources = [folder / "meminspect" / "core.elf", folder / "System.map"]
        settings = ["--set", "module.mem=0x140", "--set", "module.kallsyms=0x388"]
        options = ["--driver", "meminspect-v1", "--table", folder / "meminspect" / form, "-o", out]
        info = str(kinfo.decode(wanted).fields["build_info"])
        ran = kinfo_cli("build", *sources, *settings, *options, "--build-info", info)
        assert (ran.code, ran.out) == (0, "")
        assert out.read_bytes() == wanted

    def test_start_up_leaves_heavy_modules_out(self, build: Path) -> None:
        code = f"""
import sys
from kinfo.cli.main import run
run(["build", {str(build / "System.map")!r}, "--driver", "android", "--explain"])
sys.stderr.write("\\n" + "\\n".join(sys.modules))
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not set(done.stderr.split()) & {"numpy", "yaml", "construct", "elftools", "hypothesis"}
