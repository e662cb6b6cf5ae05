"""Comparing records: the classes, their symmetry, what the policy makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import kinfo
from kinfo import Examined, Severity
from kinfo.catalogue import RULES
from kinfo.diff.builds import is_address
from kinfo.diff.classify import compare_records
from kinfo.diff.judge import judge
from kinfo.diff.model import Kind
from kinfo.diff.policy import Policy, policy_of
from kinfo.diff.reasons import REASONS
from kinfo.errors import KinfoError, RecordError
from kinfo.findings import Finding
from kinfo.record.layouts import LAYOUTS
from tests import strategies
from tests.synthetic import make_fields

PAGE = 4096


def record(alias: str, fields: dict[str, Any]) -> Examined:
    return kinfo.decode(kinfo.encode(fields, alias), offset=0, layout=alias)


def changed(alias: str, seed: int = 1, **changes: Any) -> tuple[Examined, Examined]:
    fields = make_fields(alias, seed)
    return record(alias, fields), record(alias, fields | changes)


def classes(old: Examined, new: Examined) -> dict[str, Kind]:
    return {one.field: one.kind for one in compare_records(old, new).differences if one.kind is not Kind.SAME}


def reasons(old: Examined, new: Examined) -> dict[str, str]:
    return {one.field: one.reason for one in compare_records(old, new).differences if one.kind is not Kind.SAME}


def addresses(alias: str, fields: dict[str, Any]) -> list[str]:
    return [name for name in kinfo.layout(alias).by_name if is_address(name) and fields.get(name)]


@given(strategies.plausible())
def test_a_record_equals_itself(drawn: tuple[Any, dict[str, Any], int]) -> None:
    layout, fields, _ = drawn
    one = record(layout.alias, fields)
    assert classes(one, one) == {}
    assert [finding for finding in judge(one, one, Policy()).findings if finding.severity is Severity.ERROR] == []


@settings(max_examples=150)
@given(strategies.plausible(), strategies.plausible())
def test_classes_do_not_care_which_is_old(
    one: tuple[Any, dict[str, Any], int], other: tuple[Any, dict[str, Any], int]
) -> None:
    first, second = record(one[0].alias, one[1]), record(other[0].alias, other[1])
    there = {each.field: (each.kind, each.old, each.new) for each in compare_records(first, second).differences}
    back = {each.field: (each.kind, each.new, each.old) for each in compare_records(second, first).differences}
    assert there == back


@given(strategies.layouts, strategies.seeds, st.data())
def test_any_fields_at_all_are_symmetric(layout: Any, seed: int, data: st.DataObject) -> None:
    first = record(layout.alias, make_fields(layout.alias, seed))
    second = record(layout.alias, data.draw(strategies.any_fields(layout)))
    there = {each.field: each.kind for each in compare_records(first, second).differences}
    assert there == {each.field: each.kind for each in compare_records(second, first).differences}


@st.composite
def damaged(draw: st.DrawFn) -> Examined | None:
    """What detection makes of a region with some bytes overwritten, cut off anywhere."""
    layout, seed = draw(strategies.main_layouts), draw(st.integers(0, 3))
    data = bytearray(kinfo.encode(make_fields(layout.alias, seed), layout).ljust(draw(st.sampled_from((0, 600))), b"\0"))
    for at, byte in draw(st.lists(st.tuples(st.integers(8, len(data) - 1), st.integers(0, 255)), max_size=12)):
        data[at] = byte
    try:
        return kinfo.decode(bytes(data[: draw(st.integers(100, 600))]))
    except KinfoError:
        return None


@given(damaged(), damaged())
def test_damaged_records_are_compared(one: Examined | None, other: Examined | None) -> None:
    assume(one and other and one.layout and other.layout)
    assert one
    assert other
    there = {each.field: (each.kind, each.old, each.new) for each in judge(one, other, Policy()).comparison.differences}
    back = {each.field: (each.kind, each.new, each.old) for each in judge(other, one, Policy()).comparison.differences}
    assert there == back


@given(strategies.main_layouts, strategies.seeds, st.integers(-1000, 1000).filter(bool))
def test_a_common_shift_is_moved(layout: Any, seed: int, pages: int) -> None:
    fields = make_fields(layout.alias, seed)
    names = addresses(layout.alias, fields)
    moved = fields | {name: (fields[name] + pages * PAGE) & (1 << 64) - 1 for name in names}
    old, new = record(layout.alias, fields), record(layout.alias, moved)
    comparison = compare_records(old, new)
    assert comparison.slide == pages * PAGE
    assert {each.field for each in comparison.of(Kind.MOVED)} == set(names)
    assert comparison.of(Kind.REGRESSION) == ()


@given(strategies.main_layouts, strategies.seeds, st.integers(-1000, 1000).filter(bool), st.data())
def test_a_shift_of_one_is_a_regression(layout: Any, seed: int, pages: int, data: st.DataObject) -> None:
    fields = make_fields(layout.alias, seed)
    name = data.draw(st.sampled_from(addresses(layout.alias, fields)))
    old = record(layout.alias, fields)
    new = record(layout.alias, fields | {name: (fields[name] + pages * PAGE) & (1 << 64) - 1})
    assert classes(old, new) == {name: Kind.REGRESSION}


def test_one_that_stays_behind_is_a_regression() -> None:
    fields = make_fields("C", 1)
    moved = {name: fields[name] + PAGE for name in addresses("C", fields) if name != "_names_pa"}
    old, new = record("C", fields), record("C", fields | moved)
    assert reasons(old, new)["_names_pa"] == "the other addresses moved by 0x1000, this one did not"


def test_a_shift_of_no_page_is_a_regression() -> None:
    fields = make_fields("C", 1)
    old, new = record("C", fields), record("C", fields | {name: fields[name] + 8 for name in addresses("C", fields)})
    assert set(classes(old, new).values()) == {Kind.REGRESSION}
    assert "which is no whole number of pages" in reasons(old, new)["_text_pa"]


CASES = [
    ("C", {"thread_size": 0x8000}, "thread_size", Kind.REGRESSION, "it does not depend on boot or build"),
    ("C", {"enabled_all": 0}, "enabled_all", Kind.REGRESSION, "it does not depend on boot or build"),
    ("C", {"num_syms": 7}, "num_syms", Kind.REGRESSION, "release and addresses are of one build"),
    ("C", {"num_syms": 0}, "num_syms", Kind.REGRESSION, "it is 0 in one of them"),
    ("C", {"_names_pa": 0}, "_names_pa", Kind.REGRESSION, "it is set in one of them only"),
    ("C", {"last_uts_release": ""}, "last_uts_release", Kind.REGRESSION, "one of them has no release"),
    ("C", {"last_uts_release": "6.12.99-other"}, "last_uts_release", Kind.PER_BUILD, "another release"),
    ("C", {"build_info": ""}, "build_info", Kind.PER_BOOT, "user space writes it after boot, or not"),
    ("C", {"build_info": "a/b/c:16/D/1:user/keys"}, "build_info", Kind.PER_BUILD, "another build of user space"),
    ("C", {"mod_mem_offset": 8}, "mod_mem_offset", Kind.REGRESSION, "it does not depend on boot or build"),
    ("C", {"_relative_pa": 0}, "_relative_pa", Kind.REGRESSION, "it is set in one of them only"),
    ("D", {"enabled_cfi_clang": 0}, "enabled_cfi_clang", Kind.REGRESSION, "it does not depend on boot or build"),
    ("A2", {"module_end_va": 0xFFFFFFC000000000}, "module_end_va", Kind.REGRESSION, "the range for modules has another size"),
    ("A5", {"module_plt_start_va": 0xFFFFFFC000000000}, "module_plt_start_va", Kind.PER_BOOT, "chosen at boot"),
    ("A5", {"module_plt_start_va": 4097}, "module_plt_start_va", Kind.REGRESSION, "it is no whole number of pages"),
    ("V3s", {"suspend_diag_va": 0xFFFFFFC009000008}, "suspend_diag_va", Kind.PER_BOOT, "chosen at boot"),
    ("A2", {"module_start_va": 0}, "module_start_va", Kind.REGRESSION, "it is set in one of them only"),
    ("V3l", {"kimage_voffset": 0xFFFFFFBF00000000}, "kimage_voffset", Kind.PER_BOOT, "chosen at boot"),
]  # fmt: skip


@pytest.mark.parametrize(("alias", "changes", "field", "kind", "reason"), CASES, ids=lambda value: str(value)[:30])
def test_classes(alias: str, changes: dict[str, Any], field: str, kind: Kind, reason: str) -> None:
    old, new = changed(alias, **changes)
    assert classes(old, new) == {field: kind}
    assert reasons(old, new) == {field: reason}


def test_tails_behind_a_nul() -> None:
    fields = make_fields("C", 1)
    text = fields["build_info"]
    stale = text.encode() + b"\0old"
    old, new = record("C", fields), record("C", fields | {"build_info": stale})
    assert reasons(old, new) == {"build_info": "the tail of an earlier, longer write"}
    (one,) = (each for each in compare_records(old, new).differences if each.field == "build_info")
    assert (one.old, one.new, one.old_tail, one.new_tail) == (text, text, b"", b"old")
    assert one.words == (text, f"{text} (behind its NUL: 6f6c64)")
    release = fields["last_uts_release"].encode() + b"\0x"
    assert classes(old, record("C", fields | {"last_uts_release": release})) == {"last_uts_release": Kind.REGRESSION}


def other_build(**changes: Any) -> tuple[Examined, Examined]:
    """Two releases of one layout: the second's addresses all moved by distances of their own."""
    fields = make_fields("C", 1)
    names = addresses("C", fields)
    moved = {name: fields[name] + PAGE * number for number, name in enumerate(names, start=1)}
    other = {"last_uts_release": "6.13.1", "num_syms": fields["num_syms"] + 5}
    return record("C", fields), record("C", fields | moved | other | changes)


