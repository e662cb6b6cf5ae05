"""What a release says about a kernel, against numbers measured in real ones."""

from __future__ import annotations

import pytest

from kinfo.record import kernels


@pytest.mark.parametrize(
    ("text", "version", "is_android"),
    [
        ("5.10.43-android12-9-00007-g9771767708df-ab7933431", (5, 10), True),
        ("6.12.117", (6, 12), False),
        ("6.12.117+deb12-arm64", (6, 12), False),
        ("7.0.0-rc3-next-20260309-00025-g1a2b3c4d5e6f", (7, 0), False),
        ("6.19.0-mainline-maybe-dirty", (6, 19), True),
        ("4.14.186-gabcdef Tue May 4 10:00:00 UTC 2021", (4, 14), False),
        ("6.1", (6, 1), False),
    ],
)
def test_releases(text: str, version: tuple[int, int], is_android: bool) -> None:
    assert kernels.parse_release(text) == kernels.Release(text, version, is_android)


@pytest.mark.parametrize("text", ["", "Linux", "x6.1.2", "6", "6.", ".6.1", "1234.5.6"])
def test_what_is_no_release(text: str) -> None:
    assert kernels.parse_release(text) is None


def test_lengths_are_those_of_real_kernels() -> None:
    assert kernels.symbol_lens(128, 64, 56) == (239, 282)  # LK's header; Debian 5.15 to 6.0
    assert kernels.symbol_lens(512, 64, 56)[1] == 666  # measured in 6.1.192 and 6.12.117
    assert (kernels.name_len((6, 0)), kernels.name_len((6, 1))) == (128, 512)
    assert (kernels.module_name_len(64), kernels.module_name_len(32)) == (56, 60)


def test_table_orders() -> None:
    new = kernels.table_order((6, 4))
    assert new[0] == "_names_pa"
    assert new.index("_token_index_pa") < new.index("_offsets_pa") < new.index("_seqs_of_names_pa")
    old = kernels.table_order((6, 3))
    assert old[0] == "_offsets_pa"
    assert old.index("_markers_pa") < old.index("_seqs_of_names_pa") < old.index("_token_table_pa")


@pytest.mark.parametrize(
    ("lengths", "bounds"),
    [
        ((512, 64, 56, 666), ((6, 1), None)),
        ((128, 64, 56, 239), (None, (5, 14))),
        ((128, 64, 56, 282), (None, (6, 0))),
        ((192, 64, 56, 303), (None, None)),
    ],
)
def test_versions_that_fit_lengths(lengths: tuple[int, int, int, int], bounds: tuple[object, object]) -> None:
    assert kernels.version_bounds(*lengths) == bounds
