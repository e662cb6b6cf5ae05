"""Reed-Solomon over bytes, as ramoops uses the kernel's library: polynomial 0x11d, first root 0, primitive element 1.

A codeword is data and then parity, the highest power first (lib/reed_solomon/decode_rs.c). Whether blocks hold is computed
for all of them at once; the few that do not are corrected one by one.
"""

from __future__ import annotations

from functools import cache

from kinfo.named import NamedTuple
from kinfo.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_POLYNOMIAL = 0x11D
_ORDER = 255  # of the field's multiplicative group: the longest codeword


def _field() -> tuple[list[int], list[int]]:
    exp, log = [1] * (2 * _ORDER), [0] * (_ORDER + 1)
    for power in range(1, 2 * _ORDER):
        exp[power] = exp[power - 1] << 1
        if exp[power] > _ORDER:
            exp[power] ^= _POLYNOMIAL
    for power in range(_ORDER):
        log[exp[power]] = power
    return exp, log


_EXP, _LOG = _field()


def _times(one: int, other: int) -> int:
    return _EXP[_LOG[one] + _LOG[other]] if one and other else 0


@cache
def _by_root(roots: int) -> NDArray[np.uint8]:
    """A table for each root: what every byte is, times the root."""
    import numpy as np

    return np.array([[_times(_EXP[power], byte) for byte in range(256)] for power in range(roots)], dtype=np.uint8)


def syndromes(codewords: NDArray[np.uint8], roots: int) -> NDArray[Any]:
    """For each codeword (a row) its value at each root: all are 0 where it holds."""
    import numpy as np

    table, row = _by_root(roots), np.arange(roots)
    found = np.zeros((len(codewords), roots), dtype=np.uint8)
    for column in codewords.T:
        found = table[row, found] ^ column[:, None]
    return found


class Corrected(NamedTuple):
    """A codeword put right, and how many of its bytes were wrong."""

    codeword: bytes
    wrong: int


def correct(codeword: bytes, found: list[int]) -> Corrected | None:
    """The codeword put right by its syndromes; None where more bytes are wrong than half the parity's.

    The kernel also accepts some patterns with more, where they happen to fit: no unique answer, so none here.
    """
    if not any(found):
        return Corrected(codeword, 0)
    locator = _locator(found)
    count = len(locator) - 1
    if not 0 < 2 * count <= len(found):
        return None
    places = [place for place in range(len(codeword)) if not _at(locator, _ORDER - (len(codeword) - 1 - place))]
    if len(places) != count:
        return None
    fixed = bytearray(codeword)
    for place in places:
        fixed[place] ^= _magnitude(found, locator, len(codeword) - 1 - place)
    return None if any(_syndromes_of(fixed, len(found))) else Corrected(bytes(fixed), count)


def _locator(found: list[int]) -> list[int]:
    """Berlekamp and Massey: the shortest recurrence of the syndromes, the lowest power first."""
    now, before = [1], [1]
    length, distance, last = 0, 1, 1
    for index, syndrome in enumerate(found):
        wrong = syndrome
        for power in range(1, length + 1):
            wrong ^= _times(now[power], found[index - power]) if power < len(now) else 0
        if not wrong:
            distance += 1
            continue
        step = _EXP[_LOG[wrong] + _ORDER - _LOG[last]]
        shifted = [0] * distance + [_times(step, term) for term in before]
        size = max(len(now), len(shifted))
        joined = [(now[at] if at < len(now) else 0) ^ (shifted[at] if at < len(shifted) else 0) for at in range(size)]
        if 2 * length <= index:
            length, before, last, distance = index + 1 - length, now, wrong, 1
        else:
            distance += 1
        now = joined
    while now[-1] == 0:
        now.pop()
    return now if len(now) == length + 1 else []


def _at(polynomial: list[int], power: int) -> int:
    """The polynomial's value at the primitive element to a power."""
    value = 0
    for exponent, term in enumerate(polynomial):
        if term:
            value ^= _EXP[(_LOG[term] + exponent * power) % _ORDER]
    return value


def _magnitude(found: list[int], locator: list[int], power: int) -> int:
    """Forney: what was added at the place of x**power (first root 0)."""
    inverse = (_ORDER - power) % _ORDER
    evaluator = [0] * (len(locator) - 1)
    for at in range(len(evaluator)):
        for other in range(at + 1):
            evaluator[at] ^= _times(found[at - other], locator[other])
    slope = [locator[at + 1] if at % 2 == 0 else 0 for at in range(len(locator) - 1)]
    below = _at(slope, inverse)
    above = _times(_EXP[power % _ORDER], _at(evaluator, inverse))
    return _EXP[_LOG[above] + _ORDER - _LOG[below]] if above and below else 0


def _syndromes_of(codeword: bytes | bytearray, roots: int) -> list[int]:
    found = [0] * roots
    for byte in codeword:
        found = [_times(value, _EXP[power]) ^ byte for power, value in enumerate(found)]
    return found