def test_another_build() -> None:
    old, new = other_build(mod_mem_offset=0x99, build_info="a/b/c:16/D/1:user/keys")
    found = classes(old, new)
    assert set(found.values()) == {Kind.PER_BUILD}
    assert reasons(old, new)["mod_mem_offset"] == "struct module of another release"
    old, new = other_build(thread_size=0x8000, _end_pa=0)
    assert {name for name, kind in classes(old, new).items() if kind is Kind.REGRESSION} == {"thread_size", "_end_pa"}


def test_lengths_that_grew_with_the_release() -> None:
    old = record("A2", make_fields("A2", 1) | {"last_uts_release": "5.15.1", "name_len": 128, "symbol_len": 239})
    new = record("A2", make_fields("A2", 2) | {"last_uts_release": "6.1.1", "name_len": 512, "symbol_len": 623})
    found = classes(old, new)
    assert (found["name_len"], found["symbol_len"]) == (Kind.PER_BUILD, Kind.PER_BUILD)
    assert "KSYM_NAME_LEN" in reasons(old, new)["name_len"]


def test_layouts_have_fields_of_their_own() -> None:
    old, new = record("A6", make_fields("A6", 1)), record("C", make_fields("C", 1))
    found = classes(old, new)
    assert found["_text_pa"] is found["_addresses_pa"] is Kind.ONE_LAYOUT
    assert reasons(old, new)["_text_pa"] == "A6 has no such field"


