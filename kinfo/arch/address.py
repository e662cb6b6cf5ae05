"""Arithmetic of 64-bit addresses, of every architecture: differences of a VA and a PA wrap around at 2^64."""

from __future__ import annotations

SPACE = 1 << 64
MASK = SPACE - 1
KERNEL_HALF = 1 << 63  # of the kernel's VAs: arm64's TTBR1, x86-64's negative canonical addresses
PA_LIMIT = 1 << 52  # no arm64 (FEAT_LPA) or x86-64 (MAXPHYADDR) kernel has wider physical addresses


def signed(number: int) -> int:
    """A difference modulo 2^64 as a signed number."""
    return number - SPACE if number & KERNEL_HALF else number


def align(number: int, to: int) -> int:
    """The next multiple of `to`; the number itself where it is one."""
    return number + -number % to
