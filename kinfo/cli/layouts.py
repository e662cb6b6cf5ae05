"""`kinfo layouts`."""

from __future__ import annotations

from typing import NamedTuple

from kinfo import api
from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.exports import LANGUAGES, exported
from kinfo.record.model import Layout
from kinfo.report import layouts as report
from kinfo.report.style import Style


class Options(NamedTuple):
    """What `kinfo layouts` was asked for."""

    name: str | None
    form: str
    diff: tuple[str, str] | None


@declare.command("layouts", short_help="Show the layouts")
@declare.argument("name", required=False)
@data_format("md", *LANGUAGES)
@declare.option("--diff", nargs=2, metavar="A B", help="Show what differs between two layouts.")
@takes(Options)
def command(options: Options) -> int:
    """Show every known layout, or one NAME field by field (name or alias, as in debug-kinfo-text or C).

    \b
    kinfo layouts
    kinfo layouts C
    kinfo layouts --diff C D
    kinfo layouts --format c > kinfo_layouts.h
    """
    style = common.style()
    if options.diff:
        if options.name or options.form != "text":
            raise declare.UsageError("--diff takes two names, and neither NAME nor --format")
        common.tell(report.diff(api.layout_diff(*options.diff), style))
    else:
        chosen = [api.layout(options.name)] if options.name else list(api.layouts())
        _show(chosen, options.form, style, is_one=bool(options.name))
    return SOUND


def _show(chosen: list[Layout], form: str, style: Style, *, is_one: bool) -> None:
    if form in LANGUAGES:
        common.write(exported(form, chosen))
    elif form == "md":
        common.write("\n".join(report.markdown(layout) for layout in chosen))
    elif form != "text":
        show(form, lambda: report.document(chosen))
    else:
        common.tell(report.text(chosen[0], style) if is_one else report.listing(chosen, style))
