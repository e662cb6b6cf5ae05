"""Many trees: files opened, overlays applied, each tree verified, on as many processors as there are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from kinfo import notices
from kinfo.dt.board import Options
from kinfo.dt.open import Broken, FoundTree, open_trees
from kinfo.dt.places import place_of
from kinfo.dt.tree import Tree
from kinfo.dt.verify import Verdict, verify
from kinfo.errors import KinfoError, TreeError
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from kinfo.dt.schema import SchemaCheck
    from kinfo.many.named import Named


class CheckRequest(NamedTuple):
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


def trees(path: str, request: CheckRequest, stdin: BinaryIO | None = None) -> Iterator[FoundTree | Broken]:
    """The trees of a file that `select` picks. Raises KinfoError for a file that holds none."""
    hit = False
    for found in open_trees(path, stdin=stdin, include=request.include):
        if _is_selected(found, request.select):
            hit = True
            yield found
    if not hit:
        raise TreeError(f"{path}: no tree fits --select {' '.join(request.select)}", "see `kinfo verify-dt --list`")


def _is_selected(found: FoundTree | Broken, select: Sequence[str]) -> bool:
    if not select:
        return True
    label = found.label if isinstance(found, FoundTree) else found.name
    number = found.name.rpartition("#")[2] if "#" in found.name else "1"
    return any(number == one if one.isdigit() else one in label for one in select)


def verify_file(path: str, request: CheckRequest, stdin: BinaryIO | None = None) -> FileVerdicts:
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


def _verify(found: FoundTree, overlays: Sequence[FoundTree], request: CheckRequest) -> Verdict:
    tree, inside = found.tree, found.inside
    if found.kind == "overlay":
        if overlays:
            raise TreeError(f"{found.name}: is an overlay itself", "name the base tree first, and this with --overlay")
        from kinfo.dt.overlay import partial

        tree = partial(tree)
    for overlay in overlays:
        tree = _applied(tree, overlay)
        inside += f"{' ' if inside else ''}+ {overlay.name}"
    verdict = verify(tree, request.options, schema=request.schema, name=found.name, label=found.label, inside=inside)
    if found.places is None or not verdict.findings or overlays:
        return verdict
    places = found.places()
    known = {one.where: place for one in verdict.findings if (place := place_of(places, one.where))}
    return verdict._replace(places=known)


def one_tree(path: str, request: CheckRequest, stdin: BinaryIO | None = None) -> FoundTree:
    """The one tree of a file, overlays applied. Raises TreeError where there are several or none, KinfoError for damage."""
    found = list(islice(trees(path, request, stdin), 2))
    if len(found) != 1:
        raise TreeError(f"{path}: holds several trees", "pick one with --select (`kinfo verify-dt --list`)")
    if isinstance(found[0], Broken):
        raise found[0].error
    tree = found[0].tree
    if found[0].kind == "overlay":
        raise TreeError(f"{path}: is an overlay", "name the base tree, and this file with --overlay")
    for text in request.overlays:
        tree = _applied(tree, _overlay(text, request))
    return found[0]._replace(tree=tree)


def _applied(tree: Tree, overlay: FoundTree) -> Tree:
    from kinfo.dt.overlay import apply

    try:
        return apply(tree, overlay.tree)
    except KinfoError as error:
        raise TreeError(f"{overlay.name}: {error.message}", error.hint) from error


def _overlay(text: str, request: CheckRequest) -> FoundTree:
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


def verify_files(
    names: Iterable[Named], request: CheckRequest, stdin: BinaryIO | None = None, jobs: int | None = None
) -> Iterator[FileVerdicts]:
    """Verify files, in order, on every processor. Leaving the loop early stops what is still running."""
    from kinfo.many.each import each

    done = request.schema.end if request.schema else lambda: None
    for one, result in each(lambda named: verify_file(named.path, request, stdin), names, jobs=jobs, done=done):
        for note in result.notes:
            notices.tell(note)
        yield result.value or FileVerdicts(one.path, (), (result.problem,))
