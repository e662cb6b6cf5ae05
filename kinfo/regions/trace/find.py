"""Persistent ring buffers, by the magic of their metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from kinfo.memory import Dump
from kinfo.named import NamedTuple
from kinfo.regions.trace.meta import MAGIC, PAGE, TraceCpu, TraceForm, TraceTop, cpu_at, form_at, top_at
from kinfo.regions.trace.scratch import Scratch, scratch

_MOST_PLACES = 1 << 16
_MOST_CPUS = 8192  # the largest NR_CPUS there is
_LARGEST_SCRATCH = 1 << 20


class TraceRegion(NamedTuple):
    """A buffer: where it begins, its form, its CPUs; `size` is what its metadata say that it has.

    `shift` makes a VA of that boot of a place in the dump. `faults` says what of the metadata is damaged.
    """

    at: int
    size: int
    form: TraceForm
    cpus: tuple[TraceCpu, ...]
    scratch: Scratch | None
    shift: int
    faults: tuple[str, ...]

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.at + self.size

    @property
    def text(self) -> int:
        """VA that tells where the kernel lay: of _text (6.15 and later), of rb_meta_init_text_addr() (before); 0: unknown."""
        if self.scratch:
            return self.scratch.text
        said = _texts(self.cpus)
        return said[0] if len(said) == 1 else 0


def _texts(cpus: Iterable[TraceCpu]) -> list[int]:
    """The addresses of the kernel's text that CPUs keep: one boot wrote them all, so that several are damage."""
    return sorted({cpu.text for cpu in cpus if cpu.text and cpu.has_magic})


def places(source: Dump) -> list[int]:
    """Where the magic is: at pages, so that one word of 1024 is looked at."""
    found: list[int] = []
    for offset, window in source.windows():
        skip = -offset % PAGE
        words = window[skip : len(window) - (len(window) - skip) % 4] if skip < len(window) else window[:0]
        for at, word in enumerate(words.cast("I")[:: PAGE // 4].tolist()):
            if word == MAGIC and len(found) < _MOST_PLACES:
                found.append(offset + skip + PAGE * at)
        words.release()
    return found


def regions(source: Dump, places: Iterable[int]) -> Iterator[TraceRegion]:
    """The buffers that begin at places where the magic is, in order. Magics within a buffer are its own."""
    end = 0
    for at in sorted(set(places)):
        if at >= end and (found := region_at(source, at)):
            yield found
            end = found.end


def region_at(source: Dump, at: int) -> TraceRegion | None:
    """The buffer whose metadata begin at a place; None where they make no sense."""
    form = form_at(source, at)
    if form is None:
        return None
    if form.head:
        return _of_new_form(source, at, form)
    cpus = list(_chain(source, at, at, form, None))
    if not cpus:
        return None
    while before := _before(source, cpus[0], form):
        cpus.insert(0, before)
    cpus = [cpu._replace(number=number) for number, cpu in enumerate(cpus)]
    faults = [f"CPU {cpu.number}'s magic is damaged" for cpu in cpus if not cpu.has_magic]
    if len(said := _texts(cpus)) > 1:
        faults.append(f"its CPUs do not agree where the kernel's text was: {', '.join(f'{va:#x}' for va in said[:4])}")
    return _region(cpus[0].at, cpus[-1].end - cpus[0].at, form, cpus, None, faults)


def _of_new_form(source: Dump, at: int, form: TraceForm) -> TraceRegion | None:
    top = top_at(source, at, form)
    faults = []
    start = top.buffers
    if not form.head <= start < min(top.total, _LARGEST_SCRATCH):
        start, fault = _searched(source, at, form), f"its first CPU's part is said to begin at {top.buffers:#x}"
        faults.append(fault)
    cpus = list(_chain(source, at + start, at, form, top if not faults else None))
    if not cpus:
        return None
    if not faults and top.total < cpus[-1].end - at:
        faults.append(f"its size is said to be {top.total:#x}")
    size = max(top.total, cpus[-1].end - at) if not faults else cpus[-1].end - at
    kept = scratch(source.read(at + form.head, start - form.head), form.word)
    return _region(at, size, form, cpus, kept, faults)


def _searched(source: Dump, at: int, form: TraceForm) -> int:
    """Where the first CPU's part begins, found by its content: behind the scratch area, which ends at a page."""
    for start in range(4096, _LARGEST_SCRATCH, 4096):
        if cpu_at(source, at + start, at, form, 0):
            return start
    return form.head


def _chain(source: Dump, at: int, base: int, form: TraceForm, top: TraceTop | None) -> Iterator[TraceCpu]:
    """Each CPU's part from a place on: as long as the numbers go on as the first CPU's are."""
    first: TraceCpu | None = None
    for number in range(_MOST_CPUS):
        if top and at - base >= top.total:
            return
        cpu = cpu_at(source, at, base, form, number)
        if cpu is None or not (cpu.has_magic or (first and cpu.shift == first.shift)):
            return
        if first and (cpu.size, cpu.length) != (first.size, first.length):
            return
        if first and form.head and cpu.shift != first.shift and not _points_within(cpu, first.shift):
            return
        first = first or cpu
        yield cpu
        at = cpu.end


def _points_within(cpu: TraceCpu, shift: int) -> bool:
    """Whether head and commit are within the CPU's part, by the shift of another CPU."""
    return all(cpu.start <= address - shift < cpu.end for address in (cpu.head, cpu.commit))


def _before(source: Dump, cpu: TraceCpu, form: TraceForm) -> TraceCpu | None:
    """The part before one, whose magic is damaged; None where there is none."""
    at = cpu.at - (cpu.end - cpu.at)
    if at < 0:
        return None
    found = cpu_at(source, at, at, form, 0)
    return found if found and found.end == cpu.at and found.shift == cpu.shift else None


def _region(
    at: int, size: int, form: TraceForm, cpus: list[TraceCpu], kept: Scratch | None, faults: list[str]
) -> TraceRegion:
    shift = Counter(cpu.shift for cpu in cpus).most_common(1)[0][0]
    faults += [f"CPU {cpu.number}'s first_buffer is {cpu.first:#x}" for cpu in cpus if cpu.shift != shift]
    return TraceRegion(at, size, form, tuple(cpus), kept, shift, tuple(faults))
