"""The tasks of a kernel as a table or a tree of text, and as plain data."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kinfo.findings import Finding
from kinfo.kernel.tasks.every import Tasks
from kinfo.kernel.tasks.task import Task
from kinfo.printable import printable
from kinfo.report.columns import Column, Row, row, table
from kinfo.report.findings import finding_lines
from kinfo.report.style import Style
from kinfo.typed import Any

_DEEPEST = 40  # levels of the tree that are indented; what is deeper stands at that level


def text(tasks: Tasks, findings: Sequence[Finding], style: Style, *, threads: bool = False, tree: bool = False) -> str:
    """The whole screen: how many there are, the table, what is wrong."""
    rows = _tree(tasks, threads=threads) if tree else [(one, 0) for one in tasks if threads or _is_shown(one)]
    lines = [style.paint(title(tasks), "bold")]
    lines += table(_columns(threads=threads), [_row(one, depth, threads=threads) for one, depth in rows], style, indent=0)
    if any(one.running for one in tasks):
        lines.append("  > a CPU was in it when the dump was taken")
    if findings:
        lines += ["", style.paint("Findings", "bold"), *finding_lines(findings, style)]
    return "\n".join(lines) + "\n"


def title(tasks: Tasks) -> str:
    """How many tasks there are, in which states, and what says where their fields lie."""
    real = [one for one in tasks if one.pid]
    states = Counter(one.state for one in real)
    shown = ", ".join(f"{count} {state}" for state, count in sorted(states.items(), key=lambda item: (-item[1], item[0])))
    processes = sum(one.is_leader for one in real)
    cpus = f"; {tasks.cpus.count} CPUs" if tasks.cpus.count else ""
    return f"{processes} processes, {len(real)} threads ({shown}){cpus}; offsets by {tasks.kernel.types.source}"


def _is_shown(task: Task) -> bool:
    return task.is_leader


def _columns(*, threads: bool) -> tuple[Column, ...]:
    return (
        Column("", 1),
        Column("PID", 8, 1, is_right=True),
        *((Column("TID", 8, 0, is_right=True),) if threads else ()),
        Column("PPID", 8, 0, is_right=True),
        Column("CPU", 4, 1, is_right=True),
        Column("S", 1, 1),
        Column("POLICY", 9, 1),
        Column("PRIO", 4, 0, is_right=True),
        Column("NICE", 5, 0, is_right=True),
        Column("KIND", 7),
        Column("COMM", 0, 0),
    )


def _row(task: Task, depth: int, *, threads: bool) -> Row:
    comm = printable(task.comm) if task.is_leader else f"{{{printable(task.comm)}}}"
    return row(
        ">" if task.running else "",
        f"{task.tgid}",
        *((f"{task.pid}",) if threads else ()),
        *(_shown(task.ppid), _shown(task.cpu), task.state, task.policy, f"{task.prio}", f"{task.nice}"),
        "kernel" if task.is_kernel else "user",
        "  " * min(depth, _DEEPEST) + comm,
    )


def _shown(number: int | None) -> str:
    return "-" if number is None else str(number)


def _tree(tasks: Tasks, *, threads: bool) -> Iterator[tuple[Task, int]]:
    """Tasks with their depth, children behind their parents, threads behind their process's first; each once."""
    leaders = {one.tgid: one for one in tasks if one.is_leader and one.pid}
    children: dict[int, list[Task]] = {}
    roots: list[Task] = []
    for one in tasks:
        if not one.is_leader:
            if threads:
                children.setdefault(one.tgid, []).append(one)
        elif one.pid and one.ppid in leaders and one.ppid != one.pid:
            children.setdefault(one.ppid, []).append(one)
        else:
            roots.append(one)
    seen: set[int] = set()
    for root in (*roots, *leaders.values()):  # parents that lead around in a circle are reached from no root
        yield from _below(root, children, seen)


def _below(root: Task, children: dict[int, list[Task]], seen: set[int]) -> Iterator[tuple[Task, int]]:
    open_: list[tuple[Task, int]] = [(root, 0)]
    while open_:
        task, depth = open_.pop()
        if task.va in seen:
            continue
        seen.add(task.va)
        yield task, depth
        if task.is_leader and task.pid:
            open_ += [(child, depth + 1) for child in reversed(children.get(task.pid, []))]


def next_steps(tasks: Tasks, words: Iterable[str]) -> str:
    """What to type next, for whoever looks at the screen."""
    ram = shlex.join(words)
    steps = [(f"kinfo backtrace {ram}", "where each CPU was")]
    if any(one.state == "D" for one in tasks):
        steps.append((f"kinfo backtrace {ram} --stuck", "what the tasks in state D wait for"))
    elif any(one.pid > 1 for one in tasks):
        steps.append((f"kinfo backtrace {ram} --all", "where every task sleeps"))
    width = max(len(command) for command, _ in steps)
    return "\nNext:\n" + "".join(f"  {command:<{width}}    # {why}\n" for command, why in steps)


def document(tasks: Tasks, findings: Sequence[Finding]) -> dict[str, Any]:
    """The same as plain data, every thread in it; addresses are hex strings."""
    from kinfo.report.document import SCHEMA_VERSION, finding_data

    by_va = {one.va: one for one in tasks}
    return {
        "schema_version": SCHEMA_VERSION,
        "memory": tasks.kernel.memory.name,
        "release": tasks.kernel.pointers.release or None,
        "types": tasks.kernel.types.source,
        "cpus": [
            {"cpu": cpu, "pid": by_va[va].pid if va in by_va else None, "task": None if va is None else f"{va:#x}"}
            for cpu, va in enumerate(tasks.cpus.current)
        ],
        "tasks": [task_data(one) for one in tasks],
        "findings": [finding_data(finding) for finding in findings],
    }


def task_data(task: Task) -> dict[str, Any]:
    """One task as plain data."""
    data: dict[str, Any] = task._asdict()
    data |= {name: f"{data[name]:#x}" for name in ("va", "state_word", "stack", "parent")}
    return data
