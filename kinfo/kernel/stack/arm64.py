"""Chains of arm64: frame records {fp, lr}, linked from the innermost on.

arch/arm64/kernel/stacktrace.c and entry.S. The last record of a task lies in the pt_regs at the top of its stack and has two
zeros; an exception taken in the kernel leaves one of its own in its pt_regs: {x29, pc} up to 6.13, and since 6.14 two zeros
with a word behind them that says which of the two it is (struct frame_record_meta). Up to 5.10 kernel threads end with a
record whose fp is 0.
"""

from __future__ import annotations

import struct

from kinfo.errors import KinfoError
from kinfo.kernel.calls import unsigned
from kinfo.kernel.stack.model import Chain, Frame, FrameKind, Registers, Stack
from kinfo.kernel.stack.names import FrameNamer
from kinfo.kernel.tasks.every import Tasks

_FINAL, _PT_REGS = 1, 2  # FRAME_META_TYPE_*, arch/arm64/include/asm/stacktrace/frame.h
_MODE = 0xF  # of pstate; 0 is EL0
_MOST_FRAMES = 4096
_LARGEST = 1 << 16  # bytes of a function that are looked through for what sets up its frame: that is near its start
_SETS_FP = ((0xFFFFFFFF, 0x910003FD), (0xFF8003FF, 0x910003FD))  # mov x29, sp; add x29, sp, #imm
_RESTORES_FP = (0xFFC07FFF, 0xA8C07BFD)  # ldp x29, x30, [sp], #imm
_CALLS = ((0xFC000000, 0x94000000), (0xFEFFF000, 0xD63F0000))  # bl; blr and those that authenticate
# What tracers put in place of a return address: functions that nothing calls.
_TRAMPOLINES = ("return_to_handler", "arch_rethook_trampoline", "kretprobe_trampoline", "__kretprobe_trampoline")
_STARTS = ("el0", "ret_from_fork", "__secondary_switched", "__primary_switched", "secondary_start", "start_kernel")
_IDLE_STARTS = ("start_kernel", "secondary_start_kernel")  # whose own record has two zeros, up to 5.10


