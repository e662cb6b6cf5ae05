"""Where everything lies: addresses out of the documents, with a name and a row of the page for each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_PARTS = (("stext", "etext", "text", "text"), ("sinittext", "einittext", "init text", "init"))
_KINDS = {"record": "kinfo", "kinfo": "kinfo", "ram": "ram", "devicetree": "tree"}


class MapPlace(NamedTuple):
    """Addresses with a name: from `start` to `end` (the same: one address).

    `space` is PA or VA, `lane` what it is drawn with, `source` says which document has it.
    """

    space: str
    start: int
    end: int
    name: str
    kind: str
    lane: str
    source: str

    @property
    def anchor(self) -> str:
        """The row's own name on the page."""
        return f"at-{self.space.lower()}-{self.start:x}-{self.end:x}-{self.kind}"


class MapPlaces:
    """Every place of a page; `anchor` finds the smallest that an address is in."""

    def __init__(self, places: Iterable[MapPlace]) -> None:
        known: dict[str, MapPlace] = {}
        for one in places:
            before = known.get(one.anchor)
            names = [*(before.name.split(", ") if before else ()), one.name]
            known[one.anchor] = (before or one)._replace(name=", ".join(dict.fromkeys(names)))
        self.all = tuple(sorted(known.values(), key=lambda one: (one.space, one.start, -one.end)))
        spans = [one for one in self.all if one.end > one.start and one.kind != "ram"]
        self._spans = sorted(spans, key=lambda one: one.start)
        self._starts = [one.start for one in self._spans]
        self._widest = max((one.end - one.start for one in self._spans), default=0)

    def anchor(self, address: int) -> str:
        """The anchor of the smallest place with this address in it; "" for an address that is in none."""
        at = bisect_right(self._starts, address)
        best: MapPlace | None = None
        while at and address - self._starts[at - 1] < self._widest:
            at -= 1
            one = self._spans[at]
            if one.start <= address < one.end and (best is None or one.end - one.start < best.end - best.start):
                best = one
        return best.anchor if best else ""

    def of_code(self, module: str) -> str:
        """The anchor of a module's code, or of the image's where none is named; "" where that is not known."""
        for one in self.all:
            if one.name.startswith(f"module {module}, ") if module else one.kind == "text":
                return one.anchor
        return ""


def of_kernel(info: Mapping[str, Any]) -> Iterator[MapPlace]:
    """What the document of `kinfo info` says: memory, image, page table, record, modules."""
    source = "the kernel in the dump"
    for one in info["memory"].get("ranges", ()):
        yield MapPlace("PA", _number(one["start"]), _number(one["end"]), "in the dump", "ram", "dump", "the dump")
    image = {name: _number(value) for name, value in (info.get("image") or {}).items() if value}
    yield from _image(image, source)
    virtual = info.get("virtual") or {}
    if virtual.get("swapper_pg_dir"):
        at = _number(virtual["swapper_pg_dir"])
        yield MapPlace("PA", at, at, "page table (swapper_pg_dir)", "page-table", "", source)
    if virtual.get("text") and image:
        start = _number(virtual["text"])
        yield MapPlace("VA", start, start + image["end"] - image["text"], "kernel image", "image", "", source)
    if record := info.get("record"):
        at = _number(record["pa"])
        if record["pa"]:
            yield MapPlace("PA", at, at, "record", "kinfo", "", "the record's magic")
    for one in info.get("modules", ()):
        for part in one["ranges"]:
            name = f"module {one['name']}, {part['kind']}"
            yield MapPlace("VA", _number(part["start"]), _number(part["end"]), name, "module", "", "the list of modules")


def _image(image: Mapping[str, int], source: str) -> Iterator[MapPlace]:
    if image.get("text", 0) < image.get("end", 0):
        yield MapPlace("PA", image["text"], image["end"], "kernel image", "image", "image", source)
    for first, last, name, kind in _PARTS:
        if image.get(first, 0) and image[first] < image.get(last, 0):
            yield MapPlace("PA", image[first], image[last], name, kind, "parts", source)


def of_record(record: Mapping[str, Any]) -> Iterator[MapPlace]:
    """What a decoded record says: itself, the image's borders, kallsyms, the page table."""
    source = f"the record ({record['alias']})"
    fields = {name: _hex(value) for name, value in record["fields"].items()}
    if record["address"]:
        at = _number(record["address"])
        yield MapPlace("PA", at, at + record["size"], "record", "kinfo", "image", "where it was found")
    suffix = "_va" if "_text_va" in fields or "_stext_va" in fields else "_pa"
    space = suffix[1:].upper()
    names = ("text", "stext", "etext", "sinittext", "einittext", "end")
    image = {name: fields.get(f"_{name}{suffix}") or 0 for name in names}
    image["text"] = image["text"] or image["stext"]
    for one in _image({name: at for name, at in image.items() if at}, source):
        yield one._replace(space=space)
    for name, at in fields.items():
        stem = name.removesuffix(suffix).lstrip("_")
        if at and name.endswith(suffix) and stem not in (*names, "relative"):
            kind = "page-table" if stem == "swapper_pg_dir" else "kallsyms"
            yield MapPlace(space, at, at, stem, kind, "", source)


def of_tree(tree: Mapping[str, Any]) -> Iterator[MapPlace]:
    """What a board's tree says: RAM and every reserved region."""
    for one in tree["memory_map"]:
        start = _number(one["address"])
        kind = _KINDS.get(one["kind"], "reserved")
        lane = "board" if kind == "ram" else "reserved"
        yield MapPlace("PA", start, start + _number(one["size"]), one["name"], kind, lane, f"the tree {tree['name']}")


def of_regions(regions: Mapping[str, Any]) -> Iterator[MapPlace]:
    """What was found by its magic in the dump."""
    for place in regions["places"] if regions["address"] == "PA" else ():
        for one in place["contents"]:
            if one["kind"]:
                at = _number(one["at"])
                kind = _KINDS.get(one["kind"], "found")
                yield MapPlace("PA", at, at, one["what"], kind, "", f"its magic ({one['kind']})")


def _number(value: str | int) -> int:
    return value if isinstance(value, int) else int(value, 16)


def _hex(value: object) -> int:
    return int(value, 16) if isinstance(value, str) and value.startswith("0x") else 0
