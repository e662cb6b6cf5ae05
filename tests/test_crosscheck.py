"""What the upstream and the downstream driver leave on one kernel, and why it differs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

import kinfo
from kinfo.diff.crosscheck import crosscheck, entries_of
from kinfo.diff.model import Kind
from kinfo.meminspect.entry import Entry, Table, TableForm
from kinfo.meminspect.ids import series_named
from tests.build_files import Extra, config_text, module_types, symbol_values, system_map, vmlinux
from tests.conftest import ROOT, Cli
from tests.kernels.image import Spec, make
from tests.pages_read import read_page

KERNEL = make(Spec(slide=0))
INFO = "google/husky/husky:15/AP4A.000007.001/10000007:user/release-keys"


@pytest.fixture
def kernel(tmp_path: Path) -> list[str]:
    (tmp_path / "vmlinux").write_bytes(vmlinux(KERNEL, symbol_values(KERNEL), extras=[Extra(".BTF", module_types(KERNEL))]))
    (tmp_path / "config").write_text(config_text("6.12.1"))
    (tmp_path / "System.map").write_text(system_map(symbol_values(KERNEL)))
    return [str(tmp_path / "vmlinux"), str(tmp_path / "config"), "--phys-base", hex(KERNEL.spec.text)]


def differences(out: str) -> dict[str, tuple[str, str]]:
    return {one["field"]: (one["kind"], one["reason"]) for one in json.loads(out)["differences"] if one["kind"] != "same"}


# Every known difference between the postings and layout C, on a 6.12 kernel.
KNOWN = {
    "v1": {},
    "v2": {"_relative_pa": ("writer", "v2 no longer registers kallsyms_relative_base")},
    "v3": {
        "_relative_pa": ("writer", "v3 never stores _relative_pa"),
        "build_info": ("one-layout", "D has no such field"),
    },
    "rfc-v3": {},
    "rfc-v2": {
        "_relative_pa": ("writer", "RFC v2 stores the variable's own address"),
        "last_uts_release": ("writer", 'RFC v2 copies the first member of init_uts_ns, which is "Linux"'),
    },
}


@pytest.mark.parametrize("upstream", KNOWN)
def test_every_known_difference_has_its_reason(upstream: str, kernel: list[str], kinfo_cli: Cli) -> None:
    ran = kinfo_cli("crosscheck", *kernel, "--upstream", upstream, "--build-info", INFO, "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    assert differences(ran.out) == KNOWN[upstream]
    jsonschema.validate(json.loads(ran.out), json.loads((ROOT / "docs" / "crosscheck.schema.json").read_text()))


def test_the_screen(kernel: list[str], kinfo_cli: Cli) -> None:
    ran = kinfo_cli("crosscheck", *kernel)
    assert ran.out.startswith("meminspect-v3 (D) against android (C): 28 same, 1 one-layout, 1 writer\n")
    assert "v3 never stores _relative_pa [meminspect v3 kernel/meminspect/kinfo.c: no case for it]" in ran.out
    assert ran.out.endswith("passes: every difference has its reason\n")


def test_other_layouts_downstream(kernel: list[str], kinfo_cli: Cli) -> None:
    ran = kinfo_cli("crosscheck", *kernel, "--upstream", "v1", "--downstream", "CR", "--format", "json")
    found = differences(ran.out)
    assert found["_reserved"][0] == found["_relative_pa"][0] == "one-layout"
    assert {kind for kind, _ in found.values()} <= {"one-layout", "writer"}


def test_the_page(kernel: list[str], kinfo_cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "left<b>.bin"
    assert kinfo_cli("build", *kernel, "--driver", "android", "--build-info", INFO, "-o", out).code == 0
    sound = kinfo_cli("crosscheck", *kernel, "--format", "html")
    read = read_page(sound.out)
    assert (sound.code, read.by_name["h1"]) == (0, ["every difference has its reason"])
    assert "v3 never stores _relative_pa, meminspect v3 kernel/meminspect/kinfo.c: no case for it" in read.by_name["td"]
    assert "28 fields are the same, or moved with the image" in read.by_name["summary"]
    fields = kinfo.decode(out).fields | {"thread_size": 0x8000}
    out.write_bytes(kinfo.encode(fields, "C"))
    wrong = kinfo_cli("crosscheck", *kernel, "--upstream", "v1", "--build-info", INFO, "--dump", out, "--format", "html")
    read = read_page(wrong.out)
    assert wrong.code == 1
    assert re.fullmatch(r"1 difference has no reason that is known|2 differences have .*", read.by_name["h1"][0])
    assert [title for title in read.by_name["h2"] if title.startswith(str(out))] == [
        f"{out} against upstream",
        f"{out} against downstream",
    ]
    assert {"thread_size", "0x8000", "32768"} & {*read.by_name["td"]}


def test_a_kernel_s_own_record_beside_them(kernel: list[str], kinfo_cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "left.bin"
    assert kinfo_cli("build", *kernel, "--driver", "android", "--build-info", INFO, "-o", out).code == 0
    same = kinfo_cli("crosscheck", *kernel, "--upstream", "v1", "--build-info", INFO, "--dump", out)
    assert (same.code, same.out.count(": 30 same\n")) == (0, 3)
    fields = kinfo.decode(out).fields | {"thread_size": 0x8000}
    out.write_bytes(kinfo.encode(fields, "C"))
    wrong = kinfo_cli("crosscheck", *kernel, "--upstream", "v1", "--build-info", INFO, "--dump", out)
    assert wrong.code == 1
    assert "compare-regression  thread_size: 16384 became 32768" in wrong.out
    assert re.search("^  thread_size  +16384 +16384 +32768 ", wrong.out, re.MULTILINE)
    data = json.loads(kinfo_cli("crosscheck", *kernel, "--dump", out, "--format", "json").out)
    jsonschema.validate(data, json.loads((ROOT / "docs" / "crosscheck.schema.json").read_text()))
    assert (
        kinfo_cli(
            "crosscheck", *kernel, "--upstream", "v1", "--build-info", INFO, "--dump", out, "--ignore", "thread_size"
        ).code
        == 0
    )


def test_regions_that_are_not_registered_are_named(kernel: list[str], kinfo_cli: Cli, tmp_path: Path) -> None:
    rows = [{"id": 32, "name": "_text", "va": hex(KERNEL.text_va), "size": 8}]
    (tmp_path / "t.json").write_text(json.dumps({"series": "v1", "entries": rows}))
    ran = kinfo_cli("crosscheck", *kernel, "--upstream", "v1", "--table", tmp_path / "t.json", "--format", "json")
    found = differences(ran.out)
    assert "_text_pa" not in found
    assert found["_end_pa"] == ("writer", "its region was not registered")
    built = kinfo_cli("build", *kernel, "--driver", "meminspect-v1", "--table", tmp_path / "t.json", "-o", tmp_path / "o.bin")
    assert built.code == 0
    assert kinfo.decode(tmp_path / "o.bin").missing


def test_formats(kernel: list[str], kinfo_cli: Cli) -> None:
    assert yaml.safe_load(kinfo_cli("crosscheck", *kernel, "--format", "yaml").out)["upstream"] == "meminspect-v3"
    suite = ET.fromstring(kinfo_cli("crosscheck", *kernel, "--format", "junit").out)[0]
    assert (suite.get("name"), suite.get("failures")) == ("meminspect-v3-android", "0")
    sarif = json.loads(kinfo_cli("crosscheck", *kernel, "--format", "sarif").out)
    assert {one["ruleId"] for one in sarif["runs"][0]["results"]} == {"compare-expected"}
    assert kinfo_cli("crosscheck", *kernel, "--format", "github").out.startswith(
        "::notice file=meminspect-v3-android,title=compare-"
    )


def test_mistakes(kernel: list[str], kinfo_cli: Cli) -> None:
    missing = kinfo_cli("crosscheck", kernel[1], "--phys-base", "0x80200000")
    assert (missing.code, missing.out) == (2, "")
    assert "not enough is known" in missing.err
    assert kinfo_cli("crosscheck", *kernel, "--downstream", "D").code == 2
    assert kinfo_cli("crosscheck", *kernel, "--upstream", "v4").code == 2
    assert kinfo_cli("crosscheck", *kernel, "--ignore", "nonsense").code == 2
    assert (
        kinfo_cli("crosscheck").err
        == "kinfo: name a source: vmlinux, Image, System.map, .config or a RAM dump; see `kinfo crosscheck --help`\n"
    )


def test_entries_out_of_a_table() -> None:
    given = (
        Entry(11, "linux_banner", 1, 0, 130),
        Entry(44, "", 9, 5, 8),
        Entry(11, "linux_banner", 2, None, 159),
        Entry(None, "x", 3, 4, 8),
    )
    table = Table("x", TableForm.SECTION, series_named("v1"), (), given)
    found = entries_of(table)
    assert [(one.id, one.name, one.va, one.pa, one.size) for one in found] == [
        (None, "x", 3, 4, 8),
        (11, "linux_banner", 2, 0, 159),
        (44, "", 9, 5, 8),
    ]


def test_what_no_writer_explains_stays_a_regression() -> None:
    fields = kinfo.decode(
        kinfo.encode({"num_syms": 5, "last_uts_release": "6.12.1", "_text_pa": 0x80000000}, "C"), layout="C"
    ).fields
    built = kinfo.Built("android", kinfo.layout("C"), kinfo.encode(fields, "C"), (), ())
    other = built._replace(data=kinfo.encode(fields | {"thread_size": 4096}, "C"))
    crossed = crosscheck(built, other)
    assert [one.field for one in crossed.comparison.of(Kind.REGRESSION)] == ["thread_size"]


def test_a_real_boot_s_records(real_samples: Path, kinfo_cli: Cli, tmp_path: Path) -> None:
    """One real boot with both drivers: their records out of the table, System.map and configuration, byte for byte."""
    folder = real_samples / "kernels" / "meminspect-v1"
    left = kinfo.decode(folder / "kinfo.bin").fields
    common = [*(str(folder / name) for name in ("System.map", "config", "kallsyms.txt")), "--phys-base", "0x40200000"]
    common += [f"--set=module.{name}={left[f'mod_{name}_offset']!r}" for name in ("mem", "kallsyms")]
    common += ["--build-info", str(left["build_info"])]
    table = ["--table", str(folder / "meminspect" / "table.json")]
    for driver, more, name in (("meminspect-v1", table, "kinfo_up.bin"), ("android", [], "kinfo.bin")):
        assert kinfo_cli("build", *common, *more, "--driver", driver, "-o", tmp_path / name).code == 0
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()[:472]
    ran = kinfo_cli("crosscheck", *common, *table, "--upstream", "v1", "--dump", folder / "kinfo_up.bin")
    assert (ran.code, ran.out.count(": 30 same\n")) == (0, 3)


def test_a_real_kernel_build(real_samples: Path, kinfo_cli: Cli) -> None:
    """The sample kernel's vmlinux and configuration against the record that its guest left in memory."""
    folder = real_samples / "ram"
    info = str(kinfo.decode(folder / "kinfo.bin").fields["build_info"])
    common = [
        str(folder / "kernel-6.12" / "vmlinux.zst"),
        str(folder / "kernel-6.12" / "config"),
        "--phys-base",
        "0x40200000",
    ]
    ran = kinfo_cli("crosscheck", *common, "--build-info", info, "--upstream", "v3", "--dump", folder / "kinfo.bin")
    assert ran.code == 0
    assert f"{folder}/kinfo.bin against android: 30 same\n" in ran.out
    assert f"{folder}/kinfo.bin against meminspect-v3: 28 same, 1 one-layout, 1 writer\n" in ran.out
