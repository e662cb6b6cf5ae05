"""File names that are no text: every format shows or encodes them in its own way, and none acts on a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

import pytest

import kinfo
from tests.synthetic import make_fields

NAME = b"n\xff\x1b[31m\nx\xe2\x80\xae.bin"
SHOWN = r"n\xff\x1b[31m\x0ax\xe2\x80\xae.bin"
FORMATS = ("text", "json", "yaml", "jsonl", "sarif", "junit", "github")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    record = kinfo.encode(make_fields("C", 1), "C").ljust(4096, b"\0")
    for folder, names in {b"old": (NAME, b"gone" + NAME), b"new": (NAME, b"more" + NAME)}.items():
        below = os.fsencode(tmp_path) + b"/" + folder
        os.mkdir(below)
        for name in names:
            try:
                with open(below + b"/" + name, "wb") as file:
                    file.write(record)
            except OSError:
                pytest.skip("this file system has no such names")
    return tmp_path


def ran(folder: Path, *arguments: str | bytes) -> tuple[int, bytes]:
    command = [sys.executable, "-m", "kinfo", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(kinfo.__file__).parents[1])}
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_folders_are_compared_in_every_format(form: str, folders: Path) -> None:
    code, out = ran(folders, "compare", "old", "new", "--format", form)
    assert code == 1, out
    assert not any(raw in out for raw in (b"\x1b", b"\xff", b"\xe2\x80\xae", b"\\uDCFF", b"udcff"))
    assert "gone" + SHOWN.replace("\\", "\\\\" if form in ("json", "jsonl") else "\\") in out.decode() or form == "sarif"


@pytest.mark.parametrize("form", FORMATS)
def test_a_record_is_decoded_in_every_format(form: str, folders: Path) -> None:
    code, out = ran(folders, "decode", b"old/" + NAME, "--format", form)
    assert code == 0, out
    assert not any(raw in out for raw in (b"\x1b", b"\xff", b"\xe2\x80\xae", b"\\uDCFF", b"udcff"))


def test_sarif_has_the_bytes_of_the_name_in_its_uri(folders: Path) -> None:
    log = json.loads(ran(folders, "compare", "old", "new", "--format", "sarif")[1])
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in log["runs"][0]["results"]]
    assert {unquote_to_bytes(place) for place in places} >= {b"old/gone" + NAME, b"new/more" + NAME}


def test_junit_is_xml_whatever_the_names(folders: Path) -> None:
    suites = ET.fromstring(ran(folders, "compare", "old", "new", "--format", "junit")[1])
    assert {suite.get("name") for suite in suites} >= {f"old/gone{SHOWN}", f"new/more{SHOWN}"}


@pytest.mark.parametrize("form", ["sarif", "junit", "github", "gitlab", "html"])
def test_a_devicetree_is_judged_in_every_format(form: str, folders: Path) -> None:
    os.rename(os.fsencode(folders) + b"/old/" + NAME, os.fsencode(folders) + b"/" + NAME + b".dts")
    code, out = ran(folders, "verify-dt", NAME + b".dts", "--format", form)
    assert code in (1, 2)
    assert b"internal error" not in out
    assert not any(raw in out for raw in (b"\x1b", b"\xff", b"\xe2\x80\xae"))
