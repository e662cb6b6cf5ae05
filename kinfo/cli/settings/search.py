"""Where settings files are looked for. This runs with every command: some stats, and nothing imported.

A project's file is the nearest from the working folder up to the root of its repository (the folder with .git), never above
the home folder; outside of a repository the working folder alone counts: what somebody left in /tmp is no project's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

NAMES = ("kinfo.toml", "pyproject.toml")
OFF = "KINFO_NO_SETTINGS"
_ENOUGH = 1 << 16  # bytes of a file: one that is longer may have them behind


def is_off(environment: Mapping[str, str]) -> bool:
    """Whether the environment forbids settings."""
    return environment.get(OFF, "0") not in ("", "0")


def project_files() -> list[str]:
    """Files that may be the project's, nearest first. A pyproject.toml need not say anything of kinfo."""
    try:
        folder = os.getcwd()
    except OSError:  # it is gone
        return []
    home, found = os.path.expanduser("~"), list[str]()
    for at in _upwards(folder):
        found += [path for name in NAMES if os.path.exists(path := os.path.join(at, name))]
        if os.path.exists(os.path.join(at, ".git")):
            return found
        if at == home:
            break
    return [path for path in found if os.path.dirname(path) == folder]


def _upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def user_file(environment: Mapping[str, str]) -> str:
    """Where the user's own settings are, whether they are there or not."""
    base = environment.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):  # "should be ignored", says the XDG specification
        base = os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "kinfo", "kinfo.toml")


def is_any(environment: Mapping[str, str]) -> bool:
    """Whether there may be settings at all."""
    if is_off(environment):
        return False
    if any(name.startswith("KINFO_") for name in environment):
        return True
    return any(map(_may_speak, project_files())) or os.path.exists(user_file(environment))


def _may_speak(path: str) -> bool:
    """Whether a file may have settings: a pyproject.toml does not as a rule, and reading it right takes seven modules."""
    if os.path.basename(path) != "pyproject.toml":
        return True
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO without a writer is empty
        try:
            data = os.read(handle, _ENOUGH)
        finally:
            os.close(handle)
    except OSError:  # it is said by whoever reads it
        return True
    bare = data.translate(None, b" \t\"'")
    return len(data) == _ENOUGH or b"tool.kinfo" in bare or b"[tool]" in bare
