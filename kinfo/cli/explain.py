"""`kinfo explain`."""

from __future__ import annotations

from typing import NamedTuple

from kinfo.catalogue import RULES, rule_named
from kinfo.cli import common, declare
from kinfo.cli.formats import data_format, show
from kinfo.cli.main import SOUND
from kinfo.cli.options import takes
from kinfo.report import explain as report


class Options(NamedTuple):
    """What `kinfo explain` was asked for."""

    code: str | None
    form: str


@declare.command("explain", short_help="Explain a finding's code")
@declare.argument("code", required=False)
@data_format()
@takes(Options)
def command(options: Options) -> int:
    """Explain the finding CODE: what it is, its effect, what to do, where the rule comes from. Without CODE, list all.

    \b
    kinfo explain checksum-mismatch
    kinfo explain --format json
    """
    style = common.style()
    if options.form != "text":
        rules = (rule_named(options.code),) if options.code else RULES
        show(options.form, lambda: [report.data(rule) for rule in rules])
    elif options.code:
        common.tell(report.text(rule_named(options.code), style))
    else:
        common.tell(report.listing(RULES, style))
    return SOUND
