"""Every driver that is modelled."""

from __future__ import annotations

from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.writers import android, meminspect, pixel
from kinfo.writers.model import Driver


def _upstream(name: str, title: str, layout: str, posting: meminspect.Posting) -> Driver:
    return Driver(name, title, (layout,), meminspect.planner(posting), takes_entries=True)


DRIVERS: tuple[Driver, ...] = (
    Driver("android", "Android's debug_kinfo driver", android.LAYOUTS, android.plan, android.default_layout),
    Driver("android-samsung", "Samsung's copy for 6.6: seqs_of_names in _addresses_pa", ("A6",), android.samsung),
    Driver(
        "android-gt8pro",
        "the realme GT8pro's copy for 6.12: no _text_pa, no seqs",
        ("C", "B", "A6"),
        android.gt8pro,
        lambda _: "C",
    ),
    Driver("kdebuginfo", "Google's kdebuginfo of 2018: virtual addresses", ("Z0",), android.kdebuginfo),
    Driver("pixel", "the Pixel vendor module's block", pixel.LAYOUTS, pixel.plan, lambda _: "V1"),
    _upstream("kmemdump-rfc-v2", "kmemdump RFC v2, posted 2025-07", "C", meminspect.RFC_V2),
    _upstream("kmemdump-rfc-v3", "kmemdump RFC v3, posted 2025-09", "C", meminspect.RFC_V3),
    _upstream("meminspect-v1", "meminspect v1, posted 2025-11", "C", meminspect.V1),
    _upstream("meminspect-v2", "meminspect v2, posted 2026-03", "C", meminspect.V2),
    _upstream("meminspect-v3", "meminspect v3, posted 2026-07", "D", meminspect.V3),
)
_BY_NAME = {driver.name: driver for driver in DRIVERS}


def driver_named(name: str) -> Driver:
    """The driver of this name. Raises UnknownNameError."""
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        choices = f"choose one of: {', '.join(_BY_NAME)}"
        raise UnknownNameError(f"no driver is called {name!r}", did_you_mean(name.lower(), _BY_NAME, choices)) from None
