"""The kernel's configuration, where it carries one (CONFIG_IKCONFIG): the .config that it was built with, packed.

kernel/configs.c: IKCFG_ST, gzip, IKCFG_ED, from kernel_config_data on (which is behind the first mark).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import islice

from kinfo.errors import KernelError
from kinfo.kernel import variables
from kinfo.kernel.kernel import Kernel
from kinfo.record.limits import IMAGE_LIMIT

_MARK = re.compile(rb"IKCFG_ST(?=\x1f\x8b)")
_OPTION = re.compile(r"^(?:CONFIG_\w+=|# CONFIG_\w+ is not set$)", re.MULTILINE)
_NO_TEXT = re.compile(
    r"[^\t\n -~\xa0-\U0010ffff]"
)  # control characters; what is beyond ASCII was a text for whoever wrote it
_START = b"IKCFG_ST"
_NOT_ONE = "it was overwritten, or is another's: /boot/config-RELEASE of the system may have the kernel's"
PACKED, _UNPACKED = 1 << 20, 4 << 20
MARK = len(_START) + 2  # bytes that make one
MOST = 64  # marks that are looked at


def config(kernel: Kernel) -> dict[str, str]:
    """Option to value ("CONFIG_HZ": "250"), for options that are set; empty where the kernel carries no configuration."""
    try:
        return options(text(kernel))
    except KernelError:
        return {}


def options(text: str) -> dict[str, str]:
    """Option to value, for options that are set."""
    return dict(line.split("=", 1) for line in text.split("\n") if line.startswith("CONFIG_") and "=" in line)


def text(kernel: Kernel) -> str:
    """The configuration as it is in the image: by kernel_config_data, else by its mark; "" where there is none.

    Raises KernelError where it is damaged.
    """
    pa = variables.pa_of(kernel, "kernel_config_data")
    if pa is not None:
        raw = bytes(kernel.memory.joined_up_to(pa, PACKED))
        return unpacked(raw.removeprefix(_START), kernel.memory.name)
    borders = kernel.kallsyms.borders
    image = kernel.memory.joined_up_to(borders.etext, min(max(borders.end - borders.etext, 0), IMAGE_LIMIT))
    return embedded(image, kernel.memory.name)


def embedded(data: bytes | memoryview, name: str) -> str:
    """The first sound configuration in a part of an image; "" where no mark is. Raises KernelError where none is sound."""
    damage = None
    for at in islice(marks(data), MOST):
        try:
            return unpacked(bytes(data[at : at + PACKED]), name)
        except KernelError as error:
            damage = damage or error
    if damage:
        raise damage
    return ""


def marks(data: bytes | memoryview) -> Iterator[int]:
    """Where the packed bytes behind each mark begin."""
    return (found.end() for found in _MARK.finditer(data))


def unpacked(raw: bytes, name: str) -> str:
    """What is packed at the start of these bytes, whole by its sum and length; what is no UTF-8 as surrogate escapes.

    Raises KernelError. IKCFG_ED behind it is not looked for: gzip says where the end is.
    """
    packed = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = packed.decompress(raw, _UNPACKED)
    except zlib.error as error:
        raise KernelError(f"{name}: the configuration in it is damaged: {error}", "check that it was copied whole") from None
    if not packed.eof and len(text) == _UNPACKED:
        raise KernelError(f"{name}: what is marked as a configuration unpacks to more than {_UNPACKED >> 20} MiB", _NOT_ONE)
    if not packed.eof:
        raise KernelError(f"{name}: the configuration in it is cut off", "check that it was copied whole")
    told = text.decode("utf-8", "surrogateescape")
    if not _OPTION.search(told) or _NO_TEXT.search(told):
        raise KernelError(f"{name}: what is marked as a configuration is none: it has no options, or is no text", _NOT_ONE)
    return told
