"""Where raw memory lies, when nobody says: found by the one table whose content is known beforehand.

kallsyms_token_index is 256 rising numbers that begin with 0, and the record says at which byte of a page it begins. Where the
record has it, less where it is in the file, is the PA of the file's first byte, provided that the other tables agree, and
that the kernel did not write down another kimage_voffset: a record made for another load address agrees with all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from kinfo.errors import HoleError, KernelError
from kinfo.kernel.boot.voffset import Contradiction, contradiction
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.kernel import Kernel
from kinfo.kernel.pointers import RecordPointers
from kinfo.memory import Dump, Memory, Segment
from kinfo.named import NamedTuple
from kinfo.record.record import Record
from kinfo.record.scan import PAGE

_INDEX_SIZE = 512


def at_zero(dump: Dump) -> Memory:
    """A raw dump as if it began at PA 0: for what is looked for by its content."""
    return Memory(dump.name, [Segment(0, dump.size, dump, 0)], is_raw=True)


class Guess(NamedTuple):
    """A base that the tables bear out. `is_mapped` tells whether the page tables do too; `against` what contradicts it."""

    base: int
    kernel: Kernel
    is_mapped: bool
    against: Contradiction | None


Make = Callable[[Memory, tuple[str, ...]], Kernel]


def infer(dump: Dump, record: Record, *, is_inside: bool) -> Kernel:
    """The kernel of a record in a raw dump of unknown base. `is_inside` tells whether the record was found in that dump.

    Raises KernelError as `place` does.
    """

    def make(memory: Memory, notes: tuple[str, ...]) -> Kernel:
        return Kernel(memory, record._replace(base=memory.segments[0].start) if is_inside else record, notes)

    return place(dump, RecordPointers(record).pa("token_index"), make)


def place(dump: Dump, token_index: int, make: Make) -> Kernel:
    """The kernel in a raw dump of unknown base, whose kallsyms_token_index is at that PA; `make` reads it.

    Raises KernelError when no base fits, when several do and the page tables bear out none of them, or when the kernel in the
    dump says itself that it was loaded elsewhere.
    """
    guesses: list[Guess] = []
    for offset in index_offsets(dump, token_index):
        guess = _tried(dump, token_index - offset, make, offset)
        if guess and guess.is_mapped:  # the tables' own entries are PAs: they cannot hold at another base
            return guess.kernel
        if guess:
            guesses.append(guess)
    sound = [guess for guess in guesses if not guess.against]
    if len(sound) == 1:
        return sound[0].kernel
    if sound:
        bases = ", ".join(f"{dump.name}@{guess.base:#x}" for guess in sound[:8])
        raise KernelError(f"{dump.name}: it can begin at {len(sound)} physical addresses", f"choose one of: {bases}")
    if guesses:
        raise _elsewhere(dump, guesses[0])
    raise KernelError(
        f"{dump.name}: its physical address cannot be found: the symbol tables that the record points at are not in it",
        f"write {dump.name}@0x80000000, with the address of its first byte",
    )


def _elsewhere(dump: Dump, guess: Guess) -> KernelError:
    """The kernel runs at another address than the record was made for."""
    against, text = guess.against, guess.kernel.kallsyms.borders.text
    assert against is not None
    base, text = guess.base - against.too_high, text - against.too_high
    return KernelError(
        f"{dump.name}: by the record it begins at PA {guess.base:#x}, with kimage_voffset {against.own:#x}; but "
        f"{against.source} has {against.voffset:#x}, for which it begins at PA {base:#x} with the image at {text:#x}",
        f"the record is of another boot: name this one's with --kinfo, or make it: kinfo build ... --phys-base {text:#x}",
    )


def _tried(dump: Dump, base: int, make: Make, offset: int) -> Guess | None:
    if base < 0:
        return None
    memory = Memory(dump.name, [Segment(base, base + dump.size, dump, 0)], is_raw=True)
    note = f"{dump.name} begins at PA {base:#x}: kallsyms_token_index is at {offset:#x} of it"
    try:
        kernel = make(memory, (note,))
    except (KernelError, HoleError):
        return None
    is_mapped = kernel.space is not None and kernel.space.form is not None
    return Guess(base, kernel, is_mapped, contradiction(kernel))


def index_offsets(dump: Dump, token_index: int) -> Iterator[int]:
    """Offsets of everything in a dump that can be the token index, which begins at that byte of a page."""
    in_page = token_index % PAGE
    if in_page % 4:
        return  # labels have at least that alignment: the pointer is damaged
    for start, window in dump.windows():
        for at in range((in_page - start) % PAGE, len(window) - _INDEX_SIZE + 1, PAGE):
            word = int.from_bytes(window[at : at + 4], "little")
            if word > 0xFFFF and not word & 0xFFFF and _rises(bytes(window[at : at + _INDEX_SIZE])):  # 0, then something
                yield start + at


def _rises(raw: bytes) -> bool:
    index = numbers(memoryview(raw), "H")
    return all(low < high for low, high in pairwise(index))
