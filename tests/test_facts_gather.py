"""Sources together: one frame of addresses, contradictions, settings, placement, and what follows from what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kinfo
from kinfo.errors import KinfoError
from kinfo.kernel_build import derive, names
from kinfo.kernel_build.derive import Derived
from kinfo.kernel_build.model import Fact
from tests.build_files import (
    Extra,
    config_text,
    ikconfig,
    module_types,
    proc_kallsyms,
    raw_image,
    symbol_values,
    system_map,
    vmlinux,
)
from tests.kernels.image import Kernel, Spec, make
from tests.test_kernel_rules import changed


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return make(Spec())


@pytest.fixture(scope="module")
def files(kernel: Kernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build's files, and a RAM dump of the kernel at work, a slide above."""
    folder = tmp_path_factory.mktemp("build")
    build = make(Spec(slide=0))
    linked = symbol_values(build)
    contents: dict[str, bytes | str] = {
        "vmlinux": vmlinux(build, linked, extras=[Extra(".BTF", module_types(build))]),
        "Image": raw_image(build, extra=ikconfig(config_text("6.12.1"))),
        "config": config_text("6.12.1"),
        "System.map": system_map(linked),
        "kallsyms": proc_kallsyms(kernel),
        "other.config": config_text("6.1.5"),
        "x86.config": config_text("6.12.1", arch="x86"),
        "no-lookup.config": config_text("6.12.1", {"MODULES_TREE_LOOKUP": "n"}),
        "other.map": system_map({**linked, "_etext": linked["_etext"] + 8}),
        "strange.map": system_map({"kallsyms_addresses": 1 << 63}),
        "hidden": "".join(f"{0:016x} T {name}\n" for name in linked),
        "empty.map": "ffff800080000000 T nothing_of_interest\n",
        "words": "hello, this is text\n",
        "boot.img": b"ANDROID!" + bytes(100),
        "zboot": b"MZ\0\0zimg" + bytes(100),
        "bzImage": bytes(0x202) + b"HdrS" + bytes(100),
        "cpio": b"070701" + b"0" * 200,
        "fit": b"\xd0\x0d\xfe\xed" + bytes(100),
        "archive": b"!<arch>\n" + bytes(60),
        "void": b"",
        "zeros": bytes(1 << 16),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    kernel.write_elf(folder / "ram.elf")
    kernel.write_raw(folder / "ram.bin")
    return folder


PHRASES = {
    "{ONE}": "name files of one build",
    "{LEAVE}": "leave it out: what a source says is not overridden",
    "{KINDS}": "vmlinux, Image, System.map, .config, /proc/kallsyms or a RAM dump with a record",
    "{UNPACK}": "unpack it: unpack_bootimg --boot_img FILE --out DIR, then name the kernel in it",
}


def facts(files: Path, *sources: str, **options: Any) -> kinfo.Facts:
    return kinfo.facts([files / source for source in sources], **options)


def test_one_frame_for_link_and_run_time(files: Path, kernel: Kernel) -> None:
    linked = facts(files, "System.map")
    assert linked["_text"] == kernel.text_va - kernel.spec.slide
    assert "kaslr_slide" not in linked
    for sources in (("System.map", "kallsyms"), ("kallsyms", "System.map"), ("System.map", "ram.elf")):
        both = facts(files, *sources)
        assert both["_text"] == kernel.text_va
        assert both["swapper_pg_dir"] == kernel.root_pa + kernel.voffset
        assert both["kaslr_slide"] == kernel.spec.slide


def test_every_source_at_once_agrees(files: Path, kernel: Kernel) -> None:
    found = facts(files, "vmlinux", "Image", "config", "System.map", "kallsyms", "ram.elf")
    assert found.missing == ()
    assert found.name == f"{files / 'ram.elf'} and 5 more"
    assert found["text_pa"] == kernel.spec.text
    assert found["kimage_voffset"] == kernel.voffset


def test_ram_alone_gives_the_record_in_it(files: Path, kernel: Kernel) -> None:
    for name in ("ram.elf", "ram.bin", f"ram.bin@{kernel.base:#x}"):
        found = facts(files, name)
        built = kinfo.build(found, "android", build_info=["google/husky/husky:15/AP4A.000007.001/10000007:user/release-keys"])
        assert built.data == kernel.record


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        (
            ["vmlinux", "other.config"],
            {},
            "{other.config}: is a configuration of 6.1.5, {vmlinux} is of 6.12.1-test; {ONE}",
        ),
        (
            ["vmlinux", "x86.config"],
            {},
            (
                "{x86.config}: contradicts {vmlinux}: arch is x86-64 (.config: its first lines), there arm64 (header); "
                "name files of one build"
            ),
        ),
        (
            ["Image", "x86.config"],
            {},
            (
                "{x86.config}: contradicts {Image}: arch is x86-64 (.config: its first lines), there arm64 (header); "
                "name files of one build"
            ),
        ),
        (
            ["vmlinux", "no-lookup.config"],
            {},
            (
                "{no-lookup.config}: contradicts {vmlinux}: CONFIG_MODULES_TREE_LOOKUP is 0 (.config), there 1 (BTF: struct "
                "module_memory); {ONE}"
            ),
        ),
        (
            ["System.map", "other.map"],
            {},
            "{other.map}: contradicts {System.map}: _etext is ETEXT8 (symbol), there ETEXT (symbol); {ONE}",
        ),
        (
            ["kallsyms", "strange.map"],
            {},
            "{strange.map}: shares no symbol with {kallsyms} by which to line them up; name one that lists _text",
        ),
        (
            ["ram.elf"],
            {"phys_base": 0x1000},
            "--phys-base: text_pa is 0x80210000 by {ram.elf} (where it runs), not 0x1000; {LEAVE}",
        ),
        (
            ["ram.elf"],
            {"phys_offset": 0x1000},
            "--phys-offset: text_pa is 0x80210000 by {ram.elf} (where it runs), not 0x11000; {LEAVE}",
        ),
        (
            ["config"],
            {"settings": ["CONFIG_CFI_CLANG=1"]},
            "--set: CONFIG_CFI_CLANG is 0 by {config} (.config), not 1; {LEAVE}",
        ),
        (
            ["config"],
            {"settings": ["nonsense=1"]},
            "--set nonsense=1: there is no fact 'nonsense'; `kinfo facts SOURCE` names them",
        ),
        (["config"], {"settings": ["num_sims=1"]}, "--set num_sims=1: there is no fact 'num_sims'; did you mean num_syms?"),
        (["config"], {"settings": ["num_syms"]}, "--set num_syms: has no value; write --set NAME=VALUE"),
        (["config"], {"settings": ["num_syms=ten"]}, "--set num_syms=ten: is no number; write 4096 or 0x1000, say"),
        (
            ["config"],
            {"settings": ["num_syms=0x10000000000000000"]},
            "--set num_syms=0x10000000000000000: is out of range; it takes 0 to 0xffffffffffffffff",
        ),
        (["config"], {"settings": ["CONFIG_CFI=2"]}, "--set CONFIG_CFI=2: is out of range; it takes 0 to 0x1"),
        (["config"], {"settings": ["release="]}, "--set release=: is no name; write up to 64 printable characters"),
        (["config"], {"settings": ["num_syms=1", "num_syms=2"]}, "--set num_syms: is given twice; keep one of them"),
        (
            ["config"],
            {"settings": ["text_pa=1"], "phys_base": 1},
            "--set text_pa: --phys-base says the same; keep one of them",
        ),
        (
            ["System.map"],
            {"phys_base": 1, "phys_offset": 1},
            "--phys-offset: --phys-base says where the image lies already; keep one of them",
        ),
        (
            ["config"],
            {"phys_offset": 1},
            "--phys-offset: needs the address of _text; name a vmlinux, System.map or Image, or use --phys-base",
        ),
        (["hidden"], {}, "{hidden}: every address in it is 0; read /proc/kallsyms as root: kptr_restrict hides them"),
        (["empty.map"], {}, "{empty.map}: lists none of the kernel's own symbols; name the System.map of the build"),
        (
            ["words"],
            {},
            "{words}: is no source of facts that kinfo knows; name {KINDS}",
        ),
        (
            ["boot.img"],
            {},
            "{boot.img}: is an Android boot image; {UNPACK}",
        ),
        (
            ["zboot"],
            {},
            "{zboot}: is a compressed EFI image (zboot); unpack the payload in it, or name the vmlinux or Image of the build",
        ),
        (
            ["bzImage"],
            {},
            "{bzImage}: is an x86 bzImage; name the vmlinux of the build; scripts/extract-vmlinux gets one without symbols",
        ),
        (["cpio"], {}, "{cpio}: is a cpio archive; name a kernel, not an initramfs"),
        (["fit"], {}, "{fit}: is a devicetree blob or FIT image; name the kernel itself"),
        (["archive"], {}, "{archive}: is an archive; name a file of its own: the vmlinux in it"),
        (["void"], {}, "{void}: is empty; check the command that wrote it"),
        (["."], {}, "{.}: is a directory; name the dump file in it"),
        (["missing"], {}, "{missing}: No such file or directory; check the path and its permissions"),
        (
            ["config"],
            {"kinfo": "region.bin"},
            "--kinfo region.bin: no RAM dump is named; name the memory that its record points at: {KINDS}",
        ),
    ],
)
def test_what_cannot_be(files: Path, kernel: Kernel, sources: list[str], options: dict[str, Any], message: str) -> None:
    etext = kernel.va("rodata") - kernel.spec.slide
    wanted = message.replace("ETEXT8", f"{etext + 8:#x}").replace("ETEXT", f"{etext:#x}")
    for phrase, text in PHRASES.items():
        wanted = wanted.replace(phrase, text)
    for source in sources:
        wanted = wanted.replace(f"{{{source}}}", str(files / source))
    with pytest.raises(KinfoError) as caught:
        facts(files, *sources, **options)
    assert str(caught.value) == wanted


