"""Every known layout of the record, oldest first, with who writes it and where it was seen.

Which bytes a layout has is in `structs`.

Kernel ranges: `known` is where a header or a device tree was seen; `possible` is a hard bound from the kernel's own source
(struct module lost core_layout in 6.4; CONFIG_KALLSYMS_BASE_RELATIVE went in 6.11).
"""

from __future__ import annotations

import copyreg

from kinfo.errors import UnknownNameError, did_you_mean
from kinfo.printable import quoted
from kinfo.record.model import Kernels, Layout
from kinfo.writer_rows.rows import DEBUG_KINFO, DEBUG_KINFO_V2, written_by

VENDOR_NODE = "google,debug-snapshot-debug-kinfo"

_BEFORE_MOD_MEM = (None, (6, 3))  # struct module still has core_layout and init_layout
_SINCE_MOD_MEM = ((6, 4), None)


def _pixel(name: str, alias: str, title: str) -> Layout:
    """A layout of the block that the Pixel vendor module keeps in the second half of the region."""
    return Layout(
        name=name,
        alias=alias,
        title=title,
        kernels=Kernels(known=((4, 19), None)),
        seen_in="Pixel trees, 5.10 on (LK reads V1)",
        writers=written_by(alias),
        compatible=VENDOR_NODE,
        vendor=True,
    )


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        name="kdebuginfo",
        alias="Z0",
        title="Google kdebuginfo of 2018, virtual addresses",
        kernels=Kernels(known=((4, 9), (5, 4))),
        seen_in="4.9 to 4.19 (2018)",
        writers=written_by("Z0"),
        compatible="bootloader_kinfo",
        magic=0xAACCBBDD,
    ),
    Layout(
        name="debug-kinfo-2020",
        alias="A0",
        title="first debug_kinfo: symbols, page table, release, build info",
        kernels=Kernels(known=((5, 4), (5, 10))),
        seen_in="5.4 to 5.10 (2020/21)",
        writers=written_by("A0"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-modules",
        alias="A1",
        title="A0 with offsets into struct module",
        kernels=Kernels(known=((4, 14), (5, 10)), possible=_BEFORE_MOD_MEM),
        seen_in="4.14 to 5.10 (2021, staging)",
        writers=written_by("A1"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-no-modules",
        alias="A1n",
        title="A1 of a vendor tree built without CONFIG_MODULES",
        kernels=Kernels(known=((4, 14), (4, 19)), possible=_BEFORE_MOD_MEM),
        seen_in="4.14 (a Xiaomi mt6785 tree)",
        writers=written_by("A1n"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-module-range",
        alias="A2",
        title="A1 with the range modules are loaded into",
        kernels=Kernels(known=((5, 10), (6, 1)), possible=_BEFORE_MOD_MEM),
        seen_in="5.10 to 6.1; the layout that the LK boot loader reads",
        writers=written_by("A2"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-scmversion",
        alias="A3",
        title="A2 with the modules' source version",
        kernels=Kernels(known=((5, 10), (5, 17)), possible=_BEFORE_MOD_MEM),
        seen_in="kernel_common staging, 2021",
        writers=written_by("A3"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-va-space",
        alias="A4",
        title="A3 with the virtual address space",
        kernels=Kernels(known=((5, 10), (5, 17)), possible=_BEFORE_MOD_MEM),
        seen_in="a BayLibre copy of kernel_common, one commit",
        writers=written_by("A4"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-module-plt",
        alias="A5",
        title="after core_layout went: module range with the PLT range",
        kernels=Kernels(known=((6, 4), (6, 6)), possible=_SINCE_MOD_MEM),
        seen_in="6.4 to 6.5, in the history of a realme tree",
        writers=written_by("A5"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-mod-mem",
        alias="A6",
        title="A0 with struct module's mem[] array",
        kernels=Kernels(known=((6, 4), (6, 12)), possible=_SINCE_MOD_MEM),
        seen_in="6.6",
        writers=written_by("A6"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-v2",
        alias="A6v2",
        title="A6 with seqs_of_names and four reserved words",
        kernels=Kernels(known=((6, 4), (6, 12)), possible=_SINCE_MOD_MEM),
        seen_in="6.6",
        writers=written_by("A6v2"),
        compatible=DEBUG_KINFO_V2,
    ),
    Layout(
        name="debug-kinfo-seqs",
        alias="B",
        title="seqs_of_names among the tables, _addresses_pa still there",
        kernels=Kernels(known=((6, 8), (6, 10)), possible=((6, 4), (6, 10))),
        seen_in="6.8 to 6.10",
        writers=written_by("B"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-text",
        alias="C",
        title="_text_pa in place of _addresses_pa",
        kernels=Kernels(known=((6, 11), (7, 0)), possible=_SINCE_MOD_MEM),
        seen_in="6.11 to 6.18 (Android); 6.16 to 7.0 (kmemdump RFC v2 and v3, meminspect v1 and v2)",
        writers=written_by("C"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="debug-kinfo-no-base",
        alias="CR",
        title="C with the relative base reserved",
        kernels=Kernels(known=((6, 19), None), possible=((6, 11), None)),
        seen_in="6.19 and later",
        writers=written_by("CR"),
        compatible=DEBUG_KINFO,
    ),
    Layout(
        name="meminspect-v3",
        alias="D",
        title="C without build_info",
        kernels=Kernels(known=((7, 1), None), possible=_SINCE_MOD_MEM),
        seen_in="7.1 and later (posted 2026-07, not merged)",
        writers=written_by("D"),
        compatible=DEBUG_KINFO,
    ),
    _pixel("pixel-release", "V1", "vendor block: release only"),
    _pixel("pixel-mod-root", "V2", "V1 with the root of the module list"),
    _pixel("pixel-names-len", "V3", "V1 with the length of kallsyms_names"),
    _pixel("pixel-suspend", "V3s", "V3 with the suspend diagnosis"),
    _pixel("pixel-va-space", "V3l", "V3s with the virtual address space"),
    _pixel("pixel-frequencies", "V4", "V3l with the frequency domains' names"),
)

_BY_NAME = {key: layout for layout in LAYOUTS for key in (layout.name.lower(), layout.alias.lower())}

MAGICS = tuple(sorted({layout.magic for layout in LAYOUTS}))
LARGEST = max(layout.size for layout in LAYOUTS)
SMALLEST = min(layout.size for layout in LAYOUTS)


def layout_named(name: str) -> Layout:
    """The layout with this name or alias, in any case.

    Raises UnknownNameError, which names every choice.
    """
    try:
        return _BY_NAME[name.lower()]
    except KeyError:
        choices = "choose one of: " + ", ".join(f"{layout.name} ({layout.alias})" for layout in LAYOUTS)
        names = [layout.name for layout in LAYOUTS]
        hint = did_you_mean(name.lower(), names, choices, cutoff=0.75)
        raise UnknownNameError(f"no layout is called {quoted(name)}", hint) from None


# A layout travels between processes by its name: there is one of each, and its structs cannot be pickled.
copyreg.pickle(Layout, lambda layout: (layout_named, (layout.name,)))
