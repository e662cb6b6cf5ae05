"""Every task of a kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from kinfo.errors import KernelError, KinfoError
from kinfo.findings import Finding
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.paging.reader import Reader
from kinfo.kernel.tasks import rules
from kinfo.kernel.tasks.cpus import Cpus
from kinfo.kernel.tasks.doubt import doubts, of_itself
from kinfo.kernel.tasks.first import init_task
from kinfo.kernel.tasks.links import follow
from kinfo.kernel.tasks.stack_size import thread_size
from kinfo.kernel.tasks.task import Task, TaskFields
from kinfo.printable import brief

_MOST_SAID = 8  # broken thread groups that are said one by one


class Tasks:
    """The tasks of a kernel: those of init_task's list with the threads of each, and the idle task of each CPU.

    `all` is in the order of pids, idle tasks (pid 0) first; `findings` says what could not be read, `cpus` which CPUs there
    are. Raises KernelError where there are no types, no address space or no init_task.
    """

    def __init__(self, kernel: Kernel) -> None:
        if kernel.space is None:
            raise kernel.no_space
        self.kernel, self.reader = kernel, Reader(kernel.space)
        self.fields = TaskFields(kernel.types)
        self.cpus = Cpus(kernel, self.reader)
        self.findings: tuple[Finding, ...] = ()
        self._by_va: dict[int, Task] = {}
        self._leaders: dict[int, int] = {}  # VA of a task: the tgid of the process that it was found in
        self._broken = 0
        first = init_task(kernel, self.reader, self.fields)
        self._check_first(first)
        self._read_all(first)
        running = {va: cpu for cpu, va in enumerate(self.cpus.current) if va}
        self.all = sorted((self._finished(one, running) for one in self._by_va.values()), key=_order)
        self._tell_broken()
        self.findings += doubts(self.all, self._leaders, self.cpus.count)

    def _check_first(self, va: int) -> None:
        """Whether the types fit: at init_task they show pid 0, and a swapper. Raises KernelError where they do not."""
        task = self.fields.task(va, self.reader.read(va, self.fields.size))
        if task.pid or task.tgid or not task.comm.startswith("swapper"):
            what = f"by {self.kernel.types.source}, init_task at VA {va:#x} has pid {task.pid} and is called {task.comm!r}"
            raise KernelError(f"{self.kernel.memory.name}: {what}", "the types are another kernel's, or memory is damaged")

    def _read_all(self, first: int) -> None:
        """init_task, its list, and what is in none: idle tasks, and one that a CPU was in while its list was broken."""
        self._add(first, "init_task", "tasks")
        self._read_of_cpus(self.cpus.idle, "the idle task of CPU")
        at = self.fields.tasks.offset
        links = follow(self.reader, first + at)
        if links.problem:
            missing = "" if links.is_all else "; tasks may be missing"
            message = f"after {len(links.nodes)} tasks, read from both ends: {links.problem}{missing}"
            self._tell(rules.KERNEL_TASKS_BROKEN.at("tasks", message))
        for node in links.nodes:
            if task := self._add(node - at, f"the task at VA {node - at:#x}", "tasks"):
                self._leaders[task.va] = task.pid
                self._read_threads(task)
        for task in self._read_of_cpus(self.cpus.current, "the task of CPU"):
            self._read_threads(task)

    def _read_of_cpus(self, vas: Iterable[int | None], what: str) -> list[Task]:
        """Those tasks of CPUs that are not known yet."""
        new = [(cpu, va) for cpu, va in enumerate(vas) if va and va not in self._by_va]
        return [task for cpu, va in new if (task := self._add(va, f"{what} {cpu}", "runqueues"))]

    def _read_threads(self, leader: Task) -> None:
        """The other threads of a process. Most have one: both links of its node lead to the list's head."""
        fields = self.fields
        node = leader.va + fields.thread_node.offset
        try:
            after, before = self.reader.pair(node)
            if after == before:
                return
            signal = self.reader.number(leader.va + fields.signal.offset)
        except KinfoError as error:
            self._tell_threads(leader, error.message)
            return
        links = follow(self.reader, signal + fields.thread_head.offset)
        if links.problem:
            self._tell_threads(leader, links.problem)
        for one in links.nodes:
            if one != node:
                va = one - fields.thread_node.offset
                self._leaders[va] = leader.tgid
                self._add(va, f"a thread of {leader.label}", f"threads of {leader.pid}")

    def _add(self, va: int, what: str, where: str) -> Task | None:
        """A task, kept; what cannot be one is said."""
        try:
            task = self.fields.task(va, self.reader.read(va, self.fields.size))
        except KinfoError as error:
            self._tell(rules.KERNEL_TASK_UNREADABLE.at(where, f"{what}: {error.message}"))
            return None
        self._by_va[va] = task
        return task

    def _finished(self, task: Task, running: dict[int, int]) -> Task:
        """With its parent's number; and with the CPU whose runqueue says that it was in it, where runqueues are known."""
        known = self._by_va.get(task.parent)
        ppid = known.tgid if known else self._tgid_at(task.parent)
        if not running:
            return task._replace(ppid=ppid)
        return task._replace(ppid=ppid, running=task.va in running, cpu=running.get(task.va, task.cpu))

    def _tgid_at(self, va: int) -> int | None:
        """The tgid of a parent that is in no list: where one is broken, and what is there can be a task."""
        if not self._broken:
            return None
        try:
            task = self.fields.task(va, self.reader.read(va, self.fields.size))
        except KinfoError:
            return None
        return None if any(of_itself(task, self.cpus.count)) else task.tgid

    def _tell(self, finding: Finding) -> None:
        self._broken += 1
        if self._broken <= _MOST_SAID:
            self.findings += (finding,)

    def _tell_threads(self, leader: Task, problem: str) -> None:
        self._tell(rules.KERNEL_THREADS_BROKEN.at(f"threads of {leader.pid}", f"{leader.label}: {problem}"))

    def _tell_broken(self) -> None:
        if self._broken > _MOST_SAID:
            more = f"and {self._broken - _MOST_SAID} more tasks or lists that cannot be read"
            self.findings += (rules.KERNEL_TASK_UNREADABLE.at("tasks", more),)

    @cached_property
    def thread_size(self) -> int:
        """Bytes of a task's stack (THREAD_SIZE)."""
        return thread_size(self.kernel)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    @property
    def running(self) -> list[Task]:
        """The tasks that CPUs were in, CPU by CPU."""
        return sorted((one for one in self.all if one.running), key=lambda one: -1 if one.cpu is None else one.cpu)

    def named(self, pid: int) -> Task | None:
        """The task with this pid (a thread's too); None where there is none. 0 is CPU 0's idle task."""
        return next((one for one in self.all if one.pid == pid), None)

    def __repr__(self) -> str:
        return brief(self, f"{len(self.all)} of {self.kernel!r}")


def _order(task: Task) -> tuple[int, int, int]:
    return task.pid, -1 if task.cpu is None else task.cpu, task.va
