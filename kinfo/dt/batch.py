"""Many trees: files opened, overlays applied, each tree verified, on as many processors as there are."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from kinfo.dt.board import Options
from kinfo.dt.open import Broken, Found, open_trees
from kinfo.dt.overlay import apply, partial
from kinfo.dt.schema import SchemaCheck
from kinfo.dt.tree import Tree
from kinfo.dt.verify import Verdict, verify
from kinfo.errors import KinfoError, TreeError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess


class Request(NamedTuple):
    """What is asked of every file.

    `schema`: None leaves the schema check out; `include`: folders for a .dts; `overlays`: applied in order to every
    base tree; `select`: numbers or parts of labels, of which one must fit a tree.
    """

    options: Options = Options()
    schema: SchemaCheck | None = None
    include: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    select: tuple[str, ...] = ()


class FileVerdicts(NamedTuple):
    """A file's verdicts, in its order, and what could not be decided: one line each."""

    path: str
    verdicts: tuple[Verdict, ...]
    problems: tuple[str, ...]


def trees(path: str, request: Request, stdin: BinaryIO | None = None) -> Iterator[Found | Broken]:
    """The trees of a file that `select` picks. Raises KinfoError for a file that holds none."""
    hit = False
    for found in open_trees(path, stdin=stdin, include=request.include):
        if _is_selected(found, request.select):
            hit = True
            yield found
    if not hit:
        raise TreeError(f"{path}: no tree fits --select {' '.join(request.select)}", "see `kinfo verify-dt --list`")


def _is_selected(found: Found | Broken, select: Sequence[str]) -> bool:
    if not select:
        return True
    label = found.label if isinstance(found, Found) else found.name
    return any(found.name.endswith(f"#{one}") if one.isdigit() else one in label for one in select)


def verify_file(path: str, request: Request, stdin: BinaryIO | None = None) -> FileVerdicts:
    """Verify every tree of a file; trees and files that cannot be read become problems."""
    verdicts: list[Verdict] = []
    problems: list[str] = []
    try:
        overlays = [_overlay(one, request) for one in request.overlays]
        for found in trees(path, request, stdin):
            if isinstance(found, Broken):
                problems.append(str(found.error))
                continue
            try:
                verdicts.append(_verify(found, overlays, request))
            except TreeError as error:
                problems.append(str(error))
    except KinfoError as error:
        problems.append(str(error))
    return FileVerdicts(path, tuple(verdicts), tuple(problems))


def _verify(found: Found, overlays: Sequence[Found], request: Request) -> Verdict:
    tree, inside = found.tree, found.inside
    if found.kind == "overlay":
        if overlays:
            raise TreeError(f"{found.name}: is an overlay itself", "name the base tree first, and this with --overlay")
        tree = partial(tree)
    for overlay in overlays:
        tree = _applied(tree, overlay)
        inside += f"{' ' if inside else ''}+ {overlay.name}"
    return verify(tree, request.options, schema=request.schema, name=found.name, label=found.label, inside=inside)


def _applied(tree: Tree, overlay: Found) -> Tree:
    try:
        return apply(tree, overlay.tree)
    except KinfoError as error:
        raise TreeError(f"{overlay.name}: {error.message}", error.hint) from error


def _overlay(text: str, request: Request) -> Found:
    """The overlay that FILE or FILE#NUMBER names. Raises TreeError."""
    path, mark, number = text.rpartition("#")
    if os.path.exists(text) or not mark or not number.isdigit():
        path, number = text, ""
    found = [one for one in open_trees(path, include=request.include) if not number or one.name.endswith(f"#{number}")]
    if len(found) != 1:
        raise TreeError(
            f"{text}: holds {len(found)} trees", f"pick one: --overlay {path}#1 (`kinfo verify-dt --list {path}`)"
        )
    if isinstance(found[0], Broken):
        raise found[0].error
    if found[0].kind != "overlay":
        raise TreeError(f"{found[0].name}: is a whole tree, not an overlay", "name it as the file to check")
    return found[0]


def verify_files(paths: Sequence[str], request: Request) -> Iterator[FileVerdicts]:
    """Verify files, in order, on every processor. Leaving the loop early stops what is still running."""
    count = min(len(os.sched_getaffinity(0)), len(paths))
    if count < 2:
        for path in paths:
            yield verify_file(path, request)
        return
    workers: list[_Worker] = []
    try:
        for number in range(count):
            workers.append(_started(paths[number::count], request))  # noqa: PERF401  # those started before an error are stopped
        for number, path in enumerate(paths):
            yield _received(workers[number % count], path)
        for worker in workers:
            worker.process.join()
    finally:
        for worker in workers:
            worker.process.terminate()
            worker.process.join()


class _Worker(NamedTuple):
    """A process that verifies every n-th file, and its own pipe on which it answers: no lock that could be left held."""

    process: ForkProcess
    answers: Connection


def _started(paths: Sequence[str], request: Request) -> _Worker:
    from multiprocessing import get_context

    context = get_context("fork")
    answers, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(paths, request, sender), daemon=True)
    process.start()
    sender.close()
    return _Worker(process, answers)


def _received(worker: _Worker, path: str) -> FileVerdicts:
    try:
        answer: FileVerdicts = worker.answers.recv()
    except EOFError:
        return FileVerdicts(path, (), (f"{path}: the process that checked it was killed; check fewer files at once",))
    return answer


def _work(paths: Sequence[str], request: Request, answers: Connection) -> None:
    """In a worker. Ctrl-C is the parent's to handle; told to stop, it leaves by way of every `with`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    with contextlib.suppress(BrokenPipeError):  # the parent is gone
        for path in paths:
            answers.send(verify_file(path, request))


def _leave(signum: int, frame: object) -> None:
    del signum, frame
    raise SystemExit(1)
