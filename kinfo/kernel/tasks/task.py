"""One task, and where the kernel keeps what is known of it."""

from __future__ import annotations

from kinfo.errors import KernelError
from kinfo.kernel.tasks.states import letter
from kinfo.kernel.types import Member, Struct, Types
from kinfo.named import NamedTuple

_PF_KTHREAD = 0x00200000  # include/linux/sched.h
POLICIES = ("normal", "fifo", "rr", "batch", "iso", "idle", "deadline", "ext")  # include/uapi/linux/sched.h
_MOST_PIDS = 1 << 22  # PID_MAX_LIMIT of 64-bit kernels, include/linux/threads.h
NICE_0 = 120  # DEFAULT_PRIO, include/linux/sched/prio.h


class Task(NamedTuple):
    """A task: a thread, which is its process's first where `pid` == `tgid`.

    `va` is its task_struct's, `parent` that of its parent, `ppid` the parent's tgid (None where that cannot be read). `state`
    is the letter that ps prints and `state_word` what the kernel stores; `cpu` the one that it runs or last ran on (None on
    kernels for one CPU), `running` whether a CPU was in it. `prio` is the kernel's 0 to 139, and -1 for deadline; `nice` -20
    to 19. `stack` is the VA of the lowest byte of its kernel stack (0 where that was freed).
    """

    va: int
    pid: int
    tgid: int
    ppid: int | None
    comm: str
    state: str
    state_word: int
    cpu: int | None
    is_kernel: bool
    policy: str
    prio: int
    nice: int
    rt_priority: int
    stack: int
    parent: int
    running: bool

    @property
    def is_leader(self) -> bool:
        """Whether it is its process's first thread."""
        return self.pid == self.tgid

    @property
    def label(self) -> str:
        """As messages name it."""
        return f"pid {self.pid} {self.comm}"


class TaskFields:
    """Where struct task_struct has what a Task says. Raises KernelError where the types lack one that all releases have."""

    def __init__(self, types: Types) -> None:
        self.struct = types["task_struct"]
        need = self.struct.member
        self.pid, self.tgid, self.comm, self.flags = need("pid"), need("tgid"), need("comm"), need("flags")
        self.stack, self.policy, self.prio = need("stack"), need("policy"), need("prio")
        self.static_prio, self.rt_priority = need("static_prio"), need("rt_priority")
        self.parent, self.exit_state = need("real_parent"), need("exit_state")
        self.tasks, self.signal, self.thread_node = need("tasks"), need("signal"), need("thread_node")
        state = self.struct.first("__state", "state")  # renamed in 5.14
        if state is None:
            raise KernelError("struct task_struct has neither __state nor state", "the BTF is another kernel's")
        self.state = state
        # On x86-64 and arm64 it moved into thread_info in 5.16; kernels for one CPU have neither.
        self.cpu = self.struct.first("thread_info.cpu", "cpu")
        self.on_cpu = self.struct.find("on_cpu")
        self.thread_head = _thread_head(self.struct)
        self.size = max(one.offset + one.size for one in self._read())

    def _read(self) -> list[Member]:
        return [one for one in vars(self).values() if isinstance(one, Member)]

    def task(self, va: int, raw: bytes) -> Task:
        """The task whose first `size` bytes are `raw`, without `ppid`; `running` goes by its on_cpu.

        Raises KernelError for bytes that are no task.
        """
        pid, tgid, comm = self.pid.of(raw), self.tgid.of(raw), raw[self.comm.offset : self.comm.offset + self.comm.size]
        if not (0 <= pid < _MOST_PIDS and 0 <= tgid < _MOST_PIDS and b"\0" in comm):
            raise KernelError(f"what is at VA {va:#x} is no task: pid {pid}, tgid {tgid}", "")
        state, policy, static = self.state.of(raw), self.policy.of(raw), self.static_prio.of(raw)
        return Task(
            va=va,
            pid=pid,
            tgid=tgid,
            ppid=None,
            comm=comm.partition(b"\0")[0].decode("utf-8", "backslashreplace"),
            state=letter(state, self.exit_state.of(raw)),
            state_word=state | self.exit_state.of(raw),
            cpu=self.cpu.of(raw) if self.cpu else None,
            is_kernel=bool(self.flags.of(raw) & _PF_KTHREAD),
            policy=POLICIES[policy] if 0 <= policy < len(POLICIES) else str(policy),
            prio=self.prio.of(raw),
            nice=static - NICE_0,
            rt_priority=self.rt_priority.of(raw),
            stack=self.stack.of(raw),
            parent=self.parent.of(raw),
            running=bool(self.on_cpu.of(raw)) if self.on_cpu else False,
        )


def _thread_head(task: Struct) -> Member:
    signal = task.target("signal")
    if signal is None:
        raise KernelError("the BTF does not say what task_struct.signal points at", "name the build's vmlinux with --btf")
    return signal.member("thread_head")
