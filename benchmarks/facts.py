"""Facts out of a vmlinux: 50 MB with DWARF and 150,000 symbols, against plain pyelftools loops.

The file is linked by gcc: an assembler file with the symbols, one C file with struct module and the kernel's own variables,
and another with types, linked many times over to make up the size.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import KINFO, MIB, best, command, peak_mib, row

_SYMBOLS = 150_000
_SIZE = 50 * MIB
_TYPES = 4000
_KERNEL = """
struct list_head { struct list_head *next, *prev; };
struct module_memory { void *base; unsigned size; };
struct module { int state; struct list_head list; char name[56]; struct module_memory mem[7]; void *kallsyms; } this_module;
const char linux_banner[] = "Linux version 6.12.1-bench (build@host) (gcc) #1 SMP";
unsigned kallsyms_num_syms = 150000;
unsigned long kallsyms_relative_base = 0xffffffff81000000;
char kallsyms_names[8], kallsyms_markers[8], kallsyms_token_table[8], kallsyms_token_index[8], kallsyms_offsets[8];
char kallsyms_seqs_of_names[8], init_top_pgt[4096], init_uts_ns[432];
void _stext(void) {}
"""
_BORDERS = (
    "_text=0xffffffff81000000",
    "_etext=0xffffffff81200000",
    "_sinittext=0xffffffff81300000",
    "_einittext=0xffffffff81310000",
)
_PLAIN = """
import sys
from elftools.elf.elffile import ELFFile
with open(sys.argv[1], "rb") as file:
    elf = ELFFile(file)
    symbols = {one.name: one["st_value"] for one in elf.get_section_by_name(".symtab").iter_symbols()}
    def find():
        for unit in elf.get_dwarf_info().iter_CUs():
            for entry in unit.iter_DIEs():
                name = entry.attributes.get("DW_AT_name")
                if entry.tag == "DW_TAG_structure_type" and name and name.value == b"module":
                    return {
                        child.attributes["DW_AT_name"].value: child.attributes["DW_AT_data_member_location"].value
                        for child in entry.iter_children()
                    }
    print(len(symbols), symbols["kallsyms_names"], find()[b"kallsyms"])
"""


def everything() -> None:
    if shutil.which("gcc") is None:
        print("gcc is not installed: facts are not measured")
        return
    with tempfile.TemporaryDirectory() as folder:
        vmlinux = str(_linked(Path(folder)))
        size = Path(vmlinux).stat().st_size
        print(f"{'vmlinux with DWARF':<46}{size / MIB:>9.1f} MiB, {_SYMBOLS} symbols")
        plain = best(command(sys.executable, "-c", _PLAIN, vmlinux), 3)
        row(
            "kinfo facts vmlinux",
            best(command(KINFO, "facts", vmlinux), 7),
            "pyelftools",
            plain,
            "at most 0.2, under 1500 ms",
        )
        print(f"{'peak memory of kinfo facts':<46}{peak_mib(KINFO, 'facts', vmlinux):>9.1f} MiB   {'':<25} target: under 300")


def _linked(folder: Path) -> Path:
    (folder / "kernel.c").write_text(_KERNEL)
    types = (
        f"struct type_{at} {{ long one; int two[{at % 7 + 1}]; struct type_{at} *next; }} *use_{at};" for at in range(_TYPES)
    )
    (folder / "types.c").write_text("\n".join(f"static {one}" for one in types) + "\n" + _uses())
    (folder / "symbols.s").write_text(
        "".join(f".globl symbol_of_number_{at}\nsymbol_of_number_{at}: nop\n" for at in range(_SYMBOLS))
    )
    for name in ("kernel.c", "types.c", "symbols.s"):
        debug = ["-g", "-mcmodel=kernel", "-fno-pic"] if name.endswith(".c") else []
        subprocess.run(["gcc", *debug, "-c", name], cwd=folder, check=True)
    copies = 1 + 2 * _SIZE // (folder / "types.o").stat().st_size  # half of an object file is relocations
    borders = [f"-Wl,--defsym,{border}" for border in _BORDERS]
    start = [
        "-static",
        "-nostdlib",
        "-Wl,-Ttext-segment=0xffffffff81000000",
        "-Wl,-e,_stext",
        "-Wl,--build-id=none",
        "-Wl,-z,noexecstack",
    ]
    parts = ["kernel.o", "symbols.o", *["types.o"] * copies]
    subprocess.run(["gcc", *start, *borders, *parts, "-o", "vmlinux"], cwd=folder, check=True)
    return folder / "vmlinux"


def _uses() -> str:
    """Without a use the compiler leaves a static variable, and its type, out."""
    return (
        "static void **const all[] __attribute__((used)) = {"
        + ",".join(f"(void **)&use_{at}" for at in range(_TYPES))
        + "};\n"
    )


if __name__ == "__main__":
    everything()
