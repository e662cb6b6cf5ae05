"""Which guests there are, and what is asked of the machine that makes them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class GuestError(Exception):
    """A guest could not be made; the message is one line for whoever asked."""


class Machine(NamedTuple):
    """How QEMU runs an architecture: its program, the Debian package that has it, board, MiB of memory, console's device."""

    program: str
    package: str
    board: str
    memory: int
    console: str


MACHINES = {
    "arm64": Machine("qemu-system-aarch64", "qemu-system-arm", "virt", 256, "ttyAMA0"),
    "armhf": Machine("qemu-system-arm", "qemu-system-arm", "virt", 256, "ttyAMA0"),
    "amd64": Machine("qemu-system-x86_64", "qemu-system-x86", "pc", 384, "ttyS0"),
}


class Guest(NamedTuple):
    """A kernel series on a CPU. `package` matches the names of its packages in `suites`, of which the newest is taken.

    `beside` are the packages that hold its configuration and modules, where it is another one: {} is the version in the name.
    """

    name: str
    package: str
    cpu: str
    suites: tuple[str, ...] = ("bookworm", "bookworm-backports", "bookworm-security")
    arch: str = "arm64"
    beside: tuple[str, ...] = ()
    has_record: bool = True  # whether facts of others suffice for one (they do on arm64 from 6.0 to 6.18)

    @property
    def machine(self) -> Machine:
        """What runs it."""
        return MACHINES[self.arch]


# What lies in a guest's folder, and how it was made: a folder of another number is old, and made anew.
FORM = 2
_TRIXIE = ("trixie", "trixie-backports", "trixie-security")
_SPLIT = ("linux-base-{}", "linux-modules-{}")  # since 6.19

GUESTS = (
    Guest("6.1", r"linux-image-6\.1\.[0-9-]+-arm64", "cortex-a57"),  # has no KALLSYMS_ALL
    Guest("6.12", r"linux-image-6\.12\.[0-9.+deb-]+-arm64", "cortex-a57"),
    Guest("6.12-16k", r"linux-image-6\.12\.[0-9.+deb-]+-arm64-16k", "cortex-a76", _TRIXIE),  # the A57 knows no 16K granule
    Guest("6.12-max", r"linux-image-6\.12\.[0-9.+deb-]+-arm64", "max,pauth-impdef=on"),  # 52-bit VA; QARMA is slow to emulate
    Guest(
        "5.10", r"linux-image-5\.10\.[0-9-]+-arm64", "cortex-a57", ("bullseye", "bookworm"), has_record=False
    ),  # busybox of bookworm: it has base64
    Guest("6.18", r"linux-image-6\.18\.[0-9.+deb-]+-arm64", "cortex-a57", _TRIXIE),
    Guest("newest", r"linux-binary-[0-9.]+\+deb13-arm64", "cortex-a57", _TRIXIE, beside=_SPLIT, has_record=False),
    Guest("newest-16k", r"linux-binary-[0-9.]+\+deb13-arm64-16k", "cortex-a76", _TRIXIE, beside=_SPLIT, has_record=False),
    Guest("6.1-amd64", r"linux-image-6\.1\.[0-9-]+-amd64", "qemu64,+rdrand", arch="amd64", has_record=False),
    Guest("newest-amd64", r"linux-binary-[0-9.]+\+deb13-amd64", "max", _TRIXIE, "amd64", _SPLIT, has_record=False),
)


def cache_folder() -> Path:
    """Where guests are kept: $KINFO_GUESTS, or the user's cache."""
    return Path(os.environ.get("KINFO_GUESTS") or Path.home() / ".cache/kinfo/guests").absolute()


def is_made(folder: Path) -> bool:
    """Whether a guest's folder is there, and holds what this code would put into it."""
    try:
        return bool(json.loads((folder / "meta.json").read_text()).get("form") == FORM)
    except (OSError, ValueError):
        return False


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
