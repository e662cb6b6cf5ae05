"""How two records are related: the same build or another, and the distance between their addresses."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from kinfo.record.record import Record
from kinfo.record.writers import possible_writers

PAGE = 4096
_MOST = 2  # addresses that must agree before others count as outliers
_SETS_ALL = ("A0", "A1n")  # the driver of 2020 stores _addresses_pa although the table has a base


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
            after = self.new.values.get(name)
            if not is_address(name) or self.is_garbage(name):
                continue
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
    def same_release(self) -> bool:
        """Whether the releases agree, or one is not there."""
        old, new = self.old.release_text, self.new.release_text
        return old == new or not old or not new or "Linux" in (old, new)  # RFC v2 stores "Linux" in its place

    @cached_property
    def same_build(self) -> bool:
        """Whether both come from one image: one release, and addresses that moved together or as many symbols."""
        if self.main:
            return self.main.same_build
        counts = {count for record in (self.old, self.new) if (count := record.number("num_syms"))}
        return self.same_release and (self.common is not None or len(counts) < 2)

    @property
    def series(self) -> int:
        """Of how many series the releases are (6.12.23 and 6.12.50 are of one); 0 where a release is not there."""
        releases = (self.old.release, self.new.release)
        return len({release.version for release in releases if release}) if all(releases) else 0

    @cached_property
    def one_writer(self) -> bool:
        """Whether nothing speaks for two writers: one release, one layout, and the same drivers that can have left them."""
        if self.old.layout is not self.new.layout or self.old.release_text != self.new.release_text:
            return False
        return possible_writers(self.old) == possible_writers(self.new)

    def differs(self, name: str) -> bool:
        """Whether the field's value is another one."""
        return self.old.values.get(name) != self.new.values.get(name)

    def is_garbage(self, name: str) -> bool:
        """Whether the field is virt_to_phys(0) in both: -kimage_voffset, another number in every boot."""
        records = (self.old, self.new)
        return name == "_addresses_pa" and all(
            record.layout is not None and record.layout.alias in _SETS_ALL and record.number("enabled_base_relative") == 1
            for record in records
        )


def is_address(name: str) -> bool:
    """Whether the field is the address of something in the kernel's image."""
    return name.endswith(("_pa", "_va")) and not name.startswith(("module_", "suspend_"))
