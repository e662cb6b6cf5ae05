"""kinfo trace on made regions: what it shows, writes and prints, its exit codes, bad input."""

from __future__ import annotations

import json
import lzma
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import kinfo
from kinfo.printable import painted
from tests import trace_rings as rings
from tests.conftest import Cli
from tests.fdt import N, blob, cells, texts
from tests.test_trace_events import KALLSYMS
from tests.test_trace_region import MODULES, pages, two_cpus
from tests.trace_rings import head_dat, new_region, old_region, ring

BASE = 0x80000000
PLACE = f"{rings.TEXT + 0x21D9F0:x}".encode()
SYMBOLS = KALLSYMS.replace(b"ffffffff81000000 T _text", b"ffffffff81000000 T _text\n%s t rb_meta_init_text_addr" % PLACE)


def scene() -> list[rings.Ring]:
    """A task that is switched to, calls a function and writes a mark; an idle CPU."""
    events = [
        rings.switch(1_000_000_000, ("swapper/0", 0), ("cat", 7)),
        rings.call(1_000_100_000, 0xFFFFFFFF81000200, 0xFFFFFFFF81000310),
        rings.mark(1_000_200_400, 5, b"five"),
        rings.switch(1_500_000_000, ("cat", 7), ("swapper/0", 0), 1),
    ]
    return [ring([events]), ring([[rings.mark(1_000_150_000, 6, b"six", pid=9)]])]


TEXT = """          <idle>-0       [000] d..2.     1.000000: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=cat next_pid=7 next_prio=120
             cat-7       [000] .....     1.000100: vfs_open <-last
           <...>-9       [001] .....     1.000150: mark: number=6 name=six
             cat-7       [000] .....     1.000200: mark: number=5 name=five
             cat-7       [000] d..2.     1.500000: sched_switch: prev_comm=cat prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120
"""  # noqa: E501


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "region.bin").write_bytes(old_region(scene()))
    (tmp_path / "new.bin").write_bytes(new_region(scene(), modules=MODULES))
    (tmp_path / "head.dat").write_bytes(head_dat(kallsyms=SYMBOLS))
    return tmp_path


