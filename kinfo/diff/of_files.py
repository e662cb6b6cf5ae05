"""Records that are named as files: dumps, or files of fields; two of them compared, or two folders of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from kinfo.diff.folders import Alone, matched
from kinfo.diff.judge import judge
from kinfo.diff.model import Compared
from kinfo.diff.policy import Policy, policy_of
from kinfo.errors import KinfoError, RecordError
from kinfo.examine import Examined
from kinfo.fields_file import TEXT_NAMES, read_fields
from kinfo.memory import BytesDump
from kinfo.named import NamedTuple
from kinfo.plain_data import load
from kinfo.printable import brief
from kinfo.record import locate
from kinfo.record.encode import encode
from kinfo.record.layouts import layout_named
from kinfo.sources import open_source
from kinfo.typed import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from kinfo.many.named import Named
    from kinfo.many.names import NamedFiles

Path = str | os.PathLike[str]
Pair = tuple[str, str]


def _unsaid(text: str) -> None:
    """Where nobody asks for notes."""


class PairReader(NamedTuple):
    """How records are read: `stdin` is behind the name "-", `tell` hears what of a file was left out."""

    stdin: BinaryIO | None = None
    tell: Callable[[str], object] = _unsaid

    def record(self, path: Path) -> Examined:
        """The record in a dump, or made of a file of fields. Raises KinfoError; RecordError for an erased region."""
        path = os.fspath(path)
        if path.endswith(TEXT_NAMES):
            given = read_fields(path, how="write `layout: NAME`, and the fields below `fields:`", stdin=self.stdin)
            for note in given.notes:
                self.tell(note)
            layout = layout_named(given.layout)
            data = encode(given.fields, layout, given.after_nul)
            return Examined.of(locate.decode_offset(BytesDump(data), 0, layout=layout))
        with open_source(path, self.stdin) as source:
            record = locate.locate(source, base=source.base)[0]
        if record.layout is None:
            raise RecordError(f"{path}: is an erased region: every byte is the same", "name a dump that has a record")
        return Examined.of(record)


READER = PairReader()


class PairOutcome(NamedTuple):
    """One pair: compared, or what kept it from being so."""

    compared: Compared | None
    problem: str = ""

    def __repr__(self) -> str:
        return brief(self, repr(self.compared) if self.compared else self.problem)


def policy_in(path: Path) -> Policy:
    """The policy in a YAML file. Raises KinfoError: unknown keys, classes and fields are errors."""
    data: Mapping[str, Any] = load(path)
    try:
        return policy_of(data)
    except KinfoError as error:
        raise KinfoError(f"{os.fspath(path)}: {error.message}", error.hint) from None


def compared(old: str, new: str, policy: Policy, *, exact: bool = False, reader: PairReader = READER) -> Compared:
    """Two files' records, compared and judged. Raises KinfoError."""
    comparison, findings = judge(reader.record(old), reader.record(new), policy, exact=exact)
    return Compared(old, new, comparison, findings)


def outcomes(
    old: str, new: str, policy: Policy, *, exact: bool = False, reader: PairReader = READER
) -> tuple[Iterable[PairOutcome], tuple[Alone, ...]]:
    """The pairs of two folders, as they come, on every processor, and the files of only one; of two files: that pair.

    Raises KinfoError for folders that cannot be read, and for a folder against a file.
    """
    if os.path.isdir(old) != os.path.isdir(new):
        raise KinfoError(f"{old} against {new}: a folder and a file", "name two folders, or two files")

    def work(pair: Pair) -> PairOutcome:
        try:
            return PairOutcome(compared(*pair, policy, exact=exact, reader=reader))
        except KinfoError as error:
            return PairOutcome(None, str(error))

    if not os.path.isdir(old):
        return [work((old, new))], ()
    from kinfo.workers import in_order

    found = matched(old, new)

    def died(pair: Pair, how: str) -> PairOutcome:
        return PairOutcome(None, f"{pair[1]}: the process that compared it was killed ({how}); compare it alone to see why")

    return in_order(work, found.pairs, died), found.alone


def against(
    old: str,
    names: NamedFiles,
    policy: Policy,
    *,
    exact: bool = False,
    reader: PairReader = READER,
    jobs: int | None = None,
) -> Iterator[PairOutcome]:
    """The record in `old` against that of every file that is named, as they come, on every processor.

    Raises KinfoError where `old` has no record, and where no file is named.
    """
    from kinfo.many.each import each

    reader.record(old)  # what is wrong with it is not wrong with each of the others

    def work(one: Named) -> Compared:
        return compared(old, one.path, policy, exact=exact, reader=reader)

    count = 0
    for _, result in each(work, names, jobs=jobs):
        count += 1
        for note in result.notes:
            reader.tell(note)
        yield PairOutcome(result.value, result.problem)
    if not count:
        raise KinfoError(f"{names}: no file is there", "name some, or another folder")
