"""kinfo: the debug-kinfo record that Android and meminspect kernels leave in reserved memory for the boot loader.

    >>> import kinfo
    >>> record = kinfo.decode("dump.bin")
    >>> record.layout.name, record.state.value, record.fields["last_uts_release"]
    >>> kinfo.verify_dt("board.dtb")[0].outcome
    >>> kernel = kinfo.open_kernel("ram.elf")
    >>> kernel.at(0xFFFFA140B1E10004).label, kernel.named("linux_banner")

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from kinfo.version import __version__

TYPE_CHECKING = False  # typing's takes longer to import than all of this
if TYPE_CHECKING:
    from typing import Any

    from kinfo.api import build, decode, decode_all, encode, facts, find, layout, layouts, verify_dt
    from kinfo.dt.verify import Verdict
    from kinfo.errors import KinfoError
    from kinfo.findings import Finding, Severity
    from kinfo.kernel.kernel import Kernel, Place
    from kinfo.kernel.open import open_kernel
    from kinfo.kernel.printk.message import Message, PrintkLog
    from kinfo.kernel.printk.open import dmesg
    from kinfo.kernel.types import Types
    from kinfo.kernel.types.source import read_types
    from kinfo.kernel_build.model import Fact, Facts
    from kinfo.record.checksum import State
    from kinfo.record.detect import Confidence
    from kinfo.record.locate import Hit
    from kinfo.record.model import Field, Layout
    from kinfo.record.record import Record
    from kinfo.writers import Built, Driver, Entry

_HOMES = {
    **dict.fromkeys(
        ("build", "decode", "decode_all", "encode", "facts", "find", "layout", "layouts", "verify_dt"), "kinfo.api"
    ),
    **dict.fromkeys(("Built", "Driver", "Entry"), "kinfo.writers"),
    **dict.fromkeys(("Fact", "Facts"), "kinfo.kernel_build.model"),
    "Verdict": "kinfo.dt.verify",
    "open_kernel": "kinfo.kernel.open",
    "dmesg": "kinfo.kernel.printk.open",
    **dict.fromkeys(("Message", "PrintkLog"), "kinfo.kernel.printk.message"),
    "Types": "kinfo.kernel.types",
    "read_types": "kinfo.kernel.types.source",
    **dict.fromkeys(("Kernel", "Place"), "kinfo.kernel.kernel"),
    "KinfoError": "kinfo.errors",
    **dict.fromkeys(("Finding", "Severity"), "kinfo.findings"),
    "State": "kinfo.record.checksum",
    "Confidence": "kinfo.record.detect",
    "Hit": "kinfo.record.locate",
    **dict.fromkeys(("Field", "Layout"), "kinfo.record.model"),
    "Record": "kinfo.record.record",
}

__all__ = [
    "Built",
    "Confidence",
    "Driver",
    "Entry",
    "Fact",
    "Facts",
    "Field",
    "Finding",
    "Hit",
    "Kernel",
    "KinfoError",
    "Layout",
    "Message",
    "Place",
    "PrintkLog",
    "Record",
    "Severity",
    "State",
    "Types",
    "Verdict",
    "__version__",
    "build",
    "decode",
    "decode_all",
    "dmesg",
    "encode",
    "facts",
    "find",
    "layout",
    "layouts",
    "open_kernel",
    "read_types",
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
