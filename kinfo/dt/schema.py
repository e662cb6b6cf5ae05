"""The schema check: dt-validate over the part of a tree that bears on kinfo, in a child process with limits.

dtschema and the libfdt under it can crash, hang and grow on hostile trees, and they replace the SIGINT handler on import: so
they run in a process of their own, one tree each. Nothing else in kinfo knows dtschema. Its processed schema is bound to its
exact version, so it is made on first use and kept in a folder of the user's.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

from kinfo.errors import KinfoError

if TYPE_CHECKING:
    import subprocess

    from kinfo.dt.board import Board
    from kinfo.dt.profiles import Profile
    from kinfo.findings import Finding

# The child imports first (most of its time) and then waits for its arguments; with none it goes.
# It also leaves without taking the interpreter apart, which is a tenth of its time.
_ARGUMENTS = "import os, sys; sys.argv[1:] = sys.stdin.read().split('\\0'); any(sys.argv[1:]) and main(); os._exit(0)"
_VALIDATE = f"from dtschema.dtb_validate import main; {_ARGUMENTS}"
_PROCESS = f"from dtschema.mk_schema import main; {_ARGUMENTS}"
_OURS = "google,debug-kinfo:google,kinfo:debug-kinfo-region"  # dt-validate -l: parts of our schemas' $id
_SECONDS = 20
_MEMORY = 512 << 20
_LARGEST = 256 << 10  # bytes of the nodes it is shown; boards have some hundred
_SAID = 300  # letters of a message that are shown


class SchemaTool(NamedTuple):
    """How the schema check is run: where its processed schemas are kept, and its limits (seconds, bytes)."""

    cache: str
    seconds: float = _SECONDS
    memory: int = _MEMORY


class SchemaCheck:
    """dt-validate for the trees of one file; `ahead` starts the first child at once, while the file is being read."""

    def __init__(self, tool: SchemaTool, *, ahead: bool = False) -> None:
        self.tool = tool
        self._waiting = _Child(_VALIDATE, tool) if ahead else None
        self._known: dict[tuple[str, bytes], tuple[Finding, ...]] = {}  # boards of one image often share their kinfo nodes

    def __enter__(self) -> Self:
        """Leaving it ends a child that was not needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """End a child that was not needed."""
        if self._waiting:
            self._waiting.end()

    def check(self, board: Board) -> tuple[Finding, ...]:
        """What dt-validate says of the board. Raises KinfoError: dtschema is missing, the cache cannot be written."""
        if not board.nodes:
            return ()
        from kinfo.dt.check.schema import SCHEMA_FAILED
        from kinfo.dt.excerpt import excerpt
        from kinfo.findings import Severity

        shown = excerpt(board)
        if zero := _endless(board):
            message = "dt-validate would not come to an end: it does not expect 0 cells"
            return (SCHEMA_FAILED.at(zero, message, Severity.WARNING),)
        if len(shown) > _LARGEST:
            message = f"the kinfo nodes have {len(shown)} bytes: dt-validate would take minutes"
            return (SCHEMA_FAILED.at("/", message, Severity.WARNING),)
        key = (board.profile.name, shown)
        if key not in self._known:
            self._known[key] = tuple(self._validate(shown, processed(board.profile, self.tool)))
        return self._known[key]

    def _validate(self, shown: bytes, schema: str) -> Iterator[Finding]:
        import json
        import tempfile

        from kinfo.dt.check.schema import SCHEMA_FAILED, findings

        child, self._waiting = self._waiting or _Child(_VALIDATE, self.tool), None
        with child, tempfile.TemporaryDirectory(prefix="kinfo-") as folder:
            blob, out = os.path.join(folder, "tree.dtb"), os.path.join(folder, "said.json")
            with open(blob, "wb") as file:
                file.write(shown)
            if problem := child.run(["-s", schema, "-l", _OURS, "--json-output", out, blob]):
                yield SCHEMA_FAILED.at("/", f"dt-validate {problem}")
                return
            with open(out, "rb") as file:
                yield from findings(json.load(file))


