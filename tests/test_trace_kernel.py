"""A kernel's own trace buffers: of made ones, with damage, and of booted ones against what they said of themselves."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard

import kinfo
from kinfo.errors import KinfoError
from kinfo.kernel.paging.reader import Reader
from kinfo.kernel.trace.comms import saved
from kinfo.kernel.trace.formats import KernelFormats
from kinfo.kernel.trace.lookups import KernelLookups
from kinfo.trace_events.formats import parse
from kinfo.trace_source import Traces, open_traces
from tests import trace_rings as rings
from tests.conftest import GUESTS, Cli
from tests.kernels.traces import ARRAY, CPU, PAGE, InstanceSpec, TraceWorld, trace_world
from tests.test_trace import without_head
from tests.test_trace_region import pages
from tests.trace_rings import MARK, format_text, mark

ONE = InstanceSpec("", [[[], *pages(3)], [[], *pages(2, start=1500)]])
OTHER = InstanceSpec("other", [[pages(1)[0], *pages(3, start=90_000)], []], clock=9, turn=1, spare=2)


def save(made: TraceWorld, folder: Path) -> Path:
    made.made.kernel.write_elf(folder / "ram.elf")
    return folder / "ram.elf"


def read(made: TraceWorld, folder: Path) -> Traces:
    return open_traces([str(save(made, folder))])


def numbers(traces: Traces, name: str) -> list[tuple[int, int]]:
    return [(cpu, int.from_bytes(raw[8:12], "little")) for _, cpu, _, _, _, raw in traces.instance(name).records()]


def test_every_event_of_every_instance(tmp_path: Path) -> None:
    with read(trace_world([ONE, OTHER]), tmp_path) as traces:
        assert [(one.name, one.events, one.clock) for one in traces.buffers] == [
            ("other", 20, "x86-tsc"),
            ("global", 25, "local"),
        ]
        assert sorted(numbers(traces, "global")) == [*((0, at) for at in range(15)), *((1, at) for at in range(10))]
        assert numbers(traces, "other") == [(0, at) for at in (*range(5), *range(15))]
        assert (traces.unit, traces.kernel is not None) == ("PA", True)
        assert [one.code for one in traces.findings] == ["trace-lost"]  # CPU 1 of the global one: 3 overwritten
        with pytest.raises(KinfoError, match="no instance is called othr; did you mean other"):
            traces.instance("othr")


@pytest.mark.parametrize("turn", [0, 1, 3])
def test_head_page_may_be_an_old_one(turn: int, tmp_path: Path) -> None:
    one = InstanceSpec("", [[[], *pages(3)]], turn=turn, spare=2)
    with read(trace_world([one]), tmp_path) as traces:
        assert numbers(traces, "global") == [(0, at) for at in range(15)]


def test_a_reader_page_that_is_read_in_part(tmp_path: Path) -> None:
    size = len(rings.record(mark(1000, 0), 1000)) + len(rings.record(mark(2000, 1, b"n"), 1000))
    one = InstanceSpec("", [[pages(1)[0], *pages(1, start=90_000)]], read=size)
    with read(trace_world([one]), tmp_path) as traces:
        assert numbers(traces, "global") == [(0, at) for at in (2, 3, 4, 0, 1, 2, 3, 4)]
        assert traces.buffers[0].events == 8
    full = InstanceSpec("", [[pages(1)[0]]], read=4000)  # the reader's is the page that is written, and all of it is read
    with read(trace_world([full]), tmp_path) as traces:
        assert traces.buffers[0].events == 0


def test_text_by_the_kernels_own_formats_and_names(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = trace_world([], comms={7: "saved", 0: "idle", 9: ""})
    place = made.made.va("vfs_write", 0x10)
    events = [
        mark(1_000_000_000, 1, b"one"),
        rings.call(1_000_100_000, place, made.made.va("kthread")),
        rings.switch(1_000_200_000, ("cat", 8), ("dog", 9)),
    ]
    made = trace_world([InstanceSpec("", [[[], events]])], comms={7: "saved", 0: "idle", 9: ""})
    ram = save(made, tmp_path)
    ran = kinfo_cli("trace", ram, "--text")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split(": ", 1)[-1] for line in without_head(ran.out).splitlines()] == [
        "mark: number=1 name=one",
        "vfs_write <-kthread",
        "sched_switch: prev_comm=cat prev_pid=8 prev_prio=120 prev_state=R ==> next_comm=dog next_pid=9 next_prio=120",
    ]
    assert [line.split("-")[0].strip() for line in without_head(ran.out).splitlines()] == ["saved", "saved", "cat"]
    data = json.loads(kinfo_cli("trace", ram, "--format", "json").out)
    assert [(one["name"], one["persistent"], one["layout"]) for one in data["buffers"]] == [("global", False, None)]
    ran = kinfo_cli("trace", ram)
    assert "the buffer global, 2 CPUs" not in ran.out
    assert "the buffer global, 1 CPU" in ran.out
    assert f"  kinfo trace {ram} --text\n" in ran.out


def test_formats_are_those_of_the_format_files(tmp_path: Path) -> None:
    made = trace_world([ONE])
    with kinfo.open_kernel(save(made, tmp_path)) as kernel:
        assert kernel.space is not None
        formats = KernelFormats(kernel, Reader(kernel.space))
        assert sorted(formats) == [rings.FUNCTION, rings.PRINT, rings.SWITCH, MARK]
        assert len(formats) == 4
        for number in formats:
            assert formats[number] == parse(format_text(number), format_text(number, system=True))
        assert formats.get(99) is None


SYSCALL = """name: sys_enter_demo
ID: 50
format:
\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;
\tfield:u8 args[MOST];\toffset:12;\tsize:4;\tsigned:0;

