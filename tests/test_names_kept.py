"""What is kept of a symbol table for the next lookup changes no answer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kinfo.kernel.kallsyms import addresses, kallsyms, names
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from tests.kernels.image import Kernel, make
from tests.test_kernel_matrix import SPECS
from tests.test_kernel_rules import opened


def table_of(kernel: Kernel, folder: Path) -> Kallsyms:
    with opened(kernel, folder) as found:
        return found.kallsyms


@pytest.mark.parametrize("name", ["4.14, u64 markers", "6.12, many symbols", "6.6, x86 per-CPU", "7.0", "5.10, absolute"])
def test_lookups_are_the_same_at_first_and_later(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(make(SPECS[name]), tmp_path)
    listed = [one for _, block, _ in table.blocks() for one in block]
    pas = [pa for _, _, block in table.blocks() for pa in block]
    order = list(range(len(table)))
    random.Random(1).shuffle(order)
    monkeypatch.setattr(names, "_KEPT", 2)  # blocks come and go
    monkeypatch.setattr(kallsyms, "_KEPT", 50)
    assert [table[index].type + table[index].name for index in order] == [listed[index] for index in order]
    wanted = [pas[index] + shift for index in order if index >= table.absolute for shift in (-1, 0, 1, 3)]
    monkeypatch.setattr(addresses, "_FEW", len(wanted) * 4)
    at_first = [(table.at(pa), table.before(pa)) for pa in wanted]
    table._extents.clear()
    monkeypatch.setattr(addresses, "_FEW", 0)  # all are listed from now on
    assert [(table.at(pa), table.before(pa)) for pa in wanted] == at_first
    assert [(table.at(pa), table.before(pa)) for pa in wanted] == at_first
    assert table._addresses._all == pas
    assert len(table._names._starts) <= 2
    assert len(table._extents) <= 50


def test_a_table_that_is_too_long_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(make(), tmp_path)
    monkeypatch.setattr(addresses, "_FEW", 0)
    monkeypatch.setattr(addresses, "_LISTED", 10)
    assert table.before(table[len(table) - 1].pa + 1) == len(table) - 1
    assert table._addresses._all is None
