"""What registers and call traces hold: signed addresses, and return addresses that lie one past the end of a function."""

from __future__ import annotations

from kinfo.arch import arm64
from kinfo.arch.address import KERNEL_HALF
from kinfo.kernel.place import Namer, Place
from kinfo.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from kinfo.kernel.naming import Naming

_CODE = "tTwW"


def unsigned(kernel: Naming, number: int) -> int | None:
    """The VA of the kernel's half that a 64-bit number stands for; None where it is none.

    On arm64 it may be signed. Of 32 bits any can be an address.
    """
    space = kernel.space
    half = space.half if space else KERNEL_HALF
    if number >= half or kernel.word == 4:
        return number
    form = space.form if space else None
    return arm64.without_pac(number, half) if form and form.machine == arm64.MACHINE else None


def returned_to(kernel: Namer, place: Place, address: int) -> Place | None:
    """What a return address at a function's first byte belongs to: the function before, which ends with its call.

    A call of what never returns (panic, do_exit) can be a function's last instruction. The kernel's own traces look up the
    byte before (sprint_backtrace, kernel/kallsyms.c), and print panic+0x6c/0x6c, say. None where nothing adjoins, and for a
    PA: the kernel returns to none.
    """
    if place.offset or place.type not in _CODE or not kernel.is_virtual(address):
        return None
    before = kernel.at(address - 1)
    if before is None or before.module != place.module or before.type not in _CODE or before.offset + 1 != before.size:
        return None
    return before._replace(offset=before.size, pa=place.pa, va=place.va)
