"""Words for people: sizes."""

from __future__ import annotations

import pytest

from kinfo.printable import size_words

SIZES = [
    (0, "0 bytes"),
    (1023, "1023 bytes"),
    (1024, "1 KiB"),
    (1536, "1.5 KiB"),
    ((1 << 20) - 1, "1024 KiB"),
    (1 << 20, "1 MiB"),
    (32_925_286, "31.4 MiB"),
    (1 << 30, "1 GiB"),
    (5 << 29, "2.5 GiB"),
    (1 << 50, "1048576 GiB"),
]


@pytest.mark.parametrize(("size", "words"), SIZES)
def test_sizes_in_the_unit_that_people_use(size: int, words: str) -> None:
    assert size_words(size) == words
