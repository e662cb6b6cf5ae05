"""--format and --strict, and output in the format that was asked for. Which there are is said in `report/formats`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kinfo.cli import common, declare
from kinfo.report.formats import TEXT, Shown, names_for_data, names_for_findings, rendered
from kinfo.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinfo.report.judged import Judged

Decorated = Callable[..., Any]

strict_option = declare.option("--strict", is_flag=True, help="Exit 1 on warnings too.")


def data_format(*own: str) -> Callable[[Decorated], Decorated]:
    """--format of a command that shows data; `own`: what this command alone has besides."""
    return _option((*names_for_data(), *own))


def findings_format() -> Callable[[Decorated], Decorated]:
    """--format of a command that judges."""
    return _option(names_for_findings())


def _option(names: tuple[str, ...]) -> Callable[[Decorated], Decorated]:
    return declare.option("--format", "form", kind=declare.Choice(names), default=TEXT, show_default=True)


def show(
    form: str,
    document: Callable[[], Any],
    findings: Callable[[], Iterable[Judged]] | None = None,
    *,
    each: Callable[[], Iterable[Any]] | None = None,
    strict: bool = False,
) -> None:
    """What a command has to show, to standard output, in a format that is not its own."""
    what = Shown(document, is_strict=strict, each=each)
    if findings is not None:
        what = what._replace(findings=findings)
    for part in rendered(form, what):
        common.write(part)
