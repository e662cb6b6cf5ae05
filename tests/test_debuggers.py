"""What debuggers get: the symbol file, read back by programs of others, and the sessions with crash, gdb and drgn."""

from __future__ import annotations

import ast
import io
import os
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

import kinfo
from kinfo.debuggers.symbol_file import machine, symbol_file
from kinfo.elf import symbols as elf_file
from kinfo.elf.symbols import ElfSymbol, SymbolSection
from tests import build_files
from tests.conftest import ROOT, Cli, Ran
from tests.kernels import dumps
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.modules import ModuleSpec
from tests.kernels.tables import Symbol

BUILD_ID = bytes(range(20))


def core(kernel: Kernel, path: Path, lines: str = "") -> Path:
    """An ELF core; its VMCOREINFO has these lines, too."""
    size = 32 if kernel.spec.arch == "arm" and kernel.base < 1 << 32 else 64
    words = f"{kernel.spec.release}\n{lines}"
    dumps.write_elf(path, kernel._pieces(()), dumps.MACHINES[kernel.spec.arch], size, words, kernel.spec.page)
    return path


def reader(data: bytes) -> Any:
    """The file as pyelftools sees it: what it gives depends on the file, so types say nothing."""
    return ELFFile(io.BytesIO(data))


Row = tuple[str, int, int, str, str]  # name, value, size, section, binding


def rows_of(data: bytes) -> list[Row]:
    """The symbols of an ELF file, in the order of the table."""
    elf = reader(data)
    table = elf.get_section_by_name(".symtab")
    found = []
    for symbol in list(table.iter_symbols())[1:]:
        index = symbol["st_shndx"]
        section = elf.get_section(index).name if isinstance(index, int) else index
        found.append((symbol.name, symbol["st_value"], symbol["st_size"], section, symbol["st_info"]["bind"]))
    return found


def binding(kind: str) -> str:
    return "STB_WEAK" if kind in "wWvV" else "STB_GLOBAL" if kind.isupper() else "STB_LOCAL"


def section_at(kernel: Kernel, address: int, shift: int) -> str:
    """The section that an address of the image should be in."""
    head = "text" if kernel.spec.shape.encoding == "absolute" else "head"  # where A2 has neither _text nor a base
    starts = {".text": head, ".rodata": "rodata", ".init.text": "inittext", ".data": "einittext", "SHN_ABS": "end"}
    offset = address - kernel.spec.text - shift
    return next((name for name, place in reversed(starts.items()) if offset >= kernel.places[place]), "SHN_ABS")


SPECS = {
    "arm64": Spec(extra=[Symbol(b"odd\x1b\xff", "t", 0x10804), Symbol("weak_data", "V", 0x10808)]),
    "arm64-5.10": Spec("5.10.1"),
    "arm64-absolute": Spec("6.1.5", encoding="absolute"),
    "arm64-16k": Spec("7.0.0", page_format="arm64-16k-47"),
    "x86": Spec(arch="x86"),
    "arm": Spec(arch="arm"),
    "arm-lpae": Spec(arch="arm", page_format="arm-lpae", phys_base=0x8_0000_0000),
}


