"""Strings from hostile memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.errors import FieldError
from kinfo.record import text


@given(st.binary(max_size=64))
def test_escaped_text_is_printable_and_gives_the_bytes_back(raw: bytes) -> None:
    shown = text.escape(raw)
    assert shown.isascii()
    assert shown == "" or shown.isprintable()
    assert text.unescape(shown) == raw


def test_what_could_act_on_a_terminal_is_escaped() -> None:
    assert text.escape(b"a\x1b[31m\n\\\xe2\x80\xae") == r"a\x1b[31m\x0a\\\xe2\x80\xae"


@pytest.mark.parametrize(
    ("given_text", "message"),
    [
        ("caf\xe9", r"'café' is not ASCII; write other bytes as \xNN"),
        ("a\\n", r"'a\\n' has a lone backslash; write it as \\ and other bytes as \xNN"),
        ("\\x1", r"'\\x1' has a lone backslash; write it as \\ and other bytes as \xNN"),
    ],
)
def test_text_that_is_no_escaped_text(given_text: str, message: str) -> None:
    with pytest.raises(FieldError) as caught:
        text.unescape(given_text)
    assert str(caught.value) == message


def test_parts_around_the_nul() -> None:
    assert text.before_nul(b"ab\0cd\0\0") == b"ab"
    assert text.after_nul(b"ab\0cd\0\0") == b"cd"
    assert text.after_nul(b"ab\0\0\0c\0") == b"\0\0c"
    assert text.after_nul(b"abcd") == b""


@pytest.mark.parametrize(
    ("raw", "answer"), [(b"", True), (b"ab c", True), (b"ab\n", True), (b"a\nb", False), (b"\xe9", False)]
)
def test_printable(raw: bytes, answer: bool) -> None:
    assert text.is_printable(raw) is answer