class Arm64:
    """Unwinds the stacks of one kernel."""

    def __init__(self, tasks: Tasks, namer: FrameNamer) -> None:
        self._kernel, self._reader, self._namer = tasks.kernel, tasks.reader, namer
        types = tasks.kernel.types
        regs = types["pt_regs"]
        record = regs.find("stackframe")
        self._pc, self._pstate, self._x = regs.offset("pc"), regs.offset("pstate"), regs.offset("regs")
        self._regs_size = regs.size
        self._record_at = record.offset if record else 0
        self._has_meta = record is not None and record.size > 16
        self.context = tasks.fields.struct.offset("thread.cpu_context")
        context = tasks.fields.struct.member
        self._saved = {name: context(f"thread.cpu_context.{name}").offset for name in ("fp", "sp", "pc")}

    def asleep(self, va: int) -> Registers:
        """Where the task at a VA was switched out (cpu_switch_to). Raises KernelError or HoleError."""
        fp, sp, pc = (self._reader.number(va + self._saved[name]) for name in ("fp", "sp", "pc"))
        return Registers(pc, sp, fp, 0, "thread.cpu_context, where it was switched out")

    def chain(self, start: Registers, stacks: list[Stack]) -> Chain:
        """The chain from registers on, over these stacks."""
        return _Walk(self, start, stacks).run()

    def in_user(self, start: Registers) -> bool:
        """Whether a CPU was in user space: bit 55 chooses the half."""
        return not start.pc >> 55 & 1

    def guess(self, stack: Stack) -> Registers | None:
        """The deepest record of a stack from which the chain comes to the stack's last; None where there is none.

        For a task that a CPU was in, without that CPU's registers: what lies deeper than its real frames is of earlier calls.
        """
        try:
            raw = self._reader.read(stack.low, stack.high - stack.low)
        except KinfoError:
            return None
        words = struct.unpack(f"<{len(raw) // 8}Q", raw)
        leads = {self.last_record(stack)}
        found = None
        for index in range(len(words) - 2, -1, -1):
            at, fp = stack.low + 8 * index, words[index]
            if at < fp and fp in leads and (lr := unsigned(self._kernel, words[index + 1])) and self._namer.is_code(lr):
                leads.add(at)
                found = at
        if found is None:
            return None
        source = "a guess: the deepest chain of frame records in its stack, for want of the CPU's registers"
        return Registers(0, found, found, 0, source, is_guess=True)

    def last_record(self, stack: Stack) -> int:
        """VA of the last record of a task's stack."""
        return stack.high - self._regs_size + self._record_at

    def is_last(self, stack: Stack, fp: int) -> bool:
        """Whether a record of zeros is the end of a chain, and not zeros in the middle of it."""
        if self._has_meta:
            return self._reader.number(fp + 16) == _FINAL
        return stack.name != "task" or fp == self.last_record(stack)

    def interrupted(self, fp: int, lr: int, before: Frame | None) -> int | None:
        """VA of the pt_regs that the record at `fp` is in, where an exception in the kernel left it; None for others."""
        if self._has_meta:
            return fp - self._record_at if not lr and self._reader.number(fp + 16) == _PT_REGS else None
        is_entry = before is not None and before.place is not None and before.place.symbol.startswith("el1")
        regs = fp - self._record_at
        return regs if is_entry and self._record_at and self._reader.number(regs + self._pc) == lr else None

    def of_exception(self, regs: int) -> tuple[Registers, bool]:
        """The registers of an exception, and whether it came from user space."""
        pc, fp = self._reader.number(regs + self._pc), self._reader.number(regs + self._x + 8 * 29)
        lr, pstate = self._reader.number(regs + self._x + 8 * 30), self._reader.number(regs + self._pstate)
        return Registers(pc, 0, fp, lr, "", is_exact=True), not pstate & _MODE

    def link(self, start: Registers) -> int | None:
        """The link register, where the function at `pc` has not saved it: its caller is in no record then."""
        lr, place = unsigned(self._kernel, start.lr), self._namer.place(start.pc)
        if not start.lr or lr is None or place is None or not self._namer.is_code(lr):
            return None
        if place.offset > _LARGEST:
            return None
        try:
            code = self._reader.read(start.pc - place.offset, place.offset)
        except KinfoError:
            return None
        words = struct.unpack(f"<{len(code) // 4}I", code[: len(code) & ~3])
        is_set = any(word & mask == value for word in words for mask, value in _SETS_FP)
        mask, value = _RESTORES_FP
        is_gone = any(word & mask == value for word in words[-4:])
        return lr if not is_set or is_gone else None

    def is_returned_to(self, pc: int) -> bool:
        """Whether a return address lies behind a call; where the dump lacks that code, it is taken for one.

        That of init text is gone: the kernel gives its memory back, and other things lie there.
        """
        place, borders = self._namer.place(pc), self._kernel.kallsyms.borders
        if place is not None and not place.offset and place.symbol in _TRAMPOLINES:
            return True
        if place is not None and place.pa is not None and borders.sinittext <= place.pa < borders.einittext:
            return True
        try:
            word = self._reader.number(pc - 4, 4)
        except KinfoError:
            return True
        return any(word & mask == value for mask, value in _CALLS)


