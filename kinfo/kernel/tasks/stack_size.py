"""How large the stack of a task is: THREAD_SIZE."""

from __future__ import annotations

from kinfo.arch import arm
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel

_USUAL = {8: 1 << 14, 4: arm.THREAD_SIZE}  # by the bytes of a long: arm64 and x86-64, arm, without KASAN
_SMALLEST, _LARGEST = 1 << 12, 1 << 20


def thread_size(kernel: Kernel) -> int:
    """Bytes of a task's stack: of union thread_union, which holds one, else of the first task's, else what the record says.

    Some kernels' BTF lacks the union. Where nothing says it, it is that of kernels without KASAN, and a page at least.
    """
    union = kernel.types.find("thread_union")
    if union and _is_sound(union.size):
        return union.size
    start, end = (variables.pa_of(kernel, f"__{name}_init_stack") for name in ("start", "end"))  # vmlinux.lds.h
    between = end - start if start is not None and end is not None else 0
    stated = next(filter(_is_sound, (between, kernel.pointers.count("thread_size"))), 0)
    page = kernel.space.form.page_size if kernel.space and kernel.space.form else 0
    return stated or max(_USUAL[kernel.word], page)


def _is_sound(size: int) -> bool:
    return _SMALLEST <= size <= _LARGEST and not size & (size - 1)
