"""Chains of x86-64: by ORC, or by frame pointers where the kernel has them (CONFIG_UNWINDER_FRAME_POINTER).

arch/x86/kernel/unwind_orc.c, unwind_frame.c; struct inactive_task_frame in arch/x86/include/asm/switch_to.h.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from kinfo.errors import KernelError, KinfoError
from kinfo.kernel.stack import orc
from kinfo.kernel.stack.model import Chain, Frame, FrameKind, Registers, Stack
from kinfo.kernel.stack.names import FrameNamer
from kinfo.kernel.stack.orc import Orc
from kinfo.kernel.stack.x86_calls import LONGEST, ends_with_call
from kinfo.kernel.tasks.every import Tasks

_MOST_FRAMES = 1024
_MOST_SWITCHES = 8  # from stack to stack: task, entry, irq, three exceptions inside one another
_IRET = ("ip", "cs", "flags", "sp", "ss")
_USER = 3  # of cs
_PUSHED = ("secondary_startup_64", "ret_from_fork")
_TRAMPOLINES = ("return_to_handler", "arch_rethook_trampoline", "kretprobe_trampoline", "__kretprobe_trampoline")


class X86:
    """Unwinds the stacks of one kernel."""

    def __init__(self, tasks: Tasks, namer: FrameNamer) -> None:
        kernel, types = tasks.kernel, tasks.kernel.types
        self.reader, self.namer, self._kernel = tasks.reader, namer, kernel
        self._sp = tasks.fields.struct.offset("thread.sp")
        frame = types["inactive_task_frame"]
        self._frame_size, self._bp, self._ret = frame.size, frame.offset("bp"), frame.offset("ret_addr")
        regs = types["pt_regs"]
        self.regs = {name: regs.offset(name) for name in (*_IRET, "bp", "dx", "di", "r10", "r13")}
        self.table: orc.OrcTable | None = None
        if "orc_entry" in types:
            form = orc.OrcFormat(types)
            self.table, self.modules = orc.of_image(kernel, form), orc.ModuleOrc(kernel, form)
        text = kernel.kallsyms.borders
        assert kernel.space
        self._text = range(kernel.space.va(text.text), kernel.space.va(max(text.etext, text.einittext)))

    def asleep(self, va: int) -> Registers:
        """Where the task at a VA was switched out (__switch_to_asm). Raises KernelError or HoleError."""
        at = self.reader.number(va + self._sp)
        pc, fp = self.reader.number(at + self._ret), self.reader.number(at + self._bp)
        return Registers(pc, at + self._frame_size, fp, 0, "thread.sp, where it was switched out")

    def guess(self, stack: Stack) -> Registers | None:
        """None: without its registers nothing tells where a CPU was."""
        del stack
        return None

    def in_user(self, start: Registers) -> bool:
        """Whether a CPU was in user space: the lower half."""
        return not start.pc >> 63

    def is_returned_to(self, ip: int) -> bool:
        """Whether a return address lies behind a call; where the dump lacks that code, it is taken for one.

        Init text is gone: the kernel gives its memory back. Processors that start get theirs pushed (head_64.S, up to 6.5),
        and tracers put a trampoline in place of one.
        """
        place, borders = self.namer.place(ip), self._kernel.kallsyms.borders
        if place is not None and (place.symbol.startswith(_PUSHED) or (not place.offset and place.symbol in _TRAMPOLINES)):
            return True
        if place is not None and place.pa is not None and borders.sinittext <= place.pa < borders.einittext:
            return True
        try:
            return ends_with_call(self.reader.read(ip - LONGEST, LONGEST))
        except KinfoError:
            return True

    def find(self, ip: int) -> Orc | None:
        """The ORC entry for a place in the code."""
        assert self.table
        return self.table.find(ip) if ip in self._text else self.modules.find(ip)

    def chain(self, start: Registers, stacks: list[Stack]) -> Chain:
        """The chain from registers on."""
        walk = _ByOrc(self, start, stacks) if self.table else _ByFramePointer(self, start, stacks)
        return walk.run()


class _Walk(ABC):
    """One chain under way."""

    def __init__(self, of: X86, start: Registers, stacks: list[Stack]) -> None:
        self.of, self.stacks = of, stacks
        self.ip, self.sp, self.bp = start.pc, start.sp, start.fp
        self.is_exact = start.is_exact  # where it was, and not what a call returns to
        self.frames: list[Frame] = []
        self.switches = 0

    def run(self) -> Chain:
        """All of it."""
        end = ""
        while not end:
            kind = FrameKind.PC if self.is_exact else FrameKind.RETURN
            self.frames.append(self.of.namer.frame(self.ip, kind, self._stack()))
            before = self.sp
            try:
                end = self.step() or self._progress(before)
            except KinfoError as error:
                end = f"!its stack cannot be read: {error.message}"
        return Chain(tuple(self.frames), end.lstrip("!"), not end.startswith("!"))

    @abstractmethod
    def step(self) -> str:
        """To the caller; how the chain ends there ("!" before what is no real end), "" where it goes on."""

    def _progress(self, before: int) -> str:
        """What is wrong with the step that was made."""
        if len(self.frames) >= _MOST_FRAMES:
            return f"!it has more than {_MOST_FRAMES} frames"
        if self.sp % 8:
            return f"!it leads to an odd stack pointer, {self.sp:#x}"
        if not self.of.namer.is_code(self.ip) and not self.is_exact:
            return f"!the stack at VA {self.sp - 8:#x} returns to {self.ip:#x}, which is no code"
        if not self.is_exact and not self.of.is_returned_to(self.ip):
            return f"!the stack at VA {self.sp - 8:#x} returns to {self.ip:#x}, which is behind no call"
        if self.sp <= before or self.sp - before > 1 << 16:
            self.switches += 1
            if self.switches > _MOST_SWITCHES:
                return f"!it leads from stack to stack, last to VA {self.sp:#x}"
        return ""

    def _stack(self) -> str:
        return next((one.name for one in self.stacks if one.low <= self.sp <= one.high), "cpu")

    def word(self, va: int) -> int:
        """A word of a stack."""
        return self.of.reader.number(va)


class _ByOrc(_Walk):
    """By ORC entries."""

    regs = 0  # VA of the struct pt_regs that the state is of; 0 where it is of a call
    is_full = False

    def step(self) -> str:
        entry = self.of.find(self.ip - (not self.is_exact))
        if entry is None or entry.kind == "none":
            return f"!no ORC entry says how to leave {self.ip:#x}"
        if entry.kind == "end":
            return _entered(self.frames)
        sp = self._sp(entry)
        bp = self._bp(entry, sp)
        self.is_exact = entry.signal
        if entry.kind == "call":
            self.ip, self.sp, self.regs = self.word(sp - 8), sp, 0
        elif end := self._through(sp, is_full=entry.kind == "regs"):
            return end
        self.bp = bp
        return ""

    def _sp(self, entry: Orc) -> int:
        """The caller's stack pointer."""
        reg = entry.sp_reg
        if reg in orc.REGISTERS:
            return self._saved(orc.REGISTERS[reg]) + (0 if reg in (orc.DX, orc.DI) else entry.sp_offset)
        if reg == orc.SP:
            return self.sp + entry.sp_offset
        if reg == orc.BP:
            return self.bp + entry.sp_offset
        if reg == orc.SP_INDIRECT:
            return self.word(self.sp) + entry.sp_offset
        if reg == orc.BP_INDIRECT:
            return self.word(self.bp + entry.sp_offset)
        raise KernelError(f"the ORC entry for {self.ip:#x} counts from register {reg}", "")

    def _saved(self, name: str) -> int:
        """A register that only an exception's pt_regs have."""
        if not self.regs or not self.is_full:
            raise KernelError(f"{name} at {self.ip:#x} is not known", "")
        return self.word(self.regs + self.of.regs[name])

    def _bp(self, entry: Orc, sp: int) -> int:
        """The caller's frame pointer."""
        if entry.bp_reg == orc.PREV_SP:
            return self.word(sp + entry.bp_offset)
        if entry.bp_reg == orc.BP:
            return self.word(self.bp + entry.bp_offset)
        if self.regs and self.is_full:
            return self.word(self.regs + self.of.regs["bp"])
        return self.bp

    def _through(self, at: int, *, is_full: bool) -> str:
        """An exception: its pt_regs, or the last five words of them, lie at a VA."""
        offsets = self.of.regs
        base = at if is_full else at - offsets["ip"]
        ip, cs, sp = (self.word(base + offsets[name]) for name in ("ip", "cs", "sp"))
        if cs & _USER:
            return f"whole: entered from user space, at {ip:#x}"
        self.ip, self.sp, self.regs, self.is_full = ip, sp, base, is_full
        self.is_exact = True
        return ""


class _ByFramePointer(_Walk):
    """By rbp: each frame has the caller's, and the return address behind it."""

    def step(self) -> str:
        if not self.bp:
            return _entered(self.frames)
        if self.bp < self.sp and self.frames[1:]:
            return f"!it leads from VA {self.sp:#x} back to {self.bp:#x}"
        if not any(one.low <= self.bp < one.high for one in self.stacks):
            return f"!it leads to VA {self.bp:#x}, which is in no stack of this task or its CPU that is known"
        self.bp, self.ip, self.sp = self.word(self.bp), self.word(self.bp + 8), self.bp + 16
        self.is_exact = False
        return ""


def _entered(frames: list[Frame]) -> str:
    name = frames[-1].place.symbol if frames and frames[-1].place else ""
    if name.startswith("ret_from_fork"):
        return f"whole: the task began at {name}"
    return f"whole: its first function is {name or 'not known'}"
