"""The one family of exceptions: whatever an input holds, its error is one line that acts on no terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo.errors import HoleError, KinfoError
from kinfo.printable import quoted
from tests.conftest import Cli


@given(st.text(), st.text())
def test_an_error_is_one_printable_line(message: str, hint: str) -> None:
    error = KinfoError(message, hint)
    for text in (str(error), error.message, error.hint, repr(error)):
        assert text.isprintable()


SHOWN = {"a\x1b]0;t\x07": "a\\x1b]0;t\\x07", "a\udcfe": "a\\xfe", "b\nc": "b\\x0ac", "\u00e4": "\u00e4"}


@pytest.mark.parametrize(("name", "shown"), SHOWN.items(), ids=ascii)
def test_names_of_files(name: str, shown: str) -> None:
    assert str(HoleError(name, 0x10, 0x10, 4)) == f"{shown}: no memory at PA 0x10; dump that range too, or check FILE@BASE"


def test_words_between_quotes() -> None:
    assert (quoted("it's"), quoted("a"), quoted("a\udcff")) == ('"it\'s"', "'a'", r"'a\xff'")


NOT_TEXT = "\udcff"  # what Python makes of an argument that is the byte 0xff
WORDS = [
    (r"there is no command '\xff'; choose one of: ", [NOT_TEXT]),
    (r"no finding has the code '\xff'", ["explain", NOT_TEXT]),
    (r"no layout is called '\xff'", ["layouts", NOT_TEXT]),
    (r"'\xff' is no number within 64 bits", ["read", "x", f"va:{NOT_TEXT}"]),
    (r"'1\xff' is not a number", ["read", "x", "va:0x0", f"1{NOT_TEXT}"]),
]


@pytest.mark.parametrize(("message", "words"), WORDS)
def test_a_word_that_is_no_text_is_shown_by_its_bytes(message: str, words: list[str], kinfo_cli: Cli) -> None:
    ran = kinfo_cli(*words)
    assert ran.code == 2
    assert message in ran.err
    assert "udcff" not in ran.err


@pytest.mark.parametrize("command", ["decode", "info", "table", "dmesg", "regions", "config", "facts"])
def test_an_empty_file_name(command: str, kinfo_cli: Cli) -> None:
    ran = kinfo_cli(command, "")
    assert (ran.code, ran.err) == (2, "kinfo: a file is wanted, and its name is empty; name it, or - for standard input\n")
