"""The files of a kernel build, written from a kernel that tests/kernels made: Image, vmlinux, System.map, .config, BTF.

Written from the formats' own documents, and sharing nothing with kinfo/kernel/facts.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.kernels.image import Kernel

CONFIG = {
    "KALLSYMS": "y",
    "KALLSYMS_ALL": "y",
    "MODULES": "y",
    "MODULES_TREE_LOOKUP": "y",
    "CFI_CLANG": "n",
    "RANDOMIZE_BASE": "y",
    "ARM64_VA_BITS": "39",
}
EM = {"arm64": 183, "x86": 62}
HEAD = 64


def config_text(release: str, options: Mapping[str, str] | None = None, *, arch: str = "arm64", header: bool = True) -> str:
    """A .config as the kernel's Makefile writes it."""
    lines = ["#", "# Automatically generated file; DO NOT EDIT.", f"# Linux/{arch} {release} Kernel Configuration", "#"]
    for name, value in {**CONFIG, **(options or {})}.items():
        lines.append(f"# CONFIG_{name} is not set" if value == "n" else f"CONFIG_{name}={value}")
    return "\n".join(lines if header else lines[4:]) + "\n"


def symbol_values(kernel: Kernel) -> dict[str, int]:
    """VA of everything that nm would list of what kinfo asks for, and more."""
    found = {symbol.name: symbol.va for symbol in kernel.symbols if symbol.pa is not None}
    names = {"seqs": "seqs_of_names"}
    found |= {f"kallsyms_{names.get(name, name)}": pa + kernel.voffset for name, pa in kernel.addresses.items()}
    found |= {name: kernel.va(section) for name, section in BORDERS.items()}
    found["swapper_pg_dir" if kernel.spec.arch == "arm64" else "init_top_pgt"] = kernel.root_pa + kernel.voffset
    stack = kernel.va("data") + 0x4000
    return found | {"__start_init_stack": stack, "__end_init_stack": stack + 0x4000}


BORDERS = {
    "_text": "head",
    "_stext": "text",
    "_etext": "rodata",
    "_sinittext": "inittext",
    "_einittext": "einittext",
    "_end": "end",
    "init_uts_ns": "uts",
}


def system_map(symbols: Mapping[str, int]) -> str:
    """What nm -n prints."""
    return "".join(f"{va:016x} T {name}\n" for name, va in sorted(symbols.items(), key=lambda item: item[1]))


def proc_kallsyms(kernel: Kernel) -> str:
    """What the running kernel lists, its modules' symbols behind its own."""
    own = "".join(f"{symbol.va:016x} {symbol.type} {symbol.name}\n" for symbol in kernel.symbols)
    return own + f"{kernel.spec.first_module_va:016x} t probe\t[alpha]\n"


def image_bytes(kernel: Kernel, *, relocated: bool = True) -> bytes:
    """The image as the linker leaves it, without its BSS. With `relocated` off kallsyms_relative_base is 0 in it."""
    data = bytearray(kernel.peek(kernel.spec.text, kernel.places["bss"]))
    if not relocated and "relative_base" in kernel.addresses:
        at = kernel.addresses["relative_base"] - kernel.spec.text
        data[at : at + 8] = bytes(8)
    return bytes(data)


def relocation(kernel: Kernel, name: str, value: int, kind: int = 1027) -> bytes:
    """An entry of .rela.dyn: what is at a kallsyms table gets a value."""
    return struct.pack("<QQQ", kernel.addresses[name] + kernel.voffset, kind, value)


def raw_image(kernel: Kernel, *, extra: bytes = b"", relocated: bool = True, flags: int = 0xA) -> bytes:
    """A raw arm64 Image; `extra` (BTF, IKCONFIG, relocations) lies in its data."""
    data = bytearray(image_bytes(kernel, relocated=relocated))
    head = struct.pack("<IIQQQQQQII", 0xD503201F, 0x14000000, 0, kernel.places["end"], flags, 0, 0, 0, 0x644D5241, 0)
    data[: len(head)] = head
    at = kernel.places["data"] + 0x8000
    data[at : at + len(extra)] = extra
    assert len(head) == HEAD
    return bytes(data)


def ikconfig(text: str) -> bytes:
    """The configuration as CONFIG_IKCONFIG puts it into an image."""
    return b"IKCFG_ST" + gzip.compress(text.encode(), mtime=0) + b"IKCFG_ED"


class Extra(NamedTuple):
    """A section of a vmlinux beside the image: its type, its flags, its VA (0: not loaded)."""

    name: str
    data: bytes
    kind: int = 1
    flags: int = 0
    va: int = 0


