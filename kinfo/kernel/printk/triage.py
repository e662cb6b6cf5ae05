"""The first screen of a triage: everything that the log and a few variables say of a crash."""

from __future__ import annotations

from kinfo.errors import DumpError, KernelError
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.printk import crash as crashes
from kinfo.kernel.printk import taint as taints
from kinfo.kernel.printk.crash import Crash, Event
from kinfo.kernel.printk.message import PrintkLog
from kinfo.kernel.printk.taint import Taint
from kinfo.named import NamedTuple


class Triage(NamedTuple):
    """What crashed, as far as it is known.

    `log` is None where the log cannot be read; `no_log` then says why. `machine` is what the boot said of its
    machine, by name; `tainted` the taint of each module that has one.
    """

    log: PrintkLog | None
    no_log: str
    crash: Crash | None
    machine: dict[str, Event]
    taint: Taint | None
    tainted: dict[str, Taint]


def triage(kernel: Kernel) -> Triage:
    """Read the log of a kernel, and put together what it says."""
    try:
        log = kernel.log()
    except (KernelError, DumpError) as error:
        return Triage(None, error.message, None, {}, taints.taint(kernel, []), taints.of_modules(kernel, []))
    from kinfo.kernel.symbolize import Symbolizer

    messages = log.messages
    return Triage(
        log=log,
        no_log="",
        crash=crashes.crash(messages, Symbolizer(kernel).text),
        machine=crashes.machine(messages),
        taint=taints.taint(kernel, messages),
        tainted=taints.of_modules(kernel, messages),
    )