def test_zeros_are_memory_without_a_record(files: Path) -> None:
    with pytest.raises(KinfoError) as caught:
        facts(files, "zeros")
    assert str(caught.value).startswith(f"{files / 'zeros'}: ")


def test_compressed_sources(files: Path, tmp_path: Path) -> None:
    import gzip
    import lzma

    for name in ("vmlinux", "System.map", "config"):
        plain = facts(files, name)
        for suffix, pack in ((".gz", gzip.compress), (".xz", lzma.compress)):
            path = tmp_path / f"{name}{suffix}"
            path.write_bytes(pack((files / name).read_bytes()))
            assert dict(kinfo.facts(path)) == dict(plain)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(KinfoError, match=r"config.xz: is compressed, and damaged or cut off: .*; unpack it first: xz -dk "):
        kinfo.facts(path)


@pytest.mark.parametrize(
    ("spec", "options", "text_pa"),
    [
        (Spec(), {"phys_offset": 0x80000000}, 0x80000000),  # the header's text_offset is 0 since 5.8
        (Spec(release="5.4.1"), {"phys_offset": 0x80000000}, 0x80010000),
        (Spec(release="6.15.1", arch="x86"), {"phys_offset": 0x10000000}, 0x10000000 + 0x1000000),
        (Spec(), {"phys_base": 0x8A000000}, 0x8A000000),
    ],
)
def test_placement(tmp_path: Path, spec: Spec, options: dict[str, int], text_pa: int) -> None:
    """On x86-64 the offset is the kernel's phys_base, which stands for VA 0xffffffff80000000."""
    kernel = make(Spec(**{**spec.__dict__, "slide": 0}))
    source = tmp_path / "kernel"
    is_raw = spec == Spec()
    source.write_bytes(raw_image(kernel) if is_raw else vmlinux(kernel, symbol_values(kernel)))
    found = kinfo.facts(source, **options)  # type: ignore[arg-type]  # numbers
    extra = kernel.text_va - 0xFFFFFFFF81000000 if spec.arch == "x86" else 0
    assert found["text_pa"] == text_pa + extra


