"""The schema check: dt-validate over the part of a tree that bears on kinfo, in a child process with limits.

dtschema and the libfdt under it can crash, hang and grow on hostile trees, and they replace the SIGINT handler on import: so
they run in a process of their own, one tree each. Nothing else in kinfo knows dtschema. Its processed schema is bound to its
exact version, so it is made on first use and kept in `cache`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from kinfo.dt.board import Board
from kinfo.dt.check.schema import SCHEMA_FAILED, findings
from kinfo.dt.excerpt import excerpt
from kinfo.dt.profiles import Profile
from kinfo.errors import KinfoError
from kinfo.findings import Finding, Severity

_VALIDATE = "from dtschema.dtb_validate import main; main()"
_PROCESS = "from dtschema.mk_schema import main; main()"
_OURS = "google,debug-kinfo:google,kinfo:debug-kinfo-region"  # dt-validate -l: parts of our schemas' $id
_SECONDS = 20
_MEMORY = 512 << 20
_SAID = 300  # letters of a message that are shown


class SchemaTool(NamedTuple):
    """How the schema check is run: where its processed schemas are kept, and its limits (seconds, bytes)."""

    cache: Path
    seconds: float = _SECONDS
    memory: int = _MEMORY


def bindings_folder() -> Path:
    """Where the bindings are: in the installed package, or beside it in a source tree."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "bindings"
    return inside if inside.is_dir() else package.parent / "bindings"


def check(board: Board, tool: SchemaTool) -> Iterator[Finding]:
    """What dt-validate says of the board. Raises KinfoError when dtschema is not installed or the cache cannot be written."""
    if not board.nodes:
        return
    if zero := _endless(board):
        yield SCHEMA_FAILED.at(zero, "dt-validate would not come to an end: it does not expect 0 cells", Severity.WARNING)
        return
    schema = processed(board.profile, tool)
    with tempfile.TemporaryDirectory(prefix="kinfo-") as folder:
        blob, out = Path(folder, "tree.dtb"), Path(folder, "said.json")
        blob.write_bytes(excerpt(board))
        arguments = ["-s", str(schema), "-l", _OURS, "--json-output", str(out), str(blob)]
        problem = _run(_VALIDATE, arguments, tool)
        if problem:
            yield SCHEMA_FAILED.at("/", f"dt-validate {problem}")
            return
        yield from findings(json.loads(out.read_bytes()))


def processed(profile: Profile, tool: SchemaTool) -> Path:
    """The profile's schema as dt-validate loads it fast; made by dt-mk-schema where it is not there yet."""
    sources = sorted((bindings_folder() / profile.name).rglob("*.yaml"))
    if not sources:
        raise KinfoError(f"{bindings_folder()}: no bindings of profile {profile.name}", "install kinfo again")
    digest = sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    path = tool.cache / f"{profile.name}-{_version()}-{digest}.json"
    if not path.is_file():
        _make(path, sources, tool)
    return path


def _version() -> str:
    """Dtschema's version, without the time that importing it or its metadata takes."""
    found = find_spec("dtschema")
    if found is None or not found.submodule_search_locations:
        raise KinfoError(
            "dtschema is not installed", "pip install dtschema, or leave the schema out with --no-schema"
        )
    text = Path(next(iter(found.submodule_search_locations)), "version.py").read_text(encoding="utf-8")
    return next((word.strip("'\"") for word in text.split() if word[:1] in "'\"" and word[1:2].isdigit()), "unknown")


def _make(path: Path, sources: Sequence[Path], tool: SchemaTool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".json")
    except OSError as error:
        raise KinfoError(
            f"{path.parent}: cannot keep the processed schema: {error.strerror}", "set XDG_CACHE_HOME to a folder that can be written"
        ) from error
    os.close(handle)
    try:
        problem = _run(_PROCESS, ["-j", "-o", temporary, *map(str, sources)], tool)
        if problem or not os.path.getsize(temporary):
            raise KinfoError(f"dt-mk-schema {problem or 'wrote nothing'}", "leave the schema out with --no-schema")
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _run(code: str, arguments: Sequence[str], tool: SchemaTool) -> str:
    """Run one of dtschema's commands; what went wrong, or nothing. The child is gone when this returns, however it does."""
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(  # noqa: S603  # our own interpreter, our own arguments
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        try:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(child.pid, resource.RLIMIT_AS, (tool.memory, tool.memory))
                seconds = int(tool.seconds) + 1
                resource.prlimit(child.pid, resource.RLIMIT_CPU, (seconds, seconds))
            _, said = child.communicate(timeout=tool.seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            return f"did not come to an end in {tool.seconds:g} seconds"
        except BaseException:
            child.kill()
            raise
    if not child.returncode:
        return ""
    if child.returncode < 0:
        return f"was killed by signal {-child.returncode}"
    lines = said.decode(errors="replace").strip().splitlines()
    return f"failed: {lines[-1][:_SAID] if lines else f'exit code {child.returncode}'}"


def _endless(board: Board) -> str:
    """The node whose cells are all 0 while a child has reg: dtschema then loops for ever."""
    for node in (board.parent, board.tree.root):
        if node is not None and not any((node.cells("#address-cells") or (1,)) + (node.cells("#size-cells") or (1,))):
            return node.path
    return ""
