"""Modules: which list is taken for theirs, what is said where nothing is known, and the letters of their symbols."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.kernel.boot.summary import summary
from kinfo.kernel.modules import exports, symbols
from kinfo.kernel.modules.layout import ModuleRange
from kinfo.kernel.modules.loaded import Module, Modules
from tests.conftest import Cli, RealKernel
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import EXPORT_FORMS, ModuleSpec, ModuleSymbol
from tests.test_kernel_rules import changed, opened

NAMES = ["gamma", "beta", "alpha"]  # the newest first
TEXT_ONLY = Spec(release="6.1.9", keep_all=False)
CODE_ONLY = "this kernel's kallsyms names code only (CONFIG_KALLSYMS_ALL is off): neither `modules` nor `mod_tree`; "
NODE, CORE = 8, 0x140  # of struct module: its list_head, its core layout
INIT = Spec(release="6.1.9").module_shape.init_offset


def names(kernel: kinfo.Kernel) -> list[str]:
    assert kernel.modules
    return [module.name for module in kernel.modules.all]


def messages(kernel: kinfo.Kernel) -> dict[str, str]:
    return {finding.code: finding.message for finding in kernel.findings}


class Decoy:
    """A list of one entry before the real one, as good as a list of modules until it is spoilt."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.pa = kernel.end - 0x200000
        self.va = kernel.spec.linear + self.pa - kernel.base
        self.head = kernel.va("data") + 0x800
        self.poke_head((self.va + NODE, self.va + NODE))
        self.poke(NODE, (self.head, self.head))
        kernel.poke(self.pa + 24, b"decoy")
        self.poke(CORE, (self.va,))
        kernel.poke(self.pa + CORE + 8, (0x4000).to_bytes(4, "little"))

    def poke(self, offset: int, words: tuple[int, ...]) -> None:
        self.kernel.poke(self.pa + offset, b"".join(word.to_bytes(8, "little") for word in words))

    def poke_head(self, words: tuple[int, ...]) -> None:
        at = self.kernel.pa("data") + 0x800
        self.kernel.poke(at, b"".join(word.to_bytes(8, "little") for word in words))


