"""Which zones the driver makes of a region: fs/pstore/ram.c, ramoops_probe() and ramoops_init_przs(), 4.14 to 7.3."""

from __future__ import annotations

from kinfo.named import NamedTuple
from kinfo.regions.ramoops import ecc

FTRACE_PER_CPU = 1  # RAMOOPS_FLAG_FTRACE_PER_CPU
PMSG_FIRST = ("dmesg", "console", "pmsg", "ftrace")  # seen in 6.12 to 7.3
FTRACE_FIRST = ("dmesg", "console", "ftrace", "pmsg")  # seen in 5.10 and 6.1
ORDERS = (PMSG_FIRST, FTRACE_FIRST)
MOST_ZONES = 1 << 14


class Sizes(NamedTuple):
    """What the node or the module's parameters ask for, in bytes. `cpus` is nr_cpu_ids."""

    record: int = 0
    console: int = 0
    ftrace: int = 0
    pmsg: int = 0
    ecc: int = 0
    flags: int = 0
    cpus: int = 1

    def rounded(self) -> Sizes:
        """As the driver takes them: rounded down to a power of two (Rockchip's kernels leave them as they are)."""
        return self._replace(**{name: power_below(getattr(self, name)) for name in ("record", "console", "ftrace", "pmsg")})


class Planned(NamedTuple):
    """A zone that the driver makes: what it holds, its number among those, where it begins in the region, its size."""

    kind: str
    number: int
    offset: int
    size: int


class ZonePlan(NamedTuple):
    """The zones; or, in the driver's words, why there are none."""

    zones: tuple[Planned, ...]
    fault: str = ""


def power_below(size: int) -> int:
    """The largest power of two that is not larger (rounddown_pow_of_two()); 0 for 0."""
    return 1 << size.bit_length() - 1 if size else 0


def plan(region: int, wanted: Sizes, order: tuple[str, ...] = PMSG_FIRST) -> ZonePlan:
    """The zones of a region of so many bytes."""
    if not region or not any((wanted.record, wanted.console, wanted.ftrace, wanted.pmsg)):
        return ZonePlan((), "The memory size and the record/console size must be non-zero")
    sizes = wanted.rounded()
    asked = {"console": sizes.console, "ftrace": sizes.ftrace, "pmsg": sizes.pmsg}
    asked["dmesg"] = region - sum(asked.values()) if sizes.record else 0
    zones: list[Planned] = []
    at = 0
    for kind in order:
        made = _zones(kind, at, asked[kind], sizes) if asked[kind] else ZonePlan(())
        if asked[kind] < 0 or (not made.fault and at + asked[kind] > region):
            made = ZonePlan((), f"no room for {kind} mem region")
        if not made.fault and made.zones and ecc.geometry(made.zones[0].size, sizes.ecc) is None:
            made = ZonePlan(
                (), f"failed to request {kind} mem region: a zone has no room beside {sizes.ecc} bytes of ECC to a block"
            )
        if made.fault:
            return made
        zones += made.zones
        at = zones[-1].offset + zones[-1].size if zones else 0
    return ZonePlan(tuple(zones))


def _zones(kind: str, at: int, size: int, sizes: Sizes) -> ZonePlan:
    """Zones of one kind and size; those of which there may be several are rounded down to 2 bytes."""
    count, each = 1, size
    if kind == "dmesg":
        count = size // sizes.record if size > 0 else 1
        if not count:
            return ZonePlan((), f"dmesg record count == 0 ({size} / {sizes.record})")
        if count > MOST_ZONES:
            return ZonePlan((), f"{count} records are more than any board has")
    elif kind == "ftrace" and sizes.flags & FTRACE_PER_CPU:
        count = max(sizes.cpus, 1)
    if kind in ("dmesg", "ftrace"):
        each = size // count // 2 * 2
    if not each:
        return ZonePlan((), f"{kind} zone size == 0")
    return ZonePlan(tuple(Planned(kind, number, at + number * each, each) for number in range(count)))
