"""Call chains as text and as plain data."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from kinfo.findings import Finding
from kinfo.kernel.stack.backtraces import Backtraces
from kinfo.kernel.stack.model import Backtrace, Frame, FrameKind
from kinfo.kernel.tasks.task import Task
from kinfo.printable import printable
from kinfo.report.findings import finding_lines
from kinfo.report.style import Style
from kinfo.report.tasks import task_data
from kinfo.typed import Any

_NAMED = 12  # pids of a group that are named one by one
_NONE_STUCK = "no task is in state D: none waits for a device or a lock so that it cannot be interrupted"
_MARKS = {FrameKind.LINK: "    (by the link register)"}


def text(traces: Sequence[Backtrace], findings: Sequence[Finding], style: Style) -> str:
    """One block a task, then what is wrong."""
    blocks = ["\n".join(_block(one, style)) for one in traces]
    return "\n\n".join(blocks) + "\n" + _findings(findings, style)


def grouped(traces: Sequence[Backtrace], findings: Sequence[Finding], style: Style) -> str:
    """Equal chains once, with the tasks that are in each; most common first."""
    blocks = []
    for same in groups(traces):
        tasks = "1 task" if len(same) == 1 else f"{len(same)} tasks"
        lines = [style.paint(f"{tasks}: {_pids([one.task for one in same])}", "bold"), *_frames(same[0].frames)]
        lines.append(f"  [{same[0].end}]")
        blocks.append("\n".join(lines))
    shown = "\n\n".join(blocks) if blocks else _NONE_STUCK
    return shown + "\n" + _findings(findings, style)


def groups(traces: Iterable[Backtrace]) -> list[list[Backtrace]]:
    """The tasks whose chains are equal, in groups, the largest first."""
    found: dict[tuple[str, ...], list[Backtrace]] = {}
    for one in traces:
        found.setdefault((*one.labels, one.end), []).append(one)
    return sorted(found.values(), key=len, reverse=True)


def _findings(findings: Sequence[Finding], style: Style) -> str:
    if not findings:
        return ""
    return "\n" + "\n".join([style.paint("Findings", "bold"), *finding_lines(findings, style)]) + "\n"


def _pids(tasks: Sequence[Task]) -> str:
    shown = ", ".join(f"{one.pid} {printable(one.comm)}" for one in tasks[:_NAMED])
    return shown + (f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else "")


def _block(one: Backtrace, style: Style) -> Iterator[str]:
    yield style.paint(_head(one), "bold")
    yield f"  from {one.source}"
    yield from _frames(one.frames)
    yield f"  [{one.end}]"


def _head(one: Backtrace) -> str:
    task = one.task
    kind = "kernel" if task.is_kernel else "user"
    where = f"CPU {one.cpu}: " if one.cpu is not None else ""
    thread = "" if task.is_leader else f", thread of {task.tgid}"
    panic = ", the CPU that panicked" if one.is_panicking else ""
    guess = ", GUESSED" if one.is_guess else ""
    return f"{where}pid {task.pid} {printable(task.comm)} ({kind}{thread}), state {task.state}{panic}{guess}"


def _frames(frames: Sequence[Frame]) -> Iterator[str]:
    """As the kernel prints them; a line where the chain changes to another stack."""
    stack = next((one.stack for one in frames if one.stack), "")
    if stack not in ("", "task"):
        yield f"  <{stack} stack>"
    for one in frames:
        if one.stack and one.stack != stack:
            yield f"  <{one.stack} stack>"
            stack = one.stack
        yield f"    {printable(one.label)}{_MARKS.get(one.kind, '')}"


def next_steps(traces: Sequence[Backtrace], words: Iterable[str], *, is_default: bool) -> str:
    """What to type next, for whoever looks at the screen."""
    if not is_default:
        return ""
    ram = shlex.join(words)
    steps = [(f"kinfo backtrace {ram} --all", "every task"), (f"kinfo backtrace {ram} --stuck", "what a hang looks like")]
    if any(one.is_guess for one in traces):
        steps.insert(0, (f"kinfo backtrace {ram} --registers FILE", "with the CPUs' registers, instead of a guess"))
    width = max(len(command) for command, _ in steps)
    return "\nNext:\n" + "".join(f"  {command:<{width}}    # {why}\n" for command, why in steps)


def document(found: Backtraces, traces: Sequence[Backtrace], findings: Sequence[Finding]) -> dict[str, Any]:
    """The same as plain data; addresses are hex strings."""
    from kinfo.report.document import SCHEMA_VERSION, finding_data

    kernel = found.tasks.kernel
    return {
        "schema_version": SCHEMA_VERSION,
        "memory": kernel.memory.name,
        "release": kernel.pointers.release or None,
        "types": kernel.types.source,
        "panicking_cpu": found.panicking,
        "backtraces": [_trace(one) for one in traces],
        "findings": [finding_data(finding) for finding in findings],
    }


def _trace(one: Backtrace) -> dict[str, Any]:
    return {
        "task": task_data(one.task),
        "cpu": one.cpu,
        "is_panicking": one.is_panicking,
        "source": one.source,
        "is_guess": one.is_guess,
        "frames": [_frame(frame) for frame in one.frames],
        "end": one.end,
        "is_whole": one.is_whole,
    }


def _frame(frame: Frame) -> dict[str, Any]:
    place = frame.place
    return {
        "pc": f"{frame.pc:#x}",
        "kind": frame.kind.value,
        "label": frame.label,
        "symbol": place.symbol if place else None,
        "offset": place.offset if place else None,
        "size": place.size if place else None,
        "module": place.module or None if place else None,
        "stack": frame.stack or None,
    }
