"""The tasks of kernels: of made ones, with every damage in turn, and of booted ones against what /proc said."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import kinfo
from kinfo.errors import KernelError
from kinfo.kernel.tasks.every import Tasks
from kinfo.kernel.tasks.states import letter
from tests.conftest import Cli, RealKernel
from tests.kernels.image import Spec
from tests.kernels.tasks import CPU_AT, TASK, THREAD_HEAD, USUAL, TaskSpec, World, types, world


def read(made: World, folder: Path) -> Tasks:
    made.kernel.write_elf(folder / "ram.elf")
    with kinfo.open_kernel(folder / "ram.elf") as kernel:
        return kernel.tasks()


@pytest.fixture
def made() -> World:
    return world(running={1: 40})


# What is read


def test_every_task_is_what_was_written(made: World, tmp_path: Path) -> None:
    tasks = read(made, tmp_path)
    assert [one.pid for one in tasks] == [0, 0, *(one.pid for one in USUAL)]
    found = {one.pid: one for one in tasks if one.pid}
    for spec in USUAL:
        one = found[spec.pid]
        assert (one.comm, one.ppid, one.cpu, one.is_kernel) == (spec.comm, spec.parent, spec.cpu, spec.is_kernel)
        assert (one.tgid, one.is_leader) == (spec.tgid or spec.pid, spec.tgid is None)
        assert (one.prio, one.nice, one.rt_priority) == (spec.prio, spec.static_prio - 120, spec.rt_priority)
        assert (one.va, one.stack) == (made.placed[spec.pid].va, made.placed[spec.pid].stack)
    assert "".join(one.state for one in found.values()) == "SSISDSRDZ"
    assert found[50].policy == "fifo"
    assert [(one.cpu, one.comm) for one in tasks.running] == [(0, "swapper/0"), (1, "server")]
    assert [one.comm for one in tasks if not one.pid] == ["swapper/0", "swapper/1"]
    assert (tasks.findings, len(tasks)) == ((), len(USUAL) + 2)
    assert (tasks.named(41), tasks.named(99)) == (found[41], None)


@pytest.mark.parametrize(
    "spec",
    [
        Spec(release="5.10.1-test"),  # `state`, and not `__state`
        Spec(page_format="arm64-16k-47"),
        Spec(page_format="arm64-64k-48"),
        Spec(arch="x86"),
        Spec(keep_all=False),  # no symbol says where init_task and the types are, nor the CPUs
    ],
    ids=lambda spec: f"{spec.arch} {spec.release} {spec.page_format} {spec.keep_all}",
)
def test_every_kind_of_kernel(spec: Spec, tmp_path: Path) -> None:
    tasks = read(world(spec), tmp_path)
    assert [one.pid for one in tasks if one.pid] == [one.pid for one in USUAL]
    assert tasks.findings == ()
    assert tasks.cpus.count == (2 if spec.keep_all else 0)
    assert 0 in {one.pid for one in tasks.running}  # by on_cpu, where runqueues have no name


@pytest.mark.parametrize(
    ("state", "exit_state", "shown"),
    [
        (0, 0, "R"),
        (1, 0, "S"),
        (0x2001, 0, "S"),  # TASK_FREEZABLE
        (2, 0, "D"),
        (0x102, 0, "D"),  # TASK_KILLABLE
        (0x402, 0, "I"),
        (0x2402, 0, "I"),
        (4, 0, "T"),
        (8, 0, "t"),
        (0, 0x10, "X"),
        (0x80, 0x20, "Z"),
        (0x40, 0, "P"),
        (0x1000, 0, "D"),  # TASK_RTLOCK_WAIT
        (0x8000, 0, "D"),  # TASK_FROZEN
        (0x200, 0, "R"),  # TASK_WAKING
    ],
)
def test_letters_of_states(state: int, exit_state: int, shown: str) -> None:
    assert letter(state, exit_state) == shown


# Damage: what is sound is shown, and the rest is said


def _node(made: World, pid: int) -> int:
    return made.placed[pid].va + TASK["tasks"]


def _loop(made: World) -> None:
    made.poke(made.member(50, "tasks"), _node(made, 7))


def _outside(made: World) -> None:
    made.poke(made.member(7, "tasks"), 0xFFFF_8123_4567_0000)


def _null(made: World) -> None:
    made.poke(made.member(7, "tasks"), 0)


def _to_itself(made: World) -> None:
    made.poke(made.member(40, "tasks"), _node(made, 40))


def _elsewhere(made: World) -> None:
    made.poke(made.member(2, "tasks"), made.placed[2].stack + 0x100)


def _back(made: World) -> None:
    made.poke(made.member(40, "tasks") + 8, _node(made, 2))


def _odd(made: World) -> None:
    made.poke(made.member(40, "tasks"), _node(made, 50) + 3)


DAMAGES: dict[str, Callable[[World], None]] = {
    "a loop": _loop,
    "out of the dump": _outside,
    "NULL": _null,
    "a node that leads to itself": _to_itself,
    "into a stack": _elsewhere,
    "a wrong way back": _back,
    "an odd address": _odd,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_one_wrong_link_hides_no_task(made: World, tmp_path: Path, name: str) -> None:
    """Lists are read from both ends."""
    DAMAGES[name](made)
    tasks = read(made, tmp_path)
    assert {one.pid for one in USUAL} == {one.pid for one in tasks if one.pid}
    assert [one.code for one in tasks.findings] == ["kernel-tasks-broken"]
    assert "tasks may be missing" not in tasks.findings[0].message or name == "a wrong way back"


def test_two_wrong_links_hide_what_is_between_them(made: World, tmp_path: Path) -> None:
    made.poke(made.member(2, "tasks"), 0)
    made.poke(made.member(50, "tasks") + 8, 0)
    tasks = read(made, tmp_path)
    assert {one.pid for one in tasks if one.pid} == {1, 2, 40, 50, 51, 52, 41, 42}  # 40 because CPU 1 is in it
    assert "tasks may be missing" in tasks.findings[0].message


def test_a_task_that_is_none(made: World, tmp_path: Path) -> None:
    made.poke(made.member(51, "pid"), 1 << 30, 4)
    tasks = read(made, tmp_path)
    assert 51 not in {one.pid for one in tasks}
    assert [one.code for one in tasks.findings] == ["kernel-task-unreadable"]
    assert "is no task: pid 1073741824" in tasks.findings[0].message


@pytest.mark.parametrize("link", [0, 1, 0xFFFF_8123_4567_0000])
def test_broken_threads(made: World, tmp_path: Path, link: int) -> None:
    made.poke(made.member(41, "thread_node"), link)
    tasks = read(made, tmp_path)
    assert {one.pid for one in tasks if one.pid} == {one.pid for one in USUAL}
    assert [one.code for one in tasks.findings] == ["kernel-threads-broken"]
    assert tasks.findings[0].where == "threads of 40"


def test_threads_in_a_circle(made: World, tmp_path: Path) -> None:
    made.poke(made.member(42, "thread_node"), made.placed[41].va + TASK["thread_node"])
    assert [one.code for one in read(made, tmp_path).findings] == ["kernel-threads-broken"]


def test_a_signal_struct_that_is_not_there(made: World, tmp_path: Path) -> None:
    made.poke(made.member(40, "signal"), 0)
    tasks = read(made, tmp_path)
    assert [one.code for one in tasks.findings] == ["kernel-threads-broken"]
    assert 40 in {one.pid for one in tasks}


def test_many_broken_threads_are_said_in_few_lines(tmp_path: Path) -> None:
    pairs = [one for pid in range(100, 130, 2) for one in (TaskSpec(pid, "a"), TaskSpec(pid + 1, "b", tgid=pid))]
    made = world(tasks=[TaskSpec(1, "init", parent=0), *pairs])
    for pid in range(100, 130, 2):
        made.poke(made.placed[pid].signal_pa + THREAD_HEAD, 0)
    findings = read(made, tmp_path).findings
    assert len(findings) == 9
    assert findings[-1].message == "and 7 more tasks or lists that cannot be read"


def test_a_parent_that_is_not_there(made: World, tmp_path: Path) -> None:
    made.poke(made.member(51, "real_parent"), 0)
    tasks = read(made, tmp_path)
    assert [one.ppid for one in tasks if one.pid == 51] == [None]
    assert [one.code for one in tasks.findings] == ["kernel-task-doubted"]


@pytest.mark.parametrize(
    ("pid", "name", "value", "size", "said"),
    [
        (51, "policy", 9, 4, "policy 9"),
        (51, "prio", 131172, 4, "prio 131172"),
        (51, "prio", -2, 4, "prio -2"),
        (51, "static_prio", 99, 4, "static_prio 99"),
        (51, "rt_priority", 100, 4, "rt_priority 100"),
        (51, "state", 1 << 17, 4, "state 0x20000"),
        (51, "state", 0x403, 4, "state 0x403"),
        (51, "stack", -0x8020, 8, "a stack at VA 0xffffffffffff7fe0"),
        (51, "tgid", 40, 4, "tgid 40 in the process 51"),
        (51, "pid", 33, 4, "tgid 51 in the process 33"),
        (41, "tgid", 51, 4, "tgid 51 in the process 40"),
        (41, "pid", 42, 4, "the pid 42 that another task has too"),
        (51, "real_parent", -0x1000, 8, "a parent at VA 0xfffffffffffff000, where no task is"),
    ],
)
def test_what_no_task_says_is_said(
    pid: int, name: str, value: int, size: int, said: str, made: World, tmp_path: Path, kinfo_cli: Cli
) -> None:
    """One wrong member: the task is shown, and named as one not to trust."""
    made.poke(made.member(pid, name), value, size)
    tasks = read(made, tmp_path)
    assert {one.code for one in tasks.findings} == {"kernel-task-doubted"}
    assert said in tasks.findings[0].message
    assert f"VA {made.placed[pid].va:#x} has" in tasks.findings[-1].message or name == "pid"
    assert len(tasks) == len(USUAL) + 2
    assert kinfo_cli("ps", tmp_path / "ram.elf").code == 1


def test_a_cpu_that_there_is_not(made: World, tmp_path: Path) -> None:
    made.poke(made.placed[51].pa + CPU_AT, 2, 4)
    (finding,) = read(made, tmp_path).findings
    assert finding.message.endswith("has CPU 2 of 2")


def test_a_parent_next_to_a_task_has_no_number(made: World, tmp_path: Path) -> None:
    """A wrong pointer leads to some number, which is nobody's pid."""
    made.poke(made.member(51, "real_parent"), made.placed[40].va + 0x40)
    tasks = read(made, tmp_path)
    assert [one.ppid for one in tasks if one.pid == 51] == [None]
    assert [one.code for one in tasks.findings] == ["kernel-task-doubted"]


