"""How two records are related: the same build or another, and the distance between their addresses."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from kinfo.examine.written_by import possible_writers
from kinfo.record.record import Record
from kinfo.record.text import before_nul, is_printable
from kinfo.writer_rows import android

PAGE = 4096
_MOST = 2  # addresses that must agree before others count as outliers
_ENOUGH = 2  # kinds of evidence that make two records those of one build where a release is lost
_RELEASES = ("last_uts_release", "uts_release")
_SYSNAME = b"Linux"  # what RFC v2 stores in the release's place


class Pair:
    """Two records with what their comparison rests on; symmetric but for which one is called old.

    `main` is the pair of the kernel's records where these are the vendor blocks beside them: the image is that of the kernel.
    """

    def __init__(self, old: Record, new: Record, main: Pair | None = None) -> None:
        self.old, self.new, self.main = old, new, main

    @cached_property
    def distances(self) -> dict[str, int]:
        """How far each address moved, where both have it set."""
        found = {}
        for name, before in self.old.values.items():
            if not is_address(name) or self.is_garbage(name):
                continue
            after = self.new.values.get(name)
            if isinstance(before, int) and isinstance(after, int) and before and after:
                found[name] = after - before
        return found

    @cached_property
    def common(self) -> int | None:
        """The distance that most addresses have; None where no two agree, and where fewer than half do."""
        if self.main:
            return self.main.common
        if not self.distances:
            return None
        distance, count = Counter(self.distances.values()).most_common(1)[0]
        enough = count >= _MOST or len(self.distances) == 1
        return distance if enough and 2 * count > len(self.distances) else None

    @property
    def slide(self) -> int | None:
        """The distance that every address has, where that is a whole number of pages: KASLR, or another load address."""
        distances = set(self.distances.values())
        return distances.pop() if len(distances) == 1 and not next(iter(distances)) % PAGE else None

    @cached_property
    def is_release_lost(self) -> bool:
        """Whether a release that should be there is not a kernel's: garbage, or empty where the other record has one."""
        if self.main:
            return self.main.is_release_lost
        texts = [_release(record) for record in (self.old, self.new)]
        if None in texts or texts[0] == texts[1] or _SYSNAME in texts:
            return False
        return not all(_is_release(record) for record in (self.old, self.new))

    @cached_property
    def same_release(self) -> bool:
        """Whether the releases agree, or one is not there."""
        old, new = self.old.release_text, self.new.release_text
        return old == new or not old or not new or _SYSNAME.decode() in (old, new)

    @cached_property
    def same_build(self) -> bool | None:
        """Whether both come from one image: one release, and addresses that moved together or as many symbols.

        Where a release is lost, whether the rest says so; else None: not known, for damage is no other build.
        """
        if self.main:
            return self.main.same_build
        if self.is_release_lost:
            return True if self._likeness >= _ENOUGH else None
        counts = {count for record in (self.old, self.new) if (count := record.number("num_syms"))}
        return self.same_release and (self.common is not None or len(counts) < 2)

    @cached_property
    def has_moved(self) -> bool:
        """Whether both come from one image, at another place: then all its addresses differ."""
        return bool(self.same_build and self.common)

    @property
    def _likeness(self) -> int:
        """How many of three speak for one image: the distances of its addresses, its number of symbols, its build_info."""
        counts = {record.number("num_syms") for record in (self.old, self.new)}
        builds = {before_nul(record.string("build_info") or b"") for record in (self.old, self.new)}
        alike = [len(values) == 1 and any(values) for values in (counts, builds)]
        return sum(alike) + (self.common is not None and len(self.distances) >= _MOST)

    @property
    def series(self) -> int:
        """Of how many series the releases are (6.12.23 and 6.12.50 are of one); 0 where a release is not there."""
        releases = (self.old.release, self.new.release)
        return len({release.version for release in releases if release}) if all(releases) else 0

    @cached_property
    def one_writer(self) -> bool:
        """Whether nothing speaks for two writers: one release, one layout, and the same drivers that can have left them.

        A lost release speaks for damage.
        """
        if self.old.layout is not self.new.layout:
            return False
        if self.is_release_lost:
            return True
        if self.old.release_text != self.new.release_text:
            return False
        return possible_writers(self.old) == possible_writers(self.new)

    def differs(self, name: str) -> bool:
        """Whether the field's value is another one."""
        return self.old.values.get(name) != self.new.values.get(name)

    def is_garbage(self, name: str) -> bool:
        """Whether the field is virt_to_phys(0) in both: -kimage_voffset, another number in every boot."""
        records = (self.old, self.new)
        return name == "_addresses_pa" and all(
            record.layout is not None
            and android.STORES_ALL.has(record.layout.alias)
            and record.number("enabled_base_relative") == 1
            for record in records
        )


def _release(record: Record) -> bytes | None:
    """The release up to its NUL; None where the layout has none or the dump ends before it."""
    found = (record.string(name) for name in _RELEASES)
    return next((before_nul(raw) for raw in found if raw is not None), None)


def _is_release(record: Record) -> bool:
    """Whether the release begins with a version and is text to its end."""
    return record.release is not None and is_printable(_release(record) or b"")


def is_address(name: str) -> bool:
    """Whether the field is the address of something in the kernel's image."""
    return name.endswith(("_pa", "_va")) and not name.startswith(("module_", "suspend_"))