def writers(old_alias: str, old: dict[str, Any], new_alias: str, new: dict[str, Any]) -> dict[str, str]:
    before, after = record(old_alias, make_fields(old_alias, 1) | old), record(new_alias, make_fields(new_alias, 1) | new)
    return {one.field: one.reason for one in compare_records(before, after).of(Kind.WRITER)}


def test_what_writers_are_known_to_do() -> None:
    assert writers("C", {}, "D", {"_relative_pa": 0})["_relative_pa"] == "v3 never stores _relative_pa"
    v1 = {"last_uts_release": "6.18.1"}
    assert writers("C", v1, "C", v1 | {"_relative_pa": 0})["_relative_pa"] == "v2 stores no _relative_pa"
    rfc = writers("C", {}, "C", {"last_uts_release": "Linux", "_relative_pa": 0x81234568})
    assert set(rfc) == {"last_uts_release", "_relative_pa"}
    new = {"last_uts_release": "7.0.1", "_relative_pa": 0}
    assert writers("C", {}, "C", new)["_relative_pa"] == "kernels from 7.0 on have no relative base"
    flag = {"last_uts_release": "6.9.1", "enabled_base_relative": 1}
    assert (
        "since 6.11"
        in writers("C", {"last_uts_release": "6.12.1", "enabled_base_relative": 0}, "B", flag)["enabled_base_relative"]
    )
    assert (
        "does not assign"
        in writers("C", {"last_uts_release": "6.10.1", "enabled_base_relative": 0}, "B", flag)["enabled_base_relative"]
    )
    cfi = {"last_uts_release": "6.18.1", "enabled_cfi_clang": 0}
    assert "CONFIG_CFI" in writers("C", {"last_uts_release": "6.12.1", "enabled_cfi_clang": 1}, "C", cfi)["enabled_cfi_clang"]
    absolute = {"_addresses_pa": 0x81000000, "_offsets_pa": 0, "_relative_pa": 0, "enabled_base_relative": 0}
    assert set(writers("A2", {}, "A2", absolute)) >= {"_addresses_pa", "_offsets_pa", "_relative_pa"}
    assert all(reason.text and reason.source for reason in REASONS)


