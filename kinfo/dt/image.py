"""How much memory a kernel's image takes where it is loaded."""

from __future__ import annotations

from kinfo.dt.ranges import Range
from kinfo.errors import TreeError
from kinfo.sources import kinds, open_file
from kinfo.sources.recognise import HEAD, recognise

_SIZE_AT = 16  # Documentation/arch/arm64/booting.rst; RISC-V's is the same


def loaded_image(path: str, base: int) -> Range:
    """The memory of an arm64 or RISC-V Image loaded at a PA: from its header's image_size, BSS included.

    Raises TreeError for a file without such a header, DumpError for one that cannot be read.
    """
    with open_file(path) as file:
        head = file.raw.read(0, HEAD)
        size = int.from_bytes(head[_SIZE_AT : _SIZE_AT + 8], "little")
        if recognise(head).kind not in kinds.IMAGES or not size or base + size > 1 << 64:
            raise TreeError(
                f"{file.name}: is no arm64 or RISC-V Image with its size in the header",
                "unpack it first (zcat Image.gz > Image), or give --image PA+SIZE",
            )
        return Range(base, size)
