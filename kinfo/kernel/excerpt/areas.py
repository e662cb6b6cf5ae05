"""The kernel's own memory outside its image: modules, log, tasks and their stacks, per-CPU variables."""

from __future__ import annotations

from collections.abc import Iterator

from kinfo.errors import KernelError, KinfoError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.printk import ring
from kinfo.kernel.printk.of_kernel import where_of
from kinfo.kernel.printk.reach import exactly
from kinfo.kernel.printk.read import layouts_of
from kinfo.kernel.printk.where import NO_LOG, Where
from kinfo.kernel.stack.stacks import cpu_stacks
from kinfo.kernel.tasks.every import Tasks
from kinfo.named import NamedTuple

_RINGS = ("prb", "printk_rb_static")
_LARGEST_STRUCT = 1 << 16  # task_struct has some 10,000 bytes
_LARGEST_PER_CPU = 1 << 24  # of a CPU's part of the image: some 100,000


class VirtualArea(NamedTuple):
    """Bytes from a VA on."""

    va: int
    size: int


def modules(kernel: Kernel) -> Iterator[VirtualArea]:
    """All memory of all modules: struct module, symbols, unwind tables lie in it."""
    for module in kernel.modules.all if kernel.modules else ():
        yield from (VirtualArea(part.start, part.size) for part in module.ranges)


def log(kernel: Kernel) -> Iterator[VirtualArea]:
    """The log's tables and text, the boot's static ring too. Raises KernelError where nothing leads to a log."""
    where = where_of(kernel)
    if where.address("prb") is None:
        yield from _log_buf(where)
        return
    for name in _RINGS:
        if (at := where.address(name)) is not None:
            va = _number(where, at, name) if name == "prb" else at
            yield from _of_ring(where, va)


def _of_ring(where: Where, va: int) -> Iterator[VirtualArea]:
    found = ring.found_ring(where.reach, layouts_of(where), va)
    head, layout = found.head, found.layout
    yield VirtualArea(va, layout.size)
    yield VirtualArea(head.descs, head.slots * layout.desc.size)
    yield VirtualArea(head.infos, head.slots * layout.info.size)
    yield VirtualArea(head.text, 1 << head.size_bits)


def _log_buf(where: Where) -> Iterator[VirtualArea]:
    """Before 5.10: one buffer."""
    start, length = (where.address(name) for name in ("log_buf", "log_buf_len"))
    if start is None or length is None:
        raise KernelError(f"nothing in {where.source} says where the kernel's log is", NO_LOG)
    size = int.from_bytes(exactly(where.reach, length, 4, "log_buf_len"), "little")
    yield VirtualArea(_number(where, start, "log_buf"), size)


def _number(where: Where, at: int, what: str) -> int:
    return int.from_bytes(exactly(where.reach, at, where.reach.word, what), "little")


def tasks(found: Tasks) -> Iterator[VirtualArea]:
    """task_struct and signal_struct of every task."""
    size, signal = found.fields.struct.size, found.fields.struct.target("signal")
    for task in found.all:
        yield VirtualArea(task.va, min(size, _LARGEST_STRUCT))
        if signal:
            try:
                va = found.reader.number(task.va + found.fields.signal.offset)
            except KinfoError:
                continue
            yield VirtualArea(va, min(signal.size, _LARGEST_STRUCT))


def stacks(found: Tasks) -> Iterator[VirtualArea]:
    """The stack of every task, and those of the CPUs for interrupts."""
    for task in found.all:
        if task.stack:
            yield VirtualArea(task.stack, found.thread_size)
    for cpu in range(found.cpus.count):
        yield from (VirtualArea(one.low, one.high - one.low) for one in cpu_stacks(found, cpu))


def per_cpu(found: Tasks) -> Iterator[VirtualArea]:
    """Each CPU's copy of the image's per-CPU variables (__per_cpu_start to __per_cpu_end)."""
    for cpu in range(found.cpus.count):
        start, end = (found.cpus.address(f"__per_cpu_{name}", cpu) for name in ("start", "end"))
        if start is not None and end is not None and 0 < end - start <= _LARGEST_PER_CPU:
            yield VirtualArea(start, end - start)


def vmcoreinfo_page(kernel: Kernel) -> Iterator[VirtualArea]:
    """The page that the kernel writes VMCOREINFO to."""
    pointer = variables.number(kernel, "vmcoreinfo_data")
    if pointer and kernel.space and kernel.space.form:
        yield VirtualArea(pointer, kernel.space.form.page_size)