def test_a_driver_that_loses_the_base_does_not_hide_as_another_layout() -> None:
    """Without `_relative_pa` the bytes speak for CR, in which the field is reserved."""
    fields = make_fields("C", 1)
    whole, lost = (kinfo.decode(kinfo.encode(fields | more, "C")) for more in ({}, {"_relative_pa": 0}))
    assert (lost.layout, [rival.layout.alias for rival in lost.rivals]) == (kinfo.layout("CR"), ["C"])
    for old, new in ((whole, lost), (lost, whole)):
        comparison = compare_records(old, new)
        assert (comparison.old_layout, comparison.new_layout) == ("C", "C")
        assert classes(old, new) == {"_relative_pa": Kind.REGRESSION}
    later = make_fields("CR", 1)  # 6.19, from which on the layout may be another
    assert compare_records(whole, record("CR", later)).new_layout == "CR"


def test_another_layout_of_the_same_driver_and_series() -> None:
    fields = make_fields("A6v2", 1)
    old, new = (
        kinfo.decode(kinfo.encode(fields | more, "A6v2").ljust(PAGE, b"\0")) for more in ({}, {"_seqs_of_names_pa": 0})
    )
    assert classes(old, new)["layout"] is Kind.REGRESSION
    assert reasons(old, new)["layout"] == "kernels of one series, and both layouts are Android's"
    assert "layout" not in classes(old, record("A6", make_fields("A6", 1) | {"last_uts_release": "6.7.1"}))
    posted = make_fields("D", 1) | {"last_uts_release": fields["last_uts_release"]}
    assert "layout" not in classes(old, record("D", posted))  # upstream's driver beside Android's


def test_the_garbage_of_2020() -> None:
    """virt_to_phys(0) is -kimage_voffset: another number in every boot, and nobody reads it."""
    fields = make_fields("A0", 1) | {"enabled_base_relative": 1, "_addresses_pa": 0x2CD8000000}
    old, new = record("A0", fields), record("A0", fields | {"_addresses_pa": 0x1234560000})
    assert classes(old, new) == {"_addresses_pa": Kind.PER_BOOT}
    assert compare_records(old, new).slide == 0


def test_offsets_follow_the_tree_lookup() -> None:
    fields = make_fields("C", 1) | {"enabled_modules_tree_lookup": 0, "mod_kallsyms_offset": 0x200}
    old, new = record("C", fields), record("C", fields | {"enabled_modules_tree_lookup": 1, "mod_kallsyms_offset": 0x388})
    assert classes(old, new) == {"enabled_modules_tree_lookup": Kind.REGRESSION, "mod_kallsyms_offset": Kind.PER_BUILD}


PER_BOOT = {"build_info", "module_plt_start_va", "kimage_voffset", "phys_offset", "suspend_diag_va"}


