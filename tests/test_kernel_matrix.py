"""Every form of table, page table and module list, written by tests/kernels and read back."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import kinfo
from kinfo.errors import KinfoError
from kinfo.kernel.boot.summary import summary
from tests.kernels import paging
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec

SPECS = {
    "4.14, u64 markers": Spec(release="4.14.7", layout="A1"),
    "4.19 of 2018, VAs": Spec(release="4.19.2", layout="Z0"),
    "5.4, first driver": Spec(release="5.4.1", layout="A0"),
    "5.10": Spec(release="5.10.9"),
    "5.10, absolute": Spec(release="5.10.9", encoding="absolute", layout="A2"),
    "5.10, arm": Spec(release="5.10.9", arch="arm"),
    "6.1, no seqs": Spec(release="6.1.0", seqs=False),
    "6.1.y": Spec(release="6.1.99"),
    "6.1, text only": Spec(release="6.1.99", keep_all=False),
    "6.1, big names only": Spec(release="6.1.99", compress=False),
    "6.6": Spec(release="6.6.3", layout="A6"),
    "6.8": Spec(release="6.8.1", layout="B"),
    "6.12": Spec(),
    "6.12, many symbols": Spec(count=3000),
    "6.12, meminspect v3": Spec(layout="D"),
    "6.12, text only": Spec(keep_all=False),
    "6.6, x86 per-CPU": Spec(release="6.6.3", arch="x86"),
    "6.15, x86": Spec(release="6.15.1", arch="x86"),
    "6.12, arm": Spec(arch="arm"),
    "7.0": Spec(release="7.0.2"),
    "7.0, meminspect v3": Spec(release="7.1.0", layout="D"),
    "7.0, x86": Spec(release="7.0.2", arch="x86", page_format="x86-5"),
    "7.0, arm": Spec(release="7.0.2", arch="arm"),
    "6.1, arm with LPAE above 4 GiB": Spec(release="6.1.99", arch="arm", page_format="arm-lpae", phys_base=0x8_0000_0000),
    "5.10, arm, absolute": Spec(release="5.10.9", arch="arm", encoding="absolute", layout="A2", phys_base=0xE000_0000),
}


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[Kernel], kinfo.Kernel]:
    def opener(kernel: Kernel) -> kinfo.Kernel:
        kernel.write_elf(tmp_path / "ram.elf")
        return kinfo.open_kernel(str(tmp_path / "ram.elf"))

    return opener


@pytest.mark.parametrize("name", SPECS)
def test_every_symbol_of_every_encoding(name: str, opened: Callable[[Kernel], kinfo.Kernel]) -> None:
    kernel = make(SPECS[name])
    with opened(kernel) as found:
        truth = kernel.symbols
        plain = [symbol.va if symbol.pa is None else symbol.pa for symbol in truth]
        assert [(line.name.encode(), line.type, line.address) for line in found.symbols(physical=True)] == [
            (_escaped(symbol.name), symbol.type, address) for symbol, address in zip(truth, plain, strict=True)
        ]
        assert [line.address for line in found.symbols()] == [symbol.va for symbol in truth]
        firsts: dict[int, str] = {}
        for symbol in truth:
            firsts.setdefault(symbol.va, symbol.name)
        ends = sorted(firsts)
        for symbol in random.Random(1).sample(truth, 60):
            places = found.named(symbol.name)
            assert symbol.va in {place.va for place in places}
            if symbol.pa is None or symbol.name in ("_end", "_einittext", "_etext", "_sinittext"):
                continue
            place = found.at(symbol.pa)
            assert place
            shown = _printed(firsts[symbol.va], kernel.spec.version)
            assert (place.symbol, place.offset, place.va, place.pa) == (shown, 0, symbol.va, symbol.pa)
            after = ends[ends.index(symbol.va) + 1] if symbol.va != ends[-1] else symbol.va
            assert place.size <= after - symbol.va
            inside = found.at(symbol.pa + place.size - 1) if place.size > 1 else place
            assert inside is not None
            assert inside.symbol == place.symbol
        assert found.named("no_such_symbol") == []
        assert found.at(kernel.end) is None


def _printed(name: str, version: tuple[int, int]) -> str:
    """A name as the kernel itself puts it before an offset."""
    return re.sub(r"\.llvm\.[0-9]+$", "", name) if (5, 13) <= version < (6, 11) else name


def _escaped(name: str) -> bytes:
    raw = name.encode("utf-8", "surrogateescape")
    return b"".join(bytes([code]) if 0x20 <= code < 0x7F and code != 0x5C else b"\\x%02x" % code for code in raw)


@pytest.mark.parametrize("form", list(paging.FORMATS))
@pytest.mark.parametrize("release", ["6.12.1", "7.0.1", "4.19.3"])
def test_address_space_in_every_format(form: str, release: str, opened: Callable[[Kernel], kinfo.Kernel]) -> None:
    arch = form.partition("-")[0]
    kernel = make(Spec(release=release, page_format=form, arch=arch))
    with opened(kernel) as found:
        assert found.space
        assert found.space.form
        assert found.space.voffset == kernel.voffset & (1 << 64) - 1
        assert found.space.form.page_size == kernel.spec.page
        bits = {"x86-4": "48", "x86-5": "57"}.get(form, "32" if arch == "arm" else form.rpartition("-")[2])
        assert f"{found.space.va_bits}" == bits
        places = [(symbol.va, symbol.pa) for symbol in kernel.symbols]
        for va, pa in (*places, *((symbol.va, symbol.pa) for symbol in kernel.module_symbols)):
            if pa is not None and (walked := kernel.walk(va)):
                assert found.space.pa(va) == walked.pa == pa
        searched = found.space._searched([found.space.form])
        assert searched == (found.space.form, found.space.voffset)


@pytest.mark.parametrize("arch", ["arm64", "arm"])
@pytest.mark.parametrize("variant", ["core_layout", (16, 8), (24, 20), (16, 12)])
@pytest.mark.parametrize("by", ["list", "tree"])
@pytest.mark.parametrize("tree", [True, False])
def test_modules_in_every_form(
    arch: str, variant: str | tuple[int, int], by: str, tree: bool, opened: Callable[[Kernel], kinfo.Kernel]
) -> None:
    if by == "tree" and not tree:
        pytest.skip("a kernel without the tree has no tree")
    release = "6.1.9" if variant == "core_layout" else "6.12.1"
    kernel = make(Spec(release=release, arch=arch, module_variant=variant, modules_by=by, tree_lookup=tree))
    with opened(kernel) as found:
        assert found.modules
        assert found.findings == ()
        assert sorted(module.name for module in found.modules.all) == ["alpha", "beta", "gamma"]
        listed = {(line.module, line.name, line.address) for line in found.symbols(modules=True) if line.module}
        assert listed == {(one.module, one.name, one.va) for one in kernel.module_symbols}
        for one in kernel.module_symbols:
            place = found.at(one.va)
            if one.type in "tT":
                assert place
                assert (place.module, place.offset, place.pa) == (one.module, 0, one.pa)
                assert found.at(one.pa) == place
            assert one.va in {found_place.va for found_place in found.named(one.name)}


@pytest.mark.parametrize("arch", ["arm64", "arm"])
def test_modules_without_their_symbol_are_known_by_shape(arch: str, opened: Callable[[Kernel], kinfo.Kernel]) -> None:
    with opened(make(Spec(release="6.1.9", arch=arch, keep_all=False))) as found:
        assert found.modules
        assert sorted(module.name for module in found.modules.all) == ["alpha", "beta", "gamma"]


def test_no_modules_and_no_symbol(opened: Callable[[Kernel], kinfo.Kernel]) -> None:
    with opened(make(Spec(release="6.1.9", keep_all=False, modules=()))) as found:
        assert [finding.message for finding in found.findings] == [
            (
                "this kernel's kallsyms names code only (CONFIG_KALLSYMS_ALL is off): neither `modules` nor `mod_tree`; "
                "and nothing in its data has the shape of the list: no module is loaded, or the first cannot be read"
            )
        ]


def test_module_list_that_loops(opened: Callable[[Kernel], kinfo.Kernel]) -> None:
    kernel = make()
    head = kernel.find("modules")
    assert head.pa
    first = int.from_bytes(kernel.peek(head.pa, 8), "little")
    place = kernel.walk(first)
    assert place
    kernel.poke(place.pa, first.to_bytes(8, "little"))
    with opened(kernel) as found:
        assert [(one.code, one.message) for one in found.findings] == [
            ("kernel-modules-broken", f"after 1 modules of modules: the list of modules runs in a circle at VA {first:#x}")
        ]
        assert found.modules
        assert len(found.modules.all) == 1


def test_raw_dump_finds_its_base(tmp_path: Path) -> None:
    kernel = make(Spec(modules=[ModuleSpec("wifi")]))
    kernel.write_raw(tmp_path / "ram.bin")
    with kinfo.open_kernel(str(tmp_path / "ram.bin")) as found:
        assert found.memory.segments[0].start == kernel.base
        offset = kernel.addresses["token_index"] - kernel.base
        assert found.notes == (
            f"{tmp_path / 'ram.bin'} begins at PA {kernel.base:#x}: kallsyms_token_index is at {offset:#x} of it",
        )
        assert found.record.address == kernel.record_pa


def test_a_wrong_base_is_refused(tmp_path: Path) -> None:
    kernel = make()
    kernel.write_raw(tmp_path / "ram.bin")
    with pytest.raises(KinfoError, match=r"kallsyms_token_index\[\d+\] is "):
        kinfo.open_kernel(f"{tmp_path / 'ram.bin'}@{kernel.base + 0x1000:#x}")


@pytest.mark.parametrize("seed", range(6))
def test_damage_gives_an_answer_or_one_line(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    specs = (Spec(), Spec(release="6.1.5", page_format="arm64-16k-47"), Spec(release="7.1.0"), Spec(arch="x86"))
    kernel = make(rng.choice(specs))
    saved = bytes(kernel.memory)
    places = [(kernel.record_pa, 472), (kernel.root_pa, 4096), (kernel.base, len(saved))]
    places += [(pa, 300) for pa in kernel.addresses.values()] * 2
    for _ in range(25):
        kernel.memory[:] = saved
        for _ in range(rng.choice((1, 2, 20))):
            start, size = rng.choice([place for place in places if place[0]])
            at = min(start + rng.randrange(size), kernel.end - 8)
            kernel.poke(at, rng.choice((rng.randbytes(1), rng.randbytes(8), b"\xff" * 8, bytes(8))))
        kernel.write_elf(tmp_path / "ram.elf")
        began = time.process_time()
        try:
            with kinfo.open_kernel(str(tmp_path / "ram.elf")) as found:
                summary(found)
                for _ in found.symbols(modules=True):
                    pass
        except KinfoError as error:
            assert "\n" not in str(error)
        assert time.process_time() - began < 20
