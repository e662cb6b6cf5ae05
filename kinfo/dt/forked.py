"""A child that is a copy of this process: no interpreter is started for it, and what is imported here it need not import.

Only a process that has just begun can be copied so: with threads a copy may wait for a lock for ever, and a large one would
have used up the memory that it may have.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import IO, NoReturn

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST = 128 << 20  # bytes of addresses of a process that has just begun; a new Python has some 30 MB


def can_fork(handles: Iterable[int]) -> bool:
    """Whether this process is as a new one: small, with one thread, and no handle in a standard stream's place."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[0])
        return pages * _PAGE <= _MOST and len(os.listdir("/proc/self/task")) == 1 and min(handles) > 2
    except (OSError, IndexError):
        return False


class Forked:
    """The copy, which runs `code` and nothing else of this process: as much of subprocess.Popen as child.py uses.

    `said` becomes its standard error, `shared` are open files that it has too, their numbers its arguments. Raises OSError.
    """

    def __init__(self, code: str, said: int, shared: Sequence[int]) -> None:
        self.returncode: int | None = None
        asked, stdin = os.pipe()
        stdout, answers = os.pipe()
        alive, self._life = os.pipe()  # ends with this process, however that ends
        try:
            self.pid = os.fork()
        except OSError:
            for end in (asked, stdin, stdout, answers, alive, self._life):
                os.close(end)
            raise
        if self.pid == 0:
            _run(code, (asked, answers, said), alive, shared)
        for end in (asked, answers, alive):
            os.close(end)
        self.stdin: IO[bytes] = open(stdin, "wb", buffering=0)  # noqa: SIM115  # its owner closes it, as Popen's
        self.stdout: IO[bytes] = open(stdout, "rb", buffering=0)  # noqa: SIM115

    def poll(self) -> int | None:
        """Its exit code, below 0 for a signal; None while it runs."""
        return self._waited(os.WNOHANG)

    def wait(self) -> int | None:
        """The same, when it has ended."""
        return self._waited(0)

    def _waited(self, flags: int) -> int | None:
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, flags)
            except ChildProcessError:  # somebody else has waited for every child
                self.returncode = 0
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
            if self.returncode is not None:
                os.close(self._life)
        return self.returncode

    def kill(self) -> None:
        """End it at once, where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _run(code: str, streams: Sequence[int], alive: int, shared: Sequence[int]) -> NoReturn:
    """In the copy. Nothing of the parent's stack, whose copy this is, runs again."""
    status = 1
    try:
        _die_with(alive)  # before its own copy of the other end is closed: that would be the last where the parent is gone
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for place, handle in enumerate(streams):
            os.dup2(handle, place)
        _close_but({0, 1, 2, alive, *shared})
        sys.setrecursionlimit(sys.getrecursionlimit() + _depth())  # what it runs has as much room as in a process of its own
        exec(_BEGIN + code, {"__name__": "__main__", "shared": shared})  # noqa: S102  # our own
        status = 0
    except SystemExit as end:
        status = _exit_status(end)
    except BaseException:  # noqa: BLE001  # as the interpreter does at the top
        from traceback import format_exc

        os.write(2, format_exc().encode(errors="backslashreplace"))
    finally:
        os._exit(status)


# The streams as a new interpreter has them, whatever became of the parent's.
_BEGIN = """
import os, sys
sys.argv = ["-c", *map(str, shared)]
sys.stdin, sys.stdout, sys.stderr = (
    open(number, mode, buffering=1, errors="backslashreplace", closefd=False) for number, mode in enumerate("rww")
)
"""


def _die_with(alive: int) -> None:
    """Have the kernel kill this process when the other end of a pipe is closed: with the parent, which alone has it.

    O_ASYNC on a pipe that nobody writes to: fs/pipe.c, pipe_release() signals the readers when the last writer is gone.
    """
    import fcntl

    fcntl.fcntl(alive, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(alive, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(alive, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)


def _close_but(kept: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:  # the list's own
                continue


def _depth() -> int:
    frame, count = sys._getframe(), 0  # noqa: SLF001  # no other way that does not import inspect
    while frame.f_back is not None:
        frame, count = frame.f_back, count + 1
    return count


def _exit_status(end: SystemExit) -> int:
    """As the interpreter does: a number is the status, anything else is said."""
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    os.write(2, f"{end.code}\n".encode(errors="backslashreplace"))
    return 1
