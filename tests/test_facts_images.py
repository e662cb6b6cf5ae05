"""Facts out of images: raw, ELF, stripped, in every form of kallsyms; against made kernels and a real one."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

import kinfo
from kinfo.errors import DumpError, KinfoError
from kinfo.kernel.kallsyms import find
from kinfo.kernel_build.names import ADDRESSES
from kinfo.memory import BytesDump, Memory, Segment
from tests.build_files import (
    CONFIG,
    Extra,
    btf,
    config_text,
    ikconfig,
    image_bytes,
    module_types,
    proc_kallsyms,
    raw_image,
    relocation,
    symbol_values,
    system_map,
    vmlinux,
)
from tests.kernels.image import Kernel, Spec, make

RAW = {
    "4.14, u64 markers": Spec(release="4.14.7"),
    "5.10": Spec(release="5.10.9"),
    "6.1, no seqs": Spec(release="6.1.0", seqs=False),
    "6.1.y": Spec(release="6.1.99"),
    "6.1, text only": Spec(release="6.1.99", keep_all=False, count=400),
    "6.12": Spec(),
    "6.12, text only": Spec(keep_all=False, count=400),
    "6.12, many symbols": Spec(count=3000),
    "6.12, one byte a letter": Spec(compress=False),
    "7.0": Spec(release="7.0.2"),
}


def given(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def addresses(facts: kinfo.Facts) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name in ADDRESSES}


def truth(kernel: Kernel) -> dict[str, int]:
    """Every address that a fact is, of the made kernel."""
    values = symbol_values(kernel)
    values |= {"swapper_pg_dir": kernel.root_pa + kernel.voffset}
    if kernel.base_va is not None:
        values["relative_base"] = kernel.base_va
    return {name: va for name, va in values.items() if name in ADDRESSES}


def unlisted(kernel: Kernel) -> set[str]:
    """What nobody can know of a raw image: symbols that its own table leaves out and that are no table."""
    listed = {symbol.name for symbol in kernel.symbols}
    return {
        name
        for name in truth(kernel)
        if name[0] != "k" and name not in ("_text", "_end", "relative_base") and name not in listed
    }


@pytest.mark.parametrize("name", RAW)
def test_raw_images_of_every_form(tmp_path: Path, name: str) -> None:
    kernel = make(RAW[name])
    found = kinfo.facts(given(tmp_path / "Image", raw_image(kernel)))
    shift = 0 if found["_text"] else kernel.text_va  # 7.0 keeps no VA: addresses count from _text
    wanted = {one: va - shift for one, va in truth(kernel).items() if one not in unlisted(kernel)}
    if not kernel.spec.shape.seqs or kernel.spec.version < (6, 4):
        wanted.pop("kallsyms_seqs_of_names", None)  # the record of those kernels has no field for it
    assert addresses(found) == wanted
    assert (found["num_syms"], found["arch"], found["release"]) == (len(kernel.symbols), "arm64", kernel.spec.release)
    assert found["CONFIG_KALLSYMS_ALL"] == kernel.spec.keep_all
    assert shift == 0 or kernel.spec.version >= (7, 0)


@pytest.mark.parametrize("keep_all", [True, False])
def test_raw_image_whose_pointers_are_in_its_relocations(tmp_path: Path, keep_all: bool) -> None:
    kernel = make(Spec(keep_all=keep_all, count=400))
    assert kernel.base_va is not None
    # Among them: one at a place with the same low bits, whose addend is no base of any image.
    other = struct.pack("<QQQ", kernel.addresses["relative_base"] + kernel.voffset + 0x10000, 1027, kernel.text_va + 0x30000)
    extra = other + relocation(kernel, "relative_base", kernel.base_va) + other
    found = kinfo.facts(given(tmp_path / "Image", raw_image(kernel, extra=extra, relocated=False)))
    assert (found["_text"], found["relative_base"]) == (kernel.text_va, kernel.base_va)


def test_raw_image_that_nothing_places(tmp_path: Path) -> None:
    kernel = make(Spec())
    found = kinfo.facts(given(tmp_path / "Image", raw_image(kernel, relocated=False)))
    assert (found["_text"], found["_stext"], found["relative_base"]) == (0, kernel.places["text"], 0)
    record = kinfo.build(_completed(tmp_path, kernel), "android").data
    assert kinfo.decode(record).number("_names_pa") == kernel.addresses["names"]


def _completed(tmp_path: Path, kernel: Kernel) -> kinfo.Facts:
    given(tmp_path / "config", config_text("6.12.1"))
    given(tmp_path / "Image", raw_image(kernel, relocated=False, extra=module_types(kernel)))
    lacking = ["THREAD_SIZE=0x4000"]
    return kinfo.facts([tmp_path / "Image", tmp_path / "config"], phys_base=kernel.spec.text, settings=lacking)


VMLINUX = {
    "arm64": Spec(),
    "arm64, 6.1": Spec(release="6.1.99"),
    "arm64, text only": Spec(keep_all=False, count=400),
    "arm64, 7.0": Spec(release="7.0.2"),
    "x86, per-CPU": Spec(release="6.6.3", arch="x86"),
    "x86": Spec(release="6.15.1", arch="x86"),
    "x86, 7.0": Spec(release="7.0.2", arch="x86"),
}


@pytest.mark.parametrize("name", VMLINUX)
@pytest.mark.parametrize("is_stripped", [False, True], ids=["symbols", "stripped"])
def test_vmlinux_of_every_form(tmp_path: Path, name: str, is_stripped: bool) -> None:
    kernel = make(VMLINUX[name])
    symbols = None if is_stripped else symbol_values(kernel)
    found = kinfo.facts(given(tmp_path / "vmlinux", vmlinux(kernel, symbols)))
    wanted = truth(kernel)
    if is_stripped:
        listed = {symbol.name for symbol in kernel.symbols} | {"init_top_pgt"}
        wanted = {one: va for one, va in wanted.items() if one in listed or one[0] == "k" or one == "relative_base"}
        if not kernel.spec.keep_all:
            wanted.pop("swapper_pg_dir", None)
        if kernel.spec.arch == "x86":
            wanted["swapper_pg_dir"] = kernel.root_pa + kernel.voffset
    if kernel.spec.version < (6, 4) and is_stripped:
        wanted.pop("kallsyms_seqs_of_names", None)
    found_addresses = addresses(found)
    if is_stripped and "swapper_pg_dir" not in wanted:
        assert "swapper_pg_dir" not in found_addresses
    assert {one: found_addresses.get(one) for one in wanted} == wanted
    assert found["num_syms"] == len(kernel.symbols)
    assert found["arch"] == {"arm64": "arm64", "x86": "x86-64"}[kernel.spec.arch]
    if not is_stripped:
        assert found["THREAD_SIZE"] == 0x4000


def test_vmlinux_pointers_out_of_rela_dyn(tmp_path: Path) -> None:
    kernel = make(Spec())
    assert kernel.base_va is not None
    at = kernel.va("data") + 0x9000
    table = relocation(kernel, "names", 1) + relocation(kernel, "relative_base", kernel.base_va)
    for kind, wanted in ((1027, kernel.base_va), (257, 0)):  # R_AARCH64_RELATIVE; R_AARCH64_ABS64 says nothing alone
        rows = table[:-16] + struct.pack("<Q", kind) + table[-8:]
        extra = Extra(".rela.dyn", rows, 4, 2, at)
        data = vmlinux(kernel, symbol_values(kernel), extras=[extra], relocated=False)
        assert kinfo.facts(given(tmp_path / f"vmlinux{kind}", data))["relative_base"] == wanted


def test_names_that_share_their_ends(tmp_path: Path) -> None:
    """A linker keeps `_end` as the end of `__brk_end`, which has another value; and undefined symbols count for nothing."""
    kernel = make(Spec())
    others = {"a_text": 1 << 63, "__brk_end": 3 << 62, "my_kallsyms_names": 5}
    data = vmlinux(kernel, {**others, **symbol_values(kernel)})
    assert b"a_text\0" in data
    assert b"\0_text\0" not in data
    assert addresses(kinfo.facts(given(tmp_path / "vmlinux", data))) == truth(kernel)


def test_configuration_release_and_types_in_an_image(tmp_path: Path) -> None:
    kernel = make(Spec())
    options = {**CONFIG, "CFI_CLANG": "y", "KALLSYMS_ALL": "y"}
    extra = ikconfig(config_text("6.12.1", options)) + bytes(8) + module_types(kernel)
    for name, data in (
        ("Image", raw_image(kernel, extra=extra)),
        ("vmlinux", vmlinux(kernel, symbol_values(kernel), extras=[Extra(".BTF", module_types(kernel))])),
    ):
        found = kinfo.facts(given(tmp_path / name, data))
        shape = kernel.spec.module_shape
        assert (found["module.mem"], found["module.kallsyms"]) == (shape.mem_offset, shape.kallsyms)
        assert (found["MODULE_NAME_LEN"], found["KSYM_NAME_LEN"], found["KSYM_SYMBOL_LEN"]) == (56, 512, 666)
        assert found["CONFIG_MODULES_TREE_LOOKUP"] == 1
        assert (found["CONFIG_MODULES"], found["release"]) == (1, "6.12.1-test")
        if name == "Image":
            assert (found["CONFIG_CFI_CLANG"], found["VA_BITS"]) == (1, 39)


def test_release_out_of_init_uts_ns(tmp_path: Path) -> None:
    """BTF says where the release is in it; a banner of another kernel is then a contradiction inside one file."""
    kernel = make(Spec())
    extras = [Extra(".BTF", module_types(kernel))]
    good = vmlinux(kernel, symbol_values(kernel), extras=extras)
    found = kinfo.facts(given(tmp_path / "vmlinux", good.replace(b"Linux version", b"Minux version")))
    assert found.of["release"] == kinfo.Fact("release", "6.12.1-test", str(tmp_path / "vmlinux"), "content of init_uts_ns")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_module_offsets_out_of_dwarf(tmp_path: Path) -> None:
    """A kernel without BTF, whose debug sections a compiler wrote."""
    source = "struct module { int state; long list[2]; char name[56]; long mem[14]; void *kallsyms; } one;"
    (tmp_path / "m.c").write_text(source)
    subprocess.run(["gcc", "-g", "-shared", "-nostdlib", "m.c", "-o", "m.so"], cwd=tmp_path, check=True)
    kernel = make(Spec())
    extras = []
    for name in (".debug_info", ".debug_abbrev", ".debug_str", ".debug_line_str"):
        subprocess.run(
            ["objcopy", "-O", "binary", "--only-section", name, "--set-section-flags", f"{name}=alloc", "m.so", "out"],
            cwd=tmp_path,
            check=True,
        )
        extras.append(Extra(name, (tmp_path / "out").read_bytes()))
    found = kinfo.facts(given(tmp_path / "vmlinux", vmlinux(kernel, symbol_values(kernel), extras=extras)))
    assert (found["module.mem"], found["module.kallsyms"], found["MODULE_NAME_LEN"]) == (80, 192, 56)
    assert found.of["module.mem"].how == "DWARF: struct module"
    broken = [one if one.name != ".debug_info" else one._replace(data=one.data[:30] + b"\x7f" * 40) for one in extras]
    with pytest.raises(KinfoError, match="vmlinux: its DWARF is damaged; check that the image was copied whole"):
        kinfo.facts(given(tmp_path / "vmlinux", vmlinux(kernel, symbol_values(kernel), extras=broken)))


@pytest.mark.parametrize("kind", [1, 2])
def test_compressed_sections(tmp_path: Path, kind: int) -> None:
    kernel = make(Spec())
    types = module_types(kernel)
    packed = zlib.compress(types) if kind == 1 else zstandard.ZstdCompressor().compress(types)
    section = Extra(".BTF", struct.pack("<IIQQ", kind, 0, len(types), 1) + packed, 1, 0x800)
    found = kinfo.facts(given(tmp_path / "vmlinux", vmlinux(kernel, symbol_values(kernel), extras=[section])))
    assert found["KSYM_NAME_LEN"] == 512


WHOLE = "check that it was copied whole"


def _patched(data: bytes, at: int, form: str, *values: int) -> bytes:
    size = struct.calcsize(form)
    return data[:at] + struct.pack(form, *values) + data[at + size :]


def _bad_vmlinux(case: str) -> bytes:
    kernel = make(Spec())
    good = vmlinux(kernel, symbol_values(kernel))
    empty = _patched(_patched(good, 56, "<H", 0), 60, "<HHH", 0, 0, 0)
    types = struct.pack("<IIQQ", 1, 0, 1 << 40, 1) + b"x" * 20
    sections = {
        "zlib bomb": types,
        "zlib damage": struct.pack("<IIQQ", 1, 0, 100, 1) + b"x" * 20,
        "zstd damage": struct.pack("<IIQQ", 2, 0, 100, 1) + b"x" * 20,
        "odd packing": struct.pack("<IIQQ", 9, 0, 100, 1) + b"x" * 20,
    }
    if case in sections:
        return vmlinux(kernel, symbol_values(kernel), extras=[Extra(".BTF", sections[case], 1, 0x800)])
    return {
        "head": good[:40],
        "32 bits": _patched(good, 4, "<B", 1),
        "big endian": _patched(good, 5, "<B", 2),
        "module": _patched(good, 16, "<H", 1),
        "odd type": _patched(good, 16, "<H", 0xFE00),
        "riscv": _patched(good, 18, "<H", 243),
        "unknown machine": _patched(good, 18, "<H", 999),
        "section headers": _patched(good, 40, "<Q", len(good) - 10),
        "program headers": _patched(good, 54, "<H", 8),
        "cut": good[:0x3000],
        "nothing loaded": empty,
        "no kallsyms": vmlinux(kernel, None).replace(b"0\x001\x002\x003", b"x\x00x\x00x\x00x"),
    }[case]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("head", f"the ELF header is cut off; {WHOLE}"),
        ("32 bits", "is a 32-bit little-endian ELF file; kinfo takes facts of arm64 and x86-64"),
        ("big endian", "is a 64-bit big-endian ELF file; kinfo takes facts of arm64 and x86-64"),
        ("module", "is an object file or a module, no kernel; name the vmlinux of the build"),
        ("odd type", "is an ELF file of type 65024, no kernel; name the vmlinux of the build"),
        ("riscv", "is a kernel for RISC-V; kinfo takes facts of arm64 and x86-64"),
        ("unknown machine", "is a kernel for machine 999; kinfo takes facts of arm64 and x86-64"),
        ("section headers", f"the section headers are damaged or cut off; {WHOLE}"),
        ("program headers", f"the program headers are damaged or cut off; {WHOLE}"),
        ("cut", f"the section headers are damaged or cut off; {WHOLE}"),
        ("nothing loaded", "has nothing that is loaded into memory; name the vmlinux, not a debug file of it"),
        (
            "no kallsyms",
            "has neither a symbol table nor kallsyms tables; name System.map, or a vmlinux that is not stripped",
        ),
        ("zlib bomb", ".BTF unpacks to 1099511627776 bytes; unpack it: objcopy --decompress-debug-sections"),
        ("zlib damage", f".BTF cannot be unpacked: Error -3 while decompressing data: incorrect header check; {WHOLE}"),
        ("zstd damage", f".BTF cannot be unpacked: .*; {WHOLE}"),
        ("odd packing", ".BTF is compressed in a way of its own (9); objcopy can unpack it"),
    ],
)
def test_bad_vmlinux(tmp_path: Path, case: str, message: str) -> None:
    path = given(tmp_path / "vmlinux", _bad_vmlinux(case))
    with pytest.raises(DumpError) as caught:
        kinfo.facts(path)
    said = str(caught.value)
    if ".*" in message:
        first, last = message.split(".*")
        assert said.startswith(f"{path}: {first}")
        assert said.endswith(last)
    else:
        assert said == f"{path}: {message}"
    assert "\n" not in said


def test_bad_raw_images(tmp_path: Path) -> None:
    kernel = make(Spec())
    good = raw_image(kernel)
    nothing = "has neither a symbol table nor kallsyms tables; name System.map, or a vmlinux that is not stripped"
    cases = {
        raw_image(kernel, flags=0xB): "is a big-endian kernel; kinfo reads little-endian machines only",
        good[: kernel.places["tables"]]: nothing,
        good[:64]: nothing,
    }
    for data, message in cases.items():
        with pytest.raises(DumpError) as caught:
            kinfo.facts(given(tmp_path / "Image", data))
        assert str(caught.value) == f"{tmp_path / 'Image'}: {message}"
    damaged = raw_image(kernel, extra=b"IKCFG_ST\x1f\x8b" + bytes(40))
    with pytest.raises(KinfoError) as error:
        kinfo.facts(given(tmp_path / "Image", damaged))
    assert str(error.value).startswith(f"{tmp_path / 'Image'}: the configuration in it is damaged: ")


@pytest.mark.parametrize("size", range(0, 0x9000, 0x777))
def test_truncated_and_flipped_images_end_in_one_line(tmp_path: Path, size: int) -> None:
    kernel = make(Spec(count=10))
    for name, data in (("Image", raw_image(kernel)), ("vmlinux", vmlinux(kernel, symbol_values(kernel)))):
        for broken in (data[:size], data[:size] + bytes(100) + data[size + 100 :]):
            try:
                kinfo.facts(given(tmp_path / name, broken))
            except KinfoError as error:
                assert "\n" not in str(error)


SMALL = make(Spec(count=40))
HOSTILE = {
    "vmlinux": vmlinux(SMALL, symbol_values(SMALL), extras=[Extra(".BTF", module_types(SMALL))]),
    "Image": raw_image(SMALL, extra=ikconfig(config_text("6.12.1")) + bytes(8) + module_types(SMALL)),
}
changes = st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6)


@for_all(st.sampled_from(sorted(HOSTILE)), changes, st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_damage_is_one_line_or_facts(
    tmp_path_factory: pytest.TempPathFactory, name: str, damage: Any, is_at_ends: bool
) -> None:
    """Headers at the start, section headers at the end, and the middle."""
    data = bytearray(HOSTILE[name])
    for where, values in damage:
        at = int(where * (len(data) - 8))
        if is_at_ends:
            at = int(where * 0x400) if where < 0.5 else len(data) - int((1 - where) * 0x400) - 8
        data[at : at + len(values)] = values
    path = tmp_path_factory.getbasetemp() / f"damaged-{name}"
    path.write_bytes(data)
    try:
        assert len(kinfo.facts(path)) > 5
    except KinfoError as error:
        assert "\n" not in str(error)


def test_the_search_for_kallsyms_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like the start of it all over the place: digits, whole token tables, runs of rising numbers."""
    strings = [bytes([code]) if 0x20 < code < 0x7F else b"" for code in range(256)]
    starts = [sum(len(one) + 1 for one in strings[:code]) for code in range(256)]
    text = b"".join(one + b"\0" for one in strings)
    tokens = text + bytes(-len(text) % 8) + struct.pack("<256H", *starts)
    ramp = struct.pack("<40I", *(600 * step for step in range(40)))
    most, tried = 8, {"read_tokens": 0, "Names": 0}

    def counted(name: str) -> None:
        plain = getattr(find, name)

        def call(*given: Any, **named: Any) -> Any:
            tried[name] += 1
            return plain(*given, **named)

        monkeypatch.setattr(find, name, call)

    for name in tried:
        counted(name)
    monkeypatch.setattr(find, "_MOST_TRIES", most)
    seen = dict.fromkeys(tried, 0)
    for data in (b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\0" * 40_000, tokens * 100, ramp * 5_000 + tokens):
        dump = BytesDump(data)
        tried.update(dict.fromkeys(tried, 0))
        assert find.find(Memory("hostile", [Segment(0, dump.size, dump, 0)]), 0, dump.size) is None
        assert tried["read_tokens"] <= 2 * most  # the index lies at a multiple of 4 or of 8
        assert tried["Names"] <= 2 * most * most
        seen = {name: max(seen[name], tried[name]) for name in tried}
    assert min(seen.values()) >= most


@pytest.mark.parametrize("form", ["vmlinux", "vmlinux.zst", "Image", "Image.zst", "System.map config", "stripped", "ram"])
def test_the_sample_kernel_gives_the_record_that_its_guest_left(real_samples: Path, tmp_path: Path, form: str) -> None:
    folder = real_samples / "ram"
    wanted = (folder / "kinfo.bin").read_bytes()
    record = kinfo.decode(wanted)
    info = str(record.fields["build_info"])
    if form == "ram":
        facts = kinfo.facts(folder / "ram.elf.zst")
    else:
        offsets = ["module.mem=0x140", "module.kallsyms=0x200"] if form.startswith("System") else []  # these list no types
        facts = kinfo.facts(_forms(folder / "kernel-6.12", tmp_path, form), phys_base=0x40200000, settings=offsets)
    built = kinfo.build(facts, "android", build_info=[info])
    assert built.data == record.raw == wanted[: record.size]


def _forms(kernel: Path, tmp_path: Path, form: str) -> list[Path]:
    if form == "System.map config":
        return [kernel / "System.map", kernel / "config", kernel.parent / "kallsyms.txt"]
    if form.endswith(".zst"):
        return [kernel / form]
    name = "vmlinux" if form == "stripped" else form
    with (kernel / f"{name}.zst").open("rb") as packed:
        image = bytearray(zstandard.ZstdDecompressor().stream_reader(packed).read())
    if form == "stripped":  # as strip leaves it: no section of that type
        offset, count = struct.unpack_from("<Q", image, 40)[0], struct.unpack_from("<H", image, 60)[0]
        for at in range(offset, offset + 64 * count, 64):
            if struct.unpack_from("<I", image, at + 4)[0] == 2:
                image[at + 4 : at + 8] = bytes(4)
    return [given(tmp_path / name, bytes(image))]


def test_the_guests_give_their_records(real_kernel: Any) -> None:
    if real_kernel.kinfo is None:
        pytest.skip("the sample's memory is read by another test")
    wanted = Path(real_kernel.kinfo).read_bytes()
    built = kinfo.build(kinfo.facts(real_kernel.ram, kinfo=real_kernel.kinfo), "android")
    assert built.data == wanted[: built.layout.size]


def test_listings(tmp_path: Path) -> None:
    kernel = make(Spec())
    wanted = {name: va for name, va in truth(kernel).items() if name != "relative_base"}
    by_map = kinfo.facts(given(tmp_path / "System.map", system_map(symbol_values(kernel))))
    assert addresses(by_map) == wanted
    assert by_map["THREAD_SIZE"] == 0x4000
    running = kinfo.facts(given(tmp_path / "kallsyms", proc_kallsyms(kernel)), phys_base=kernel.spec.text)
    assert running["num_syms"] == len(kernel.symbols)
    assert running["kimage_voffset"] == kernel.voffset  # it has modules: these are run-time addresses
    assert "num_syms" not in by_map


def test_image_bytes_are_what_the_image_is(tmp_path: Path) -> None:
    """The writer itself: the tables lie where the truth has them."""
    kernel = make(Spec())
    data = image_bytes(kernel)
    assert data[kernel.addresses["num_syms"] - kernel.spec.text :][:4] == len(kernel.symbols).to_bytes(4, "little")
    assert btf({})[:2] == b"\x9f\xeb"
    assert tmp_path.is_dir()
