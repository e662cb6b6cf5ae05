"""Devicetree source, compiled by dtc where that is installed; through the C preprocessor where it has #include."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kinfo.dt.places import SourcePlace, places_of
from kinfo.errors import TreeError

_SECONDS = 10
_MEMORY = 512 << 20
_MAX_BLOB = 64 << 20
_SAID = 300


def is_source(name: str, data: bytes) -> bool:
    """Whether a file is devicetree source: by its name, or by the tag that begins it."""
    return name.endswith((".dts", ".dtso")) or b"/dts-v1/" in data[:8192]


def compiled(name: str, data: bytes, include: Sequence[str]) -> bytes:
    """The blob of a source. Raises TreeError with dtc's message, or the package to install."""
    folders, data = _preprocessed(name, data, include, lines=False)
    return _run(name, ["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", *folders, "-"], data)


def placed(name: str, data: bytes, include: Sequence[str]) -> dict[str, SourcePlace]:
    """Where the source has its nodes and properties; empty where dtc (before 1.5) cannot say it."""
    try:
        folders, expanded = _preprocessed(name, data, include, lines=True)
        columns = ["-T"] if expanded == data else []  # those of what cpp wrote are not the source's
        said = _run(name, ["dtc", "-q", "-T", *columns, "-I", "dts", "-O", "dts", *folders, "-"], expanded)
    except TreeError:
        return {}
    return places_of(said.decode("utf-8", "replace"), name)


def _preprocessed(name: str, data: bytes, include: Sequence[str], *, lines: bool) -> tuple[list[str], bytes]:
    """Folders for dtc, and the source through cpp where it needs that; with `lines` it says where each line came from."""
    folders = [os.path.dirname(os.path.abspath(name)), *include]
    if b"#include" in data or b"#define" in data:
        arguments = ["cpp", "-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp", *([] if lines else ["-P"])]
        data = _run(name, [*arguments, *(f"-I{one}" for one in folders), "-"], data)
    return [f"-i{one}" for one in folders], data


def decompiled(name: str, blob: bytes) -> bytes:
    """A blob as source, by dtc. Raises TreeError with its message, or the package to install."""
    return _run(name, ["dtc", "-q", "-I", "dtb", "-O", "dts", "-"], blob, "is to be written as source")


def _run(name: str, command: Sequence[str], data: bytes, what: str = "is source") -> bytes:
    import contextlib
    import resource
    import subprocess

    try:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    except FileNotFoundError:
        package = {"dtc": "device-tree-compiler", "cpp": "cpp"}[command[0]]
        raise TreeError(f"{name}: {what}, and {command[0]} is not installed", f"apt-get install {package}") from None
    with child:
        try:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(child.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
                resource.prlimit(child.pid, resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
            out, said = child.communicate(data, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            raise TreeError(f"{name}: {command[0]} takes more than {_SECONDS} seconds", "compile it first") from None
        except BaseException:
            child.kill()
            raise
    if child.returncode or len(out) > _MAX_BLOB:
        lines = said.decode(errors="replace").strip().splitlines() or [f"exit code {child.returncode}"]
        raise TreeError(f"{name}: {command[0]} failed: {lines[0][:_SAID]}", "mend the source, or give --include DIR")
    return out
