"""Two kernels in one memory, as after a warm reset with physical KASLR: the image of the one before is still whole."""

from __future__ import annotations

from dataclasses import replace

from tests.kernels.image import Kernel, Spec, make

_HALF = 0x800000


def pair(low: Spec | None = None, high: Spec | None = None) -> tuple[Kernel, Kernel]:
    """Two kernels of 16 MiB of RAM, one in each half with all that is its own; both have the memory of both."""
    low = low or Spec()
    high = high or replace(low, slide=0x1A400000, module_va=low.first_module_va + 0x2000000)
    base = low.ram[0]
    first = make(replace(low, ram_size=2 * _HALF, record_pa=base + _HALF - 0x10000))
    second = make(replace(high, ram_size=2 * _HALF, text_pa=base + _HALF + 0x10000))
    first.memory[_HALF:] = second.memory[_HALF:]
    second.memory = first.memory
    return first, second
