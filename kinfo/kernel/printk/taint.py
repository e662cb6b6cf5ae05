"""Taint: what the kernel holds against itself, as letters with their meaning.

Documentation/admin-guide/tainted-kernels.rst; taint_flags[] in kernel/panic.c. Bit 17 came with 5.18 (as 4.18 with another
meaning on some vendors' kernels), 18 with 6.0, 19 with 6.16. Bit 0 clear is G: every module has a free licence.
"""

from __future__ import annotations

import re

from kinfo.errors import DumpError, KernelError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.printk.message import Message, seconds
from kinfo.named import NamedTuple

FLAGS = (
    ("P", "a module with a licence that is not free was loaded"),
    ("F", "a module was loaded by force"),
    ("S", "the hardware or its settings are out of specification"),
    ("R", "a module was removed by force"),
    ("M", "the processor reported a machine check"),
    ("B", "a page was in a bad state"),
    ("U", "user space asked for it"),
    ("D", "the kernel died: there was an oops or a BUG"),
    ("A", "an ACPI table was overridden"),
    ("W", "there was a warning"),
    ("C", "a driver of drivers/staging was loaded"),
    ("I", "there is a workaround for a bug of the firmware"),
    ("O", "a module from outside the kernel's source was loaded"),
    ("E", "a module without a signature was loaded"),
    ("L", "there was a soft lockup"),
    ("K", "the kernel was patched live"),
    ("X", "the distribution's own flag"),
    ("T", "structs were laid out at random when it was built"),
    ("N", "a test was run in it"),
    ("J", "a fwctl device was changed by user space"),
)
MEANING = dict(FLAGS)
_CLEAN = "G"
_SAID = re.compile(r"\b(?:Not tainted|Tainted: (?P<letters>[A-Z][A-Z ]*?)) +[^ A-Z[]")
_LINKED = re.compile(r"^Modules linked in:(?P<modules>.*)")
_MODULE = re.compile(r"(?P<name>[\w.-]+)\((?P<letters>[A-Z]+)[+-]?\)")


class Taint(NamedTuple):
    """Letters, "" for a kernel that is not tainted, and where they were read."""

    letters: str
    source: str


def taint(kernel: Kernel | None, messages: list[Message]) -> Taint | None:
    """The kernel's taint: by its variable, else by the last message that says so; None where neither does."""
    mask = variables.number(kernel, "tainted_mask", kernel.pointers.word) if kernel else None
    if mask is not None and mask < 1 << len(FLAGS):
        return Taint(letters(mask), "tainted_mask")
    for message in reversed(messages):
        if (found := _SAID.search(message.text)) is not None:
            said = (found["letters"] or "").replace(" ", "").replace(_CLEAN, "")
            return Taint(said, f"the log at {seconds(message.ns)} s")
    return None


def letters(mask: int) -> str:
    """The letters of a mask's bits."""
    return "".join(letter for bit, (letter, _) in enumerate(FLAGS) if mask >> bit & 1)


def of_modules(kernel: Kernel | None, messages: list[Message]) -> dict[str, Taint]:
    """The taint of every module that has one: by struct module (its place out of BTF), else by the log's last list."""
    found = dict(_by_struct(kernel)) if kernel and kernel.modules else {}
    return found or _by_log(messages)


def _by_struct(kernel: Kernel) -> dict[str, Taint]:
    try:
        member = kernel.types.struct("module").member("taints")
        found: dict[str, Taint] = {}
        for module in kernel.modules.all if kernel.modules and kernel.space else ():
            assert kernel.space
            mask = kernel.space.number(module.va + member.offset, member.size)
            if mask >> len(FLAGS):
                return {}
            found[module.name] = Taint(letters(mask), "struct module")
        return {name: one for name, one in found.items() if one.letters}
    except (KernelError, DumpError):
        return {}


def _by_log(messages: list[Message]) -> dict[str, Taint]:
    for message in reversed(messages):
        if (line := _LINKED.match(message.text)) is not None:
            source = f"the log at {seconds(message.ns)} s"
            return {one["name"]: Taint(one["letters"], source) for one in _MODULE.finditer(line["modules"].partition("[")[0])}
    return {}
