"""What is known of a board beyond its tree, as a person says it, and what the checks need of that."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from kinfo import notices
from kinfo.dt.batch import CheckRequest, verify_file
from kinfo.dt.board import MIN_PAGE, Options
from kinfo.errors import KinfoError, TreeError
from kinfo.named import NamedTuple
from kinfo.printable import quoted
from kinfo.typed import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from kinfo.dt.dmesg import BootLog, Iomem
    from kinfo.dt.dump import DumpFacts
    from kinfo.dt.ranges import Range
    from kinfo.dt.schema import SchemaCheck
    from kinfo.dt.verify import Verdict

Path = str | os.PathLike[str]
PAGES = (4096, 16384, 65536)
_LOG_LIMIT = 64 << 20
_SPACE = 1 << 64


class DtOptionError(KinfoError):
    """An option that makes no sense. The message begins with its name."""


class DtOptions(NamedTuple):
    """What `verify_dt` is told beyond the tree. All of it is optional.

    `profile`: the shape ("v3"; default: as the tree's is); `layout`: the record that the kernel writes, a name or alias;
    `page_size`: the kernel's, in bytes; `kernel`: its release, as "6.1" or (6, 1) (default: the log's, else all that the
    profile ships on); `image`: where it is loaded, as "PA+SIZE", "FILE@PA", (PA, size in bytes) or (file, PA); `blob`: the PA
    of the tree itself. `dump`: FILE or FILE@PA with a record to be held against the tree; `dmesg` and `iomem`: files with the
    log and /proc/iomem of a boot. `include`: folders for a .dts; `overlays`: FILE or FILE#N, applied in this order; `select`:
    numbers of trees, or parts of their labels. `require`: a tree without a kinfo node is an error; `if_present`: it is fine.
    """

    profile: str | None = None
    layout: str | None = None
    page_size: int = MIN_PAGE
    kernel: str | tuple[int, int] | None = None
    image: str | tuple[Path | int, int] | None = None
    blob: str | int | None = None
    dump: Path | None = None
    dmesg: Path | None = None
    iomem: Path | None = None
    include: Sequence[Path] = ()
    overlays: Sequence[Path] = ()
    select: Sequence[str | int] = ()
    require: bool = False
    if_present: bool = False


@contextmanager
def request_of(given: DtOptions, schema: SchemaCheck | None = None, stdin: BinaryIO | None = None) -> Iterator[CheckRequest]:
    """What is asked of every file; the dump stays open within.

    Raises DtOptionError for nonsense, KinfoError for unknown names and for files that cannot be read. That a log says nothing
    of reserved memory is told to whoever listens (notices).
    """
    if given.require and given.if_present:
        raise DtOptionError("require and if_present exclude each other")
    if given.page_size not in PAGES:
        raise DtOptionError(f"page_size {given.page_size} is not one of {', '.join(map(str, PAGES))}")
    with ExitStack() as files:
        yield CheckRequest(
            options=_options(given, stdin, files),
            schema=schema,
            include=tuple(os.fspath(one) for one in given.include),
            overlays=tuple(os.fspath(one) for one in given.overlays),
            select=tuple(map(str, given.select)),
        )


def _options(given: DtOptions, stdin: BinaryIO | None, files: ExitStack) -> Options:
    from kinfo.dt.profiles import profile_named
    from kinfo.record.layouts import layout_named

    log = None if given.dmesg is None else _log(os.fspath(given.dmesg))
    return Options(
        profile=profile_named(given.profile) if given.profile else None,
        layout=layout_named(given.layout) if given.layout else None,
        page_size=given.page_size,
        kernel=_kernel(given.kernel) if given.kernel else log.release if log else None,
        image=_image(given.image) if given.image else None,
        blob=None if given.blob is None else _address(given.blob, "blob"),
        placed=log.placed if log else {},
        log=log,
        iomem=None if given.iomem is None else _iomem(os.fspath(given.iomem)),
        dump=None if given.dump is None else _dump(os.fspath(given.dump), stdin, files),
        require=given.require,
        if_present=given.if_present,
    )


def _kernel(release: str | tuple[int, int]) -> tuple[int, int]:
    from kinfo.record.kernels import parse_release

    if not isinstance(release, str):
        return release
    parsed = parse_release(release)
    if parsed is None:
        raise DtOptionError(f"kernel {quoted(release)} does not begin with a version: write 6.1 or 6.1.99-android14")
    return parsed.version


def _image(place: str | tuple[Path | int, int]) -> Range:
    from kinfo.dt.image import loaded_image
    from kinfo.dt.ranges import Range

    if isinstance(place, str):
        return _image(_image_words(place))
    what, number = place
    if not isinstance(what, int):
        return loaded_image(os.fspath(what), _address(number, "image"))
    found = Range(what, number)
    if found.base < 0 or found.size <= 0 or found.end > _SPACE:
        raise DtOptionError(f"image {what:#x}+{number:#x} is no memory: write 0x80000000+0x2000000")
    return found


def _image_words(text: str) -> tuple[str | int, int]:
    name, mark, place = text.rpartition("@")
    if mark and name:
        return name, _address(place, "image")
    start, _, size = text.partition("+")
    try:
        return int(start, 0), int(size, 0)
    except ValueError:
        raise DtOptionError(f"image {quoted(text)} is no address and size: write 0x80000000+0x2000000 or Image@PA") from None


def _address(given: str | int, option: str) -> int:
    try:
        found = int(given, 0) if isinstance(given, str) else given
    except ValueError:
        found = -1
    if not 0 <= found < _SPACE:
        raise DtOptionError(f"{option} {given!r} is no physical address: write it as 0x4a000000")
    return found


def _lines(path: str, wanted: str) -> list[str]:
    from kinfo.sources.text import refuse_no_text

    try:
        with open(path, "rb") as file:
            raw = file.read(_LOG_LIMIT)
    except OSError as error:
        raise TreeError(f"{path}: cannot read: {error.strerror}", "check the name and its permissions") from error
    refuse_no_text(path, raw, wanted)
    return raw.decode("utf-8", "replace").splitlines()


def _log(path: str) -> BootLog:
    from kinfo.dt.dmesg import read_log

    found = read_log(_lines(path, "a log"))
    if not (found.placed or found.complaints or found.dropped):
        notices.tell(f'{path}: has no line "OF: reserved mem: ..."; give the log from the boot\'s first lines on')
    return found


def _iomem(path: str) -> Iomem:
    from kinfo.dt.dmesg import read_iomem

    return read_iomem(path, _lines(path, "a copy of /proc/iomem"))


def _dump(name: str, stdin: BinaryIO | None, files: ExitStack) -> DumpFacts:
    from kinfo.dt.dump import dump_facts
    from kinfo.sources.memory import as_source, close_all
    from kinfo.sources.opened import open_all
    from kinfo.sources.specs import parse_spec

    if len(parse_spec(name)) > 1:
        raise KinfoError(f"{name}: is several files", "name the one that holds the record")
    opened = open_all([name], stdin)
    files.callback(close_all, opened)
    return dump_facts(as_source(opened), None)


def verdicts(path: str, options: DtOptions, cache: str | None, stdin: BinaryIO | None) -> tuple[Verdict, ...]:
    """The verdict on every tree in a file. Arguments and errors as for `kinfo.verify_dt`."""
    from contextlib import nullcontext

    from kinfo.dt.schema import SchemaCheck, SchemaTool

    with SchemaCheck(SchemaTool(cache)) if cache else nullcontext() as schema, request_of(options, schema, stdin) as request:
        result = verify_file(path, request, stdin)
    if result.problems:
        raise KinfoError(result.problems[0])
    return result.verdicts
