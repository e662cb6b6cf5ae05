"""Ctrl-C: quiet at any moment. While modules are imported it ends the process at once; a command gets a KeyboardInterrupt."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def end_at_once() -> None:
    """From now on Ctrl-C ends the process without a word: there is nothing to tidy up.

    Where it is ignored (`nohup`, a job in the background) or somebody else's, it stays so.
    """
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _end):
        signal.signal(signal.SIGINT, _end)
        sys.unraisablehook = _unraisable


def raise_again() -> None:
    """From now on Ctrl-C is a KeyboardInterrupt, for whoever has files or children to tidy up."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _unraisable(what: Any) -> None:
    """An interrupt that came where Python cannot raise it (in a finaliser) would be printed and lost."""
    if what.exc_type is not None and issubclass(what.exc_type, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    sys.__unraisablehook__(what)
