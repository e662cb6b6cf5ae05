"""Call chains: of made kernels, with every damage in turn, and of booted ones against what they printed themselves."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import kinfo
from kinfo.errors import KernelError
from kinfo.kernel.stack.backtraces import Backtraces
from kinfo.kernel.stack.model import Backtrace, FrameKind
from kinfo.kernel.stack.register_file import parse
from kinfo.kernel.stack.x86_calls import ends_with_call
from tests.conftest import Cli, RealKernel
from tests.kernels.image import Spec
from tests.kernels.paging import PageTables
from tests.kernels.stacks import (
    BP,
    BP_INDIRECT,
    DI,
    PREV_SP,
    R10,
    SP,
    SP_INDIRECT,
    UNDEFINED,
    V1,
    V2,
    V3,
    V4,
    Entry,
    Frames,
    note,
    prologue,
    sleep_x86,
    write_orc,
)
from tests.kernels.tasks import (
    CONTEXT,
    FUNCTIONS,
    KTHREAD_CHAIN,
    PT_REGS,
    PT_REGS_SIZE,
    STACK_SIZE,
    TASK,
    USUAL,
    TaskSpec,
    World,
    sleep,
    types,
    world,
)

USER_CHAIN = USUAL[3].chain


def backtraces(made: World, folder: Path, *, notes: bytes = b"", holes: Sequence[tuple[int, int]] = ()) -> list[Backtrace]:
    """The chains of all tasks."""
    made.kernel.write_elf(folder / "ram.elf", notes=notes, holes=holes)
    with kinfo.open_kernel(folder / "ram.elf") as kernel:
        return list(kernel.backtraces().all())


def of(traces: Sequence[Backtrace], pid: int) -> Backtrace:
    return next(one for one in traces if one.task.pid == pid)


def names(one: Backtrace) -> list[str]:
    return [frame.place.symbol if frame.place else hex(frame.pc) for frame in one.frames]


# arm64, asleep


@pytest.mark.parametrize(
    ("spec", "meta"),
    [
        (Spec(), False),
        (Spec(release="6.18.1-test"), True),
        (Spec(page_format="arm64-16k-47"), True),
        (Spec(page_format="arm64-4k-52"), False),
        (Spec(release="5.10.1-test", page_format="arm64-64k-48"), False),
        (Spec(keep_all=False), True),
    ],
    ids=lambda one: f"{one.release} {one.page_format} {one.keep_all}" if isinstance(one, Spec) else str(one),
)
def test_sleeping_tasks(spec: Spec, meta: bool, tmp_path: Path) -> None:
    traces = backtraces(world(spec, meta=meta), tmp_path)
    for task in USUAL:
        one = of(traces, task.pid)
        assert names(one) == list(task.chain)
        assert one.labels[0] == f"{task.chain[0]}+0x40/0x100"
        assert (one.is_whole, one.is_guess, one.cpu) == (True, False, None)
        end = "the task began at ret_from_fork" if task.is_kernel else "entered from user space by el0t_64_sync"
        assert one.end == f"whole: {end}"
        assert [frame.stack for frame in one.frames[1:]] == ["task"] * (len(task.chain) - 1)


def test_signed_return_addresses(tmp_path: Path) -> None:
    """Pointer authentication: any bits above the VA's, but for bit 55."""
    made = world()
    sleep(made, 40, USER_CHAIN, signed=0x5A2A_0000_0000_0000 & ~(1 << 55))
    assert names(of(backtraces(made, tmp_path), 40)) == list(USER_CHAIN)


def test_return_addresses_behind_a_functions_last_call(tmp_path: Path) -> None:
    """panic() never returns: what follows its call is the next function."""
    made = world()
    frames = Frames(made, 51)
    frames.calls("el0t_64_sync")
    frames.call(made.va("next_function"))
    made.poke(made.placed[51].pa + TASK["thread"] + CONTEXT["fp"], frames.fp)
    one = of(backtraces(made, tmp_path), 51)
    assert one.labels == ("__switch_to+0x40/0x100", "panic+0x100/0x100", "el0t_64_sync+0x40/0x100")


@pytest.mark.parametrize(
    ("pc", "wrong"),
    [
        (lambda _: (1 << 64) - 1, "0xffffffffffffffff, is no code"),
        (lambda _: 0x401234, "0x401234, is no code"),  # of user space
        (lambda _: 0, "0x0, is no code"),
        (lambda made: made.kernel.va("data"), ", is no code"),
        (lambda made: made.va("next_function", 0x40), ", is behind no call"),
        (lambda made: made.va("ret_from_fork"), ""),  # it never ran
    ],
)
def test_where_a_sleeping_task_was_is_code_behind_a_call(pc: Callable[[World], int], wrong: str, tmp_path: Path) -> None:
    made = world()
    nop = struct.pack("<I", 0xD503201F)
    made.kernel.poke(made.kernel.pa("text") + FUNCTIONS["next_function"][0], nop * 64)
    made.poke(made.placed[51].pa + TASK["thread"] + CONTEXT["pc"], pc(made))
    one = of(backtraces(made, tmp_path), 51)
    assert one.is_whole == (not wrong)
    assert one.end.startswith("the saved pc, 0x") == bool(wrong)
    assert wrong in one.end
    assert one.end.endswith("whole: entered from user space by el0t_64_sync")  # the rest is read all the same


