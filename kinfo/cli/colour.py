"""Whether output has colours: --color, and what the environment asks for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click

WHEN = ("auto", "always", "never")
HELP = "Colours: on a terminal, always or never."
_KEY = "kinfo.color"


def option() -> click.Option:
    """--color, before the command or after it; the one after it holds."""
    return click.Option(
        ["--color"], type=click.Choice(WHEN), help=HELP, metavar="|".join(WHEN), expose_value=False, callback=_keep
    )


def _keep(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta[_KEY] = value  # one for the group and its commands


def chosen() -> str:
    """What --color says."""
    context = click.get_current_context(silent=True)
    return str(context.meta.get(_KEY, WHEN[0])) if context else WHEN[0]


def is_on(when: str, environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether there are colours. In this order: --color, NO_COLOR, FORCE_COLOR, a terminal that is not TERM=dumb.

    A variable that is empty says nothing; FORCE_COLOR=0 neither.
    """
    if when != "auto":
        return when == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def is_wanted() -> bool:
    """Whether there are colours on standard output."""
    return is_on(chosen(), os.environ, is_terminal=sys.stdout.isatty())
