"""The schema check: dt-validate over the part of a tree that bears on kinfo, in a child process with limits.

dtschema and the libfdt under it can crash, hang and grow on hostile trees, and they replace the SIGINT handler on import: so
they run in a process of their own, which serves one tree after another and is replaced when it dies or grows. Nothing else in
kinfo knows dtschema, and it need not be installed. Its processed schema is bound to its exact version, so it is made on first
use and kept in a folder of the user's.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Self

from kinfo.dt.child import Child, Limits
from kinfo.dt.servant import Died, Servant, loop
from kinfo.errors import KinfoError
from kinfo.named import NamedTuple

AGAIN = "run it again, on a quieter machine where it took too long; or leave the schema out with --no-schema"

if TYPE_CHECKING:
    from kinfo.dt.board import Board
    from kinfo.dt.profiles import Profile
    from kinfo.findings import Finding

# It leaves without taking the interpreter apart, which is a tenth of its time.
_PROCESS = (
    "import os, sys; from dtschema.mk_schema import main; sys.argv[1:] = sys.stdin.read().split('\\0'); main(); os._exit(0)"
)
_OURS = "google,debug-kinfo:google,kinfo:debug-kinfo-region"  # dt-validate -l: parts of our schemas' $id
_VALIDATE = loop(_OURS)
_LARGEST = 256 << 10  # bytes of the nodes it is shown; boards have some hundred
_OLDEST = (2026, 9)  # of dtschema: --json-output


class SchemaTool(NamedTuple):
    """How the schema check is run.

    `cache`: where processed schemas are kept; `limits` of the child, for each tree; `required`: without dtschema the verdict
    is undecided, where it would else be the rules' alone.
    """

    cache: str
    limits: Limits = Limits()
    required: bool = False


class SchemaCheck:
    """dt-validate for any number of trees; `ahead`: this process has just begun, and starts the child at once, as a copy."""

    def __init__(self, tool: SchemaTool, *, ahead: bool = False) -> None:
        self.tool = tool
        self._waiting = Servant(_VALIDATE, tool.limits, ahead=True) if ahead and not lacking() else None
        self._known: dict[tuple[str, bytes], tuple[Finding, ...]] = {}  # boards of one image often share their kinfo nodes

    def __enter__(self) -> Self:
        """Leaving it ends the child."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.end()

    def end(self) -> None:
        """End the child, where there is one; it may be used again all the same."""
        waiting, self._waiting = self._waiting, None
        if waiting:
            waiting.end()

    def check(self, board: Board) -> tuple[Finding, ...]:
        """What dt-validate says of the board, or one finding that says why it could not be asked or did not answer."""
        if not board.nodes:
            return ()
        from kinfo.dt.check.schema import SCHEMA_FAILED, without_tool
        from kinfo.dt.excerpt import excerpt

        if lack := lacking():
            return (without_tool(lack, required=self.tool.required),)
        shown = excerpt(board)
        if zero := _endless(board):
            return (SCHEMA_FAILED.at(zero, "dt-validate would not come to an end: it does not expect 0 cells"),)
        if len(shown) > _LARGEST:
            return (SCHEMA_FAILED.at("/", f"the kinfo nodes have {len(shown)} bytes: dt-validate would take minutes"),)
        key = (board.profile.name, shown)
        if key not in self._known:
            self._known[key] = self._answer(shown, board.profile)
        return self._known[key]

    def _answer(self, shown: bytes, profile: Profile) -> tuple[Finding, ...]:
        from kinfo.dt.check.schema import SCHEMA_FAILED

        try:
            return tuple(self._validate(shown, processed(profile, self.tool)))
        except KinfoError as error:
            return (SCHEMA_FAILED.at("/", error.message, remedy=error.hint),)

    def _validate(self, shown: bytes, schema: str) -> Iterator[Finding]:
        import json

        from kinfo.dt.check.schema import findings

        try:
            said = json.loads(self._ask(schema, shown))
        except ValueError as error:
            raise KinfoError("dt-validate left no report", AGAIN) from error
        yield from findings(said)

    def _ask(self, schema: str, shown: bytes) -> bytes:
        """The answer, as JSON; of a new child where one dies that had served others: what these left may have killed it."""
        servant = self._servant()
        try:
            answer = servant.ask(schema, shown)
            if servant.is_grown:
                self.end()
        except Died as died:
            self.end()
            if servant.served and not died.is_late:
                return self._ask(schema, shown)
            raise KinfoError(f"dt-validate {died.problem}", _remedy(died.problem)) from died
        except BaseException:
            self.end()  # it is in the middle of a tree
            raise
        return answer

    def _servant(self) -> Servant:
        if self._waiting and self._waiting.maker != os.getpid():
            self.end()  # a fork of the process that made it: the child is not ours
        self._waiting = self._waiting or Servant(_VALIDATE, self.tool.limits)
        return self._waiting


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
    """The profile's schema as dt-validate loads it fast; made by dt-mk-schema where it is not there yet.

    Raises KinfoError: the cache cannot be written, dt-mk-schema failed or did not end.
    """
    import zlib

    sources, digest = _sources(profile), 0
    for source in sources:
        with open(source, "rb") as file:
            digest = zlib.crc32(file.read(), digest)
    path = os.path.join(tool.cache, f"{profile.name}-{_version()}-{digest:08x}.json")
    if not os.path.isfile(path):
        _make(path, sources, tool)
    return path


