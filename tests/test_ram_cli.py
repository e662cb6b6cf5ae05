"""The commands that read a kernel out of RAM: symbols, lookup, symbolize, info, debug. Exit codes, messages, output."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import kinfo
from kinfo.cli.main import run
from tests import build_files
from tests.conftest import ROOT, Cli, Ran
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec
from tests.kernels.tables import Symbol
from tests.test_architecture import HEAVY, modules_after

KINFO = [sys.executable, "-m", "kinfo"]
NO_TABLES = "its physical address cannot be found: the symbol tables that the record points at are not in it"
DUMP_THE_KERNEL = (
    "the kernel is at PA 0x80210000 - 0x802d0000 (768 KiB); "
    "dump that range, or all RAM for modules too, and name it: IMAGE@0x80210000"
)


class Dumped(NamedTuple):
    """A kernel, the folder with its dumps, and the best of them."""

    kernel: Kernel
    folder: Path
    elf: Path


def dumped(folder: Path, spec: Spec) -> Dumped:
    kernel = make(spec)
    kernel.write_elf(folder / "ram.elf", cls=32 if spec.arch == "arm" else 64)
    (folder / "record.bin").write_bytes(kernel.record)
    return Dumped(kernel, folder, folder / "ram.elf")


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Dumped:
    """A usual kernel, in every form of dump."""
    found = dumped(tmp_path_factory.mktemp("arm64"), Spec())
    kernel, folder = found.kernel, found.folder
    middle = kernel.base + 0x400000
    kernel.write_raw(folder / "ram.raw")
    kernel.write_raw(folder / "low.raw", end=middle)
    kernel.write_raw(folder / "high.raw", start=middle)
    kernel.write_raw(folder / "mute.raw", end=kernel.record_pa)
    kernel.write_lime(folder / "ram.lime")
    (folder / "ram.elf.gz").write_bytes(gzip.compress(found.elf.read_bytes(), 1))
    (folder / "zero.bin").write_bytes(bytes(0x10000))
    kernel.write_raw(folder / "region.bin", start=kernel.record_pa, end=kernel.record_pa + 0x1000)
    (folder / "zeros.bin").write_bytes(bytes(0x100000))
    return found


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Dumped:
    """A 32-bit kernel."""
    return dumped(tmp_path_factory.mktemp("arm"), Spec(arch="arm"))


@pytest.fixture(scope="module")
def unmapped(tmp_path_factory: pytest.TempPathFactory) -> Dumped:
    """A kernel without any virtual address: its table has none, and the page table is not in the dump."""
    folder = tmp_path_factory.mktemp("unmapped")
    kernel = make(Spec("7.0.0"))
    kernel.write_elf(folder / "ram.elf", holes=[(kernel.root_pa, kernel.root_pa + 0x1000)])
    return Dumped(kernel, folder, folder / "ram.elf")


@pytest.fixture
def inside(arm64: Dumped, monkeypatch: pytest.MonkeyPatch) -> Dumped:
    """The dumps' folder is the current one, so that names in messages are short."""
    monkeypatch.chdir(arm64.folder)
    return arm64


def listing(kernel: Kernel, *, physical: bool = False, modules: bool = False) -> str:
    """What `kinfo symbols` should print, from the truth."""
    width = 2 * kernel.spec.word
    lines = []
    for symbol in kernel.symbols:
        address = symbol.pa if physical and symbol.pa is not None else symbol.va
        lines.append(f"{address:0{width}x} {symbol.type} {symbol.name}\n")
    for module in reversed(kernel.modules) if modules else ():
        found = [(one.pa if physical else one.va, one.type.lower(), one.name) for one in module.symbols]
        lines += [f"{address:0{width}x} {kind} {name}\t[{module.name}]\n" for address, kind, name in found]
    return "".join(lines)


def error(text: str) -> Ran:
    return Ran(2, "", f"kinfo: {text}\n")


class TestMemory:
    """How RAM and the record are named: the same for every command."""

    @pytest.mark.parametrize(
        "words",
        [
            ("ram.elf",),
            ("ram.lime",),
            ("ram.elf.gz",),
            ("ram.raw@0x80000000",),
            ("ram.raw@2147483648",),
            ("low.raw@0x80000000", "high.raw@0x80400000"),
            ("high.raw@0x80400000", "low.raw@0x80000000"),
            ("low.raw@0x80000000,high.raw@0x80400000",),
            ("ram.elf", "--kinfo", "record.bin"),
            ("ram.elf", "--kinfo", "ram.lime"),
            ("ram.elf", "--kinfo", "0x807f0000"),
            ("mute.raw@0x80000000", "--kinfo", "record.bin"),
        ],
        ids=" ".join,
    )
    def test_every_form(self, kinfo_cli: Cli, inside: Dumped, words: tuple[str, ...]) -> None:
        assert kinfo_cli("symbols", *words, "--modules") == Ran(0, listing(inside.kernel, modules=True), "")

    @pytest.mark.parametrize("words", [("ram.raw",), ("mute.raw", "--kinfo", "record.bin")])
    def test_a_base_that_was_found_is_said(self, kinfo_cli: Cli, inside: Dumped, words: tuple[str, ...]) -> None:
        at = inside.kernel.addresses["token_index"] - inside.kernel.base
        note = f"kinfo: {words[0]} begins at PA 0x80000000: kallsyms_token_index is at {at:#x} of it\n"
        assert kinfo_cli("symbols", *words) == Ran(0, listing(inside.kernel), note)
        assert kinfo_cli("lookup", *words, "_text").err == note

    def test_standard_input(self, kinfo_cli: Cli, arm64: Dumped, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(arm64.elf.read_bytes())))
        assert kinfo_cli("symbols", "-") == Ran(0, listing(arm64.kernel), "")

    @pytest.mark.usefixtures("inside")
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("nosuch",), "nosuch: No such file or directory; check the path and its permissions"),
            ((".",), ".: is a directory; name the dump file in it"),
            (("ram.raw@ten",), "ram.raw@ten: 'ten' is no address; write FILE@0x80000000"),
            (("ram.raw@-1",), "ram.raw@-1: -1 is not within 64 bits; write FILE@0x80000000"),
            (("ram.elf@0x80000000",), "ram.elf: has physical addresses of its own; leave @0x80000000 out"),
            (("low.raw", "zero.bin"), "low.raw: is raw memory at an unknown address; write low.raw@0x80000000, say"),
            (("zero.bin",), "zero.bin: no record that points at a kernel; name the file that has it with --kinfo"),
            (("ram.elf", "--kinfo", "nosuch"), "nosuch: No such file or directory; check the path and its permissions"),
            (
                ("ram.elf", "--kinfo", "0xten"),
                "--kinfo 0xten: is neither a file nor an address; write 0x4a000000, say",
            ),
            (("ram.raw", "--kinfo", "0x807f0000"), "--kinfo 0x807f0000: ram.raw has no addresses yet; write ram.raw@BASE"),
            (
                ("zero.bin", "--kinfo", "record.bin"),
                f"zero.bin: has 64 KiB, too little for the record's kernel; {DUMP_THE_KERNEL}",
            ),
            (("region.bin",), f"region.bin: holds the record alone (4 KiB); {DUMP_THE_KERNEL} --kinfo region.bin"),
            (("region.bin@0x807f0000",), f"region.bin: holds the record alone (4 KiB); {DUMP_THE_KERNEL} --kinfo region.bin"),
            (
                ("region.bin", "--kinfo", "region.bin"),
                f"region.bin: holds the record alone (4 KiB); {DUMP_THE_KERNEL} --kinfo region.bin",
            ),
            (
                ("region.bin@0x807f0000", "--kinfo", "0x807f0000"),
                f"region.bin: holds the record alone (4 KiB); {DUMP_THE_KERNEL} --kinfo region.bin",
            ),
            (
                ("zeros.bin", "--kinfo", "record.bin"),
                f"zeros.bin: {NO_TABLES}; write zeros.bin@0x80000000, with the address of its first byte",
            ),
        ],
        ids=str,
    )
    @pytest.mark.parametrize(
        "command",
        [("symbols",), ("info",), ("lookup", "_text"), ("symbolize", "--log", "record.bin"), ("debug", "--tool", "drgn")],
        ids=lambda command: str(command[0]),
    )
    def test_errors(self, kinfo_cli: Cli, command: tuple[str, ...], words: tuple[str, ...], message: str) -> None:
        name, *rest = command
        tail = [rest.pop()] if name == "lookup" else []
        assert kinfo_cli(name, *words, *tail, *rest) == error(message)

    @pytest.mark.parametrize("name", ["symbols", "info", "debug"])
    def test_no_memory(self, kinfo_cli: Cli, name: str) -> None:
        assert kinfo_cli(name).err == f"kinfo: Missing argument 'RAM...'; see `kinfo {name} --help`\n"


