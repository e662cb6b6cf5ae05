"""What is known of a kernel's tables without a record, with the image's borders out of its own symbols."""

from __future__ import annotations

from collections.abc import Mapping

from kinfo.arch.address import KERNEL_HALF
from kinfo.kernel.kallsyms.kallsyms import Kallsyms
from kinfo.kernel.pointers import Borders, Pointers
from kinfo.record.kernels import parse_release

_PAGE = 4096
_LABELS = {"relative": "kallsyms_relative_base", "stext": "_stext", "text": "_text", "etext": "_etext", "end": "_end"}


class StatedPointers(Pointers):
    """PAs of tables and symbols by their names without ornaments, and numbers by the names that a record has for them."""

    def __init__(
        self, source: str, release: str, word: int, places: Mapping[str, int], counts: Mapping[str, int], page_table: int
    ) -> None:
        parsed = parse_release(release)
        self.source, self.release, self.version = source, release, parsed.version if parsed else None
        self.word, self.page_table = word, page_table
        self._places, self._counts = places, counts

    def pa(self, name: str) -> int:
        """See Pointers."""
        return self._places.get(name, 0)

    def count(self, name: str) -> int:
        """See Pointers."""
        return self._counts.get(name, 0)

    def says(self, name: str) -> bool:
        """See Pointers."""
        return name in self._counts

    def field(self, name: str) -> str:
        """See Pointers."""
        return _LABELS.get(name, f"kallsyms_{name}")

    def borders(self, kallsyms: Kallsyms) -> Borders:
        """See Pointers.

        A kernel without CONFIG_KALLSYMS_ALL names code only, and neither `_etext` nor `_einittext`: text and init text then
        end with the page that their last symbol begins in, and so does the image as far as it is known.
        """
        named = {name: _pa_of(kallsyms, f"_{name}") for name in Borders._fields}
        stext = self.pa("stext")
        lowest = kallsyms[kallsyms.absolute].pa if len(kallsyms) > kallsyms.absolute else stext
        sinittext = named["sinittext"] or 0
        etext = named["etext"] or _end_below(kallsyms, sinittext or KERNEL_HALF)
        einittext = named["einittext"] or (_end_below(kallsyms, KERNEL_HALF) if sinittext else 0)
        end = named["end"] or max(etext, einittext)
        return Borders(named["text"] or min(lowest, stext), stext, etext, sinittext, einittext, end)


def _pa_of(kallsyms: Kallsyms, name: str) -> int | None:
    found = [symbol.pa for symbol in kallsyms.named(name) if symbol.name == name and not symbol.is_absolute]
    return found[0] if len(set(found)) == 1 else None


def _end_below(kallsyms: Kallsyms, pa: int) -> int:
    """The end of the page in which the last symbol below a PA begins."""
    index = kallsyms.before(pa)
    return (kallsyms[index].pa // _PAGE + 1) * _PAGE if index >= kallsyms.absolute else 0
