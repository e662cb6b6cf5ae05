"""Small facts that wider tests pass by, one a test."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import kinfo
from kinfo import Confidence, Examined, State
from kinfo.diff import readings
from kinfo.diff.builds import Pair, is_address
from kinfo.diff.model import Kind
from kinfo.examine.bitflip import answers, suspect
from kinfo.examine.check import PLAUSIBILITY
from kinfo.examine.check.image import image_range
from kinfo.findings import Finding, Severity
from kinfo.inspect_table import _borders
from kinfo.record.detect import _until_hopeless
from kinfo.record.evidence.subject import Evidence
from tests import inspect_tables as writer
from tests.synthetic import PAGE, make_fields
from tests.test_drivers import some_facts

C = make_fields("C", 1)


def record(fields: dict[str, Any], alias: str = "C") -> Examined:
    return kinfo.decode(kinfo.encode(fields, alias), offset=0, layout=alias)


@pytest.mark.parametrize(
    ("driver", "state"),
    [
        ("kmemdump-rfc-v2", "valid"),
        ("kmemdump-rfc-v3", "valid"),
        ("meminspect-v1", "not-written"),
        ("meminspect-v2", "not-written"),
    ],
)
def test_the_rfcs_alone_form_the_sum_when_build_info_is_written(driver: str, state: str) -> None:
    """Without a region, a write to the parameter makes a record of an RFC driver; later ones wait for a region."""
    made = kinfo.build(some_facts(), driver, after=0, build_info=["one"])
    assert kinfo.decode(made.data, layout=made.layout, offset=0).state.value == state


def test_an_array_of_zones_is_found_in_ram_at_its_start() -> None:
    """Six slots in a row have the ids of the image's borders, which no option leaves out."""
    borders = [writer.E(id_, "", writer.IMAGE_VA, 0, 8) for id_ in range(32, 38)]  # _sinittext to _etext in RFC v2
    array = writer.zones([*writer.entries("rfc-v2"), *borders])
    found = _borders(memoryview(bytes(PAGE) + array + bytes(PAGE)))
    assert found == [(PAGE, len(array))]


def test_an_empty_text_is_said_to_equal_and_a_turned_one_to_lie_above() -> None:
    start = C["_stext_pa"]
    for end, relation in ((start, "equals"), (start - 0x1000, "lies above")):
        found = [one.message for one in record(C | {"_etext_pa": end}).findings if one.where == "_stext_pa"]
        assert f"{start:#x} {relation} _etext_pa {end:#x}" in found


def flipped(fields: dict[str, Any]) -> Examined:
    data = bytearray(kinfo.encode(fields, "C"))
    data[kinfo.layout("C").by_name["_token_index_pa"].offset + 2] ^= 0x40
    return kinfo.decode(bytes(data), offset=0, layout="C")


def complains_of(*names: str) -> Any:
    """Checks that complain of each field until its bit is flipped back."""
    damaged = flipped(C)

    def checks(read: Examined) -> Iterator[Finding]:
        for name in names:
            if read.number(name) != (damaged.number(name) or 0) ^ 0x400000:
                yield Finding("code", Severity.ERROR, name, "", "", "", "")

    return checks


def suspected(damaged: Examined, *checks: Any) -> Any:
    return suspect(damaged, answers(damaged, checks))


def test_a_flipped_bit_with_two_places_that_explain_it_alike_has_no_suspect() -> None:
    damaged = flipped(C)
    one = suspected(damaged, complains_of("_token_index_pa"))
    assert one is not None
    assert (one[0], one[1].values) == ("_token_index_pa", record(C).values)
    assert suspected(damaged, complains_of("_token_index_pa", "_names_pa")) is None


def test_a_check_is_asked_again_where_it_looked_at_the_flipped_field_alone() -> None:
    """One that complains of what no flipped bit changes is asked once; every way to look at a value counts."""
    damaged, asked = flipped(C), dict.fromkeys(("bit_per_long", "all"), 0)

    def of_bits(read: Any) -> Iterator[Finding]:
        asked["bit_per_long"] += 1
        yield Finding("code", Severity.ERROR, "bit_per_long", str(read.values["bit_per_long"]), "", "", "")

    def of_all(read: Any) -> Iterator[Finding]:
        asked["all"] += 1
        if dict(read.values.items()) != record(C).values or [*read.values.values()] != [*record(C).values.values()]:
            yield Finding("code", Severity.ERROR, "all", "", "", "", "")

    assert suspected(damaged, of_bits) is None
    assert asked["bit_per_long"] == 2  # once more with the same bit of name_len itself
    found = suspected(damaged, of_bits, of_all)
    assert found is not None
    assert found[0] == "_token_index_pa"
    assert asked["all"] > len(damaged.layout.fields if damaged.layout else ()) // 2


