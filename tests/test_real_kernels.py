"""Kernels that were booted: everything that kinfo reads out of their memory against what they said of themselves.

Skipped where neither the real samples nor the guests are.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import zstandard

import kinfo
from kinfo.kernel.boot.summary import summary
from kinfo.kernel.boot.vmcoreinfo import vmcoreinfo
from kinfo.record import text
from tests.conftest import Cli, RealKernel

NOT_OF_MODULES = ("[bpf]", "[__builtin__ftrace]", "[__builtin__kprobes]")  # made at run time, in no table


class Told(NamedTuple):
    """A line of the guest's /proc/kallsyms."""

    address: int
    type: str
    name: str
    module: str


def told(path: Path) -> Iterator[Told]:
    for line in path.read_bytes().splitlines():
        address, kind, rest = line.split(b" ", 2)
        name, _, module = rest.partition(b"\t")
        if module.decode() not in NOT_OF_MODULES:
            yield Told(int(address, 16), kind.decode(), text.escape(name), module.decode().strip("[]"))


@pytest.fixture(scope="module")
def kernel(real_kernel: RealKernel) -> Iterator[kinfo.Kernel]:
    with kinfo.open_kernel(str(real_kernel.ram), real_kernel.kinfo) as opened:
        yield opened


def test_every_symbol_is_the_kernels_own(real_kernel: RealKernel, kernel: kinfo.Kernel) -> None:
    wanted = list(told(real_kernel.kallsyms))
    found = [Told(*line[:4]) for line in kernel.symbols(modules=True)]
    assert len(wanted) > 20000
    assert found == wanted


def test_addresses_and_names_lead_to_each_other(real_kernel: RealKernel, kernel: kinfo.Kernel) -> None:
    lines = [one for one in told(real_kernel.kallsyms) if not one.module]
    firsts: dict[int, str] = {}
    for line in lines:
        firsts.setdefault(line.address, line.name)
    for line in random.Random(1).sample(lines, 100):
        assert line.address in {place.va for place in kernel.named(line.name)}
        place = kernel.at(line.address)
        if line.name not in ("_end", "_einittext"):  # what ends a part belongs to none
            assert place is None or (place.symbol, place.offset) == (firsts[line.address], 0)


def test_modules_addresses_lead_to_names(real_kernel: RealKernel, kernel: kinfo.Kernel) -> None:
    code = [one for one in told(real_kernel.kallsyms) if one.module and one.type in "tT" and one.name[0] not in "$."]
    assert code
    for line in code:
        place = kernel.at(line.address)
        assert place
        assert (place.module, place.offset, place.va) == (line.module, 0, line.address)
        assert line.name == place.symbol or line.address in {other.va for other in kernel.named(line.name)}
        assert place.pa is not None
        assert kernel.at(place.pa) == place


def test_address_space_is_as_the_kernel_says(real_kernel: RealKernel, kernel: kinfo.Kernel) -> None:
    meta = real_kernel.meta
    assert kernel.space
    assert kernel.space.form
    found = summary(kernel)
    assert kernel.space.voffset == int(meta["kimage_voffset"], 16)
    assert kernel.space.va_bits == meta["va_bits"]
    assert kernel.space.form.page_size == meta["page_size"]
    assert found.slide
    assert found.slide.slide == int(meta["kaslr_slide"], 16)
    assert kernel.space.evidence == "kallsyms_relative_base and the page table's mapping of the image"
    assert {finding.code for finding in found.findings} <= {"kernel-lk-walk"}


def test_search_of_the_page_tables_gives_the_same(kernel: kinfo.Kernel) -> None:
    from kinfo.kernel.paging.formats import FORMATS

    assert kernel.space
    walked = kernel.space._searched([form for form in FORMATS if form.machine == kernel.memory.machine])
    assert walked == (kernel.space.form, kernel.space.voffset)


def test_what_vmcoreinfo_says_of_addresses_holds(kernel: kinfo.Kernel) -> None:
    stated = vmcoreinfo(kernel)
    if not stated:
        pytest.skip("this kernel's VMCOREINFO is not in the dump")
    for name in ("_stext", *(("swapper_pg_dir", "init_uts_ns") if kernel.kallsyms.has_data else ())):
        assert [place.va for place in kernel.named(name)] == [int(stated[f"SYMBOL({name})"], 16)]


def test_a_raw_dump_tells_its_own_base(real_kernel: RealKernel, kernel: kinfo.Kernel, tmp_path: Path) -> None:
    segment = kernel.memory.segments[0]
    raw = tmp_path / "ram.bin"
    with raw.open("wb") as file:
        for offset, window in segment.dump.windows(segment.offset, segment.offset + segment.end - segment.start):
            file.seek(offset - segment.offset)
            file.write(window)
        file.truncate(segment.end - segment.start)
    with kinfo.open_kernel(str(raw), real_kernel.kinfo) as again:
        assert again.memory.segments[0].start == segment.start
        assert again.named("vfs_read") == kernel.named("vfs_read")
        assert f"begins at PA {segment.start:#x}" in again.notes[0]


def test_symbols_command_prints_proc_kallsyms(real_kernel: RealKernel, kinfo_cli: Cli) -> None:
    options = ("--kinfo", real_kernel.kinfo) if real_kernel.kinfo else ()
    ran = kinfo_cli("symbols", real_kernel.ram, *options)
    lines = [one for one in told(real_kernel.kallsyms) if not one.module]
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "".join(f"{one.address:016x} {one.type} {one.name}\n" for one in lines)


