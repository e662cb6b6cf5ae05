"""What crashed, by the log: the panic, the oops before it, the CPU and task that it was, where the code stood.

The lines are those of kernel/panic.c, lib/dump_stack.c, arch/*/kernel/{traps,process,dumpstack}.c and mm/fault.c,
kernel/watchdog.c, kernel/hung_task.c and kernel/rcu/tree_stall.h, 4.9 to 7.2. Other CPUs print in between: what belongs
together has one caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kinfo.kernel.printk.message import Message
from kinfo.named import NamedTuple

_PANIC = re.compile(r"Kernel panic - not syncing: (?P<why>.*)")
_OOPS = re.compile(
    r"(?:Internal error: |Oops: |Oops - |general protection fault|(?:invalid opcode|divide error|double fault): "
    r"|kernel BUG at |Unable to handle kernel |BUG: (?:kernel NULL pointer|unable to handle|(?:TASK )?stack guard)"
    r"|SError Interrupt on CPU|Insufficient stack space to handle exception|Bad mode in |Unhandled fault: "
    r"|(?:Kernel|Unexpected kernel) BRK exception|kernel stack overflow)"
)
_TROUBLE = re.compile(
    r"(?:watchdog: )?BUG: (?:soft lockup|K\w+SAN|KFENCE|workqueue lockup|scheduling while atomic|sleeping function|Bad page)"
    r"|(?:watchdog: )?Watchdog detected hard LOCKUP|NMI watchdog: .*LOCKUP|INFO: task .{1,40} blocked for more than"
    r"|INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stall|rcu: INFO: |UBSAN: |Out of memory: |list_(?:add|del) corruption"
    r"|WARNING: CPU: |sysrq: (?:SysRq : )?Trigger a crash|SysRq : Trigger a crash"
)
_WHO = re.compile(
    r"CPU: (?P<cpu>\d+)(?: UID: (?P<uid>\d+))? PID: (?P<pid>\d+) Comm: (?P<comm>.{1,15}?) (?:Kdump: |Not tainted|Tainted: )"
)
_PLACE = re.compile(r"\s*(?:pc : |PC is at |RIP: 0010:|EIP: 0060:|pc is at )(?P<pc>\S.*?)(?:\s+lr : (?P<lr>\S.*))?$")
_LINK = re.compile(r"\s*(?:lr : |LR is at |lr is at )(?P<lr>\S.*?)$")
_HARDWARE = re.compile(r"Hardware name: (?P<name>.*)")
_TRACE = re.compile(r"\s*Call [Tt]race:")
_FRAME = re.compile(r"\s+(?P<frame>(?:\? )?[\w.$]+\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[[^\]]+\])?)")
_IS_PANIC = re.compile(r"v?panic\+")
_ASIDE = re.compile(r"\s*(?:</?\w+>|\[<|Modules linked in|RIP: |Code: |R[A-Z0-9]{2}: )")
_OF_MACHINE = {
    "Machine model: ": "machine",
    "OF: fdt: Machine model: ": "machine",
    "DMI: ": "machine",
    "Memory: ": "RAM",
    "Kernel command line: ": "command line",
}
_LONGEST = 400  # letters of a line that are looked at
_NEAR = 200  # messages behind an oops that can belong to it
_MOST_TROUBLE = 8


class Event(NamedTuple):
    """The first line of a message that says something; `ns` is its time."""

    text: str
    seq: int
    ns: int


class Crash(NamedTuple):
    """What the log says of a crash; None, "" or empty for what it does not say.

    `panic` is the panic's line, `oops` the lines with which the first oops begins. `cpu`, `pid`, `uid`, `comm`, `hardware`,
    `pc`, `lr` and `trace` are of the first oops, of the panic where there was none; `first` and `last` number the messages
    that they come from.
    `trouble` are other lines that tell of something wrong, the first ones; `of_all` how many there are.
    """

    panic: Event | None
    oops: tuple[Event, ...]
    cpu: int | None
    uid: int | None
    pid: int | None
    comm: str
    hardware: str
    pc: str
    lr: str
    trace: tuple[str, ...]
    trouble: tuple[Event, ...]
    of_all: int
    first: int
    last: int

    @property
    def happened(self) -> bool:
        """Whether the kernel crashed, and did not merely complain."""
        return self.panic is not None or bool(self.oops)


def crash(messages: list[Message], named: Callable[[bytes], bytes] | None = None) -> Crash:
    """What crashed; `named` puts names on raw addresses."""
    panics, oopses, trouble = [], [], []
    for index, message in enumerate(messages):
        text = message.raw[:_LONGEST].decode("utf-8", "replace")
        if _PANIC.match(text):
            panics.append(index)
        elif _OOPS.match(text):
            oopses.append(index)
        elif _TROUBLE.match(text):
            trouble.append(index)
    panic = panics[-1] if panics else None
    heads = _heads(messages, oopses)
    start = heads[0] if heads else panic
    said = _Said(messages, start, named) if start is not None else None
    return Crash(
        panic=None if panic is None else _event(messages[panic]),
        oops=tuple(_event(messages[index]) for index in heads),
        cpu=said.number("cpu") if said else None,
        uid=said.number("uid") if said else None,
        pid=said.number("pid") if said else None,
        comm=said.word("comm") if said else "",
        hardware=said.word("name") if said else "",
        pc=said.word("pc") if said else "",
        lr=said.word("lr") if said else "",
        trace=_below_panic(said.trace) if said else (),
        trouble=tuple(_event(messages[index]) for index in trouble[:_MOST_TROUBLE]),
        of_all=len(trouble),
        first=messages[start].seq if start is not None else 0,
        last=said.last if said else 0,
    )


def _below_panic(trace: list[str]) -> tuple[str, ...]:
    """The frames from the caller of panic() down; all of them where panic() is none of them."""
    own = [index for index, frame in enumerate(trace) if _IS_PANIC.match(frame)]
    return tuple(trace[own[-1] + 1 :] if own else trace)


def _heads(messages: list[Message], oopses: list[int]) -> list[int]:
    """The lines with which the first oops begins: those of one caller, close together."""
    if not oopses:
        return []
    first = oopses[0]
    return [one for one in oopses if one - first < 24 and messages[one].caller_id == messages[first].caller_id][:3]


def _event(message: Message) -> Event:
    return Event(message.lines[0][:_LONGEST].decode("utf-8", "surrogateescape"), message.seq, message.ns)


class _Said:
    """What the messages of one caller say, from one on."""

    def __init__(self, messages: list[Message], start: int, named: Callable[[bytes], bytes] | None) -> None:
        self._found: dict[str, str] = {}
        self.trace: list[str] = []
        self.last = messages[start].seq
        own, named = messages[start].caller_id, named or (lambda raw: raw)
        in_trace = False
        for message in messages[start : start + _NEAR]:
            if message.caller_id != own:
                continue
            text = named(message.raw[:_LONGEST]).decode("utf-8", "replace")
            if "---[ end " in text:
                break
            in_trace = self._line(text, message.seq, in_trace=in_trace)

    def _line(self, text: str, seq: int, *, in_trace: bool) -> bool:
        """Take what a line says; whether the next one can be a frame of the trace."""
        if in_trace:
            if frame := _FRAME.match(text):
                self.trace.append(frame["frame"])
                self.last = seq
                return True
            if _ASIDE.match(text):
                return True
        for pattern in (_WHO, _PLACE, _LINK, _HARDWARE):
            found = pattern.search(text) if pattern is _WHO else pattern.match(text)
            for key, value in (found.groupdict() if found else {}).items():
                if value and key not in self._found:
                    self._found[key] = value.strip()
                    self.last = seq
        return bool(_TRACE.match(text)) and not self.trace

    def word(self, key: str) -> str:
        """What was said; "" where it was not."""
        return self._found.get(key, "")

    def number(self, key: str) -> int | None:
        """The same as a number."""
        return int(self._found[key]) if key in self._found else None


def machine(messages: list[Message]) -> dict[str, Event]:
    """What a boot says of its machine: model, memory, command line; each as it was said first."""
    found: dict[str, Event] = {}
    for message in messages:
        for start, name in _OF_MACHINE.items():
            if name not in found and message.raw.startswith(start.encode()):
                event = _event(message)
                found[name] = event._replace(text=event.text.removeprefix(start))
    return {name: found[name] for name in dict.fromkeys(_OF_MACHINE.values()) if name in found}