def test_x86_without_kaslr_runs_where_it_is_linked(tmp_path: Path) -> None:
    kernel = make(Spec(release="6.15.1", arch="x86"))
    for setting, wanted in (("n", 0x1000000), ("y", None)):
        extra = Extra(".ikconfig", b"")
        data = bytearray(vmlinux(kernel, symbol_values(kernel), extras=[extra], paddr=0x1000000))
        text = ikconfig(config_text("6.15.1", {"RANDOMIZE_BASE": setting}, arch="x86"))
        at = 0x1000 + kernel.places["data"] + 0x8000
        data[at : at + len(text)] = text
        (tmp_path / "vmlinux").write_bytes(data)
        assert kinfo.facts(tmp_path / "vmlinux").get("text_pa") == wanted


def derived(
    config: dict[str, str] | None = None, version: str = "", *, is_running: bool = False, **known: int | str
) -> dict[str, Any]:
    found = {name.replace("__", "."): Fact(name, value, "test", "") for name, value in known.items()}
    Derived(found, config, version, is_running=is_running)
    return {name: fact.value for name, fact in found.items() if fact.source == "derived"}


@pytest.mark.parametrize(
    ("release", "lengths"),
    [
        ("4.14.3", (128, 239)),
        ("5.10.3", (128, 239)),
        ("5.14.1", (128, None)),  # whether it has room for a build id is not known
        ("5.15.3", (128, 282)),
        ("6.1.9", (512, 666)),
        ("7.1.0", (512, 666)),
    ],
)
def test_lengths_by_release(release: str, lengths: tuple[int, int | None]) -> None:
    found = derived(release=release, arch="arm64")
    assert (found["KSYM_NAME_LEN"], found.get("KSYM_SYMBOL_LEN"), found["MODULE_NAME_LEN"]) == (*lengths, 56)


