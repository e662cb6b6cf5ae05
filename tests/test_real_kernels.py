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
    wanted = [one._replace(type=one.type.lower()) if one.module else one for one in wanted]  # see ModuleSymbol
    found = [one._replace(type=one.type.lower()) if one.module else one for one in found]
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
        pytest.skip("this kernel's VMCOREINFO is not found through kallsyms")
    for name in ("_stext", "swapper_pg_dir", "init_uts_ns"):
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
