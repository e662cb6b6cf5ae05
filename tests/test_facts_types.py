"""Structs out of BTF and DWARF, against gcc's offsetof, pahole, and a writer of BTF that shares nothing with the reader."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kinfo.errors import KernelError
from kinfo.kernel.types import Types
from kinfo.kernel.types.btf import search
from kinfo.kernel_build import dwarf
from kinfo.kernel_build.dwarf import Dwarf
from kinfo.kernel_build.types import DwarfMember, DwarfStruct
from kinfo.kernel_build.vmlinux import Vmlinux
from kinfo.memory import BytesDump, open_dump
from tests.build_files import btf

MEMBERS = ("state", "list", "name", "aa", "cc", "mem", "kallsyms", "scmversion")
SOURCE = """
#include <stddef.h>
struct module;  /* declared first, as kernel headers do */
struct list_head { struct list_head *next, *prev; };
struct module_memory { void *base; unsigned size; };
typedef char name_t[56];
struct module {
    int state; struct list_head list; const name_t name;
    struct { int aa; union { long bb; char cc[16]; }; };
    unsigned f1:3, f2:5;
    struct module_memory mem[7] __attribute__((aligned(64)));
    void *kallsyms; char *scmversion;
};
struct other { struct module *module; char name[4]; };
struct module one; struct other two;
"""
MAIN = (
    "#include <stdio.h>\nint main(void) {"
    + "".join(f'printf("{name} %zu\\n", offsetof(struct module, {name}));' for name in MEMBERS)
    + 'printf("size %zu\\n", sizeof(struct module)); return 0; }'
)

gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@pytest.fixture(scope="module")
def offsets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What the compiler says of its own struct."""
    folder = tmp_path_factory.mktemp("offsets")
    (folder / "main.c").write_text(SOURCE + MAIN)
    subprocess.run(["gcc", "main.c", "-o", "main"], cwd=folder, check=True)
    lines = subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {name: int(value) for name, value in (line.split() for line in lines)}


def compiled(folder: Path, *options: str) -> Path:
    (folder / "module.c").write_text(SOURCE)
    subprocess.run(["gcc", *options, "-shared", "-nostdlib", "module.c", "-o", "module.so"], cwd=folder, check=True)
    return folder / "module.so"


def dwarf_of(path: Path) -> Dwarf:
    with open_dump(path) as dump:
        image = Vmlinux(dump)
        names = [section.name for section in image.sections if section.name.startswith(".debug_")]
        return Dwarf({name: memoryview(bytes(data)) for name in names if (data := image.section(name)) is not None})


@gcc
@pytest.mark.parametrize("options", ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5", "-gdwarf-5 -gz", "-gdwarf-4 -O2"])
def test_dwarf_has_the_offsets_of_the_compiler(tmp_path: Path, offsets: dict[str, int], options: str) -> None:
    found = dwarf_of(compiled(tmp_path, *options.split())).find("module")
    assert found is not None
    assert {name: found.members[name].offset for name in MEMBERS} | {"size": found.size} == offsets
    assert {name: found.members[name].elements for name in ("cc", "mem", "state")} == {"cc": 16, "mem": 7, "state": 0}


@gcc
def test_dwarf_without_the_struct(tmp_path: Path) -> None:
    found = dwarf_of(compiled(tmp_path, "-g"))
    assert found.find("modul") is None
    assert found.find("list_head") == DwarfStruct(16, {"next": DwarfMember(0, 0), "prev": DwarfMember(8, 0)})


@gcc
def test_dwarf_search_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dwarf, "MOST_ENTRIES", 3)
    assert dwarf_of(compiled(tmp_path, "-g")).find("module") is None


@gcc
def test_damaged_dwarf_is_an_error_or_nothing(tmp_path: Path) -> None:
    whole = dwarf_of(compiled(tmp_path, "-g"))
    errors = 0
    for at in range(0, min(len(whole.info), 400), 3):
        info = bytearray(whole.info)
        info[at] ^= 0xFF
        sections = {".debug_info": memoryview(info), ".debug_abbrev": whole.abbrev, ".debug_str": whole.strings[0x0E]}
        try:
            Dwarf(sections).find("module")
        except KernelError as error:
            assert str(error) == "its DWARF is damaged; check that the image was copied whole"
            errors += 1
    assert errors > 5


