"""The upstream drivers, posting by posting: kmemdump RFC v2 and v3, meminspect v1, v2 and v3.

They fill the record region by region. Probe clears it and stores the constants; each registered region then sets its field
and forms the sum anew. A region that never comes leaves its field 0, and magic and checksum stay 0 until the first one comes.
Sources: mm/kmemdump/kinfo.c and kernel/meminspect/kinfo.c as posted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from kinfo.errors import FieldError
from kinfo.writer_rows.model import Posting, WriterRow
from kinfo.writers import build_info, fillings
from kinfo.writers.build_info import Kept
from kinfo.writers.fillings import Facts, Filling
from kinfo.writers.model import Plan, Registered, Request

_LIMIT = 1 << 64
_BORDERS = ("_sinittext", "_einittext", "_end", "_text", "_stext", "_etext")
_TABLES = ("offsets", "names", "token_table", "token_index", "markers", "seqs_of_names")
_FIELDS = {
    **{name: f"{name}_pa" for name in _BORDERS},
    **{f"kallsyms_{name}": f"_{name}_pa" for name in _TABLES},
    "swapper_pg_dir": "swapper_pg_dir_pa",
}
_INFO = {"stored": build_info.stored, "copied": build_info.copied}
_BASE, _COUNT, _UTS, _UTS_NAME = "kallsyms_relative_base", "kallsyms_num_syms", "init_uts_ns", "init_uts_ns_name"


def planner(row: WriterRow, posting: Posting) -> Callable[[Request], Plan]:
    """The plan of one posting's driver."""

    def plan(request: Request) -> Plan:
        kept = _kept(row, posting, request)
        probed = _probed(row, posting, kept, bool(request.build_info))
        entries = list(_delivered(posting, request))
        filled, is_summed = _filled(posting, request, entries)
        is_summed = is_summed or (posting.sums_after_info and bool(request.build_info))
        notes = kept.notes if is_summed else (*kept.notes, "no region was registered: magic and checksum are still 0")
        return Plan(probed | filled, is_summed, notes)

    return plan


def _kept(row: WriterRow, posting: Posting, request: Request) -> Kept:
    if posting.info:
        return _INFO[posting.info](request.build_info)
    if request.build_info:
        raise FieldError(f"{row.label} has no build_info: the parameter and the field are gone", "leave it out")
    return Kept(b"", ())


def _probed(row: WriterRow, posting: Posting, kept: Kept, is_given: bool) -> dict[str, Filling]:
    """What probe stores, and 0 for everything that a region would set."""
    flag = "CONFIG_KALLSYMS_BASE_RELATIVE"
    waiting = fillings.zero("its region was not registered")
    given = "module parameter build_info" if is_given else ""
    return {
        **dict.fromkeys((*_FIELDS.values(), "num_syms"), waiting),
        "enabled_all": fillings.option("CONFIG_KALLSYMS_ALL"),
        "enabled_base_relative": fillings.option(flag)
        if posting.assigns_base_flag
        else fillings.zero(f"not assigned in {row.short}"),
        "enabled_absolute_percpu": fillings.option("CONFIG_KALLSYMS_ABSOLUTE_PERCPU"),
        "enabled_cfi_clang": fillings.option("CONFIG_CFI_CLANG"),
        "name_len": fillings.number("KSYM_NAME_LEN"),
        "bit_per_long": fillings.number("BITS_PER_LONG"),
        "module_name_len": fillings.number("MODULE_NAME_LEN"),
        "symbol_len": fillings.number("KSYM_SYMBOL_LEN"),
        "_relative_pa": fillings.zero(_no_base(row, posting)),
        "thread_size": fillings.number("THREAD_SIZE"),
        "last_uts_release": fillings.constant(b"", "", waiting.why),
        "build_info": fillings.constant(kept.data, given, "" if is_given else "the parameter was never written"),
        "enabled_modules_tree_lookup": fillings.option("CONFIG_MODULES_TREE_LOOKUP"),
        "mod_mem_offset": fillings.number("module.mem", "offsetof(struct module, mem)"),
        "mod_kallsyms_offset": fillings.number("module.kallsyms", "offsetof(struct module, kallsyms)"),
    }


def _no_base(row: WriterRow, posting: Posting) -> str:
    if not posting.base:
        return f"{row.short} has no case for kallsyms_relative_base"
    return "its region was not registered" if _BASE in posting.regions else f"{row.short} no longer registers {_BASE}"


