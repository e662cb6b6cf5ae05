"""Every guest of `python -m tools.guests`: what kinfo reads out of its two dumps against what the kernel said of itself.

ram.elf was taken while it kept still, crash.elf after it had panicked. No record is used unless a test says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import pytest

import kinfo
from kinfo.kernel.boot.summary import summary
from kinfo.kernel.tasks.task import Task
from kinfo.record import text
from tests.conftest import BootedGuest, Cli

_RUN_TIME = re.compile(rb"\t\[(bpf|__builtin__\w+)\]$")  # made at run time, in no table
_CALL = re.compile(r"(?:\] | )\s*(\w[\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[\w+\])?)(?: \(P\)| \(C\))?$")
_ENDS = {
    "arm64": {
        "ret_from_fork",
        "el0t_64_sync",
        "el0_sync",
        "start_kernel",
        "__primary_switched",
        "__primary_switch",
        "__secondary_switched",
    },
    "amd64": {
        "ret_from_fork_asm",
        "ret_from_fork",
        "entry_SYSCALL_64_after_hwframe",
        "secondary_startup_64_no_verify",
        "common_startup_64",
    },
}


@pytest.fixture(scope="module")
def still(guest: BootedGuest) -> Iterator[kinfo.Kernel]:
    with kinfo.open_kernel(guest.folder / "ram.elf") as kernel:
        yield kernel


@pytest.fixture(scope="module")
def crashed(guest: BootedGuest) -> Iterator[kinfo.Kernel]:
    with kinfo.open_kernel(guest.folder / "crash.elf") as kernel:
        yield kernel


def test_the_log_is_the_guests_own(guest: BootedGuest, kinfo_cli: Cli) -> None:
    done = kinfo_cli("dmesg", guest.folder / "ram.elf", "--raw")
    said = guest.lines("dmesg")
    assert (done.code, done.err) == (0, "")
    assert len(said) > 150
    assert done.out.splitlines()[: len(said)] == said


def test_the_panic_follows_in_the_log(guest: BootedGuest, kinfo_cli: Cli) -> None:
    done = kinfo_cli("dmesg", guest.folder / "crash.elf", "--raw")
    said, oops = guest.lines("dmesg"), _oops(guest)
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines[: len(said)] == said
    assert len(oops) > 20
    assert [re.sub(r"^<\d+>", "", line) for line in lines[-len(oops) :]] == oops
    assert len(lines) - len(said) - len(oops) <= 3  # while the console printed emergencies alone


def test_the_log_by_the_record(guest: BootedGuest, kinfo_cli: Cli) -> None:
    if not guest.kinfo:
        pytest.skip("no record was made for this guest")
    for name in ("ram.elf", "crash.elf"):
        by_record = kinfo_cli("dmesg", guest.folder / name, "--raw", "--kinfo", guest.kinfo)
        assert by_record == kinfo_cli("dmesg", guest.folder / name, "--raw")


def test_the_symbols_are_proc_kallsyms(guest: BootedGuest, kinfo_cli: Cli) -> None:
    done = kinfo_cli("symbols", guest.folder / "ram.elf", "--modules")
    assert done.code == 0
    told = (
        line.split(b"\t") for line in (guest.folder / "kallsyms.txt").read_bytes().splitlines() if not _RUN_TIME.search(line)
    )
    assert done.out.splitlines() == ["\t".join(map(text.escape, parts)) for parts in told]
    assert {module for line in done.out.splitlines() if (module := line.partition("\t[")[2])} == {
        f"{line.split()[0]}]" for line in guest.lines("modules")
    }


def test_the_boot_is_the_guests_own(guest: BootedGuest, crashed: kinfo.Kernel) -> None:
    found = summary(crashed)
    assert found.banner == guest.lines("version")[0]
    assert found.slide
    assert found.slide.slide == int(guest.meta["kaslr_slide"], 16)
    stated = dict(line.partition("=")[::2] for line in guest.lines("vmcoreinfo"))
    assert [place.va for place in crashed.named("_stext")] == [int(stated["SYMBOL(_stext)"], 16)]


def test_the_configuration(guest: BootedGuest, kinfo_cli: Cli) -> None:
    """No stock kernel of Debian's has IKCONFIG: that is what is said then."""
    done = kinfo_cli("config", guest.folder / "ram.elf")
    config = (guest.folder / "config.txt").read_text()
    if "\nCONFIG_IKCONFIG=y\n" in config:
        assert (done.code, done.out) == (0, config)
    else:
        assert (done.code, done.out) == (2, "")
        assert "IKCONFIG" in done.err


def test_the_tasks_are_those_of_proc(guest: BootedGuest, still: kinfo.Kernel) -> None:
    tasks = still.tasks()
    found = {task.pid: task for task in tasks if task.pid}
    told = {pid: (comm, rest) for pid, comm, rest in _stat(guest.lines("ps"))}
    assert tasks.findings == ()
    assert len(told) > 40
    assert {pid: _as_stat(task) for pid, task in found.items() if pid in told and not _is_worker(task)} == {
        pid: _told(comm, rest) for pid, (comm, rest) in told.items() if pid in found and not comm.startswith("kworker/")
    }
    workers = {pid for pid in found.keys() & told.keys() if _is_worker(found[pid])}
    assert all(
        told[pid][0].startswith(found[pid].comm) and _as_stat(found[pid])[1:] == _told(*told[pid])[1:] for pid in workers
    )
    came = {pid for pid in found.keys() - told.keys() if not _is_worker(found[pid])}
    went = {pid for pid in told.keys() - found.keys() if not told[pid][0].startswith("kworker/")}
    assert (came, went) == (set(), set())


