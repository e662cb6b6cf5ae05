"""File and line of what a finding in source is about."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from kinfo.dt.places import SourcePlace, place_of, places_of
from tests.conftest import Cli

needs_dtc = pytest.mark.skipif(not shutil.which("dtc"), reason="dtc is not installed: apt-get install device-tree-compiler")

# As dtc 1.6 and 1.7 write it: with one -T the lines, with two the columns too; of merged nodes every place.
ANNOTATED = """/dts-v1/;

/ { /* <stdin>:3 */
	compatible = "a /* x:9 */", "b"; /* <stdin>:4 */

	dk: soc@0 { /* inc.dtsi:7, <stdin>:20 */
		ranges; /* inc.dtsi:8:3-8:10 */
		empty { /* inc.dtsi:9 */
		}; /* inc.dtsi:9 */
		other { /* a-b/c d.dtsi:11 */
		}; /* a-b/c d.dtsi:12 */
	}; /* inc.dtsi:10, a-b/c d.dtsi:22 */
}; /* <stdin>:30 */
garbage { /* : */
"""

SOURCE = """/dts-v1/;
#include "region.dtsi"
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	memory@40000000 {
		device_type = "memory";
		reg = <0 0x40000000 0 0x20000000>;
	};
	debug-kinfo { compatible = "google,debug-kinfo"; memory-region = <&dk>; };
};
"""
REGION = """/ {
	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		dk: kinfo@70000000 {
			reg = <0 0x70000000 0 0x1000>;
			no-map;
		};
	};
};
"""


def test_annotated_source() -> None:
    found = places_of(ANNOTATED, "board.dts")
    assert found == {
        "/": SourcePlace("board.dts", 3),
        "/:compatible": SourcePlace("board.dts", 4),
        "/soc@0": SourcePlace("board.dts", 20),
        "/soc@0:ranges": SourcePlace("inc.dtsi", 8, 3),
        "/soc@0/empty": SourcePlace("inc.dtsi", 9),
        "/soc@0/other": SourcePlace("a-b/c d.dtsi", 11),
    }


def test_the_nearest_place() -> None:
    found = places_of(ANNOTATED, "board.dts")
    assert place_of(found, "/soc@0:reg") == SourcePlace("board.dts", 20)
    assert place_of(found, "/soc@0/gone/deeper") == SourcePlace("board.dts", 20)
    assert place_of(found, "/gone") == SourcePlace("board.dts", 3)
    assert place_of({}, "/gone") is None


@needs_dtc
def test_a_finding_in_an_included_file(tmp_path: Path, kinfo_cli: Cli) -> None:
    if not shutil.which("cpp"):
        pytest.skip("cpp is not installed")
    (tmp_path / "board.dts").write_text(SOURCE)
    (tmp_path / "region.dtsi").write_text(REGION)
    path = tmp_path / "board.dts"
    ran = kinfo_cli("verify-dt", "--no-schema", path)
    assert "          at:     " in ran.out
    assert "region.dtsi:7\n" in ran.out
    (tree,) = json.loads(kinfo_cli("verify-dt", "--no-schema", path, "--format", "json").out)["trees"]
    (first, *_) = tree["findings"]
    assert (Path(first["file"]).name, first["line"]) == ("region.dtsi", 7)
    sarif = json.loads(kinfo_cli("verify-dt", "--no-schema", path, "--format", "sarif").out)
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert (Path(place["artifactLocation"]["uri"]).name, place["region"]) == (
        "region.dtsi",
        {"startLine": 7, "startColumn": 1, "endLine": 7},
    )
    assert (
        "region.dtsi,line=7,title=devicetree-outside-memory"
        in kinfo_cli("verify-dt", "--no-schema", path, "--format", "github").out
    )


@needs_dtc
def test_errors_as_compilers_write_them(tmp_path: Path, kinfo_cli: Cli) -> None:
    path = tmp_path / "board.dts"
    path.write_text(SOURCE.replace('#include "region.dtsi"\n', REGION.removesuffix("\n") + "\n"))
    lines = kinfo_cli("verify-dt", "--no-schema", path, "--format", "gcc").out.splitlines()
    assert re.match(rf"{re.escape(str(path))}:8:\d+: error: /reserved-memory/kinfo@70000000", lines[0])
    assert lines[0].endswith(" [devicetree-outside-memory]")
    assert path.read_text().splitlines()[7][3:].startswith("reg = <")


@needs_dtc
def test_columns_of_preprocessed_source_are_not_the_sources(tmp_path: Path, kinfo_cli: Cli) -> None:
    if not shutil.which("cpp"):
        pytest.skip("cpp is not installed")
    (tmp_path / "board.dts").write_text(SOURCE)
    (tmp_path / "region.dtsi").write_text(REGION)
    first = kinfo_cli("verify-dt", "--no-schema", tmp_path / "board.dts", "--format", "gcc").out.splitlines()[0]
    assert "region.dtsi:7: error: " in first


@needs_dtc
def test_a_blob_has_no_lines(kinfo_cli: Cli) -> None:
    path = Path(__file__).parent.parent / "dts_examples" / "wrong" / "devicetree-ranges.dtb"
    ran = kinfo_cli("verify-dt", "--no-schema", path, "--format", "json")
    assert json.loads(ran.out)["trees"][0]["findings"][0]["line"] is None