def vmlinux(
    kernel: Kernel,
    symbols: Mapping[str, int] | None,
    *,
    extras: Sequence[Extra] = (),
    relocated: bool = True,
    elf_type: int = 3,
    paddr: int | None = None,
) -> bytes:
    """An ELF kernel: the image as one loaded segment, a symbol table (None: stripped), further sections."""
    image = image_bytes(kernel, relocated=relocated)
    strings = b"\0"  # as linkers write it: a name that ends another one is that one's end
    for name in sorted(symbols or (), key=len, reverse=True):
        strings += b"" if name.encode() + b"\0" in strings else name.encode() + b"\0"
    sections = [Extra(".text", image, 1, 6, kernel.text_va), *extras]
    if symbols is not None:
        table = bytearray(24)
        for name, va in symbols.items():
            table += struct.pack("<IBBHQQ", strings.index(name.encode() + b"\0"), 0x10, 0, 1, va, 0)
        sections += [Extra(".symtab", bytes(table), 2), Extra(".strtab", strings, 3)]
    names = b"\0" + b"\0".join(one.name.encode() for one in sections) + b"\0.shstrtab\0"
    sections.append(Extra(".shstrtab", names, 3))
    body, headers, at, label = bytearray(), [bytes(64)], 0x1000, 1
    for one in sections:
        link = len(headers) + 1 if one.kind == 2 else 0
        entry = 24 if one.kind in (2, 4) else 0
        headers.append(struct.pack("<IIQQQQIIQQ", label, one.kind, one.flags, one.va, at, len(one.data), link, 0, 8, entry))
        body += one.data + bytes(-len(one.data) % 8)
        at += len(one.data) + -len(one.data) % 8
        label += len(one.name) + 1
    pa = kernel.text_va if paddr is None else paddr
    segment = struct.pack("<IIQQQQQQ", 1, 7, 0x1000, kernel.text_va, pa, len(image), kernel.places["end"], 0x10000)
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    machine = EM[kernel.spec.arch]
    numbers = (elf_type, machine, 1, kernel.text_va, 64, at, 0, 64, 56, 1, 64, len(headers), len(headers) - 1)
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, *numbers) + segment
    return head.ljust(0x1000, b"\0") + bytes(body) + b"".join(headers)


Members = Sequence[tuple[str, int, int]]  # name, offset in bytes, elements (0: no array)


def btf(structs: Mapping[str, tuple[int, Members]]) -> bytes:
    """BTF with these structs, each with its size: every member is an int, or an array of them."""
    strings, types = bytearray(b"\0int\0"), bytearray()
    types += struct.pack("<IIII", 1, 1 << 24, 4, 32)  # type 1: int
    ids = 1

    def label(name: str) -> int:
        at = len(strings)
        strings.extend(name.encode() + b"\0")
        return at

    for name, (size, members) in structs.items():
        kinds = []
        for _, _, elements in members:
            if elements:
                types += struct.pack("<IIIIII", 0, 3 << 24, 0, 1, 1, elements)
                ids += 1
            kinds.append(ids if elements else 1)
        types += struct.pack("<III", label(name), 4 << 24 | len(members), size)
        ids += 1
        for (member, offset, _), kind in zip(members, kinds, strict=True):
            types += struct.pack("<III", label(member), kind, offset * 8)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return header + bytes(types) + bytes(strings)


def module_types(kernel: Kernel, *, name_len: int = 512) -> bytes:
    """BTF of struct module as the made kernel has it, and of what tells KSYM_NAME_LEN."""
    shape = kernel.spec.module_shape
    is_new = kernel.spec.version >= (6, 4)
    parts: list[tuple[str, int, int]] = [("state", 0, 0), ("name", 24, 56), ("kallsyms", shape.kallsyms, 0)]
    parts += (
        [("mem", shape.mem_offset, 7)]
        if is_new
        else [("core_layout", shape.mem_offset, 0), ("init_layout", shape.init_offset, 0)]
    )
    lookup = [("mtn", 16, 0)] if kernel.spec.tree_lookup else []
    return btf(
        {
            "module": (0x400, parts),
            "module_memory" if is_new else "module_layout": (72, [("base", 0, 0), ("size", 8, 0), *lookup]),
            "kallsym_iter": (700, [("pos", 0, 0), ("name", 45, name_len), ("module_name", 45 + name_len, 56)]),
            "uts_namespace": (432, [("name", 0 if kernel.spec.version >= (5, 11) else 4, 0)]),
        }
    )


def write(folder: Path, files: Iterable[tuple[str, bytes | str]]) -> dict[str, Path]:
    """Files by their names."""
    found = {}
    for name, data in files:
        found[name] = folder / name
        found[name].write_bytes(data.encode() if isinstance(data, str) else data)
    return found
