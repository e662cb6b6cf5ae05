"""Every driver that is modelled."""

from __future__ import annotations

from collections.abc import Callable

from kinfo.errors import FieldError, UnknownNameError, did_you_mean
from kinfo.printable import quoted
from kinfo.record.kernels import Version
from kinfo.writer_rows import rows
from kinfo.writer_rows.model import WriterRow
from kinfo.writers import android, meminspect, pixel
from kinfo.writers.model import Driver, Plan, Request

# The drivers that write the record at once: how they fill it, and which layout a release calls for.
_PLANS: dict[str, tuple[Callable[[Request], Plan], Callable[[Version], str | None]]] = {
    "android": (android.plan, android.default_layout),
    "android-samsung": (android.samsung, lambda _: None),
    "android-gt8pro": (android.gt8pro, lambda _: "C"),
    "kdebuginfo": (android.kdebuginfo, lambda _: None),
    "pixel": (pixel.plan, lambda _: "V1"),
}


def driver_of(row: WriterRow) -> Driver:
    """The driver of a row: by its plan, or region by region as its posting says. Raises FieldError for a row with neither."""
    if row.posting:
        newest = row.layouts[0]  # of a posting that is said to write several, whatever the release: it is one source
        plan = meminspect.planner(row, row.posting)
        return Driver(row.name, row.title, row.layouts, plan, lambda _: newest, takes_entries=True)
    if row.name not in _PLANS:
        raise FieldError(f"{row.name} has neither a posting in its row nor a plan", "add one of them")
    of_its_own, default = _PLANS[row.name]
    return Driver(row.name, row.title, row.layouts, of_its_own, default)


DRIVERS: tuple[Driver, ...] = tuple(map(driver_of, rows.ROWS))
_BY_NAME = {driver.name: driver for driver in DRIVERS}


def driver_named(name: str) -> Driver:
    """The driver of this name. Raises UnknownNameError."""
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        choices = f"choose one of: {', '.join(_BY_NAME)}"
        raise UnknownNameError(f"no driver is called {quoted(name)}", did_you_mean(name.lower(), _BY_NAME, choices)) from None
