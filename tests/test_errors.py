"""The one family of exceptions: whatever an input holds, its error is one line that acts on no terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.errors import HoleError, KinfoError


@given(st.text(), st.text())
def test_an_error_is_one_printable_line(message: str, hint: str) -> None:
    error = KinfoError(message, hint)
    for text in (str(error), error.message, error.hint, repr(error)):
        assert text.isprintable()


SHOWN = {"a\x1b]0;t\x07": "a\\x1b]0;t\\x07", "a\udcfe": "a\\xfe", "b\nc": "b\\x0ac", "\u00e4": "\u00e4"}


@pytest.mark.parametrize(("name", "shown"), SHOWN.items(), ids=ascii)
def test_names_of_files(name: str, shown: str) -> None:
    assert str(HoleError(name, 0x10, 0x10, 4)) == f"{shown}: no memory at PA 0x10; dump that range too, or check FILE@BASE"
