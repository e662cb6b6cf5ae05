"""One of dtschema's commands in a process of its own: bounded in memory and processor time, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    import subprocess

# The kernel kills it with its parent, however that ends: prctl(PR_SET_PDEATHSIG, SIGKILL), asked too late where the parent is
# gone already.
_TIED = "import ctypes, os; ctypes.CDLL(None).prctl(1, 9); os.getppid() == {parent} or os._exit(1)\n"
_SAID = 300  # letters of a message that are shown


class Limits(NamedTuple):
    """What a child may use.

    `seconds` of processor time, which a busy machine does not use up; `wall`: seconds until one that does nothing at all is
    given up; `memory`: bytes.
    """

    seconds: int = 20
    wall: float = 120
    memory: int = 512 << 20


class Child:
    """A Python process that runs `code`, which waits for its arguments. It is gone when `end` returns.

    The thread that makes it must live as long: the kernel (PR_SET_PDEATHSIG) takes a thread for the parent.
    """

    def __init__(self, code: str, limits: Limits) -> None:
        import resource
        import subprocess

        self._limits = limits
        pipe = subprocess.PIPE
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  # our own interpreter, our own code
            [sys.executable, "-c", _TIED.format(parent=os.getpid()) + code],
            stdin=pipe,
            stdout=subprocess.DEVNULL,
            stderr=pipe,
        )
        for what, soft, hard in (
            (resource.RLIMIT_AS, limits.memory, limits.memory),
            (resource.RLIMIT_CPU, limits.seconds, limits.seconds + 1),  # SIGXCPU at the first, SIGKILL at the second
            (resource.RLIMIT_CORE, 0, 0),
        ):
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(self._process.pid, what, (soft, hard))

    def __enter__(self) -> Self:
        """Leaving it ends the process."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.end()

    def run(self, arguments: Sequence[str]) -> str:
        """Let it run; what went wrong, or nothing."""
        import subprocess

        try:
            _, said = self._process.communicate("\0".join(arguments).encode(), timeout=self._limits.wall)
        except subprocess.TimeoutExpired:
            return f"did not come to an end in {self._limits.wall:g} seconds"
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            return f"did not come to an end in {self._limits.seconds} seconds of processor time"
        if code < 0:
            return f"was killed by signal {-code}"
        lines = said.decode(errors="replace").strip().splitlines()
        return f"failed: {lines[-1][:_SAID] if lines else f'exit code {code}'}" if code else ""

    def end(self) -> None:
        """Kill it where it still runs, and close its pipes."""
        self._process.kill()
        self._process.communicate()
