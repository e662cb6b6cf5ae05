"""Names out of a RAM dump: a booted kernel with 150,000 symbols, against drgn, kallsyms-finder, grep and `python -c pass`.

The kernel is a guest of `python -m tools.guests 6.12`; kallsyms-finder is installed from PyPI into a venv of its own. drgn
loads kallsyms by itself, out of the core that `kinfo core` makes of the same memory.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import kinfo
from benchmarks.measure import KINFO, MIB, alternating, calls, peak_mib, row
from kinfo.record.layouts import MAGICS
from tools.guests.machines import cache_folder

_GUEST = "6.12"
_PEER = "vmlinux-to-elf==1.4.0"
_PLAIN_LINES, _ADDRESSES = 2_000_000, 300_000
_WORDS = r"\b(0[xX][0-9a-fA-F]{6,16}|[0-9a-fA-F]{16})\b"
_DRGN = """
import sys
import drgn
from drgn.helpers.linux.kallsyms import load_vmlinux_kallsyms
program = drgn.Program()
program.set_core_dump(sys.argv[1])
program.register_symbol_finder("kallsyms", load_vmlinux_kallsyms(program), enable_index=0)
sys.stdout.writelines(f"{one.address:016x} {one.name}\\n" for one in program.symbols())
"""
_READ = "import sys\nfile, data = open(sys.argv[1], 'rb', buffering=0), bytearray(1 << 20)\nwhile file.readinto(data): pass"
_PLAIN_PYTHON = "the table decoded by join(map(...)) per name"


def everything() -> None:
    """All of this module's rows; one line instead where the guest is not there."""
    guest = cache_folder() / _GUEST
    if not (guest / "meta.json").is_file():
        print(f"no guest here, so names out of RAM are not measured: python -m tools.guests {_GUEST}")
        return
    ram, record = str(guest / "ram.elf"), str(guest / "kinfo.bin")
    with kinfo.open_kernel(ram, record) as kernel, tempfile.TemporaryDirectory() as folder:
        _table(kernel, ram, record, Path(folder))
        _in_process(kernel)
        _lookup(kernel, ram, record, Path(folder))
        _symbolize(kernel, ram, record, Path(folder))
        _unrecorded(kernel, ram, record, Path(folder))


def _table(kernel: kinfo.Kernel, ram: str, record: str, folder: Path) -> None:
    """The whole table as System.map, whole process, beside the peer on the same image."""
    borders = kernel.kallsyms.borders
    image, core = folder / "Image", folder / "core"
    image.write_bytes(kernel.memory.read(borders.text, borders.end - borders.text))
    subprocess.run([KINFO, "core", ram, "--kinfo", record, "-o", core], check=True, capture_output=True)
    ours, finder, drgn = (
        (KINFO, "symbols", ram, "--kinfo", record),
        (_peer(), str(image)),
        (sys.executable, "-c", _DRGN, str(core)),
    )
    found = alternating({"finder": finder, "ours": ours}, 3)
    print(f"{f'kallsyms-finder, {len(kernel.kallsyms)} symbols':<46}{found['finder'] * 1e3:>9.1f} ms")
    row("kinfo symbols, the same", found["ours"], "kallsyms-finder", found["finder"], "at most 0.05")
    if _listed(drgn) == _listed(ours, skip=1):
        found = alternating({"drgn": drgn, "ours": ours}, 7)
        row("kinfo symbols, the same", found["ours"], "drgn", found["drgn"], "at most 0.6")
    else:
        print("drgn is not installed, or does not list the same symbols: not compared with it")
    print(
        f"{'  its peak memory':<46}{peak_mib(*ours):>9.1f} MiB; kallsyms-finder's {peak_mib(*finder):.1f}, target: half of it"
    )


def _listed(command_line: tuple[str, ...], skip: int = 0) -> list[tuple[str, str]]:
    """Addresses and names that a command lists; `skip`: without the types between them."""
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    words = map(str.split, done.stdout.splitlines())
    return sorted((line[0], line[1 + skip]) for line in words)


def _peer() -> str:
    venv = cache_folder() / "vmlinux-to-elf"
    program = venv / "bin" / "kallsyms-finder"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "--quiet", _PEER], check=True)
    return str(program)


def _in_process(kernel: kinfo.Kernel) -> None:
    names = kernel.kallsyms.encoding.names
    found = calls({"plain": lambda: list(_plain(kernel)), "ours": lambda: list(names.blocks())}, 5)
    print(f"{_PLAIN_PYTHON:<46}{found['plain'] * 1e3:>9.1f} ms")
    row("kinfo, the same", found["ours"], "plain Python", found["plain"], "at most 1.5")
    listed = [one.address for one in kernel.symbols()]
    wanted = [one.address for one in kernel.symbols() if one.type in "tT"][::7]
    at_first = calls({"": lambda: [kernel.at(va) for va in wanted]}, 1)[""] / len(wanted)
    runs = {"at": lambda: [kernel.at(va) for va in wanted], "halving": lambda: [bisect_right(listed, va) for va in wanted]}
    warm = calls(runs, 9)
    each = warm["at"] / len(wanted)
    print(f"{'kernel.at, all over the text':<46}{each * 1e6:>9.2f} us, at first {at_first * 1e6:.1f} us   target: under 3 us")
    row(f"kernel.at, {len(wanted)} addresses, warm", warm["at"], "halving a list", warm["halving"], "-")


