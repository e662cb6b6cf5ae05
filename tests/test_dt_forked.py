"""The child that is a copy of the process that just began: it does what one of its own interpreter does, and ends with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from kinfo.dt import forked
from kinfo.dt.child import Child, Limits
from kinfo.dt.excerpt import excerpt
from kinfo.dt.forked import can_fork
from kinfo.dt.profiles import profile_named
from kinfo.dt.schema import SchemaTool, processed
from kinfo.dt.servant import Servant, loop
from tests.conftest import Cli
from tests.fdt import N, blob, board, cells, texts
from tests.test_dt_schema import TOOLS, _command, made, tool, wait_for

__all__ = ["tool"]  # a fixture of theirs
PLAIN = {**os.environ, "LC_ALL": "C.UTF-8"}  # a file of all locales, where there is one, is mapped whole: 200 MB
OURS = "google,debug-kinfo:google,kinfo:debug-kinfo-region"


def fresh(code: str, *, stdin: int | None = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    """What a process says that has just begun, and has a child of `Forked` in it."""
    begin = "from kinfo.dt.child import Child, Limits\nfrom kinfo.dt.forked import Forked\n"
    return subprocess.run(
        [sys.executable, "-c", begin + code], env=PLAIN, stdin=stdin, capture_output=True, text=True, check=False
    )


ENDS = {
    "nothing": ("pass", ""),
    "a number": ("raise SystemExit(3)", "failed: exit code 3"),
    "no number": ("raise SystemExit", ""),
    "a word": ("raise SystemExit('no such thing')", "failed: no such thing"),
    "an exception": ("raise ValueError('wrong')", "failed: ValueError: wrong"),
    "no memory": ("x = bytearray(1 << 30)", "failed: MemoryError"),
    "a signal": ("import os; os.kill(os.getpid(), 11)", "was killed by signal 11"),
    "too much time": ("any(iter(int, 1))", "did not come to an end in 1 seconds of processor time"),
}


def test_it_ends_as_one_of_its_own_interpreter() -> None:
    parent = f"""
for code, _ in {[("input(); " + code, said) for code, said in ENDS.values()]!r}:
    with Child(code, Limits(seconds=1), ahead=True) as child:
        assert isinstance(child._process, Forked)
        child.tell(b"begin\\n")
        print(child.fate())
"""
    done = fresh(parent)
    assert (done.stdout.splitlines(), done.stderr) == ([said for _, said in ENDS.values()], "")
    with Child(ENDS["a word"][0], Limits()) as child:
        assert child.fate() == ENDS["a word"][1]


def test_it_reads_answers_and_has_what_is_shared_and_no_more() -> None:
    parent = """
import os
shared, other = os.memfd_create("a"), os.memfd_create("b")
os.write(shared, b"tree")
code = '''
import os, sys
for line in sys.stdin:
    data = os.pread(int(sys.argv[1]), 9, 0)
    print(sys.argv[0], data, len(os.listdir("/proc/self/fd")), line.strip(), sys.getrecursionlimit() > 1000, flush=True)
'''
def deep(depth):
    if depth:
        return deep(depth - 1)
    return Child(code, Limits(), shared=(shared,), answers=True, ahead=True)
print("not for the child's output", end=" ")
with deep(20) as child:
    child.tell(b"one\\n")
    print(os.read(child.answers, 999).decode(), child._process.poll())
print(child._process.returncode)
"""
    done = fresh(parent)
    assert done.stdout.splitlines() == ["not for the child's output -c b'tree' 6 one True", " None", "-9"]
    assert done.stderr == ""


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """However busy it is, and however the parent ends."""
    started = tmp_path / "started"
    code = f"import os\nopen({str(started)!r}, 'w').write(str(os.getpid()))\nwhile True: pass"
    parent = f"""
