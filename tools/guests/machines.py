"""Which guests there are, and what is asked of the machine that makes them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class GuestError(Exception):
    """A guest could not be made; the message is one line for whoever asked."""


class Guest(NamedTuple):
    """A kernel series on a CPU. `package` matches the names of its packages, of which the newest is taken."""

    name: str
    package: str
    cpu: str


GUESTS = (
    Guest("6.1", r"linux-image-6\.1\.[0-9-]+-arm64", "cortex-a57"),
    Guest("6.12", r"linux-image-6\.12\.[0-9.+deb-]+-arm64", "cortex-a57"),
    Guest("6.12-16k", r"linux-image-6\.12\.[0-9.+deb-]+-arm64-16k", "cortex-a76"),  # the A57 knows no 16K granule
    Guest("6.12-max", r"linux-image-6\.12\.[0-9.+deb-]+-arm64", "max,pauth-impdef=on"),  # 52-bit VA; QARMA is slow to emulate
)


def cache_folder() -> Path:
    """Where guests are kept: $KINFO_GUESTS, or the user's cache."""
    return Path(os.environ.get("KINFO_GUESTS") or Path.home() / ".cache/kinfo/guests").absolute()


def run(command: Sequence[str | Path], *, cwd: Path | None = None, limit: float = 600) -> str:
    """What a command prints. Raises GuestError with the last line of its complaint."""
    try:
        done = subprocess.run(command, cwd=cwd, timeout=limit, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise GuestError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise GuestError(f"{command[0]} did not end within {limit:.0f} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise GuestError(f"{' '.join(map(str, command[:2]))} failed: {said[-1] if said else 'without a word'}")
    return done.stdout
