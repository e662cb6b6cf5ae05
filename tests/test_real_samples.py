"""Real records: written by the drivers' own code, and left by booted kernels. Skipped where the samples are not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kinfo
from kinfo.record import text
from tests.synthetic import PAGE, noise

STATES = {"absent": {"not-written", "erased"}}


def written_by_drivers(folder: Path) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    for path in sorted((folder / "records").glob("*.json")):
        packed = path.with_suffix(".bin.gz")
        data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.with_suffix(".bin").read_bytes()
        yield path.stem, json.loads(path.read_text()), data


def check_fields(name: str, record: kinfo.Record, truth: dict[str, Any]) -> int:
    corruption = truth.get("corruption", {})
    checked = 0
    for field, value in truth["fields"].items():
        if field == "build_info_hex":
            raw = record.string("build_info")
            assert raw is None or raw.hex() == value.ljust(512, "0"), name
        elif field not in record.values:
            assert record.is_truncated, (name, field)
        else:
            got = record.values[field]
            wanted = corruption["value_in_file"] if corruption.get("field") == field else value
            if isinstance(got, bytes):
                assert text.before_nul(got).decode() == wanted, (name, field)
            else:
                assert got == int(wanted, 16), (name, field)
            checked += 1
    return checked


def test_records_written_by_the_drivers_code(real_samples: Path) -> None:
    records = fields = 0
    for name, truth, data in written_by_drivers(real_samples):
        record = kinfo.decode(data)
        assert record.state.value in STATES.get(truth["checksum_state"], {truth["checksum_state"]}), name
        if truth.get("record_absent"):
            assert record.layout is None, name
            continue
        assert record.layout, name
        assert (record.layout.alias, record.offset) == (truth["layout"], truth["record_offset"]), name
        fields += check_fields(name, record, truth)
        if "vendor" in truth:
            assert record.vendor, name
            assert record.vendor.layout, name
            assert record.vendor.layout.alias == truth["vendor"]["layout"]
            assert record.vendor.offset == truth["vendor"]["record_offset"]
            fields += check_fields(name, record.vendor, truth["vendor"])
        records += 1
    assert records >= 49
    assert fields >= 1400


def test_the_same_record_in_any_wrapping(real_samples: Path) -> None:
    for name, truth, data in written_by_drivers(real_samples):
        if truth["variant"] != "exact":
            continue
        alone = kinfo.decode(data)
        for wrapped in (
            data.ljust(PAGE, b"\0"),
            data + noise(PAGE - len(data), 1),
            noise(3 * PAGE, 2) + data.ljust(PAGE, b"\0") + noise(PAGE, 3),
            noise(3 * PAGE, 2) + data + noise(2 * PAGE, 3),
        ):
            record = kinfo.decode(wrapped)
            assert (record.layout, record.state, record.fields) == (alone.layout, alone.state, alone.fields), name


KERNELS = ("kernels/android-6.12", "kernels/meminspect-v1", "ram")


def symbols(path: Path) -> dict[str, int]:
    rows = [line.split() for line in path.read_text().splitlines()]
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}


@pytest.mark.parametrize("kernel", KERNELS)
def test_booted_kernels(real_samples: Path, kernel: str) -> None:
    folder = real_samples / kernel
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    meta = json.loads((folder / "meta.json").read_text())
    running = symbols(folder / "kallsyms.txt")
    voffset = int(meta["kimage_voffset"], 16)
    dumps = sorted(folder.glob("kinfo*.bin"))
    assert dumps
    for path in dumps:
        record = kinfo.decode(path)
        assert record.layout
        assert (record.layout.alias, record.state.value, record.missing) == ("C", "valid", ())
        assert record.release_text == meta["kernel_release"]
        pointers = {name: record.number(name) for name in record.values if name.endswith("_pa") and name != "_relative_pa"}
        names = {
            name: name.removesuffix("_pa") if name.removesuffix("_pa") in running else f"kallsyms{name.removesuffix('_pa')}"
            for name in pointers
        }
        for name, address in pointers.items():
            assert running[names[name]] - voffset == address, (path.name, name)
        assert record.number("_relative_pa") == int(meta["text_pa"], 16)
        if "truth" in meta:
            for field, constant in {
                "num_syms": "kallsyms_num_syms",
                "name_len": "KSYM_NAME_LEN",
                "symbol_len": "KSYM_SYMBOL_LEN",
                "module_name_len": "MODULE_NAME_LEN",
                "thread_size": "THREAD_SIZE",
                "enabled_modules_tree_lookup": "MODULES_TREE_LOOKUP",
            }.items():
                assert record.number(field) == int(meta["truth"][constant], 16), (path.name, field)
        config = folder / "config" if (folder / "config").exists() else folder / "kernel-6.12" / "config"
        assert record.number("enabled_all") == ("CONFIG_KALLSYMS_ALL=y" in config.read_text())
        assert not [finding for finding in record.findings if finding.severity.value != "info"]
        # System.map holds link-time addresses: one slide for every symbol
        linked = symbols(config.parent / "System.map")
        slides = {running[names[name]] - linked[names[name]] for name in pointers}
        assert slides == {int(meta["kaslr_slide"], 16)}