print fmt: "%d", REC->__syscall_nr
"""


def test_fields_of_system_calls_are_elsewhere(tmp_path: Path) -> None:
    made = trace_world([ONE], texts={50: ("syscalls", SYSCALL.replace("MOST", "4"))}, syscalls=[50])
    with kinfo.open_kernel(save(made, tmp_path)) as kernel:
        assert kernel.space is not None
        found = KernelFormats(kernel, Reader(kernel.space))[50]
        assert [(one.name, one.offset, one.elements) for one in found.fields] == [("__syscall_nr", 8, 0), ("args", 12, 4)]
    place = made.placed["class sys_enter_demo"]
    made.made.poke(place + 56, made.symbol("other_get_fields")[1])
    with kinfo.open_kernel(save(made, tmp_path)) as kernel:
        assert kernel.space is not None
        assert KernelFormats(kernel, Reader(kernel.space)).get(50) is None


def test_names_and_constants_of_the_kernel(tmp_path: Path) -> None:
    made = trace_world([ONE])
    text = made.text("a string")
    evil = made.text("not \x01 printable")
    endless = made.put(b"x" * 1000)
    with kinfo.open_kernel(save(made, tmp_path)) as kernel:
        assert kernel.space is not None
        look = KernelLookups(kernel, Reader(kernel.space))
        va = made.made.va("vfs_write", 0x10)
        assert (look.name(va, with_offset=True), look.name(va, with_offset=False)) == ("vfs_write+0x10/0x100", "vfs_write")
        assert [look.name(one, with_offset=False) for one in (5, 0xFFFF000000000000)] == [None, None]
        assert [look.text(one) for one in (text, evil, endless, 5, 1 << 63)] == ["a string", None, None, None, None]
        assert [look.constant(one) for one in ("ZONE_LOW", "ZONE_HIGH", "ZONE_WIDE", "TWICE", "none", "int")] == [
            3, -1, 1 | 2 << 32, None, None, None,
        ]  # fmt: skip
        assert (look.constant("vmemmap_base"), look.constant("memstart_addr")) == (0xFFFFEA0000000000, -0x1000)
        assert (look.size("struct page"), look.size("page"), look.size("struct none")) == (64, None, None)
        look.moved = 0x200000
        assert look.name(va + 0x200000 + 0x100, with_offset=True) == "el0_svc+0x10/0x100"
        assert look.constant("vmemmap_base") is None


CONSTANTS = """name: zones
ID: 60
format:
\tfield:u64 pfn;\toffset:8;\tsize:8;\tsigned:0;
\tfield:int zone;\toffset:16;\tsize:4;\tsigned:1;

