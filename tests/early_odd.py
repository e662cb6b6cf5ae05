"""More trees, two features of each: at the corners where kernels differ from one another and from what one expects.

The outcomes are what 6.1.192, 6.12.117, 7.2.13 and 7.3-rc7 made of them. See early_boards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.early_boards import (
    BASE,
    GONE,
    LATE,
    NEW,
    NEWEST,
    OLD,
    RAM,
    RAM_END,
    RAM_SIZE,
    SIZE,
    Expected,
    Shape,
    dynamic,
    held,
    lost,
    number,
    region,
)
from tests.early_cases import at
from tests.fdt import N, cells, texts

Row = tuple[Any, ...]
S = Shape().pair
CMA = {"compatible": texts("shared-dma-pool"), "reusable": b""}
DMA = {"compatible": texts("shared-dma-pool")}
TWO_BANKS = ((RAM, 0x10000000), (0x54000000, 0x8000000))


def dead(*kernels: str) -> Expected:
    return Expected("dead", None, kernels)


def within(*ranges: tuple[int, int]) -> dict[str, bytes]:
    return {"alloc-ranges": S(*ranges)}


def placed(name: str, size: int, *, no_map: bool = True, **more: Any) -> N:
    """Another region without an address; `more` are arguments of dynamic(), or properties."""
    asked = {key: more.pop(key) for key in ("alignment", "within") if key in more}
    flags = {"no-map": b""} if no_map else {}
    return N(name, {key: raw for key, raw in dynamic(size, **asked).items() if raw != GONE} | flags | more)


def kinfo(**asked: Any) -> dict[str, Any]:
    return {"name": "kinfo", "region": dynamic(SIZE, **asked)}


def pool(base: int, size: int) -> N:
    return N(f"other@{base:x}", {"reg": S((base, size))} | CMA)


def fixed(count: int, start: int = 0x54000000) -> list[N]:
    return [region(start + 0x2000 * one, 0x1000) for one in range(count)]


def several(count: int) -> list[N]:
    return [placed(f"d{one}", 0x1000, within=(0x50000000, 0x1000000)) for one in range(count)]


def initrd(start: int, end: int) -> dict[str, bytes]:
    return {"linux,initrd-start": number(start, 2), "linux,initrd-end": number(end, 2)}


def shapes() -> Iterator[Row]:
    """Cells, ranges, banks and alignments."""
    yield (
        "odd-cells-3-dynamic",
        Shape(3, 2, name="kinfo", region={"reg": GONE, "size": number(SIZE, 2), "alignment": number(SIZE, 3)}),
        held(0x5FFFF000),
    )
    yield "odd-cells-3-fixed", Shape(3, 2), held()
    yield (
        "odd-cells-3-align-2",
        Shape(3, 2, name="kinfo", region={"reg": GONE, "size": number(SIZE, 2), "alignment": number(SIZE, 2)}),
        lost(),
    )
    yield (
        "odd-cells-1-dynamic",
        Shape(
            1,
            1,
            name="kinfo",
            region={
                "reg": GONE,
                "size": number(SIZE, 1),
                "alignment": number(SIZE, 1),
                "alloc-ranges": cells(0x50000000, 0x100000),
            },
        ),
        held(0x500FF000),
    )
    yield (
        "odd-cells-1-high-range",
        Shape(
            1,
            1,
            name="kinfo",
            region={
                "reg": GONE,
                "size": number(SIZE, 1),
                "alignment": number(SIZE, 1),
                "alloc-ranges": cells(0x50000000, 0xFFFFFFFF),
            },
        ),
        held(0x5FFFF000),
    )
    yield "odd-cells-3-high-word", Shape(3, 2, region={"reg": cells(1, 0, BASE, 0, SIZE)}), held()
    yield "odd-cells-2-3", Shape(2, 3), held()
    yield (
        "odd-ranges-in-two-banks",
        Shape(name="kinfo", region=dynamic(SIZE) | within((0x4F000000, 0x1000000), (0x54000000, 0x1000000)), banks=TWO_BANKS),
        held(0x4FFFF000),
    )
    yield (
        "odd-range-over-the-hole",
        Shape(name="kinfo", region=dynamic(SIZE) | within((0x4FF00000, 0x4200000)), banks=TWO_BANKS),
        held(0x540FF000),
    )
    yield (
        "odd-range-in-the-hole",
        Shape(name="kinfo", region=dynamic(SIZE) | within((0x51000000, 0x1000000)), banks=TWO_BANKS),
        lost(),
    )
    yield "odd-size-larger-than-bank-part", Shape(name="kinfo", region=dynamic(0x9000000), banks=TWO_BANKS), lost()
    yield "odd-range-zero-zero", Shape(name="kinfo", region=dynamic(SIZE) | within((0, 0))), held(0x5FFFF000)
    yield "odd-range-size-zero", Shape(name="kinfo", region=dynamic(SIZE) | within((0x50000000, 0))), lost()
    yield "odd-range-exact", Shape(name="kinfo", region=dynamic(SIZE) | within((0x50000000, SIZE))), held(0x50000000)
    yield (
        "odd-range-unaligned-ends",
        Shape(name="kinfo", region=dynamic(SIZE) | within((0x50000800, 0x2000))),
        held(0x50001000),
    )
    yield (
        "odd-range-wraps",
        Shape(name="kinfo", region=dynamic(SIZE) | within((0x50000000, 0xFFFFFFFFB0000000))),
        held(0x5FFFF000),
    )
    yield "odd-range-wraps-past", Shape(name="kinfo", region=dynamic(SIZE) | within((0x50000000, 0xFFFFFFFFF0000000))), lost()
    yield "odd-range-first-below-ram", Shape(name="kinfo", region=dynamic(SIZE) | within((0, 0x40002000))), held(0x40001000)
    yield (
        "odd-near-below",
        Shape(name="kinfo", region=dynamic(SIZE) | within((0x50001000, 0x10000)), after=[region(0x50000000, 0x1000)]),
        held(0x50010000),
    )
    yield (
        "odd-near-both",
        Shape(
            name="kinfo",
            region=dynamic(SIZE) | within((0x50001000, 0x10000)),
            after=[region(0x50000000, 0x1000), region(0x50011000, 0x1000)],
        ),
        held(0x50010000),
    )
    yield (
        "odd-near-above",
        Shape(name="kinfo", region=dynamic(SIZE) | within((0x50001000, 0x10000)), after=[region(0x50011000, 0x1000)]),
        held(0x50010000),
    )
    yield (
        "odd-near-inside",
        Shape(name="kinfo", region=dynamic(SIZE) | within((0x50001000, 0x10000)), after=[region(0x50000000, 0x3000)]),
        held(0x50010000),
    )
    yield (
        "odd-near-mapped-below",
        Shape(
            name="kinfo",
            region=dynamic(SIZE) | within((0x50001000, 0x10000)),
            after=[region(0x50000000, 0x1000, no_map=False)],
        ),
        held(0x50010000),
    )
    yield (
        "odd-near-dynamic-neighbour",
        Shape(
            name="kinfo",
            region=dynamic(SIZE) | within((0x50000000, 0x10000)),
            before=[placed("a", 0x4000, within=(0x50000000, 0x4000))],
        ),
        held(0x5000F000, OLD),
        held(0x50004000, NEW, LATE, NEWEST),
    )
    yield (
        "odd-near-aligned-up",
        Shape(
            name="kinfo",
            region=dynamic(SIZE, alignment=0x4000) | within((0x50001000, 0x10000)),
            after=[region(0x50000000, 0x1000)],
        ),
        held(0x50010000),
    )
    yield "odd-align-zero", Shape(name="kinfo", region=dynamic(SIZE, alignment=0)), held(0x5FFFF000)
    yield "odd-align-one", Shape(name="kinfo", region=dynamic(SIZE, alignment=1)), held(0x5FFFF000)
    yield "odd-align-huge", Shape(name="kinfo", region=dynamic(SIZE, alignment=1 << 40)), lost()
    yield "odd-align-512M", Shape(name="kinfo", region=dynamic(SIZE, alignment=0x20000000)), held(0x40000000)
    yield "odd-align-256M", Shape(name="kinfo", region=dynamic(SIZE, alignment=0x10000000)), held(0x50000000)
    yield "odd-align-3-pages", Shape(name="kinfo", region=dynamic(SIZE, alignment=0x3000)), held(0x5FFFD000)
    yield (
        "odd-size-small-align",
        Shape(name="kinfo", region=dynamic(0x1D8, alignment=0x40)),
        held(0x5FFFFE00, OLD, LATE),
        dead(NEW, NEWEST),
    )
    yield (
        "odd-size-odd-align",
        Shape(name="kinfo", region=dynamic(0x1801, alignment=0x1000)),
        held(0x5FFFE000, OLD, LATE),
        dead(NEW, NEWEST),
    )
    yield (
        "odd-size-no-align-then-page",
        Shape(name="kinfo", region=dynamic(SIZE), before=[placed("a", 0x30, alignment=None)]),
        held(0x5FFFF000, OLD),
        dead(NEW, NEWEST),
        held(0x5FFFE000, LATE),
    )


def pools() -> Iterator[Row]:
    """Pools, and what is given back."""
    yield "odd-cma-default-fixed", Shape(region=at(BASE, 0x400000) | CMA | {"no-map": GONE, "linux,cma-default": b""}), held()
    yield (
        "odd-cma-default-and-arg",
        Shape(region=at(BASE, 0x400000) | CMA | {"no-map": GONE, "linux,cma-default": b""}, bootargs="cma=64M"),
        lost(),
    )
    yield "odd-cma-2M", Shape(region=at(BASE, 0x200000) | CMA | {"no-map": GONE}), held()
    yield "odd-cma-1M", Shape(region=at(BASE, 0x100000) | CMA | {"no-map": GONE}), lost()
    yield "odd-cma-3M", Shape(region=at(BASE, 0x300000) | CMA | {"no-map": GONE}), lost()
    yield "odd-cma-base-off", Shape(region=at(BASE + 0x100000, 0x400000) | CMA | {"no-map": GONE}), lost()
    yield "odd-cma-dynamic", Shape(name="kinfo", region=dynamic(0x400000) | CMA | {"no-map": GONE}), held(0x5FC00000)
    yield "odd-cma-dynamic-odd", Shape(name="kinfo", region=dynamic(0x300000) | CMA | {"no-map": GONE}), lost()
    yield (
        "odd-cma-dynamic-before",
        Shape(**kinfo(), before=[placed("cma", 0x1000000, no_map=False, **CMA, **{"linux,cma-default": b""})]),
        held(0x5FFFF000, OLD),
        held(0x5EFFF000, NEW, LATE, NEWEST),
    )
    yield (
        "odd-cma-dynamic-refused-before",
        Shape(**kinfo(), before=[placed("cma", 0x300000, no_map=False, **CMA)]),
        held(0x5FFFF000),
    )
    yield (
        "odd-cma-freed-then-taken",
        Shape(**kinfo(), before=[pool(RAM_END - 0x100000, 0x100000)]),
        held(0x5FEFF000),
    )
    yield "odd-cma-beside", Shape(before=[pool(BASE - 0x400000, 0x400000)]), held()
    yield "odd-cma-over", Shape(before=[pool(BASE - 0x400000, 0x800000)]), lost()
    yield "odd-dma-fixed-small", Shape(region=at(BASE, 0x1800) | DMA | {"no-map": GONE}), held()
    yield "odd-dma-nomap-default", Shape(region=DMA | {"linux,dma-default": b""}), held()
    yield "odd-dma-dynamic", Shape(name="kinfo", region=dynamic(0x2000) | DMA), held(0x5FFFE000)
    yield (
        "odd-both-dynamic",
        Shape(name="kinfo", region=dynamic(0x400000) | CMA),
        lost(OLD, NEW),
        held(0x5FC00000, LATE, NEWEST),
    )
    yield (
        "odd-reusable-dynamic",
        Shape(name="kinfo", region=dynamic(SIZE) | {"reusable": b"", "no-map": GONE}),
        held(0x5FFFF000),
    )
    yield (
        "odd-pool-second-compatible",
        Shape(region={"compatible": texts("a,b", "shared-dma-pool"), "reusable": b"", "no-map": GONE}),
        lost(),
    )
    yield "odd-restricted-pool", Shape(region={"compatible": texts("restricted-dma-pool")}), held()
    yield "odd-restricted-pool-mapped", Shape(region={"compatible": texts("restricted-dma-pool"), "no-map": GONE}), held()
    yield "odd-ramoops", Shape(region={"compatible": texts("ramoops"), "no-map": GONE}), held()


def owners() -> Iterator[Row]:
    """The initrd, the command line, usable memory, core headers and /memreserve/."""
    yield "odd-initrd-over-dyn-top", Shape(**kinfo(), chosen=initrd(RAM_END - 0x100000, RAM_END)), held(0x5FEFF000)
    yield "odd-initrd-unaligned", Shape(**kinfo(), chosen=initrd(RAM_END - 0x100000 - 0x10, RAM_END - 8)), held(0x5FEFE000)
    yield (
        "odd-initrd-unaligned-next-to",
        Shape(region=at(0x50000000), chosen=initrd(0x50001010, 0x50003008)),
        held(0x50000000),
    )
    yield (
        "odd-initrd-unaligned-page",
        Shape(region=at(0x50001000, 0x10), name="kinfo", chosen=initrd(0x50001010, 0x50003008)),
        lost(),
    )
    yield (
        "odd-initrd-32-bit",
        Shape(region=at(0x50000000), chosen={"linux,initrd-start": cells(0x50000000), "linux,initrd-end": cells(0x50100000)}),
        lost(),
    )
    yield "odd-initrd-backwards", Shape(region=at(0x50000000), chosen=initrd(0x50100000, 0x50000000)), held(0x50000000)
    yield "odd-initrd-by-argument", Shape(region=at(0x50000000), bootargs="initrdmem=0x50000000,1M"), lost()
    yield "odd-initrd-by-old-argument", Shape(region=at(0x50000000), bootargs="initrd=0x50000000,1M"), lost()
    yield (
        "odd-initrd-and-mem",
        Shape(region=at(0x5B000000), bootargs="mem=256M", chosen=initrd(0x5B000000, 0x5B100000)),
        lost(),
    )
    yield "odd-mem-octal", Shape(bootargs="mem=04000000000"), held()
    yield "odd-mem-octal-small", Shape(bootargs="mem=02000000000"), lost()
    yield "odd-mem-nothing", Shape(bootargs="mem="), held()
    yield "odd-mem-wraps", Shape(bootargs="mem=16E"), held()
    yield "odd-mem-in-quotes", Shape(bootargs='mem="256M"'), lost()
    yield "odd-mem-upper", Shape(bootargs="MEM=256M"), held()
    yield "odd-mem-odd", Shape(bootargs="mem=0x18000fff"), lost()
    yield "odd-mem-just", Shape(bootargs="mem=0x18001fff"), held()
    yield "odd-mem-two-banks-nomap", Shape(bootargs="mem=0x10001000", banks=((RAM, 0x10000000), (BASE, 0x8000000))), held()
    yield (
        "odd-mem-and-usable",
        Shape(bootargs="mem=256M", chosen={"linux,usable-memory-range": S((0x50000000, 0x10000000))}),
        held(),
    )
    yield "odd-usable-odd", Shape(chosen={"linux,usable-memory-range": S((RAM, 0x18000800))}), lost()
    yield "odd-usable-empty", Shape(chosen={"linux,usable-memory-range": b""}), held()
    yield "odd-usable-zero", Shape(chosen={"linux,usable-memory-range": S((0, 0))}), held()
    yield "odd-usable-short", Shape(chosen={"linux,usable-memory-range": cells(0, RAM)}), held()
    yield (
        "odd-usable-three",
        Shape(chosen={"linux,usable-memory-range": S((RAM, 0x10000000), (0x52000000, 0x1000000), (BASE, 0x1000000))}),
        lost(OLD, NEW, LATE),
        held(BASE, NEWEST),
    )
    yield "odd-corehdr-dyn", Shape(**kinfo(), chosen={"linux,elfcorehdr": S((RAM_END - 0x10000, 0x10000))}), held(0x5FFEF000)
    yield "odd-corehdr-two", Shape(chosen={"linux,elfcorehdr": S((0x50000000, 0x1000), (BASE, 0x1000))}), held()
    yield "odd-corehdr-on-memreserve", Shape(chosen={"linux,elfcorehdr": S((BASE, 0x1000))}, reserve=[(BASE, 0x1000)]), lost()
    yield "odd-corehdr-zero", Shape(chosen={"linux,elfcorehdr": S((BASE, 0))}), held()
    yield (
        "odd-memreserve-and-dyn-range",
        Shape(name="kinfo", region=dynamic(SIZE, within=(0x50000000, 0x4000)), reserve=[(0x50002000, 0x2000)]),
        held(0x50001000, OLD),
        held(0x50003000, NEW, LATE, NEWEST),
    )
    yield (
        "odd-memreserve-all-range",
        Shape(name="kinfo", region=dynamic(SIZE, within=(0x50000000, 0x4000)), reserve=[(0x50000000, 0x4000)]),
        lost(OLD),
        held(0x50003000, NEW, LATE, NEWEST),
    )
    yield "odd-memreserve-no-ram", Shape(reserve=[(0x90000000, 0x1000), (BASE - 0x2000, 0x1000)]), held()
    yield "odd-memreserve-many", Shape(reserve=[(0x50000000 + 0x2000 * i, 0x1000) for i in range(200)]), held()
    yield "odd-memreserve-mapped-part", Shape(region={"no-map": GONE}, reserve=[(BASE + 0x800, 0x1000)]), held()
    yield (
        "odd-memreserve-nomap-sibling",
        Shape(before=[region(BASE - 0x1000, 0x1000)], reserve=[(BASE - 0x1000, 0x1000)]),
        held(),
    )


def siblings() -> Iterator[Row]:
    """Other regions, more than a kernel keeps, and who is placed first."""
    yield "odd-sibling-same-name", Shape(before=[N("x", {}, [region(BASE, SIZE, name=f"kinfo@{BASE:x}")])]), held()
    yield "odd-sibling-no-size", Shape(before=[N("x", {"no-map": b""})]), held()
    yield "odd-sibling-size-zero", Shape(before=[region(BASE, 0)]), held()
    yield "odd-sibling-over-disabled", Shape(before=[region(BASE, SIZE, status=texts("disabled"))]), held()
    yield "odd-sibling-over-reserved-status", Shape(before=[region(BASE, SIZE, status=texts("reserved"))]), held()
    yield (
        "odd-sibling-second-entry-over",
        Shape(before=[N("x@50000000", {"reg": S((0x50000000, 0x1000), (BASE, 0x1000)), "no-map": b""})]),
        held(),
    )
    yield "odd-sibling-mapped-before-nomap-page", Shape(before=[region(BASE - 0x800, 0x800, no_map=False)]), held()
    yield (
        "odd-sibling-mapped-shares-page",
        Shape(region=at(BASE + 0x800, 0x800), name="kinfo", before=[region(BASE, 0x800, no_map=False)]),
        held(0x58000800),
    )
    yield "odd-sibling-nomap-inside", Shape(region=at(BASE, 0x10000), after=[region(BASE + 0x4000, 0x1000)]), lost()
    yield "odd-region-over-everything", Shape(region=at(RAM, RAM_SIZE)), lost()
    yield (
        "odd-two-parents",
        Shape(
            root=[
                N(
                    "reserved-memory@1",
                    {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""},
                    [region(0x50000000, 0x1000)],
                )
            ]
        ),
        held(),
    )
    yield (
        "odd-status-two-siblings",
        Shape(before=[region(0x50000000, 0x1000, status=b""), region(0x50002000, 0x1000, status=b"okay")]),
        held(),
    )
    yield "odd-node-named-like-path", Shape(name="kinfo,a-b_c.d+e@58000000"), held()
    yield "odd-130-fixed-before", Shape(before=fixed(130)), lost(OLD), held(BASE, NEW, LATE, NEWEST)
    yield "odd-130-fixed-dyn", Shape(**kinfo(), before=fixed(130)), lost(OLD), held(0x5FFFF000, NEW, LATE, NEWEST)
    yield "odd-130-dyn-fixed", Shape(before=several(130)), lost(OLD), held(BASE, NEW, LATE, NEWEST)
    yield "odd-63-fixed-63-dyn", Shape(before=fixed(63), after=several(63)), held()
    yield (
        "odd-40-40-dyn-last",
        Shape(**kinfo(), before=fixed(40) + several(40)),
        lost(OLD),
        held(0x5FFFF000, NEW, LATE, NEWEST),
    )
    yield "odd-40-dyn-40-fixed", Shape(before=several(40) + fixed(40)), lost(OLD), held(BASE, NEW, LATE, NEWEST)
    yield (
        "odd-64-disabled-before",
        Shape(before=[region(0x54000000 + 0x2000 * i, 0x1000, status=texts("disabled")) for i in range(64)]),
        held(),
    )
    yield "odd-64-empty-before", Shape(before=[N(f"e{i}", {}) for i in range(64)]), held()
    yield "odd-64-bad-reg-before", Shape(before=[N(f"e{i}", {"reg": cells(1)}) for i in range(64)]), held()
    yield "odd-300-fixed", Shape(after=fixed(300, 0x50000000)), held()
    yield (
        "odd-dyn-order-sizes",
        Shape(name="kinfo", region=dynamic(0x2000), before=[placed("a", 0x3000)], after=[placed("b", 0x5000)]),
        held(0x5FFFE000, OLD),
        held(0x5FFFB000, NEW, LATE, NEWEST),
    )
    yield (
        "odd-dyn-mapped-before",
        Shape(**kinfo(), before=[placed("a", 0x3000, no_map=False)]),
        held(0x5FFFF000, OLD),
        held(0x5FFFC000, NEW, LATE, NEWEST),
    )
    yield (
        "odd-dyn-disabled-before",
        Shape(**kinfo(), before=[placed("a", 0x3000, status=texts("disabled"))]),
        held(0x5FFFF000),
    )
    yield "odd-dyn-fails-before", Shape(**kinfo(), before=[placed("a", 0x80000000)]), held(0x5FFFF000)
    yield "odd-dyn-bad-size-before", Shape(**kinfo(), before=[N("a", {"size": cells(0x1000)})]), held(0x5FFFF000)
    yield (
        "odd-dyn-size-with-reg-zero",
        Shape(name="kinfo", region={"reg": S((0, 0)), "size": number(SIZE, 2), "alignment": number(SIZE, 2)}),
        lost(),
    )
    yield (
        "odd-dyn-size-with-reg-empty",
        Shape(name="kinfo", region={"reg": b"", "size": number(SIZE, 2), "alignment": number(SIZE, 2)}),
        lost(OLD, NEW),
        held(0x5FFFF000, LATE, NEWEST),
    )
    yield (
        "odd-dyn-size-with-bad-reg",
        Shape(name="kinfo", region={"reg": cells(1, 2, 3), "size": number(SIZE, 2), "alignment": number(SIZE, 2)}),
        lost(OLD, NEW),
        held(0x5FFFF000, LATE, NEWEST),
    )
    yield "odd-dyn-fills-ram", Shape(name="kinfo", region=dynamic(0x10000000)), held(0x50000000)
    yield (
        "odd-banks-four",
        Shape(
            name="kinfo",
            region=dynamic(SIZE),
            banks=((RAM, 0xC000000), (0x4D000000, 0x1000000), (0x50000000, 0x1000), (0x5F000000, 0x800)),
        ),
        held(0x50000000),
    )
    yield "odd-bank-unaligned-both", Shape(**kinfo(), banks=((RAM + 0x800, 0x1FFF0000),)), held(0x5FFEF000)
    yield "odd-banks-unsorted", Shape(**kinfo(), banks=((0x58000000, 0x8000000), (RAM, 0x10000000))), held(0x5FFFF000)


def edges() -> Iterator[Row]:
    """Regions that end within a page, near the end of RAM: the rest of it is free, and some kernels do not map it."""
    for below, size, dies in (
        (0x1000, 0xE00, True),
        (0x2000, 0x1800, True),
        (0x3000, 0x800, True),
        (0x3000, 0x1800, True),
        (0x3800, 0x800, True),
        (0x80000, 0x800, True),
        (0x80000, 0xFE0, False),
        (0x200000, 0x800, False),
        (0x400000, 0x1801, False),
    ):
        base = RAM_END - below
        shape = Shape(region=at(base, size), name=f"kinfo@{base:x}")
        outcomes = (dead(NEW, NEWEST), held(base, OLD, LATE)) if dies else (held(base),)
        yield f"odd-top-{below:x}-{size:x}", shape, *outcomes
        mapped = Shape(region=at(base, size) | {"no-map": GONE}, name=f"kinfo@{base:x}")
        yield f"odd-top-mapped-{below:x}-{size:x}", mapped, held(base)
    first, rest = region(RAM_END - 0x1000, 0x900), (RAM_END - 0x700, 0x700)
    yield "odd-top-sibling", Shape(after=[first]), dead(NEW, NEWEST), held(BASE, OLD, LATE)
    yield "odd-top-sibling-full", Shape(after=[first, region(*rest)]), held()
    yield "odd-top-sibling-shares", Shape(after=[first, region(*rest, no_map=False)]), held()
    yield "odd-top-sibling-reserved", Shape(after=[first], reserve=[rest]), held()
    yield "odd-top-less-than-line", Shape(after=[region(RAM_END - 0x1000, 0xFE0)]), held()
    cut = {"linux,usable-memory-range": S((RAM, 0x1C000800))}
    yield "odd-usable-mid-page", Shape(chosen=cut), dead(NEW, NEWEST), held(BASE, OLD, LATE)
    low = Shape(region=at(0x4FFFF000, 0x800), banks=TWO_BANKS)
    yield "odd-two-banks-low-unaligned", low, held(0x4FFFF000)
    for name, count, outcomes in (("six", 4, (lost(OLD, NEW, LATE), held(BASE, NEWEST))), ("seven", 5, (lost(),))):
        others = [(0x50000000 + 0x1000000 * one, 0x100000) for one in range(count)]
        usable = {"linux,usable-memory-range": S((RAM, 0x10000000), *others, (BASE, 0x100000))}
        yield f"odd-usable-{name}", Shape(chosen=usable), *outcomes


GROUPS = (shapes, pools, owners, siblings, edges)
