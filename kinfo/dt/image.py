"""How much memory a kernel's image takes where it is loaded."""

from __future__ import annotations

from kinfo.dt.ranges import Range
from kinfo.errors import TreeError
from kinfo.memory import open_dump

_MAGIC, _MAGIC_AT, _SIZE_AT = b"ARM\x64", 56, 16  # Documentation/arch/arm64/booting.rst; RISC-V has b"RSC\x05" there
_RISCV = b"RSC\x05"


def loaded_image(path: str, base: int) -> Range:
    """The memory of an arm64 or RISC-V Image loaded at a PA: from its header's image_size, BSS included.

    Raises TreeError for a file without such a header, DumpError for one that cannot be read.
    """
    with open_dump(path) as dump:
        head = dump.read(0, min(dump.size, 64))
        size = int.from_bytes(head[_SIZE_AT : _SIZE_AT + 8], "little")
        if head[_MAGIC_AT : _MAGIC_AT + 4] not in (_MAGIC, _RISCV) or not size or base + size > 1 << 64:
            raise TreeError(
                f"{dump.name}: is no arm64 or RISC-V Image with its size in the header",
                "unpack it first (zcat Image.gz > Image), or give --image PA+SIZE",
            )
        return Range(base, size)