def without_head(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def test_the_screen(files: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("trace", files / "region.bin")
    assert (ran.code, ran.err) == (0, "")
    assert "persistent trace buffer at offset 0x0, 0x8000 bytes, laid out as 6.12 to 6.14 has it, 5 events" in ran.out
    assert "rb_meta_init_text_addr() at VA 0xffffffff8121d9f0" in ran.out
    assert "clock: not kept by this kernel" in ran.out
    assert f"kinfo trace {files / 'region.bin'} --text --head head.dat" in ran.out
    assert "trace-cmd restore -c -o head.dat" in ran.out
    ran = kinfo_cli("trace", files / "new.bin")
    assert "clock: local\n  modules of that boot: ext4 0xffffffffc0000000, loop 0xffffffffc0123000\n" in ran.out
    assert "had _text at VA 0xffffffff81000000" in ran.out


def test_modules_and_clocks(files: Path, kinfo_cli: Cli) -> None:
    many = [(f"m{number}", rings.TEXT + number) for number in range(14)]
    (files / "many").write_bytes(new_region(scene(), clock=2, modules=many))
    ran = kinfo_cli("trace", files / "many")
    assert "clock: counter: times are its counts, not seconds" in ran.out
    assert "m11 0xffffffff8100000b, and 2 more" in ran.out
    assert "  1000000000" in ran.out
    (files / "none").write_bytes(new_region(scene())[:24] + bytes(4072) + new_region(scene())[4096:])
    assert "its scratch area says nothing" in kinfo_cli("trace", files / "none").out


@pytest.mark.parametrize("name", ["region.bin", "new.bin"])
def test_events_as_text(name: str, files: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("trace", files / name, "--text", "--head", files / "head.dat")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("# tracer: nop\n")
    assert without_head(ran.out) == TEXT


def test_documents(files: Path, kinfo_cli: Cli) -> None:
    data = json.loads(kinfo_cli("trace", files / "new.bin", "--format", "json").out)
    [buffer] = data["buffers"]
    assert (data["address"], buffer["at"], buffer["clock"], buffer["events"]) == ("offset", "0x0", "local", 5)
    assert buffer["modules"][1] == {"name": "loop", "text": "0xffffffffc0123000"}
    assert [(cpu["cpu"], cpu["sub_buffers"], cpu["events"]) for cpu in buffer["cpus"]] == [(0, [1], 4), (1, [1], 1)]
    ran = kinfo_cli("trace", files / "region.bin", "--text", "--format", "json", "--head", files / "head.dat")
    events = json.loads(ran.out)["events"]
    assert [one["text"] for one in events] == [
        line.partition(": ")[2].partition("mark: ")[2] or line.partition(": ")[2].removeprefix("sched_switch: ")
        for line in TEXT.splitlines()
    ]
    assert events[2] == {
        "time": 1_000_150_000, "cpu": 1, "pid": 9, "comm": "<...>", "flags": ".....", "lost_before": 0, "system": "demo",
        "event": "mark", "fields": {"number": 6, "name": "six"}, "text": "number=6 name=six",
    }  # fmt: skip


def test_files_for_trace_cmd(files: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("trace", files / "region.bin", "-o", files / "out")
    assert (ran.code, ran.err) == (0, "")
    raw = [files / "out" / f"trace-cpu{cpu}.raw" for cpu in (0, 1)]
    assert [path.read_bytes() for path in raw] == [one.pages[1] for one in scene()]
    steps = ran.out.partition("Next:\n")[2].splitlines()
    assert steps[1:] == [
        f"  trace-cmd restore -o {files / 'out' / 'trace.dat'} -i head.dat {raw[0]} {raw[1]}",
        f"  trace-cmd report {files / 'out' / 'trace.dat'}",
    ]
    ran = kinfo_cli("trace", files / "region.bin", "-o", files / "out")
    assert (ran.code, ran.err) == (2, f"kinfo: {raw[0]}: exists already; name another folder, or overwrite it with --force\n")
    assert kinfo_cli("trace", files / "region.bin", "-o", files / "out", "--force").code == 0
    ran = kinfo_cli("trace", files / "region.bin", "-o", files / "head.dat" / "below")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


def test_trace_cmd_reads_what_was_written(files: Path, kinfo_cli: Cli) -> None:
    tool = shutil.which("trace-cmd")
    if not tool:
        pytest.skip("trace-cmd is not installed")
    lines = kinfo_cli("trace", files / "region.bin", "-o", files / "out").out.partition("Next:\n")[2].splitlines()[1:]
    for line in lines:
        done = subprocess.run(line.split(), cwd=files, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "cat-7" in done.stdout
    assert [line.split(": ")[1].strip() for line in done.stdout.splitlines() if "mark:" in line] == ["mark", "mark"]
    assert [line.partition("mark:")[2].strip() for line in done.stdout.splitlines() if "mark:" in line] == [
        "number=6 name=six",
        "number=5 name=five",
    ]


def test_for_perfetto(files: Path, kinfo_cli: Cli) -> None:
    ran = kinfo_cli("trace", files / "region.bin", "--perfetto", files / "t.json", "--head", files / "head.dat")
    assert (ran.code, ran.out) == (0, "")
    assert "https://ui.perfetto.dev" in ran.err
    items = json.loads((files / "t.json").read_text())["traceEvents"]
    [task] = [item for item in items if item["ph"] == "X"]
    assert (task["name"], task["ts"], task["dur"]) == ("cat-7", 1_000_000.0, 500_000.0)
    assert [(item["name"], item["ts"], item["tid"]) for item in items if item["ph"] == "i"] == [
        ("function", 1_000_100.0, 7),
        ("mark", 1_000_150.0, 9),
        ("mark", 1_000_200.4, 7),
    ]
    names = {(item["pid"], item.get("tid")): item["args"]["name"] for item in items if item["ph"] == "M"}
    assert names[7, 7] == "cat"


def small(number: int, system: str, name: str) -> tuple[str, str]:
    """The format of an event with one field."""
    field = "\tfield:int value;\toffset:8;\tsize:4;\tsigned:1;\n"
    return system, f'name: {name}\nID: {number}\nformat:\n{rings.COMMON}{field}\nprint fmt: "%d", REC->value\n'


SMALL = {151: ("irq", "softirq_exit"), 152: ("syscalls", "sys_enter_read"), 153: ("syscalls", "sys_exit_read")}
SMALL |= {154: ("irq", "irq_handler_entry"), 155: ("irq", "irq_handler_exit")}


def tick(time: int, number: int, pid: int = 7) -> rings.Event:
    return rings.Event(time, rings.header(number, pid) + struct.pack("<i", 3))


def test_slices_for_perfetto_begin_and_end(files: Path, kinfo_cli: Cli) -> None:
    """What began before the trace has no slice; what is open at its end, or begins once more, ends there."""
    events = [
        tick(1000, 153),
        tick(2000, 152),
        rings.vector(3000, 1),
        tick(4000, 154),
        tick(5000, 155),
        tick(5500, 155),
        tick(6000, 151),
        rings.switch(7000, ("cat", 7), ("dog", 8)),
        tick(8000, 152, 8),
        rings.switch(9000, ("dog", 8), ("cat", 7)),
        tick(9500, 153),
        rings.vector(9800, 1),
        rings.vector(9900, 9),
    ]
    (files / "slices").write_bytes(old_region([ring([events])]))
    texts = [small(number, *names) for number, names in SMALL.items()]
    (files / "slices.dat").write_bytes(head_dat((rings.VECTOR, rings.SWITCH), texts=texts))
    ran = kinfo_cli("trace", files / "slices", "--head", files / "slices.dat", "--perfetto", files / "s.json")
    assert ran.code == 0
    items = json.loads((files / "s.json").read_text())["traceEvents"]
    open_: dict[tuple[int, int], list[tuple[str, float]]] = {}
    slices: list[tuple[str, float, float]] = []
    for item in items:
        track = (item["pid"], item.get("tid", 0))
        if item["ph"] == "B":
            open_.setdefault(track, []).append((item["name"], item["ts"]))
        elif item["ph"] == "E":
            name, start = open_[track].pop()
            assert name == item["name"]
            slices.append((name, start, item["ts"]))
        elif item["ph"] == "X":
            slices.append((item["name"], item["ts"], item["ts"] + item["dur"]))
    assert not any(open_.values())
    assert sorted(slices) == [
        ("cat-7", 9.0, 9.9),
        ("dog-8", 7.0, 9.0),
        ("irq ", 4.0, 5.0),
        ("read", 2.0, 9.5),
        ("read", 8.0, 9.9),
        ("softirq 1", 3.0, 9.8),
        ("softirq 1", 9.8, 9.9),
        ("softirq 9", 9.9, 9.9),
    ]
    assert {item["args"]["name"] for item in items if item["name"] == "process_name"} == {"CPUs", "interrupts"}


def test_several_buffers(files: Path, kinfo_cli: Cli) -> None:
    old, new = old_region([ring(pages(2))]), new_region(scene())
    (files / "ram").write_bytes(old + new)
    ran = kinfo_cli("trace", f"{files / 'ram'}@{BASE:#x}")
    titles = [line for line in ran.out.splitlines() if "persistent trace buffer" in line]
    assert [f"at PA {BASE + at:#x}" in title for at, title in zip((len(old), 0), titles, strict=True)] == [
        True,
        True,
    ]  # newest first
    assert f"--region {BASE + len(old):#x} --text" in ran.out
    ran = kinfo_cli("trace", f"{files / 'ram'}@{BASE:#x}", "--region", f"{BASE:#x}", "--text", "--head", files / "head.dat")
    assert without_head(ran.out).count("\n") == 10
    ran = kinfo_cli("trace", f"{files / 'ram'}@{BASE:#x}", "-o", files / "out")
    assert sorted(path.name for path in (files / "out").iterdir()) == sorted(f"at-{BASE + at:#x}" for at in (0, len(old)))
    ran = kinfo_cli("trace", f"{files / 'ram'}@{BASE:#x}", "--region", "0x80001000")
    assert (ran.code, "at PA 0x80001000" in ran.err) == (2, True)


def test_instances_by_the_tree(files: Path, kinfo_cli: Cli) -> None:
    words = (
        "quiet trace_instance=boot_map^traceoff@0x80000000:12M trace_instance=other@0x90000000:1M,sched trace_instance=plain"
    )
    root = {"#address-cells": cells(1), "#size-cells": cells(1), "compatible": texts("example,board")}
    (files / "board.dtb").write_bytes(blob(N("", root, [N("chosen", {"bootargs": texts(words)})])))
    ran = kinfo_cli("trace", f"{files / 'region.bin'}@{BASE:#x}", "--dtb", files / "board.dtb")
    assert "persistent trace buffer boot_map at PA 0x80000000" in ran.out
    assert "trace-place" in ran.out
    assert ran.code == 0
    assert kinfo_cli("trace", f"{files / 'region.bin'}@{BASE:#x}", "--dtb", files / "board.dtb", "--strict").code == 1


def test_a_head_dat_of_another_boot_or_build(files: Path, kinfo_cli: Cli) -> None:
    moved = SYMBOLS.replace(b"ffffffff81", b"ffffffff91").replace(PLACE, PLACE.replace(b"ffffffff81", b"ffffffff91"))
    (files / "moved.dat").write_bytes(head_dat(kallsyms=moved))
    ran = kinfo_cli("trace", files / "region.bin", "--text", "--head", files / "moved.dat")
    assert (ran.code, without_head(ran.out)) == (0, TEXT)
    assert "trace-moved" in ran.err
    (files / "other.dat").write_bytes(head_dat(kallsyms=SYMBOLS.replace(PLACE, PLACE[:-3] + b"100")))
    ran = kinfo_cli("trace", files / "region.bin", "--text", "--head", files / "other.dat")
    assert ran.code == 1
    assert "error: trace-head: other.dat:" in ran.err
    assert "vfs_open" not in ran.out


def test_formats_that_are_missing_or_not_understood(files: Path, kinfo_cli: Cli) -> None:
    (files / "few.dat").write_bytes(head_dat((rings.FUNCTION, rings.SWITCH)))
    ran = kinfo_cli("trace", files / "region.bin", "--text", "--head", files / "few.dat")
    assert ran.code == 1
    assert "error: trace-unknown: formats: 2 records of event 400" in ran.err
    text = (
        rings.format_text(rings.MARK)
        .replace("REC->number", "decoded(REC->number)")
        .replace("number;\toffset:8", "number;\toffset:8")
    )
    (files / "odd.dat").write_bytes(head_dat((rings.FUNCTION, rings.SWITCH), texts=[("demo", text)]))
    ran = kinfo_cli("trace", files / "region.bin", "--text", "--head", files / "odd.dat")
    assert (ran.code, "mark: number=? name=six" in ran.out) == (0, True)
    assert "warning: trace-format: mark: not understood: decoded()" in ran.err
    long = rings.format_text(rings.MARK).replace("name;\toffset:12", "name;\toffset:120")
    (files / "long.dat").write_bytes(head_dat((rings.FUNCTION, rings.SWITCH), texts=[("demo", long)]))
    ran = kinfo_cli("trace", files / "region.bin", "--text", "--head", files / "long.dat")
    assert (ran.code, "2 records are shorter" in ran.err) == (1, True)


def test_what_user_space_wrote_is_made_safe(files: Path, kinfo_cli: Cli) -> None:
    (files / "evil").write_bytes(old_region([ring([[rings.mark(5, 1, b"\x1b[31mred\xff")]])]))
    ran = kinfo_cli("trace", files / "evil", "--text", "--head", files / "head.dat")
    assert "\x1b" not in ran.out
    assert "[31mred" in ran.out


BAD = {
    "no trace": ("zero", (), "no persistent trace buffer is in it; "),
    "no head": (
        "region.bin",
        ("--text",),
        "the formats of the events are not in the buffer, and no kernel that has them is in the dump",
    ),
    "head is none": ("region.bin", ("--text", "--head", "region.bin"), "is no trace.dat of trace-cmd"),
    "head is not there": ("region.bin", ("--text", "--head", "nowhere"), "nowhere"),
    "tree is none": ("region.bin", ("--dtb", "zero"), "zero"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str, files: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    (files / "zero").write_bytes(bytes(8192))
    source, options, words = BAD[name]
    ran = kinfo_cli("trace", source, *options)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert words in ran.err


def test_damage_is_an_error(files: Path, kinfo_cli: Cli) -> None:
    raw = bytearray(old_region(two_cpus()))
    raw[4096 * 3 + 8 : 4096 * 3 + 16] = struct.pack("<Q", 1 << 20)
    (files / "damaged").write_bytes(raw)
    ran = kinfo_cli("trace", files / "damaged")
    assert ran.code == 1
    assert "trace-subbuffer" in ran.out
    ran = kinfo_cli("trace", files / "damaged", "--text", "--head", files / "head.dat")
    assert (ran.code, without_head(ran.out).count("\n")) == (1, 55)


def test_the_library(files: Path) -> None:
    with kinfo.open_traces([str(files / "region.bin")]) as traces:
        assert [(buffer.at, buffer.events, buffer.in_ns) for buffer in traces.buffers] == [(0, 5, True)]


def sample(real_samples: Path, folder: Path) -> Path:
    """The sample of a 6.12 kernel: region.bin, head.dat and the guest's own trace.txt, unpacked."""
    source = real_samples / "trace-6.12"
    if not source.is_dir():
        pytest.skip("no trace-6.12 among the real samples: set KINFO_SAMPLES to a folder that has it")
    for path in source.iterdir():
        data = path.read_bytes()
        (folder / path.name.removesuffix(".xz")).write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)
    return folder


_FRONT = re.compile(r"^ *(.*)-(\d+) +\[(\d+)\] (.....) +([\d.]+): (.*)$")
_CALL = re.compile(r"sys_(\w+)\(dfd: (\w+), filename: (\w+), flags: (\w+), mode: (\w+)\)$")


def parts(line: str) -> tuple[str, ...]:
    """Pid, CPU, flags, time and text of a line; a system call by its print format, hashed addresses left out."""
    found = _FRONT.match(line)
    assert found, line
    said = found[6]
    if call := _CALL.match(said):
        number, name, *numbers = (call[1], *(int(call[at], 16) for at in range(2, 6)))
        shown = dict(zip(("filename", "flags", "mode"), numbers, strict=True))
        said = f"sys_enter_{number}: dfd: 0x{name:08x}" + "".join(f", {key}: 0x{value:08x}" for key, value in shown.items())
    said = re.sub(r"timer=\S+", "timer=", said)
    return (*found.groups()[1:5], re.sub(r"\s+", " ", said))


def test_the_sample_equals_the_guests_own_trace(real_samples: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    folder = sample(real_samples, tmp_path)
    ran = kinfo_cli("trace", folder / "region.bin", "--text", "--head", folder / "head.dat")
    assert (ran.code, ran.err) == (0, "")
    ours, theirs = without_head(ran.out).splitlines(), without_head((folder / "trace.txt").read_text()).splitlines()
    assert len(ours) == len(theirs) == 17_562
    assert [(one, other) for one, other in zip(ours, theirs, strict=True) if parts(one) != parts(other)][:3] == []
    names = [(_FRONT.match(one), _FRONT.match(other)) for one, other in zip(ours, theirs, strict=True)]
    differ = {(one[1], other[1]) for one, other in names if one and other and one[1] != other[1]}
    assert differ <= {("init", "cat")}  # the last task, which got its new name behind the trace's end


def test_the_sample_through_trace_cmd(real_samples: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    tool = shutil.which("trace-cmd")
    if not tool:
        pytest.skip("trace-cmd is not installed")
    folder = sample(real_samples, tmp_path)
    lines = kinfo_cli("trace", folder / "region.bin", "-o", folder / "out").out.partition("Next:\n")[2].splitlines()[1:]
    for line in lines:
        words = [*line.split(), "-R"] if " report " in line else line.split()  # -R: the fields, with no plugin in between
        done = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)
    shown = [re.match(r" *(.*)-(\d+) +\[(\d+)\] +([\d.]+): (\w+):", line) for line in done.stdout.splitlines()[1:]]
    theirs = [_FRONT.match(line) for line in without_head((folder / "trace.txt").read_text()).splitlines()]
    assert len(shown) == len(theirs) == 17_562
    for one, other in zip(shown, theirs, strict=True):
        assert one
        assert other
        name = re.match(r"\w+", other[6])
        assert name
        assert (one[2], one[3], one[4], one[5].replace("sys_enter_", "sys_")) == (other[2], other[3], other[5], name[0])


def test_escapes_of_a_module_name_reach_no_terminal(tmp_path: Path, kinfo_cli: Cli) -> None:
    hostile = (("a\033]0;owned\007", MODULES[0][1]), ("b\033[2J\033[8m", MODULES[1][1]))
    (tmp_path / "region.bin").write_bytes(new_region(two_cpus(), modules=hostile))
    ran = kinfo_cli("trace", tmp_path / "region.bin")
    assert "\033" not in ran.out
    assert "\007" not in ran.out
    assert "a\\x1b]0;owned\\x07 0x" in ran.out
    assert "b\\x1b[2J\\x1b[8m 0x" in ran.out


def test_only_colours_are_kept_of_a_painted_line() -> None:
    assert painted("\033[1mname\033]0;x\007\033[2J\033[0m") == "\033[1mname\\x1b]0;x\\x07\\x1b[2J\033[0m"
    assert painted("a\nb") == "a\\x0ab"


def test_cpus_that_do_not_agree_on_the_text_give_no_address(tmp_path: Path, kinfo_cli: Cli) -> None:
    raw = bytearray(old_region(two_cpus()))
    raw[8] ^= 0x40  # the address of the text, in the first CPU's part
    (tmp_path / "region.bin").write_bytes(raw)
    ran = kinfo_cli("trace", tmp_path / "region.bin")
    assert "its CPUs do not agree where the kernel's text was: 0x" in ran.out
    assert "the kernel that wrote it had" not in ran.out
