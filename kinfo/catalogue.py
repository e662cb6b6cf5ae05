"""Every rule of every checker, in one place for `kinfo explain`, the documents and the reports."""

from __future__ import annotations

from kinfo.diff import rules as compare_rules
from kinfo.dt import check as dt_check
from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.examine import rules, symbol_rules
from kinfo.findings import Rule
from kinfo.kernel import rules as kernel_rules
from kinfo.kernel.printk import rules as printk_rules
from kinfo.kernel.stack import rules as stack_rules
from kinfo.kernel.tasks import rules as task_rules
from kinfo.meminspect import core_rules
from kinfo.meminspect import rules as table_rules
from kinfo.printable import quoted
from kinfo.regions import rules as region_rules
from kinfo.regions.trace import rules as trace_rules

RULES: tuple[Rule, ...] = (
    *rules.RULES,
    *symbol_rules.RULES,
    *kernel_rules.RULES,
    *task_rules.RULES,
    *stack_rules.RULES,
    *printk_rules.RULES,
    *dt_check.RULES,
    *compare_rules.RULES,
    *table_rules.RULES,
    *core_rules.RULES,
    *region_rules.RULES,
    *trace_rules.RULES,
)

FAMILIES = {
    "checksum": "Is the record whole?",
    "layout": "Which bytes mean what?",
    "record": "Everything about the record that is no address",
    "symbols": "Addresses: the image, its kallsyms tables, its page table",
    "devicetree": "The devicetree that hands the memory to the driver",
    "table": "The inspect table: ids, addresses, sizes",
    "core": "A core of regions, and the files that it is made of",
    "pstore": "ramoops: its zones, their ECC, what they hold",
    "trace": "Trace buffers: metadata, sub-buffers, formats of events",
    "compare": "Two records: what differs that should not",
    "kernel": "The kernel in a RAM dump: its symbols, address space and modules against the record",
    "log": "The kernel's log: what of it cannot be shown, and why",
}

_BY_CODE = {rule.code: rule for rule in RULES}


def rule_named(code: str) -> Rule:
    """The rule with this code. Raises UnknownNameError, with the nearest code."""
    try:
        return _BY_CODE[code.lower()]
    except KeyError:
        hint = did_you_mean(code.lower(), _BY_CODE, "`kinfo explain` lists them all")
        raise UnknownNameError(f"no finding has the code {quoted(code)}", hint) from None