SPOILT: dict[str, Callable[[Decoy], None]] = {
    "name": lambda decoy: decoy.kernel.poke(decoy.pa + 24, b"\x8c"),
    "no name": lambda decoy: decoy.kernel.poke(decoy.pa + 24, bytes(8)),
    "state": lambda decoy: decoy.kernel.poke(decoy.pa, b"\x04"),
    "base off a page": lambda decoy: decoy.poke(CORE, (decoy.va - 0x10,)),
    "size": lambda decoy: decoy.kernel.poke(decoy.pa + CORE + 8, (0x10000000).to_bytes(4, "little")),
    "not in its own memory": lambda decoy: decoy.poke(CORE, (decoy.va + 0x1000,)),
    "init without a size": lambda decoy: decoy.poke(INIT, (decoy.va,)),
    "entry's prev": lambda decoy: decoy.poke(NODE, (decoy.head, decoy.head + 8)),
    "head's prev": lambda decoy: decoy.poke_head((decoy.va + NODE, decoy.va)),
    "leads astray": lambda decoy: decoy.poke(NODE, (decoy.va + 0x1008, decoy.head)),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_no_list_of_modules_is_passed_by(how: str, tmp_path: Path) -> None:
    decoy = Decoy(make(TEXT_ONLY))
    SPOILT[how](decoy)
    with opened(decoy.kernel, tmp_path) as kernel:
        assert names(kernel) == NAMES
        assert "kernel-no-modules" not in messages(kernel)
        listed = {(one.module, one.name, one.address) for one in kernel.symbols(modules=True) if one.module}
        assert listed == {(one.module, one.name, one.va) for one in decoy.kernel.module_symbols}


def test_two_lists_that_fit_decide_nothing(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = Decoy(make(TEXT_ONLY)).kernel
    with opened(kernel, tmp_path) as found:
        places = f"PA {kernel.pa('data') + 0x800:#x}, PA {kernel.pa('modules'):#x}"
        wanted = f"{CODE_ONLY}2 lists have its shape ({places}): nothing tells which it is"
        assert messages(found)["kernel-no-modules"] == wanted
        assert names(found) == []
    ran = kinfo_cli("info", tmp_path / "ram.elf")
    assert f"\nModules\n  not known: {wanted}\n" in ran.out
    ran = kinfo_cli("symbols", tmp_path / "ram.elf", "--modules")
    assert (ran.code, ran.err) == (0, f"kinfo: {wanted}\n")


def test_a_list_that_breaks_off_is_taken_up_to_there(tmp_path: Path) -> None:
    kernel = make(TEXT_ONLY)
    oldest = next(module for module in kernel.modules if module.name == "alpha")
    place = kernel.walk(oldest.struct_va)
    assert place
    page = place.pa & ~0xFFF
    with opened(kernel, tmp_path, hole=(page, page + 0x1000)) as found:
        assert names(found) == NAMES[:2]
        assert messages(found)["kernel-modules-broken"].startswith(
            "after 2 modules of the list of modules, known by its shape: "
        )


def test_the_record_without_offsets_tells_no_shape(tmp_path: Path) -> None:
    kernel = changed(make(TEXT_ONLY), mod_core_layout_offset=0, mod_init_layout_offset=0)
    with opened(kernel, tmp_path) as found:
        wanted = f"{CODE_ONLY}its shape does not tell it: the record has no offset into struct module"
        assert messages(found)["kernel-no-modules"] == wanted


@pytest.mark.parametrize(("release", "layout"), [("5.4.1", "A0"), ("5.10.9", "A1n")])
def test_a_layout_without_offsets_says_not_known(release: str, layout: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    with opened(make(Spec(release=release, layout=layout)), tmp_path) as found:
        assert names(found) == NAMES
        assert "no offset of a module's memory" in messages(found)["kernel-no-module-ranges"]
    ran = kinfo_cli("info", tmp_path / "ram.elf")
    assert ran.code == 0
    assert f"  {'gamma':<24}{'live':<10}address and size not known\n" in ran.out
    ran = kinfo_cli("symbols", tmp_path / "ram.elf", "--modules")
    assert ran.code == 0
    assert "[" not in ran.out
    assert ran.err.splitlines()[-1] == (
        "kinfo: none of 3 modules has its symbols in the list: the record does not say where they are (mod_kallsyms_offset)"
    )


def test_a_layout_without_page_table_says_not_known(tmp_path: Path, kinfo_cli: Cli) -> None:
    make(Spec(release="4.19.2", layout="Z0")).write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("info", tmp_path / "ram.elf")
    assert "\nModules\n  not known: modules lie outside the image: the record has no swapper_pg_dir_pa\n" in ran.out
    ran = kinfo_cli("symbols", tmp_path / "ram.elf", "--modules")
    assert (ran.code, ran.err.count("modules lie outside the image")) == (0, 1)


def test_an_offset_that_leads_elsewhere(tmp_path: Path, kinfo_cli: Cli) -> None:
    with opened(changed(make(), mod_mem_offset=0x148), tmp_path) as found:
        wanted = "what the record's mod_mem_offset leads to is no memory of a module in 3 of 3"
        assert messages(found)["kernel-module-ranges"] == wanted
        assert found.modules
        assert [(module.name, module.ranges) for module in found.modules.all] == [(name, []) for name in NAMES]
    assert "address and size not known" in kinfo_cli("info", tmp_path / "ram.elf").out


def test_what_has_no_name_can_be_a_modules(tmp_path: Path, kinfo_cli: Cli) -> None:
    make(Spec(release="4.19.2", layout="Z0")).write_elf(tmp_path / "ram.elf")
    gap = "modules lie outside the image: the record has no swapper_pg_dir_pa"
    unread = "what is mapped there is not known: the record has no swapper_pg_dir_pa"
    ran = kinfo_cli("lookup", tmp_path / "ram.elf", "alpha_open", "0x80010000", "0xffffffc0f0000000")
    assert (ran.code, ran.out.splitlines()) == (
        1,
        [
            f"alpha_open: no symbol of the image has that name; modules are not all known: {gap}",
            f"0x80010000: not in the kernel image; whether in a module is not known: {gap}",
            f"0xffffffc0f0000000: outside the kernel image; {unread}",
        ],
    )
    make(Spec()).write_elf(tmp_path / "known.elf")
    assert kinfo_cli("lookup", tmp_path / "known.elf", "nosuch").out == "nosuch: no symbol has that name\n"


def test_a_module_whose_symbols_cannot_be_read_may_have_the_name(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make()
    place = kernel.walk(kernel.modules[1].struct_va + kernel.spec.module_shape.kallsyms)
    assert place
    kernel.poke(place.pa, bytes(8))
    kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("lookup", tmp_path / "ram.elf", "beta_open")
    assert (ran.code, ran.out.partition("; ")[0]) == (1, "beta_open: no symbol of the image has that name")


def test_no_module_is_loaded(tmp_path: Path, kinfo_cli: Cli) -> None:
    make(Spec(modules=())).write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("info", tmp_path / "ram.elf")
    assert (ran.code, "\nModules (0)\n  none is loaded\n" in ran.out) == (0, True)
    ran = kinfo_cli("symbols", tmp_path / "ram.elf", "--modules")
    assert (ran.code, ran.err) == (0, "kinfo: no modules: none is loaded\n")


@pytest.mark.parametrize(
    ("offset", "data", "reason"),
    [
        (24, b"\x8c\0", r"its name is '\\x8c'"),
        (24, b"\0", "its name is ''"),
        (0, b"\x07\0\0\0", "its state is 0x7"),
    ],
)
def test_a_stated_list_gives_no_garbage(offset: int, data: bytes, reason: str, tmp_path: Path) -> None:
    kernel = make()
    beta = next(module for module in kernel.modules if module.name == "beta")
    place = kernel.walk(beta.struct_va + offset)
    assert place
    kernel.poke(place.pa, data)
    with opened(kernel, tmp_path) as found:
        assert names(found) == ["gamma"]
        wanted = f"after 1 modules of modules: what is at VA {beta.struct_va:#x} is no module: {reason}"
        assert messages(found)["kernel-modules-broken"] == wanted


def test_links_that_disagree_are_said(tmp_path: Path) -> None:
    kernel = make()
    beta, gamma = kernel.modules[1:]
    place = kernel.walk(beta.struct_va + NODE + 8)
    assert place
    kernel.poke(place.pa, (0xFFFFFFC000000000).to_bytes(8, "little"))
    with opened(kernel, tmp_path) as found:
        assert names(found) == NAMES
        assert messages(found)["kernel-modules-broken"] == (
            f"after 3 modules of modules: the list leads from VA {gamma.struct_va + NODE:#x} to {beta.struct_va + NODE:#x}, "
            "which points back at 0xffffffc000000000: it was being changed, or is damaged"
        )


@pytest.mark.parametrize("by", ["list", "tree"])
def test_data_with_the_letter_of_text(by: str, tmp_path: Path) -> None:
    spec = Spec(release="7.2.1", arch="x86", data_letter="T", modules_by=by)
    with opened(make(spec), tmp_path) as found:
        assert [one.type for one in found.kallsyms.named("modules" if by == "list" else "mod_tree")] == ["T"]
        assert sorted(names(found)) == sorted(NAMES)
        assert summary(found).banner.startswith("Linux version 7.2.1")


# The letters of exports

EXPORTERS = (
    ModuleSpec("alpha", exports=("alpha_open", "alpha_write"), gpl_exports=("alpha_read", "alpha_major", "alpha_probe")),
    ModuleSpec("beta", gpl_exports=("beta_open",)),
    ModuleSpec("gamma", exports=("gamma_fops",)),
    ModuleSpec("delta"),
)
PLAIN = {"alpha_open", "alpha_write", "gamma_fops"}
GPL = {"alpha_read", "alpha_major", "alpha_probe", "beta_open"}


def capitals(kernel: kinfo.Kernel) -> set[str]:
    return {line.name for line in kernel.symbols(modules=True) if line.module and line.type.isupper()}


@pytest.mark.parametrize("form", EXPORT_FORMS)
@pytest.mark.parametrize("release", ["5.10.9", "6.1.9", "6.18.1", "7.2.1"])
@pytest.mark.parametrize("keep_all", [True, False])
def test_letters_are_those_of_proc_kallsyms(form: str, release: str, keep_all: bool, tmp_path: Path) -> None:
    kernel = make(Spec(release=release, modules=EXPORTERS, export_form=form, keep_all=keep_all))
    with opened(kernel, tmp_path) as found:
        assert len(names(found)) == 4
        assert capitals(found) == (PLAIN | GPL if release.startswith("7") else PLAIN)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_letters_where_few_modules_export(which: int, tmp_path: Path) -> None:
    modules = (EXPORTERS[which], EXPORTERS[3])
    with opened(make(Spec(modules=modules)), tmp_path) as found:
        assert capitals(found) == {name for name in PLAIN if name.startswith(modules[0].name)}
    with opened(make(Spec(release="7.2.1", modules=modules)), tmp_path) as found:
        assert capitals(found) == {name for name in PLAIN | GPL if name.startswith(modules[0].name)}


def test_a_damaged_count_exports_nothing(tmp_path: Path) -> None:
    kernel = make(Spec(modules=EXPORTERS))
    place = kernel.walk(kernel.modules[0].struct_va + 0xC8 + 16)
    assert place
    kernel.poke(place.pa, b"\xff\xff\xff\xff")
    with opened(kernel, tmp_path) as found:
        assert capitals(found) == {"gamma_fops"}


@pytest.mark.parametrize(("release", "wanted"), [("6.18.1", set()), ("7.2.1", {"alpha_open"})])
def test_letters_where_the_arrays_cannot_be_read(release: str, wanted: set[str], tmp_path: Path) -> None:
    symbols = [ModuleSymbol("alpha_open"), ModuleSymbol("alpha_read", offset=0x40)]
    symbols += [ModuleSymbol("__ksymtab_alpha_open", "rodata", 0x200, "r"), ModuleSymbol("__this_module", "data", 0x40, "D")]
    modules = [ModuleSpec("alpha", symbols=symbols, exports=("alpha_open",))]
    kernel = make(Spec(release=release, modules=modules))
    place = kernel.walk(kernel.modules[0].sections["rodata"])
    assert place
    with opened(kernel, tmp_path, hole=(place.pa, place.pa + 0x1000)) as found:
        assert capitals(found) == wanted


def test_hostile_exports_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_MOST_LOOKS", 3)
    with opened(make(Spec(modules=EXPORTERS)), tmp_path) as found:
        assert len(names(found)) == 4
        assert capitals(found) == set()


def test_letters_of_real_modules(real_kernel: RealKernel) -> None:
    wanted = {
        line.split()[2].decode("latin-1")
        for line in real_kernel.kallsyms.read_bytes().splitlines()
        if b"\t[" in line and b"[bpf]" not in line and line.split()[1].isupper()
    }
    with kinfo.open_kernel(str(real_kernel.ram), real_kernel.kinfo) as found:
        assert capitals(found) == wanted


TYPES = [("4.19.1", "info"), ("5.0.0", "size"), ("5.1.21", "size"), ("5.2.0", "typetab"), ("6.12.1", "typetab")]


@pytest.mark.parametrize(("release", "place"), TYPES)
def test_where_each_release_has_the_letters_of_a_modules_symbols(release: str, place: str) -> None:
    """5439c985c5a8, "module: Overwrite st_size instead of st_info" (5.0); 1c7651f43777, typetab (5.2)."""
    base, letters = 0xFFFF_8000_0000_0000, b"td"
    table = b""
    for name, letter in zip((1, 5), letters, strict=True):
        info, size = (letter if place == "info" else 0x12), (letter if place == "size" else 0x40)
        table += struct.pack("<IBBHQQ", name, info, 0, 1, base + 0x1000 * name, size)
    raw = struct.pack("<QQQQ", base + 32, 2, base + 80, base + 96) + table + b"\0one\0two\0".ljust(16, b"\0")
    raw += letters if place == "typetab" else b"\xff\xff"
    raw = raw.ljust(0x1000, b"\0")

    def read(va: int, size: int) -> bytes:
        return raw[va - base : va - base + size]

    pointers = SimpleNamespace(version=tuple(map(int, release.split(".")[:2])))
    space: Any = SimpleNamespace(
        read=read,
        number=lambda va, size: int.from_bytes(read(va, size), "little"),
        kallsyms=SimpleNamespace(pointers=pointers),
    )
    found = symbols.read(space, base, 8, set())
    assert [(one.name, one.type, one.va) for one in found] == [("one", "t", base + 0x1000), ("two", "d", base + 0x5000)]


@given(parts=st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=3), max_size=5))
def test_the_module_that_holds_an_address_is_the_first_that_claims_it(parts: list[list[tuple[int, int]]]) -> None:
    """Ranges of damaged lists overlap, or are empty."""
    modules = Modules.__new__(Modules)
    modules.all = [Module.__new__(Module) for _ in parts]
    for module, ranges in zip(modules.all, parts, strict=True):
        module.ranges = [ModuleRange("text", start, size) for start, size in ranges]
    for va in range(45):
        assert modules.holding(va) is next((one for one in modules.all if one.range_of(va)), None)