print fmt: "page=%p zone=%s %d %lu", (((struct page *)vmemmap_base) + REC->pfn), \
__print_symbolic(REC->zone, { ZONE_LOW, "LOW" }, { ZONE_HIGH, "HIGH" }), sizeof(struct page), ((struct zzz *)REC->pfn) + 1
"""


def test_print_formats_that_need_the_kernel(tmp_path: Path, kinfo_cli: Cli) -> None:
    events = [rings.Event(5, rings.header(60, 7) + struct.pack("<Qi", 3, number)) for number in (3, -1, 9)]
    made = trace_world([InstanceSpec("", [[[], events]])], texts={60: ("mm", CONSTANTS)})
    ran = kinfo_cli("trace", save(made, tmp_path), "--text")
    page = f"page={0xFFFFEA0000000000 + 3 * 64:016x}"
    assert [line.partition("zones: ")[2] for line in without_head(ran.out).splitlines()] == [
        f"{page} zone=LOW 64 ?",
        f"{page} zone=HIGH 64 ?",
        f"{page} zone=0x9 64 ?",
    ]
    assert "whose size is not known" in ran.err


@pytest.mark.parametrize("pointer", [False, True], ids=["6.8", "before"])
def test_names_that_ftrace_has_kept(pointer: bool, tmp_path: Path) -> None:
    made = trace_world([ONE], comms={7: "one", 1 << 31: "no", 8: "two", 0: "idle"}, pointer_comms=pointer)
    with kinfo.open_kernel(save(made, tmp_path)) as kernel:
        assert kernel.space is not None
        assert saved(kernel, Reader(kernel.space)) == {7: "one", 8: "two"}
    made.made.poke(made.symbol("savedcmd")[0], 5)
    with kinfo.open_kernel(save(made, tmp_path)) as kernel:
        assert kernel.space is not None
        assert saved(kernel, Reader(kernel.space)) == {}


def damaged(made: TraceWorld, what: str) -> None:
    kernel, placed = made.made, made.placed
    places = {
        "the ring does not lead back": (placed["page  0 2"], 0x10),
        "a count of pages that cannot be": (placed["cpu  0"] + CPU["nr_pages"], 1 << 40),
        "a commit page that is in no ring": (placed["cpu  0"] + CPU["commit_page"], 5),
        "a page that is nowhere": (placed["page  0 2"] + PAGE["page"], 0x10),
        "a buffer that is nowhere": (placed["array "] + ARRAY["buffer"], 0x10),
        "an order that cannot be": (placed["buffer "] + 40, 200),
        "instances that are in no list": (made.symbol("ftrace_trace_arrays")[0] + 8, 0x10),
        "events that are in no list": (made.symbol("ftrace_events")[0] + 8, 0x10),
    }
    pa, number = places[what]
    kernel.poke(pa, number)


DAMAGE = {
    "the ring does not lead back": ("trace-order", 10),
    "a count of pages that cannot be": ("trace-order", 10),
    "a commit page that is in no ring": ("trace-order", 10),
    "a page that is nowhere": ("trace-subbuffer", 20),
    "a buffer that is nowhere": ("trace-instance", 0),
    "an order that cannot be": ("trace-instance", 0),
    "instances that are in no list": ("trace-instance", 25),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_said(what: str, tmp_path: Path) -> None:
    made = trace_world([ONE, OTHER])
    damaged(made, what)
    with read(made, tmp_path) as traces:
        code, count = DAMAGE[what]
        assert code in [one.code for one in traces.findings]
        assert sum(one.events for one in traces.buffers if one.name == "global") == count


def test_a_list_of_events_that_breaks_off(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = trace_world([ONE])
    damaged(made, "events that are in no list")
    ran = kinfo_cli("trace", save(made, tmp_path), "--text")
    assert (ran.code, "error: trace-instance: ftrace_events: " in ran.err) == (1, True)


@pytest.mark.parametrize("without", ["trace_array", "ring_buffer_per_cpu"])
def test_types_that_are_missing(without: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("trace", save(trace_world([ONE], without=without), tmp_path))
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "BTF knows no struct" in ran.err


def test_variables_that_have_no_name(tmp_path: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("trace", save(trace_world([ONE], leave=["ftrace_trace_arrays"]), tmp_path))
    assert (ran.code, "needs CONFIG_KALLSYMS_ALL" in ran.err) == (2, True)
    ran = kinfo_cli("trace", save(trace_world([ONE], leave=["ftrace_events"]), tmp_path), "--text")
    assert (ran.code, "ftrace_events has no address" in ran.err) == (2, True)


def persistent(made: TraceWorld, text: int) -> int:
    """A persistent buffer in the kernel's memory, which says that a symbol lay at `text`; its PA."""
    raw = rings.new_region([rings.ring(pages(2))])
    raw = raw[:32] + struct.pack("<Q", text) + raw[40:]
    assert raw[24:32] == bytes(8)  # the clock
    made.put(raw, "persistent", align=4096)
    return made.placed["persistent"]