import time
from kinfo.dt.child import Child, Limits
child = Child({code!r}, Limits(), ahead=True)
assert type(child._process).__name__ == "Forked"
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", parent], env=PLAIN, stdin=subprocess.DEVNULL) as process:
        wait_for(lambda: started.exists() and bool(started.read_text()))
        assert _command(started.read_text())
        process.kill()
    wait_for(lambda: not _command(started.read_text()))


@pytest.mark.parametrize(
    "before",
    [
        "import threading, time; threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
        "import mmap; large = mmap.mmap(-1, 200 << 20)",
        "import os; os.close(0)",
    ],
)
def test_other_processes_start_an_interpreter(before: str) -> None:
    parent = """
with Child('raise SystemExit(4)', Limits(), ahead=True) as child:
    print(child.fate())
    print(type(child._process).__name__)
"""
    done = fresh(f"{before}\n{parent}")
    assert done.stdout.splitlines() == ["failed: exit code 4", "Popen"], done.stderr


def test_who_may_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "_MOST", 1 << 50)
    alone = len(os.listdir("/proc/self/task")) == 1
    assert can_fork((3, 4)) == alone
    assert not can_fork((3, 0))
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert not can_fork((3, 4))
    stop.set()
    thread.join()
    monkeypatch.setattr(forked, "_MOST", 1 << 20)
    assert not can_fork((3, 4))
    monkeypatch.setattr(os, "listdir", lambda _: 1 / 0)
    monkeypatch.setattr(forked, "_PAGE", 0)
    monkeypatch.setattr(forked, "open", lambda *_: os.open("/nonexistent", 0), raising=False)
    assert not can_fork((3, 4))


def plain(said: list[dict[str, Any]], name: str) -> Any:
    """Without the name of the file, which each way has its own."""
    return json.loads(json.dumps(said).replace(name, "FILE"))


def test_the_child_says_what_dt_validate_says(tmp_path: Path, tool: SchemaTool) -> None:
    """To the last word, though it leaves out what dt-validate's command line and formats need."""
    odd = N("debug-kinfo", {"compatible": texts("google,debug-kinfo"), "memory-region": cells(1, 2), "odd": cells(1)})
    roots = [board(), N("", board().properties, [odd, *board(kinfo=False).children])]
    for profile in ("downstream", "v3"):
        schema = processed(profile_named(profile), tool)
        servant = Servant(loop(OURS), Limits())
        for root in roots:
            shown = excerpt(made(root, profile))
            (tmp_path / "a.dtb").write_bytes(shown)
            options = ["-s", schema, "-l", OURS, "--json-output", "said"]
            subprocess.run([TOOLS / "dt-validate", *options, "a.dtb"], cwd=tmp_path, capture_output=True, check=True)
            theirs = plain(json.loads((tmp_path / "said").read_text()), "a.dtb")
            ours = json.loads(servant.ask(schema, shown))
            name = ours[0]["file"] if ours else "none"
            assert plain(ours, name) == theirs
        servant.end()
    assert theirs


def test_the_command_says_the_same_by_either(
    tmp_path: Path, kinfo_cli: Cli, monkeypatch: pytest.MonkeyPatch, tool: SchemaTool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "kinfo").mkdir()
    (tmp_path / "kinfo" / "schema").symlink_to(tool.cache)
    (tmp_path / "a.dtb").write_bytes(blob(board()))
    words = ["verify-dt", "--profile", "v3", "--format", "json", str(tmp_path / "a.dtb")]
    spawned = kinfo_cli(*words)
    code = (
        "import sys\nfrom kinfo.dt import forked\nfrom kinfo.cli.main import main\nold = forked.Forked.__init__\n"
        "def new(self, *a):\n    sys.stderr.write('copied')\n    old(self, *a)\nforked.Forked.__init__ = new\nmain()"
    )
    command = [sys.executable, "-c", code, *words]
    environment = PLAIN | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (spawned.code, spawned.out, "copied")
    assert "by dt-validate" in spawned.out
