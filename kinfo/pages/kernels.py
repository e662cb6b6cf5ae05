"""Sections on a kernel: what crashed, call chains, tasks, addresses, modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinfo.kernel.printk.message import seconds
from kinfo.pages.documents import Document
from kinfo.pages.logs import pieces
from kinfo.pages.model import FactTable, Folded, Grid, LogLine, LogLines, PageFact, PageSection, Words
from kinfo.pages.places import MapPlaces
from kinfo.printable import size_words

_MOST_TASKS = 400
_MOST_CHAINS = 64


def strip(info: Document) -> Iterator[PageFact]:
    """The facts on top: where it crashed, which kernel that was, its taint and how long it ran."""
    if crash := info.get("crash"):
        yield from _where(crash)
    facts = {one["name"]: PageFact("", one["value"], f"by {one['source']}") for one in info.get("facts", ())}
    for name, key, shown in (("banner", "banner", "kernel"), ("build id", "build_id", "build id")):
        if value := info.get(key):
            yield PageFact(shown, value)
        elif name in facts:
            yield facts[name]._replace(name=shown)
    if (taint := info.get("taint")) is not None:
        yield PageFact("taint", taint["letters"] or "none", f"by {taint['source']}")
    for up in info.get("uptime", ())[:1]:
        yield PageFact("uptime", "not known" if up["seconds"] is None else f"{up['seconds']:.1f} s", f"by {up['source']}")


def _where(crash: Document) -> Iterator[PageFact]:
    if crash["cpu"] is not None:
        task = crash["task"]
        yield PageFact("on", f"CPU {crash['cpu']}" + (f", {task['comm']}, PID {task['pid']}" if task else ""))
    if crash["pc"]:
        yield PageFact("at", crash["pc"])


def crash(info: Document, places: MapPlaces) -> PageSection:
    """What crashed, by the log's lines; and what the log and the dump say of the machine."""
    facts = tuple(_crash_facts(info))
    blocks: list[Any] = [FactTable("By the kernel's log", facts)]
    found = info.get("crash")
    if found and found["trace"]:
        lines = tuple(LogLine("", tuple(pieces(one, places))) for one in found["trace"])
        blocks.append(Folded(f"Call trace, as the kernel printed it: {len(lines)} frames", (LogLines(lines),)))
    if info.get("facts"):
        blocks.append(FactTable("By VMCOREINFO and regions", tuple(_facts(info["facts"]))))
    return PageSection("crash", "What crashed" if found else "What happened", tuple(blocks))


def _facts(facts: list[dict[str, str]]) -> Iterator[PageFact]:
    for one in facts:
        yield PageFact(one["name"], one["value"], f"by {one['source']}")


def _crash_facts(info: Document) -> Iterator[PageFact]:
    found = info.get("crash")
    if not found:
        yield PageFact("crash", "not known" if info.get("log") is None else "none", info.get("log_unknown") or "")
    else:
        for name, event in (("panic", found["panic"]), *(("oops", one) for one in found["oops"])):
            if event:
                yield PageFact(name, event["text"], f"at {seconds(event['time_ns'])} s")
        yield from (PageFact(name.upper(), found[name]) for name in ("pc", "lr") if found[name])
        if found["hardware"]:
            yield PageFact("hardware", found["hardware"])
    for one in info.get("trouble", ()):
        yield PageFact("trouble", one["text"], f"at {seconds(one['time_ns'])} s")
    taint = info.get("taint") or {"letters": ""}
    for letter, meaning in zip(taint["letters"], taint.get("meaning", ()), strict=False):
        yield PageFact(f"taint {letter}", meaning or "a flag that is not known")
    for name, value in info.get("machine", {}).items():
        yield PageFact(name.replace("_", " "), value)


def chains(found: Document, places: MapPlaces) -> PageSection:
    """Every call chain, the panicking CPU's open."""
    traces = found["backtraces"][:_MOST_CHAINS]
    blocks: list[Any] = [_chain(one, places, is_open=at == 0) for at, one in enumerate(traces)]
    if len(found["backtraces"]) > _MOST_CHAINS:
        blocks.append(Words(f"and {len(found['backtraces']) - _MOST_CHAINS} more: kinfo backtrace shows them"))
    return PageSection("backtraces", "Backtraces", tuple(blocks))


