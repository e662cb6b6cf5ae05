"""Generated trees with one defect each, and what the kernel makes of their kinfo memory.

The expectations are typed from what each kernel's functions do (drivers/of, mm/memblock.c), and `python -m tools.devicetrees`
boots them; none comes from the model that is tested with them. The machine is QEMU's virt with 512
MiB: RAM at 0x40000000, the kernel's Image at 0x40200000, the blob at 0x4a000000, the initrd at 0x4b000000.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.fdt import N, blob, cells, texts

RAM, RAM_SIZE = 0x40000000, 0x20000000
IMAGE, BLOB, INITRD, INITRD_SIZE = 0x40200000, 0x4A000000, 0x4B000000, 0x100000
RAM_END = RAM + RAM_SIZE
BASE, SIZE = 0x58000000, 0x1000
HANDLE = 7
GONE = b"GONE"
_ARGUMENTS = "console=ttyAMA0 earlycon=pl011,0x9000000 loglevel=7 nokaslr panic=-1 memblock=debug"
HELD, LOST = "held", "lost"  # and "dead": the kernel does not come up
NEW, OLD, LATE, NEWEST = "6.12", "6.1", "7.2", "7.3"  # the kernels that are booted
ALL = (OLD, NEW, LATE, NEWEST)


class Expected(NamedTuple):
    """The memory's outcome on some kernels; `start` where it is held at a known place."""

    outcome: str
    start: int | None = None
    kernels: tuple[str, ...] = ALL


class Case(NamedTuple):
    """A tree with one defect: the blob, and what comes of it on each kernel.

    `region`: its name; `place`: how many regions come before it; `asked`: its first address (None where it is to be placed)
    and size.
    """

    name: str
    region: str
    place: int
    asked: tuple[int | None, int]
    blob: bytes
    expected: tuple[Expected, ...]


def number(value: int, width: int) -> bytes:
    return value.to_bytes(4 * width, "big")


class Shape(NamedTuple):
    """How the machine's tree is written: cells, and what is changed in it."""

    address: int = 2
    size: int = 2
    region: Mapping[str, bytes] = {}
    name: str = f"kinfo@{BASE:x}"
    before: Sequence[N] = ()
    after: Sequence[N] = ()
    parent: Mapping[str, bytes] = {}
    parent_name: str = "reserved-memory"
    chosen: Mapping[str, bytes] = {}
    chosen_name: str = "chosen"
    bootargs: str = ""
    banks: Sequence[tuple[int, int]] = ((RAM, RAM_SIZE),)
    memory: Mapping[str, bytes] = {}
    root: Sequence[N] = ()
    reserve: Sequence[tuple[int, int]] = ()
    below: Sequence[N] = ()
    elsewhere: bool = False

    def pair(self, *ranges: tuple[int, int]) -> bytes:
        return b"".join(number(base, self.address) + number(size, self.size) for base, size in ranges)

    def tree(self) -> N:
        own = {"reg": self.pair((BASE, SIZE)), "no-map": b"", "phandle": cells(HANDLE)} | dict(self.region)
        kinfo = N(self.name, {name: raw for name, raw in own.items() if raw != GONE}, self.below)
        parent = {"#address-cells": cells(self.address), "#size-cells": cells(self.size), "ranges": b""} | dict(self.parent)
        regions = [*self.before, *([] if self.elsewhere else [kinfo]), *self.after]
        reserved = N(self.parent_name, {name: raw for name, raw in parent.items() if raw != GONE}, regions)
        pointer = {"memory-region": cells(HANDLE)}
        nodes = [
            N(self.chosen_name, self._chosen()),
            N(f"memory@{RAM:x}", {"device_type": texts("memory"), "reg": self.pair(*self.banks)} | dict(self.memory)),
            *_machine(self),
            reserved,
            N("debug-kinfo", {"compatible": texts("google,debug-kinfo")} | pointer),
            N("dss-debug-kinfo", {"compatible": texts("google,debug-snapshot-debug-kinfo")} | pointer),
            *([kinfo] if self.elsewhere else []),
            *self.root,
        ]
        head = {
            "compatible": texts("linux,dummy-virt"),
            "interrupt-parent": cells(1),
            "#address-cells": cells(self.address),
            "#size-cells": cells(self.size),
        }
        return N("", head, nodes)

    def asked(self) -> tuple[int | None, int]:
        """Address and size in the region's reg, or the size alone."""
        raw = dict(self.region).get("reg", self.pair((BASE, SIZE)))
        if raw == GONE:
            return None, int.from_bytes(dict(self.region).get("size", b""), "big")
        edge = 4 * self.address
        return int.from_bytes(raw[:edge][-8:], "big"), int.from_bytes(raw[edge : edge + 4 * self.size], "big")

    def _chosen(self) -> dict[str, bytes]:
        arguments = f"{_ARGUMENTS} {self.bootargs}".strip()
        first = {
            "stdout-path": texts("/pl011@9000000"),
            "bootargs": texts(arguments),
            "linux,initrd-start": number(INITRD, 2),
            "linux,initrd-end": number(INITRD + INITRD_SIZE, 2),
        }
        return {name: raw for name, raw in (first | dict(self.chosen)).items() if raw != GONE}


