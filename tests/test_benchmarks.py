"""What `make bench-compare` says of two runs of `make bench`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import debugged, measure, regression, run


def written(path: Path, **ratios: float) -> str:
    path.write_text(json.dumps({"ratios": ratios}))
    return str(path)


def test_a_ratio_that_grew_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = written(tmp_path / "old", decode=5.0, find=1.0, gone=2.0)
    assert regression.main([old, old]) == 0
    assert capsys.readouterr().out == "3 ratios, none more than 15% worse\n"
    new = written(tmp_path / "new", decode=5.7, find=1.2, more=1.0)
    assert regression.main([old, new]) == 1
    assert capsys.readouterr().out == "find: 1.00 before, 1.20 now (+20%)\ngone: 2.00 before, not measured now\n"


@pytest.mark.parametrize("words", [[], ["one"], ["missing", "missing"]])
def test_what_cannot_be_compared_is_said(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert regression.main(words) == 2
    assert "that `make bench JSON=FILE` wrote" in capsys.readouterr().err


def test_no_document_of_a_run(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", "null"):
        (tmp_path / "x").write_text(text)
        assert regression.main([str(tmp_path / "x")] * 2) == 2


def test_rows_are_kept_by_name_and_yardstick(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "RATIOS", {})
    measure.row("kinfo x", 0.2, "python", 0.1, "at most 3")
    assert measure.RATIOS == {"kinfo x / python": 2.0}
    assert "2.00 x python" in capsys.readouterr().out


def test_commands_are_measured_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    seconds = iter([1.0, 5.0, 3.0, 4.0, 2.0, 9.0])
    monkeypatch.setattr(measure, "processor", lambda *words: order.append(words[0]) or measure.taken(next(seconds), 1.0))  # type: ignore[func-returns-value]
    assert measure.alternating({"a": ["x"], "b": ["y"]}, 3) == {"a": 2.0, "b": 5.0}
    assert order == ["x", "y"] * 3


class TestAgainstDrgn:
    """What is measured on a core with debug information; the commands themselves are not run."""

    def measured(self, monkeypatch: pytest.MonkeyPatch, *, has_drgn: bool, dmesg: str | None) -> list[dict[str, object]]:
        seen: list[dict[str, object]] = []

        def alternating(commands: dict[str, object], _: int) -> dict[str, float]:
            seen.append(dict(commands))
            return dict.fromkeys(commands, 2.0) | {"kinfo": 1.0}

        monkeypatch.setattr(debugged, "alternating", alternating)
        monkeypatch.setattr(debugged, "peak_mib", lambda *_: 30.0)
        monkeypatch.setattr(measure, "RATIOS", {})
        monkeypatch.setattr(debugged, "find_spec", lambda _: has_drgn or None)
        monkeypatch.setattr(debugged, "which", lambda _: dmesg)
        debugged.everything(Path("core"), Path("vmlinux"))
        return seen

    def test_every_figure_has_its_row(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        seen = self.measured(monkeypatch, has_drgn=True, dmesg="/usr/sbin/vmcore-dmesg")
        assert [list(commands) for commands in seen] == [
            ["kinfo", "python -c pass", "vmcore-dmesg", "drgn"],
            ["kinfo", "python -c pass", "drgn"],
            ["kinfo", "python -c pass", "drgn"],
        ]
        assert [name for name in measure.RATIOS if "drgn" in name] == [
            f"kinfo {what}, a core of a kernel / drgn" for what in ("dmesg", "ps --threads", "backtrace --all")
        ]
        assert capsys.readouterr().out.count("target: at most 0.5") == 2

    def test_what_is_not_installed_is_said(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        seen = self.measured(monkeypatch, has_drgn=False, dmesg=None)
        assert all(list(commands) == ["kinfo", "python -c pass"] for commands in seen)
        said = capsys.readouterr().out
        assert "drgn is not installed" in said
        assert "vmcore-dmesg is not installed" in said

    def test_without_a_core(self, capsys: pytest.CaptureFixture[str]) -> None:
        debugged.everything(None, Path("vmlinux"))
        assert "no core with debug information is named (CORE=FILE VMLINUX=FILE)" in capsys.readouterr().out


def test_processor_time_and_wall_clock_are_medians_taken_in_turn() -> None:
    order: list[str] = []
    found = measure.calls({name: lambda name=name: order.append(name) for name in ("ours", "theirs")}, 3)  # type: ignore[misc]
    assert order == ["ours", "theirs"] * 3
    assert all(one >= 0 and one.wall >= 0 for one in found.values())
    found = measure.alternating({"bare": (sys.executable, "-c", "pass")}, 1)
    assert found["bare"] >= 0
    assert found["bare"].wall >= 0


def test_the_wall_clock_stands_beside_the_processor_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "RATIOS", {})
    measure.row("ours", measure.taken(0.5, 2.0), "theirs", measure.taken(0.25, 1.0), "none")
    assert capsys.readouterr().out.endswith("2.00 x theirs               target: none (wall 2000 ms)\n")
    assert measure.RATIOS == {"ours / theirs": 2.0}


def test_a_part_that_breaks_is_named_and_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise OSError("the disk is full")

    assert run._failed(lambda: None) == ""
    assert run._failed(broken).endswith("broken: OSError: the disk is full")
    assert capsys.readouterr().out.startswith("NOT MEASURED: ")
