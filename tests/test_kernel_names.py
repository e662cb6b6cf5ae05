"""Names as the kernel prints and finds them: LTO's hashes, many names at once, the banner."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kinfo
from kinfo.kernel.boot.banner import banner
from kinfo.kernel.kallsyms import lto
from tests.conftest import Cli
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec, ModuleSymbol
from tests.kernels.tables import Symbol
from tests.test_kernel_rules import opened

LONG = "kswapd_try.llvm.9876543210"
EXTRA = (Symbol(LONG, "t", 0x30028), Symbol("kswapd_try.cold", "t", 0x30030), Symbol("kswapd_try", "t", 0x30038))
MODULE = ModuleSpec(
    "alpha", symbols=(ModuleSymbol("alpha_go.llvm.123", "text", 0), ModuleSymbol("__this_module", "data", 0x40, "D"))
)


def kernel_of(release: str, **options: object) -> Kernel:
    return make(Spec(release=release, extra=EXTRA, modules=(MODULE,), **options))  # type: ignore[arg-type]  # by name


def va_of(kernel: Kernel, name: str) -> int:
    return kernel.find(name).va


@pytest.mark.parametrize("seqs", [True, False])
@pytest.mark.parametrize("release", ["5.15.3", "6.1.99", "6.10.2"])
def test_a_hash_of_lto_is_cut_where_the_kernel_cuts_it(release: str, seqs: bool, tmp_path: Path) -> None:
    kernel = kernel_of(release, seqs=seqs)
    with opened(kernel, tmp_path) as found:
        long, short = va_of(kernel, LONG), va_of(kernel, "kswapd_try")
        place = found.at(long + 4)
        assert place
        assert place.label == "kswapd_try+0x4/0x8"
        assert {one.va for one in found.named("kswapd_try")} == {long, short}
        assert [one.va for one in found.named(LONG)] == [long]
        assert [one.va for one in found.named("kswapd_try.cold")] == [va_of(kernel, "kswapd_try.cold")]
        assert {one.va for one in found.named("kswapd_try+0x4")} == {long + 4, short + 4}
        assert LONG in [line.name for line in found.symbols()]  # /proc/kallsyms has it whole
        module = kernel.module_symbols[0].va
        assert [one.va for one in found.named("alpha_go")] == [one.va for one in found.named("alpha_go.llvm.123")] == [module]
        assert str(getattr(found.at(module), "label", "")).startswith("alpha_go+0x0/")


@pytest.mark.parametrize("release", ["5.10.9", "6.11.1", "6.12.1", "7.0.1"])
def test_other_kernels_keep_the_hash(release: str, tmp_path: Path) -> None:
    kernel = kernel_of(release)
    with opened(kernel, tmp_path) as found:
        place = found.at(va_of(kernel, LONG))
        assert place
        assert place.symbol == LONG
        assert [one.va for one in found.named("kswapd_try")] == [va_of(kernel, "kswapd_try")]
        assert [one.va for one in found.named(LONG)] == [va_of(kernel, LONG)]
        assert found.named("alpha_go") == []


def test_lookup_finds_both_names(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec(release="6.1.99-android14", count=100, extra=[Symbol(LONG, "t", 0x30020)]))
    kernel.write_elf(tmp_path / "ram.elf")
    va = va_of(kernel, LONG)
    with kinfo.open_kernel(str(tmp_path / "ram.elf")) as found:
        size = found.kallsyms.at(kernel.spec.text + 0x30020)
        assert size
    for word in (hex(va + 4), "kswapd_try+0x4/0x40", f"{LONG}+0x4"):
        ran = kinfo_cli("lookup", tmp_path / "ram.elf", word)
        wanted = f"VA {va + 4:#x}  PA {kernel.spec.text + 0x30024:#x}  t kswapd_try+0x4/{size.size:#x}\n"
        assert (ran.code, ran.out) == (0, wanted)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("foo.llvm.123", "foo"),
        ("foo.1.llvm.123", "foo.1"),
        ("foo.llvm.123.cfi_jt", "foo"),
        ("foo.llvm.", "foo.llvm."),
        ("foo.llvm.bar", "foo.llvm.bar"),
        ("foo.cold", "foo.cold"),
        ("foo", "foo"),
    ],
)
def test_short_names(name: str, short: str) -> None:
    assert lto.short(name) == short


def test_a_kernel_without_order_is_read_once_for_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = make(Spec(release="5.10.9", count=3000))
    with opened(kernel, tmp_path) as found:
        assert found.kallsyms.name_order is None
        passes: list[str] = []

        def counted(name: str, way: Callable[[], Iterator[Any]]) -> Callable[[], Iterator[Any]]:
            def way_and_count() -> Iterator[Any]:
                passes.append(name)
                return way()

            return way_and_count

        monkeypatch.setattr(found.kallsyms._names, "texts", counted("texts", found.kallsyms._names.texts))
        monkeypatch.setattr(found.kallsyms, "blocks", counted("blocks", found.kallsyms.blocks))
        for symbol in kernel.symbols[::50]:
            wanted = {one.va for one in kernel.symbols if one.name == symbol.name}
            assert {place.va for place in found.named(symbol.name)} == wanted
        assert found.named("no_such_symbol") == []
        assert passes == ["texts", "blocks"]


def test_too_many_names_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kinfo.kernel.kallsyms import kallsyms

    monkeypatch.setattr(kallsyms, "_INDEXED", 10)
    kernel = make(Spec(release="5.10.9"))
    with opened(kernel, tmp_path) as found:
        for symbol in kernel.symbols[::20]:
            assert symbol.va in {place.va for place in found.named(symbol.name)}
        assert "_index" not in vars(found.kallsyms)


# The banner

FINAL = b"Linux version 6.1.9 (build@host) (gcc 12.2.0, GNU ld 2.40) #1 SMP Debian 6.1.9-1"


def with_banners(kernel: Kernel, *banners: bytes) -> Kernel:
    place = kernel.pa("banner")
    at = bytes(kernel.memory).find(b"Linux version ") + kernel.base
    assert at == place
    kernel.poke(place, bytes(len(kernel.banner)))
    for index, line in enumerate(banners):
        kernel.poke(place + 0x100 * index, line + b"\n\0")
    return kernel


@pytest.mark.parametrize("order", [1, -1])
def test_the_numbered_banner_counts(order: int, tmp_path: Path) -> None:
    lines = [re.sub(rb"#1 ", b"# ", FINAL), FINAL][::order]
    with opened(with_banners(make(Spec(release="6.1.9", keep_all=False)), *lines), tmp_path) as found:
        assert banner(found) == FINAL.decode()


def test_a_banner_without_a_number_is_better_than_none(tmp_path: Path) -> None:
    line = re.sub(rb"#1 ", b"# ", FINAL)
    with opened(with_banners(make(Spec(release="6.1.9", keep_all=False)), line), tmp_path) as found:
        assert banner(found) == line.decode()


def test_an_offset_beyond_its_symbol_is_no_place_of_it(tmp_path: Path, kinfo_cli: Cli) -> None:
    """A log of another build has such; the last byte's end is what a call that never returns leaves."""
    kernel = kernel_of("6.12.38")
    kernel.write_elf(tmp_path / "ram.elf")
    symbol, then = (kernel.find(name) for name in ("kswapd_try.cold", "kswapd_try"))
    ran = kinfo_cli(
        "lookup", tmp_path / "ram.elf", "kswapd_try.cold+0x8", "kswapd_try.cold+0x9", "kswapd_try.cold+0x99999999"
    )
    assert ran.code == 1
    end, beyond, far = ran.out.splitlines()
    assert end.startswith(f"VA {symbol.va + 8:#x}  PA ")
    assert end.endswith("kswapd_try.cold+0x8/0x8")
    told = "kswapd_try.cold has 0x8 bytes here, 0x9 is beyond them"
    assert beyond.startswith(f"kswapd_try.cold+0x9: {told}: {then.va + 1:#x} is kswapd_try+0x1/0x")
    assert beyond.endswith("; check that it is of this build")
    assert far.endswith(f": {symbol.va + 0x99999999:#x} is in no symbol; check that it is of this build")
    assert kinfo.lookup(tmp_path / "ram.elf", "kswapd_try.cold+0x9")[0].places == []