def test_stacks_that_lie_in_pieces(tmp_path: Path) -> None:
    """CONFIG_VMAP_STACK: each page of a stack is anywhere in memory; the page tables put them in a row."""
    made = world()
    kernel, place = made.kernel, made.placed[40]
    start = kernel.spec.linear + (1 << 32)  # mapped nowhere yet
    tables = kernel.tables
    assert isinstance(tables, PageTables)
    for page in range(4):
        pa = kernel.base + 0x900000 + 0x3000 * (4 - page)
        kernel.poke(pa, kernel.peek(place.stack_pa + 0x1000 * page, 0x1000))
        tables.map(start + 0x1000 * page, pa, 0x1000, executable=False)
    for at, value in tables.entries():
        kernel.poke(at, value.to_bytes(8, "little"))
    made.poke(place.pa + TASK["stack"], start)
    made.poke(
        place.pa + TASK["thread"] + CONTEXT["fp"], made.peek(place.pa + TASK["thread"] + CONTEXT["fp"]) - place.stack + start
    )
    last = kernel.base + 0x900000 + 0x3000
    for at in range(0, 0x1000 - 8, 8):  # the records' own pointers move along
        value = made.peek(last + at)
        if place.stack <= value < place.stack + STACK_SIZE:
            made.poke(last + at, value - place.stack + start)
    kernel.poke(place.stack_pa, bytes(STACK_SIZE))
    one = of(backtraces(made, tmp_path), 40)
    assert names(one) == list(USER_CHAIN)
    assert one.is_whole


@pytest.mark.parametrize("symbols", [{}, {"__start_init_stack": 0x10000, "__end_init_stack": 0x18000}])
def test_the_size_of_stacks_without_the_union(symbols: dict[str, int], tmp_path: Path) -> None:
    """Some kernels' BTF has no thread_union: the first task's stack says it, else the record."""
    blob = types(Spec()).blob().replace(b"\0thread_union\0", b"\0thread_onion\0")
    world(btf=blob, symbols=symbols).kernel.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
        assert kernel.types.find("thread_union") is None
        assert kernel.tasks().thread_size == (0x8000 if symbols else 0x4000)


# arm64, running


def interrupted(*, meta: bool = False, lr: str = "", at: int = 0x20) -> tuple[World, bytes]:
    """CPU 0 idle and interrupted; CPU 1 in pid 40, in the kernel, and then in an interrupt on its IRQ stack."""
    made = world(running={1: 40}, meta=meta)
    prologue(made, "cpu_do_idle", at=0x10)
    frames = Frames(made, 0)
    fp = frames.calls("secondary_startup", "do_idle")
    idle = note("arm64", {"pc": made.va("cpu_do_idle", 0x20), "sp": fp - 64, "x29": fp, "x30": made.va("schedule", 8)})
    frames = Frames(made, 40)
    frames.calls("el0t_64_sync", "el0_svc")
    frames.exception(made.va("vfs_write", at), made.va(lr, 0x24) if lr else 0, meta=meta)
    frames.calls("el1h_64_irq")
    frames.to_irq_stack(1)
    fp = frames.calls("handle_irq")
    busy = note("arm64", {"pc": made.va("irq_work", 0x18), "sp": fp - 16, "x29": fp, "x30": 0})
    return made, idle + busy


@pytest.mark.parametrize("meta", [False, True])
def test_an_interrupted_cpu(meta: bool, tmp_path: Path) -> None:
    made, notes = interrupted(meta=meta)
    prologue(made, "vfs_write")
    one = of(backtraces(made, tmp_path, notes=notes), 40)
    assert names(one) == ["irq_work", "handle_irq", "el1h_64_irq", "vfs_write", "el0_svc", "el0t_64_sync"]
    assert [frame.stack for frame in one.frames] == ["", "irq", "task", "task", "task", "task"]
    assert [frame.kind.value for frame in one.frames] == ["pc", "return", "return", "pc", "return", "return"]
    assert (one.cpu, one.is_whole, one.is_guess) == (1, True, False)
    assert one.source == "the CPU's registers, in the dump's NT_PRSTATUS note"
    idle = of(backtraces(made, tmp_path, notes=notes), 0)
    assert (names(idle), idle.cpu) == (["cpu_do_idle", "do_idle", "secondary_startup"], 0)
    assert idle.end == "whole: its first function is secondary_startup"


@pytest.mark.parametrize("meta", [False, True])
def test_a_caller_that_is_in_the_link_register_alone(meta: bool, tmp_path: Path) -> None:
    """An exception in a function that has not set up its frame: the records name its caller's caller next."""
    made, notes = interrupted(meta=meta, lr="do_wait", at=4)
    one = of(backtraces(made, tmp_path, notes=notes), 40)
    assert names(one)[3:] == ["vfs_write", "do_wait", "el0_svc", "el0t_64_sync"]
    assert one.frames[4].kind is FrameKind.LINK
    prologue(made, "vfs_write", at=0x10)  # behind where it was
    assert names(of(backtraces(made, tmp_path, notes=notes), 40))[4] == "do_wait"


def test_a_frame_that_was_taken_down_already(tmp_path: Path) -> None:
    """Behind ldp x29, x30, [sp], #64, in front of ret."""
    made, notes = interrupted(lr="do_wait", at=0x20)
    prologue(made, "vfs_write")
    assert "do_wait" not in names(of(backtraces(made, tmp_path, notes=notes), 40))
    made.kernel.poke(made.kernel.pa("text") + FUNCTIONS["vfs_write"][0] + 0x1C, (0xA8C47BFD).to_bytes(4, "little"))
    assert names(of(backtraces(made, tmp_path, notes=notes), 40))[4] == "do_wait"


def test_registers_go_by_the_stack_and_not_by_the_order(tmp_path: Path) -> None:
    made, notes = interrupted()
    size = len(notes) // 2
    one = of(backtraces(made, tmp_path, notes=notes[size:] + notes[:size]), 40)
    assert names(one)[0] == "irq_work"
    one = of(backtraces(made, tmp_path, notes=notes[size:]), 40)  # kdump writes none for a CPU that was off
    assert names(one)[0] == "irq_work"


