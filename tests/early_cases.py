"""The list of trees: one defect each, by subject. See early_boards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.early_boards import (
    BASE,
    BLOB,
    GONE,
    IMAGE,
    INITRD,
    INITRD_SIZE,
    LATE,
    NEW,
    OLD,
    RAM,
    RAM_END,
    RAM_SIZE,
    SIZE,
    Shape,
    dynamic,
    held,
    lost,
    region,
)
from tests.fdt import N, cells, texts

Row = tuple[Any, ...]


def at(base: int, size: int = SIZE, **more: bytes) -> dict[str, bytes]:
    return {"reg": Shape().pair((base, size))} | more


def sound() -> Iterator[Row]:
    """Shapes in which nothing is wrong, at many places and sizes."""
    for address, size in ((2, 2), (2, 1), (1, 1), (1, 2)):
        yield f"cells-{address}-{size}", Shape(address, size), held()
    for number, base in enumerate((0x44000000, 0x48000000, 0x50000000, 0x5C000000, RAM_END - 0x1000)):
        yield f"sound-at-{number}", Shape(region=at(base), name=f"kinfo@{base:x}"), held(base)
    for size in (0x2000, 0x3000, 0x10000, 0x100000, 0x1000000):
        yield f"sound-size-{size:x}", Shape(region=at(BASE, size)), held()
    yield "sound-mapped", Shape(region={"no-map": GONE}), held()
    yield (
        "sound-with-neighbours",
        Shape(before=[region(BASE - 0x1000, 0x1000)], after=[region(BASE + 0x1000, 0x1000)]),
        held(),
    )
    yield "ram-in-two-banks", Shape(banks=((RAM, 0x18000000), (BASE, 0x8000000))), held()
    yield (
        "ram-banks-meet-in-region",
        Shape(region=at(BASE, 0x2000), banks=((RAM, 0x18001000), (BASE + 0x1000, 0x7FFF000))),
        held(),
    )
    yield "ram-banks-overlap", Shape(banks=((RAM, RAM_SIZE), (BASE, 0x8000000))), held()
    yield "ram-empty-entry", Shape(banks=((0, 0), (RAM, RAM_SIZE))), held()


def places() -> Iterator[Row]:
    """Addresses and sizes that are not in RAM, or only in part."""
    for number, base in enumerate((0x70000000, RAM_END, 0x10000000, 0x30000000, 0x100000000, 1 << 40, 1 << 47)):
        yield f"no-ram-{number}", Shape(region=at(base), name=f"kinfo@{base:x}"), lost()
    for size in (0x2000, 0x10000, 0x1000000):
        yield f"beyond-end-{size:x}", Shape(region=at(RAM_END - 0x1000, size)), lost()
        yield f"before-start-{size:x}", Shape(region=at(RAM - 0x1000, size)), lost()
    yield "hole-between-banks", Shape(banks=((RAM, 0x10000000), (0x5A000000, 0x6000000))), lost()
    yield "half-in-a-hole", Shape(region=at(BASE, 0x2000), banks=((RAM, 0x18001000), (0x59000000, 0x7000000))), lost()
    yield "bank-ends-in-page", Shape(banks=((RAM, 0x18000800),)), lost()
    yield "bank-begins-in-page", Shape(banks=((RAM, 0x10000000), (BASE + 0x800, 0x7000000))), lost()
    yield "whole-ram-and-more", Shape(region=at(BASE, 0x100000000)), lost()
    yield "wraps", Shape(region=at(0xFFFFFFFFFFFFF000, 0x2000)), lost()
    yield "address-zero", Shape(region=at(0)), lost()
    for size in (0x10, 0x80, 0xD7):
        yield f"too-small-{size:x}", Shape(region=at(BASE, size)), lost()
    for offset in (0x10, 0x800, 0xFF0):
        yield f"unaligned-{offset:x}", Shape(region=at(BASE + offset)), held(BASE + offset)
    for size in (0xE00, 0x1800, 0x2001):
        yield f"odd-size-{size:x}", Shape(region=at(BASE, size)), held()


def reg() -> Iterator[Row]:
    """Forms of reg."""
    pair = Shape().pair
    yield "reg-gone", Shape(region={"reg": GONE}), lost()
    yield "reg-empty", Shape(region={"reg": b""}), lost()
    for count in (1, 2, 3, 5, 6, 7):
        yield f"reg-{count}-cells", Shape(region={"reg": cells(0, BASE, 0, SIZE, 0, 0, 0)[: 4 * count]}), lost()
    yield "reg-odd-bytes", Shape(region={"reg": pair((BASE, SIZE)) + b"\0"}), lost()
    yield "reg-two", Shape(region={"reg": pair((BASE, SIZE), (0x59000000, SIZE))}), held()
    yield "reg-three", Shape(region={"reg": pair((BASE, SIZE), (0x59000000, SIZE), (0x5A000000, SIZE))}), held()
    yield "reg-second-in-initrd", Shape(region={"reg": pair((BASE, SIZE), (INITRD, SIZE))}), held()
    yield "reg-first-is-zero", Shape(region={"reg": pair((0, 0), (BASE, SIZE))}), lost()
    yield "reg-size-zero", Shape(region=at(BASE, 0)), lost()
    yield "reg-and-size", Shape(region={"size": cells(0, 0x2000)}), held()
    yield "reg-and-bad-size", Shape(region={"size": cells(1)}), held()
    yield "reg-for-one-cell", Shape(region={"reg": cells(BASE, SIZE)}), lost()
    yield "no-map-with-value", Shape(region={"no-map": cells(0)}), held()
    yield "reusable", Shape(region={"no-map": GONE, "reusable": b""}), held()
    yield "reusable-no-map", Shape(region={"reusable": b""}), held()
    yield "named-without-address", Shape(name="kinfo"), held()
    yield "named-otherwise", Shape(name="kinfo@48000000"), held()
    yield "named-in-capitals", Shape(name="kinfo@5800000A", region=at(0x5800A000)), held(0x5800A000)
    yield "nested-child", Shape(below=[N("inner@58000000", {"reg": pair((0x5A000000, SIZE))})]), held()


def parent() -> Iterator[Row]:
    """/reserved-memory itself."""
    for name in ("#address-cells", "#size-cells", "ranges"):
        yield f"parent-without-{name.strip('#')}", Shape(parent={name: GONE}), lost()
    for value in (0, 1, 3):
        yield f"parent-address-{value}", Shape(parent={"#address-cells": cells(value)}), lost()
        yield f"parent-size-{value}", Shape(parent={"#size-cells": cells(value)}), lost()
    yield (
        "parent-1-1-and-reg",
        Shape(region={"reg": cells(BASE, SIZE)}, parent={"#address-cells": cells(1), "#size-cells": cells(1)}),
        lost(),
    )
    yield "parent-ranges-full", Shape(parent={"ranges": cells(0, 0, 0, 0, 1, 0)}), held()
    yield "parent-disabled", Shape(parent={"status": texts("disabled")}), held()
    yield "parent-with-address", Shape(parent_name="reserved-memory@58000000"), held()
    yield "parent-called-otherwise", Shape(parent_name="reserved_memory"), lost()
    yield "region-elsewhere", Shape(elsewhere=True), lost()
    yield "region-elsewhere-namesake", Shape(elsewhere=True, before=[region(BASE, SIZE, name=f"kinfo@{BASE:x}")]), held()
    for status in ("disabled", "no", "fail", "OK", "reserved", " okay"):
        yield (
            f"status-{status.strip() or 'blank'}{'-blank' if status[0] == ' ' else ''}",
            Shape(region={"status": texts(status)}),
            lost(),
        )
    for status in ("ok", "okay"):
        yield f"status-{status}", Shape(region={"status": texts(status)}), held()
    yield "status-list", Shape(region={"status": texts("okay", "disabled")}), held()
    yield "status-empty-string", Shape(region={"status": b"\0"}), lost()
    yield "status-no-value", Shape(region={"status": b""}), lost(OLD, NEW), held(BASE, LATE)
    yield "status-unterminated", Shape(region={"status": b"disabled"}), lost(OLD, NEW), held(BASE, LATE)


def ram() -> Iterator[Row]:
    """What takes RAM away before the region is looked at."""
    span = Shape().pair
    yield "mem-256M", Shape(bootargs="mem=256M"), lost()
    yield "mem-400M", Shape(bootargs="mem=400M"), held()
    yield "mem-small-k", Shape(bootargs="mem=262144k"), lost()
    yield "mem-hex", Shape(bootargs="mem=0x10000000"), lost()
    yield "mem-twice", Shape(bootargs="mem=256M mem=500M"), held()
    yield "mem-behind-dashes", Shape(bootargs="-- mem=256M"), held()
    yield "mem-larger-than-ram", Shape(bootargs="mem=4G"), held()
    yield "mem-cuts-second-bank", Shape(bootargs="mem=400M", banks=((RAM, 0x18000000), (BASE, 0x8000000))), held()
    yield "usable-range-low", Shape(chosen={"linux,usable-memory-range": span((RAM, 0x10000000))}), lost()
    yield "usable-range-high", Shape(chosen={"linux,usable-memory-range": span((RAM, 0x1C000000))}), held()
    yield (
        "usable-range-two",
        Shape(chosen={"linux,usable-memory-range": span((RAM, 0x10000000), (0x54000000, 0x8000000))}),
        held(),
    )
    yield "usable-memory", Shape(memory={"linux,usable-memory": span((RAM, 0x10000000))}), lost()
    yield (
        "usable-memory-larger",
        Shape(banks=((RAM, 0x10000000),), memory={"linux,usable-memory": span((RAM, RAM_SIZE))}),
        held(),
    )
    second = N("memory@50000000", {"device_type": texts("memory"), "reg": span((0x50000000, 0x10000000))})
    low = ((RAM, 0x10000000),)
    yield "second-memory-node", Shape(banks=low, root=[second]), held()
    off = N("memory@50000000", dict(second.properties) | {"status": texts("disabled")})
    yield "second-memory-node-off", Shape(banks=low, root=[off]), lost()
    bare = N("memory@50000000", dict(second.properties) | {"device_type": b"memory"})
    yield "second-memory-node-unterminated", Shape(banks=low, root=[bare]), held(BASE, OLD, NEW), lost(LATE)
    yield "mem-256M-in-chosen-0", Shape(bootargs="mem=256M", chosen_name="chosen@0"), lost()
    yield "mem-256M-in-chosen-1", Shape(bootargs="mem=256M", chosen_name="chosen@1"), lost()
    untyped = N("memory@50000000", {"reg": span((0x50000000, 0x10000000))})
    yield "second-memory-node-untyped", Shape(banks=low, root=[untyped]), lost()
    yield "second-memory-node-in-a-bus", Shape(banks=low, root=[N("soc", {}, [second])]), lost()


def owners() -> Iterator[Row]:
    """Memory that somebody has, before or after."""
    for name, base in (("image", IMAGE + 0x100000), ("image-start", IMAGE), ("blob", BLOB), ("initrd", INITRD)):
        yield f"in-{name}", Shape(region=at(base), name=f"kinfo@{base:x}"), lost()
    yield "in-initrd-end", Shape(region=at(INITRD + INITRD_SIZE - 0x1000)), lost()
    yield "beside-initrd", Shape(region=at(INITRD + INITRD_SIZE)), held(INITRD + INITRD_SIZE)
    yield "before-initrd", Shape(region=at(INITRD - 0x1000)), held(INITRD - 0x1000)
    yield "in-initrd-mapped", Shape(region=at(INITRD) | {"no-map": GONE}), lost()
    yield "memreserve", Shape(reserve=[(BASE, SIZE)]), lost(OLD), held(BASE, NEW, LATE)
    yield "memreserve-part", Shape(reserve=[(BASE - 0x1000, 0x1800)]), lost(OLD), held(BASE, NEW, LATE)
    yield "memreserve-beside", Shape(reserve=[(BASE - 0x1000, 0x1000), (BASE + 0x1000, 0x1000)]), held()
    yield "memreserve-mapped", Shape(region={"no-map": GONE}, reserve=[(BASE, SIZE)]), held()
    yield "memreserve-behind-zero", Shape(reserve=[(0x5A000000, 0), (BASE, SIZE)]), held()
    header = Shape().pair((BASE, SIZE))
    yield "in-core-header", Shape(chosen={"linux,elfcorehdr": header}), lost()
    yield (
        "in-core-header-mapped",
        Shape(region={"no-map": GONE}, chosen={"linux,elfcorehdr": header}),
        held(BASE, OLD),
        lost(NEW, LATE),
    )
    yield "beside-core-header", Shape(chosen={"linux,elfcorehdr": Shape().pair((BASE + SIZE, SIZE))}), held()
    for mapped in (False, True):
        flag = "mapped" if mapped else "nomap"
        over = region(BASE - 0x1000, 0x10000, no_map=not mapped, name="all@57fff000")
        yield f"covered-before-{flag}", Shape(before=[over]), lost()
        yield f"covered-after-{flag}", Shape(after=[over]), lost()
        part = region(BASE + 0x800, 0x1000, no_map=not mapped)
        yield f"overlap-part-{flag}", Shape(after=[part]), lost()
    yield "twin-elsewhere", Shape(after=[region(0x5A000000, SIZE)]), held()
    yield "disabled-neighbour-over-it", Shape(before=[N("off@58000000", at(BASE, 0x1000, status=texts("disabled")))]), held()


def dynamics() -> Iterator[Row]:
    """Regions that the kernel places: from the top of what is free, down."""
    top = RAM_END - SIZE
    yield "dyn", Shape(name="kinfo", region=dynamic(SIZE)), held(top)
    yield "dyn-no-alignment", Shape(name="kinfo", region=dynamic(SIZE, alignment=None)), held(top)
    yield "dyn-mapped", Shape(name="kinfo", region=dynamic(SIZE) | {"no-map": GONE}), held(top)
    for alignment in (0x10000, 0x100000, 0x400000):
        yield (
            f"dyn-align-{alignment:x}",
            Shape(name="kinfo", region=dynamic(SIZE, alignment=alignment)),
            held(RAM_END - alignment),
        )
    yield "dyn-align-odd", Shape(name="kinfo", region=dynamic(SIZE, alignment=0x1800)), held(0x5FFFE000)
    for size in (0x2000, 0x100000, 0x4000000):
        yield f"dyn-size-{size:x}", Shape(name="kinfo", region=dynamic(size)), held(RAM_END - size)
    yield "dyn-range", Shape(name="kinfo", region=dynamic(SIZE, within=(0x50000000, 0x1000000))), held(0x50FFF000)
    yield "dyn-range-of-all", Shape(name="kinfo", region=dynamic(SIZE, within=(0, 0xFFFFFFFFFFFFFFFF))), held(top)
    yield "dyn-range-no-ram", Shape(name="kinfo", region=dynamic(SIZE, within=(0x80000000, 0x1000000))), lost()
    yield "dyn-range-too-small", Shape(name="kinfo", region=dynamic(0x100000, within=(0x50000000, 0x80000))), lost()
    yield "dyn-larger-than-ram", Shape(name="kinfo", region=dynamic(0x40000000)), lost()
    yield "dyn-size-zero", Shape(name="kinfo", region=dynamic(0)), lost()
    for name, raw in (("size", cells(SIZE)), ("alignment", cells(SIZE)), ("alignment", cells(0, 0, SIZE))):
        yield f"dyn-{name}-of-{len(raw)}", Shape(name="kinfo", region=dynamic(SIZE) | {name: raw}), lost()
    bad = dynamic(SIZE) | {"alloc-ranges": cells(0, 0x50000000, 0x1000000)}
    yield "dyn-ranges-broken", Shape(name="kinfo", region=bad), lost(OLD, NEW), held(top, LATE)
    two = dynamic(SIZE) | {"alloc-ranges": Shape().pair((0x80000000, 0x1000000), (0x50000000, 0x1000000))}
    yield "dyn-second-range", Shape(name="kinfo", region=two), held(0x50FFF000)
    yield (
        "dyn-range-taken",
        Shape(name="kinfo", region=dynamic(SIZE, within=(0x50000000, 0x100000)), after=[region(0x50000000, 0x100000)]),
        lost(),
    )
    half = region(0x50080000, 0x80000)
    yield (
        "dyn-range-half-taken",
        Shape(name="kinfo", region=dynamic(SIZE, within=(0x50000000, 0x100000)), after=[half]),
        held(0x5007F000),
    )
    first = N("first", {"size": cells(0, 0x3000), "alignment": cells(0, 0x1000), "no-map": b""})
    yield (
        "dyn-after-one",
        Shape(name="kinfo", region=dynamic(SIZE), before=[first]),
        held(top - 0x3000, NEW, LATE),
        held(top, OLD),
    )
    yield "dyn-top-taken", Shape(name="kinfo", region=dynamic(SIZE), before=[region(top, SIZE)]), held(top - SIZE)
    yield (
        "dyn-memreserve-at-top",
        Shape(name="kinfo", region=dynamic(SIZE), reserve=[(top, SIZE)]),
        held(top - SIZE, OLD),
        held(top, NEW, LATE),
    )
    yield "dyn-with-mem", Shape(name="kinfo", region=dynamic(SIZE), bootargs="mem=256M"), held(0x4FFFF000)


def limits() -> Iterator[Row]:
    """More regions than a kernel has entries."""

    def fixed(count: int) -> list[N]:
        return [region(0x54000000 + 0x2000 * number, 0x1000) for number in range(count)]

    def placed(count: int) -> list[N]:
        row = {"size": cells(0, 0x1000), "alignment": cells(0, 0x1000), "alloc-ranges": cells(0, 0x50000000, 0, 0x1000000)}
        return [N(f"dyn{number}", row) for number in range(count)]

    yield "fixed-63-before", Shape(before=fixed(63)), held()
    yield "fixed-64-before", Shape(before=fixed(64)), lost(OLD), held(BASE, NEW, LATE)
    yield "fixed-64-after", Shape(after=fixed(64)), held()
    yield "fixed-70-before", Shape(before=fixed(70)), lost(OLD), held(BASE, NEW, LATE)
    yield "placed-64-before", Shape(before=placed(64)), lost(OLD), held(BASE, NEW, LATE)
    yield "placed-70-and-one", Shape(name="kinfo", region=dynamic(SIZE), before=placed(70)), lost()
    yield "placed-63-and-one", Shape(name="kinfo", region=dynamic(SIZE), before=placed(63)), held(RAM_END - SIZE)


def pools() -> Iterator[Row]:
    """shared-dma-pool: taken or refused by its setup functions."""
    pool = {"compatible": texts("shared-dma-pool"), "no-map": GONE}
    yield "pool-cma", Shape(region=at(BASE, 0x400000) | pool | {"reusable": b""}), held()
    yield "pool-cma-small", Shape(region=pool | {"reusable": b""}), lost()
    yield "pool-coherent", Shape(region={"compatible": texts("shared-dma-pool")}), held()
    yield "pool-neither", Shape(region=pool), held()
    yield (
        "pool-both",
        Shape(region={"compatible": texts("shared-dma-pool"), "reusable": b""}),
        lost(OLD, NEW),
        held(BASE, LATE),
    )


GROUPS = (sound, places, reg, parent, ram, owners, dynamics, limits, pools)
