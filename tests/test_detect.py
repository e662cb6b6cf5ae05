"""Detection: every layout among all, in every wrapping, and the traps that XOR and equal sizes lay."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kinfo
from kinfo import Confidence, State
from kinfo.record.detect import detect
from tests.strategies import plausible, wrappings
from tests.synthetic import MAIN, VENDOR, make_fields, noise, wrap

# Layouts whose records can be the same bytes, zero tail or not; then the other one must be named.
TWINS = {"A0": {"A1n"}, "A1n": {"A0"}, "CR": {"C"}, "V1": {"V2", "V3"}, "V3": {"V3s"}, "V3l": {"V4"}}


@settings(max_examples=300, deadline=None)
@given(plausible(), wrappings)
def test_a_plausible_record_is_found_and_read_right_in_any_wrapping(
    drawn: tuple[kinfo.Layout, dict[str, Any], int], how: str
) -> None:
    layout, fields, seed = drawn
    dump, offset = wrap(kinfo.encode(fields, layout), how, seed)
    record = kinfo.decode(dump)
    assert record.layout is layout
    assert (record.offset, record.state) == (offset, State.VALID)
    for name, value in fields.items():
        assert record.fields[name] == value
    codes = {finding.code for finding in record.findings if finding.severity.value != "info"}
    assert codes == ({"record-vendor-alone"} if layout.vendor and offset else set())


@pytest.mark.parametrize("alias", [*MAIN, *VENDOR])
def test_confidence_in_a_zeroed_region(alias: str) -> None:
    record = kinfo.decode(wrap(kinfo.encode(make_fields(alias, 4), alias), "zero")[0])
    rivals = {rival.layout.alias for rival in record.rivals}
    assert TWINS.get(alias, set()) <= rivals
    wanted = Confidence.LIKELY if alias in TWINS else Confidence.CERTAIN
    assert record.confidence is wanted, f"{alias} reads as {rivals} too: where that must be, it goes into TWINS"


@pytest.mark.parametrize("alias", [*MAIN, *VENDOR])
def test_a_file_of_the_records_size_is_certain(alias: str) -> None:
    record = kinfo.decode(kinfo.encode(make_fields(alias, 4), alias))
    assert record.confidence is (Confidence.LIKELY if alias == "CR" else Confidence.CERTAIN)


@pytest.mark.parametrize("alias", MAIN)
@pytest.mark.parametrize("how", ["alone", "zero", "noise", "embedded"])
def test_any_flipped_bit_in_a_pointer_keeps_the_layout_and_breaks_the_sum(alias: str, how: str) -> None:
    layout = kinfo.layout(alias)
    pointers = [field for field in layout.fields if field.name.endswith(("_pa", "_va")) and field.offset < 124]
    rng = random.Random(alias + how)
    for seed in range(15):
        record = bytearray(kinfo.encode(make_fields(alias, seed), layout))
        field = rng.choice(pointers)
        record[field.offset + rng.randrange(5)] ^= 1 << rng.randrange(8)
        read = kinfo.decode(wrap(bytes(record), how, seed)[0])
        assert read.layout is layout, field.name
        assert read.state is State.MISMATCH
        assert read.checksum.flipped_bit is not None
        assert read.confidence is not Confidence.CERTAIN


@pytest.mark.parametrize("alias", [*MAIN, *VENDOR])
@pytest.mark.parametrize("how", ["alone", "zero", "noise"])
def test_inverted_by_a_boot_loader(alias: str, how: str) -> None:
    record = bytearray(kinfo.encode(make_fields(alias, 6), alias))
    record[4:8] = bytes(byte ^ 0xFF for byte in record[4:8])
    read = kinfo.decode(wrap(bytes(record), how)[0])
    assert (read.layout, read.state) == (kinfo.layout(alias), State.INVERTED)
    assert [finding.code for finding in read.findings if finding.code.startswith("checksum")] == ["checksum-inverted"]


def test_a_sum_that_holds_for_longer_layouts_does_not_make_them_it() -> None:
    region = wrap(kinfo.encode(make_fields("A0", 1), "A0"), "zero")[0]
    detection = detect(region[:2048], is_end=False)
    assert detection
    holding = {one.layout.alias for one in detection.candidates if one.checksum.state is State.VALID}
    assert {"A0", "A1", "A1n", "A2", "A3", "A4", "A5", "A6", "A6v2"} <= holding
    assert detection.best.layout.alias == "A0"


def test_a_sum_that_holds_for_shorter_layouts_does_not_make_them_it() -> None:
    fields = make_fields("A6v2", 1)
    seqs = fields["_seqs_of_names_pa"] & ~0xFFFFFFFF | 0x81000000
    fields["_seqs_of_names_pa"] = seqs
    region = kinfo.encode(fields, "A6v2") + noise(3000, 1)
    detection = detect(region[:2048], is_end=False)
    assert detection
    assert detection.best.layout.alias == "A6v2"


@pytest.mark.parametrize(("one", "other"), [("A2", "A5"), ("A5", "A2"), ("B", "C"), ("C", "B"), ("Z0", "D"), ("D", "Z0")])
def test_layouts_of_equal_size_are_told_apart(one: str, other: str) -> None:
    for seed in range(8):
        record = kinfo.decode(kinfo.encode(make_fields(one, seed), one))
        assert record.layout is kinfo.layout(one)
        assert other not in {rival.layout.alias for rival in record.rivals}


class TestBaseAndText:
    """Layouts B, C and CR differ in two words and the release."""

    def read(self, **changes: Any) -> kinfo.Examined:
        return kinfo.decode(wrap(kinfo.encode(make_fields("C", 2) | changes, "C"), "zero")[0])

    def test_meminspect_v2_has_no_base(self) -> None:
        record = self.read(_relative_pa=0, last_uts_release="7.0.0-rc3-next-20260309-00025-g1a2b3c4d5e6f")
        assert record.layout is kinfo.layout("C")
        assert [rival.layout.alias for rival in record.rivals] == ["CR"]
        assert record.rivals[0].fields == ("_relative_pa", "_reserved")
        assert record.writers == ("meminspect v2",)

    def test_android_7_without_a_base_is_cr(self) -> None:
        record = self.read(_relative_pa=0, last_uts_release="7.0.2-android17-1-g1a2b3c4d5e6f-ab14567890")
        assert record.layout is kinfo.layout("CR")

    def test_rfc_v2_stores_the_variables_address_and_sysname(self) -> None:
        fields = make_fields("C", 2)
        base = fields["_seqs_of_names_pa"] - 8
        record = self.read(_relative_pa=base, last_uts_release="Linux")
        assert record.layout is kinfo.layout("C")
        assert record.writers == ("kmemdump RFC v2",)
        codes = {finding.code for finding in record.findings if finding.severity.value == "error"}
        assert codes == {"symbols-base", "record-release-sysname"}

    def test_realme_leaves_text_and_seqs_out(self) -> None:
        record = self.read(_text_pa=0, _seqs_of_names_pa=0)
        assert record.layout is kinfo.layout("C")
        assert record.missing == ("_text_pa", "_seqs_of_names_pa")

    def test_absolute_table_of_b(self) -> None:
        fields = make_fields("B", 3)
        fields |= {"_addresses_pa": fields["_offsets_pa"], "enabled_base_relative": 0, "_relative_pa": 0, "_offsets_pa": 0}
        record = kinfo.decode(kinfo.encode(fields, "B"))
        assert record.layout is kinfo.layout("B")
        assert record.missing == ()


class TestWithoutModules:
    """Trees that put all about modules under #ifdef CONFIG_MODULES leave zeros, and module_name_len 0."""

    @pytest.mark.parametrize(("alias", "release"), [("A2", "5.10.43-g1"), ("A2", "6.1.75-g1"), ("A6", "6.6.30-g1")])
    @pytest.mark.parametrize("how", ["alone", "zero", "noise", "embedded"])
    def test_module_name_len_0_speaks_for_them(self, alias: str, release: str, how: str) -> None:
        fields = make_fields(alias, 1) | {"module_name_len": 0, "last_uts_release": release}
        fields |= {name: 0 for name in fields if name.startswith(("mod_", "module_", "enabled_modules"))}
        record = kinfo.decode(wrap(kinfo.encode(fields, alias), how)[0])
        assert record.layout is kinfo.layout(alias)


