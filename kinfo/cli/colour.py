"""Whether output has colours: --color, and what the environment asks for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from kinfo.cli.declare import Choice, Parameter

WHEN = ("auto", "always", "never")
HELP = "Colours: on a terminal, always or never."
_CHOSEN: ContextVar[str] = ContextVar("color", default=WHEN[0])
PREFERRED: ContextVar[str] = ContextVar("preferred", default=WHEN[0])
"""What settings say: it holds where neither --color nor the environment decides."""


@contextmanager
def _kept(value: str | None) -> Iterator[None]:
    before = _CHOSEN.set(_CHOSEN.get() if value is None else value)  # one for the group and its commands
    try:
        yield
    finally:
        _CHOSEN.reset(before)


# --color, before the command or after it; the one after it holds.
OPTION = Parameter("color", ("--color",), Choice(WHEN), metavar="|".join(WHEN), help=HELP, effect=_kept)


def chosen() -> str:
    """What --color says."""
    return _CHOSEN.get()


def is_on(when: str, environment: Mapping[str, str], *, is_terminal: bool, preferred: str = WHEN[0]) -> bool:
    """Whether there are colours. In this order: --color, NO_COLOR, FORCE_COLOR, settings, a terminal that is not TERM=dumb.

    CLICOLOR_FORCE is another name of FORCE_COLOR. A variable that is empty says nothing; FORCE_COLOR=0 neither.
    """
    if when != "auto":
        return when == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if preferred != "auto":
        return preferred == "always"
    return is_terminal and environment.get("TERM") != "dumb"


def is_wanted() -> bool:
    """Whether there are colours on standard output."""
    return is_on(chosen(), os.environ, is_terminal=sys.stdout.isatty(), preferred=PREFERRED.get())
