"""The C header's answers on cases, held against kinfo's own decoding of the same bytes."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import kinfo
from kinfo.exports import exported
from kinfo.exports.vocabulary import kinds
from kinfo.record.checksum import State
from kinfo.record.decode import decode_at
from kinfo.record.evidence import Window
from kinfo.record.layouts import LARGEST, SMALLEST
from kinfo.record.record import Record

PROBE = Path(__file__).parent / "probe.c"
STATUSES = ("no record", "damaged", "unfinished", "unsure", "sure")
SURE, UNSURE, UNFINISHED = 4, 3, 2
SANITIZERS = ("-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
_SUMS = {1: (State.VALID,), 2: (State.INVERTED,), 3: tuple(State)}
_LAYOUTS = kinfo.layouts()
_KINDS = kinds(_LAYOUTS)


class Said(NamedTuple):
    """One line of the probe."""

    status: int
    layout: int
    mask: int
    sum: int
    forced: str
    found: tuple[tuple[int, int], ...]
    fields: dict[tuple[str, int], int | str]

    @property
    def aliases(self) -> tuple[str, ...]:
        """The layouts of the mask."""
        return tuple(layout.alias for at, layout in enumerate(_LAYOUTS) if self.mask >> at & 1)


def build(folder: Path, compiler: str = "gcc", standard: str = "c11", flags: Sequence[str] = SANITIZERS) -> Path:
    """The probe, compiled in a folder. Raises CalledProcessError with what the compiler said."""
    (folder / "kinfo_layouts.h").write_text(exported("c", _LAYOUTS))
    is_plus = standard.startswith("c++")
    source = folder / ("probe.cpp" if is_plus else "probe.c")
    shutil.copy(PROBE, source)
    out = folder / "probe"
    command = [compiler, f"-std={standard}", *STRICT, *flags, "-o", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return out


def ask(probe: Path, cases: Iterable[bytes], file: Path) -> list[Said]:
    """What the probe says of each case."""
    with file.open("wb") as out:
        for data in cases:
            out.write(len(data).to_bytes(4, "little") + data)
    quiet = {"ASAN_OPTIONS": "detect_leaks=0"}  # looking for leaks takes ptrace, which containers may not have
    done = subprocess.run([str(probe), str(file)], capture_output=True, check=False, env=quiet)
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace")[:4000])
    return [_said(line) for line in done.stdout.decode("ascii").splitlines()]


def _said(line: str) -> Said:
    head, _, rest = line.partition("|")
    status, layout, mask, total, forced, *places = head.split()
    found = [place.split(":") for place in "".join(places).split(",") if place]
    fields: dict[tuple[str, int], int | str] = {}
    while rest := rest.lstrip():
        if rest.startswith("short"):
            rest = rest[5:]
            continue
        name, _, rest = rest.partition("=")
        field, index = (int(number) for number in name.split("."))
        if rest.startswith('"'):
            kind = _KINDS[field]
            end = rest.index('"', 1)
            while rest[end + 1 : end + 2] not in ("", " ") or not _is_end(rest[end + 1 :]):
                end = rest.index('"', end + 1)
            assert end - 1 <= kind.width
            fields[kind.name, index], rest = rest[1:end], rest[end + 1 :]
        else:
            number, _, rest = rest.partition(" ")
            fields[_KINDS[field].name, index] = int(number, 16)
    return Said(
        int(status), int(layout), int(mask, 16), int(total), forced, tuple((int(a), int(b)) for a, b in found), fields
    )


def _is_end(rest: str) -> bool:
    word = rest.split(" ", 2)[1] if rest.startswith(" ") else ""
    return not rest or word == "short" or (word[:1].isdigit() and "=" in word)


class _Source:
    """Bytes as the record library reads them."""

    name = "case"

    def __init__(self, data: bytes) -> None:
        self.data, self.size, self.held = data, len(data), len(data)

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]

    def windows(self) -> Iterable[tuple[int, memoryview]]:
        return [(0, memoryview(self.data))]


def decoded(data: bytes) -> Record | None:
    """What kinfo decodes at the first byte."""
    return decode_at(_Source(data), 0)  # type: ignore[arg-type]  # what decode_at reads of it is there


def contradictions(data: bytes, said: Said) -> list[str]:
    """What the header said that decoding does not bear out."""
    return [*_wrong_answer(data, said), *_wrong_places(data, said), *_wrong_sums(data, said)]


def _wrong_places(data: bytes, said: Said) -> Iterable[str]:
    """kinfo_find(): each place that it is sure of is a record of that layout; at 0 it says what kinfo_detect() does."""
    places = dict(said.found)
    if (0 in places) != (said.status >= UNSURE and len(data) >= SMALLEST) or places.get(0, said.layout) != said.layout:
        yield f"finds {places}, detects {STATUSES[said.status]}"
    for place, layout in said.found[0 in places :]:  # at 0 it is what kinfo_detect() says
        record = decode_at(_Source(data), place)  # type: ignore[arg-type]
        alias = _LAYOUTS[layout].alias if layout < len(_LAYOUTS) else None
        if record is None or record.layout is None or (alias or record.layout.alias) != record.layout.alias:
            yield f"finds {alias} at {place:#x}, decoded as {record}"


def _wrong_sums(data: bytes, said: Said) -> Iterable[str]:
    """kinfo_as(): what the sum over each layout's length is."""
    window = Window(data[: 2 * LARGEST], is_end=True)
    for digit, layout in zip(said.forced, _LAYOUTS, strict=False):
        state = window.checksum(layout).state
        wanted = "9" if len(data) < layout.size else {State.VALID: "1", State.INVERTED: "2"}.get(state, "0")
        if digit != wanted:
            yield f"the sum of {layout.alias} is {digit}, by decoding {state.value}"
    if said.forced[len(_LAYOUTS) :] != "9":
        yield "kinfo_as() takes a layout that there is not"


def _wrong_answer(data: bytes, said: Said) -> list[str]:
    if said.status < UNFINISHED:
        return []
    record = decoded(data)
    if said.status == UNFINISHED:
        wrong = record is not None and record.state is not State.NOT_WRITTEN
        return [f"unfinished, but decoded as {record}"] if wrong else []
    if record is None or record.layout is None:
        return [f"{said.aliases}, where decoding finds no record"]
    found = []
    if record.layout.alias not in said.aliases:
        found.append(f"{said.aliases}, decoded as {record.layout.alias} {record.confidence.value}")
    if record.state not in _SUMS[said.sum]:
        found.append(f"sum {said.sum}, decoded as {record.state.value}")
    if said.status == SURE and record.confidence is kinfo.Confidence.AMBIGUOUS:
        rivals = [rival.layout.alias for rival in record.rivals]
        found.append(f"sure of {said.aliases}, decoded as ambiguous with {rivals}")
    return [*found, *_wrong_fields(record, said)]


def _wrong_fields(record: Record, said: Said) -> Iterable[str]:
    for (name, index), value in said.fields.items():
        raw = record.values.get(name)
        one: int | str | bytes | None = raw[index] if isinstance(raw, tuple) else raw
        if isinstance(one, bytes):
            text = one.partition(b"\0")[0]
            one = "".join(chr(byte) if 0x20 <= byte <= 0x7E else "?" for byte in text)
        if one != value:
            yield f"{name}[{index}] is {value!r}, decoded as {one!r}"


def tally(answers: Iterable[Said]) -> Counter[str]:
    """How many answers of each kind."""
    return Counter(STATUSES[one.status] for one in answers)