def _delivered(posting: Posting, request: Request) -> Iterator[Registered]:
    """The entries that reach the driver."""
    known = request.entries if request.entries is not None else [Registered(name, None) for name in posting.regions]
    _check_stops(request, known)
    stop = len(known) if request.after is None else request.after
    for entry in known[:stop]:
        if request.only is None or entry.name in request.only or str(entry.id) in request.only:
            yield entry


def _check_stops(request: Request, known: Sequence[Registered]) -> None:
    if request.after is not None and request.after > len(known):
        raise FieldError(f"--after {request.after}: only {len(known)} regions are registered", "give a smaller number")
    names = {entry.name for entry in known} | {str(entry.id) for entry in known}
    for name in request.only or ():
        if name not in names:
            listed = ", ".join(entry.name for entry in known if entry.name in (*_FIELDS, _BASE, _COUNT, _UTS, _UTS_NAME))
            raise FieldError(f"--only {name}: no region of that name or id is registered", f"those with a field: {listed}")


def _filled(posting: Posting, request: Request, entries: Iterable[Registered]) -> tuple[dict[str, Filling], bool]:
    """What the entries set, one after the other, and whether a sum was formed."""
    filled: dict[str, Filling] = {}
    is_summed = False
    text = _text_of(request)
    for entry in entries:
        _check(entry)
        if entry.name in (_UTS, _UTS_NAME) and entry.va == 0:
            continue  # the driver returns early: no sum
        is_summed = True
        field = _FIELDS.get(entry.name)
        if field:
            filled[field] = _placed(entry, text)
        elif entry.name == _COUNT:
            filled["num_syms"] = fillings.number("num_syms", "*(u32 *)va of region kallsyms_num_syms")
        elif entry.name in (_UTS, _UTS_NAME):
            filled["last_uts_release"] = _release(entry.name)
        elif entry.name == _BASE and posting.base:
            filled["_relative_pa"] = _base(posting, entry, text)
    return filled, is_summed


def _text_of(request: Request) -> int | None:
    """VA of `_text` as the table has it: entries are run-time addresses, facts may be those of the link."""
    return next((entry.va for entry in request.entries or () if entry.name == "_text" and entry.va), None)


def _check(entry: Registered) -> None:
    if entry.va is None:
        return
    if not entry.va and not entry.pa:
        raise FieldError(f"region {entry.name}: has neither a VA nor a PA", "check the table: the driver would store garbage")
    if entry.va + entry.size > _LIMIT or entry.pa + entry.size > _LIMIT:
        raise FieldError(
            f"region {entry.name}: {entry.size} bytes from {max(entry.va, entry.pa):#x} wrap around", "check the table"
        )
    if not entry.va and entry.name in (_COUNT, _BASE):
        raise FieldError(f"region {entry.name}: has no VA to read from", "check the table: the driver would fault")


def _placed(entry: Registered, text: int | None) -> Filling:
    """PA of a region: as the table has it, else __pa(va), which for the image is va - kimage_voffset."""
    region = f"of region {entry.name}"
    if entry.pa:
        return fillings.constant(entry.pa, f"pa {region}")
    va = entry.va
    if va is None:
        return fillings.pa(entry.name, "__pa")
    return Filling(f"__pa(va) {region}", _needs(text), lambda facts: _pa(facts, va, text))


def _needs(text: int | None) -> tuple[str, ...]:
    return ("text_pa",) if text is not None else ("_text", "text_pa")


def _pa(facts: Facts, va: int, text: int | None) -> int:
    start = fillings.number_of(facts, "_text") if text is None else text
    return va - start + fillings.number_of(facts, "text_pa") & _LIMIT - 1


def _base(posting: Posting, entry: Registered, text: int | None) -> Filling:
    if posting.base == "value":
        return fillings.pa("relative_base", "__pa")._replace(expression="__pa(*(u64 *)va) of region kallsyms_relative_base")
    return _placed(entry, text)._replace(why="wrong: RFC v2 takes the variable's own address, not what it holds")


def _release(name: str) -> Filling:
    if name == _UTS:
        return fillings.text("release", "name.release of region init_uts_ns")
    why = "wrong: RFC v2 copies the region's first member, sysname, not release"
    return fillings.constant(b"Linux", "region init_uts_ns_name", why)
