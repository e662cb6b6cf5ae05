"""Ctrl-C, and what else tells a process to end: quiet at any moment.

While modules are imported it ends the process at once; a command gets a KeyboardInterrupt, and takes what it began away.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from kinfo.typed import Any

_SIGNALLED = 128  # and the signal's number: exit codes as shells have them
INTERRUPTED = _SIGNALLED + signal.SIGINT
_STOPS = (signal.SIGTERM, signal.SIGHUP)  # a service manager, `timeout`, a terminal that is closed


def end_at_once() -> None:
    """From now on Ctrl-C ends the process without a word: there is nothing to tidy up.

    Where it is ignored (`nohup`, a job in the background) or somebody else's, it stays so.
    """
    for number in _STOPS:
        if signal.getsignal(number) is _raise:
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _end):
        signal.signal(signal.SIGINT, _end)
        sys.unraisablehook = _unraisable


def raise_again() -> None:
    """From now on Ctrl-C is a KeyboardInterrupt, for whoever has files or children to tidy up."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def raise_stops() -> None:
    """From now on the other signals that end a process are a KeyboardInterrupt too, where nobody else handles them."""
    for number in _STOPS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _raise)


def code_of(what: KeyboardInterrupt) -> int:
    """The exit code of a process that was told to end."""
    return _SIGNALLED + what.args[0] if what.args else INTERRUPTED


def _raise(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _unraisable(what: Any) -> None:
    """An interrupt that came where Python cannot raise it (in a finaliser) would be printed and lost."""
    if what.exc_type is not None and issubclass(what.exc_type, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(what)
