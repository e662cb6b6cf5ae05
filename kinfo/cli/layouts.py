"""`kinfo layouts`."""

from __future__ import annotations

import click

from kinfo import api
from kinfo.cli import common
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import SOUND
from kinfo.record.model import Layout
from kinfo.report import layouts as report
from kinfo.report.style import Style


@click.command("layouts", short_help="Show the layouts")
@click.argument("name", required=False)
@data_format("md", "c")
@click.option("--diff", nargs=2, metavar="A B", help="Show what differs between two layouts.")
def command(*, name: str | None, form: str, diff: tuple[str, str] | None) -> int:
    """Show every known layout, or one NAME field by field (name or alias, as in debug-kinfo-text or C).

    \b
    kinfo layouts
    kinfo layouts C
    kinfo layouts --diff C D
    kinfo layouts --format c > kinfo_layouts.h
    """
    style = common.style()
    if diff:
        if name or form != "text":
            raise click.UsageError("--diff takes two names, and neither NAME nor --format")
        common.write(report.diff(api.layout_diff(*diff), style))
    else:
        chosen = [api.layout(name)] if name else list(api.layouts())
        _show(chosen, form, style, is_one=bool(name))
    return SOUND


def _show(chosen: list[Layout], form: str, style: Style, *, is_one: bool) -> None:
    if form == "c":
        common.write(report.c_header(chosen))
    elif form == "md":
        common.write("\n".join(report.markdown(layout) for layout in chosen))
    elif form != "text":
        show(form, lambda: report.document(chosen))
    else:
        common.write(report.text(chosen[0], style) if is_one else report.listing(chosen, style))