@pytest.mark.parametrize("alias", ["A0", "A2", "A6v2", "C", "D", "Z0", "V3", "V4"])
def test_checks_look_at_the_values_and_not_at_the_bytes(alias: str) -> None:
    for seed in range(4):
        one = kinfo.decode(kinfo.encode(make_fields(alias, seed), alias), layout=alias)
        for check in PLAUSIBILITY:
            assert list(check(one)) == list(check(one._replace(raw=bytes(len(one.raw)))))


@pytest.mark.parametrize(("text", "base"), [(0, 0x8000), (0x8000, 0), (0x8000, 0x10000), (0x10000, 0x8000)])
def test_the_image_begins_at_the_lower_of_text_and_base(text: int, base: int) -> None:
    """A border that is not there (0) does not count; both lie below _stext."""
    start = C["_stext_pa"]
    fields = {"_text_pa": start - text if text else 0, "_relative_pa": start - base if base else 0}
    assert image_range(record(C | fields)) == (start - max(text, base), C["_end_pa"])


def test_a_valid_record_comes_before_an_inverted_one_that_lies_first() -> None:
    valid = kinfo.encode(C, "C")
    inverted = valid[:4] + bytes(byte ^ 0xFF for byte in valid[4:8]) + valid[8:]
    dump = bytearray(8 * PAGE)
    dump[PAGE : PAGE + len(inverted)] = inverted
    dump[4 * PAGE : 4 * PAGE + len(valid)] = valid
    found = [(one.offset, one.state) for one in kinfo.api.decode_all(bytes(dump))]
    assert found == [(4 * PAGE, State.VALID), (PAGE, State.INVERTED)]


def moved(*distances: int) -> Pair:
    """Two records that share as many addresses as there are distances, each moved by its own."""
    names = [name for name in C if is_address(name) and C[name]]
    old = C | dict.fromkeys(names[len(distances) :], 0)
    return Pair(record(old), record(old | {name: C[name] + by for name, by in zip(names, distances, strict=False)}))


@pytest.mark.parametrize(
    ("distances", "common"),
    [((PAGE,), PAGE), ((PAGE, PAGE), PAGE), ((PAGE, PAGE, 7), PAGE), ((PAGE, 7), None), ((PAGE, PAGE, 7, 8), None)],
)
def test_two_addresses_that_agree_outweigh_one_that_does_not(distances: tuple[int, ...], common: int | None) -> None:
    assert moved(*distances).common == common


def test_a_single_address_speaks_for_nothing_when_the_release_is_lost() -> None:
    assert moved(PAGE, PAGE)._likeness == moved(PAGE)._likeness + 1


def test_a_layout_is_given_up_at_50_points_against_it_and_not_before() -> None:
    seen, last = Evidence(-25, "seen"), Evidence(90, "last")
    assert _until_hopeless([seen, seen, last]) == ((seen, seen), True)
    almost = Evidence(-24, "seen")
    assert _until_hopeless([seen, almost, last]) == ((seen, almost, last), False)


@pytest.mark.parametrize(
    ("distances", "common"), [((4096, 4096, 4096, 8192, 12288), 4096), ((4096, 4096, 4096, 8192, 12288, 16384), None)]
)
def test_more_than_half_of_the_addresses_must_agree(distances: tuple[int, ...], common: int | None) -> None:
    assert moved(*distances).common == common


def test_a_range_for_modules_that_moved_as_a_whole_is_no_regression() -> None:
    fields = make_fields("A2", 1)
    shift = {name: fields[name] + 0x200000 for name in ("module_start_va", "module_end_va")}
    grown = shift | {"module_end_va": fields["module_end_va"] + 0x400000}
    found = [kinfo.compare(record(fields, "A2"), record(fields | change, "A2")).comparison for change in (shift, grown)]
    kinds = [{one.kind for one in comparison.differences if one.field in shift} - {Kind.SAME} for comparison in found]
    assert kinds == [{Kind.PER_BOOT}, {Kind.REGRESSION}]


def test_a_likely_reading_outweighs_an_ambiguous_one() -> None:
    """Of two layouts that fit both records the surer one is taken, and not the older."""
    layout = kinfo.layout("C")
    weights = [
        readings._weight(SimpleNamespace(layout=layout, confidence=confidence), layout)  # type: ignore[arg-type]  # a record's
        for confidence in (Confidence.CERTAIN, Confidence.LIKELY, Confidence.AMBIGUOUS)
    ]
    assert weights[0] > weights[1] > weights[2] > readings._weight(record(C), kinfo.layout("D"))