@pytest.mark.parametrize("guard", [True, False])
def test_an_irq_stack_that_has_no_name(guard: bool, tmp_path: Path) -> None:
    """Without CONFIG_KALLSYMS_ALL: by the stack pointer, and only where the mapping is one of such a stack."""
    made = world(Spec(keep_all=False), running={1: 40})
    low = made.kernel.spec.linear + (1 << 32)
    pa = made.kernel.base + 0x900000
    _map(made, low, pa, STACK_SIZE + (0 if guard else 0x1000))
    frames = Frames(made, 40)
    frames.calls("el0t_64_sync", "el0_svc")
    frames.exception(made.va("vfs_write", 0x20))
    frames.calls("el1h_64_irq")
    frames.at, frames.shift = pa + STACK_SIZE, low - pa
    fp = frames.calls("handle_irq")
    notes = note("arm64", {}) + note("arm64", {"pc": made.va("irq_work", 0x18), "sp": fp - 16, "x29": fp, "x30": 0})
    one = of(backtraces(made, tmp_path, notes=notes), 40)
    if guard:
        assert names(one) == ["irq_work", "handle_irq", "el1h_64_irq", "vfs_write", "el0_svc", "el0t_64_sync"]
        assert ([frame.stack for frame in one.frames][:3], one.is_whole) == (["", "irq", "task"], True)
    else:
        assert (names(one), one.is_whole) == (["irq_work"], False)
        assert one.end == f"it leads to VA {fp:#x}, which is in no stack of this task or its CPU that is known"


def test_an_irq_stack_whose_page_tables_are_not_in_the_dump(tmp_path: Path) -> None:
    made = world(Spec(keep_all=False), running={1: 40})
    low = made.kernel.spec.linear + (1 << 32)
    before = {at for at, _ in made.kernel.tables.entries()}  # type: ignore[union-attr]
    _map(made, low, made.kernel.base + 0x900000, STACK_SIZE)
    after = {at for at, _ in made.kernel.tables.entries()}  # type: ignore[union-attr]
    table = max(after - before) & -0x1000
    notes = note("arm64", {}) + note("arm64", {"pc": made.va("irq_work", 0x18), "sp": low + 0x800, "x29": low + 0x810})
    one = of(backtraces(made, tmp_path, notes=notes, holes=[(table, table + 0x1000)]), 40)
    assert (names(one), one.is_whole) == (["irq_work"], False)


def _map(made: World, va: int, pa: int, size: int) -> None:
    """Map memory, page by page, where nothing was."""
    tables = made.kernel.tables
    assert isinstance(tables, PageTables)
    for at in range(0, size, 0x1000):
        tables.map(va + at, pa + at, 0x1000, executable=False)
    for at, value in tables.entries():
        made.kernel.poke(at, value.to_bytes(8, "little"))


def test_a_cpu_in_user_space(tmp_path: Path) -> None:
    made = world(running={1: 40})
    notes = note("arm64", {}) + note("arm64", {"pc": 0x400120, "sp": 0xFFFF_1234, "x29": 0xFFFF_1240})
    one = of(backtraces(made, tmp_path, notes=notes), 40)
    assert (one.frames, one.end, one.is_whole) == ((), "whole: the CPU was in user space, at 0x400120", True)


def test_an_exception_from_user_space_in_the_new_form(tmp_path: Path) -> None:
    made = world(meta=True)
    place = made.placed[40]
    top = place.stack_pa + STACK_SIZE - PT_REGS_SIZE
    made.poke(top + PT_REGS["stackframe"] + 16, 2)
    made.poke(top + PT_REGS["pc"], 0x401234)
    one = of(backtraces(made, tmp_path), 40)
    assert (names(one), one.end) == (list(USER_CHAIN), "it was entered from user space, at 0x401234")


# arm64, a guess


@pytest.mark.parametrize(("outermost", "whole"), [("start_kernel", True), ("do_wait", False)])
def test_the_first_task_until_5_10(outermost: str, whole: bool, tmp_path: Path) -> None:
    """Its first function's record has zeros, deeper than a task's last record would lie; zeros elsewhere are none of it."""
    made = world(running={1: 40})
    frames = Frames(made, 0)
    frames.at -= 0x100
    made.record(frames.at, 0, 0)
    frames.fp = frames.at + frames.shift
    zeros = frames.fp
    fp = frames.calls(outermost, "do_idle")
    notes = note("arm64", {"pc": made.va("cpu_do_idle", 0x20), "sp": fp - 64, "x29": fp, "x30": 0}) + note("arm64", {})
    one = of(backtraces(made, tmp_path, notes=notes), 0)
    assert (names(one), one.is_whole) == (["cpu_do_idle", "do_idle", outermost], whole)
    broken = f"it ends in zeros at VA {zeros:#x}, which is not where the task stack's last record lies"
    assert one.end == ("whole: its first function is start_kernel" if whole else broken)


def test_without_registers_it_is_a_guess(tmp_path: Path) -> None:
    made = world(running={1: 40})
    frames = Frames(made, 40)
    frames.calls("el0t_64_sync", "el0_svc", "vfs_write", "panic")
    one = of(backtraces(made, tmp_path), 40)
    assert names(one)[-4:] == ["panic", "vfs_write", "el0_svc", "el0t_64_sync"]
    assert (one.is_guess, one.is_whole, one.cpu) == (True, True, 1)
    assert one.source.startswith("a guess: the deepest chain of frame records in its stack")


