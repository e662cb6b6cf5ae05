"""`--symbols`: a build's files lead to the kernel in a memory, or are held against what the memory says itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

import kinfo
from kinfo.errors import KinfoError
from kinfo.kernel.boot.summary import summary
from kinfo.kernel_build.symbol_list import read_symbols
from tests import build_files
from tests.conftest import Cli
from tests.kernels.image import Kernel, Spec, make
from tests.test_unrecorded import info, put_in_ram

SPECS = {
    "6.12": Spec(),
    "6.12, text only": Spec(keep_all=False),
    "6.1": Spec(release="6.1.99", count=500),
    "7.0": Spec(release="7.0.2", count=900),
    "6.6, x86": Spec(release="6.6.3", arch="x86"),
}
WORDS = ("names", "markers", "token_table", "token_index", "offsets")


def all_vas(kernel: Kernel) -> list[tuple[int, str, str]]:
    """What `nm` lists of the build: VA as linked, letter, name."""
    slide = kernel.spec.slide
    found = [(one.va - slide, one.type, one.name) for one in kernel.symbols if one.pa is not None]
    known = {name for _, _, name in found}
    more = {f"kallsyms_{'seqs_of_names' if name == 'seqs' else name}": pa for name, pa in kernel.addresses.items()}
    more |= {"swapper_pg_dir" if kernel.spec.arch == "arm64" else "init_top_pgt": kernel.root_pa}
    more |= {"linux_banner": banner_pa(kernel), "_text": kernel.spec.text, "_end": kernel.end, "_etext": kernel.pa("rodata")}
    found += [(pa + kernel.voffset - slide, "D", name) for name, pa in more.items() if name not in known]
    return sorted(found)


def banner_pa(kernel: Kernel) -> int:
    at = kernel.peek(kernel.spec.text, kernel.end - kernel.spec.text).find(kernel.banner[:24])
    assert at > 0
    return kernel.spec.text + at


def system_map(
    kernel: Kernel, path: Path, *, changed: Mapping[str, int] | None = None, without: tuple[str, ...] = ()
) -> Path:
    lines = [
        f"{va + (changed or {}).get(name, 0):016x} {letter} {name}\n"
        for va, letter, name in all_vas(kernel)
        if name not in without
    ]
    path.write_text("".join(lines))
    return path


def bare(spec: Spec, *, with_tables: bool = True) -> Kernel:
    """A kernel without a record; and without its symbol table."""
    kernel = make(spec)
    kernel.poke(kernel.record_pa, bytes(len(kernel.record)))
    if not with_tables:
        ends = sorted(kernel.addresses.values())
        kernel.poke(ends[0], bytes(ends[-1] - ends[0]))
    return kernel


def names(kernel: kinfo.Kernel) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for one in kernel.symbols():
        found.setdefault(one.name, set()).add(one.address)
    return found


def truth(kernel: Kernel) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for one in kernel.symbols:
        if one.pa is not None and not one.name.startswith("kallsyms_"):
            found.setdefault(one.name, set()).add(one.va)
    return found


@pytest.mark.parametrize("name", SPECS)
def test_the_build_leads_to_a_kernel_without_a_record(name: str, tmp_path: Path) -> None:
    kernel = bare(SPECS[name])
    kernel.write_elf(tmp_path / "ram.elf")
    build = system_map(kernel, tmp_path / "System.map")
    with kinfo.open_kernel(tmp_path / "ram.elf", symbols=build) as found:
        assert "the build's" in found.pointers.source
        assert found.space
        assert found.space.form
        own, wanted = names(found), truth(kernel)
        assert {one: own[one] for one in wanted} == wanted
        assert found.at(kernel.find("_stext").va)
        assert found.modules
        if SPECS[name].keep_all:  # else nobody lists where the modules are
            assert [module.name for module in found.modules.all] == ["gamma", "beta", "alpha"]
        assert found.kallsyms.has_data  # which a table of code alone has not


@pytest.mark.parametrize("name", ["6.12", "6.6, x86"])
def test_a_kernel_that_has_no_symbol_table(name: str, tmp_path: Path) -> None:
    kernel = bare(SPECS[name], with_tables=False)
    kernel.write_elf(tmp_path / "ram.elf")
    build = system_map(kernel, tmp_path / "System.map", without=tuple(f"kallsyms_{one}" for one in (*WORDS, "num_syms")))
    with kinfo.open_kernel(tmp_path / "ram.elf", symbols=build) as found:
        assert not found.kallsyms.is_in_memory
        own, wanted = names(found), truth(kernel)
        assert {one: own[one] for one in wanted} == wanted
        assert found.space
        assert found.space.voffset & found.space.mask == kernel.voffset & found.space.mask
        assert found.named("vfs_read")[0].va == kernel.find("vfs_read").va
        assert "".join(found.kallsyms.listing(0)).count("\n") == len(found.kallsyms)
        assert found.kallsyms[len(found.kallsyms) - 1].name
        assert summary(found).slide
        assert not [finding for finding in found.findings if finding.code == "kernel-encoding"]
        assert found.kallsyms.name_order is None


def test_its_own_table_must_be_where_the_build_has_it(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = bare(Spec(), with_tables=False)
    kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("info", tmp_path / "ram.elf", "--symbols", system_map(kernel, tmp_path / "System.map"))
    assert (ran.code, ran.out) == (2, "")
    assert "its symbol table cannot be read where" in ran.err
    assert "build id" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("holds", ["record", "VMCOREINFO", "tables"])
def test_another_build_is_refused(holds: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec()) if holds == "record" else bare(Spec())
    if holds == "VMCOREINFO":
        put_in_ram(kernel, info(kernel))
    kernel.write_elf(tmp_path / "ram.elf")
    build = system_map(kernel, tmp_path / "System.map", changed={"tcp_v4_read": 0x40})
    ran = kinfo_cli("symbols", tmp_path / "ram.elf", "--symbols", build)
    assert (ran.code, ran.out) == (2, "")
    assert "is not of the build in the memory: 1 of" in ran.err
    assert "tcp_v4_read is 0x" in ran.err
    assert f"Linux version {kernel.spec.release}" in ran.err


@pytest.mark.parametrize("holds", ["record", "VMCOREINFO", "tables"])
def test_the_right_build_is_said(holds: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec()) if holds == "record" else bare(Spec())
    if holds == "VMCOREINFO":
        put_in_ram(kernel, info(kernel))
    kernel.write_elf(tmp_path / "ram.elf")
    build = system_map(kernel, tmp_path / "System.map")
    ran = kinfo_cli("lookup", tmp_path / "ram.elf", "tcp_v4_read", "--symbols", build)
    assert ran.code == 0
    assert f"VA {kernel.find('tcp_v4_read').va:#x}" in ran.out
    assert ran.err.count("System.map is of this build: ") == 1
    assert ("no record" in ran.err) == (holds != "record")


def test_a_table_of_code_alone_gets_the_builds_data(tmp_path: Path) -> None:
    kernel = make(Spec(keep_all=False))
    kernel.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(tmp_path / "ram.elf") as found:
        assert not found.named("linux_banner")
    with kinfo.open_kernel(tmp_path / "ram.elf", symbols=system_map(kernel, tmp_path / "System.map")) as found:
        assert [place.pa for place in found.named("linux_banner")] == [banner_pa(kernel)]
        assert found.pointers.record


class TestStated:
    """A place that the user states."""

    @pytest.fixture
    def kernel(self, tmp_path: Path) -> Kernel:
        kernel = bare(Spec())
        kernel.write_elf(tmp_path / "ram.elf")
        system_map(kernel, tmp_path / "System.map")
        return kernel

    def test_right(self, kernel: Kernel, tmp_path: Path, kinfo_cli: Cli) -> None:
        stated = ("--phys-base", f"{kernel.spec.text:#x}", "--slide", f"{kernel.spec.slide:#x}")
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--symbols", tmp_path / "System.map", *stated)
        assert ran.code == 0
        assert "where it is stated" in ran.err
        assert f"--symbols {tmp_path / 'System.map'} {' '.join(stated)}" in ran.out  # the next steps lead there, too

    def test_wrong_place(self, kernel: Kernel, tmp_path: Path, kinfo_cli: Cli) -> None:  # noqa: ARG002  # it writes
        build = ("--symbols", tmp_path / "System.map", "--phys-base", "0x80300000")
        ran = kinfo_cli("info", tmp_path / "ram.elf", *build)
        assert ran.code == 2
        # its own tables are found all the same, and say where it is
        assert "--phys-base 0x80300000: _text is at PA 0x80210000" in ran.err

    def test_wrong_slide(self, kernel: Kernel, tmp_path: Path, kinfo_cli: Cli) -> None:
        ran = kinfo_cli("info", tmp_path / "ram.elf", "--symbols", tmp_path / "System.map", "--slide", "0x200000")
        assert ran.code == 2
        assert f"--slide 0x200000: the image runs {kernel.spec.slide:#x} above its link address" in ran.err

    @pytest.mark.parametrize("option", ["--phys-base", "--slide"])
    def test_without_a_build(self, option: str, kernel: Kernel, tmp_path: Path, kinfo_cli: Cli) -> None:  # noqa: ARG002
        ran = kinfo_cli("ps", tmp_path / "ram.elf", option, "0x1000")
        assert ran.code == 2
        assert f"{option} is for --symbols" in ran.err

    def test_without_a_build_in_the_library(self, kernel: Kernel, tmp_path: Path) -> None:  # noqa: ARG002
        with pytest.raises(KinfoError, match="a place was stated for no build"):
            kinfo.open_kernel(tmp_path / "ram.elf", slide=0)


def test_the_slide_stands_in_for_page_tables(tmp_path: Path) -> None:
    kernel = bare(Spec())
    kernel.write_elf(tmp_path / "ram.elf", holes=[(kernel.root_pa, kernel.root_pa + 0x1000)])
    build = system_map(kernel, tmp_path / "System.map", without=tuple(f"kallsyms_{one}" for one in (*WORDS, "num_syms")))
    with kinfo.open_kernel(tmp_path / "ram.elf", symbols=build, slide=kernel.spec.slide) as found:
        assert found.named("tcp_v4_read")[0].va == kernel.find("tcp_v4_read").va
        assert found.space
        assert "kimage_voffset" in found.space.evidence


def test_a_record_that_says_too_little_tells_the_place(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec())
    values = kinfo.decode(kernel.record)
    assert values.layout
    raw = bytearray(kernel.record)
    field = next(one for one in values.layout.fields if one.name == "num_syms")
    raw[field.offset : field.offset + 4] = bytes(4)
    kernel.poke(kernel.record_pa, bytes(raw))
    kernel.write_elf(tmp_path / "ram.elf")
    (tmp_path / "region.bin").write_bytes(bytes(raw))
    build = system_map(kernel, tmp_path / "System.map")
    for words in ((), ("--kinfo", tmp_path / "region.bin")):
        alone = kinfo_cli("lookup", tmp_path / "ram.elf", "tcp_v4_read", *words)
        assert alone.code == 2
        ran = kinfo_cli("lookup", tmp_path / "ram.elf", "tcp_v4_read", *words, "--symbols", build)
        assert ran.code == 0, ran.err
        assert f"VA {kernel.find('tcp_v4_read').va:#x}" in ran.out


def test_raw_memory_needs_its_address(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = bare(Spec(), with_tables=False)
    kernel.write_raw(tmp_path / "ram.bin")
    build = system_map(kernel, tmp_path / "System.map", without=tuple(f"kallsyms_{one}" for one in (*WORDS, "num_syms")))
    ran = kinfo_cli("info", tmp_path / "ram.bin", "--symbols", build)
    assert ran.code == 2
    assert "write " in ran.err
    assert "ram.bin@0x80000000" in ran.err
    ran = kinfo_cli("info", f"{tmp_path / 'ram.bin'}@0x80000000", "--symbols", build)
    assert ran.code == 0, ran.err


def test_memory_of_no_kernel(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec())
    build = system_map(kernel, tmp_path / "System.map")
    (tmp_path / "ram.bin").write_bytes(bytes(1 << 16))
    ran = kinfo_cli("info", f"{tmp_path / 'ram.bin'}@0x80000000", "--symbols", build)
    assert ran.code == 2
    assert "it has no banner of a kernel" in ran.err
    ran = kinfo_cli("info", f"{tmp_path / 'ram.bin'}@0x80000000", "--symbols", build, "--phys-base", "0x80000000")
    assert ran.code == 2
    assert "a hole there" in ran.err


def test_a_dump_is_no_build(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec())
    kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("info", tmp_path / "ram.elf", "--symbols", tmp_path / "ram.elf")
    assert ran.code == 2
    assert "is a memory dump, no file of a build" in ran.err


def test_symbolize_takes_both(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = bare(Spec())
    kernel.write_elf(tmp_path / "ram.elf")
    (tmp_path / "log").write_text(f"pc {kernel.find('tcp_v4_read').va + 4:016x}\n")
    build = ("--symbols", system_map(kernel, tmp_path / "System.map"))
    ran = kinfo_cli("symbolize", tmp_path / "ram.elf", *build, "--log", tmp_path / "log")
    assert ran.code == 0
    assert "<tcp_v4_read+0x4/" in ran.out


def test_dmesg_and_config_hear_of_a_wrong_build(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec())
    kernel.write_elf(tmp_path / "ram.elf")
    build = ("--symbols", system_map(kernel, tmp_path / "System.map", changed={"tcp_v4_read": 0x40}))
    for command in ("dmesg", "config"):
        ran = kinfo_cli(command, tmp_path / "ram.elf", *build)
        assert ran.code == 2
        assert "is not of the build in the memory" in ran.err


def test_a_vmlinux_of_another_build_id_is_refused(tmp_path: Path, kinfo_cli: Cli) -> None:
    kernel = make(Spec())
    kernel.write_elf(tmp_path / "ram.elf")
    for release, code in ((kernel.spec.release, 0), ("6.12.2-other", 2)):
        banner = kernel.banner.replace(kernel.spec.release.encode(), release.encode())
        once = Counter(one.name for one in kernel.symbols)
        vas = build_files.symbol_values(kernel).items()
        values = {name: va - kernel.spec.slide for name, va in vas if once[name] < 2}
        data = bytearray(build_files.vmlinux(kernel, values))
        at = data.find(kernel.banner[:40])
        data[at : at + len(banner)] = banner
        (tmp_path / "vmlinux").write_bytes(bytes(data))
        ran = kinfo_cli("lookup", tmp_path / "ram.elf", "tcp_v4_read", "--symbols", tmp_path / "vmlinux")
        assert ran.code == code, ran.err
        assert code == 0 or "6.12.2-other" in ran.err


def test_the_order_of_aliases_is_the_kernels_own(tmp_path: Path) -> None:
    """scripts/kallsyms.c: weak ones behind others, then the linker script's, then by underscores in front."""
    vas = "ffffffc080010000"
    (tmp_path / "System.map").write_text(
        f"{vas} T __start_of_it\n{vas} W aaa\n{vas} T __x\n{vas} T _stext\n{vas} T y\nffffffc080020000 V z\n"
        f"ffffffc080030000 D kallsyms_names\n"
    )
    listed = read_symbols(tmp_path / "System.map")
    assert [one.name for one in listed.entries[:5]] == ["y", "_stext", "__x", "__start_of_it", "aaa"]
    assert listed.tables == {"kallsyms_names": 0xFFFFFFC080030000}
