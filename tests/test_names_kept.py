"""What is kept of a symbol table for the next lookup changes no answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from kinfo.errors import KernelError
from kinfo.kernel import naming
from kinfo.kernel.kallsyms import addresses, names, nearest
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.kallsyms.nearest import Nearest
from kinfo.kernel.place import Place
from tests.kernels.image import Kernel, make
from tests.test_kernel_matrix import SPECS
from tests.test_kernel_rules import opened

_NAMES = ["4.14, u64 markers", "6.12, many symbols", "6.6, x86 per-CPU", "7.0", "5.10, absolute"]


def table_of(kernel: Kernel, folder: Path) -> Kallsyms:
    with opened(kernel, folder) as found:
        return found.kallsyms


def shuffled(count: int) -> list[int]:
    order = list(range(count))
    random.Random(1).shuffle(order)
    return order


@pytest.mark.parametrize("name", _NAMES)
def test_names_are_the_same_at_first_and_later(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(make(SPECS[name]), tmp_path)
    listed = [one for _, block, _ in table.blocks() for one in block]
    kept, order = table.encoding.names, shuffled(len(table))
    assert [kept[index] for index in order] == [listed[index] for index in order]
    assert len(kept._blocks) == table.tables.marks
    room = kept._size - 1
    monkeypatch.setattr(names, "_KEPT", room)  # blocks come and go
    kept._blocks.clear()
    for _ in range(2):
        assert [kept[index] for index in order] == [listed[index] for index in order]
        assert len(kept._blocks) in range(1, table.tables.marks)
        assert kept._size <= room


@pytest.mark.parametrize("name", _NAMES)
def test_lookups_are_the_same_at_first_and_later(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(make(SPECS[name]), tmp_path)
    pas = [pa for _, _, block in table.blocks() for pa in block]
    near = [pas[index] + shift for index in shuffled(len(table)) if index >= table.absolute for shift in (-1, 0, 1, 3)]
    edges = [pa + shift for pa in (*table.borders, 0, pas[-1], 1 << 64) for shift in (-1, 0, 1)]
    wanted = near + edges
    at_first = [(Nearest(table, table.encoding.addresses).at(pa), table.before(pa)) for pa in wanted]
    monkeypatch.setattr(nearest, "_FEW", 1)  # addresses are listed from now on
    monkeypatch.setattr(nearest, "_KEPT", 50)  # and what was found comes and goes
    monkeypatch.setattr(addresses, "_FEW", 0)
    for kept in (50, 1 << 16, 1 << 16):
        monkeypatch.setattr(nearest, "_KEPT", kept)
        assert [(table.at(pa), table.before(pa)) for pa in wanted] == at_first
        assert len(table.nearest._found) <= kept
    assert table._addresses._all == pas
    assert table.nearest._pas is table._addresses._all


@pytest.mark.parametrize("name", _NAMES)
def test_the_text_is_told_at_once_as_it_is_with_all_care(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(make(SPECS[name]), tmp_path)
    pas = [pa for _, _, block in table.blocks() for pa in block]
    wanted = [pa + shift for pa in (*pas, *table.borders, 0, 1 << 64) for shift in (-1, 0, 1)]
    assert table.nearest.within_text(table.borders.stext + 1) is None  # one address alone: the table is not listed for it
    monkeypatch.setattr(nearest, "_FEW", 1)
    found = {pa: table.at(pa) for pa in wanted}
    told = {pa: short for pa in wanted if (short := table.nearest.within_text(pa))}
    assert told == {pa: (one.name, one.pa, one.size) for pa in told if (one := found[pa])}
    text = [pa for pa in wanted if table.borders.stext < pa < table.borders.etext and found[pa]]
    assert len(told) > 0.5 * len(text)
    assert all(table.borders.text <= pa < table.borders.etext for pa in told)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_symbol_that_reaches_over_a_border_ends_there(order: tuple[int, ...], tmp_path: Path) -> None:
    """Its size is another one on either side, whichever was asked for first."""
    table = table_of(make(), tmp_path)
    borders = table.borders
    last = Nearest(table, table.encoding.addresses).at(borders.etext - 1)
    assert last
    wanted = [last.pa, borders.etext - 1, borders.etext + 1]
    pas = table.encoding.addresses.listed()
    assert pas
    for index, pa in enumerate(pas):  # no symbol begins at the border, nor a page behind it
        if borders.etext <= pa < borders.etext + 0x1000:
            pas[index] = last.pa
    pas.sort()
    table.nearest._pas = pas
    for _ in range(2):
        sizes = {}
        for one in order:
            found = table.at(wanted[one])
            assert found
            sizes[one] = found.size
        assert sizes[0] == sizes[1] == borders.etext - last.pa
        assert sizes[2] > sizes[0]


def test_a_table_that_is_too_long_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_of(make(), tmp_path)
    monkeypatch.setattr(addresses, "_FEW", 0)
    monkeypatch.setattr(nearest, "_FEW", 1)
    monkeypatch.setattr(addresses, "_LISTED", 10)
    last = table[len(table) - 1]
    assert table.before(last.pa + 1) == len(table) - 1
    first = table.at(table.borders.stext)
    assert first == table.at(table.borders.stext)
    assert first is not None
    assert first.pa == table.borders.stext
    assert table._addresses._all is None
    assert not isinstance(table.nearest._pas, list)


def test_a_damaged_block_gives_the_names_before_the_damage(tmp_path: Path) -> None:
    kernel = make(SPECS["6.12, many symbols"])
    listed = [one for _, block, _ in table_of(kernel, tmp_path).blocks() for one in block]
    block = 2  # none of those that are looked at when the tables are opened
    sound = table_of(kernel, tmp_path)
    start, end = sound.encoding.names._markers[block : block + 2]
    at = start
    while at < end:  # the last name of the block
        last, at = at, sum(sound.encoding.names._measure(at, 256 * block))
    kernel.poke(sound.tables.names + last, b"\x01")
    names = table_of(kernel, tmp_path).encoding.names
    for _ in range(3):
        assert [names[256 * block + one] for one in range(255)] == listed[256 * block : 256 * block + 255]
    assert names._damaged == {block}  # and is not tried again each time
    with pytest.raises(KernelError, match="but the names before it end at"):
        names.block(block)


def test_who_asks_for_many_blocks_gets_the_next_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = make(SPECS["6.12, many symbols"])
    listed = [one for _, block, _ in table_of(kernel, tmp_path).blocks() for one in block]
    kept = table_of(kernel, tmp_path).encoding.names
    kept._blocks.clear()  # of those that were asked for when the table was opened
    kept._asked.clear()
    assert kept[0] == listed[0]
    assert not kept._blocks
    monkeypatch.setattr(names, "_MANY", 1)
    assert [kept[0] for _ in range(4)] == [listed[0]] * 4
    assert [*kept._blocks] == [0]
    assert kept[256] == listed[256]
    assert [*kept._blocks] == [0, 1]


def test_the_last_block_ends_with_its_last_name(tmp_path: Path) -> None:
    """No marker is behind it: what lies there belongs to no name, and may be 128 KiB of anything."""
    kept = table_of(make(SPECS["6.12, many symbols"]), tmp_path).encoding.names
    last = len(kept._markers) - 1
    assert kept._end(last) == kept._behind(kept._markers[last], 256 * last, len(kept.block(last)))
    assert kept._end(last) - kept._markers[last] < 256 * 40
    cut = kept._names[: kept._end(last) - 1]
    kept._names = cut
    with pytest.raises(KernelError, match="lead out of kallsyms_names"):
        kept.block(last)


def test_no_name_has_more_tokens_than_characters_can_be(tmp_path: Path) -> None:
    """A name of 600 tokens in a table of two-byte lengths: refused as a whole block, as it is alone."""
    kernel = make(SPECS["6.12, many symbols"])
    sound = table_of(kernel, tmp_path)
    start = sound.encoding.names._markers[2]
    kernel.poke(sound.tables.names + start, bytes((0x80 | 600 & 0x7F, 600 >> 7)))
    names = table_of(kernel, tmp_path).encoding.names
    for ask in (lambda: names[256 * 2], lambda: names.block(2)):
        with pytest.raises(KernelError, match="lead out of kallsyms_names"):
            ask()


@pytest.mark.parametrize("name", _NAMES)
def test_the_short_way_to_a_place_is_the_long_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(make(SPECS[name]), tmp_path) as kernel:
        assert kernel.space
        borders = kernel.kallsyms.borders
        pas = [one + shift for one in borders for shift in (-1, 0, 1)]
        wanted = [kernel.space.va(pa) for pa in (*pas, *range(borders.text, borders.end, 0x6001))] + pas
        short = [kernel.at(one) for one in wanted]
        assert len(kernel.image_vas) == borders.end - borders.text
        monkeypatch.setitem(kernel.__dict__, "image_vas", range(0))  # where it is kept
        assert [kernel.at(one) for one in wanted] == short
        assert any(short)


@pytest.mark.parametrize("name", ["6.12", "6.12, arm", "6.15, x86"])
def test_pages_without_names_are_the_same_once_they_are_known(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Around the image and its modules, at their VAs and in the linear map: names, no names, and nothing mapped."""
    made = make(SPECS[name])
    with opened(made, tmp_path) as kernel:
        assert kernel.space
        assert kernel.modules
        image = range(kernel.image.start - 0x3000, kernel.image.stop + 0x3000, 0xC00)
        parts = [part for module in kernel.modules.all for part in module.ranges if part.size]
        modules = [va for part in parts for va in range(part.start - 0x1000, part.start + part.size + 0x2000, 0x400)]
        vas = [pa - made.base + made.spec.linear for pa in image] + [kernel.space.va(pa) for pa in image] + modules
        pas = [pa for va in modules if (pa := kernel.space.pa(va)) is not None]
        vas += [pa - made.base + made.spec.linear for pa in pas]

        def asked() -> Iterator[Place | None]:
            for va in vas:
                kernel._nameless.clear()
                yield kernel.at(va)

        wanted = list(asked())
        for most in (1 << 16, 3):
            monkeypatch.setattr(naming, "_MOST_NAMELESS", most)
            kernel._nameless.clear()
            assert [kernel.at(va) for va in vas] == wanted
            assert 0 < len(kernel._nameless) <= most
            assert [kernel.at(va) for va in vas] == wanted
        assert None in wanted
