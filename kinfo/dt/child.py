"""dtschema in a process of its own: bounded in memory and processor time, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from time import sleep
from typing import TYPE_CHECKING, Self

from kinfo.named import NamedTuple

if TYPE_CHECKING:
    import subprocess

    from kinfo.dt.forked import Forked

# The kernel kills it with its parent, however that ends: prctl(PR_SET_PDEATHSIG, SIGKILL), asked too late where the parent is
# gone already.
_TIED = "import ctypes, os; ctypes.CDLL(None).prctl(1, 9); os.getppid() == {parent} or os._exit(1)\n"
_GLANCE = 0.02  # seconds between two looks whether it has ended
_SAID = 300  # letters of a message that are shown
_TICKS = os.sysconf("SC_CLK_TCK")


class Limits(NamedTuple):
    """What a child may use.

    `seconds` of processor time for each thing that is asked of it, which a busy machine does not use up; `wall`: seconds
    until one that does nothing at all is given up; `memory`: bytes.
    """

    seconds: int = 20
    wall: float = 120
    memory: int = 512 << 20


class Child:
    """A Python process that runs `code`, which waits for what it is asked. It is gone when `end` returns.

    The thread that makes it must live as long: the kernel (PR_SET_PDEATHSIG) takes a thread for the parent. `shared` are
    open files that it has too, their numbers its arguments; `answers`: whether it answers on standard output. `ahead`: this
    process has just begun, so that the child may be a copy of it.
    """

    def __init__(
        self, code: str, limits: Limits, *, shared: Sequence[int] = (), answers: bool = False, ahead: bool = False
    ) -> None:
        import resource

        self._limits = limits
        self._said = os.memfd_create("said")  # a file of no name, which tempfile would take long to be imported for
        try:
            copied = _copied(code, self._said, shared) if ahead else None
            self._process = copied or _spawned(code, self._said, shared, answers=answers)
        except BaseException:
            os.close(self._said)
            raise
        self._limit(resource.RLIMIT_AS, limits.memory, limits.memory)
        self._limit(resource.RLIMIT_CORE, 0, 0)
        self.allow()

    def __enter__(self) -> Self:
        """Leaving it ends the process."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()

    def _limit(self, what: int, soft: int, hard: int) -> None:
        import resource

        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self._process.pid, what, (soft, hard))

    def allow(self) -> None:
        """So much processor time from now on: SIGXCPU ends it then. The hard limit stays what it was."""
        import resource

        with contextlib.suppress(ProcessLookupError):
            _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_CPU)
            soft = int(self.used()) + 1 + self._limits.seconds
            self._limit(resource.RLIMIT_CPU, soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)

    def used(self) -> float:
        """Processor time so far, in seconds (/proc/PID/stat: utime and stime); 0 where it is gone."""
        try:
            with open(f"/proc/{self._process.pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def answers(self) -> int:
        """Its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def tell(self, what: bytes) -> None:
        """Write to its standard input. Raises BrokenPipeError."""
        assert self._process.stdin is not None
        self._process.stdin.write(what)

    def run(self, arguments: Sequence[str]) -> str:
        """Let it run; what went wrong, or nothing."""
        with contextlib.suppress(BrokenPipeError):
            self.tell("\0".join(arguments).encode())
        self._close()
        return self.fate()

    def fate(self) -> str:
        """Wait for its end: what it died of, or nothing."""
        used = self.used()
        while (code := self._ended()) is None:
            if (now := self.used()) <= used:
                return self.idle()
            used = now
        if code == -signal.SIGXCPU:
            return f"did not come to an end in {self._limits.seconds} seconds of processor time"
        if code < 0:
            return f"was killed by signal {-code}"
        lines = self._words()
        return f"failed: {lines[-1][:_SAID] if lines else f'exit code {code}'}" if code else ""

    def _ended(self) -> int | None:
        """Its exit code; None where it has not ended after so long as one that does nothing may take."""
        for _ in range(int(self._limits.wall / _GLANCE) + 1):
            if (code := self._process.poll()) is not None:
                return code
            sleep(_GLANCE)
        return None

    def idle(self) -> str:
        """What is said of one that does nothing."""
        return f"did not come to an end in {self._limits.wall:g} seconds"

    def _words(self) -> list[str]:
        return os.pread(self._said, 1 << 20, 0).decode(errors="replace").strip().splitlines()

    def end(self) -> None:
        """Kill it where it still runs, and close its pipes."""
        self._process.kill()
        self._process.wait()
        self._close()
        if self._process.stdout:
            self._process.stdout.close()
        if self._said >= 0:
            os.close(self._said)
            self._said = -1

    def _close(self) -> None:
        """Say that nothing more will be asked."""
        if self._process.stdin:
            self._process.stdin.close()


def _copied(code: str, said: int, shared: Sequence[int]) -> Forked | None:
    import json  # noqa: F401  # both need it: it is imported once

    from kinfo.dt.forked import Forked, can_fork

    return Forked(code, said, shared) if can_fork((said, *shared)) else None


def _spawned(code: str, said: int, shared: Sequence[int], *, answers: bool) -> subprocess.Popen[bytes]:
    """In an interpreter of its own, which does not look for modules where the user stands (-P)."""
    import subprocess

    return subprocess.Popen(  # noqa: S603  # our own interpreter, our own code
        [sys.executable, "-P", "-c", _TIED.format(parent=os.getpid()) + code, *map(str, shared)],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if answers else subprocess.DEVNULL,
        stderr=said,
        pass_fds=shared,
    )