def lacking() -> str:
    """Why dtschema cannot be used, as in "dtschema is not installed"; empty where it can."""
    version = _version()
    if not version:
        return "dtschema is not installed"
    numbers = tuple(int(one) for one in re.findall(r"\d+", version)[:2])
    oldest = ".".join(map(str, _OLDEST))
    return "" if not numbers or numbers >= _OLDEST else f"dtschema {version} is installed, {oldest} or newer is needed"


def _version() -> str:
    """Dtschema's version, without the time that importing it or its metadata takes; empty where it is not installed."""
    from importlib.util import find_spec

    try:
        found = find_spec("dtschema")
    except (ImportError, ValueError):  # something that forbids the import
        return ""
    if found is None or not found.submodule_search_locations:
        return ""
    try:
        with open(os.path.join(next(iter(found.submodule_search_locations)), "version.py"), encoding="utf-8") as file:
            text = file.read()
    except (OSError, StopIteration):  # a folder of that name
        return ""
    return next((word.strip("'\"") for word in text.split() if word[:1] in "'\"" and word[1:2].isdigit()), "unknown")


def _remedy(problem: str) -> str:
    """What to do about a child that failed so."""
    if "No module named" in problem or "ImportError" in problem:
        from kinfo.dt.check.schema import install_line

        return f"dtschema does not load in this Python; mend it with: {install_line()}"
    return AGAIN


def _make(path: str, sources: Sequence[str], tool: SchemaTool) -> None:
    """Make it; where another process makes one, wait for that: its processor time is bound as ours is."""
    import fcntl

    try:
        os.makedirs(tool.cache, exist_ok=True)
        folder = os.open(tool.cache, os.O_RDONLY)
    except OSError as error:
        raise _unkept(tool, error) from error
    try:
        with contextlib.suppress(OSError):  # a file system without locks: made twice, then
            fcntl.flock(folder, fcntl.LOCK_EX)
        if not os.path.isfile(path):
            _write(path, sources, tool)
    finally:
        os.close(folder)


def _write(path: str, sources: Sequence[str], tool: SchemaTool) -> None:
    import tempfile

    try:
        handle, temporary = tempfile.mkstemp(dir=tool.cache, suffix=".json")
    except OSError as error:
        raise _unkept(tool, error) from error
    os.close(handle)
    try:
        with Child(_PROCESS, tool.limits) as child:
            problem = child.run(["-j", "-o", temporary, *sources])
        if problem or not os.path.getsize(temporary):
            raise KinfoError(f"dt-mk-schema {problem or 'wrote nothing'}", _remedy(problem))
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _unkept(tool: SchemaTool, error: OSError) -> KinfoError:
    message = f"{tool.cache}: cannot keep the processed schema: {error.strerror}"
    return KinfoError(message, "set XDG_CACHE_HOME to a folder that can be written")


def _endless(board: Board) -> str:
    """The node whose cells are all 0 while a child has reg: dtschema then loops for ever."""
    for node in (board.parent, board.tree.root):
        if node is not None and not any((node.cells("#address-cells") or (1,)) + (node.cells("#size-cells") or (1,))):
            return node.path
    return ""
