"""kinfo: the debug-kinfo record that Android and meminspect kernels leave in reserved memory for the boot loader.

    >>> import kinfo
    >>> record = kinfo.decode("dump.bin")
    >>> record.layout.name, record.state.value, record.fields["last_uts_release"]
    >>> kinfo.verify_dt("board.dtb")[0].outcome
    >>> kernel = kinfo.open_kernel("ram.elf")
    >>> kernel.at(0xFFFFA140B1E10004).label, kernel.named("linux_banner")
    >>> [task.comm for task in kernel.tasks() if task.state == "D"], kernel.backtrace(1).labels
    >>> kernel.types["task_struct"].offset("thread.cpu_context.fp")

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from kinfo.version import __version__

TYPE_CHECKING = False  # typing's takes longer to import than all of this
if TYPE_CHECKING:
    from typing import Any

    from kinfo.api import (
        build,
        compare,
        compare_folders,
        core,
        crosscheck,
        debug,
        decode,
        decode_all,
        decode_each,
        encode,
        explain,
        facts,
        find,
        info,
        layout,
        layout_diff,
        layouts,
        lookup,
        read,
        region_values,
        registered,
        rules,
        symbol_file,
        symbolize,
        table,
        triage_page,
        update_baseline,
        vectors,
        verify_dt,
    )
    from kinfo.api.kernels import open_kernel
    from kinfo.api.logs import Symbolized
    from kinfo.api.many import DecodedFile
    from kinfo.api.pages import TriagePage
    from kinfo.debuggers.session import Session
    from kinfo.diff.crosscheck import Crossed
    from kinfo.diff.folders import Alone
    from kinfo.diff.model import Compared, Comparison, Difference, Kind
    from kinfo.diff.of_files import PairOutcome
    from kinfo.diff.policy import Policy
    from kinfo.dt.given import DtOptions
    from kinfo.dt.verify import Verdict
    from kinfo.errors import KinfoError
    from kinfo.examine import Examined
    from kinfo.exports.vectors import Vector
    from kinfo.findings import Finding, Rule, Severity
    from kinfo.kernel.boot.summary import Summary
    from kinfo.kernel.ikconfig import Config, kernel_config
    from kinfo.kernel.kernel import Kernel
    from kinfo.kernel.lookup import Lookup
    from kinfo.kernel.place import Place
    from kinfo.kernel.printk.message import Message, PrintkLog
    from kinfo.kernel.printk.open import dmesg
    from kinfo.kernel.stack.model import Backtrace, Frame
    from kinfo.kernel.tasks.task import Task
    from kinfo.kernel.types import Types
    from kinfo.kernel.types.source import read_types
    from kinfo.kernel_build.model import Fact, Facts
    from kinfo.meminspect.entry import Table
    from kinfo.ramoops_source import open_ramoops
    from kinfo.record.checksum import State
    from kinfo.record.detect import Confidence
    from kinfo.record.layout_diff import LayoutDiff
    from kinfo.record.locate import Hit
    from kinfo.record.model import Field, Layout
    from kinfo.record.record import Fields, Record
    from kinfo.reserved import reserved_memory
    from kinfo.survey.report import Outlier, SurveyReport, survey_report
    from kinfo.survey.run import Surveyed, survey_files
    from kinfo.trace_source import open_traces
    from kinfo.writers import Built, Driver, Registered

_HOMES = {
    "reserved_memory": "kinfo.reserved",
    **dict.fromkeys(("Outlier", "SurveyReport", "survey_report"), "kinfo.survey.report"),
    **dict.fromkeys(("Surveyed", "survey_files"), "kinfo.survey.run"),
    **dict.fromkeys(
        (
            "build",
            "compare",
            "compare_folders",
            "core",
            "crosscheck",
            "debug",
            "decode",
            "decode_all",
            "decode_each",
            "encode",
            "explain",
            "facts",
            "find",
            "info",
            "layout",
            "layout_diff",
            "layouts",
            "lookup",
            "read",
            "region_values",
            "registered",
            "rules",
            "symbol_file",
            "symbolize",
            "table",
            "triage_page",
            "update_baseline",
            "vectors",
            "verify_dt",
        ),
        "kinfo.api",
    ),
    "DecodedFile": "kinfo.api.many",
    "Symbolized": "kinfo.api.logs",
    "TriagePage": "kinfo.api.pages",
    "Session": "kinfo.debuggers.session",
    "Crossed": "kinfo.diff.crosscheck",
    "Alone": "kinfo.diff.folders",
    **dict.fromkeys(("Compared", "Comparison", "Difference", "Kind"), "kinfo.diff.model"),
    "PairOutcome": "kinfo.diff.of_files",
    "Policy": "kinfo.diff.policy",
    "DtOptions": "kinfo.dt.given",
    "Verdict": "kinfo.dt.verify",
    "KinfoError": "kinfo.errors",
    "Examined": "kinfo.examine",
    "Vector": "kinfo.exports.vectors",
    **dict.fromkeys(("Finding", "Rule", "Severity"), "kinfo.findings"),
    "Summary": "kinfo.kernel.boot.summary",
    "Kernel": "kinfo.kernel.kernel",
    "Place": "kinfo.kernel.place",
    "Lookup": "kinfo.kernel.lookup",
    "open_kernel": "kinfo.api.kernels",
    **dict.fromkeys(("Backtrace", "Frame"), "kinfo.kernel.stack.model"),
    "Task": "kinfo.kernel.tasks.task",
    "Types": "kinfo.kernel.types",
    "read_types": "kinfo.kernel.types.source",
    **dict.fromkeys(("Message", "PrintkLog"), "kinfo.kernel.printk.message"),
    "dmesg": "kinfo.kernel.printk.open",
    **dict.fromkeys(("Config", "kernel_config"), "kinfo.kernel.ikconfig"),
    **dict.fromkeys(("Fact", "Facts"), "kinfo.kernel_build.model"),
    "Table": "kinfo.meminspect.entry",
    "open_ramoops": "kinfo.ramoops_source",
    "open_traces": "kinfo.trace_source",
    "State": "kinfo.record.checksum",
    "Confidence": "kinfo.record.detect",
    "LayoutDiff": "kinfo.record.layout_diff",
    "Hit": "kinfo.record.locate",
    **dict.fromkeys(("Field", "Layout"), "kinfo.record.model"),
    **dict.fromkeys(("Fields", "Record"), "kinfo.record.record"),
    **dict.fromkeys(("Built", "Driver", "Registered"), "kinfo.writers"),
}

__all__ = [
    "Alone",
    "Backtrace",
    "Built",
    "Compared",
    "Comparison",
    "Confidence",
    "Config",
    "Crossed",
    "DecodedFile",
    "Difference",
    "Driver",
    "DtOptions",
    "Examined",
    "Fact",
    "Facts",
    "Field",
    "Fields",
    "Finding",
    "Frame",
    "Hit",
    "Kernel",
    "Kind",
    "KinfoError",
    "Layout",
    "LayoutDiff",
    "Lookup",
    "Message",
    "Outlier",
    "PairOutcome",
    "Place",
    "Policy",
    "PrintkLog",
    "Record",
    "Registered",
    "Rule",
    "Session",
    "Severity",
    "State",
    "Summary",
    "SurveyReport",
    "Surveyed",
    "Symbolized",
    "Table",
    "Task",
    "TriagePage",
    "Types",
    "Vector",
    "Verdict",
    "__version__",
    "build",
    "compare",
    "compare_folders",
    "core",
    "crosscheck",
    "debug",
    "decode",
    "decode_all",
    "decode_each",
    "dmesg",
    "encode",
    "explain",
    "facts",
    "find",
    "info",
    "kernel_config",
    "layout",
    "layout_diff",
    "layouts",
    "lookup",
    "open_kernel",
    "open_ramoops",
    "open_traces",
    "read",
    "read_types",
    "region_values",
    "registered",
    "reserved_memory",
    "rules",
    "survey_files",
    "survey_report",
    "symbol_file",
    "symbolize",
    "table",
    "triage_page",
    "update_baseline",
    "vectors",
    "verify_dt",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kinfo' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