def test_a_persistent_instance_of_the_dumps_kernel(tmp_path: Path, kinfo_cli: Cli) -> None:
    first = trace_world([ONE])
    pa = persistent(first, 0)
    text = first.made.kernel.va("text")
    made = trace_world([ONE, InstanceSpec("boot_map", [], range=first.made.linear(pa))])
    later = rings.new_region([rings.ring(pages(2, start=1 << 40))])  # of another boot, which ran for longer
    made.put(later, align=4096)
    assert persistent(made, text) >= pa
    where = made.placed["persistent"]
    made.made.poke(made.placed["array boot_map"] + ARRAY["range_addr_start"], made.made.linear(where))
    ram = save(made, tmp_path)
    with open_traces([str(ram)]) as traces:
        assert (traces.buffers[0].name, traces.buffers[0].at) == ("boot_map", where)
    ran = kinfo_cli("trace", ram, "--text", "--instance", "boot_map")
    assert ran.code == 0
    assert without_head(ran.out).count("mark: number=") == 10
    ran = kinfo_cli("trace", ram, "--region", f"{where:#x}", "--format", "json")
    assert [one["name"] for one in json.loads(ran.out)["buffers"]] == ["boot_map"]


BOOTS = {"same": (0, "", 0), "moved": (0x200000, "trace-moved", 0), "build": (0x123, "trace-head", 1)}