def test_a_parent_that_a_broken_list_hides(made: World, tmp_path: Path) -> None:
    """It is no doubt of its child: what is there can be a task."""
    made.poke(made.member(2, "tasks"), 0)
    made.poke(made.member(51, "tasks") + 8, 0)
    tasks = read(made, tmp_path)
    assert [one.ppid for one in tasks if one.pid == 52] == [50]
    assert [one.code for one in tasks.findings] == ["kernel-tasks-broken"]


def test_many_doubted_tasks_are_said_in_few_lines(tmp_path: Path) -> None:
    made = world(tasks=[TaskSpec(1, "init", parent=0), *(TaskSpec(pid, "a", policy=99) for pid in range(100, 120))])
    findings = read(made, tmp_path).findings
    assert (len(findings), findings[-1].message) == (9, "and 12 more tasks")


def test_a_hole_in_the_memory(made: World, tmp_path: Path, kinfo_cli: Cli) -> None:
    page = made.placed[51].pa
    made.kernel.write_elf(tmp_path / "ram.elf", holes=[(page, page + 0x1000)])
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--threads")
    assert ran.code == 1
    assert f"no memory at PA {page + TASK['tasks']:#x}" in ran.out
    assert " gone\n" in ran.out


@settings(max_examples=30)
@given(data=st.data())
def test_any_byte_of_a_task_ends_in_tasks_or_an_error(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = SHARED
    saved = bytes(made.kernel.memory)
    try:
        for _ in range(data.draw(st.integers(1, 5))):
            pid = data.draw(st.sampled_from([0, *(one.pid for one in USUAL)]))
            at = made.placed[pid].pa + data.draw(
                st.sampled_from([*TASK.values(), TASK["tasks"] + 8, TASK["thread_node"] + 8])
            )
            made.kernel.poke(at, data.draw(st.sampled_from([bytes(8), b"\xff" * 8, struct.pack("<Q", made.placed[7].va)])))
        folder = tmp_path_factory.mktemp("flipped")
        tasks = read(made, folder)
        assert len(tasks) <= len(USUAL) + 2
        (folder / "ram.elf").unlink()
    except KernelError:
        pass
    finally:
        made.kernel.memory[:] = saved


SHARED = world(running={1: 40})


# No types, or other types


def test_a_kernel_without_types(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = world(btf=bytes(64))
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"kinfo: {tmp_path}/ram.elf: this is no BTF; name the build's vmlinux, or its BTF alone, with --btf\n"
    (tmp_path / "btf").write_bytes(types(made.kernel.spec).blob())
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--btf", tmp_path / "btf")
    assert ran.code == 0
    assert f"offsets by BTF of {tmp_path}/btf" in ran.out
    assert f"kinfo backtrace {tmp_path}/ram.elf --btf {tmp_path}/btf --stuck" in ran.out
    (tmp_path / "vmlinux").write_bytes(b"Linux version 9.9.9 (me@here)\0" + types(made.kernel.spec).blob())
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--btf", tmp_path / "vmlinux")
    assert ran.code == 2
    assert "is of another kernel than the one in the memory" in ran.err


def test_types_of_another_kernel(made: World, tmp_path: Path, kinfo_cli: Cli) -> None:
    made.kernel.write_elf(tmp_path / "ram.elf")
    (tmp_path / "btf").write_bytes(types(Spec(release="5.10.0")).blob())
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--btf", tmp_path / "btf")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(
        "its BTF is not that of the kernel in the memory, which carries its own; "
        "leave --btf out, or name the vmlinux of this very build\n"
    )


def test_types_that_do_not_fit(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = world()
    made.kernel.poke(made.member(0, "comm"), b"garbage\0")
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf")
    assert (ran.code, ran.out) == (2, "")
    assert "has pid 0 and is called 'garbage'; the types are another kernel's, or memory is damaged" in ran.err


@pytest.mark.parametrize("missing", ["real_parent", "signal", "tasks", "__state", "comm"])
def test_types_without_what_is_needed(missing: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    blob = types(Spec()).blob().replace(b"\0" + missing.encode() + b"\0", b"\0" + b"x" * len(missing) + b"\0")
    world(btf=blob).kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf")
    assert ran.code == 2
    assert missing in ran.err
    assert ran.err.count("\n") == 1


# The command


def test_the_screen(made: World, tmp_path: Path, kinfo_cli: Cli) -> None:
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf")
    lines = ran.out.splitlines()
    assert ran.code == 0
    assert lines[0].startswith("7 processes, 9 threads (4 S, 2 D, 1 I, 1 R, 1 Z); 2 CPUs; offsets by BTF in the RAM")
    assert ">       40       1    1 S normal    120    0  user   server" in lines
    assert "         7       2    0 I normal    120    0  kernel kworker/0:1" in lines
    assert not any("server-io" in line for line in lines)
    assert f"  kinfo backtrace {tmp_path}/ram.elf --stuck    # what the tasks in state D wait for" in lines
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--threads")
    assert "        40      41       1    1 D normal    120    0  user   {server-io}\n" in ran.out


def test_the_tree(made: World, tmp_path: Path, kinfo_cli: Cli) -> None:
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--tree", "--threads")
    names = [line[61:] for line in ran.out.splitlines() if re.match(r"[> ] +\d+ ", line)]
    assert names[2:] == [
        "init",
        "  server",
        "    {server-io}",
        "    {server-log}",
        "  writer",
        "    gone",
        "  stuck",
        "kthreadd",
        "  kworker/0:1",
    ]


def test_parents_in_a_circle_are_in_the_tree_once(made: World, tmp_path: Path, kinfo_cli: Cli) -> None:
    for pid, parent in ((40, 50), (50, 51), (51, 40)):
        made.poke(made.member(pid, "real_parent"), made.placed[parent].va)
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--tree")
    assert [ran.out.count(f" {name}\n") for name in ("server", "writer", "stuck", "gone")] == [1, 1, 1, 1]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_data(made: World, tmp_path: Path, kinfo_cli: Cli, form: str) -> None:
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf", "--format", form)
    data: dict[str, Any] = json.loads(ran.out) if form == "json" else yaml.safe_load(ran.out)
    assert [one["pid"] for one in data["tasks"]] == [0, 0, *(one.pid for one in USUAL)]
    assert data["cpus"][1] == {"cpu": 1, "pid": 40, "task": f"{made.placed[40].va:#x}"}
    stuck = next(one for one in data["tasks"] if one["pid"] == 51)
    assert (stuck["state"], stuck["state_word"], stuck["va"]) == ("D", "0x2", f"{made.placed[51].va:#x}")
    assert (data["schema_version"], data["release"], data["findings"]) == (1, "6.12.1-test", [])


def test_names_that_a_terminal_would_obey(made: World, tmp_path: Path, kinfo_cli: Cli) -> None:
    made.kernel.poke(made.member(51, "comm"), b"\x1b[2Jx\xff\0")
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf")
    assert r"\x1b[2Jx\xff" in ran.out
    assert "\x1b" not in ran.out


def test_damage_is_exit_1_and_said(made: World, tmp_path: Path, kinfo_cli: Cli) -> None:
    _outside(made)
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("ps", tmp_path / "ram.elf")
    assert ran.code == 1
    assert "error   kernel-tasks-broken  tasks: after 7 tasks, read from both ends: behind VA " in ran.out
    data = json.loads(kinfo_cli("ps", tmp_path / "ram.elf", "--format", "json").out)
    assert [one["code"] for one in data["findings"]] == ["kernel-tasks-broken"]


# Booted kernels


def test_a_crashed_kernels_tasks_are_those_of_proc(real_samples: Path, tmp_path: Path) -> None:
    folder = real_samples / "crash-6.18"
    if not (folder / "crash.elf.zst").is_file():
        pytest.skip("no crash-6.18 among the real samples: set KINFO_SAMPLES to a folder that has it")
    for name in ("crash.elf", "ps.txt"):
        with (folder / f"{name}.zst").open("rb") as packed, (tmp_path / name).open("wb") as out:
            zstandard.ZstdDecompressor().copy_stream(packed, out)
    with kinfo.open_kernel(tmp_path / "crash.elf", folder / "kinfo.bin") as kernel:
        tasks = {one.pid: one for one in kernel.tasks() if one.pid}
        assert kernel.tasks().findings == ()
        assert [(one.cpu, one.comm) for one in kernel.tasks().running] == [(0, "pr/ttyAMA-1"), (1, "init")]
    told = {int(one[1]): one for one in _stat(tmp_path / "ps.txt")}
    asking = {pid for pid, one in told.items() if one[2] in ("gzip", "base64") or (one[2] == "init" and pid > 1)}
    assert (len(asking), set(tasks)) == (3, set(told) - asking)  # those who asked had ended by the time of the panic
    moved = 0
    for pid, one in tasks.items():
        comm, state, rest = told[pid][2], told[pid][3], told[pid][4].split()
        assert one.comm == comm[:15] or ("kworker/" in comm and comm.startswith(f"{one.comm}-"))
        assert one.ppid == int(rest[0])
        assert (one.prio - 100, one.nice) == (int(rest[14]), int(rest[15]))
        assert (one.rt_priority, one.policy) == (int(rest[36]), {"0": "normal", "1": "fifo"}[rest[37]])
        assert one.is_kernel == bool(int(rest[5]) & 0x200000)
        moved += (one.state, one.cpu) != (state, int(rest[35]))
    assert moved <= 5  # woken up between /proc and the panic


def _stat(path: Path) -> Iterator[re.Match[str]]:
    for line in path.read_text().splitlines():
        if found := re.fullmatch(r"(\d+) \((.*)\) (\S) (.*)", line):
            yield found


def test_real_kernels_have_sound_lists(real_kernel: RealKernel) -> None:
    with kinfo.open_kernel(real_kernel.ram, real_kernel.kinfo) as kernel:
        tasks = kernel.tasks()
        assert tasks.findings == ()
        assert len(tasks) > 30
        assert [one.comm for one in tasks if one.pid == 2] == ["kthreadd"]
        assert all(one.ppid == 2 for one in tasks if one.is_kernel and one.pid > 2)
        assert tasks.running