def test_who_sleeps_is_where_the_kernel_says(guest: BootedGuest, still: kinfo.Kernel) -> None:
    """/proc/PID/stack leaves out the scheduler's own functions."""
    told = _stacks(guest.lines("stacks"))
    start, end = (still.named(name)[0].va or 0 for name in ("__sched_text_start", "__sched_text_end"))
    asleep = [one for one in still.backtraces().all() if one.cpu is None and one.task.pid != 1]  # init asked
    found = {one.task.pid: one for one in asleep if one.task.pid in told}
    assert len(found) > 40
    elsewhere = []
    for pid, one in found.items():
        calls = [frame.label for frame in one.frames if not start <= frame.pc < end]
        if len(calls) != len(told[pid]) or not all(map(_is_same_call, calls, told[pid])):
            elsewhere.append(one)
    for one in elsewhere:  # threads of the kernel that were woken between /proc and the dump, and sleep again
        assert one.is_whole
        assert one.task.is_kernel
        assert one.labels[-2:] == tuple(told[one.task.pid][-2:])
    assert len(elsewhere) <= 3, [one.labels for one in elsewhere]


@pytest.mark.parametrize("dump", ["ram.elf", "crash.elf"])
def test_every_chain_is_whole(guest: BootedGuest, dump: str) -> None:
    with kinfo.open_kernel(guest.folder / dump) as kernel:
        traces = list(kernel.backtraces().all())
    assert [(one.task.comm, one.end) for one in traces if not one.is_whole and one.task.state != "Z"] == []
    asleep = {one.frames[-1].label.partition("+")[0] for one in traces if one.cpu is None}
    assert asleep <= _ENDS[guest.meta["arch"]]
    assert [one.task.comm for one in traces if one.is_guess] == []


def test_the_panicking_cpu_is_where_the_kernel_said(guest: BootedGuest, crashed: kinfo.Kernel) -> None:
    printed = [found[1] for line in _oops(guest) if " ? " not in line and (found := _CALL.search(line))]
    below = printed[next(at for at, call in enumerate(printed, 1) if call.startswith(("panic+", "vpanic+"))) :]
    below = below[: next(at for at, call in enumerate(below, 1) if call.partition("+")[0] in _ENDS[guest.meta["arch"]])]
    assert len(below) > 7
    chains = [
        list(one.labels) for one in crashed.backtraces().of_cpus() if any(label.startswith("panic+") for label in one.labels)
    ]
    assert len(chains) == 1
    assert chains[0][-len(below) - 1].startswith(("panic+", "vpanic+"))
    assert all(map(_is_same_call, chains[0][-len(below) :], below))


def _oops(guest: BootedGuest) -> list[str]:
    """What the console printed of the panic, as lines of the log."""
    return [line.rstrip("\r") for line in guest.lines("oops") if line.startswith("[")]


def _is_same_call(ours: str, theirs: str) -> bool:
    """A call that ends its function returns to the next one's first byte: kernels name that one."""
    name, _, numbers = ours.rpartition("+")
    if "+0x0/" in theirs and name:
        return len(set(numbers.partition(" ")[0].split("/"))) == 1
    return ours == theirs


def _stacks(lines: Sequence[str]) -> dict[int, list[str]]:
    stacks: dict[int, list[str]] = {}
    for line in lines:
        if line.startswith("pid "):
            last = stacks[int(line[4:])] = []
        else:
            last.append(line.removeprefix("[<0>] "))
    return {pid: calls for pid, calls in stacks.items() if calls}


def _stat(lines: Sequence[str]) -> Iterator[tuple[int, str, list[str]]]:
    for line in lines:
        found = re.fullmatch(r"(\d+) \((.*)\) (.*)", line)
        assert found
        yield int(found[1]), found[2], found[3].split()


_POLICIES: Mapping[str, str] = {"0": "normal", "1": "fifo", "2": "rr", "3": "batch", "5": "idle", "6": "deadline"}


def _told(comm: str, rest: Sequence[str]) -> tuple[object, ...]:
    """Name, parent, whether of the kernel, priorities and policy, as /proc/PID/stat has them (`rest` is what follows)."""
    return (
        comm[:15],
        int(rest[1]),
        bool(int(rest[6]) & 0x200000),
        int(rest[15]),
        int(rest[16]),
        int(rest[37]),
        _POLICIES[rest[38]],
    )


def _as_stat(task: Task) -> tuple[object, ...]:
    return task.comm, task.ppid, task.is_kernel, task.prio - 100, task.nice, task.rt_priority, task.policy


def _is_worker(task: Task) -> bool:
    return task.comm.startswith("kworker/")
