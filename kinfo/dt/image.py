"""How much memory a kernel's image takes where it is loaded."""

from __future__ import annotations

from kinfo.arch import arm64
from kinfo.arch.address import SPACE
from kinfo.dt.ranges import Range
from kinfo.errors import TreeError
from kinfo.sources import kinds, open_file
from kinfo.sources.recognise import HEAD, recognise


def loaded_image(path: str, base: int) -> Range:
    """The memory of an arm64 or RISC-V Image loaded at a PA: from its header's image_size, BSS included.

    Raises TreeError for a file without such a header, DumpError for one that cannot be read.
    """
    with open_file(path) as file:
        head = file.raw.read(0, HEAD)
        _, size, _, _ = arm64.IMAGE_HEADER.unpack(head[: arm64.IMAGE_HEADER.size].ljust(arm64.IMAGE_HEADER.size, b"\0"))
        if recognise(head).kind not in kinds.IMAGES or not size or base + size > SPACE:
            raise TreeError(
                f"{file.name}: is no arm64 or RISC-V Image with its size in the header",
                "unpack it first (zcat Image.gz > Image), or give --image PA+SIZE",
            )
        return Range(base, size)