class _Walk:
    """One chain under way."""

    def __init__(self, of: Arm64, start: Registers, stacks: list[Stack]) -> None:
        self._of, self._stacks = of, stacks
        self._reader, self._namer, self._kernel = of._reader, of._namer, of._kernel  # noqa: SLF001  # one class in two parts
        self._frames: list[Frame] = []
        self._stack: Stack | None = None
        self._left: set[str] = set()
        self._fp = 0
        self._start = start

    def run(self) -> Chain:
        """All of it."""
        self._begin(self._start, "")
        end = ""
        while not end:
            if len(self._frames) >= _MOST_FRAMES:
                end = f"!it has more than {_MOST_FRAMES} frames"
                break
            try:
                end = self._step()
            except KinfoError as error:
                end = f"!its stack cannot be read: {error.message}"
        if problem := self._saved_wrong(self._start):
            end = f"!{problem}; {end.lstrip('!')}"
        return Chain(tuple(self._frames), end.lstrip("!"), not end.startswith("!"))

    def _saved_wrong(self, start: Registers) -> str:
        """What is wrong with where a task was switched out: in __switch_to, or before its first step in ret_from_fork."""
        if start.is_exact or start.is_guess:
            return ""
        pc = unsigned(self._kernel, start.pc)
        if pc is None or not self._namer.is_code(pc):
            return f"the saved pc, {start.pc:#x}, is no code"
        place = self._namer.place(pc)
        is_first = place is not None and not place.offset
        return "" if is_first or self._of.is_returned_to(pc) else f"the saved pc, {pc:#x}, is behind no call"

    def _begin(self, start: Registers, stack: str) -> None:
        """Take up registers: where it was, and its caller where that is in the link register alone."""
        if pc := unsigned(self._kernel, start.pc) if start.pc else None:
            self._frames.append(self._namer.frame(pc, FrameKind.PC if start.is_exact else FrameKind.RETURN, stack))
            if link := self._of.link(start._replace(pc=pc)):
                self._frames.append(self._namer.frame(link, FrameKind.LINK, stack))
        self._next = start.fp

    def _step(self) -> str:
        """One record; how the chain ends there ("!" before what is no real end), "" where it goes on."""
        fp = self._next
        if not fp:
            return self._at_zero()
        if problem := self._arrive(fp):
            return problem
        fp_next, lr = self._reader.pair(fp)
        stack = self._stack
        assert stack
        regs = self._of.interrupted(fp, lr, self._frames[-1] if self._frames else None)
        if regs is not None:
            return self._through(regs, stack)
        if not fp_next and not lr:
            return self._last(stack, fp)
        pc = unsigned(self._kernel, lr)
        if pc is None or not self._namer.is_code(pc):
            return f"!the record at VA {fp:#x} of the {stack.name} stack returns to {lr:#x}, which is no code"
        if not self._of.is_returned_to(pc):
            return f"!the record at VA {fp:#x} of the {stack.name} stack returns to {pc:#x}, which is behind no call"
        self._frames.append(self._namer.frame(pc, FrameKind.RETURN, stack.name))
        self._next = fp_next
        return ""

    def _arrive(self, fp: int) -> str:
        """Go to a record; what is wrong with that."""
        stack = next((one for one in self._stacks if one.low <= fp <= one.high - 16), None)
        if stack is None or fp % 8:
            return f"!it leads to VA {fp:#x}, which is in no stack of this task or its CPU that is known"
        if self._stack == stack and fp <= self._fp:
            return f"!it leads from VA {self._fp:#x} back to {fp:#x}"
        if self._stack != stack and stack.name in self._left:
            return f"!it leads back into the {stack.name} stack, at VA {fp:#x}"
        if self._stack and self._stack != stack:
            self._left.add(self._stack.name)
        self._stack, self._fp = stack, fp
        return ""

    def _through(self, regs: int, stack: Stack) -> str:
        """An exception: the chain goes on with what was interrupted."""
        start, is_user = self._of.of_exception(regs)
        if is_user:
            return f"it was entered from user space, at {start.pc:#x}"
        self._begin(start, stack.name)
        return ""

    def _last(self, stack: Stack, fp: int) -> str:
        if self._of.is_last(stack, fp) or self._is_started(_IDLE_STARTS):
            return _entered(self._frames)
        return f"!it ends in zeros at VA {fp:#x}, which is not where the {stack.name} stack's last record lies"

    def _at_zero(self) -> str:
        """A frame pointer of 0: up to 5.10 the end of a kernel thread's chain; else registers that hold none."""
        return _entered(self._frames) if self._is_started(_STARTS) else "!the frame pointer is 0"

    def _is_started(self, starts: tuple[str, ...]) -> bool:
        """Whether the outermost function so far is one that nothing calls, of these."""
        last = self._frames[-1] if self._frames else None
        return bool(last and last.place and last.place.symbol.startswith(starts))


def _entered(frames: list[Frame]) -> str:
    """What the outermost function says of how the chain began."""
    name = frames[-1].place.symbol if frames and frames[-1].place else ""
    if name.startswith("el0"):
        return f"whole: entered from user space by {name}"
    if name.startswith("ret_from_fork"):
        return f"whole: the task began at {name}"
    return f"whole: its first function is {name or 'not known'}"
