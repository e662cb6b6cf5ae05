"""`kinfo verify-dt`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kinfo.cli import common, declare, many
from kinfo.cli.ahead import schema_check
from kinfo.cli.formats import findings_format, show, strict_option
from kinfo.cli.main import FINDINGS, SOUND, UNDECIDED
from kinfo.cli.options import takes
from kinfo.cli.words import one_of, safe, say
from kinfo.errors import KinfoError, TreeError
from kinfo.many.named import is_one_file
from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING, Any
from kinfo.writer_rows import rows

if TYPE_CHECKING:
    from kinfo.dt.batch import CheckRequest, FileVerdicts
    from kinfo.dt.board import Options as BoardOptions
    from kinfo.dt.schema import SchemaCheck
    from kinfo.dt.verify import Verdict
    from kinfo.many.names import NamedFiles

_PROFILES = [row.key or "downstream" for row in rows.ROWS if row.tree]
_PAGES = ("4096", "16384", "65536")


class Options(NamedTuple):
    """What `kinfo verify-dt` was asked for."""

    files: tuple[str, ...]
    files_from: str | None
    jobs: int | None
    listing: bool
    select: tuple[str, ...]
    overlay: tuple[str, ...]
    include: tuple[str, ...]
    profile: str | None
    layout: str | None
    page_size: str
    kernel: str | None
    image: str | None
    blob: str | None
    explain_boot: bool
    dump: str | None
    dmesg: str | None
    iomem: str | None
    fix: bool
    output: str | None
    force: bool
    no_schema: bool
    require_schema: bool
    require: bool
    if_present: bool
    form: str
    strict: bool


@declare.command("verify-dt", short_help="Check that a devicetree gives the kinfo driver its memory")
@declare.argument("files", nargs=-1, metavar="FILE...")
@many.files_from_option
@many.jobs_option
@declare.option("--list", "listing", is_flag=True, help="List the trees in FILE instead of checking them.")
@declare.option("--select", multiple=True, metavar="N|TEXT", help="Only tree number N, or trees with TEXT in their label.")
@declare.option("--overlay", multiple=True, metavar="FILE[#N]", help="Apply an overlay to every tree first.")
@declare.option("--include", multiple=True, metavar="DIR", help="Where a .dts looks for what it includes.")
@declare.option("--profile", metavar="NAME", help=f"{one_of(_PROFILES)} (default: by its shape).")
@declare.option("--layout", metavar="NAME", help="The record that the kernel writes (`kinfo layouts`).")
@declare.option("--page-size", kind=declare.Choice(_PAGES), default="4096", show_default=True, help="The kernel's page size.")
@declare.option("--kernel", metavar="RELEASE", help="Its release, as in 6.1 (default: all of the profile).")
@declare.option("--image", metavar="PA+SIZE|FILE@PA", help="Where it is loaded: 0x80000000+0x2000000.")
@declare.option("--blob", metavar="PA", help="Where the boot loader puts the tree itself.")
@declare.option("--explain-boot", is_flag=True, help="Show what the kernel does, region by region.")
@declare.option("--dump", metavar="FILE[@PA]", help="Hold a record out of memory against the tree.")
@declare.option("--dmesg", metavar="FILE", help="The kernel's log of a boot, from its first lines on.")
@declare.option("--iomem", metavar="FILE", help="/proc/iomem of a boot, read as root.")
@declare.option("--fix", is_flag=True, help="Write it mended, where that is no guess (with -o).")
@declare.option("-o", "--output", metavar="FILE", help="Where --fix writes: a .dtb, or a .dts by dtc.")
@declare.option("--force", is_flag=True, help="Let -o overwrite a file.")
@declare.option("--no-schema", is_flag=True, help="Leave dtschema out; check the rules alone.")
@declare.option("--require-schema", is_flag=True, help="Undecided without dtschema (exit 2).")
@declare.option("--require", is_flag=True, help="Every tree must have a kinfo node.")
@declare.option("--if-present", is_flag=True, help="A tree without a kinfo node is fine.")
@findings_format()
@strict_option
@takes(Options)
def command(options: Options) -> int:
    """Check the trees in FILE... against the kinfo binding and the rules that no schema can hold.

    FILE is a .dtb, .dts, dtbo.img, boot.img, vendor_boot.img, Image.gz-dtb, FIT image, /sys/firmware/fdt, a folder like
    /proc/device-tree, or -; of another folder, or a pattern, every file that may hold trees.

    Exit 0 when the memory will be there, 1 when not (or no tree of a file has a kinfo node), 2 when a file could not be read
    or the schema check did not finish. That needs dtschema: pip install 'kinfo[dt]'.

    \b
    kinfo verify-dt board.dtb
    kinfo verify-dt vendor_boot.img --select gs101 --page-size 16384
    kinfo verify-dt base.dtb --overlay board.dtbo --dump region.bin@0xfd3fe000
    """
    _refuse_nonsense(options)
    if options.listing or options.fix or options.output:
        return _list(options) if options.listing else _fix(options)
    is_many = not _is_one(options)
    schema = None if options.no_schema else schema_check(2 if is_many else 1, required=options.require_schema)
    with _request(options, schema) as request:
        return _check(options, request, is_many=is_many)


def _check(options: Options, request: CheckRequest, *, is_many: bool) -> int:
    if options.form == "text":
        from kinfo.report import devicetree  # noqa: F401  # while the schema check's process is still importing

    from kinfo.dt.batch import verify_file

    results: list[FileVerdicts] = []
    for result in _results(options, request) if is_many else (verify_file(options.files[0], request, common.stdin()),):
        for problem in result.problems:
            say(problem)
        if options.form == "text":
            short = is_many or len(result.verdicts) > 1
            _write_text(result.verdicts, short=short, explain=bool(options.explain_boot))
        results.append(result)
    _write_rest(options.form, results, strict=options.strict)
    return _code(results, request.options, strict=options.strict)


def _refuse_nonsense(options: Options) -> None:
    if options.require and options.if_present:
        raise declare.UsageError("--require and --if-present exclude each other")
    if options.require_schema and options.no_schema:
        raise declare.UsageError("--require-schema and --no-schema exclude each other")
    many.refuse_mistakes(options.files, options.files_from, "FILE")


def _write_rest(form: str, results: Sequence[FileVerdicts], *, strict: bool) -> None:
    """What comes when every file is through: the summary of several trees, or the document."""
    count = sum(len(result.verdicts) for result in results)
    if form == "text" and count > 1:
        from kinfo.report.devicetree import summary

        common.tell(summary([verdict for result in results for verdict in result.verdicts]))
    elif form == "jsonl" or (form != "text" and count):
        _show(form, results, strict=strict)


def _code(results: Sequence[FileVerdicts], options: BoardOptions, *, strict: bool) -> int:
    """2 where something could not be read; 1 for findings, or a file in which no tree has a kinfo node; 2 for undecided."""
    from kinfo.dt.verify import is_open

    if any(result.problems for result in results):
        return UNDECIDED
    for result in results:
        is_none = all(verdict.outcome == "none" for verdict in result.verdicts)
        judged = [verdict for verdict in result.verdicts if options.require or verdict.outcome != "none"]
        findings = tuple(finding for verdict in judged for finding in verdict.findings if not is_open(finding))
        if (is_none and not options.if_present) or common.verdict(findings, strict=strict) == FINDINGS:
            return FINDINGS
    return UNDECIDED if any(verdict.is_undecided for result in results for verdict in result.verdicts) else SOUND


def _is_one(options: Options) -> bool:
    """Whether one file is named, or a folder that is one tree."""
    if is_one_file(options.files, options.files_from):
        return True
    from kinfo.dt.candidates import is_tree

    return (
        options.files_from is None
        and len(options.files) == 1
        and os.path.isdir(options.files[0])
        and is_tree(options.files[0])
    )


def _names(options: Options) -> NamedFiles:
    from kinfo.dt.candidates import is_tree, may_hold_trees
    from kinfo.many.names import NamedFiles

    return NamedFiles(options.files, options.files_from, stdin=common.stdin(), is_one=is_tree, wanted=may_hold_trees)


def _results(options: Options, request: CheckRequest) -> Iterator[FileVerdicts]:
    """The verdicts of many files. Raises KinfoError where there is none."""
    from kinfo.cli.progress import FilesProgress
    from kinfo.dt.batch import verify_files

    names, count = _names(options), 0
    with FilesProgress("checking", names.known) as progress:
        for result in progress.counted(verify_files(names, request, common.stdin(), options.jobs)):
            count += 1
            yield result
    many.refuse_none(names, count)


@contextmanager
def _request(options: Options, schema: SchemaCheck | None) -> Iterator[CheckRequest]:
    from kinfo.dt.given import DtOptionError, DtOptions, request_of

    given = DtOptions(
        profile=options.profile,
        layout=options.layout,
        page_size=int(options.page_size),
        kernel=options.kernel,
        image=options.image,
        blob=options.blob,
        dump=options.dump,
        dmesg=options.dmesg,
        iomem=options.iomem,
        include=options.include,
        overlays=options.overlay,
        select=options.select,
        require=options.require,
        if_present=options.if_present,
    )
    try:
        with request_of(given, schema, common.stdin()) as request:
            yield request
    except DtOptionError as error:
        raise declare.UsageError(f"--{error.message}") from None


def _fix(options: Options) -> int:
    from kinfo.cli.mend import write_mended

    if not options.fix or options.output in (None, "", "-") or not _is_one(options):
        raise declare.UsageError("--fix takes one file, and -o OUT.dtb or OUT.dts")
    with _request(options, None) as request:
        return write_mended(options.files[0], options.output, request, force=options.force)


def _list(options: Options) -> int:
    from kinfo.dt.batch import CheckRequest, trees
    from kinfo.dt.open import Broken
    from kinfo.dt.profiles import kinfo_nodes
    from kinfo.report.devicetree import listed

    style = common.style()
    request, failed = CheckRequest(include=options.include, select=options.select), False
    names, count = _names(options), 0
    for one in names:
        count += 1
        try:
            if one.problem:
                raise TreeError(one.problem)
            for found in trees(one.path, request, common.stdin()):
                if isinstance(found, Broken):
                    failed = True
                    say(str(found.error))
                    continue
                cells = (safe(found.label), found.kind, found.tree.size, len(kinfo_nodes(found.tree)), safe(found.inside))
                common.tell("".join(f"{line}\n" for line in listed(*cells, style)))
        except KinfoError as error:
            failed = True
            say(str(error))
    many.refuse_none(names, count)
    return UNDECIDED if failed else SOUND


def _write_text(verdicts: Sequence[Verdict], *, short: bool, explain: bool) -> None:
    from kinfo.report import devicetree, early_boot

    style = common.style()
    for verdict in verdicts:
        if explain and verdict.kernels:
            common.tell(early_boot.render(verdict, style) + "\n")
        if short and verdict.outcome not in ("broken", "undecided"):
            common.tell(devicetree.line(verdict, style))
        else:
            common.tell(devicetree.render(verdict, style) + ("\n" if short else ""))


def _show(form: str, results: Sequence[FileVerdicts], *, strict: bool) -> None:
    from kinfo.report.devicetree import document
    from kinfo.report.judged import Judged

    show(
        form,
        lambda: document([verdict for result in results for verdict in result.verdicts]),
        lambda: [
            Judged("verify-dt", result.path, None, verdict.findings, verdict.places)
            for result in results
            for verdict in result.verdicts
        ],
        each=lambda: (_of_file(result) for result in results),
        strict=strict,
    )


def _of_file(result: FileVerdicts) -> dict[str, Any]:
    """The document of one of many files."""
    from kinfo.report.devicetree import document

    problems = {"problems": [safe(one) for one in result.problems]} if result.problems else {}
    return {**document(result.verdicts), "source": safe(result.path), **problems}