def test_options_by_release() -> None:
    assert derived(release="6.10.0").get("CONFIG_KALLSYMS_BASE_RELATIVE") is None
    assert derived(release="6.11.0")["CONFIG_KALLSYMS_BASE_RELATIVE"] == 0
    assert derived(release="6.17.0").get("CONFIG_CFI_CLANG") is None
    assert derived(release="6.18.0")["CONFIG_CFI_CLANG"] == 0
    assert "CONFIG_CFI" not in derived(release="6.18.0")
    assert derived(release="6.12.0", arch="x86-64").get("CONFIG_KALLSYMS_ABSOLUTE_PERCPU") is None


def test_release_of_a_configuration() -> None:
    assert derived({"CONFIG_LOCALVERSION": '"-acme"', "CONFIG_LOCALVERSION_AUTO": "n"}, "6.12.9")["release"] == "6.12.9-acme"
    assert "release" not in derived({"CONFIG_LOCALVERSION": '"-acme"', "CONFIG_LOCALVERSION_AUTO": "y"}, "6.12.9")
    assert "release" not in derived({}, "6.12.9")


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ({}, 0x4000),
        ({"CONFIG_KASAN_GENERIC": "y"}, 0x8000),
        ({"CONFIG_ARM64_64K_PAGES": "y", "CONFIG_VMAP_STACK": "y"}, 0x10000),
        ({"CONFIG_ARM64_64K_PAGES": "y", "CONFIG_VMAP_STACK": "n"}, 0x4000),
    ],
)
def test_thread_size_by_configuration(config: dict[str, str], size: int) -> None:
    assert derived(config, arch="arm64")["THREAD_SIZE"] == size


def test_base_and_place() -> None:
    text, stext = 0xFFFF800080000000, 0xFFFF800080010000
    assert derived(release="6.12.0", CONFIG_KALLSYMS_ALL=1, _text=text, _stext=stext)["relative_base"] == text
    assert derived(release="6.12.0", CONFIG_KALLSYMS_ALL=0, _text=text, _stext=stext)["relative_base"] == stext
    assert "relative_base" not in derived(release="7.0.0", CONFIG_KALLSYMS_ALL=1, _text=text)
    place: dict[str, Any] = {"_text": text, "text_pa": 0x40200000}
    assert "kimage_voffset" not in derived(**place)
    assert derived(**place, CONFIG_RANDOMIZE_BASE=0)["kimage_voffset"] == text - 0x40200000
    assert derived(**place, kaslr_slide=0x1000)["kimage_voffset"] == text + 0x1000 - 0x40200000
    assert derived(**place, is_running=True)["kimage_voffset"] == text - 0x40200000