class TestSymbolFile:
    @pytest.mark.parametrize("physical", [False, True])
    @pytest.mark.parametrize("name", SPECS)
    def test_every_symbol(self, tmp_path: Path, name: str, physical: bool) -> None:
        kernel = make(SPECS[name])
        shift = 0 if physical else kernel.voffset
        with kinfo.open_kernel(str(core(kernel, tmp_path / "core"))) as opened:
            data = symbol_file(opened, physical=physical)
            wanted = [
                (one.name, one.address, one.size, section_at(kernel, one.address, shift), binding(one.type))
                for one in opened.symbols(physical=physical)
            ]
        found = rows_of(data)
        assert sorted(found) == sorted(wanted)
        truth = [symbol.pa if physical and symbol.pa is not None else symbol.va for symbol in kernel.symbols]
        assert sorted(value for _, value, *_ in found) == sorted(truth)
        assert [row[4] == "STB_LOCAL" for row in found] == sorted((row[4] == "STB_LOCAL" for row in found), reverse=True)
        first_global = reader(data).get_section_by_name(".symtab")["sh_info"]
        assert first_global == 1 + sum(row[4] == "STB_LOCAL" for row in found)

    def test_sizes_end_at_the_next_symbol_or_at_the_border(self, tmp_path: Path) -> None:
        kernel = make()
        with kinfo.open_kernel(str(core(kernel, tmp_path / "core"))) as opened:
            sizes = {name: (value, size) for name, value, size, *_ in rows_of(symbol_file(opened))}
        addresses = sorted({symbol.va for symbol in kernel.symbols})
        for name in ("_stext", "linux_banner", "init_uts_ns"):
            value, size = sizes[name]
            assert value + size == addresses[addresses.index(value) + 1]
        assert sizes["_end"][1] == 0

    def test_types(self, tmp_path: Path) -> None:
        with kinfo.open_kernel(str(core(make(SPECS["arm64"]), tmp_path / "core"))) as opened:
            table = reader(symbol_file(opened)).get_section_by_name(".symtab")
        types = {symbol.name: symbol["st_info"]["type"] for symbol in table.iter_symbols()}
        assert {types[name] for name in ("_stext", "vfs_read", "vfs_init")} == {"STT_FUNC"}
        assert {types[name] for name in ("linux_banner", "init_task", "vfs_count", "weak_data")} == {"STT_OBJECT"}

    @pytest.mark.parametrize("release", ["6.12.1-test", "6.1.5"])
    def test_modules(self, tmp_path: Path, release: str) -> None:
        kernel = make(Spec(release, modules=[ModuleSpec("alpha", init_text=0x400), ModuleSpec("beta")]))
        with kinfo.open_kernel(str(core(kernel, tmp_path / "core"))) as opened:
            data = symbol_file(opened, modules=True)
            plain = symbol_file(opened, physical=True, modules=True)
            listed = list(opened.symbols(modules=True))
        found = rows_of(data)
        assert sorted(row[:3] for row in found) == sorted((one.name, one.address, one.size) for one in listed)
        regions = {
            f".{module.name}.{region.kind.replace(' ', '_')}": (region.va, region.size, region.kind)
            for module in kernel.modules
            for region in module.regions
        }
        named = {section.name: section for section in reader(data).iter_sections()}
        of_modules = {name: section for name, section in named.items() if name.startswith((".alpha", ".beta"))}
        spans = sorted((section["sh_addr"], section["sh_size"]) for section in of_modules.values())
        assert spans == sorted(span[:2] for span in regions.values())
        for section in of_modules.values():
            is_code = section["sh_flags"] & 4
            assert bool(is_code) == any(section["sh_addr"] == va and kind in CODE for va, _, kind in regions.values())
        for one in kernel.module_symbols:
            _, _, _, where, _ = next(row for row in found if row[:2] == (one.name, one.va))
            assert where.startswith(f".{one.module}.")
        assert not any(section.name.startswith(".alpha") for section in reader(plain).iter_sections())
        assert {row[0] for row in rows_of(plain)} == {row[0] for row in found}

    @pytest.mark.parametrize("name", SPECS)
    def test_sections_and_segments(self, tmp_path: Path, name: str) -> None:
        kernel = make(SPECS[name])
        with kinfo.open_kernel(str(core(kernel, tmp_path / "core"))) as opened:
            data = symbol_file(opened, modules=True)
            assert machine(opened) == dumps.MACHINES[kernel.spec.arch]
        elf = reader(data)
        assert (elf.elfclass, elf.little_endian) == (8 * kernel.spec.word, True)
        assert (elf["e_type"], elf["e_entry"]) == ("ET_EXEC", 0)
        assert elf["e_machine"] == {"arm64": "EM_AARCH64", "x86": "EM_X86_64", "arm": "EM_ARM"}[kernel.spec.arch]
        assert elf["e_shoff"] + elf["e_shnum"] * elf["e_shentsize"] == len(data)
        loads = [segment for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
        sections = [section for section in elf.iter_sections() if section["sh_type"] == "SHT_NOBITS"]
        assert [section.name for section in sections[:4]] == [".text", ".rodata", ".init.text", ".data"]
        assert (sections[0]["sh_addr"], sections[3]["sh_addr"] + sections[3]["sh_size"]) == (
            kernel.text_va if name != "arm64-absolute" else kernel.find("_stext").va,  # A2 has no other word for _text
            kernel.find("_end").va,
        )
        assert [section["sh_flags"] for section in sections[:4]] == [6, 2, 6, 3]
        for segment, section in zip(loads, sections, strict=True):
            assert (segment["p_vaddr"], segment["p_memsz"]) == (section["sh_addr"], section["sh_size"])
            assert (segment["p_filesz"], segment["p_paddr"]) == (0, segment["p_vaddr"])
            assert segment["p_flags"] == {6: 5, 2: 4, 3: 6}[section["sh_flags"]]
            assert segment["p_offset"] % segment["p_align"] == segment["p_vaddr"] % segment["p_align"]
            assert section["sh_addr"] % section["sh_addralign"] == 0
        spans = sorted((section["sh_addr"], section["sh_addr"] + section["sh_size"]) for section in sections)
        assert all(low[1] <= high[0] for low, high in pairwise(spans))
        for section in elf.iter_sections():
            assert section["sh_type"] == "SHT_NOBITS" or section["sh_offset"] + section["sh_size"] <= len(data)

    def test_addresses_of_more_than_32_bits_take_a_64_bit_file(self, tmp_path: Path) -> None:
        with kinfo.open_kernel(str(core(make(SPECS["arm-lpae"]), tmp_path / "core"))) as opened:
            elf = reader(symbol_file(opened, physical=True))
        assert (elf.elfclass, elf["e_machine"]) == (64, "EM_ARM")

    @pytest.mark.parametrize("name", ["arm64", "arm"])
    def test_build_id(self, tmp_path: Path, name: str) -> None:
        words = f"BUILD-ID={BUILD_ID.hex()}"
        for text, wanted in ((words, [BUILD_ID.hex()]), (words + "zz", []), ("", [])):
            with kinfo.open_kernel(str(core(make(SPECS[name]), tmp_path / "core", text))) as opened:
                elf = reader(symbol_file(opened))
            section = elf.get_section_by_name(".note.gnu.build-id")
            assert [note["n_desc"] for note in section.iter_notes()] == wanted
            segment = next(one for one in elf.iter_segments() if one["p_type"] == "PT_NOTE")
            assert [note["n_desc"] for note in segment.iter_notes()] == wanted
            assert segment["p_filesz"] == (36 if wanted else 0)

    def test_machine_of_raw_memory(self, tmp_path: Path) -> None:
        for name, wanted in (("arm64", 183), ("x86", 62), ("arm", 40)):
            kernel = make(SPECS[name])
            kernel.write_raw(tmp_path / "ram")
            with kinfo.open_kernel(f"{tmp_path / 'ram'}@{kernel.base:#x}") as opened:
                assert machine(opened) == wanted
        kernel = make(Spec("7.0.0"))
        kernel.write_lime(tmp_path / "ram", holes=[(kernel.root_pa, kernel.root_pa + 0x1000)])
        with kinfo.open_kernel(str(tmp_path / "ram")) as opened:
            assert machine(opened) == 183
            assert len(rows_of(symbol_file(opened, physical=True, modules=True))) == len(kernel.symbols)
            with pytest.raises(kinfo.KinfoError, match="no virtual address can be had"):
                symbol_file(opened)

    @pytest.mark.parametrize("word", [8, 4])
    def test_a_file_of_nothing(self, word: int) -> None:
        elf = reader(elf_file.write(183, word, [], []))
        assert elf.get_section_by_name(".symtab").num_symbols() == 1
        assert elf.num_segments() == 1

    def test_sections_that_overlap_or_are_empty(self) -> None:
        sections = [
            SymbolSection(".b", 0x2000, 0x3000),
            SymbolSection(".a", 0x1000, 0x2800, is_code=True),
            SymbolSection(".none", 0x2000, 0x2000),
        ]
        symbols = [ElfSymbol(f"s{at:x}", "T", at, 1) for at in (0xFFF, 0x1000, 0x1FFF, 0x2000, 0x2FFF, 0x3000)]
        found = [row[3] for row in rows_of(elf_file.write(183, 8, sections, symbols))]
        assert found == ["SHN_ABS", ".a", ".a", ".b", ".b", "SHN_ABS"]

    def test_many_sections_take_no_time(self) -> None:
        sections = [SymbolSection(f".s{at}", at << 12, (at + 1) << 12) for at in range(1, 5000)]
        symbols = [ElfSymbol("s", "t", 5000 * 4096 - 1 - at, 0) for at in range(50_000)]
        assert len(elf_file.write(183, 8, sections, symbols)) > 50_000 * 24  # minutes if every section were looked at


CODE = ("text", "init_text", "core", "init")


def needs(*names: str) -> str:
    """The first of these programs that is here; the test is skipped where none is."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"{names[0]} is not installed")
    return found


def output(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"LC_ALL": "C"})
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def syms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Symbol files with modules, by the name of their spec."""
    folder = tmp_path_factory.mktemp("syms")
    for name, spec in SPECS.items():
        words = f"BUILD-ID={BUILD_ID.hex()}"
        with kinfo.open_kernel(str(core(make(spec), folder / "core", words))) as opened:
            (folder / name).write_bytes(symbol_file(opened, modules=True))
            lines = sorted(f"{one.address:0{2 * spec.word}x} {one.name}" for one in opened.symbols(modules=True))
            (folder / f"{name}.txt").write_text("\n".join(lines))
    return {name: folder / name for name in SPECS}


class TestOtherPrograms:
    @pytest.mark.parametrize("name", SPECS)
    def test_nm(self, syms: dict[str, Path], name: str) -> None:
        rows = [line.split(" ", 2) for line in output(needs("nm"), "-n", syms[name]).splitlines()]
        wanted = Path(f"{syms[name]}.txt").read_text().splitlines()
        assert sorted(f"{address} {symbol}" for address, _, symbol in rows) == wanted
        kinds = {symbol: kind for _, kind, symbol in rows}
        assert (kinds["_stext"], kinds["_sinittext"], kinds["vfs_init"]) == ("T", "T", "t")

    @pytest.mark.parametrize("name", SPECS)
    def test_readelf(self, syms: dict[str, Path], name: str) -> None:
        out = output(needs("readelf"), "-aW", syms[name])
        assert f"Build ID: {BUILD_ID.hex()}" in out
        assert "arning" not in out

    @pytest.mark.parametrize("name", ["arm64", "x86"])
    def test_gdb(self, syms: dict[str, Path], name: str) -> None:
        gdb = needs("gdb-multiarch", "gdb")
        kernel = make(SPECS[name])
        wanted = {
            kernel.find("tcp_v4_read").va + 4: "tcp_v4_read + 4 in section .text",
            kernel.find("linux_banner").va: "linux_banner in section .rodata",
            next(one.va for one in kernel.module_symbols if one.name == "beta_read"): "beta_read in section .beta.text",
        }
        questions = [word for address in wanted for word in ("-ex", f"info symbol {address:#x}")]
        done = subprocess.run([gdb, "-nx", "-batch", *questions, syms[name]], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == list(wanted.values())

    def test_gdb_reads_the_core_by_physical_addresses(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        gdb = needs("gdb-multiarch")
        kernel = make()
        path = core(kernel, tmp_path / "core")
        with kinfo.open_kernel(str(path)) as opened:
            (tmp_path / "syms").write_bytes(symbol_file(opened, physical=True))
        done = subprocess.run(
            [gdb, "-nx", "-batch", "-ex", "info address linux_banner", tmp_path / "syms"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"{kernel.find('linux_banner').pa:#x}" in done.stdout
        assert kinfo_cli("debug", path, "--tool", "gdb").code == 0

    @pytest.mark.parametrize("name", ["arm64", "x86"])
    def test_drgn(self, tmp_path: Path, kinfo_cli: Cli, name: str) -> None:
        pytest.importorskip("drgn", reason="drgn is not installed: pip install drgn")
        kernel = make(SPECS[name])
        path = core(kernel, tmp_path / "core")
        banner, module = kernel.find("linux_banner"), kernel.module_symbols[0]
        tail = (
            f"assert prog.symbol('linux_banner').address == {banner.va}\n"
            f"assert prog.symbol({banner.va + 1}).name == 'linux_banner'\n"
            f"assert prog.read({banner.va}, {len(kernel.banner)}) == {kernel.banner!r}\n"  # through drgn's own page walk
            f"assert prog.symbol({module.va}).name == {module.name!r}\n"
        )
        (tmp_path / "session.py").write_text(kinfo_cli("debug", path, "--tool", "drgn").out + tail)
        done = subprocess.run(
            [sys.executable, tmp_path / "session.py"], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[0].startswith(f"prog: {len(kernel.symbols) + len(kernel.module_symbols)} symbols; ")

    @pytest.mark.parametrize("name", ["arm64", "x86", "5.10", "7.0"])
    def test_drgns_own_loader_of_kallsyms(self, tmp_path: Path, kinfo_cli: Cli, name: str) -> None:
        """By the SYMBOL(kallsyms_*) lines that a core has from us, before 6.0 too."""
        drgn = pytest.importorskip("drgn", reason="drgn is not installed: pip install drgn")
        loader = pytest.importorskip("drgn.helpers.linux.kallsyms")
        others = {"5.10": Spec(release="5.10.9"), "7.0": Spec(release="7.0.2")}
        kernel = make(SPECS[name] if name in SPECS else others[name])
        kernel.write_lime(tmp_path / "ram")
        assert kinfo_cli("core", tmp_path / "ram", "-o", tmp_path / "core").code == 0
        prog = drgn.Program()
        prog.set_core_dump(tmp_path / "core")
        prog.register_symbol_finder("kallsyms", loader.load_vmlinux_kallsyms(prog), enable_index=0)
        for symbol in kernel.symbols[::50]:
            if symbol.pa is not None:
                assert symbol.va in [one.address for one in prog.symbols(symbol.name)]


def assigned(script: str, name: str) -> Any:
    """The literal that a script assigns to a name."""
    for node in ast.parse(script).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(name)


def shape(script: str) -> list[str]:
    """A script's statements, but for literals: what it does."""
    tree = ast.parse(script)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = 0
        if isinstance(node, ast.List):
            node.elts = []
    return [ast.dump(node) for node in tree.body]


class TestDrgnScript:
    def lines(self, kinfo_cli: Cli, path: Path) -> dict[str, str]:
        script = kinfo_cli("debug", path, "--tool", "drgn").out
        compile(script, "session.py", "exec")
        text: bytes = assigned(script, "VMCOREINFO")
        return dict(line.split("=", 1) for line in text.decode().splitlines())

    def test_arm64(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        kernel = make()
        tables = ("names", "num_syms", "token_table", "token_index", "offsets", "relative_base")
        assert self.lines(kinfo_cli, core(kernel, tmp_path / "core")) == {
            **{f"SYMBOL(kallsyms_{name})": f"{kernel.addresses[name] + kernel.voffset:x}" for name in tables},
            "OSRELEASE": "6.12.1-test",
            "PAGESIZE": "4096",
            "SYMBOL(_stext)": f"{kernel.find('_stext').va:x}",
            "SYMBOL(swapper_pg_dir)": f"{kernel.find('swapper_pg_dir').va:x}",
            "KERNELOFFSET": "12610000",
            "NUMBER(VA_BITS)": "39",
            "NUMBER(TCR_EL1_T1SZ)": "0x19",
            "NUMBER(kimage_voffset)": f"{kernel.voffset:#x}",
            "NUMBER(PHYS_OFFSET)": "0x80000000",
        }

    def test_64k_pages_used_with_48_bits(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        found = self.lines(kinfo_cli, core(make(Spec(page_format="arm64-64k-52", actual_bits=48)), tmp_path / "core"))
        assert (found["NUMBER(VA_BITS)"], found["NUMBER(TCR_EL1_T1SZ)"], found["PAGESIZE"]) == ("52", "0x10", "65536")

    @pytest.mark.parametrize(("form", "is_five"), [("x86-4", "0"), ("x86-5", "1")])
    def test_x86(self, kinfo_cli: Cli, tmp_path: Path, form: str, is_five: str) -> None:
        kernel = make(Spec(arch="x86", page_format=form))
        found = self.lines(kinfo_cli, core(kernel, tmp_path / "core"))
        base = kernel.spec.text - (kernel.text_va - 0xFFFFFFFF80000000)
        assert (found["NUMBER(phys_base)"], found["NUMBER(pgtable_l5_enabled)"]) == (f"{base}", is_five)
        assert found["KERNELOFFSET"] == "12600000"

    def test_what_the_kernel_says_itself_counts(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        kernel = make()
        bound = f"SYMBOL(_stext)={kernel.find('_stext').va:x}"
        words = f"{bound}\nKERNELOFFSET=1000\nNUMBER(PHYS_OFFSET)=0x80000000\nOWN=1=2"
        found = self.lines(kinfo_cli, core(kernel, tmp_path / "core", words))
        assert (found["OSRELEASE"], found["KERNELOFFSET"], found["OWN"]) == ("6.12.1-test", "1000", "1=2")
        assert found["NUMBER(PHYS_OFFSET)"] == "0x80000000"

    def test_an_unknown_slide_is_not_stated(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        assert "KERNELOFFSET" not in self.lines(kinfo_cli, core(make(Spec("5.15.1")), tmp_path / "core"))

    def test_hostile_words_stay_words(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        kernel = make()
        plain = kinfo_cli("debug", core(kernel, tmp_path / "core"), "--tool", "drgn").out
        quotes = [
            '"',
            "'",
            '"""',
            "'''",
            '"""+',
            "\\",
            "\\'",
            '\\"',
            "\\n')",
            "{0}",
            "{ram!r}",
            "%s",
            "#",
            ")",
            "\x1b[31m",
            "b'",
        ]
        lines = [f"K{at}{word}={word}import os; os.abort(){word}" for at, word in enumerate(quotes)]
        path = core(kernel, tmp_path / "a\"\"\"b'''c\\d\n{0}.elf", "\n".join([*lines, "import os", "os.abort()", ")"]))
        script = kinfo_cli("debug", path, "--kinfo", f"{path}", "--tool", "drgn").out
        compile(script, "session.py", "exec")
        assert shape(script) == shape(plain.replace(", None)", ", '')"))
        text: bytes = assigned(script, "VMCOREINFO")
        assert text.decode().splitlines()[-len(lines) :] == lines
        call = next(node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Call) and len(node.args) == 2)
        assert [ast.literal_eval(argument) for argument in call.args] == [[str(path)], str(path)]

    def test_bytes_that_are_no_text(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        path = core(make(), tmp_path / "core", "EVIL=????")
        path.write_bytes(path.read_bytes().replace(b"????", b"\xff\x00'\xe2"))
        assert self.lines(kinfo_cli, path)["EVIL"] == "\ufffd"


FAKE = """#!/bin/sh
for word; do
    echo "word: $word"
    case $word in
        */vmlinux.syms | */kinfo-drgn.py) test -s "$word" && echo "there: $word" ;;
    esac
done
exit 7
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, first in PATH, whose debuggers print their arguments and exit with 7."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("crash", "gdb-multiarch", "python"):
        (folder / name).write_text(FAKE)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


class TestRun:
    @pytest.mark.usefixtures("fake")
    def test_crash(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        kernel = make(Spec("5.17.3"))
        path = core(kernel, tmp_path / "core")
        words = [
            *("--kaslr=0x12610000", "-m", "vabits_actual=39", "-m", f"kimage_voffset={kernel.voffset:#x}"),
            *("-m", "phys_offset=0x80000000", str(tmp_path / "my vmlinux"), str(path)),
        ]
        vmlinux = tmp_path / "my vmlinux"
        vmlinux.write_bytes(build_files.vmlinux(kernel, None))
        ran = kinfo_cli("debug", path, "--tool", "crash", "--vmlinux", vmlinux, "--run")
        assert ran == Ran(7, "".join(f"word: {word}\n" for word in words), "")

    @pytest.mark.usefixtures("fake")
    def test_gdb(self, kinfo_cli: Cli, tmp_path: Path) -> None:
        path = core(make(), tmp_path / "core")
        ran = kinfo_cli("debug", path, "--tool", "gdb", "--run")
        words = [line.removeprefix("word: ") for line in ran.out.splitlines() if line.startswith("word: ")]
        assert (ran.code, ran.err) == (7, "")
        assert (words[:2], words[3]) == (["-ex", "set architecture aarch64"], str(path))
        assert f"there: {words[2]}\n" in ran.out
        assert not Path(words[2]).parent.exists()

    def test_drgn(self, kinfo_cli: Cli, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("drgn", reason="drgn is not installed: pip install drgn")
        path = core(make(), tmp_path / "core")
        monkeypatch.setattr(sys, "executable", str(fake / "python"))
        ran = kinfo_cli("debug", path, "--tool", "drgn", "--run")
        lines = ran.out.splitlines()
        script = lines[1].removeprefix("word: ")
        assert (ran.code, lines) == (7, ["word: -i", f"word: {script}", f"there: {script}"])
        assert not Path(script).parent.exists()

    def test_the_files_are_right(self, kinfo_cli: Cli, fake: Path, tmp_path: Path) -> None:
        path = core(make(), tmp_path / "core")
        kept = tmp_path / "kept.syms"
        (fake / "gdb-multiarch").write_text(f'#!/bin/sh\ncp "$3" {kept}\n')
        assert kinfo_cli("debug", path, "--tool", "gdb", "--run") == Ran(0, "", "")
        with kinfo.open_kernel(str(path)) as opened:
            assert kept.read_bytes() == symbol_file(opened, physical=True)

    @pytest.mark.parametrize(("tool", "name"), [("crash", "crash"), ("gdb", "gdb-multiarch")])
    def test_missing_tools(
        self, kinfo_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, name: str
    ) -> None:
        path = core(make(), tmp_path / "core")
        monkeypatch.setenv("PATH", str(tmp_path))
        message = f"kinfo: {name} is not installed; install {name}, or leave --run out\n"
        assert kinfo_cli("debug", path, "--tool", tool, "--run") == Ran(2, "", message)

    def test_drgn_missing(self, kinfo_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = core(make(), tmp_path / "core")
        monkeypatch.setattr("kinfo.cli.debug.find_spec", lambda _: None)
        message = "kinfo: drgn is not installed; install drgn (pip install drgn), or leave --run out\n"
        assert kinfo_cli("debug", path, "--tool", "drgn", "--run") == Ran(2, "", message)

    def test_interrupts_are_the_debuggers(self, fake: Path, tmp_path: Path) -> None:
        path = core(make(), tmp_path / "core")
        (fake / "crash").write_text(
            f"#!{sys.executable}\nimport os, signal, sys\n"
            "signal.signal(signal.SIGINT, lambda *_: os.write(1, b'interrupted\\n'))\n"  # print is not reentrant
            "print('ready', flush=True)\nsys.stdin.readline()\nsys.exit(7)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-m", "kinfo", "debug", path, "--tool", "crash", "--run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=ROOT,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            for _ in range(2):
                os.killpg(process.pid, signal.SIGINT)
                assert process.stdout.readline() == "interrupted\n"
            assert process.communicate("quit\n") == ("", "")
            assert process.returncode == 7
