"""What a task says of itself that no kernel lets a task say: its memory is damaged, or was being changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from kinfo.findings import Finding
from kinfo.kernel.tasks import rules
from kinfo.kernel.tasks.task import NICE_0, POLICIES, Task

_MOST_SAID = 8  # tasks that are said one by one
_STATES = 1 << 17  # TASK_STATE_MAX is 1 << 16 since 6.1, and was lower before
_ALONE = 0x4F  # sleeping, disk sleep, stopped, traced, parked: no task is two of them (those of exit_state may be beside)
_PAGE = 4096


def of_itself(task: Task, cpus: int) -> Iterator[str]:
    """What cannot be, by include/linux/sched/prio.h, include/uapi/linux/sched.h and include/linux/sched.h.

    `cpus` is nr_cpu_ids, 0 where it is not known.
    """
    if task.policy not in POLICIES:
        yield f"policy {task.policy}"
    if not -1 <= task.prio <= 140:  # MAX_PRIO is 140, deadline tasks have -1
        yield f"prio {task.prio}"
    if not -20 <= task.nice <= 19:
        yield f"static_prio {task.nice + NICE_0}"
    if not 0 <= task.rt_priority <= 99:
        yield f"rt_priority {task.rt_priority}"
    if not 0 <= task.state_word < _STATES or (task.state_word & _ALONE).bit_count() > 1:
        yield f"state {task.state_word:#x}"
    if cpus and task.cpu is not None and not 0 <= task.cpu < cpus:
        yield f"CPU {task.cpu} of {cpus}"
    if task.stack % _PAGE:
        yield f"a stack at VA {task.stack:#x}"


def doubts(tasks: Sequence[Task], leaders: Mapping[int, int], cpus: int) -> tuple[Finding, ...]:
    """A finding for each task that says what cannot be, or what another of the tasks speaks against.

    `leaders` has for the VA of each task the tgid of the process in whose list it stands: a first thread's own pid.
    """
    pids = Counter(one.pid for one in tasks if one.pid)
    found = []
    for task in tasks:
        said = [*of_itself(task, cpus)]
        wanted = leaders.get(task.va, task.tgid)
        if task.tgid != wanted:
            said.append(f"tgid {task.tgid} in the process {wanted}")
        if pids[task.pid] > 1:
            said.append(f"the pid {task.pid} that another task has too")
        if task.pid and task.ppid is None:
            said.append(f"a parent at VA {task.parent:#x}, where no task is")
        if said:
            text = f"{task.label} at VA {task.va:#x} has {', '.join(said)}"
            found.append(rules.KERNEL_TASK_DOUBTED.at(f"pid {task.pid}", text))
    if len(found) > _MOST_SAID:
        more = rules.KERNEL_TASK_DOUBTED.at("tasks", f"and {len(found) - _MOST_SAID} more tasks")
        return (*found[:_MOST_SAID], more)
    return tuple(found)