@pytest.mark.parametrize(
    ("release", "bits", "config", "offset", "end"),
    [  # of the sample kernels' meta.json, and asm/memory.h
        ("6.12.117", 48, {}, 0xFFFF000000000000, 0xFFFF800000000000),
        ("6.12.117", 52, {}, 0xFFF0000000000000, 0xFFFF800000000000),
        ("6.12.117", 52, {"CONFIG_ARM64_16K_PAGES": "y"}, 0xFFF0000000000000, 0xFFFFC00000000000),
        ("6.12.117", 48, {"CONFIG_ARM64_16K_PAGES": "y"}, 0xFFFF000000000000, 0xFFFF800000000000),
        ("6.12.117", 47, {"CONFIG_ARM64_16K_PAGES": "y"}, 0xFFFF800000000000, 0xFFFFC00000000000),
        ("6.1.5", 39, {}, 0xFFFFFF8000000000, 0xFFFFFFC000000000),
        ("4.19.5", 39, {}, 0xFFFFFFC000000000, None),
    ],
)
def test_linear_map(release: str, bits: int, config: dict[str, str], offset: int, end: int | None) -> None:
    found = derived(config, arch="arm64", release=release, VA_BITS=bits)
    assert (found["PAGE_OFFSET"], found.get("PAGE_END")) == (offset, end)


def test_versions_that_contradict() -> None:
    assert not derive.contradicts("6.12.117", "6.12.117-android16-5-gabc")
    assert not derive.contradicts("6.18.0-rc2", "6.18.0-rc2-00026-gfe1dc2ba3948")
    assert not derive.contradicts("6.1.192", "6.1.0-56-arm64")
    assert derive.contradicts("6.1.192", "6.12.0-56-arm64")
    assert derive.contradicts("6.12.11", "6.12.117")
    assert not derive.contradicts("", "6.12.117")


def test_missing_facts_are_named_with_how_to_give_them(files: Path) -> None:
    found = facts(files, "config")
    assert {known.name for known in found.missing} >= {"release", "num_syms", "_text", "text_pa", "module.mem"}
    with pytest.raises(KinfoError) as caught:
        kinfo.build(found, "android")
    assert str(caught.value) == (
        f"{files / 'config'}: not enough is known: 1 fact is missing; release: give vmlinux, Image or a RAM dump, "
        "or --set NAME=TEXT"
    )


@given(st.sampled_from([known.name for known in names.KNOWN if known.kind != names.TEXT]), st.integers(-5, 1 << 65))
def test_any_number_is_set_or_refused(name: str, number: int) -> None:
    most = 1 if names.BY_NAME[name].kind == names.FLAG else (1 << 64) - 1
    for text in (str(number), hex(number)):
        try:
            assert names.parse(f"{name}={text}") == (name, number)
            assert 0 <= number <= most
        except KinfoError:
            assert not 0 <= number <= most


def test_every_expected_fact_has_a_way() -> None:
    for known in names.expected(None):
        assert known.ways or known.name == "text_pa"
        assert known.remedy
    releases = {(5, 10): "module.core_layout", (6, 12): "module.mem"}
    for version, name in releases.items():
        expected = {known.name for known in names.expected(version)}
        assert name in expected
        assert expected.isdisjoint(set(releases.values()) - {name})


@pytest.mark.parametrize(
    ("release", "layout", "flag", "wanted"),
    [
        ("7.3.1", "CR", 1, {"CONFIG_CFI": 1, "CONFIG_CFI_CLANG": 0}),
        ("7.3.1", "CR", 0, {"CONFIG_CFI": 0, "CONFIG_CFI_CLANG": 0}),
        ("6.18.1", "C", 1, {"CONFIG_CFI": 1, "CONFIG_CFI_CLANG": 0}),
        ("7.3.1", "D", 0, {"CONFIG_CFI": None, "CONFIG_CFI_CLANG": 0}),  # upstream asks for the old name, which is gone
        ("6.17.1", "C", 1, {"CONFIG_CFI": 0, "CONFIG_CFI_CLANG": 1}),
    ],
)
def test_the_records_cfi_flag_is_the_option_of_its_release(
    release: str, layout: str, flag: int, wanted: dict[str, int | None], tmp_path: Path
) -> None:
    kernel = changed(make(Spec(release=release, layout=layout)), enabled_cfi_clang=flag)
    kernel.write_elf(tmp_path / "ram.elf")
    found = kinfo.facts([str(tmp_path / "ram.elf")])
    assert {name: found.get(name) for name in wanted} == wanted