def _chain(one: Document, places: MapPlaces, *, is_open: bool) -> Any:
    task, cpu = one["task"], one["cpu"]
    where = "" if cpu is None else f"CPU {cpu}{', which panicked' if one['is_panicking'] else ''}: "
    title = f"{where}{task['comm']}, PID {task['pid']}, state {task['state']}"
    lines = tuple(LogLine("", tuple(_frame(frame, places))) for frame in one["frames"])
    guess = ", a guess" if one["is_guess"] else ""
    body = (LogLines(lines), Words(f"From {one['source']}{guess}. {one['end']}."))
    return Folded(title, body, block="opened" if is_open else "folded")


def _frame(frame: Document, places: MapPlaces) -> Iterator[Any]:
    yield from pieces(f"{frame['pc']}  ", places)
    module = f" [{frame['module']}]" if frame["module"] and f"[{frame['module']}]" not in frame["label"] else ""
    yield from pieces(f"{frame['label']}{module}", places)


def tasks(found: Document) -> PageSection:
    """The tasks: those that run or wait uninterruptibly first."""
    order = {"R": 1, "D": 2}
    every = sorted(found["tasks"], key=lambda one: (not one["running"], order.get(one["state"], 3), one["pid"]))
    rows = tuple(
        (
            "running" if one["running"] else "",
            f"{one['pid']}",
            f"{one['tgid']}",
            "-" if one["ppid"] is None else f"{one['ppid']}",
            "-" if one["cpu"] is None else f"{one['cpu']}",
            one["state"],
            "kernel" if one["is_kernel"] else "user",
            one["comm"],
        )
        for one in every[:_MOST_TASKS]
    )
    left = f"{len(every) - len(rows)} more: kinfo ps --threads lists them" if len(every) > len(rows) else ""
    head = ("", "PID", "TGID", "PPID", "CPU", "state", "", "name")
    grid = Grid(f"{len(every)} tasks and threads, by {found['types']}", head, rows, (1, 2, 3, 4), (), left)
    return PageSection("tasks", "Tasks", (Folded(f"{len(every)} tasks and threads", (grid,)),))


def space(info: Document) -> PageSection:
    """Virtual addresses, each with its evidence."""
    virtual = info["virtual"]
    rows = (
        ("kimage_voffset", virtual["kimage_voffset"], f"from {virtual['evidence']}"),
        ("page table", virtual["swapper_pg_dir"] and f"PA {virtual['swapper_pg_dir']}", virtual["format"] or ""),
        ("VA bits", virtual["va_bits"], ""),
        ("page size", virtual["page_size"], ""),
        ("image", virtual["text"] and f"VA {virtual['text']}", ""),
        ("KASLR slide", virtual["kaslr_slide"], virtual["slide_evidence"] and f"by {virtual['slide_evidence']}"),
        ("PHYS_OFFSET", virtual["phys_offset"], "by " + ", ".join(virtual["linear_evidence"])),
        ("linear map", virtual["linear_map"] and f"PA 0 is VA {virtual['linear_map']}", ""),
    )
    facts = tuple(PageFact(name, f"{value}", note or "") for name, value, note in rows if value is not None)
    symbols = info["symbols"]
    kinds = "code and data" if symbols["has_data"] else "code only"
    table = PageFact(
        "kallsyms", f"{symbols['count']:,} symbols, {kinds}", f"{symbols['encoding']}; known by {info['known_by']}"
    )
    return PageSection("space", "Virtual addresses", (FactTable("Addresses, and what says so", (*facts, table)),))


def modules(info: Document) -> PageSection:
    """The modules."""
    rows = tuple(
        (
            one["name"],
            one["state"],
            one["taint"] or "",
            one["ranges"][0]["start"] if one["ranges"] else "not known",
            size_words(sum(int(part["end"], 16) - int(part["start"], 16) for part in one["ranges"])),
        )
        for one in info["modules"]
    )
    grid = Grid(f"{len(rows)} modules", ("name", "state", "taint", "VA", "size"), rows, (4,))
    return PageSection("modules", "Modules", (Folded(f"{len(rows)} modules", (grid,)),))
