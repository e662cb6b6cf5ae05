"""A child that validates one tree after another: dtschema is loaded once, and each schema once for all trees."""

from __future__ import annotations

import os
import select
from struct import Struct

from kinfo.dt.child import Child, Limits

# jsonschema tries these for formats, which dt-validate does not ask for (jsonschema 4.26: _format.py, no FormatChecker).
_UNUSED = (
    "fqdn idna isoduration jsonpointer rfc3339_validator rfc3986_validator rfc3987 rfc3987_syntax uri_template webcolors"
)
# Loaded when something of them is used: dt-validate's command line and cache do, or classes that nobody makes an object of.
_LATE = "argparse attr.validators attrs.validators hashlib zipfile"
# dtschema 2026.9: schema_group is the class behind dt-validate. It keeps phandles of one tree for the next (dtschema.dtb),
# and takes SIGINT on import. A request is a line, the schema's path in hex; the tree is in the file that is shared; an answer
# is a length and JSON. An exception ends the process: its last words are about the tree at fault, earlier ones are cut off.
_LOOP = """
import gc, importlib.util, json, os, signal, struct, sys
from importlib.machinery import PathFinder
gc.freeze()
gc.set_threshold(70_000)
answers = os.fdopen(os.dup(1), 'wb')
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
for name in {unused!r}.split():
    sys.modules.setdefault(name, None)
class Later:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in {late!r}.split() and (found := PathFinder.find_spec(name, path)):
            found.loader = importlib.util.LazyLoader(found.loader)
            return found
sys.meta_path.insert(0, Later)
from dtschema import dtb, dtb_validate
sys.meta_path.remove(Later)
signal.signal(signal.SIGINT, signal.SIG_DFL)
dtb_validate.match_schema_file = {ours!r}.split(':')
groups = {{}}
for line in sys.stdin:
    os.ftruncate(2, 0)
    os.lseek(2, 0, 0)
    dtb.phandles.clear()
    dtb.phandle_loc.clear()
    path = bytes.fromhex(line).decode('utf-8', 'surrogateescape')
    if path not in groups:
        groups[path] = dtb_validate.schema_group(path, True)
    said = json.dumps(groups[path].check_dtb('/proc/self/fd/' + sys.argv[1])).encode()
    answers.write(struct.pack('>I', len(said)) + said)
    answers.flush()
os._exit(0)
"""


def loop(ours: str) -> str:
    """The child's code; `ours`: parts of the $id of the schemas that count, as dt-validate -l takes them."""
    return _LOOP.format(ours=ours, unused=_UNUSED, late=_LATE)


_LENGTH = Struct(">I")
_LARGEST = 64 << 20  # bytes of an answer
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Died(Exception):  # noqa: N818  # no error of a tree: the caller makes one of it
    """No answer came. `problem`: why; `is_late`: it used up its time, which it would again."""

    def __init__(self, problem: str, *, is_late: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.is_late = problem, is_late


class Servant:
    """The child. It belongs to the process that made it: one that is forked off must have its own.

    `served`: how many trees it has answered for; `ahead`: see Child.
    """

    def __init__(self, code: str, limits: Limits, *, ahead: bool = False) -> None:
        self.maker, self.served = os.getpid(), 0
        self._limits = limits
        self._blob = os.memfd_create("tree")
        try:
            self.child = Child(code, limits, shared=(self._blob,), answers=True, ahead=ahead)
        except BaseException:
            os.close(self._blob)
            raise

    def ask(self, schema: str, blob: bytes) -> bytes:
        """What dt-validate says of a tree, as JSON. Raises Died; whatever is raised, end it then: it may still be at work."""
        if self.served:
            self.child.allow()
        os.ftruncate(self._blob, 0)
        os.pwrite(self._blob, blob, 0)
        try:
            self.child.tell(os.fsencode(schema).hex().encode() + b"\n")
            answer = self._answer()
        except BrokenPipeError:
            answer = b""
        if not answer:
            problem = self.child.fate()
            raise Died(problem or "left no report", is_late="come to an end" in problem)
        self.served += 1
        return answer

    def _answer(self) -> bytes:
        """The answer; empty where the child ends before it."""
        head = self._read(_LENGTH.size)
        size = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        if size > _LARGEST:
            raise Died(f"has {size} bytes to say")
        body = self._read(size)
        return body if len(body) == size else b""

    def _read(self, size: int) -> bytes:
        parts, left = [], size
        while left and (part := self._part(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _part(self, size: int) -> bytes:
        """What comes next; empty at the end. One that uses no processor time while it is waited for is given up."""
        there = select.poll()
        there.register(self.child.answers, select.POLLIN)
        used = self.child.used()
        while not there.poll(self._limits.wall * 1000):
            if (now := self.child.used()) <= used:
                raise Died(self.child.idle(), is_late=True)
            used = now
        return os.read(self.child.answers, size)

    @property
    def is_grown(self) -> bool:
        """Whether it has half of the memory that it may have: the next tree should find room."""
        try:
            with open(f"/proc/{self.child.pid}/statm", "rb") as file:
                pages = int(file.read().split()[0])
        except (OSError, IndexError):
            return True
        return pages * _PAGE > self._limits.memory // 2

    def end(self) -> None:
        """End it, if it is this process's own."""
        if self.maker == os.getpid():
            self.child.end()
        if self._blob >= 0:
            os.close(self._blob)
            self._blob = -1