def _plain(kernel: kinfo.Kernel) -> Iterator[str]:
    """The straightforward decoder: no checks, one-byte lengths, one join for each name."""
    tables, memory = kernel.kallsyms.tables, kernel.memory
    index = memoryview(memory.read(tables.token_index, 512)).cast("H")
    table = memory.read(tables.token_table, 1 << 16)
    tokens = [table[at : table.index(b"\0", at)].decode("latin-1") for at in index]
    names, at = memory.read(tables.names, 8 * MIB), 0
    for _ in range(tables.num_syms):
        end = at + 1 + names[at]
        yield "".join(map(tokens.__getitem__, names[at + 1 : end]))
        at = end


def _lookup(kernel: kinfo.Kernel, ram: str, record: str, folder: Path) -> None:
    """One address to its name on a dump of 4 GiB: the guest's memory, raw, with a hole behind it."""
    segment, dump = kernel.memory.segments[0], folder / "ram.bin"
    with dump.open("wb") as file:
        for offset, window in segment.dump.windows(segment.offset, segment.offset + segment.end - segment.start):
            file.seek(offset - segment.offset)
            file.write(window)
        file.truncate(4096 * MIB)
    (folder / "kinfo.bin").write_bytes(kernel.record.raw)
    address = hex(kernel.named("vfs_read")[0].va or 0)
    spec = f"{dump}@{segment.start:#x}"
    ours = (KINFO, "lookup", spec, "--kinfo", str(folder / "kinfo.bin"), address)
    found = alternating({"bare": (sys.executable, "-c", "pass"), "ours": ours}, 21)
    row("kinfo lookup ADDRESS, 4 GiB dump", found["ours"], "python -c pass", found["bare"], "at most 6")
    whole = peak_mib(*ours)
    part = peak_mib(KINFO, "lookup", ram, "--kinfo", record, address)
    print(f"{'  its peak memory':<46}{whole:>9.1f} MiB, {part:.1f} MiB of 256 MiB{'':<13} target: flat")


def _symbolize(kernel: kinfo.Kernel, ram: str, record: str, folder: Path) -> None:
    """A log without an address, and one with an address all over the text in every line, beside grep for such words."""
    places = [one.address for one in kernel.symbols() if one.type in "tT"]
    plain, addresses = folder / "plain", folder / "addresses"
    with plain.open("w") as file:
        for line in range(_PLAIN_LINES):
            file.write(f"[{line / 1000:12.6f}] mmc0: new high speed SDHC card at address 1234, 29 GiB\n")
    with addresses.open("w") as file:
        for line in range(_ADDRESSES):
            file.write(f"[{line / 1000:12.6f}] x{line % 31} : {places[line * 7919 % len(places)] + 4:016x}\n")
    for log, count, what, target in (
        (plain, _PLAIN_LINES, "lines without an address", 1_000_000),
        (addresses, _ADDRESSES, "lines with one each", 300_000),
    ):
        commands: dict[str, tuple[str, ...]] = {"ours": (KINFO, "symbolize", ram, "--kinfo", record, "--log", str(log))}
        if shutil.which("grep"):
            commands["grep"] = ("sh", "-c", 'grep -cP "$0" "$1" | cat', _WORDS, str(log))  # into /dev/null it ends at once
        found = alternating(commands, 3)
        name = f"kinfo symbolize, {count:,} {what}"
        print(f"{name:<46}{count / found['ours']:>12,.0f} a second of processor time   target: at least {target:,}")
        if "grep" in found:
            row(name, found["ours"], "grep -cP", found["grep"], "-")


def _unrecorded(kernel: kinfo.Kernel, ram: str, record: str, folder: Path) -> None:
    """The same memory with neither record nor VMCOREINFO, which is searched for the tables, against read() of all of it.

    read() is Python's, into one buffer of 1 MiB. The search is what a lookup takes longer there than with the record.
    """
    wiped = folder / "wiped.elf"
    data = Path(ram).read_bytes()
    for word in (*(magic.to_bytes(4, "little") for magic in MAGICS), b"OSRELEASE="):
        data = data.replace(word, bytes(len(word)))
    wiped.write_bytes(data)
    address = hex(kernel.named("vfs_read")[0].va or 0)
    found = alternating(
        {
            "read": (sys.executable, "-c", _READ, str(wiped)),
            "bare": (sys.executable, "-c", "pass"),
            "recorded": (KINFO, "lookup", ram, "--kinfo", record, address),
            "unrecorded": (KINFO, "lookup", str(wiped), address),
        },
        11,
    )
    read, mib = found["read"] - found["bare"], len(data) // MIB
    row(
        f"kinfo lookup, no record, {mib} MiB: the search",
        found["unrecorded"] - found["recorded"],
        "read()",
        read,
        "at most 2",
    )
    row("  its whole process", found["unrecorded"], "read()", read, "-")
    print(f"{'  its peak memory':<46}{peak_mib(KINFO, 'lookup', str(wiped), address):>9.1f} MiB")


if __name__ == "__main__":
    everything()
