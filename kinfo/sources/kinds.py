"""The kinds of files that people have: how each begins, and what to do where one is named in another's place.

The one table of magics of whole files. What lies inside a container (a FIT's images, a boot image's parts) is that reader's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from kinfo.arch import arm64
from kinfo.elf import MAGIC
from kinfo.named import NamedTuple


class Role(Enum):
    """What a file can be read as."""

    PACKED = "packed"
    MEMORY = "memory"
    KERNEL = "kernel"
    TREE = "devicetree"
    TEXT = "text"
    OTHER = "other"


class FileKind(NamedTuple):
    """A kind of file.

    `what` it is in words, `role` what it can be read as, `magic` the bytes at `at`, `unpack` the command that unpacks it.
    `instead` says what to do where something else is wanted; for roles that it does not name such a file is taken as it is.
    """

    name: str
    what: str
    role: Role
    magic: bytes = b""
    at: int = 0
    unpack: str = ""
    instead: Mapping[Role, str] = {}


_BOOT_IMAGE = "unpack it: unpack_bootimg --boot_img FILE --out DIR, then name the kernel in it"
_ZBOOT = "unpack the payload in it, or name the vmlinux or Image of the build"
_BZIMAGE = "name the vmlinux of the build; scripts/extract-vmlinux gets one without symbols"
_NOT_A_TREE = {Role.TREE: "name the devicetree; `kinfo info` reads RAM dumps"}

GZIP = FileKind("gzip", "gzip data", Role.PACKED, b"\x1f\x8b\x08", unpack="gzip -dk")
XZ = FileKind("xz", "xz data", Role.PACKED, b"\xfd7zXZ\0", unpack="xz -dk")
ZSTD = FileKind("zstd", "zstd data", Role.PACKED, b"\x28\xb5\x2f\xfd", unpack="zstd -dk")
LZ4 = FileKind("lz4", "lz4 data", Role.PACKED, b"\x04\x22\x4d\x18", unpack="lz4 -dk")
LZ4_LEGACY = FileKind("lz4-legacy", "lz4 data of the legacy form", Role.PACKED, b"\x02\x21\x4c\x18", unpack="lz4 -dk")
BZIP2 = FileKind("bzip2", "bzip2 data", Role.PACKED, b"BZh", unpack="bzip2 -dk")
ZIP = FileKind("zip", "a zip archive", Role.PACKED, b"PK\x03\x04", unpack="unzip")
LZMA = FileKind("lzma", "lzma data", Role.PACKED, unpack="xz -dk")  # no magic: see recognise.packing

ELF_CORE = FileKind("core", "an ELF core", Role.MEMORY, MAGIC, instead={Role.TREE: _NOT_A_TREE[Role.TREE]})
ELF = FileKind("elf", "an ELF file", Role.KERNEL, MAGIC, instead=_NOT_A_TREE)
LIME = FileKind("lime", "a LiME dump", Role.MEMORY, b"EMiL")
KDUMP = FileKind("kdump", "a kdump-compressed dump", Role.MEMORY, b"KDUMP   ")
DISKDUMP = FileKind("diskdump", "a diskdump", Role.MEMORY, b"DISKDUMP")
FLATTENED = FileKind("flattened", "a flattened makedumpfile dump", Role.MEMORY, b"makedumpfile")
RAW_DMP = FileKind("raw-dump", "a Qualcomm raw dump", Role.MEMORY, b"Raw_Dmp!")
AVML = FileKind(
    "avml", "a compressed AVML dump", Role.OTHER, b"AVML", instead={Role.MEMORY: "convert it: avml-convert FILE OUT"}
)
IMAGE = FileKind("image", "a raw arm64 Image", Role.KERNEL, arm64.IMAGE_MAGIC, arm64.IMAGE_MAGIC_AT)
RISCV_IMAGE = FileKind(
    "riscv-image", "a RISC-V Image", Role.OTHER, b"RSC\x05", 56
)  # Documentation/arch/riscv/boot-image-header
BLOB = FileKind(
    "blob",
    "a devicetree blob or FIT image",
    Role.TREE,
    b"\xd0\x0d\xfe\xed",
    instead={Role.KERNEL: "name the kernel itself"},
)
ANDROID_BOOT = FileKind("boot", "an Android boot image", Role.TREE, b"ANDROID!", instead={Role.KERNEL: _BOOT_IMAGE})
SPARSE = FileKind(
    "sparse",
    "an Android sparse image",
    Role.OTHER,
    b"\x3a\xff\x26\xed",
    instead={Role.TREE: "make it raw first: simg2img FILE OUT"},
)
ZBOOT = FileKind("zboot", "a compressed EFI image (zboot)", Role.OTHER, b"zimg", 4, instead={Role.KERNEL: _ZBOOT})
BZIMAGE = FileKind("bzimage", "an x86 bzImage", Role.OTHER, b"HdrS", 0x202, instead={Role.KERNEL: _BZIMAGE})
ARCHIVE = FileKind(
    "ar", "an archive", Role.OTHER, b"!<arch>\n", instead={Role.KERNEL: "name a file of its own: the vmlinux in it"}
)
CPIO = FileKind("cpio", "a cpio archive", Role.OTHER, b"070701", instead={Role.KERNEL: "name a kernel, not an initramfs"})

CONFIG = FileKind("config", "a kernel configuration", Role.TEXT)
SYMBOLS = FileKind("symbols", "a list of symbols", Role.TEXT)
LISTING = FileKind("listing", "a listing of a RAM dump's files", Role.TEXT)
FIELDS = FileKind("fields", "field values", Role.TEXT)
TEXT = FileKind("text", "text", Role.TEXT)
RAW = FileKind("raw", "bytes without a header", Role.MEMORY)

KDUMPS = (KDUMP, DISKDUMP, FLATTENED)
PACKED = (GZIP, XZ, ZSTD, LZ4, LZ4_LEGACY, ZIP)
# In the order in which they are tried: longer magics, which cannot be chance, before those within a file.
MAGICS = (KDUMP, DISKDUMP, FLATTENED, RAW_DMP, AVML, LIME, ANDROID_BOOT, ZBOOT, BZIMAGE, ARCHIVE, CPIO, BLOB, SPARSE)
IMAGES = (IMAGE, RISCV_IMAGE)