def test_drgn_answers(real_kernel: RealKernel, kernel: kinfo.Kernel, kinfo_cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("drgn", reason="drgn is not installed: pip install drgn")
    options = ("--kinfo", real_kernel.kinfo) if real_kernel.kinfo else ()
    script = tmp_path / "session.py"
    names = "_stext vfs_read schedule kfree _printk do_exit vmalloc vmalloc_noprof panic memcpy ksys_read msleep"
    wanted = {name: places[0].va for name in names.split() if (places := kernel.named(name))}
    assert len(wanted) >= 10
    module = kernel.modules.all[0] if kernel.modules else None
    assert module
    tail = (
        f"wanted = {wanted!r}\n"
        "assert {name: prog.symbol(name).address for name in wanted} == wanted\n"
        "assert all(name in [one.name for one in prog.symbols(address)] for name, address in wanted.items())\n"
        f"assert {module.name.encode()!r} in prog.read({module.va}, 64)\n"  # through drgn's own page walk
    )
    script.write_text(kinfo_cli("debug", real_kernel.ram, *options, "--tool", "drgn").out + tail)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# Dumps of kernels that panicked: what stands beside the samples


class Crashed(NamedTuple):
    """A dump, its record, and the folder with what the kernel said of itself."""

    ram: Path
    kinfo: str
    folder: Path


def _unpacked(packed: Path, folder: Path) -> Path:
    if not packed.is_file():
        pytest.skip(f"no {packed.name} here: set KINFO_SAMPLES to the folder of the samples, with the cases beside it")
    out = folder / packed.stem
    with packed.open("rb") as source, out.open("wb") as target:
        zstandard.ZstdDecompressor().copy_stream(source, target)
    return out


@pytest.fixture(scope="module")
def text_only(real_samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """A stock 6.1 cloud kernel, which has no KALLSYMS_ALL."""
    folder = real_samples.parent / "cases" / "ram" / "kernel-6.1-cloud"
    ram = _unpacked(folder / "a-6.1-cloud.crash.elf.zst", tmp_path_factory.mktemp("cloud"))
    return Crashed(ram, str(folder / "a-6.1-cloud.kinfo.bin"), folder)


@pytest.fixture(scope="module")
def crashed(real_samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """A stock 6.18 cloud kernel."""
    folder = real_samples / "crash-6.18"
    out = tmp_path_factory.mktemp("crash")
    for name in ("kallsyms", "modules", "version", "config"):
        _unpacked(folder / (f"{name}.txt.zst" if name != "config" else "config.zst"), out)
    return Crashed(_unpacked(folder / "crash.elf.zst", out), str(folder / "kinfo.bin"), out)


def _proc_modules(path: Path) -> dict[str, tuple[int, int]]:
    """Address and size of each module in /proc/modules."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return {row[0]: (int(row[-1], 16), int(row[1])) for row in rows}


def test_modules_without_a_symbol_for_their_list(text_only: Crashed) -> None:
    with kinfo.open_kernel(str(text_only.ram), text_only.kinfo) as found:
        modules = found.modules.all if found.modules else []
        core = {one.name: (one.ranges[0].start, one.ranges[0].size) for one in modules}
        assert core == _proc_modules(text_only.folder / "a-6.1-cloud.modules.txt")
        assert len(core) == 12
        assert {one.state for one in modules} == {"live"}
        assert "#1 SMP Debian 6.1.192-2" in summary(found).banner
        assert [one.code for one in summary(found).findings] == ["kernel-lk-walk"]  # 48-bit VAs, in a layout that LK reads


def test_a_crashed_kernel_tells_what_it_told(crashed: Crashed) -> None:
    with kinfo.open_kernel(str(crashed.ram), crashed.kinfo) as found:
        assert [Told(*line[:4]) for line in found.symbols(modules=True)] == list(told(crashed.folder / "kallsyms.txt"))
        modules = found.modules.all if found.modules else []
        wanted = _proc_modules(crashed.folder / "modules.txt")
        assert {one.name: sum(part.size for part in one.ranges) for one in modules} == {
            name: size for name, (_, size) in wanted.items()
        }
        assert summary(found).banner == (crashed.folder / "version.txt").read_text().strip()


def test_uptime_of_a_crashed_kernel(crashed: Crashed) -> None:
    assert "\nCONFIG_HZ=250\n" in (crashed.folder / "config").read_text()
    with kinfo.open_kernel(str(crashed.ram), crashed.kinfo) as found:
        log, ticks = summary(found).uptime
        assert log.seconds == pytest.approx(48.854, abs=0.01)  # the last of the panic's own words
        assert log.seconds
        assert ticks.seconds
        assert 0 < log.seconds - ticks.seconds < 5
        assert ticks.source.startswith("jiffies at HZ=250 (clocksource_jiffies); ")


def test_banner_is_proc_version(real_kernel: RealKernel, kernel: kinfo.Kernel) -> None:
    version = real_kernel.kallsyms.parent / "version.txt"
    if not version.is_file():
        pytest.skip("this kernel did not tell its /proc/version")
    assert summary(kernel).banner == version.read_text().strip()
