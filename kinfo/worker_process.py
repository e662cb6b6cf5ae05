"""One process that works for `workers.py`: forked, with a pipe for what it is given and one for what it answers."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic, sleep
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

L = TypeVar("L")
_LENGTH = 4  # bytes before each message
_PATIENCE, _GLANCE = 500, 0.02  # how often, and every how many seconds, a worker that was told to stop is looked at
_FIRST_TO_GO = b"500"  # of -1000 to 1000, proc(5): where memory runs out the kernel takes a worker, and not its parent


class Answer(NamedTuple):
    """The answers to what was given together, and how many seconds they took."""

    values: list[Any]
    seconds: float


class WorkerProcess(Generic[L]):
    """As its parent sees it. `lots`: what it was given and has not answered, in order; `inbox`, `outbox`: our ends."""

    def __init__(self, pid: int, inbox: int, outbox: int) -> None:
        self.pid, self.inbox, self.outbox = pid, inbox, outbox
        self.lots: deque[L] = deque()
        self._is_open = True

    def give(self, lot: L, items: list[Any], *, most: int | None) -> bool:
        """Hand it items; not where they take more than `most` bytes. A dead one takes them as well: see `received`."""
        data = pickle.dumps(items, pickle.HIGHEST_PROTOCOL)
        if most is not None and len(data) > most:
            return False
        with contextlib.suppress(BrokenPipeError):
            _write(self.inbox, data)
        self.lots.append(lot)
        return True

    def received(self) -> Answer | None:
        """What it has answered; None when it is dead."""
        data = _read(self.outbox)
        return None if data is None else Answer(*pickle.loads(data))  # noqa: S301  # our own process wrote it

    def finish(self) -> None:
        """Let it end by itself: there is nothing more to do. Waits for that."""
        self._close()
        self._waited(0)

    def stop(self) -> None:
        """Tell it to stop what it does."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def end(self) -> str:
        """Wait for the end of one that is dead or told to stop, and kill it where that takes long; how it was, in words."""
        self._close()
        for _ in range(_PATIENCE):
            if (how := self._waited(os.WNOHANG)) is not None:
                return how
            sleep(_GLANCE)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return self._waited(0) or ""

    def _waited(self, flags: int) -> str | None:
        """How it ended; None while it has not."""
        if not self.pid:
            return ""
        try:
            pid, status = os.waitpid(self.pid, flags)
        except ChildProcessError:  # somebody else has waited for every child
            self.pid = 0
            return "its end is not known"
        if not pid:
            return None
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            os.close(self.inbox)
            os.close(self.outbox)


def started(work: Callable[[Any], Any], done: Callable[[], None], alive: int, foreign: Iterable[int]) -> WorkerProcess[L]:
    """A new one. `alive`: a pipe that ends with the parent; `foreign`: the parent's ends of others' pipes. Raises OSError."""
    theirs, inbox = os.pipe()
    outbox, ours = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        for end in (theirs, inbox, outbox, ours):
            os.close(end)
        raise
    if pid == 0:
        _run(work, done, alive, theirs, ours, [inbox, outbox, *foreign])
    os.close(theirs)
    os.close(ours)
    return WorkerProcess(pid, inbox, outbox)


def _run(
    work: Callable[[Any], Any], done: Callable[[], None], alive: int, given: int, answers: int, foreign: Iterable[int]
) -> NoReturn:
    """In the worker. Ctrl-C is for the parent to handle; told to stop, or orphaned, it leaves by way of every `with`."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _leave)
        for end in foreign:
            os.close(end)
        _go_first()
        _mourn_when_ended(alive)
        try:
            _serve(work, given, answers)
        finally:
            done()
        code = 0
    except (BrokenPipeError, SystemExit):  # the parent is gone, or told it to stop
        pass
    except BaseException as error:  # noqa: BLE001  # it would be the parent's, whose stack this is a copy of
        _say(error)
    finally:
        os._exit(code)  # nothing of the parent's is flushed or tidied up twice


def _serve(work: Callable[[Any], Any], given: int, answers: int) -> None:
    while (data := _read(given)) is not None:
        began = monotonic()
        values = [work(item) for item in pickle.loads(data)]  # noqa: S301  # our own process wrote it
        _write(answers, pickle.dumps((values, monotonic() - began), pickle.HIGHEST_PROTOCOL))


def _say(error: BaseException) -> None:
    """A bug of ours that only a worker sees."""
    import traceback

    with contextlib.suppress(OSError):
        os.write(2, "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace"))


def _go_first() -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as file:
        file.write(_FIRST_TO_GO)


def _mourn_when_ended(alive: int) -> None:
    """Wait for the parent's end, however it comes, and stop then: the answers have nobody to read them."""
    from threading import Thread

    def mourn() -> None:
        os.read(alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=mourn, daemon=True).start()


def _leave(signum: int, frame: object) -> None:
    del signum, frame
    raise SystemExit(1)


def _write(end: int, data: bytes) -> None:
    """A message, behind its length. Raises BrokenPipeError where nobody can read it."""
    rest = memoryview(len(data).to_bytes(_LENGTH, "little") + data)
    while rest:
        rest = rest[os.write(end, rest) :]


def _read(end: int) -> bytes | None:
    """The next message; None at the end of the pipe, in the middle of one too."""
    head = _exactly(end, _LENGTH)
    return None if head is None else _exactly(end, int.from_bytes(head, "little"))


def _exactly(end: int, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        part = os.read(end, min(size - len(data), 1 << 20))
        if not part:
            return None
        data += part
    return bytes(data)
