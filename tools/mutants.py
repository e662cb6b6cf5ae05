"""Small wrong changes to the code, one at a time, and whether a test notices: `make mutants`.

cosmic-ray makes the changes; the tests that run the changed line (by coverage's contexts) judge them, in a copy of the last
commit. A mutant is caught when a test fails, or runs for LIMIT seconds of processor time. What survives is printed as a
place and a line: a test is missing there, or the change means nothing. `--rooms examine/check diff`, `--sample N` mutants of
each room, `--seed S`.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import re
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("record", "examine", "diff", "kernel", "dt")
WORK = Path.home() / ".cache" / "kinfo" / "mutants"
LIMIT = 120
MOST_TESTS = 100

# Left out: what says nothing (`is` for `==` between numbers, a variable put in), and all but one swap of each operator.
_LEFT_OUT = re.compile(r"_Is(Not)?$|_Is(Not)?_|RemoveDecorator|Variable|ExceptionReplacer|BinaryOperator_")
_SWAPS = re.compile(
    r"BinaryOperator_(Add_Sub|Sub_Add|Mul_Add|FloorDiv_Mul|Mod_Add|LShift_RShift|RShift_LShift|BitOr_BitAnd|BitAnd_BitOr|BitXor_BitOr)$"
)
_GENERATED = ("shapes.py",)


class Mutant(NamedTuple):
    """One change: cosmic-ray's operator, and which of its places in the file."""

    path: Path
    operator: str
    occurrence: int
    line: int


def _wanted(operator: str) -> bool:
    return bool(_SWAPS.search(operator)) or not _LEFT_OUT.search(operator)


def _unread_lines(text: str) -> set[int]:
    """Lines of annotations, which no run evaluates."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        notes = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for note in notes:
            if note is not None and getattr(node, "value", None) is None:
                lines.update(range(note.lineno, (note.end_lineno or note.lineno) + 1))
    return lines


def mutants(path: Path) -> Iterator[Mutant]:
    """Every change that cosmic-ray knows for this file, but for those that mean nothing."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator, operator_names

    nodes = list(ast_nodes(get_ast_from_path(path)))
    unread = _unread_lines(path.read_text())
    for name in filter(_wanted, operator_names()):
        if get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        places = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, start in enumerate(places):
            if start[0] not in unread:
                yield Mutant(path, name, occurrence, start[0])


def _copy() -> Path:
    """A checkout of the last commit, with a map of which test runs which line."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    copy = WORK / commit[:12]
    if not (copy / "kinfo").exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(copy)], check=True)
    if not (copy / ".coverage").exists():
        print("running the tests once, to know which of them runs which line", file=sys.stderr)
        options = ["-q", "-n", "2", "--no-header", "--cov", "--cov-context=test", "--cov-report=", "-p", "no:cacheprovider"]
        _pytest(copy, *options, limit=None)
    return copy


def _pytest(copy: Path, *arguments: str, limit: int | None) -> int:
    def bounded() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))

    command = [sys.executable, "-B", "-m", "pytest", *arguments]
    environment = {"PYTHONPATH": str(copy), "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(Path.home())}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, preexec_fn=bounded, check=False)
    return done.returncode


@cache
def _reach(copy: Path) -> dict[str, int]:
    """How many steps of the code each test takes, one counted once: few where it looks at one thing."""
    with sqlite3.connect(copy / ".coverage") as database:
        rows = database.execute(
            "select context, count(*) from arc join context on context.id = context_id group by context_id"
        )
        reach: dict[str, int] = {}
        for context, steps in rows:
            name = context.partition("|")[0]
            reach[name] = reach.get(name, 0) + steps
    return reach


def _tests_of(copy: Path, mutant: Mutant) -> list[str]:
    """The tests that run this line, or at import its whole file: half of them those that run little else."""
    with sqlite3.connect(copy / ".coverage") as database:
        rows = database.execute(
            "select context.context, arc.fromno, arc.tono from arc join file on file.id = arc.file_id "
            "join context on context.id = arc.context_id where file.path = ? and context.context != ''",
            (str(mutant.path),),
        ).fetchall()
    exact = {name for name, start, end in rows if mutant.line in (start, end)}
    names = sorted({name.partition("|")[0] for name in exact or {row[0] for row in rows}}, key=_reach(copy).__getitem__)
    near, far = names[: MOST_TESTS // 2], names[MOST_TESTS // 2 :]
    return near + random.Random(mutant.line).sample(far, min(MOST_TESTS - len(near), len(far)))


def _changed(mutant: Mutant) -> tuple[str, str] | None:
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    before = mutant.path.read_text()
    after: Any = mutate_code(before, get_operator(mutant.operator)(), mutant.occurrence)
    return None if after is None or after == before else (before, after)


def survives(copy: Path, mutant: Mutant) -> str | None:
    """The change as two lines, where every test passes over it; None where a test fails."""
    texts = _changed(mutant)
    tests = _tests_of(copy, mutant)
    if texts is None:
        return None
    before, after = texts
    try:
        mutant.path.write_text(after)
        code = _pytest(copy, "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests, limit=LIMIT) if tests else 0
    finally:
        mutant.path.write_text(before)
    if code:
        return None
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in list(lines)[3:] if tests or line) + ("" if tests else "\n  (no test runs this line)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", nargs="+", default=ROOMS)
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    copy = _copy()
    for room in options.rooms:
        files = sorted(path for path in (copy / "kinfo" / room).rglob("*.py") if path.name not in _GENERATED)
        everything = [mutant for path in files for mutant in mutants(path)]
        chosen = random.Random(options.seed).sample(everything, min(options.sample, len(everything)))
        left = 0
        for mutant in chosen:
            change = survives(copy, mutant)
            if change is not None:
                left += 1
                print(f"{mutant.path.relative_to(copy)}:{mutant.line}\n{change}", flush=True)
        print(f"== {room}: {len(chosen) - left} of {len(chosen)} caught, of {len(everything)} possible", flush=True)


if __name__ == "__main__":
    main()