def test_no_guess_without_a_chain(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = world(running={1: 40})
    made.kernel.poke(made.placed[40].stack_pa, bytes(STACK_SIZE))
    one = of(backtraces(made, tmp_path), 40)
    assert (one.frames, one.is_whole) == ((), False)
    assert one.end == "the dump has no registers of its CPU, and its stack no chain of records"
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--cpu", "1")
    assert ran.code == 1
    assert "error   kernel-stack-broken  pid 40 server: the dump has no registers of its CPU" in ran.out


# arm64, damage


def _record(made: World, index: int) -> int:
    """PA of the record that lies so many frames from the top of pid 51's stack."""
    return made.placed[51].stack_pa + STACK_SIZE - PT_REGS_SIZE - 0x40 * index


def _va(made: World, index: int) -> int:
    return made.linear(_record(made, index))


DAMAGES: dict[str, tuple[Callable[[World], None], str]] = {
    "a record that leads to itself": (
        lambda made: made.poke(_record(made, 3), _va(made, 3)),
        "it leads from VA 0x{3:x} back to 0x{3:x}",
    ),
    "a record that leads back": (
        lambda made: made.poke(_record(made, 2), _va(made, 5)),
        "it leads from VA 0x{2:x} back to 0x{5:x}",
    ),
    "a record that leads out of the stack": (
        lambda made: made.poke(_record(made, 3), 0xFFFF_8123_4567_0000),
        "it leads to VA 0xffff812345670000, which is in no stack of this task or its CPU that is known",
    ),
    "an odd address": (
        lambda made: made.poke(_record(made, 3), _va(made, 2) + 4),
        "it leads to VA 0x{2+4:x}, which is in no stack",
    ),
    "a return to data": (
        lambda made: made.poke(_record(made, 3) + 8, made.kernel.va("data")),
        "the record at VA 0x{3:x} of the task stack returns to 0x",
    ),
    "a return to user space": (
        lambda made: made.poke(_record(made, 3) + 8, 0x400000),
        "the record at VA 0x{3:x} of the task stack returns to 0x400000, which is no code",
    ),
    "a return to where nothing was called": (
        lambda made: made.kernel.poke(made.kernel.pa("text") + FUNCTIONS["submit_bio"][0] + 0x3C, b"\x1f\x20\x03\xd5"),
        "of the task stack returns to 0x",
    ),
    "zeros in the middle": (
        lambda made: made.record(_record(made, 3), 0, 0),
        "it ends in zeros at VA 0x{3:x}, which is not where the task stack's last record lies",
    ),
    "a frame pointer of 0": (lambda made: made.poke(_record(made, 3), 0), "the frame pointer is 0"),
    "another task's stack": (
        lambda made: made.poke(_record(made, 3), made.placed[50].stack + 0x100),
        "which is in no stack of this task or its CPU that is known",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_stack_is_shown_up_to_the_damage(name: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    made = world()
    damage, wanted = DAMAGES[name]
    damage(made)
    one = of(backtraces(made, tmp_path), 51)
    shown = re.sub(r"\{(\d)(\+4)?:x\}", lambda found: f"{_va(made, int(found[1])) + (4 if found[2] else 0):x}", wanted)
    assert shown in one.end
    assert not one.is_whole
    assert 2 <= len(one.frames) <= 6
    assert names(one) == list(USUAL[7].chain)[: len(one.frames)]
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--pid", "51")
    assert (ran.code, ran.err) == (1, "")
    assert "Findings\n  error   kernel-stack-broken  pid 51 stuck: " in ran.out


@pytest.mark.parametrize("word", [0x97FFFFFF, 0xD63F0100, 0xD73F0909])
def test_every_kind_of_call_is_returned_to(word: int, tmp_path: Path) -> None:
    made = world()
    made.poke(made.kernel.pa("text") + FUNCTIONS["submit_bio"][0] + 0x3C, word, 4)
    assert of(backtraces(made, tmp_path), 51).is_whole


def test_a_wrong_bit_of_a_return_address_names_no_other_function(tmp_path: Path) -> None:
    """It leads into the middle of another function, behind what is no call."""
    made = world()
    nop = struct.pack("<I", 0xD503201F)
    made.kernel.poke(made.kernel.pa("text") + FUNCTIONS["next_function"][0], nop * 64)
    made.poke(_record(made, 3) + 8, made.va("next_function", 0x40))
    one = of(backtraces(made, tmp_path), 51)
    assert "next_function" not in names(one)
    assert one.end.endswith("which is behind no call")


def test_a_stack_that_is_not_in_the_dump(tmp_path: Path) -> None:
    made = world()
    low = made.placed[51].stack_pa
    one = of(backtraces(made, tmp_path, holes=[(low, low + STACK_SIZE)]), 51)
    assert names(one) == ["__switch_to"]
    assert f"its stack cannot be read: {tmp_path}/ram.elf: no memory at PA 0x" in one.end


def test_a_stack_that_was_freed(tmp_path: Path) -> None:
    made = world()
    made.poke(made.member(52, "stack"), 0)
    one = of(backtraces(made, tmp_path), 52)
    assert (one.frames, one.end) == ((), "its stack was freed: it has ended")


def test_back_and_forth_between_stacks(tmp_path: Path) -> None:
    made, notes = interrupted()
    low = made.percpu + 0x10000 + 0xC000
    made.poke(made.placed[40].stack_pa + STACK_SIZE - PT_REGS_SIZE - 0x40, made.linear(low) + 0x100)
    one = of(backtraces(made, tmp_path, notes=notes), 40)
    assert "it leads back into the irq stack, at VA 0x" in one.end


@settings(max_examples=40)
@given(data=st.data())
def test_any_words_in_a_stack_end(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    made, notes = SHARED
    saved = bytes(made.kernel.memory)
    values = st.sampled_from([0, 1, made.va("panic"), made.kernel.va("data"), (1 << 64) - 8, made.placed[7].stack])
    try:
        for _ in range(data.draw(st.integers(1, 12))):
            pid = data.draw(st.sampled_from([0, 40, 51]))
            at = made.placed[pid].stack_pa + STACK_SIZE - 8 * data.draw(st.integers(1, 140))
            inside = made.placed[pid].stack + STACK_SIZE - 8 * data.draw(st.integers(1, 140))
            made.poke(at, data.draw(values | st.just(inside)))
        folder = tmp_path_factory.mktemp("words")
        traces = backtraces(made, folder, notes=notes)
        assert all(len(one.frames) < 300 for one in traces)
        (folder / "ram.elf").unlink()
    finally:
        made.kernel.memory[:] = saved


SHARED = interrupted()


# x86-64

SLEEPER: dict[str, Entry] = {
    "__schedule": (SP, 24, PREV_SP, -16, "call", False),
    "schedule": (BP, 16, PREV_SP, -16, "call", False),
    "do_wait": (SP, 16, UNDEFINED, 0, "call", False),
    "kthread": (SP, 8, UNDEFINED, 0, "call", False),
    "do_syscall_64": (SP, 8, UNDEFINED, 0, "call", False),
    "entry_SYSCALL_64_after_hwframe": (SP, 0, UNDEFINED, 0, "regs", False),
    "ret_from_fork": (UNDEFINED, 0, UNDEFINED, 0, "end", False),
    "asm_sysvec_apic_timer_interrupt": (SP, 8, UNDEFINED, 0, "regs", True),
    "handle_irq": (SP_INDIRECT, 8, UNDEFINED, 0, "call", False),
    "irq_work": (BP_INDIRECT, -8, PREV_SP, -16, "call", False),
    "msleep": (R10, 0, UNDEFINED, 0, "call", False),
    "submit_bio": (DI, 0, UNDEFINED, 0, "call", False),
    "el0_svc": (SP, 0, UNDEFINED, 0, "partial", True),
    "cpu_do_idle": (SP, 8, UNDEFINED, 0, "call", False),
}
X86_CHAIN = ["__schedule", "schedule", "do_wait", "kthread", "ret_from_fork"]


def x86(version: str = V3, *, is_named: bool = True, running: dict[int, int] | None = None) -> World:
    """A kernel with ORC tables, and pid 7 asleep in a chain that takes several kinds of entries."""
    spec = Spec(arch="x86")
    count, table = 2400, 0x14000
    symbols = {
        "__start_orc_unwind_ip": table,
        "__stop_orc_unwind_ip": table + 4 * count,
        "__start_orc_unwind": table + 4 * count,
    }
    made = world(spec, btf=types(spec, orc=version).blob(), symbols=symbols if is_named else {}, running=running)
    _calls_everywhere(made)
    assert write_orc(made, SLEEPER, version, at=table, end=count) == 4 * count
    _sleeper(made, 7)
    return made


def _calls_everywhere(made: World) -> None:
    """Every place in the text lies behind what can be a call, so that any is one to return to."""
    text = made.kernel.pa("text")
    made.kernel.poke(text, b"\xe8" * (made.kernel.pa("rodata") - text))


def _sleeper(made: World, pid: int, outer: Sequence[int] = ()) -> None:
    top = made.placed[pid].stack + STACK_SIZE
    tail = list(outer) or [made.va("kthread", 0x40), made.va("ret_from_fork", 0x20)]
    # From where it was switched out upwards: __schedule has saved rbp and a word; schedule keeps rbp, and four words.
    words = [made.va("__schedule", 0x40), 0, 0, made.va("schedule", 0x40), 1, 2, 0, made.va("do_wait", 0x30), 5, *tail]
    base = top - 8 * len(words)
    words[2] = base + 8 * 6  # the rbp that __schedule saved: where schedule saved its caller's
    sleep_x86(made, pid, words)


@pytest.mark.parametrize("version", [V1, V2, V3, V4])
@pytest.mark.parametrize("is_named", [True, False])
def test_orc(version: str, is_named: bool, tmp_path: Path) -> None:
    """In every form of its entries, and without symbols for the tables."""
    made = x86(version, is_named=is_named)
    one = of(backtraces(made, tmp_path), 7)
    assert names(one) == X86_CHAIN
    assert (one.is_whole, one.end) == (True, "whole: the task began at ret_from_fork")


def test_orc_tables_that_are_not_there(tmp_path: Path, kinfo_cli: Cli) -> None:
    spec = Spec(arch="x86")
    world(spec).kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(
        "the image's ORC tables have no symbols, and were not found; a kernel with CONFIG_KALLSYMS_ALL names them\n"
    )


def test_orc_to_user_space(tmp_path: Path) -> None:
    made = x86()
    regs = [0] * 21
    regs[16:21] = [0x401234, 0x33, 0x202, 0x7FFC0000, 0x2B]
    _sleeper(made, 51, [made.va("do_syscall_64", 0x20), made.va("entry_SYSCALL_64_after_hwframe", 0x10), *regs])
    one = of(backtraces(made, tmp_path), 51)
    assert names(one)[-3:] == ["do_wait", "do_syscall_64", "entry_SYSCALL_64_after_hwframe"]
    assert one.end == "whole: entered from user space, at 0x401234"


def test_orc_through_an_interrupt(tmp_path: Path) -> None:
    """From the registers of a CPU, over another stack, through the pt_regs that an interrupt left."""
    made = x86(running={1: 51})
    place = made.placed[51]
    low = made.percpu + 0x18000
    top = place.stack + STACK_SIZE
    inner = [made.va("cpu_do_idle", 0x10), made.va("ret_from_fork", 0x10)]
    regs = [0] * 21
    regs[4] = 0x1234  # rbp
    regs[16:21] = [made.va("kthread", 0x10), 0x10, 0x202, top - 8 * len(inner), 0x18]
    regs_va = top - 8 * (len(inner) + len(regs))
    words = [*regs, *inner]
    made.kernel.poke(place.stack_pa + STACK_SIZE - 8 * len(words), b"".join(one.to_bytes(8, "little") for one in words))
    # On the CPU's stack: handle_irq was called on it by the interrupt's entry, and its stack's first word leads back.
    for index, word in enumerate((regs_va - 16, 0)):
        made.poke(low + 8 * index, word)
    made.poke(place.stack_pa + STACK_SIZE - 8 * len(words) - 16, made.va("asm_sysvec_apic_timer_interrupt", 0x18))
    notes = note("x86", {}) + note("x86", {"rip": made.va("handle_irq", 8), "rsp": made.linear(low), "cs": 0x10})
    one = of(backtraces(made, tmp_path, notes=notes), 51)
    assert names(one) == ["handle_irq", "asm_sysvec_apic_timer_interrupt", "kthread", "cpu_do_idle", "ret_from_fork"]
    assert [frame.kind.value for frame in one.frames] == ["pc", "return", "pc", "return", "return"]
    assert [frame.stack for frame in one.frames] == ["cpu", "task", "task", "task", "task"]
    assert one.is_whole


def test_orc_by_registers_that_are_not_known(tmp_path: Path) -> None:
    made = x86(running={1: 51})
    for name, register in (("msleep", "r10"), ("submit_bio", "di")):
        notes = note("x86", {}) + note("x86", {"rip": made.va(name, 8), "rsp": made.placed[51].stack + 0x3000, "cs": 0x10})
        one = of(backtraces(made, tmp_path, notes=notes), 51)
        assert one.end == f"its stack cannot be read: {register} at {made.va(name, 8):#x} is not known"


def test_orc_by_a_register_whose_number_is_not_known(tmp_path: Path) -> None:
    """5 is SP by the numbers until 7.2, and nothing known by those of 7.3."""
    made = x86(V4, running={1: 51})
    notes = note("x86", {}) + note(
        "x86", {"rip": made.va("submit_bio", 8), "rsp": made.placed[51].stack + 0x3000, "cs": 0x10}
    )
    one = of(backtraces(made, tmp_path, notes=notes), 51)
    assert (names(one), one.is_whole) == (["submit_bio"], False)
    assert one.end == f"no ORC entry says how to leave {made.va('submit_bio', 8):#x}"


def test_code_without_an_entry(tmp_path: Path) -> None:
    made = x86()
    words = [made.va("vfs_write", 0x40), 0, 0, 0]
    sleep_x86(made, 51, words)
    one = of(backtraces(made, tmp_path), 51)
    assert (names(one), one.end) == (["vfs_write"], f"no ORC entry says how to leave {made.va('vfs_write', 0x40):#x}")


def test_a_stack_that_leads_to_no_code(tmp_path: Path) -> None:
    made = x86()
    _sleeper(made, 51, [0x1234, 0])
    one = of(backtraces(made, tmp_path), 51)
    assert names(one) == ["__schedule", "schedule", "do_wait"]
    assert "returns to 0x1234, which is no code" in one.end


def test_a_stack_that_leads_behind_no_call(tmp_path: Path) -> None:
    """A wrong bit in a return address leads into the middle of another function."""
    made = x86()
    made.kernel.poke(made.kernel.pa("text") + FUNCTIONS["next_function"][0], b"\x90" * 0x80)
    _sleeper(made, 51, [made.va("next_function", 0x40), 0])
    one = of(backtraces(made, tmp_path), 51)
    assert names(one) == ["__schedule", "schedule", "do_wait"]
    assert one.end.endswith(f"returns to {made.va('next_function', 0x40):#x}, which is behind no call")


@pytest.mark.parametrize(
    ("code", "is_call"),
    [
        ("e8 01 02 03 04", True),  # call rel32
        ("ff d0", True),  # call *%rax
        ("41 ff d3", True),  # call *%r11
        ("ff 10", True),  # call *(%rax)
        ("ff 50 08", True),  # call *8(%rax)
        ("ff 54 24 08", True),  # call *8(%rsp)
        ("ff 14 c5 00 01 02 03", True),  # call *table(,%rax,8)
        ("ff 15 01 02 03 04", True),  # call *place(%rip)
        ("41 ff 94 24 01 02 03 04", True),  # call *disp(%r12)
        ("0f 1f 44 00 00", True),  # what ftrace and static calls leave
        ("66 66 48 31 c0", True),
        ("cc 01 02 03 04", True),
        ("e9 01 02 03 04", False),  # jmp
        ("ff e0", False),  # jmp *%rax
        ("ff 25 01 02 03 04", False),
        ("90 90 90 90 90 90 90 90", False),
        ("c3", False),
        ("", False),
    ],
)
def test_calls_of_x86(code: str, is_call: bool) -> None:
    assert ends_with_call(bytes.fromhex(code)) is is_call


def test_every_call_that_objdump_sees_is_one() -> None:
    objdump, library = shutil.which("objdump"), Path("/lib/x86_64-linux-gnu/libm.so.6")
    if not objdump or not library.exists():
        pytest.skip("objdump or an x86-64 libm is not here: apt-get install binutils")
    done = subprocess.run([objdump, "-d", "-w", library], capture_output=True, text=True, check=True)
    code, seen = b"", 0
    for line in done.stdout.splitlines():
        words = line.split("\t")
        if len(words) < 3:
            code = b""
            continue
        code = (code + bytes.fromhex(words[1]))[-8:]
        if words[2].split()[0] in ("call", "callq"):
            seen += 1
            assert ends_with_call(code), line
    assert seen > 100


def test_an_orc_chain_that_goes_in_circles(tmp_path: Path) -> None:
    """schedule counts from rbp, which leads back to itself."""
    made = x86()
    top = made.placed[51].stack + STACK_SIZE
    base = top - 8 * 8
    words = [made.va("__schedule", 0x40), base + 8 * 2, 0, made.va("schedule", 0x40), 0, 0, 0, 0]
    words[2] = base + 8 * 2  # the rbp that schedule finds at its frame: the same again
    words[3] = made.va("schedule", 0x40)
    sleep_x86(made, 51, words)
    one = of(backtraces(made, tmp_path), 51)
    assert not one.is_whole
    assert "it leads from stack to stack" in one.end
    assert len(one.frames) < 20


def test_frame_pointers(tmp_path: Path) -> None:
    """CONFIG_UNWINDER_FRAME_POINTER: no ORC entries, but every function has a frame."""
    spec = Spec(arch="x86")
    made = world(spec, btf=types(spec, orc="").blob())
    _calls_everywhere(made)
    top = made.placed[51].stack + STACK_SIZE
    words = [made.va("__schedule", 0x40), 0, 0, made.va("schedule", 0x40), 0, made.va("kthread", 0x40), 0, 0]
    base = top - 8 * len(words)
    words[2], words[4] = base + 8 * 4, 0
    sleep_x86(made, 51, words, bp=base + 8 * 2)
    one = of(backtraces(made, tmp_path), 51)
    assert names(one) == ["__schedule", "schedule", "kthread"]
    assert one.is_whole
    made.poke(made.placed[51].stack_pa + STACK_SIZE - 8 * len(words) + 16, 0xFFFF_8888_0000_0000)
    one = of(backtraces(made, tmp_path), 51)
    assert "which is in no stack of this task or its CPU that is known" in one.end


def test_x86_without_registers_is_not_guessed(tmp_path: Path) -> None:
    one = of(backtraces(x86(running={1: 51}), tmp_path), 51)
    assert (one.frames, one.is_whole) == ((), False)


# Registers out of a file


QEMU_ARM = """
CPU#0
 PC={pc0:016x} X00=0000000000000000 X01=0000000000000001
X29={fp0:016x} X30=0000000000000000  SP={fp0:016x}
CPU#1
 PC={pc1:016x} X00=0000000000000000
X29={fp1:016x} X30=0000000000000000  SP={fp1:016x}
PSTATE=600003c5 -ZC- NS EL1h
"""


def test_registers_out_of_a_file(tmp_path: Path, kinfo_cli: Cli) -> None:
    made, _ = interrupted()
    prologue(made, "vfs_write")
    fp = made.linear(made.percpu + 0x10000 + 0xC000) + STACK_SIZE - 0x40
    text = QEMU_ARM.format(pc0=0x400000, fp0=0, pc1=made.va("irq_work", 0x18), fp1=fp)
    (tmp_path / "cpus.txt").write_text(text)
    made.kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("bt", tmp_path / "ram.elf", "--registers", tmp_path / "cpus.txt")
    assert ran.code == 0
    assert "CPU 0: pid 0 swapper/0 (kernel), state R\n" in ran.out
    assert "  [whole: the CPU was in user space, at 0x400000]\n" in ran.out
    assert f"CPU 1: pid 40 server (user), state S\n  from the CPU's registers, in {tmp_path}/cpus.txt\n" in ran.out
    assert "    irq_work+0x18/0x100\n    handle_irq+0x40/0x100\n  <task stack>\n    el1h_64_irq+0x40/0x100\n" in ran.out


def test_registers_of_an_oops() -> None:
    text = (
        "[   48.803681] CPU: 1 UID: 0 PID: 1 Comm: init Not tainted 6.18.15 #1\n"
        "[   48.8] pc : sysrq_handle_crash+0x24/0x38\n"
        "[   48.8] lr : __handle_sysrq+0xb0/0x250\n"
        "[   48.8] sp : ffff800080013d50\n"
        "[   48.8] x29: ffff800080013d50 x28: ffff000002a6e400 x27: 0000000000000000\n"
    )
    places = {"sysrq_handle_crash+0x24": 0xFFFF800080100024, "__handle_sysrq+0xb0": 0xFFFF8000802000B0}
    [found] = parse(text, places.get)
    assert found.cpu == 1
    assert (found.values["pc"], found.values["x30"]) == tuple(places.values())
    assert (found.values["sp"], found.values["x29"]) == (0xFFFF800080013D50,) * 2
    text = "CPU: 0 PID: 7\nRIP: 0010:panic+0x237/0x3a0\nRSP: 0018:ffffc90000013e48 EFLAGS: 00000246\nRBP: ffffc90000013e60\n"
    [found] = parse(text, {"panic+0x237": 0xFFFFFFFF81000237}.get)
    assert found.values == {"rip": 0xFFFFFFFF81000237, "rsp": 0xFFFFC90000013E48, "rbp": 0xFFFFC90000013E60}


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["pc", "=", "CPU#", "1", " ", "\n", "ffff800080013d50", "x29:"])).map("".join)
)
def test_any_text_is_registers_or_none(text: str) -> None:
    for one in parse(text, lambda _: None):
        assert "pc" in one.values or "rip" in one.values


def test_a_file_without_registers(tmp_path: Path, kinfo_cli: Cli) -> None:
    world().kernel.write_elf(tmp_path / "ram.elf")
    (tmp_path / "notes.txt").write_text("nothing of that kind\n")
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--registers", tmp_path / "notes.txt")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        f"kinfo: {tmp_path}/notes.txt: has no registers of a CPU; write NAME=VALUE lines: PC, SP and X29"
    )
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--registers", tmp_path / "missing")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


# The command


def panicked() -> World:
    made = world(running={1: 50}, tasks=(*USUAL, TaskSpec(60, "other", state=2, chain=USUAL[7].chain)))
    Frames(made, 50).calls("el0t_64_sync", "el0_svc", "vfs_write", "panic")
    made.poke(made.kernel.pa("data") + 0x9810, 1, 4)  # panic_cpu
    return made


def test_the_cpu_that_panicked_comes_alone(tmp_path: Path, kinfo_cli: Cli) -> None:
    panicked().kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "CPU 1: pid 50 writer (user), state R, the CPU that panicked, GUESSED"
    assert lines[-7] == "  [whole: entered from user space by el0t_64_sync]" or "whole: entered" in ran.out
    assert "swapper" not in ran.out
    assert "warning kernel-stack-guessed  pid 50 writer: the frames at the top may be of earlier calls" in ran.out
    assert f"  kinfo backtrace {tmp_path}/ram.elf --registers FILE    # with the CPUs' registers, instead of a guess" in lines
    assert kinfo_cli("backtrace", tmp_path / "ram.elf", "--strict").code == 1
    assert kinfo_cli("bt", tmp_path / "ram.elf").out == ran.out


def test_stuck_tasks_in_groups(tmp_path: Path, kinfo_cli: Cli) -> None:
    panicked().kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--stuck")
    assert ran.code == 0
    assert ran.out.startswith(
        "2 tasks: 51 stuck, 60 other\n"
        "    __switch_to+0x40/0x100\n    __schedule+0x40/0x100\n    io_schedule+0x40/0x100\n    submit_bio+0x40/0x100\n"
        "    vfs_write+0x40/0x100\n    el0t_64_sync+0x40/0x100\n  [whole: entered from user space by el0t_64_sync]\n"
        "\n1 task: 41 server-io\n"
    )
    world(tasks=[TaskSpec(1, "init", parent=0)]).kernel.write_elf(tmp_path / "calm.elf")
    ran = kinfo_cli("backtrace", tmp_path / "calm.elf", "--stuck")
    assert (ran.code, ran.out.startswith("no task is in state D: ")) == (0, True)


def test_one_task_or_cpu(tmp_path: Path, kinfo_cli: Cli) -> None:
    panicked().kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--pid", "41", "--pid", "7")
    assert ran.out.startswith(
        "pid 41 server-io (user, thread of 40), state D\n  from thread.cpu_context, where it was switched out\n"
    )
    assert "\n\npid 7 kworker/0:1 (kernel), state I\n" in ran.out
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--pid", "999")
    assert (ran.code, ran.out, ran.err) == (2, "", "kinfo: there is no task with pid 999; `kinfo ps --threads` lists them\n")
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--cpu", "7")
    assert (ran.code, ran.err) == (2, "kinfo: which task CPU 7 was in is not known; CPUs whose task is known: 0, 1\n")
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--cpu", "1", "--all")
    assert (ran.code, ran.err) == (2, "kinfo: choose one of --all, --pid, --cpu and --stuck; see `kinfo backtrace --help`\n")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_data(form: str, tmp_path: Path, kinfo_cli: Cli) -> None:
    panicked().kernel.write_elf(tmp_path / "ram.elf")
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf", "--all", "--format", form)
    data: dict[str, Any] = json.loads(ran.out) if form == "json" else yaml.safe_load(ran.out)
    assert data["panicking_cpu"] == 1
    assert len(data["backtraces"]) == len(USUAL) + 3
    one = next(each for each in data["backtraces"] if each["task"]["pid"] == 7)
    assert [frame["symbol"] for frame in one["frames"]] == list(KTHREAD_CHAIN)
    assert one["frames"][1]["stack"] == "task"
    assert (one["frames"][0]["offset"], one["frames"][0]["size"], one["is_whole"]) == (0x40, 0x100, True)


def test_the_library(tmp_path: Path) -> None:
    panicked().kernel.write_elf(tmp_path / "ram.elf")
    with kinfo.open_kernel(tmp_path / "ram.elf") as kernel:
        task = kernel.tasks().named(51)
        assert task
        assert kernel.backtrace(task) == kernel.backtrace(51)
        assert kernel.backtrace(51).labels[0] == "__switch_to+0x40/0x100"
        assert [one.task.pid for one in kernel.backtraces().of_cpus()] == [50, 0]
        with pytest.raises(KernelError, match="there is no task with pid 999"):
            kernel.backtrace(999)


def test_a_kernel_whose_page_tables_are_not_there(tmp_path: Path, kinfo_cli: Cli) -> None:
    made = world()
    made.kernel.write_elf(tmp_path / "ram.elf", holes=[(made.kernel.root_pa, made.kernel.root_pa + 0x1000)])
    ran = kinfo_cli("backtrace", tmp_path / "ram.elf")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


# Booted kernels


def _unpacked(folder: Path, out: Path, *packed: str) -> None:
    for name in packed:
        if not (folder / f"{name}.zst").is_file():
            pytest.skip(f"no {name}.zst here: set KINFO_SAMPLES to the folder of the samples")
        with (folder / f"{name}.zst").open("rb") as source, (out / name).open("wb") as target:
            zstandard.ZstdDecompressor().copy_stream(source, target)


def test_the_panicking_cpu_is_where_the_kernel_said(real_samples: Path, tmp_path: Path, kinfo_cli: Cli) -> None:
    folder = real_samples / "crash-6.18"
    _unpacked(folder, tmp_path, "crash.elf", "oops.txt")
    printed = re.findall(
        r"\]  (\w[\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+)(?: \(C\))?$", (tmp_path / "oops.txt").read_text(), re.MULTILINE
    )
    below = printed[printed.index("trace_suspend_resume+0x0/0x98") + 1 :]  # what the kernel made of the end of panic()
    assert len(below) == 13
    with kinfo.open_kernel(tmp_path / "crash.elf", folder / "kinfo.bin") as kernel:
        found = kernel.backtraces()
        assert found.panicking == 1
        first = next(found.of_cpus())
        assert (first.cpu, first.task.comm, first.is_whole, first.is_guess) == (1, "init", True, False)
        assert list(first.labels[-14:]) == ["panic+0x68/0x68", *below]
        others = [one for one in found.all() if one.cpu is None]
        assert len(others) == 62
        assert all(one.is_whole for one in others)
        ends = {one.frames[-1].label.partition("+")[0] for one in others}
        assert ends == {"ret_from_fork", "el0t_64_sync", "__primary_switched", "__secondary_switched"}
        # Without the registers: right after a panic the deepest chain is the panic's.
        guess = Backtraces(kernel.tasks(), ()).of(first.task)
        assert guess.is_guess
        assert list(guess.labels[-14:]) == ["panic+0x68/0x68", *below]
    ran = kinfo_cli("bt", tmp_path / "crash.elf", "--kinfo", folder / "kinfo.bin", "--all")
    assert (ran.code, ran.err) == (0, "")


def test_every_chain_of_a_real_kernel_is_whole(real_kernel: RealKernel) -> None:
    with kinfo.open_kernel(real_kernel.ram, real_kernel.kinfo) as kernel:
        traces = list(kernel.backtraces().all())
        assert len(traces) > 30
        assert all(one.is_whole and len(one.frames) > 3 for one in traces)
        asleep = {one.frames[-1].label.partition("+")[0] for one in traces if one.cpu is None}
        assert asleep <= {"ret_from_fork", "el0t_64_sync", "__primary_switched", "__secondary_switched"}
        assert all(one.labels[0].startswith("__switch_to+") for one in traces if one.cpu is None and one.task.pid)
        running = [one for one in traces if one.cpu is not None]
        assert running
        assert not any(one.is_guess for one in running)


@pytest.mark.parametrize("words", [("--color", "never", "bt", "bt"), ("--color=never", "bt", "bt")])
def test_the_short_name_is_replaced_where_it_is_the_command(words: tuple[str, ...], kinfo_cli: Cli) -> None:
    """And neither in front of it, where it is no value of --color, nor behind it, where it is a file."""
    ran = kinfo_cli(*words)
    assert (ran.code, ran.err) == (2, "kinfo: bt: No such file or directory; check the path and its permissions\n")
    ran = kinfo_cli("--color", "bt", "bt", "x")
    assert (ran.code, "'bt' is not one of 'auto', 'always', 'never'" in ran.err) == (2, True)