class _Child:
    """One of dtschema's commands, waiting for its arguments. It is gone when `run` or `end` returns, however they do."""

    def __init__(self, code: str, tool: SchemaTool) -> None:
        import resource
        import subprocess

        self._seconds = tool.seconds
        pipe = subprocess.PIPE
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  # our own interpreter, our own code
            [sys.executable, "-c", code], stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe
        )
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self._process.pid, resource.RLIMIT_AS, (tool.memory, tool.memory))
            resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (int(tool.seconds) + 1,) * 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def run(self, arguments: Sequence[str]) -> str:
        """Let it run; what went wrong, or nothing."""
        import subprocess

        try:
            _, said = self._process.communicate("\0".join(arguments).encode(), timeout=self._seconds)
        except subprocess.TimeoutExpired:
            return f"did not come to an end in {self._seconds:g} seconds"
        code = self._process.returncode
        if code < 0:
            return f"was killed by signal {-code}"
        lines = said.decode(errors="replace").strip().splitlines()
        return f"failed: {lines[-1][:_SAID] if lines else f'exit code {code}'}" if code else ""

    def end(self) -> None:
        """Kill it where it still runs, and close its pipes."""
        self._process.kill()
        self._process.communicate()


def bindings_folder() -> str:
    """Where the bindings are: in the installed package, or beside it in a source tree."""
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    inside = os.path.join(package, "bindings")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), "bindings")


def _sources(profile: Profile) -> list[str]:
    folder = os.path.join(bindings_folder(), profile.name)
    found = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names if name.endswith(".yaml")]
    if not found:
        raise KinfoError(f"{folder}: has no bindings", "install kinfo again")
    return sorted(found)


def processed(profile: Profile, tool: SchemaTool) -> str:
    """The profile's schema as dt-validate loads it fast; made by dt-mk-schema where it is not there yet."""
    import zlib

    sources, digest = _sources(profile), 0
    for source in sources:
        with open(source, "rb") as file:
            digest = zlib.crc32(file.read(), digest)
    path = os.path.join(tool.cache, f"{profile.name}-{_version()}-{digest:08x}.json")
    if not os.path.isfile(path):
        _make(path, sources, tool)
    return path


def _version() -> str:
    """Dtschema's version, without the time that importing it or its metadata takes."""
    from importlib.util import find_spec

    found = find_spec("dtschema")
    if found is None or not found.submodule_search_locations:
        raise KinfoError("dtschema is not installed", "pip install dtschema, or leave the schema out with --no-schema")
    with open(os.path.join(next(iter(found.submodule_search_locations)), "version.py"), encoding="utf-8") as file:
        text = file.read()
    return next((word.strip("'\"") for word in text.split() if word[:1] in "'\"" and word[1:2].isdigit()), "unknown")


def _make(path: str, sources: Sequence[str], tool: SchemaTool) -> None:
    import tempfile

    try:
        os.makedirs(tool.cache, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=tool.cache, suffix=".json")
    except OSError as error:
        message = f"{tool.cache}: cannot keep the processed schema: {error.strerror}"
        raise KinfoError(message, "set XDG_CACHE_HOME to a folder that can be written") from error
    os.close(handle)
    try:
        with _Child(_PROCESS, tool) as child:
            problem = child.run(["-j", "-o", temporary, *sources])
        if problem or not os.path.getsize(temporary):
            raise KinfoError(f"dt-mk-schema {problem or 'wrote nothing'}", "leave the schema out with --no-schema")
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _endless(board: Board) -> str:
    """The node whose cells are all 0 while a child has reg: dtschema then loops for ever."""
    for node in (board.parent, board.tree.root):
        if node is not None and not any((node.cells("#address-cells") or (1,)) + (node.cells("#size-cells") or (1,))):
            return node.path
    return ""