def test_zeros_before_noise_belong_to_the_record() -> None:
    fields = make_fields("A3", 1) | {"enabled_module_scmversion": 0, "mod_scmversion_offset": 0}
    record = kinfo.decode(wrap(kinfo.encode(fields, "A3"), "noise")[0])
    assert record.layout is kinfo.layout("A3")


@pytest.mark.parametrize("alias", [*MAIN, *VENDOR])
def test_cut_anywhere_the_right_layout_is_named(alias: str) -> None:
    record = kinfo.encode(make_fields(alias, 2), alias)
    for cut in range(76, len(record), 12):
        read = kinfo.decode(record[:cut])
        named = [read.layout, *(rival.layout for rival in read.rivals)]
        assert kinfo.layout(alias) in named or read.size <= cut, cut
        assert read.confidence is not Confidence.CERTAIN or read.size <= cut


@pytest.mark.parametrize("alias", MAIN)
def test_before_the_magic_the_layout_is_named(alias: str) -> None:
    fields = make_fields(alias, 2)
    for name in fields:  # a snapshot taken inside the driver's probe, before the release
        if name.startswith(("mod_", "module_s", "module_e", "module_p", "enabled_mod", "last", "build", "va_", "page")):
            fields[name] = "" if name in ("last_uts_release", "build_info") else 0
    record = kinfo.decode(bytes(8) + kinfo.encode(fields, alias)[8:].ljust(4088, b"\0"))
    assert record.state is State.NOT_WRITTEN
    assert kinfo.layout(alias) in [record.layout, *(rival.layout for rival in record.rivals)]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=700), st.sampled_from((b"", b"\xff\xdd\xee\xcc", b"\xdd\xbb\xcc\xaa", b"\xcc\xee\xdd\xff")))
def test_any_bytes_give_a_record_or_the_projects_own_error(data: bytes, magic: bytes) -> None:
    try:
        record = kinfo.decode(magic + data)
    except kinfo.KinfoError as error:
        assert "\n" not in str(error)
    else:
        assert record.layout is not None or record.state is State.ERASED


@settings(max_examples=100, deadline=None)
@given(plausible(), st.lists(st.tuples(st.integers(0, 527), st.integers(0, 255)), max_size=6))
def test_corrupted_records_never_raise_anything_else(
    drawn: tuple[kinfo.Layout, dict[str, Any], int], changes: list[tuple[int, int]]
) -> None:
    layout, fields, seed = drawn
    region = bytearray(wrap(kinfo.encode(fields, layout), "zero", seed)[0])
    for place, byte in changes:
        region[place] = byte
    try:
        kinfo.decode(bytes(region))
    except kinfo.KinfoError as error:
        assert str(error)