def _machine(shape: Shape) -> list[N]:
    """What Linux needs of QEMU's virt machine to speak: a CPU, PSCI, timer, interrupt controller, clock, UART."""
    cpu = {
        "device_type": texts("cpu"),
        "compatible": texts("arm,cortex-a57"),
        "reg": cells(0),
        "enable-method": texts("psci"),
    }
    interrupts = b"".join(cells(1, line, 0x104) for line in (13, 14, 11, 10))
    gic = {
        "compatible": texts("arm,cortex-a15-gic"),
        "interrupt-controller": b"",
        "#interrupt-cells": cells(3),
        "reg": shape.pair((0x8000000, 0x10000), (0x8010000, 0x10000)),
        "phandle": cells(1),
    }
    uart = {
        "compatible": texts("arm,pl011", "arm,primecell"),
        "reg": shape.pair((0x9000000, 0x1000)),
        "interrupts": cells(0, 1, 4),
        "clocks": cells(2, 2),
        "clock-names": texts("uartclk", "apb_pclk"),
    }
    clock = {
        "compatible": texts("fixed-clock"),
        "#clock-cells": cells(0),
        "clock-frequency": cells(24000000),
        "phandle": cells(2),
    }
    return [
        N("cpus", {"#address-cells": cells(1), "#size-cells": cells(0)}, [N("cpu@0", cpu)]),
        N("psci", {"compatible": texts("arm,psci-1.0", "arm,psci-0.2"), "method": texts("hvc")}),
        N("timer", {"compatible": texts("arm,armv8-timer"), "always-on": b"", "interrupts": interrupts}),
        N("intc@8000000", gic),
        N("apb-pclk", clock),
        N("pl011@9000000", uart),
    ]


def region(base: int, size: int, shape: Shape = Shape(), *, no_map: bool = True, name: str = "", **more: bytes) -> N:  # noqa: B008
    """Another region."""
    flags = {"no-map": b""} if no_map else {}
    return N(name or f"other@{base:x}", {"reg": shape.pair((base, size))} | flags | more)


def dynamic(size: int, *, alignment: int | None = 0x1000, within: tuple[int, int] | None = None) -> dict[str, bytes]:
    """The properties of a region that is placed, with two and two cells."""
    found = {"reg": GONE, "size": number(size, 2)}
    if alignment is not None:
        found["alignment"] = number(alignment, 2)
    if within:
        found["alloc-ranges"] = number(within[0], 2) + number(within[1], 2)
    return found


def held(start: int = BASE, *kernels: str) -> Expected:
    return Expected(HELD, start, kernels or ALL)


def lost(*kernels: str) -> Expected:
    return Expected(LOST, None, kernels or ALL)


def cases() -> Iterator[Case]:
    """Every tree of the list; names are unique."""
    from tests import early_cases, early_odd

    for group in (*early_cases.GROUPS, *early_odd.GROUPS):
        for name, shape, *expected in group():
            yield Case(
                name, shape.name, len(shape.before), shape.asked(), blob(shape.tree(), reserve=shape.reserve), tuple(expected)
            )
