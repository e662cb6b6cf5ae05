"""The kernel's types out of BTF: against a writer of our own, against pahole and bpftool, and against every damage."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import DumpError, KernelError
from kinfo.kernel.types import Member, Types
from kinfo.kernel.types.btf import Btf, search
from kinfo.kernel.types.source import read_types
from tests.conftest import RealKernel
from tests.kernels.btf import BtfWriter, Field


def sample() -> BtfWriter:
    """Types with every corner that a path can lead through."""
    out = BtfWriter()
    char, number, unsigned = out.number("char", 1), out.number("int", 4, signed=True), out.number("unsigned int", 4)
    word = out.number("long unsigned int", 8)
    comm = out.array(out.const(char), 16)
    pid_t = out.typedef("pid_t", out.typedef("__kernel_pid_t", number))
    context = out.plain("cpu_context", 24, {"x": (out.array(word, 2), 0), "pc": (word, 16)})
    inner = out.union("", 8, [Field("a", unsigned, 0), Field("b", word, 0)])
    nameless = out.struct("", 16, [Field("", inner, 0), Field("c", number, 64)])
    node = out.count + 2
    pointer = out.pointer(node)
    out.plain("list_head", 16, {"next": (pointer, 0), "prev": (pointer, 8)})
    out.struct(
        "task",
        128,
        [
            Field("pid", pid_t, 0),
            Field("on", unsigned, 35, bits=3),
            Field("minus", number, 41, bits=2),
            Field("", nameless, 64),
            Field("context", out.array(context, 2), 192),
            Field("comm", comm, 576),
            Field("list", node, 704),
            Field("tail", out.array(word, 0), 832),
        ],
    )
    return out


def test_members_by_path() -> None:
    types = Types(sample().blob())
    task = types["task"]
    offsets = {"pid": 0, "on": 4, "minus": 5, "a": 8, "b": 8, "c": 16, "context[1].pc": 64, "context[1].x[1]": 56}
    offsets |= {"comm": 72, "comm[15]": 87, "list.prev": 96, "tail": 104, "tail[3]": 128}
    assert {path: task.offset(path) for path in offsets} == offsets
    assert task.member("comm")._replace(type=0) == Member(72, 16, 16)
    assert task.member("context")._replace(type=0) == Member(24, 48, 2)
    assert task.member("pid")._replace(type=0) == Member(0, 4, 0, is_signed=True)
    assert task.member("on")._replace(type=0) == Member(4, 1, 0, shift=3, bits=3)
    assert list(task.members) == ["pid", "on", "minus", "a", "b", "c", "context", "comm", "list", "tail"]
    assert ("context[1].pc" in task, "context[2].pc" in task, "a.b" in task, "list.next.next" in task) == (True, *[False] * 3)
    assert repr(task) == "<struct task, 128 bytes>"
    target = types["list_head"].target("next")
    assert target is not None
    assert (target.name, target.size, task.target("pid")) == ("list_head", 16, None)


def test_types_in_words() -> None:
    task = Types(sample().blob())["task"]
    names = {"pid": "pid_t", "comm": "const char [16]", "list": "struct list_head", "list.next": "struct list_head *"}
    names |= {"context": "struct cpu_context [2]", "b": "long unsigned int"}
    assert {path: task.type_name(path) for path in names} == names


def test_numbers_of_members() -> None:
    task = Types(sample().blob())["task"]
    raw = bytearray(128)
    struct.pack_into("<iBB", raw, 0, -7, 0b101 << 3 | 0b11000111, 0b10 << 1)
    struct.pack_into("<Q", raw, 64, 1 << 63)
    found = {path: task.member(path).of(raw) for path in ("pid", "on", "minus", "context[1].pc")}
    assert found == {"pid": -7, "on": 0b101 | 0b000, "minus": -2, "context[1].pc": 1 << 63}
    assert task.member("pid").of(b"ab" + bytes(raw), 2) == -7


def test_what_is_not_there() -> None:
    types = Types(sample().blob())
    assert types.find("tas") is None
    assert types.find("ask") is None  # an end of a name
    assert types.find("") is None
    assert "task" in types
    with pytest.raises(KernelError, match="BTF knows no struct nothing"):
        types["nothing"]
    with pytest.raises(KernelError, match=r"struct task has no member contxt; did you mean context\?"):
        types["task"].offset("contxt")
    assert types["task"].first("state", "__state", "pid") == types["task"].member("pid")


def test_names_that_share_their_ends() -> None:
    """A writer may let one string be the end of others."""
    out = BtfWriter()
    for number in range(6):
        out.struct(f"a{number}_rq", 8 + number, [])
    at = out.strings.find(b"rq\0")
    out.types += struct.pack("<III", at, 4 << 24, 99)
    assert Types(out.blob())["rq"].size == 99


def test_a_name_is_looked_for_where_types_begin_only() -> None:
    """A value of an enum that looks like the beginning of a struct is none."""
    out = BtfWriter()
    out.add("E", 6, 4, [out.label("task"), 4 << 24 | 1], vlen=1)
    out.struct("task", 40, [])
    assert Types(out.blob())["task"].size == 40


def test_bit_fields_from_before_the_flag() -> None:
    out = BtfWriter()
    narrow = out.number("unsigned int", 4, bits=3, at=2)
    out.struct("old", 8, [Field("x", narrow, 32)])
    assert Types(out.blob())["old"].member("x")._replace(type=0) == Member(4, 1, 0, shift=2, bits=3)


def test_pointers_have_the_kernels_word() -> None:
    assert Types(sample().blob(), word=4)["list_head"].member("next").size == 4


def test_kinds_to_come_are_stepped_over_where_the_btf_states_their_size() -> None:
    out = BtfWriter()
    out.add("new", 25, 0, [1, 2, 3, 4, 5], vlen=2)  # one word once, two for each of its members
    out.struct("task", 40, [])
    layout = bytes(4 * 25) + struct.pack("<BBH", 4, 8, 0)
    assert Types(out.blob(layout=layout))["task"].size == 40
    with pytest.raises(KernelError, match="type 1 is of kind 25"):
        Types(out.blob())["task"]


def test_structs_of_more_than_65535_members() -> None:
    """Kernels since 7.2 count members with 24 bits."""
    out = BtfWriter()
    number = out.number("int", 4)
    out.struct("big", 4, [Field("x", number, 0)] * 0x10000)
    out.struct("task", 40, [])
    assert Types(out.blob())["task"].size == 40


def nested(depth: int, each: int) -> bytes:
    """Structs without a name inside one another, `each` of them in each."""
    out = BtfWriter()
    inner = out.number("int", 4)
    for _ in range(depth):
        inner = out.struct("", 4, [Field("", inner, 0)] * each)
    out.struct("task", 4, [Field("", inner, 0)])
    return out.blob()


def cycle(kind: int) -> bytes:
    out = BtfWriter()
    out.add("me", kind, 1)
    out.struct("task", 4, [Field("x", 1, 0), Field("y", out.count + 2, 0)])
    out.array(out.count + 1, 2)
    return out.blob()


def endless_array() -> bytes:
    out = BtfWriter()
    out.array(1, 2)
    out.struct("task", 4, [Field("x", 1, 0)])
    return out.blob()


def huge_array() -> bytes:
    out = BtfWriter()
    word = out.number("u64", 8)
    out.struct("task", 4, [Field("x", out.array(word, 0xFFFFFFFF), 0)])
    return out.blob()


def own_part() -> bytes:
    out = BtfWriter()
    out.struct("", 8, [Field("", 1, 0)])
    out.struct("task", 8, [Field("", 1, 0)])
    return out.blob()


def no_such_type() -> bytes:
    out = BtfWriter()
    out.struct("task", 8, [Field("x", 77, 0)])
    return out.blob()


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (nested(20, 1), "a part of itself"),
        (nested(15, 100), "more than 65536 members"),
        (own_part(), "a part of itself"),
        (cycle(8), "a name of itself"),
        (cycle(10), "a name of itself"),
        (endless_array(), "an element of itself"),
        (huge_array(), "a type has 0x7fffffff8 bytes"),
        (no_such_type(), "type 77 is not in it"),
    ],
)
def test_hostile_types_are_an_error(blob: bytes, message: str) -> None:
    task = Types(blob)["task"]
    with pytest.raises(KernelError, match=message) as caught:
        assert task.members
    assert str(caught.value).endswith("check that the image was copied whole")


def test_a_pointer_to_itself_has_a_name() -> None:
    out = BtfWriter()
    out.pointer(1)
    out.struct("task", 8, [Field("x", 1, 0)])
    assert Types(out.blob())["task"].type_name("x") == "... " + 16 * "*"


def test_strings_that_do_not_end_are_damage() -> None:
    whole = sample().blob()
    assert whole.endswith(b"\0")
    with pytest.raises(KernelError, match="not whole"):
        Btf(whole[:-1] + b"x")


def test_every_cut_is_an_error_or_the_truth() -> None:
    whole = sample().blob()
    offsets = {name: member.offset for name, member in Types(whole)["task"].members.items()}
    for size in range(len(whole)):
        with pytest.raises(KernelError):
            Btf(whole[:size])
    head = struct.unpack_from("<HBBIIIII", whole)
    for types in range(0, head[5], 4):  # types cut off, with a header that says so
        blob = struct.pack("<HBBIIIII", *head[:5], types, *head[6:]) + whole[24:]
        try:
            found = Types(blob).find("task")
            assert found is None or {name: one.offset for name, one in found.members.items()} == offsets
        except KernelError as error:
            assert "damaged" in error.message


@given(st.data())
def test_flipped_bytes_end_in_an_error_or_types(data: st.DataObject) -> None:
    raw = bytearray(sample().blob())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        types = Types(bytes(raw))
        if task := types.find("task"):
            for name in task.members:
                task.find(name)
                task.type_name(name)
    except KernelError:
        pass


def test_the_first_sound_one_is_found() -> None:
    good = sample().blob()
    magic = good[:4]
    assert Types(search(b"noise" + magic + b"noise" * 20 + good + b"behind"))["task"].size == 128
    with pytest.raises(KernelError, match="carries no BTF"):
        search(b"nothing of that kind")


def test_types_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "btf"
    path.write_bytes(sample().blob())
    assert read_types(path)["task"].size == 128
    (tmp_path / "btf.zst").write_bytes(zstandard.ZstdCompressor().compress(sample().blob()))
    assert read_types(tmp_path / "btf.zst")["task"].size == 128
    path.write_bytes(b"no types here")
    with pytest.raises(KernelError, match="btf: the kernel image carries no BTF; name the build's vmlinux"):
        read_types(path)
    with pytest.raises(DumpError, match="No such file"):
        read_types(tmp_path / "none")


# Real kernels


@pytest.fixture(scope="module")
def vmlinux(real_samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("types") / "vmlinux"
    with (real_samples / "ram" / "kernel-6.12" / "vmlinux.zst").open("rb") as packed:
        out.write_bytes(zstandard.ZstdDecompressor().stream_reader(packed).read())
    return out


def test_every_struct_against_bpftool(vmlinux: Path) -> None:
    bpftool = shutil.which("bpftool", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if bpftool is None:
        pytest.skip("bpftool is not installed")
    done = subprocess.run([bpftool, "-j", "btf", "dump", "file", vmlinux], capture_output=True, check=True)
    wanted = json.loads(done.stdout)["types"]
    types = read_types(vmlinux)
    kinds = {"STRUCT": 4, "UNION": 5}
    checked = 0
    for one in wanted:
        if one["kind"] not in kinds or one["id"] % 7:  # every seventh: there are thousands
            continue
        found = types.btf.type(one["id"])
        assert (types.btf.name(found.label) or "(anon)", found.kind) == (one["name"], kinds[one["kind"]])
        members = types.members_at(found.at)
        for member in one["members"]:
            if member["name"] != "(anon)":
                mine = members[member["name"]]
                assert 8 * mine.offset + mine.shift == member["bits_offset"]
                assert mine.type == member["type_id"]
                assert mine.bits == member.get("bitfield_size", 0)
                checked += 1
    assert checked > 1000


def test_nested_members_against_pahole(vmlinux: Path) -> None:
    if shutil.which("pahole") is None:
        pytest.skip("pahole is not installed")
    checked = 0
    for name in ("task_struct", "signal_struct", "rq", "pt_regs", "mm_struct", "module"):
        found = read_types(vmlinux)[name]
        text = subprocess.run(["pahole", "-C", name, vmlinux], capture_output=True, text=True, check=True).stdout
        assert f"/* size: {found.size}," in text
        for line in text.splitlines():  # members of structs without a name are indented once more
            shape = re.match(r"\t+\S.*?(\w+)(?:\[(\d+)\])?(?: __attribute__.*)?;\s+/\*\s+(\d+)\s+(\d+) \*/", line)
            if shape and shape[1] in found.members and ":" not in line and "(" not in line.split(";")[0].split("__attr")[0]:
                mine = found.members[shape[1]]
                assert (mine.offset, mine.size) == (int(shape[3]), int(shape[4])), (name, shape[1])
                checked += 1
    assert checked > 300


def test_types_in_ram(real_kernel: RealKernel) -> None:
    with kinfo.open_kernel(str(real_kernel.ram), real_kernel.kinfo) as kernel:
        task = kernel.types["task_struct"]
        assert task.member("comm").elements == 16
        assert (task.member("pid").size, task.member("stack").size) == (4, 8)
        assert len(kernel.types.btf._places) < 20000  # no more of them is stepped over than is needed