@pytest.mark.parametrize("boot", BOOTS)
def test_a_persistent_buffer_of_which_boot(boot: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    by, code, exit_ = BOOTS[boot]
    made = trace_world([ONE], comms={7: "saved"})
    with kinfo.open_kernel(save(made, tmp_path)) as kernel:
        assert kernel.space is not None
        text = kernel.space.va(kernel.kallsyms.named("_text")[0].pa)
    persistent(made, text + by)
    ran = kinfo_cli("trace", save(made, tmp_path), "--text")
    assert ran.code == exit_
    assert (f"{code}: the dump's kernel: _text lies at" in ran.err) == bool(code)
    assert ("saved-7" in ran.out) == (by != 0x200000)


def test_a_persistent_buffer_of_who_knows_which_boot(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = trace_world([ONE])
    event = rings.call(5, made.made.va("vfs_write"), 5)
    made.put(rings.old_region([rings.ring([[event]])]), "persistent", align=4096)
    ran = kinfo_cli("trace", save(made, tmp_path), "--text")
    assert (ran.code, "warning: trace-boot: the dump's kernel: the symbols have no rb_meta_init_text_addr" in ran.err) == (
        0,
        True,
    )
    assert f"0x{made.made.va('vfs_write'):x} <-0x5" in ran.out


# What booted kernels say of themselves


def real_lines(path: Path) -> list[str]:
    text = (
        zstandard.ZstdDecompressor().decompress(path.read_bytes(), 1 << 28).decode()
        if path.suffix == ".zst"
        else path.read_text()
    )
    return without_head(text).splitlines()


def test_the_buffer_of_a_crashed_kernel(real_samples: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    folder = real_samples / "crash-6.18"
    if not folder.is_dir():
        pytest.skip("no crash-6.18 among the real samples: set KINFO_SAMPLES to a folder that has it")
    with (folder / "crash.elf.zst").open("rb") as packed, (tmp_path / "ram").open("wb") as out:
        zstandard.ZstdDecompressor().copy_stream(packed, out)
    ran = kinfo_cli("trace", tmp_path / "ram", "--text")
    assert (ran.code, ran.err) == (0, "")
    assert without_head(ran.out).splitlines() == real_lines(folder / "trace.txt.zst")


def as_by_print_format(lines: Sequence[str]) -> list[str]:
    """System calls of a kernel's trace file as their print formats have them; arguments that both show in hex alone."""
    found = []
    for one in lines:
        line = re.sub(r": sys_(\w+) -> (0x\w+)$", r": sys_exit_\1: \2", one)
        call = re.search(r": sys_(\w+)\(dfd: ", line)
        found.append(f"{line[: call.start()]}: sys_enter_{call[1]}" if call else line)
    return found


@pytest.mark.parametrize("instance", ["boot_map", "global", "other"])
@pytest.mark.parametrize("guest", ["6.12-x86_64", "7.3-x86_64", "7.3-aarch64"])
def test_booted_kernels(guest: str, instance: str, kinfo_cli: Cli) -> None:
    folder = GUESTS / "trace" / guest
    if not (folder / "ram.elf").is_file():
        pytest.skip(f"no guest {guest} here: make it with `python -m tools.guests.trace`")
    ran = kinfo_cli("trace", folder / "ram.elf", "--text", "--instance", instance)
    assert (ran.code, ran.err) == (0, "")
    shown = [
        line.partition(" dfd: ")[0].removesuffix(":") if ": sys_enter_" in line else line
        for line in without_head(ran.out).splitlines()
    ]
    expected = as_by_print_format(real_lines(folder / f"{instance}.txt"))
    assert len(shown) == len(expected) > 600
    assert [(one, other) for one, other in zip(shown, expected, strict=True) if one != other][:3] == []


@pytest.mark.parametrize("guest", ["6.12-x86_64", "7.3-x86_64", "7.3-aarch64"])
def test_the_boot_after_that_sees_the_same(guest: str, kinfo_cli: Cli) -> None:
    """The memory as the first boot left it, and the second boot's own reading of it: CPU, flags, time of every event."""
    folder = GUESTS / "trace" / guest
    if not (folder / "previous.txt").is_file():
        pytest.skip(f"no guest {guest} here: make it with `python -m tools.guests.trace`")
    ran = kinfo_cli("trace", folder / "ram.elf", "--text", "--instance", "boot_map")
    front = re.compile(r"^.{16}-\d+ +(\[\d{3}\] .{5} +[\d.]+): ", re.MULTILINE)
    assert front.findall(ran.out) == front.findall((folder / "previous.txt").read_text())
    text = (folder / "last_boot_info.txt").read_text().split()
    told = json.loads(kinfo_cli("trace", folder / "ram.elf", "--format", "json").out)["buffers"][0]
    assert told["text"] == f"0x{text[0]}" or text[0] == "text"  # 6.12 tells how far it moved alone
