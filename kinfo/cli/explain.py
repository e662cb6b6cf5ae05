"""`kinfo explain`."""

from __future__ import annotations

import click

from kinfo.catalogue import RULES, rule_named
from kinfo.cli import common
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import SOUND
from kinfo.report import explain as report


@click.command("explain", short_help="Explain a finding's code")
@click.argument("code", required=False)
@data_format()
def command(*, code: str | None, form: str) -> int:
    """Explain the finding CODE: what it is, its effect, what to do, where the rule comes from. Without CODE, list all."""
    style = common.style()
    if form != "text":
        rules = (rule_named(code),) if code else RULES
        show(form, lambda: [report.data(rule) for rule in rules])
    elif code:
        common.write(report.text(rule_named(code), style))
    else:
        common.write(report.listing(RULES, style))
    return SOUND
