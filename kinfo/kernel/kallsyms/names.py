"""The compressed names: a length each, tokens behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinfo.errors import KernelError
from kinfo.kernel.kallsyms.addresses import numbers
from kinfo.kernel.kallsyms.tables import MARKED, Tables
from kinfo.memory import Memory
from kinfo.record import text
from kinfo.record.limits import NAMES_LIMIT

_TOKENS = 256
_TOKEN_TABLE_LIMIT = 1 << 16  # token_index has 16 bits
_LONGEST = 512  # KSYM_NAME_LEN: no name has more characters, nor more tokens, nor has any token
_BLOCK_LIMIT = MARKED * (2 + _LONGEST)
_ASKED = 3  # names of a block that are stepped to: all 256 of it cost what ten do so
_MANY = 8  # kept blocks: whoever asks for names of so many asks for more of the next, too
_KEPT = 1 << 26  # bytes of names that are kept, about; those of 300,000 symbols take half of it
_OBJECT = 64  # bytes that a text takes besides its characters


class Names:
    """All names, each with its type in front ("Tfoo"), with control characters escaped: safe to print anywhere.

    `marker_size` is 4 or 8; `is_long` tells whether lengths above 127 take two bytes. Raises KernelError where tokens or
    markers contradict themselves, HoleError where the dump does not hold them.
    """

    def __init__(self, memory: Memory, tables: Tables, marker_size: int, *, is_long: bool) -> None:
        self.count, self.is_long = tables.num_syms, is_long
        self._tokens = read_tokens(memory, tables)
        self._spaced = [f"{token[:1]} {token[1:]}" for token in self._tokens]
        self._markers = numbers(memory.view(tables.markers, tables.marks * marker_size), "I" if marker_size == 4 else "Q")
        self._names = memory.view_up_to(tables.names, NAMES_LIMIT)
        self._asked: dict[int, int] = {}  # by block: how many of its names were stepped to
        self._blocks: dict[int, list[str]] = {}
        self._damaged: set[int] = set()
        self._size = 0  # of these, about
        if not self._names:
            memory.view(tables.names, 1)  # says where the hole is
        if self._markers[0] != 0:
            raise KernelError(f"kallsyms_markers begins with {self._markers[0]:#x}, not with 0", WRONG_PLACE)

    def __getitem__(self, index: int) -> str:
        """A symbol's type and name."""
        block = index // MARKED
        kept = self._blocks.get(block) or self._kept(block)
        return kept[index % MARKED] if kept else self._stepped_to(index)

    def _kept(self, block: int) -> list[str] | None:
        """All names of a block that is asked for again and again; None where it is not, or is damaged."""
        asked = self._asked[block] = self._asked.get(block, 0) + 1
        if asked <= _ASKED and len(self._blocks) < _MANY:
            return None
        if block in self._damaged:
            return None
        try:
            names = self.block(block)
        except KernelError:  # the names before the damage can be had all the same
            self._damaged.add(block)
            return None
        size = sum(map(len, names)) + _OBJECT * len(names)
        if self._size + size > _KEPT:
            self._blocks.clear()
            self._size = 0
        self._asked[block] = _ASKED  # for when it is cleared away
        self._size += size
        self._blocks[block] = names
        return names

    def _stepped_to(self, index: int) -> str:
        """A name, behind those before it in its block."""
        at, size = self._measure(self._behind(self._markers[index // MARKED], index, index % MARKED), index)
        name = "".join(map(self._tokens.__getitem__, self._names[at : at + size]))
        if not name:
            raise KernelError(f"the name of symbol {index} is empty", WRONG_PLACE)
        return name

    def _behind(self, at: int, index: int, count: int) -> int:
        """Where so many names end; `index` is of one in their block."""
        for _ in range(count):
            at = sum(self._measure(at, index))
        return at

    def _measure(self, at: int, index: int) -> tuple[int, int]:
        """Where a name's tokens begin, and how many there are."""
        try:
            size = self._names[at]
            if size >= 0x80 and self.is_long:
                at, size = at + 1, size & 0x7F | self._names[at + 1] << 7
        except IndexError:
            raise self._cut(index // MARKED) from None
        if size > _LONGEST or at + 1 + size > len(self._names):
            raise self._cut(index // MARKED)
        return at + 1, size

    def blocks(self) -> Iterator[list[str]]:
        """Every name in order, 256 at a time; each block is checked against the marker of the next."""
        for block in range(len(self._markers)):
            yield self.block(block)

    def texts(self) -> Iterator[str]:
        """The same, each block as one text: every name behind its type, with a newline behind it."""
        for block in range(len(self._markers)):
            yield self._text(block) + "\n"

    def _text(self, block: int) -> str:
        return self._joined(block, ["\n"] * self._in_block(block), self._tokens)

    def block(self, block: int) -> list[str]:
        """The names between two markers. Raises KernelError where they do not end at the second."""
        names = self._text(block).split("\n")[1:]
        if "" in names:
            raise KernelError(f"the name of symbol {block * MARKED + names.index('')} is empty", WRONG_PLACE)
        return names

    def listing(self, block: int, heads: Sequence[str]) -> str:
        """The same as one text: each name behind its head, with a space between type and name."""
        return self._joined(block, heads, self._spaced)

    def _in_block(self, block: int) -> int:
        return min(MARKED, self.count - block * MARKED)

    def _end(self, block: int) -> int:
        start = self._markers[block]
        if block + 1 == len(self._markers):  # no marker tells: by the lengths, for what lies behind is no name's
            return self._behind(start, block * MARKED, self._in_block(block))
        end = self._markers[block + 1]
        if not start < end <= start + _BLOCK_LIMIT:
            raise KernelError(f"kallsyms_markers[{block + 1}] is {end:#x} after {start:#x}", WRONG_PLACE)
        return end

    def _joined(self, block: int, heads: Sequence[str], firsts: Sequence[str]) -> str:
        """A block's names in one string, each behind its head; the first token of each is taken from `firsts`.

        Every byte is made its token first, lengths too, and heads are put in their place: that is one pass in C.
        """
        start, end = self._markers[block], self._end(block)
        data = bytes(self._names[start:end])
        parts = list(map(self._tokens.__getitem__, data))
        at, two_bytes_from = 0, 0x80 if self.is_long else 0x100
        try:
            for head in heads:
                parts[at] = head
                size = data[at]
                at += 1
                if size >= two_bytes_from:
                    parts[at] = ""
                    size = size & 0x7F | data[at] << 7
                    if size > _LONGEST:
                        raise self._cut(block)
                    at += 1
                parts[at] = firsts[data[at]]
                at += size
        except IndexError:
            raise self._cut(block) from None
        if at > len(data):
            raise self._cut(block)
        if start + at != end:
            raise KernelError(
                f"kallsyms_markers[{block + 1}] is {end:#x}, but the names before it end at {start + at:#x}", WRONG_PLACE
            )
        return "".join(parts[:at])

    def _cut(self, block: int) -> KernelError:
        first = block * MARKED
        which = f"{first} to {first + self._in_block(block) - 1} of {self.count}"
        return KernelError(f"the names of symbols {which} lead out of kallsyms_names or out of the dump", WRONG_PLACE)


WRONG_PLACE = "the record and the memory are not of the same boot, or the memory is damaged"


def read_tokens(memory: Memory, tables: Tables) -> Sequence[str]:
    """The 256 tokens, escaped. Raises KernelError where table and index contradict each other."""
    index = numbers(memory.view(tables.token_index, 2 * _TOKENS), "H")
    table = bytes(memory.view_up_to(tables.token_table, _TOKEN_TABLE_LIMIT))
    tokens = table.split(b"\0", _TOKENS)[:_TOKENS]
    at = 0
    for number, token in enumerate(tokens):
        if index[number] != at:
            raise KernelError(
                f"kallsyms_token_index[{number}] is {index[number]:#x}, but that token begins at {at:#x} of the token table",
                WRONG_PLACE,
            )
        at += len(token) + 1
        if len(token) > _LONGEST:
            raise KernelError(f"token {number} of kallsyms_token_table has {len(token)} bytes", WRONG_PLACE)
    if len(tokens) < _TOKENS or at > len(table):
        raise KernelError(f"kallsyms_token_table has {len(tokens) - 1} tokens, not {_TOKENS}", WRONG_PLACE)
    return [text.escape(token) for token in tokens]
