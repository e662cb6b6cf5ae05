"""How two records are related: the same build or another, and the distance between their addresses."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from kinfo.record.record import Record

PAGE = 4096
_MOST = 2  # addresses that must agree before others count as outliers


class Pair:
    """Two records with what their comparison rests on; symmetric but for which one is called old."""

    def __init__(self, old: Record, new: Record) -> None:
        self.old, self.new = old, new

    @cached_property
    def distances(self) -> dict[str, int]:
        """How far each address moved, where both have it set."""
        found = {}
        for name, before in self.old.values.items():
            after = self.new.values.get(name)
            if is_address(name) and isinstance(before, int) and isinstance(after, int) and before and after:
                found[name] = after - before
        return found

    @cached_property
    def common(self) -> int | None:
        """The distance that most addresses have; None where no two agree, and where fewer than half do."""
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
        counts = {count for record in (self.old, self.new) if (count := record.number("num_syms"))}
        return self.same_release and (self.common is not None or len(counts) < 2)


def is_address(name: str) -> bool:
    """Whether the field is the address of something in the kernel's image."""
    return name.endswith(("_pa", "_va")) and not name.startswith(("module_", "suspend_"))