def by_hand(name_form: int, index: bytes, *, is_wide: bool) -> Dwarf:
    """DWARF 5 as clang writes it: names by their number in .debug_str_offsets; `is_wide` for 64-bit offsets.

    One unit with `struct module { ...; char name[56]; ...; kallsyms; }`, and an entry of each kind of block before it.
    """
    strings = b"x\0module\0name\0kallsyms\0"
    width = 8 if is_wide else 4
    places = [strings.index(one) for one in (b"x\0", b"module\0", b"name\0", b"kallsyms\0")]
    table = bytes(2 * width) + b"".join(place.to_bytes(width, "little") for place in places)

    def kind(code: int, tag: int, has_children: int, *attributes: int) -> bytes:
        return bytes((code, tag, has_children, *attributes, 0, 0))

    abbrev = kind(1, 0x11, 1, 0x72, 0x17)  # compile unit: str_offsets_base, a sec_offset
    abbrev += kind(2, 0x13, 1, 0x03, name_form, 0x0B, 0x05)  # struct: name, byte_size as data2
    abbrev += kind(3, 0x0D, 0, 0x03, name_form, 0x49, 0x13, 0x38, 0x0F)  # member: name, type as ref4, location as udata
    abbrev += kind(4, 0x01, 1) + kind(5, 0x21, 0, 0x37, 0x0B)  # array; subrange: count as data1
    abbrev += kind(6, 0x34, 0, 0x02, 0x18, 0x02, 0x0A, 0x1C, 0x0D, 0x03, 0x08)  # exprloc, block1, sdata, string
    abbrev += kind(7, 0x24, 0) + b"\0"
    body = b"\x01" + (2 * width).to_bytes(width, "little")
    body += b"\x06" + b"\x02ab" + b"\x03abc" + b"\x80\x7f" + b"module\0"
    start = 4 + 8 + 4 + 8 if is_wide else 12  # of the entries: behind the unit's header
    array = start + len(body)
    body += b"\x04\x05\x38\0"  # char [56]
    plain = start + len(body)
    body += b"\x07"
    body += b"\x02" + b"\x01" + index + (0x400).to_bytes(2, "little")
    body += b"\x03" + b"\x02" + index + array.to_bytes(4, "little") + b"\x18"
    body += b"\x03" + b"\x03" + index + plain.to_bytes(4, "little") + b"\x88\x07"
    body += b"\0\0"
    head = struct.pack("<HBB", 5, 1, 8) + bytes(width)
    length = len(head) + len(body)
    info = (b"\xff\xff\xff\xff" + length.to_bytes(8, "little") if is_wide else length.to_bytes(4, "little")) + head + body
    other = struct.pack("<IHBB", 8, 5, 2, 8) + bytes(4)  # a type unit, which is passed over
    sections = {".debug_info": other + info, ".debug_abbrev": abbrev, ".debug_str": strings, ".debug_str_offsets": table}
    return Dwarf({name: memoryview(data) for name, data in sections.items()})


@pytest.mark.parametrize(("form", "index"), [(0x25, b""), (0x26, b"\0"), (0x27, b"\0\0"), (0x28, b"\0\0\0"), (0x1A, b"")])
@pytest.mark.parametrize("is_wide", [False, True])
def test_names_by_their_number(form: int, index: bytes, is_wide: bool) -> None:
    found = by_hand(form, index, is_wide=is_wide).find("module")
    assert found == DwarfStruct(0x400, {"name": DwarfMember(24, 56), "kallsyms": DwarfMember(0x388, 0)})


names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=12).filter(
    lambda name: name != "int"
)
members = st.lists(
    st.tuples(names, st.integers(0, 1 << 20), st.integers(0, 4096)), max_size=12, unique_by=lambda member: member[0]
)


@given(st.dictionaries(names, st.tuples(st.integers(0, 1 << 24), members), max_size=8), st.binary(max_size=40))
def test_any_btf_is_read_back(structs: dict[str, tuple[int, list[tuple[str, int, int]]]], before: bytes) -> None:
    found = Types(search(before + btf(structs) + b"behind"))
    for name, (size, wanted) in structs.items():
        assert found.struct(name).size == size
        read = {member: (one.offset, one.elements) for member, one in found.struct(name).members.items()}
        assert read == {member: (offset, elements) for member, offset, elements in wanted}
    assert found.find("no such struct") is None
    with pytest.raises(KernelError, match="BTF knows no struct nonsense_"):
        found.struct("nonsense_")


def test_btf_that_is_none_or_damaged() -> None:
    good = btf({"module": (64, [("name", 24, 56)])})
    cases = {
        b"": "the kernel image carries no BTF",
        good[:12]: "the kernel image carries no BTF",
        good[:-1]: "its BTF is damaged: it ends beyond the end of the image; check that the image was copied whole",
        good[:28]
        + b"\0\0\0\x1e"
        + good[32:]: "its BTF is damaged: type 1 is of kind 30; check that the image was copied whole",
    }
    for data, message in cases.items():
        with pytest.raises(KernelError) as caught:
            search(data)
        assert str(caught.value) == message


@given(st.binary(max_size=300))
def test_hostile_btf_is_an_error_or_types(tail: bytes) -> None:
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(tail), 0, len(tail))
    try:
        Types(header + tail).find("module")
    except KernelError as error:
        assert "damaged" in str(error)


def test_the_sample_kernel_against_pahole(real_samples: Path, tmp_path: Path) -> None:
    if shutil.which("pahole") is None:
        pytest.skip("pahole is not installed")
    with (real_samples / "ram" / "kernel-6.12" / "vmlinux.zst").open("rb") as packed:
        data = zstandard.ZstdDecompressor().stream_reader(packed).read()
    (tmp_path / "vmlinux").write_bytes(data)
    types = Vmlinux(BytesDump(data)).types()
    assert types is not None
    checked = 0
    for name in ("module", "module_memory", "kallsym_iter", "task_struct"):
        found = Types(search(types)).struct(name)
        text = subprocess.run(["pahole", "-C", name, tmp_path / "vmlinux"], capture_output=True, text=True, check=True).stdout
        assert f"/* size: {found.size}," in text
        for line in text.splitlines():
            # a plain member of the struct itself: one tab, `type name[n];  /* offset size */`
            member = re.match(r"\t\S.*?(\w+)(?:\[(\d+)\])?(?: __attribute__.*)?;\s+/\*\s+(\d+)\s+\d+ \*/", line)
            if member and member[1] in found.members and ":" not in line and "(" not in line.split(";")[0].split("__attr")[0]:
                assert found.members[member[1]].offset == int(member[3]), (name, member[1])
                assert not member[2] or found.members[member[1]].elements == int(member[2]), (name, member[1])
                checked += 1
    assert checked > 150
