"""How much memory a kernel's image takes where it is loaded."""

from __future__ import annotations

from kinfo.arch import arm64
from kinfo.arch.address import SPACE
from kinfo.dt.ranges import Range
from kinfo.errors import TreeError
from kinfo.memory import open_dump

_RISCV = b"RSC\x05"  # in the place of arm64's magic: Documentation/arch/riscv/boot-image-header.rst


def loaded_image(path: str, base: int) -> Range:
    """The memory of an arm64 or RISC-V Image loaded at a PA: from its header's image_size, BSS included.

    Raises TreeError for a file without such a header, DumpError for one that cannot be read.
    """
    with open_dump(path) as dump:
        head = dump.read(0, min(dump.size, arm64.IMAGE_HEADER.size)).ljust(arm64.IMAGE_HEADER.size, b"\0")
        _, size, _, magic = arm64.IMAGE_HEADER.unpack(head)
        if magic not in (arm64.IMAGE_MAGIC, _RISCV) or not size or base + size > SPACE:
            raise TreeError(
                f"{dump.name}: is no arm64 or RISC-V Image with its size in the header",
                "unpack it first (zcat Image.gz > Image), or give --image PA+SIZE",
            )
        return Range(base, size)
