"""Tasks, their stacks and the types that say where everything is, written into a made kernel.

The places of members are made up, and not those of any kernel: a reader that goes by the BTF finds them, any other does not.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.kernels.btf import BtfWriter, Field
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec
from tests.kernels.tables import Symbol

MIB = 1 << 20
TASK_SIZE, STACK_SIZE, SIGNAL_SIZE, RQ_SIZE = 2048, 16384, 256, 512
KTHREAD = 0x00200000

# Where members lie. A name that a release has not is left out by `types`.
TASK = {"state": 24, "stack": 32, "flags": 44, "on_cpu": 52, "prio": 60, "static_prio": 64, "rt_priority": 72, "policy": 100}
TASK |= {"tasks": 512, "exit_state": 540, "pid": 600, "tgid": 604, "real_parent": 616, "thread_node": 704, "comm": 800}
TASK |= {"signal": 840, "thread": 1024}
CPU_AT, THREAD_HEAD, CURR, IDLE = 16, 16, 128, 136
CONTEXT = {"fp": 80, "sp": 88, "pc": 96}  # of thread.cpu_context, arm64
THREAD_SP = 24  # of thread, x86-64
PT_REGS = {"regs": 0, "sp": 248, "pc": 256, "pstate": 264, "stackframe": 304}  # arm64, which has 336 bytes here
PT_REGS_SIZE = 336

# Functions of the image: name, bytes from the start of the text, bytes. `panic` is followed at once by another.
FUNCTIONS: dict[str, tuple[int, int]] = {}
_NAMES = (
    "schedule worker_thread kthread ret_from_fork do_wait sysrq_handle_crash panic next_function vfs_write el0_svc "
    "el0t_64_sync cpu_do_idle do_idle secondary_startup irq_work el1h_64_irq handle_irq __switch_to "
    "io_schedule submit_bio __schedule entry_SYSCALL_64_after_hwframe do_syscall_64 asm_sysvec_apic_timer_interrupt msleep "
    "start_kernel"
)
for _at, _name in enumerate(_NAMES.split()):
    FUNCTIONS[_name] = (0x1000 + 0x100 * _at, 0x100)


@dataclass(frozen=True)
class TaskSpec:
    """A task. `chain` are the functions that it sleeps in, innermost first; `parent` and `tgid` are pids."""

    pid: int
    comm: str
    parent: int = 1
    tgid: int | None = None
    state: int = 1
    exit_state: int = 0
    cpu: int = 0
    is_kernel: bool = False
    policy: int = 0
    prio: int = 120
    static_prio: int = 120
    rt_priority: int = 0
    chain: Sequence[str] = ("__switch_to", "__schedule", "schedule", "do_wait", "vfs_write", "el0_svc", "el0t_64_sync")


KTHREAD_CHAIN = ("__switch_to", "__schedule", "schedule", "kthread", "ret_from_fork")
USUAL = (
    TaskSpec(1, "init", parent=0),
    TaskSpec(2, "kthreadd", parent=0, is_kernel=True, chain=KTHREAD_CHAIN),
    TaskSpec(7, "kworker/0:1", parent=2, is_kernel=True, state=0x402, chain=KTHREAD_CHAIN),
    TaskSpec(40, "server", state=1, cpu=1),
    TaskSpec(41, "server-io", tgid=40, state=2, cpu=1),
    TaskSpec(42, "server-log", tgid=40, state=1),
    TaskSpec(50, "writer", state=0, prio=49, policy=1, rt_priority=50),
    TaskSpec(
        51, "stuck", state=2, chain=("__switch_to", "__schedule", "io_schedule", "submit_bio", "vfs_write", "el0t_64_sync")
    ),
    TaskSpec(52, "gone", parent=50, state=0, exit_state=0x20),
)


class Placed(NamedTuple):
    """Where a task is: PA and VA of its task_struct, of its stack, and of its signal_struct."""

    pa: int
    va: int
    stack_pa: int
    stack: int
    signal_pa: int
    signal: int


@dataclass
class World:
    """A kernel with tasks in it. `placed` says where each is, by pid; idle tasks have pids 0, -1, -2 and so on."""

    kernel: Kernel
    specs: dict[int, TaskSpec]
    placed: dict[int, Placed] = field(default_factory=dict)
    percpu: int = 0  # PA of the per-CPU area of CPU 0; that of the next is 64 KiB above

    def va(self, name: str, offset: int = 0) -> int:
        """VA in a function."""
        return self.kernel.va("text") + FUNCTIONS[name][0] + offset

    def linear(self, pa: int) -> int:
        return pa + self.kernel.linear_voffset & (1 << 8 * self.word) - 1

    @property
    def word(self) -> int:
        """Bytes of a long."""
        return self.kernel.spec.word

    def poke(self, pa: int, number: int, size: int = 0) -> None:
        """Write a number of so many bytes; 0: a long."""
        width = size or self.word
        self.kernel.poke(pa, (number & (1 << 8 * width) - 1).to_bytes(width, "little"))

    def peek(self, pa: int, size: int = 8) -> int:
        return int.from_bytes(self.kernel.peek(pa, size), "little")

    def member(self, pid: int, name: str) -> int:
        """PA of a member of a task."""
        return self.placed[pid].pa + TASK[name]

    def record(self, pa: int, fp: int, lr: int) -> None:
        """A frame record of arm64."""
        self.kernel.poke(pa, struct.pack("<QQ", fp, lr))


def types(spec: Spec, *, meta: bool = False, word_state: bool = False, orc: str = "6.4") -> BtfWriter:
    """The types that a reader of tasks and stacks asks for.

    `meta`: arm64's frame records of exceptions have a word behind them, as since 6.14. `orc` is the release whose ORC entries
    an x86-64 kernel has; "" for none.
    """
    out = BtfWriter()
    char, number, unsigned = out.number("char", 1), out.number("int", 4, signed=True), out.number("unsigned int", 4)
    word = out.number("long unsigned int", spec.word)
    node = out.plain("list_head", 2 * spec.word, {"next": (out.count + 2, 0), "prev": (out.count + 2, spec.word)})
    out.pointer(node)
    pointer = out.pointer(0)
    info = out.plain("thread_info", 24, {"flags": (word, 0), "cpu": (unsigned, CPU_AT)})
    signal = out.plain("signal_struct", SIGNAL_SIZE, {"thread_head": (node, THREAD_HEAD)})
    to_signal = out.pointer(signal)
    if spec.arch == "arm64":
        context = out.plain("cpu_context", 104, {name: (word, at) for name, at in CONTEXT.items()})
        thread = out.plain("thread_struct", 256, {"cpu_context": (context, 0)})
    else:
        thread = out.plain("thread_struct", 256, {"sp": (word, THREAD_SP)} if spec.arch == "x86" else {})
    members = {
        "thread_info": (info, 0),
        ("__state" if spec.version >= (5, 14) else "state"): (word if word_state else unsigned, TASK["state"]),
        "stack": (pointer, TASK["stack"]),
        "flags": (unsigned, TASK["flags"]),
        "on_cpu": (number, TASK["on_cpu"]),
        **{name: (number, TASK[name]) for name in ("prio", "static_prio", "exit_state")},
        **{name: (unsigned, TASK[name]) for name in ("rt_priority", "policy")},
        **{name: (out.typedef("pid_t", number), TASK[name]) for name in ("pid", "tgid")},
        "tasks": (node, TASK["tasks"]),
        "thread_node": (node, TASK["thread_node"]),
        "real_parent": (pointer, TASK["real_parent"]),
        "comm": (out.array(char, 16), TASK["comm"]),
        "signal": (to_signal, TASK["signal"]),
        "thread": (thread, TASK["thread"]),
    }
    task = out.plain("task_struct", TASK_SIZE, members)
    to_task = out.pointer(task)
    out.plain("rq", RQ_SIZE, {"curr": (to_task, CURR), "idle": (to_task, IDLE)})
    out.union("thread_union", STACK_SIZE, [Field("task", task, 0), Field("stack", out.array(word, STACK_SIZE // 8), 0)])
    if spec.arch == "arm64":
        record = out.plain("frame_record", 16, {"fp": (word, 0), "lr": (word, 8)})
        frame = (
            out.plain("frame_record_meta", 24, {"record": (record, 0), "type": (word, 16)}) if meta else out.array(word, 2)
        )
        regs = {"regs": (out.array(word, 31), 0), "sp": (word, 248), "pc": (word, 256), "pstate": (word, 264)}
        out.plain("pt_regs", PT_REGS_SIZE, {**regs, "stackframe": (frame, PT_REGS["stackframe"])})
    elif spec.arch == "x86":
        _x86_types(out, word, unsigned, orc)
    return out


def _x86_types(out: BtfWriter, word: int, unsigned: int, orc: str) -> None:
    frame = ("r15", "r14", "r13", "r12", "bx", "bp", "ret_addr")
    out.plain("inactive_task_frame", 56, {name: (word, 8 * at) for at, name in enumerate(frame)})
    regs = [
        "r15",
        "r14",
        "r13",
        "r12",
        "bp",
        "bx",
        "r11",
        "r10",
        "r9",
        "r8",
        "ax",
        "cx",
        "dx",
        "si",
        "di",
        "orig_ax",
        "ip",
        "cs",
        "flags",
        "sp",
        "ss",
    ]
    out.plain("pt_regs", 168, {name: (word, 8 * at) for at, name in enumerate(regs)})
    if not orc:
        return
    short = out.number("short int", 2, signed=True)
    bits = [("sp_reg", 32, 4), ("bp_reg", 36, 4)]
    bits += {
        "5.10": [("type", 40, 2), ("end", 42, 1)],
        "6.3": [("type", 40, 2), ("signal", 42, 1), ("end", 43, 1)],
        "6.4": [("type", 40, 3), ("signal", 43, 1)],
    }[orc.replace("7.3", "6.4")]
    fields = [Field("sp_offset", short, 0), Field("bp_offset", short, 16)]
    out.struct("orc_entry", 6, [*fields, *(Field(name, unsigned, at, bits=width) for name, at, width in bits)])


_DATA = {  # symbols of the data section, by their distance from its start
    "__start_BTF": 0x4000,
    "init_task": 0x8000,
    "__per_cpu_offset": 0x9000,
    "nr_cpu_ids": 0x9800,
    "panic_cpu": 0x9810,
    "runqueues": 0xA000,
    "irq_stack_ptr": 0xA800,
    "overflow_stack": 0xA810,
    "init_stack": 0x10000,
}


def world(
    spec: Spec | None = None,
    tasks: Sequence[TaskSpec] = USUAL,
    *,
    cpus: int = 2,
    running: Mapping[int, int] | None = None,
    meta: bool = False,
    btf: bytes | None = None,
    symbols: Mapping[str, int] = {},
    ram: int = 16 * MIB,
) -> World:
    """A kernel with these tasks. `running` says which pid each CPU is in; the others are idle. `btf` in place of its own.

    `symbols` are more of the data section's, by their distance from its start; `ram` its bytes of memory.
    """
    spec = replace(spec or Spec(), ram_size=ram)
    blob = types(spec, meta=meta).blob() if btf is None else btf
    places = make(replace(spec, symbols=())).places
    found = [Symbol(name, "T", places["text"] + at) for name, (at, _) in FUNCTIONS.items()]
    found.append(Symbol("end_of_functions", "t", places["text"] + max(sum(one) for one in FUNCTIONS.values())))
    found += [Symbol(name, "D", places["data"] + at) for name, at in (_DATA | dict(symbols)).items()]
    found.append(Symbol("__stop_BTF", "D", places["data"] + _DATA["__start_BTF"] + len(blob)))
    kernel = make(replace(spec, symbols=found))
    assert kernel.places == places, "the symbols moved the sections"
    made = World(kernel, {one.pid: one for one in tasks})
    kernel.poke(kernel.pa("data") + _DATA["__start_BTF"], blob)
    if spec.arch == "arm64":  # functions that call all the way: what they return to is behind a bl
        for at, size in FUNCTIONS.values():
            kernel.poke(kernel.pa("text") + at, struct.pack("<I", 0x94000000) * (size // 4))
    _place(made, tasks, cpus)
    for pid in made.placed:
        _write(made, pid)
    _link(made, tasks)
    _per_cpu(made, cpus, running or {})
    return made


def _place(made: World, tasks: Sequence[TaskSpec], cpus: int) -> None:
    kernel, data = made.kernel, made.kernel.pa("data")
    first, stack = data + _DATA["init_task"], data + _DATA["init_stack"]
    at = kernel.base + 6 * MIB
    signal = at + 0x800
    made.placed[0] = Placed(first, first + kernel.voffset, stack, stack + kernel.voffset, signal, made.linear(signal))
    made.specs[0] = TaskSpec(0, "swapper/0", parent=0, state=0, is_kernel=True, chain=())
    for cpu in range(1, cpus):
        made.specs[-cpu] = TaskSpec(-cpu, f"swapper/{cpu}", parent=0, state=0, is_kernel=True, cpu=cpu, chain=())
    for pid in (*range(-1, -cpus, -1), *(one.pid for one in tasks)):
        at += 0x8000
        leader = made.placed.get(made.specs[pid].tgid or pid)
        signal = leader.signal_pa if leader else at + 0x800
        made.placed[pid] = Placed(at, made.linear(at), at + 0x4000, made.linear(at + 0x4000), signal, made.linear(signal))


def _write(made: World, pid: int) -> None:
    """All of a task but its links."""
    one, place = made.specs[pid], made.placed[pid]
    tgid = pid if one.tgid is None else one.tgid
    parent = made.placed.get(one.parent, made.placed[0])
    made.poke(place.pa + CPU_AT, one.cpu, 4)
    state_size = 4 if made.kernel.spec.version >= (5, 14) else made.word
    values = {
        "state": (one.state, state_size),
        "stack": (place.stack, 0),
        "flags": (KTHREAD if one.is_kernel else 0x400000, 4),
    }
    values |= {"prio": (one.prio, 4), "static_prio": (one.static_prio, 4), "rt_priority": (one.rt_priority, 4)}
    values |= {
        "policy": (one.policy, 4),
        "exit_state": (one.exit_state, 4),
        "pid": (max(pid, 0), 4),
        "tgid": (max(tgid, 0), 4),
    }
    values |= {"real_parent": (parent.va, 0), "signal": (place.signal, 0)}
    for name, (value, size) in values.items():
        made.poke(place.pa + TASK[name], value, size)
    made.kernel.poke(place.pa + TASK["comm"], one.comm.encode()[:15].ljust(16, b"\0"))
    if made.kernel.spec.arch == "arm64" and one.chain:
        sleep(made, pid, one.chain)


def sleep(made: World, pid: int, chain: Sequence[str], *, signed: int = 0) -> None:
    """An arm64 task asleep in a chain of functions, innermost first; `signed`: what authentication puts into the top bits."""
    place = made.placed[pid]
    top = place.stack_pa + STACK_SIZE - PT_REGS_SIZE
    shift = place.stack - place.stack_pa
    last = top + PT_REGS["stackframe"]
    at = [*(top - 0x40 * count for count in range(len(chain) - 1, 0, -1)), last]
    made.record(last, 0, 0)
    made.poke(last + 16, 1)  # FRAME_META_TYPE_FINAL, where there is such a word
    for index in range(len(chain) - 1):
        made.record(at[index], at[index + 1] + shift, made.va(chain[index + 1], 0x40) ^ signed)
    made.poke(place.pa + TASK["thread"] + CONTEXT["fp"], at[0] + shift)
    made.poke(place.pa + TASK["thread"] + CONTEXT["sp"], at[0] + shift)
    made.poke(place.pa + TASK["thread"] + CONTEXT["pc"], made.va(chain[0], 0x40))


def _link(made: World, tasks: Sequence[TaskSpec]) -> None:
    """The list of processes, the threads of each; idle tasks of other CPUs are in no list."""
    processes = [0, *(one.pid for one in tasks if one.tgid in (None, one.pid))]
    _ring(made, [(made.member(pid, "tasks"), made.placed[pid].va + TASK["tasks"]) for pid in processes])
    for pid in (*processes, *(pid for pid in made.placed if pid < 0)):
        place = made.placed[pid]
        threads = [pid, *(one.pid for one in tasks if one.tgid == pid and one.pid != pid)]
        nodes = [(made.member(one, "thread_node"), made.placed[one].va + TASK["thread_node"]) for one in threads]
        _ring(made, [(place.signal_pa + THREAD_HEAD, place.signal + THREAD_HEAD), *nodes])


def _ring(made: World, nodes: Sequence[tuple[int, int]]) -> None:
    for index, (pa, _) in enumerate(nodes):
        made.poke(pa, nodes[(index + 1) % len(nodes)][1])
        made.poke(pa + made.word, nodes[index - 1][1])


def _per_cpu(made: World, cpus: int, running: Mapping[int, int]) -> None:
    kernel, data = made.kernel, made.kernel.pa("data")
    made.percpu = kernel.base + 5 * MIB
    first = data + kernel.voffset  # the address that symbols of per-CPU variables count from
    made.poke(data + _DATA["nr_cpu_ids"], cpus, 4)
    made.poke(data + _DATA["panic_cpu"], -1, 4)
    for cpu in range(cpus):
        area = made.percpu + 0x10000 * cpu
        made.poke(data + _DATA["__per_cpu_offset"] + made.word * cpu, made.linear(area) - first)
        idle = -cpu
        current = running.get(cpu, idle)
        made.poke(area + _DATA["runqueues"] + CURR, made.placed[current].va)
        made.poke(area + _DATA["runqueues"] + IDLE, made.placed[idle].va)
        made.poke(made.member(current, "on_cpu"), 1, 4)
        made.poke(area + _DATA["irq_stack_ptr"], made.linear(area + 0xC000))  # 16 KiB


def modules() -> tuple[ModuleSpec, ...]:
    """One module, for frames in it."""
    return (ModuleSpec("alpha"),)
