"""The record as data: numbers and text by the field's name, and errors for names that are not there."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given

import kinfo
from kinfo.errors import UnknownFieldError
from kinfo.examine import check
from kinfo.memory import BytesDump
from kinfo.record import detect, locate
from kinfo.record.evidence import Subject
from kinfo.record.fields import NOTES
from kinfo.record.record import Record, must_be_a_field
from kinfo.record.shown import shown_fields
from tests.strategies import plausible
from tests.synthetic import make_fields


def record(alias: str, **changes: Any) -> kinfo.Examined:
    return kinfo.decode(kinfo.encode(make_fields(alias, 1) | changes, alias), layout=alias)


def test_fields_are_numbers_and_text() -> None:
    read = record("V4")
    for name, value in read.fields.items():
        items = value if isinstance(value, list) else [value]
        assert all(type(item) is (str if read.layout and read.layout.by_name[name].is_text else int) for item in items), name
    assert shown_fields(read)["page_end"] == hex(make_fields("V4", 1)["page_end"])


def test_what_is_no_plain_text_stays_bytes() -> None:
    for raw in (b"a\nb", b"\xff6.12", b"back\\slash", b"\x1b[2J"):
        assert record("C", build_info=raw).fields["build_info"] == raw
    assert record("C", build_info=b"old\0er").fields["build_info"] == "old"
    assert record("C", build_info=b"old\0er").after_nul == {"build_info": b"er"}


@given(plausible())
def test_fields_can_be_encoded_as_they_are(drawn: tuple[kinfo.Layout, dict[str, Any], int]) -> None:
    layout, fields, _ = drawn
    data = kinfo.encode(fields, layout)
    read = kinfo.decode(data, layout=layout)
    assert kinfo.encode(read.fields, layout, read.after_nul) == data


@pytest.mark.parametrize("ask", [lambda read, name: read.fields[name], lambda read, name: read.fields.get(name)])
@pytest.mark.parametrize("typed", ["_stex_pa", "stext_pa", "num_sym"])
def test_a_name_that_no_layout_has_is_an_error(ask: Any, typed: str) -> None:
    with pytest.raises(UnknownFieldError, match=re.escape(f"no layout has a field {typed!r}; did you mean ")) as raised:
        ask(record("C"), typed)
    assert isinstance(raised.value, KeyError)
    assert isinstance(raised.value, kinfo.KinfoError)


@pytest.mark.parametrize("ask", [Record.number, Record.string, Record.pointer])
def test_so_it_is_for_numbers_text_and_pointers(ask: Any) -> None:
    for read in (record("C"), record("Z0"), kinfo.decode(bytes(4096))):
        with pytest.raises(UnknownFieldError, match="no layout has a field"):
            ask(read, "nonsense")


def test_a_field_of_another_layout_is_not_there() -> None:
    read = record("C")
    assert read.number("mod_core_layout_offset") is None
    assert read.fields.get("mod_core_layout_offset") is None
    assert read.fields.get("mod_core_layout_offset", 7) == 7
    with pytest.raises(UnknownFieldError, match="the record has no field 'mod_core_layout_offset': another layout has it"):
        read.fields["mod_core_layout_offset"]
    with pytest.raises(UnknownFieldError, match="magic_number is not of the body"):
        read.fields["magic_number"]
    assert read.number("magic_number") == 0xCCEEDDFF


def test_pointers_are_found_under_either_suffix() -> None:
    assert record("C").pointer("stext") == make_fields("C", 1)["_stext_pa"]
    assert record("Z0").pointer("stext") == make_fields("Z0", 1)["_stext_va"]
    assert record("Z0").pointer("text") is None  # kdebuginfo has no such field
    assert record("Z0").pointer("seqs_of_names") is None


@pytest.mark.parametrize("alias", [layout.alias for layout in kinfo.layouts()])
def test_evidence_and_checks_ask_for_fields_that_exist(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detection reads the values straight, for speed: here every name that it asks for is looked at."""
    init = Subject.__init__

    def spied(subject: Subject, *arguments: Any) -> None:
        init(subject, *arguments)

        def number(name: str) -> int | None:
            must_be_a_field(name)
            return subject.values.get(name)  # type: ignore[return-value]

        subject.number = number

    monkeypatch.setattr(Subject, "__init__", spied)
    for data in (kinfo.encode(make_fields(alias, 1), alias), kinfo.encode({}, alias)):
        for release in (None, "6.12.1-android16-5", "4.9.1"):
            fields = make_fields(alias, 1) | ({} if release is None else _release(alias, release))
            read = kinfo.decode(kinfo.encode(fields, alias), layout=alias)
            assert check.run(read) == read.findings
        detect.detect(data, is_end=True)


def _release(alias: str, text: str) -> dict[str, str]:
    name = "uts_release" if kinfo.layout(alias).vendor else "last_uts_release"
    return {name: text} if name in kinfo.layout(alias).by_name else {}


def test_a_record_is_data_and_examined_above_it() -> None:
    data = kinfo.encode(make_fields("C", 1), "C")
    (plain,) = locate.locate(BytesDump(data))
    assert type(plain) is Record
    assert not {"findings", "writers", "missing"} & set(dir(plain))
    read = kinfo.Examined.of(plain)
    assert (read.raw, read.values, read.layout) == (plain.raw, plain.values, plain.layout)
    assert kinfo.Examined.of(read) is read
    assert set(NOTES) == {name for layout in kinfo.layouts() for name in layout.by_name}


def test_a_vendor_block_is_examined_too() -> None:
    block = kinfo.encode(make_fields("V1", 1), "V1").ljust(2048, b"\0")
    read = kinfo.decode(kinfo.encode(make_fields("A2", 1), "A2").ljust(2048, b"\0") + block)
    assert read.vendor is not None
    assert read.vendor.writers == ("Pixel vendor module debug-snapshot-debug-kinfo",)