class TestSymbols:
    @pytest.mark.parametrize("modules", [False, True])
    @pytest.mark.parametrize("physical", [False, True])
    def test_text(self, kinfo_cli: Cli, arm64: Dumped, physical: bool, modules: bool) -> None:
        options = ["--physical"] * physical + ["--modules"] * modules
        wanted = listing(arm64.kernel, physical=physical, modules=modules)
        assert "\t[beta]\n" in wanted or not modules
        assert kinfo_cli("symbols", arm64.elf, *options) == Ran(0, wanted, "")

    @pytest.mark.parametrize(
        "spec", [Spec(arch="x86"), Spec("5.10.1"), Spec("6.1.5", encoding="absolute"), Spec("7.0.0"), Spec(keep_all=False)]
    )
    @pytest.mark.parametrize("physical", [False, True])
    def test_text_of_other_kernels(self, kinfo_cli: Cli, tmp_path: Path, spec: Spec, physical: bool) -> None:
        found = dumped(tmp_path, spec)
        wanted = listing(found.kernel, physical=physical)
        assert kinfo_cli("symbols", found.elf, *(["--physical"] if physical else [])) == Ran(0, wanted, "")

    def test_eight_digits_on_32_bits(self, kinfo_cli: Cli, arm: Dumped) -> None:
        assert kinfo_cli("symbols", arm.elf).out == listing(arm.kernel)
        ran = kinfo_cli("symbols", arm.elf, "--modules")
        assert (ran.code, ran.err) == (0, "")
        for one in arm.kernel.module_symbols:
            assert f"{one.va:08x} {one.type} {one.name}\t[{one.module}]\n".lower() in ran.out.lower()
        assert ran.out.startswith("c0008000 T _text\n")

    @pytest.mark.parametrize("physical", [False, True])
    def test_json(self, kinfo_cli: Cli, arm64: Dumped, physical: bool) -> None:
        options = ["--physical"] * physical
        ran = kinfo_cli("symbols", arm64.elf, "--modules", "--format", "json", *options)
        data = json.loads(ran.out)
        assert (ran.code, ran.err) == (0, "")
        assert list(data) == ["schema_version", "release", "addresses", "symbols"]
        assert (data["schema_version"], data["release"]) == (1, "6.12.1-test")
        assert data["addresses"] == ("physical" if physical else "virtual")
        lines = []
        for one in data["symbols"]:
            assert list(one) == ["address", "type", "name", "module"]
            assert one["address"].startswith("0x")
            module = f"\t[{one['module']}]" if one["module"] is not None else ""
            lines.append(f"{int(one['address'], 16):016x} {one['type']} {one['name']}{module}\n")
        assert "".join(lines) == listing(arm64.kernel, physical=physical, modules=True)

    def test_files(self, kinfo_cli: Cli, arm64: Dumped, tmp_path: Path) -> None:
        path = tmp_path / "out"
        for form in ("text", "json"):
            printed = kinfo_cli("symbols", arm64.elf, "--format", form).out
            assert kinfo_cli("symbols", arm64.elf, "--format", form, "-o", path) == Ran(0, "", "")
            assert path.read_text() == printed
            assert kinfo_cli("symbols", arm64.elf, "--format", form, "-o", "-") == Ran(0, printed, "")
            again = kinfo_cli("symbols", arm64.elf, "-o", path)
            assert again == error(f"{path}: exists already; name another file, or overwrite it with --force")
            assert path.read_text() == printed
            path.unlink()
        path.write_text("before")
        assert kinfo_cli("symbols", arm64.elf, "-o", path, "--force") == Ran(0, "", "")
        assert path.read_bytes().startswith(b"\x7fELF\2\1\1")
        assert list(tmp_path.iterdir()) == [path]

    def test_elf_to_standard_output(self, arm64: Dumped, tmp_path: Path, kinfo_cli: Cli) -> None:
        assert kinfo_cli("symbols", arm64.elf, "-o", tmp_path / "syms").code == 0
        done = subprocess.run([*KINFO, "symbols", arm64.elf, "-o", "-"], capture_output=True, check=True)
        assert (done.stdout, done.stderr) == ((tmp_path / "syms").read_bytes(), b"")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--format", "elf"), "--format elf needs -o FILE; see `kinfo symbols --help`"),
            (
                ("--format", "xml"),
                "Invalid value for '--format': 'xml' is not one of 'text', 'json', 'elf'; see `kinfo symbols --help`",
            ),
            (("-o", "/nosuch/x"), "/nosuch/x: cannot write: No such file or directory; check the folder and its permissions"),
            (("-o", "/"), "/: cannot write: it is a directory; check the folder and its permissions"),
        ],
    )
    def test_errors(self, kinfo_cli: Cli, arm64: Dumped, words: tuple[str, ...], message: str) -> None:
        assert kinfo_cli("symbols", arm64.elf, *words) == error(message)

    @pytest.mark.parametrize("options", [(), ("--format", "json"), ("-o", "out"), ("--modules",)])
    def test_no_virtual_addresses(
        self, kinfo_cli: Cli, unmapped: Dumped, tmp_path: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        root = unmapped.kernel.root_pa
        wanted = error(
            f"no virtual address can be had: the page table at PA {root:#x} is not in the dump; "
            "symbols have physical addresses all the same"
        )
        assert kinfo_cli("symbols", unmapped.elf, *options) == wanted
        assert list(tmp_path.iterdir()) == []
        physical = kinfo_cli("symbols", unmapped.elf, "--physical", "--modules")
        said = (
            f"kinfo: no modules: they lie outside the image: no virtual address can be had: the page table at PA {root:#x} "
        )
        assert physical == Ran(0, listing(unmapped.kernel, physical=True), f"{said}is not in the dump\n")

    def test_a_reader_that_leaves_early(self, tmp_path: Path) -> None:
        kernel = make(Spec(count=4000, modules=()))
        kernel.write_elf(tmp_path / "ram.elf")
        for options in ("", "--format json", "-o -"):
            command = f"{sys.executable} -m kinfo symbols {tmp_path / 'ram.elf'} {options} | head -c 5"
            done = subprocess.run(command, shell=True, capture_output=True, check=True)
            assert (len(done.stdout), done.stderr) == (5, b"")

    def test_names_that_are_no_text(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        names = (b"bell\x07", b"caf\xc3\xa9", b"raw\xff", b'quote"\\')
        extra = [Symbol(name, "t", 0x10804 + 8 * at) for at, name in enumerate(names)]
        elf = dumped(tmp_path, Spec(extra=extra)).elf
        for form in ("text", "json"):
            out = kinfo_cli("symbols", elf, "--format", form).out
            assert out.isascii()
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out)
        assert [line["name"] for line in json.loads(out)["symbols"] if line["name"][:4] in ("bell", "raw\\")] == [
            r"bell\x07",
            r"raw\xff",
        ]


def place(kernel: Kernel, name: str, offset: int = 0) -> tuple[int, int]:
    """VA and PA of a symbol plus an offset, from the truth."""
    places = {symbol.name: (symbol.va, symbol.pa) for symbol in kernel.module_symbols}
    va, pa = places[name] if name in places else kernel.find(name)[2:]
    assert pa is not None
    return va + offset, pa + offset


class TestLookup:
    def test_every_way_to_ask(self, kinfo_cli: Cli, arm64: Dumped) -> None:
        va, pa = place(arm64.kernel, "_stext", 4)
        starts = sorted({symbol.va for symbol in arm64.kernel.symbols})
        size = starts[starts.index(va - 4) + 1] - (va - 4)
        line = f"VA {va:#x}  PA {pa:#x}  T _stext+0x4/{size:#x}\n"
        words = (f"{va:#x}", f"{va:#X}", f"{va:016x}", f"{pa:#x}", "_stext+4", "_stext+0x4", f"_stext+0x4/{size:#x}")
        assert kinfo_cli("lookup", arm64.elf, *words) == Ran(0, line * len(words), "")
        zero = line.replace(f"{va:#x}", f"{va - 4:#x}").replace(f"{pa:#x}", f"{pa - 4:#x}").replace("+0x4", "+0x0")
        assert kinfo_cli("lookup", arm64.elf, "_stext") == Ran(0, zero, "")

    def test_modules(self, kinfo_cli: Cli, arm64: Dumped) -> None:
        va, pa = place(arm64.kernel, "beta_read", 0x10)
        line = f"VA {va:#x}  PA {pa:#x}  t beta_read+0x10/0x100 [beta]\n"
        assert kinfo_cli("lookup", arm64.elf, f"{va:#x}", f"{pa:#x}", "beta_read+0x10") == Ran(0, line * 3, "")

    def test_a_name_that_occurs_more_than_once(self, kinfo_cli: Cli, arm64: Dumped) -> None:
        ran = kinfo_cli("lookup", arm64.elf, "cleanup", "cleanup_module")
        of_image = [symbol.va for symbol in arm64.kernel.symbols if symbol.name == "cleanup"]
        of_modules = [one.va for one in reversed(arm64.kernel.module_symbols) if one.name == "cleanup_module"]
        assert len(of_image) > 1
        assert len(of_modules) == 3
        found = [int(va, 16) for va in re.findall(r"^VA (\S+) ", ran.out, re.MULTILINE)]
        assert (ran.code, found) == (0, of_image + of_modules)

    def test_not_found(self, kinfo_cli: Cli, arm64: Dumped) -> None:
        va, pa = place(arm64.kernel, "_text")
        reasons = {
            "nosuch": "no symbol has that name",
            "no\x1bsuch": "no symbol has that name",
            "_text+": "'' is no offset; write name+0x10",
            "_text+ten": "'ten' is no offset; write name+0x10",
            "0xffffffff00000000": "nothing is mapped there",
            "ffffffff00000000": "nothing is mapped there",
            "0x10": "neither in the kernel image nor in a module, nor in the dump",
            f"{arm64.kernel.record_pa:#x}": "neither in the kernel image nor in a module",
            f"{arm64.kernel.linear_voffset + arm64.kernel.record_pa:#x}": f"PA {arm64.kernel.record_pa:#x} is neither in the "
            "kernel image nor in a module",
            "0x1" + f"{va:016x}": "it is not within 64 bits",
        }
        for word, reason in reasons.items():
            shown = word.replace("\x1b", r"\x1b")
            assert kinfo_cli("lookup", arm64.elf, word) == Ran(1, f"{shown}: {reason}\n", "")
        mixed = kinfo_cli("lookup", arm64.elf, "nosuch", f"{pa:#x}", "0x10")
        assert mixed.code == 1
        assert [line.split()[0] for line in mixed.out.splitlines()] == ["nosuch:", "VA", "0x10:"]

    def test_in_the_image_without_a_name(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        found = dumped(tmp_path, Spec(keep_all=False))
        pa = found.kernel.pa("banner")
        where = "in the kernel image, at a place that its symbol table has no name for"
        words = (f"{pa:#x}", f"{pa + found.kernel.voffset:#x}")
        assert kinfo_cli("lookup", found.elf, *words).out == f"{words[0]}: {where}\n{words[1]}: PA {pa:#x} is {where}\n"

    def test_absolute_symbols_have_no_physical_address(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        elf = dumped(tmp_path, Spec(arch="x86")).elf
        assert kinfo_cli("lookup", elf, "cpu_debug_store") == Ran(0, "VA 0x1000  PA -  A cpu_debug_store+0x0/0x0\n", "")

    def test_without_virtual_addresses(self, kinfo_cli: Cli, unmapped: Dumped) -> None:
        va, pa = place(unmapped.kernel, "_stext")
        ran = kinfo_cli("lookup", unmapped.elf, "_stext", f"{pa:#x}", f"{va:#x}")
        lines = ran.out.splitlines()
        assert ran.code == 1
        assert lines[0] == lines[1]
        assert lines[0].startswith(f"VA -  PA {pa:#x}  T _stext+0x0/")
        assert lines[2].startswith(f"{va:#x}: no virtual address can be had: the page table at PA ")

    def test_json(self, kinfo_cli: Cli, arm64: Dumped) -> None:
        va, pa = place(arm64.kernel, "beta_read", 0x10)
        ran = kinfo_cli("lookup", arm64.elf, "--format", "json", f"{va:#x}", "nosuch", "_end")
        data = json.loads(ran.out)
        end_va, end_pa = place(arm64.kernel, "_end")
        one = {"symbol": "beta_read", "type": "t", "module": "beta", "offset": 16, "size": 256, "is_alias": False}
        end = {"symbol": "_end", "type": "B", "module": None, "offset": 0, "size": 0, "is_alias": False}
        assert ran.code == 1
        assert data == {
            "schema_version": 1,
            "lookups": [
                {
                    "query": f"{va:#x}",
                    "places": [one | {"va": f"{va:#x}", "pa": f"{pa:#x}"}],
                    "return_address_of": None,
                    "reason": None,
                },
                {"query": "nosuch", "places": [], "return_address_of": None, "reason": "no symbol has that name"},
                {
                    "query": "_end",
                    "places": [end | {"va": f"{end_va:#x}", "pa": f"{end_pa:#x}"}],
                    "return_address_of": None,
                    "reason": None,
                },
            ],
        }
        assert kinfo_cli("lookup", arm64.elf, "--format", "json", "_end").code == 0

    def test_json_without_virtual_addresses(self, kinfo_cli: Cli, unmapped: Dumped) -> None:
        data = json.loads(kinfo_cli("lookup", unmapped.elf, "--format", "json", "_stext").out)
        assert data["lookups"][0]["places"][0]["va"] is None

    @pytest.mark.usefixtures("inside")
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ((), "Missing argument 'RAM... ADDR|NAME...'; see `kinfo lookup --help`"),
            (
                ("ram.elf",),
                "name an address or a symbol after RAM (no file has the name of the last one); see `kinfo lookup --help`",
            ),
            (
                ("low.raw@0x80000000", "high.raw@0x80400000"),
                "name an address or a symbol after RAM (no file has the name of the last one); see `kinfo lookup --help`",
            ),
            (
                ("ram.elf", "x", "--format", "sarif"),
                (
                    "Invalid value for '--format': 'sarif' is not one of 'text', 'json', 'yaml', 'jsonl'; "
                    "see `kinfo lookup --help`"
                ),
            ),
        ],
    )
    def test_usage(self, kinfo_cli: Cli, words: tuple[str, ...], message: str) -> None:
        assert kinfo_cli("lookup", *words) == error(message)

    @pytest.mark.usefixtures("inside")
    def test_several_parts_of_memory(self, kinfo_cli: Cli) -> None:
        wanted = kinfo_cli("lookup", "ram.elf", "_end")
        for parts in (("low.raw@0x80000000", "high.raw@0x80400000"), ("low.raw@0x80000000,high.raw@0x80400000",)):
            assert kinfo_cli("lookup", *parts, "_end") == wanted

    def test_heavy_modules_stay_out(self, arm64: Dumped) -> None:
        va, _ = place(arm64.kernel, "_stext")
        words = (str(arm64.elf), "--kinfo", str(arm64.folder / "record.bin"), f"{va:#x}")
        loaded = modules_after("lookup", *words)
        heavy = HEAVY | {"json", "numpy", "rich", "dtschema", "shlex", "subprocess"}
        assert "kinfo.kernel.kernel" in loaded
        assert not loaded & heavy
        others = ("kinfo.debuggers", "kinfo.report.kernel", "kinfo.kernel.boot.")
        assert {name for name in loaded if name.startswith(others)} == {"kinfo.kernel.boot.banner"}  # held against the record
        assert "kinfo.kernel.modules.loaded" not in loaded


class TestSymbolize:
    @pytest.fixture
    def log(self, arm64: Dumped) -> tuple[bytes, bytes]:
        """A log, and what should become of it."""
        va, pa = (place(arm64.kernel, "_stext", 4)[at] for at in (0, 1))
        module, _ = place(arm64.kernel, "beta_read", 0x10)
        label = b"<_stext+0x4/0x6b0>"
        before = b"pc : %016x lr: 0x%x\nraw \xff\0 %x\r\nPA 0x%x, not 0x10\n\nlast %x" % (va, va, module, pa, va)
        after = (
            b"pc : %016x %s lr: 0x%x %s\nraw \xff\0 %x <beta_read+0x10/0x100 [beta]>\r\nPA 0x%x %s, not 0x10\n\nlast %x %s"
            % (
                *(va, label, va, label, module),
                *(pa, label, va, label),
            )
        )
        return before, after

    @pytest.mark.parametrize("options", [(), ("--log", "-")])
    def test_standard_input(
        self,
        arm64: Dumped,
        log: tuple[bytes, bytes],
        options: tuple[str, ...],
        monkeypatch: pytest.MonkeyPatch,
        capfdbinary: pytest.CaptureFixture[bytes],
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(log[0])))
        assert run(["symbolize", str(arm64.elf), *options]) == 0
        assert capfdbinary.readouterr() == (log[1], b"")

    def test_file(
        self, arm64: Dumped, log: tuple[bytes, bytes], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        for at, (name, content) in enumerate({"log": log[0], "empty": b"", "again": log[1]}.items()):
            (tmp_path / name).write_bytes(content)
            code = run(["symbolize", str(arm64.elf), "--log", str(tmp_path / name)])
            assert (code, capfdbinary.readouterr()) == (0, ((log[1], b"", log[1])[at], b""))

    def test_memory_from_standard_input(
        self,
        arm64: Dumped,
        log: tuple[bytes, bytes],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfdbinary: pytest.CaptureFixture[bytes],
    ) -> None:
        (tmp_path / "log").write_bytes(log[0])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(arm64.elf.read_bytes())))
        assert run(["symbolize", "-", "--log", str(tmp_path / "log")]) == 0
        assert capfdbinary.readouterr() == (log[1], b"")

    def test_lines_come_as_they_are_written(self, arm64: Dumped) -> None:
        va, _ = place(arm64.kernel, "_stext")
        with subprocess.Popen(
            [*KINFO, "symbolize", arm64.elf], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        ) as process:
            assert process.stdin
            assert process.stdout
            for _ in range(2):
                process.stdin.write(b"pc %x\n" % va)
                process.stdin.flush()
                assert select.select([process.stdout], [], [], 20)[0], "nothing came while the log was open"
                assert os.read(process.stdout.fileno(), 1000) == b"pc %x <_stext+0x0/0x6b0>\n" % va
            process.stdin.close()
            assert process.wait(20) == 0

    @pytest.mark.usefixtures("inside")
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("-",), "- is the log: name the memory's file; see `kinfo symbolize --help`"),
            (("ram.elf", "-", "--log", "-"), "- is the log: name the memory's file; see `kinfo symbolize --help`"),
            (
                ("ram.elf", "--log", "nosuch"),
                "nosuch: cannot open: No such file or directory; check the name and its permissions",
            ),
            (("ram.elf", "--log", "."), ".: cannot open: Is a directory; check the name and its permissions"),
        ],
    )
    def test_errors(self, kinfo_cli: Cli, words: tuple[str, ...], message: str) -> None:
        assert kinfo_cli("symbolize", *words) == error(message)

    def test_closed_standard_input(self, kinfo_cli: Cli, arm64: Dumped, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        message = "-: standard input is closed; name the log with --log FILE"
        assert kinfo_cli("symbolize", arm64.elf) == error(message)


def rows(out: str, title: str) -> dict[str, str]:
    """The rows of one section of the screen."""
    section = next(block for block in out.split("\n\n") if block.startswith(title)).splitlines()[1:]
    return {line[2:18].strip(): line[18:] for line in section}


class TestInfo:
    def test_text(self, kinfo_cli: Cli, arm64: Dumped) -> None:
        kernel = arm64.kernel
        ran = kinfo_cli("info", arm64.elf)
        assert (ran.code, ran.err) == (0, "")
        head = rows(ran.out, "Kernel\n")
        assert head == {
            "memory": f"{arm64.elf}: PA 0x80000000 - 0x80800000 (8 MiB)",
            "record": "PA 0x807f0000, layout C debug-kinfo-text, certain, checksum valid",
            "release": "6.12.1-test",
            "banner": kernel.banner.decode().rstrip(),
            "image": f"PA {kernel.spec.text:#x} - {kernel.pa('end'):#x}",
        }
        end = kernel.find("_end").va
        assert rows(ran.out, "Virtual addresses\n") == {
            "kimage_voffset": f"{kernel.voffset & ((1 << 64) - 1):#x}, from kallsyms_relative_base and the page table's "
            "mapping of the image",
            "page table": f"PA {kernel.root_pa:#x}, arm64, 4K pages, 39-bit VA",
            "VA bits": "39",
            "page size": "4096",
            "image": f"VA {kernel.text_va:#x} - {end:#x}",
            "KASLR slide": "0x12610000 above 0xffffffc080000000, by the release's usual link address",
            "PHYS_OFFSET": "0x80000000, by the page tables' linear map",
        }
        assert rows(ran.out, "Symbols\n") == {
            "kallsyms": f"{len(kernel.symbols)} symbols, code and data",
            "encoding": "base-relative, counted from _relative_pa",
            "by name": "binary search (seqs_of_names)",
        }
        modules = next(block for block in ran.out.split("\n\n") if block.startswith("Modules (3)\n")).splitlines()[1:]
        wanted = [(one.name, "live", "VA", f"{one.regions[0].va:#x}") for one in reversed(kernel.modules)]
        assert [tuple(line.split()[:4]) for line in modules] == wanted
        steps = {
            "kinfo dmesg {ram}": "the kernel's log",
            "kinfo symbols {ram} -o vmlinux.syms": "for gdb, drgn, perf, objdump",
            "kinfo symbolize {ram} < log": "names behind raw addresses",
            "kinfo debug {ram} --tool crash": "the command line of crash, gdb or drgn",
        }
        shown = [line.split("  # ") for line in ran.out.partition("Next:\n")[2].splitlines()]
        assert {command.strip(): why for command, why in shown} == {
            command.format(ram=arm64.elf): why for command, why in steps.items()
        }
        assert "Findings" not in ran.out

    def test_next_steps_can_be_typed(self, kinfo_cli: Cli, arm64: Dumped, tmp_path: Path) -> None:
        odd = tmp_path / "the ram's.elf"
        odd.symlink_to(arm64.elf)
        record = arm64.folder / "record.bin"
        out = kinfo_cli("info", odd, "--kinfo", record).out
        assert rows(out, "Kernel\n")["record"].startswith("in a file of its own, ")
        typed = next(line for line in out.splitlines() if "--tool crash" in line).partition("#")[0]
        done = subprocess.run(typed.replace("kinfo", f"{sys.executable} -m kinfo", 1), shell=True, check=True, stdout=-1)
        assert done.stdout.splitlines()[1].startswith(b"crash ")

    @pytest.mark.parametrize("form", ["json", "yaml"])
    def test_documents(self, kinfo_cli: Cli, arm64: Dumped, form: str) -> None:
        kernel = arm64.kernel
        ran = kinfo_cli("info", arm64.elf, "--format", form)
        data: dict[str, Any] = (json.loads if form == "json" else yaml.safe_load)(ran.out)
        assert (ran.code, ran.err) == (0, "")
        borders = {"text": "head", "stext": "text", "etext": "rodata"} | {
            name: name for name in ("sinittext", "einittext", "end")
        }
        borders["sinittext"] = "inittext"
        modules = data.pop("modules")
        assert data == {
            "schema_version": 1,
            "memory": {"name": str(arm64.elf), "ranges": [{"start": "0x80000000", "end": "0x80800000"}]},
            "known_by": "the record",
            "record": {"pa": "0x807f0000", "layout": "debug-kinfo-text", "state": "valid", "release": "6.12.1-test"},
            "other_records": [],
            "banner": kernel.banner.decode().rstrip(),
            "build_id": None,
            "image": {name: f"{kernel.pa(section):#x}" for name, section in borders.items()},
            "virtual": {
                "kimage_voffset": f"{kernel.voffset:#x}",
                "evidence": "kallsyms_relative_base and the page table's mapping of the image",
                "swapper_pg_dir": f"{kernel.root_pa:#x}",
                "format": "arm64, 4K pages, 39-bit VA",
                "va_bits": 39,
                "page_size": 4096,
                "text": f"{kernel.text_va:#x}",
                "kaslr_slide": "0x12610000",
                "link_address": "0xffffffc080000000",
                "slide_evidence": "the release's usual link address",
                "phys_offset": "0x80000000",
                "phys_offset_used": "0x80000000",
                "linear_map": f"{kernel.linear_voffset & (1 << 64) - 1:#x}",
                "linear_evidence": ["the page tables' linear map"],
            },
            "symbols": {
                "count": len(kernel.symbols),
                "encoding": "base-relative",
                "base": "_relative_pa",
                "has_data": True,
                "has_name_order": True,
            },
            "uptime": [],
            "modules_unknown": None,
            "crash": None,
            "log": None,
            "log_unknown": data["log_unknown"],
            "machine": {},
            "taint": data["taint"],
            "trouble": [],
            "findings": [],
            "notes": [],
        }
        assert "says where the kernel's log is" in data["log_unknown"]
        for found, wanted in zip(modules, reversed(kernel.modules), strict=True):
            assert (found["name"], found["state"], found["va"]) == (wanted.name, "live", f"{wanted.struct_va:#x}")
            spans = [(part["start"], part["end"]) for part in found["ranges"]]
            assert spans == [(f"{region.va:#x}", f"{region.va + region.size:#x}") for region in wanted.regions]

    def test_findings_are_exit_code_1(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        found = dumped(tmp_path, Spec())
        found.kernel.poke(found.kernel.pa("banner"), b"Linux version 6.12.2-test ")
        found.kernel.write_elf(found.elf)
        ran = kinfo_cli("info", found.elf)
        assert (ran.code, ran.err) == (1, "")
        line = "  error   kernel-another-boot  last_uts_release: the record says 6.12.1-test, the memory 6.12.2-test\n"
        assert f"\nFindings\n{line}" in ran.out
        ran = kinfo_cli("info", found.elf, "--format", "json")
        findings = json.loads(ran.out)["findings"]
        assert (ran.code, [(one["code"], one["severity"]) for one in findings]) == (1, [("kernel-another-boot", "error")])

    def test_no_banner(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        found = dumped(tmp_path, Spec())
        found.kernel.poke(found.kernel.pa("banner"), bytes(0x80))
        found.kernel.write_elf(found.elf)
        ran = kinfo_cli("info", found.elf)
        assert (ran.code, "banner" in rows(ran.out, "Kernel\n")) == (0, False)
        assert "\nFindings\n  info    kernel-no-banner  linux_banner: no banner was found in the memory\n" in ran.out

    def test_strict(self, kinfo_cli: Cli, unmapped: Dumped, arm64: Dumped) -> None:
        assert kinfo_cli("info", unmapped.elf).code == 0
        assert kinfo_cli("info", unmapped.elf, "--strict").code == 1
        assert kinfo_cli("info", arm64.elf, "--strict").code == 0

    def test_32_bits(self, kinfo_cli: Cli, arm: Dumped) -> None:
        out = kinfo_cli("info", arm.elf).out
        assert rows(out, "Virtual addresses\n") == {
            "kimage_voffset": "0x40000000, from kallsyms_relative_base and the page table's mapping of the image",
            "page table": f"PA {arm.kernel.root_pa:#x}, arm, short descriptors",
            "VA bits": "32",
            "page size": "4096",
            "image": "VA 0xc0008000 - " + f"{arm.kernel.find('_end').va:#x}",
            "KASLR slide": "0x0 above 0xc0008000, by 32-bit arm, which has no KASLR",
            "PHYS_OFFSET": "0x80000000, by the page tables' linear map",
        }
        assert "Modules (3)" in out
        virtual = json.loads(kinfo_cli("info", arm.elf, "--format", "json").out)["virtual"]
        assert (virtual["format"], virtual["page_size"], virtual["kaslr_slide"]) == ("arm, short descriptors", 4096, "0x0")

    @pytest.mark.parametrize(
        ("arch", "machine", "reason"),
        [
            ("arm", 3, "page tables of x86 (32-bit) kernels are not read"),
            ("arm64", 243, "page tables of RISC-V kernels are not read"),
            ("arm64", 40, "the record is of a kernel with 64 bits, the dump is of arm (32-bit)"),
            ("arm", 62, "the record is of a kernel with 32 bits, the dump is of x86-64"),
        ],
    )
    def test_other_machines(self, kinfo_cli: Cli, tmp_path: Path, arch: str, machine: int, reason: str) -> None:
        """No machine's page tables are taken for another's, and none has the linear map or the slide of another."""
        found = dumped(tmp_path, Spec(arch=arch))
        raw = bytearray(found.elf.read_bytes())
        raw[18:20] = machine.to_bytes(2, "little")
        found.elf.write_bytes(raw)
        out = kinfo_cli("info", found.elf).out
        assert f"\n  warning kernel-no-page-table  swapper_pg_dir_pa: {reason}\n" in out
        assert {"PHYS_OFFSET", "KASLR slide", "page table"}.isdisjoint(rows(out, "Virtual addresses\n"))
        assert kinfo_cli("core", found.elf, "-o", tmp_path / "out").code == 2
        assert kinfo_cli("debug", found.elf, "--tool", "drgn").code == 2
        ran = kinfo_cli("debug", found.elf, "--tool", "crash")
        assert (ran.code, ran.err.count("\n")) == (2, 1)

    def test_without_virtual_addresses(self, kinfo_cli: Cli, unmapped: Dumped) -> None:
        ran = kinfo_cli("info", unmapped.elf)
        root = f"{unmapped.kernel.root_pa:#x}"
        reason = f"no virtual address can be had: the page table at PA {root} is not in the dump"
        assert rows(ran.out, "Virtual addresses\n") == {"none": reason}
        assert rows(ran.out, "Symbols\n")["encoding"] == "place-relative"
        assert f"  warning kernel-no-page-table  swapper_pg_dir_pa: {reason}\n" in ran.out
        assert (ran.code, json.loads(kinfo_cli("info", unmapped.elf, "--format", "json").out)["virtual"]) == (0, None)

    def test_many_modules(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        found = dumped(tmp_path, Spec(modules=[ModuleSpec(f"driver{at}", text=0x800) for at in range(14)]))
        out = kinfo_cli("info", found.elf).out
        block = next(part for part in out.split("\n\n") if part.startswith("Modules (14)\n")).splitlines()[1:]
        names = [f"driver{at}" for at in reversed(range(14))]
        assert [line.split()[0] for line in block[:-1]] == names[:12]
        assert block[-1] == "  and 2 more (--all-modules)"
        out = kinfo_cli("info", found.elf, "--all-modules").out
        block = next(part for part in out.split("\n\n") if part.startswith("Modules (14)\n")).splitlines()[1:]
        assert [line.split()[0] for line in block] == names
        assert len(json.loads(kinfo_cli("info", found.elf, "--format", "json").out)["modules"]) == 14

    def test_ranges_of_memory(self, kinfo_cli: Cli, arm64: Dumped, tmp_path: Path) -> None:
        base, end = arm64.kernel.base, arm64.kernel.end
        holes = [(base + at * 0x10000, base + at * 0x10000 + 0x1000) for at in (1, 2, 3)] + [(base + 0x300000, end - 0x20000)]
        arm64.kernel.write_elf(tmp_path / "ram.elf", holes=holes)
        memory = rows(kinfo_cli("info", tmp_path / "ram.elf").out, "Kernel\n")["memory"].partition(": ")[2]
        first = "PA 0x80000000 - 0x80010000, PA 0x80011000 - 0x80020000, PA 0x80021000 - 0x80030000"
        assert memory == f"{first} and 2 more ranges (3.1 MiB)"
        (tmp_path / "small").write_bytes(arm64.kernel.peek(arm64.kernel.record_pa, 0x1000))
        parts = (f"{tmp_path / 'small'}@0x10000000", arm64.elf)
        name = rows(kinfo_cli("info", *parts).out, "Kernel\n")["memory"].partition(": ")[0]
        assert name == f"{tmp_path / 'small'} and 1 more"

    def test_code_only(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        out = kinfo_cli("info", dumped(tmp_path, Spec("5.10.1", keep_all=False)).elf).out
        symbols = rows(out, "Symbols\n")
        assert symbols["kallsyms"].endswith(" symbols, code only (KALLSYMS_ALL is off)")
        assert symbols["by name"] == "all names are looked through"

    def test_64k_pages_used_with_48_bits(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        spec = Spec(page_format="arm64-64k-52", actual_bits=48)
        space = rows(kinfo_cli("info", dumped(tmp_path, spec).elf).out, "Virtual addresses\n")
        assert (space["VA bits"], space["page size"]) == ("48", "65536")
        assert space["page table"].endswith(", arm64, 64K pages, 52-bit VA, 48 of them used")

    def test_what_vmcoreinfo_says(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        kernel = make(Spec(text_pa=0x80200000))  # images are linked at multiples of 2 MiB
        link = kernel.text_va - 0x200000
        build = "00112233445566778899aabbccddeeff00112233"
        bound = f"SYMBOL(_stext)={kernel.find('_stext').va:x}"
        lines = f"6.12.1-test\n{bound}\nKERNELOFFSET=200000\nNUMBER(PHYS_OFFSET)=0x80000000\nBUILD-ID={build}"
        write_core(kernel, tmp_path / "ram.elf", lines)
        out = kinfo_cli("info", tmp_path / "ram.elf").out
        space = rows(out, "Virtual addresses\n")
        assert space["KASLR slide"] == f"0x200000 above {link:#x}, by the dump's VMCOREINFO note"
        assert space["PHYS_OFFSET"] == "0x80000000, by the dump's VMCOREINFO note and the page tables' linear map"
        assert rows(out, "Kernel\n")["build id"] == build

    def test_uptime(self, kinfo_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from kinfo.kernel.boot import clock

        elf = dumped(tmp_path, Spec()).elf
        monkeypatch.setattr(clock, "uptime", lambda _: [clock.Uptime(12.3456789, "a sundial")])
        assert rows(kinfo_cli("info", elf).out, "Kernel\n")["uptime"] == "12.3 s, by a sundial"
        data = json.loads(kinfo_cli("info", elf, "--format", "json").out)
        assert data["uptime"] == [{"seconds": 12.345679, "source": "a sundial"}]

    def test_control_characters_never_reach_the_screen(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        kernel = make(Spec(modules=[ModuleSpec("a\x1b[31mlpha")]))
        kernel.poke(kernel.pa("banner") + 30, b"\x1b]0;evil\x07")
        path = tmp_path / "a\x1b[31m\n.elf"
        kernel.write_elf(path)
        os.symlink(path, os.fsencode(tmp_path / "b") + b"\xff.elf")
        for name in (path, Path(os.fsdecode(os.fsencode(tmp_path / "b") + b"\xff.elf"))):
            for form in ("text", "json", "yaml"):
                ran = kinfo_cli("info", name, "--format", form)
                assert ran.code == 0
                assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", ran.out)
                assert "31m" in ran.out

    def test_usage(self, kinfo_cli: Cli, arm64: Dumped) -> None:
        message = "Invalid value for '--format': 'xml' is not one of 'text', 'json', 'yaml', 'jsonl'; see `kinfo info --help`"
        assert kinfo_cli("info", arm64.elf, "--format", "xml") == error(message)

    def test_a_record_of_another_kernel(self, kinfo_cli: Cli, arm64: Dumped, tmp_path: Path) -> None:
        other = make(Spec("5.10.1"))
        (tmp_path / "record").write_bytes(other.record)
        ran = kinfo_cli("info", arm64.elf, "--kinfo", tmp_path / "record")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.endswith(
            "; the record and the memory are not of the same boot, or the memory is damaged; "
            "the memory's own record, at PA 0x807f0000, leads to a kernel: leave --kinfo out\n"
        )
        assert len(ran.err.splitlines()) == 1


def write_core(kernel: Kernel, path: Path, osrelease: str) -> None:
    """An ELF core whose VMCOREINFO has these words behind OSRELEASE=."""
    from tests.kernels import dumps

    dumps.write_elf(path, kernel._pieces(()), dumps.MACHINES[kernel.spec.arch], 64, osrelease)


def by_core(words: str) -> str:
    """What is shown for a dump that crash may not be able to place by its options."""
    why = "# crash wants VMCOREINFO for arm64 kernels from 6.0 on; if it says that the two do not match:"
    return f"{why}\nkinfo core {words} -o kinfo.core\ncrash vmlinux kinfo.core\n"


ARM64_CRASH = (
    "# crash 8.0.2 or later, built for arm64: `make target=ARM64` on x86-64, where Debian's own crash refuses the dump\n"
)
X86_CRASH = "# crash 8.0.2 or later, built for x86-64\n"


class TestDebug:
    def test_crash(self, kinfo_cli: Cli, inside: Dumped) -> None:
        machine = f"-m vabits_actual=39 -m kimage_voffset={inside.kernel.voffset:#x} -m phys_offset=0x80000000"
        options = f"--kaslr=0x12610000 {machine} vmlinux"
        parts = "low.raw@0x80000000,high.raw@0x80400000"
        for words, wanted in (
            (("ram.elf",), "ram.elf"),
            (("ram.raw@0x80000000",), "ram.raw@0x80000000"),
            (("ram.raw",), "ram.raw@0x80000000"),
            (("mute.raw", "--kinfo", "record.bin"), "mute.raw@0x80000000"),
            (tuple(parts.split(",")), parts),
            ((parts,), parts),
        ):
            ran = kinfo_cli("debug", *words, "--tool", "crash")
            assert (ran.code, ran.out) == (0, f"{ARM64_CRASH}crash {options} {wanted}\n{by_core(' '.join(words))}")
        Path("my vmlinux").write_bytes(build_files.vmlinux(inside.kernel, None))
        ran = kinfo_cli("debug", "ram.elf", "--tool", "crash", "--vmlinux", "my vmlinux")
        assert ran.out.splitlines()[1] == f"crash {options.removesuffix('vmlinux')}'my vmlinux' ram.elf"
        assert ran.out.splitlines()[-1] == "crash 'my vmlinux' kinfo.core"

    @pytest.mark.parametrize("release", ["5.17.3", "6.1.5"])
    def test_crash_needs_no_core_before_6_0(self, kinfo_cli: Cli, tmp_path: Path, release: str) -> None:
        found = dumped(tmp_path, Spec(release))
        lines = kinfo_cli("debug", found.elf, "--tool", "crash").out.splitlines()
        assert len(lines) == (2 if release == "5.17.3" else 5)

    def test_crash_needs_no_core_with_vmcoreinfo(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        write_core(make(), tmp_path / "ram.elf", "6.12.1-test\nNUMBER(VA_BITS)=39")
        assert len(kinfo_cli("debug", tmp_path / "ram.elf", "--tool", "crash").out.splitlines()) == 2

    def test_crash_on_x86(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        found = dumped(tmp_path, Spec(arch="x86", slide=0x1600000))
        ran = kinfo_cli("debug", found.elf, "--tool", "crash")
        base = found.kernel.spec.text - (found.kernel.text_va - 0xFFFFFFFF80000000)
        assert ran == Ran(0, f"{X86_CRASH}crash --kaslr=0x1600000 -m phys_base={base:#x} vmlinux {found.elf}\n", "")

    def test_crash_without_kaslr_and_with_phys_offset(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        kernel = make(Spec(text_pa=0x80200000))
        bound = f"SYMBOL(_stext)={kernel.find('_stext').va:x}"
        write_core(kernel, tmp_path / "ram.elf", f"6.12.1-test\n{bound}\nKERNELOFFSET=0\nNUMBER(PHYS_OFFSET)=0x80000000")
        out = kinfo_cli("debug", tmp_path / "ram.elf", "--tool", "crash").out
        machine = f"-m vabits_actual=39 -m kimage_voffset={kernel.voffset:#x} -m phys_offset=0x80000000"
        assert out == f"{ARM64_CRASH}crash {machine} vmlinux {tmp_path / 'ram.elf'}\n{by_core(str(tmp_path / 'ram.elf'))}"

    def test_crash_of_an_arm64_record_without_page_tables(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        kernel = make()
        path = tmp_path / "ram.elf"
        core = "6.12.1-test\nKERNELOFFSET=1000"
        write_core(kernel, path, core)
        whole = path.read_bytes()
        root = whole.index(kernel.peek(kernel.root_pa, 0x1000))
        path.write_bytes(whole[:root] + bytes(0x1000) + whole[root + 0x1000 :])
        out = kinfo_cli("debug", path, "--tool", "crash").out
        assert out == f"{ARM64_CRASH}crash --kaslr=0x1000 -m kimage_voffset={kernel.voffset:#x} vmlinux {path}\n"
        message = "drgn needs the kernel's page tables; "
        ran = kinfo_cli("debug", path, "--tool", "drgn")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"kinfo: {message}")

    def test_unknown_slide(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        hint = "compare `nm vmlinux` with `kinfo lookup RAM _stext` and give crash the difference as --kaslr"
        elf = dumped(tmp_path, Spec("5.15.1")).elf
        ran = kinfo_cli("debug", elf, "--tool", "crash")
        assert ran == error(f"the KASLR slide is not known: no link address for 5.15.1; {hint}")

    @pytest.mark.parametrize("tool", ["crash", "drgn"])
    def test_no_virtual_addresses(self, kinfo_cli: Cli, unmapped: Dumped, tool: str) -> None:
        wanted = error(
            f"no virtual address can be had: the page table at PA {unmapped.kernel.root_pa:#x} is not in the dump; "
            "symbols have physical addresses all the same"
        )
        assert kinfo_cli("debug", unmapped.elf, "--tool", tool) == wanted

    @pytest.mark.usefixtures("inside")
    def test_gdb(self, kinfo_cli: Cli, arm: Dumped) -> None:
        ran = kinfo_cli("debug", "ram.elf", "--kinfo", "record.bin", "--tool", "gdb")
        make_symbols = "kinfo symbols ram.elf --kinfo record.bin --physical -o vmlinux.syms\n"
        assert ran == Ran(0, f"{make_symbols}gdb-multiarch -ex 'set architecture aarch64' vmlinux.syms ram.elf\n", "")
        assert "'set architecture arm' vmlinux.syms" in kinfo_cli("debug", arm.elf, "--tool", "gdb").out

    @pytest.mark.usefixtures("inside")
    @pytest.mark.parametrize(
        "words", ["ram.raw@0x80000000", "ram.lime", "ram.elf zero.bin@0x100000000", "ram.elf.gz"], ids=lambda words: words
    )
    def test_gdb_on_other_dumps(self, kinfo_cli: Cli, words: str) -> None:
        assert kinfo_cli("debug", *words.split(), "--tool", "gdb").out == (
            f"kinfo symbols {words} -o vmlinux.syms\nkinfo core {words} -o kinfo.core\n"
            "gdb-multiarch -ex 'set architecture aarch64' vmlinux.syms kinfo.core\n"
        )

    @pytest.mark.usefixtures("inside")
    @pytest.mark.parametrize("words", ["ram.lime", "ram.elf zero.bin@0x100000000", "ram.elf.gz"])
    def test_crash_on_dumps_that_it_cannot_read(self, kinfo_cli: Cli, words: str) -> None:
        shown = kinfo_cli("debug", *words.split(), "--tool", "crash").out
        assert shown == f"{ARM64_CRASH}kinfo core {words} -o kinfo.core\ncrash vmlinux kinfo.core\n"

    @pytest.mark.usefixtures("inside")
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("ram.elf", "--run"), "name the debugger: --tool crash, gdb or drgn; see `kinfo debug --help`"),
            (
                ("ram.elf", "--tool", "lldb"),
                "Invalid value for '--tool': 'lldb' is not one of 'crash', 'gdb', 'drgn'; see `kinfo debug --help`",
            ),
            (("-", "--tool", "crash"), "a debugger opens the memory itself: name its file; see `kinfo debug --help`"),
        ],
    )
    def test_usage(self, kinfo_cli: Cli, words: tuple[str, ...], message: str) -> None:
        assert kinfo_cli("debug", *words) == error(message)

    def test_names_that_are_no_text(self, arm64: Dumped, tmp_path: Path) -> None:
        name = os.fsencode(tmp_path) + b"/b\xff'.elf"
        os.symlink(arm64.elf, name)
        strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
        command = [*KINFO, "debug", os.fsdecode(name), "--tool", "crash"]
        done = subprocess.run(command, capture_output=True, check=True, env=strict)
        direct = done.stdout.splitlines()[1]
        again = subprocess.run(b"printf '%s\\n' " + direct, shell=True, capture_output=True, check=True)
        assert again.stdout.splitlines()[-1] == name


class TestCore:
    @pytest.mark.usefixtures("inside")
    @pytest.mark.parametrize("words", ["ram.elf", "ram.raw@0x80000000", "low.raw@0x80000000 high.raw@0x80400000", "ram.lime"])
    def test_the_core_is_the_same_memory(self, kinfo_cli: Cli, inside: Dumped, words: str) -> None:
        ran = kinfo_cli("core", *words.split(), "-o", "out.core", "--force")
        assert (ran.code, ran.err) == (0, "kinfo: wrote out.core\n")
        assert ran.out.startswith("Open it with:\n  kinfo dmesg out.core ")
        assert kinfo_cli("debug", "out.core") == Ran(0, ran.out, "")
        with kinfo.open_kernel("out.core") as found:
            memory = bytes(inside.kernel.memory)
            assert found.memory.read(inside.kernel.base, len(memory)) == memory
            assert b"NUMBER(VA_BITS)=39\n" in found.memory.vmcoreinfo
            assert [line.name for line in found.symbols()] == [symbol.name for symbol in inside.kernel.symbols]

    @pytest.mark.usefixtures("inside")
    def test_segments_have_the_kernels_addresses(self, kinfo_cli: Cli, inside: Dumped) -> None:
        elffile = pytest.importorskip("elftools.elf.elffile", reason="pyelftools is not installed")
        kinfo_cli("core", "ram.raw@0x80000000", "-o", "out.core", "--force")
        kernel = inside.kernel
        with open("out.core", "rb") as file:
            loads = [one.header for one in elffile.ELFFile(file).iter_segments("PT_LOAD")]
        text, end = kernel.find("_text"), kernel.find("_end")
        assert [(one.p_vaddr, one.p_paddr, one.p_filesz) for one in loads] == [
            (text.va, text.pa, end.va - text.va),
            (kernel.spec.linear, kernel.base, len(kernel.memory)),
        ]

    def test_drgn_opens_it(self, kinfo_cli: Cli, arm64: Dumped, tmp_path: Path) -> None:
        drgn = pytest.importorskip("drgn", reason="drgn is not installed: pip install drgn")
        kinfo_cli("core", arm64.elf, "-o", tmp_path / "out.core")
        program = drgn.Program()
        program.set_core_dump(str(tmp_path / "out.core"))
        banner = arm64.kernel.find("linux_banner")
        assert program.read(banner.va, 14) == b"Linux version "
        assert program.read(banner.pa, 14, True) == b"Linux version "

    @pytest.mark.usefixtures("inside")
    def test_files_are_kept(self, kinfo_cli: Cli) -> None:
        assert kinfo_cli("core", "ram.elf", "-o", "ram.raw") == error(
            "ram.raw: exists already; name another file, or overwrite it with --force"
        )
        message = "a core is written to a file: name it with -o; see `kinfo core --help`"
        assert kinfo_cli("core", "ram.elf", "-o", "-") == error(message)

    def test_kernels_without_page_tables(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        made = make(Spec(arch="arm"))
        made.write_elf(tmp_path / "ram.elf", holes=[(made.root_pa, made.root_pa + 0x4000)], cls=32)
        ran = kinfo_cli("core", tmp_path / "ram.elf", "-o", tmp_path / "out")
        reason = f"the page table at PA {made.root_pa:#x} is not in the dump"
        assert ran == error(f"debuggers need the kernel's page tables: {reason}; dump the kernel image whole")
        assert not (tmp_path / "out").exists()
