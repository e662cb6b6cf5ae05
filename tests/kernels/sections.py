"""Where the sections of an image lie, and which symbols its table has."""

from __future__ import annotations

from tests.kernels import tables
from tests.kernels.spec import Spec
from tests.kernels.symbols import LANDMARKS, Placed, fillers, per_cpu
from tests.kernels.tables import Symbol, Tables

SEGMENT = 0x10000
TEXT_SIZE = 0x50000
INIT_SIZE = 0x4000
DATA_SIZE = 0x20000
BSS_SIZE = 0x10000


def lay_out(spec: Spec) -> tuple[list[Symbol], Tables, dict[str, int]]:
    """The symbols of the table, the tables, and the sections: their places depend on the size of the tables."""
    built = Tables(b"", {}, None)
    for _ in range(2):
        places = _places(spec, len(built.blob))
        symbols = _symbols(spec, places, built.offsets)
        built = tables.build(symbols, spec.shape, text_va=spec.text_va, at=places["tables"])
    return symbols, built, places


def _places(spec: Spec, tables_size: int) -> dict[str, int]:
    """Where each section begins, from `_text`; segments are aligned to 64 KiB of physical memory."""

    def segment(offset: int) -> int:
        return -(-(spec.text + offset) // SEGMENT) * SEGMENT - spec.text

    text = 0 if spec.arch == "x86" else segment(1)
    rodata = segment(text + max(TEXT_SIZE, 0x200 * spec.count))
    root = segment(rodata + 0x1000 + tables_size)
    inittext = segment(root + max(spec.page, 0x1000))
    data = segment(inittext + INIT_SIZE)
    bss = data + DATA_SIZE
    return {
        "head": 0,
        "text": text,
        "rodata": rodata,
        "banner": rodata + 0x40,
        "tables": rodata + 0x1000,
        "root": root,
        "inittext": inittext,
        "einittext": inittext + INIT_SIZE - 0xC,
        "data": data,
        "modules": data + 0x2000,
        "mod_tree": data + 0x2040,
        "uts": data + 0x2100,
        "bss": bss,
        "end": segment(bss + BSS_SIZE),
    }


def _symbols(spec: Spec, places: dict[str, int], found: dict[str, int]) -> list[Symbol]:
    """The symbols that this kernel's table has, by address."""
    shape = spec.shape
    wanted = [*LANDMARKS, *_arch_landmarks(spec)]
    if spec.version >= (6, 4):
        wanted += [Placed(_table_symbol(name), "D", "tables", found.get(name, 0)) for name in shape.tables]
    if spec.symbols is None:
        wanted += fillers(spec.count, (places["rodata"] - places["text"]) // (spec.count + 1) & ~0xF, shape.big)
    symbols = [Symbol(each.name, each.type, places[each.section] + each.delta) for each in wanted]
    symbols += [*(spec.symbols or ()), *spec.extra]
    if shape.encoding == "percpu" and spec.keep_all:
        symbols += per_cpu()
    if spec.data_letter:
        symbols = [one if one.absolute or _is_code(one, places) else one._replace(type=spec.data_letter) for one in symbols]
    if not spec.keep_all:
        symbols = [symbol for symbol in symbols if not symbol.absolute and _is_code(symbol, places)]
    return sorted(symbols, key=lambda symbol: (not symbol.absolute, symbol.offset))


def _table_symbol(name: str) -> str:
    return "kallsyms_seqs_of_names" if name == "seqs" else f"kallsyms_{name}"


def _arch_landmarks(spec: Spec) -> list[Placed]:
    found = [] if spec.modules_by == "tree" else [Placed("modules", "D", "modules")]
    if spec.tree_lookup and spec.modules_by != "list":
        found.append(Placed("mod_tree", "d", "mod_tree"))
    roots = {"arm64": "swapper_pg_dir", "x86": "init_top_pgt"}
    return found + ([Placed(roots[spec.arch], "D", "root")] if spec.arch in roots else [])


def _is_code(symbol: Symbol, places: dict[str, int]) -> bool:
    """Whether a kernel without KALLSYMS_ALL keeps it: in text or init text; at their very ends only the end symbols."""
    for start, end, last in (("text", "rodata", "_etext"), ("inittext", "einittext", "_einittext")):
        if places[start] <= symbol.offset < places[end]:
            return symbol.name != "_text"
        if symbol.offset == places[end] and symbol.name == last:
            return True
    return False