@pytest.mark.parametrize("alias", [layout.alias for layout in LAYOUTS if not layout.vendor])
def test_no_field_can_be_lost_or_wrong_unseen(alias: str) -> None:
    """Every field of a sound record zeroed, with a bit flipped, with all bits set: found by detection and comparison."""
    fields = make_fields(alias, 1)
    layout = kinfo.layout(alias)
    old = kinfo.decode(kinfo.encode(fields, alias).ljust(PAGE, b"\0"))
    for name in fields:
        one, value = layout.by_name[name], fields[name]
        if name in PER_BOOT or (alias in ("A0", "A1n") and name == "_addresses_pa"):
            continue
        wrongs = {0, value ^ 8, (1 << one.bits) - 1} - {value} if isinstance(value, int) else {""}
        for wrong in wrongs:
            new = kinfo.decode(kinfo.encode(fields | {name: wrong}, alias).ljust(PAGE, b"\0"))
            errors = [finding for finding in judge(old, new, Policy()).findings if finding.severity is Severity.ERROR]
            assert errors, (
                f"{alias}.{name} = {wrong!r} is seen by nobody: record/evidence/, examine/check/ or diff/classify.py"
            )


def region(alias: str, **changes: Any) -> Examined:
    """A page with the record of an Android kernel, and a vendor block in its second half."""
    main = kinfo.encode(make_fields("A2", 1), "A2").ljust(PAGE // 2, b"\0")
    return kinfo.decode((main + kinfo.encode(make_fields(alias, 1) | changes, alias)).ljust(PAGE, b"\0"))


def test_the_vendor_block() -> None:
    fields = make_fields("V2", 1)
    old = region("V2")
    assert classes(old, old) == {}
    assert compare_records(old, old).of(Kind.SAME)[-1].field == "vendor.mod_root_pa"
    assert classes(old, region("V2", mod_root_pa=fields["mod_root_pa"] + PAGE)) == {"vendor.mod_root_pa": Kind.REGRESSION}
    assert classes(old, region("V2", uts_release="")) == {"vendor.uts_release": Kind.REGRESSION}
    assert classes(old, region("V1"))["vendor.layout"] is Kind.REGRESSION
    alone = kinfo.decode(kinfo.encode(make_fields("A2", 1), "A2"))
    assert classes(old, alone) == {}  # it ends before the second half
    without = kinfo.decode(alone.raw.ljust(PAGE, b"\0"))
    assert classes(old, without) == classes(without, old) == {"vendor": Kind.PER_BOOT}
    (one,) = compare_records(old, without).of(Kind.PER_BOOT)
    assert one[1:3] == ("V2", None)
    policy = policy_of({"fields": {"vendor": ["same"], "vendor.mod_root_pa": ["regression"]}, "ignore": ["vendor.checksum"]})
    assert codes(old, without, policy) == {("not-allowed", "vendor")}


def test_a_slide_moves_the_module_root_too() -> None:
    """A single address is held against those of the kernel's record."""
    names = addresses("A2", fields := make_fields("A2", 1))
    moved = fields | {name: fields[name] + 0x200000 for name in names}
    block = make_fields("V2", 1)
    for shift, kind in ((0x200000, Kind.MOVED), (0x1000, Kind.REGRESSION), (0, Kind.REGRESSION)):
        there = block | {"mod_root_pa": block["mod_root_pa"] + shift}
        raw = kinfo.encode(moved, "A2").ljust(PAGE // 2, b"\0") + kinfo.encode(there, "V2")
        assert classes(region("V2"), kinfo.decode(raw.ljust(PAGE, b"\0")))["vendor.mod_root_pa"] is kind


def test_the_sum_s_state() -> None:
    whole = kinfo.decode(kinfo.encode(make_fields("C", 1), "C"))
    raw = bytearray(whole.raw)
    raw[4:8] = bytes(byte ^ 0xFF for byte in raw[4:8])
    read = kinfo.decode(bytes(raw))
    raw[5] ^= 0x10
    broken = kinfo.decode(bytes(raw))
    assert classes(whole, read) == {"checksum": Kind.PER_BOOT}
    assert classes(whole, broken) == {"checksum": Kind.REGRESSION}


def test_erased_and_cut_off() -> None:
    whole = kinfo.decode(kinfo.encode(make_fields("C", 1), "C"))
    with pytest.raises(RecordError, match=r"^an erased region has no fields to compare"):
        compare_records(whole, kinfo.decode(bytes(4096)))
    cut = kinfo.decode(whole.raw[:300])
    assert reasons(whole, cut)["build_info"] == "the dump ends before it"


def test_every_pair_of_layouts() -> None:
    records = [record(layout.alias, make_fields(layout.alias, 1)) for layout in LAYOUTS]
    for one in records:
        for other in records:
            assert compare_records(one, other).differences


def test_every_rule_has_an_occasion() -> None:
    codes = {rule.code for rule in RULES if rule.family == "compare"}
    assert codes == {
        *("compare-regression", "compare-not-allowed", "compare-bytes", "compare-unsound", "compare-doubt"),
        *("compare-expected", "compare-missing", "compare-extra"),
    }  # each is in a test below


def codes(old: Examined, new: Examined, policy: Policy = Policy(), **more: Any) -> set[tuple[str, str]]:  # noqa: B008
    return {(one.code.removeprefix("compare-"), one.where) for one in judge(old, new, policy, **more).findings}


def test_findings() -> None:
    old, new = changed("C", thread_size=0x8000, build_info="")
    assert codes(old, new) == {("regression", "thread_size"), ("expected", "build_info")}
    strict = policy_of({"pass": ["moved"], "ignore": ["thread_size"]})
    assert codes(old, new, strict) == {("not-allowed", "build_info")}
    loose = policy_of({"fields": {"thread_size": ["regression"]}})
    assert codes(old, new, loose) == {("expected", "thread_size"), ("expected", "build_info")}
    unsound, _ = changed("C")
    assert ("unsound", "thread_size") in codes(unsound, changed("C", thread_size=0x3000)[1])


def test_exact() -> None:
    old, new = changed("C", build_info="")
    found = judge(old, new, Policy(), exact=True).findings
    assert found[0].message.startswith("the first byte that differs is at 4 (combined_checksum): ")
    assert judge(old, old, Policy(), exact=True).findings == ()
    place = old.layout.by_name["build_info"].offset + 5  # type: ignore[union-attr]
    late = old._replace(raw=old.raw[:place] + b"#" + old.raw[place + 1 :])
    (first,) = (one for one in judge(old, late, Policy(), exact=True).findings if one.code == "compare-bytes")
    assert first.message.startswith(f"the first byte that differs is at {place} (build_info): ")
    (size,) = (
        one
        for one in judge(old, record("D", make_fields("D", 1)), Policy(), exact=True).findings
        if one.code == "compare-bytes"
    )
    assert size.message == "472 bytes became 216"


POLICIES: list[tuple[Any, str]] = [
    ([], "is no mapping; its keys are pass, fields, ignore"),
    ({"passs": []}, "has an unknown key 'passs'; did you mean pass?"),
    ({"zzz": []}, "has an unknown key 'zzz'; its keys are pass, fields, ignore"),
    ({"pass": "moved"}, "pass is no list; write `pass: [...]`"),
    ({"pass": ["move"]}, "pass: there is no class 'move'; did you mean moved?"),
    ({"fields": []}, "fields is no mapping; write `fields: {thread_size: [regression]}`"),
    ({"fields": {"thread_sise": []}}, "no layout has a field 'thread_sise'; did you mean thread_size?"),
    ({"fields": {"thread_size": [1]}}, "thread_size: there is no class 1; they are same, moved, per-boot"),
    ({"ignore": [["num_syms"]]}, "no layout has a field ['num_syms']; did you mean num_syms?"),
    ({"ignore": ["xyzzyxyzzy"]}, "no layout has a field 'xyzzyxyzzy'; `kinfo layouts C` lists fields"),
]


@pytest.mark.parametrize(("data", "message"), POLICIES, ids=lambda value: str(value)[:25])
def test_policies_with_mistakes(data: Any, message: str) -> None:
    with pytest.raises(KinfoError) as caught:
        policy_of(data)
    assert str(caught.value).startswith(message)


LOST = ["\\xff\\x01garbage", "", "garbage", "6.12.117\\xff", "999999.1"]


@pytest.mark.parametrize("release", LOST)
@pytest.mark.parametrize("alias", ["A2", "C"])
def test_a_lost_release_is_a_regression_and_hides_none(alias: str, release: str) -> None:
    fields = make_fields(alias, 1)
    old = record(alias, fields)
    assert classes(old, record(alias, fields | {"last_uts_release": release})) == {"last_uts_release": Kind.REGRESSION}
    for name in ("_names_pa", "_relative_pa"):
        new = record(alias, fields | {"last_uts_release": release, name: fields[name] + PAGE})
        assert compare_records(old, new).same_build is True
        assert classes(old, new) == dict.fromkeys(("last_uts_release", name), Kind.REGRESSION)
    lost = record(alias, fields | {"last_uts_release": release, "_relative_pa": 0})
    assert classes(old, lost)["_relative_pa"] is Kind.REGRESSION


@given(strategies.seeds, strategies.seeds, st.sampled_from(LOST))
def test_a_lost_release_never_makes_another_build(seed: int, other: int, release: str) -> None:
    fields, others = make_fields("C", seed), make_fields("C", other)
    comparison = compare_records(record("C", fields), record("C", others | {"last_uts_release": release}))
    assert comparison.same_build is not False
    assert "another build" not in {each.reason for each in comparison.differences}


def test_two_releases_are_still_two_builds() -> None:
    old, new = other_build()
    assert compare_records(old, new).same_build is False


def test_where_nothing_tells_it_is_not_known() -> None:
    fields = make_fields("C", 1)
    moved = {name: fields[name] + 8 * number for number, name in enumerate(addresses("C", fields), start=1)}
    new = record("C", fields | moved | {"last_uts_release": "garbage", "build_info": "", "num_syms": 23042})
    comparison = compare_records(record("C", fields), new)
    assert comparison.same_build is None
    assert {each.kind for each in comparison.differences if each.field in (*moved, "num_syms")} == {Kind.REGRESSION}


@pytest.mark.parametrize("delta", [8, -8, PAGE, 1 << 16, 1 << 32, 1 << 40])
@pytest.mark.parametrize("alias", ["A2", "C", "D"])
def test_what_decode_finds_new_in_the_new_record_is_said(alias: str, delta: int) -> None:
    """One pointer wrong in the record of another build: as grave in the comparison as decode finds it."""
    fields = make_fields(alias, 1)
    release = {"last_uts_release": f"{fields['last_uts_release']}-next"}
    old = record(alias, fields)
    raised = 0
    for name in addresses(alias, fields):
        new = record(alias, fields | release | {name: fields[name] + delta})
        before = {(one.code, one.where) for one in old.findings}
        fresh = [one for one in new.findings if one.severity is not Severity.INFO and (one.code, one.where) not in before]
        said = {(one.severity, one.message) for one in judge(old, new, Policy()).findings}
        assert {(one.severity, f"{one.code}: {one.message}") for one in fresh} <= said, name
        raised += len(fresh)
    assert raised


def test_a_warning_that_was_there_before_is_not_new() -> None:
    _, doubtful = changed("C", last_uts_release="garbage")
    assert any(one.severity is Severity.WARNING for one in doubtful.findings)
    assert codes(doubtful, doubtful) == set()
    sound, _ = changed("C")
    assert ("doubt", "last_uts_release") in codes(sound, doubtful)
    assert ("doubt", "last_uts_release") not in codes(sound, doubtful, Policy().ignoring(["last_uts_release"]))


def test_a_graver_finding_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    from kinfo.diff import judge as module
    from kinfo.examine import rules

    old, new = changed("C")
    mild = rules.RECORD_TAIL.at("region", "some", Severity.WARNING)
    found: dict[int, tuple[Finding, ...]] = {id(old): (mild,), id(new): (mild._replace(severity=Severity.ERROR),)}
    monkeypatch.setattr(module, "_all_findings", lambda record: found[id(record)])
    assert codes(old, new) == {("unsound", "region")}
    assert codes(new, old) == set()
    found[id(new)] = (mild, mild)
    assert codes(old, new) == {("doubt", "region")}


def test_findings_of_the_old_record_are_asked_for_where_the_new_one_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    from kinfo.diff import judge as module

    asked: list[Any] = []
    plain = module._all_findings

    def counted(one: Any) -> Any:
        asked.append(one)
        return plain(one)

    monkeypatch.setattr(module, "_all_findings", counted)
    sound, odd = record("C", make_fields("C", 1)), record("C", make_fields("C", 1) | {"_end_pa": 0})
    judge(odd, sound, Policy())
    assert asked == [sound]
    judge(sound, odd, Policy())
    assert asked[1:] == [odd, sound]
