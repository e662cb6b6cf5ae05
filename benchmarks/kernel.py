"""Names out of a RAM dump: a booted kernel with 150,000 symbols, against kallsyms-finder and `python -c pass`.

The kernel is a guest of `python -m tools.guests 6.12`; the peer is installed from PyPI into a venv of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import kinfo
from benchmarks.measure import KINFO, MIB, alternating, best, command, peak_mib, row
from kinfo.record.layouts import MAGICS
from tools.guests.machines import cache_folder

_GUEST = "6.12"
_PEER = "vmlinux-to-elf==1.4.0"
_LINES = 400_000
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
    image = folder / "Image"
    image.write_bytes(kernel.memory.read(borders.text, borders.end - borders.text))
    peer = (_peer(), str(image))
    ours = (KINFO, "symbols", ram, "--kinfo", record)
    theirs = best(command(*peer), 3)
    name = f"kallsyms-finder, {len(kernel.kallsyms)} symbols"
    print(f"{name:<46}{theirs * 1e3:>9.1f} ms   {peak_mib(*peer):.0f} MiB at its peak")
    seconds = best(command(*ours), 7)
    row("kinfo symbols, the same", seconds, "kallsyms-finder", theirs, "at most 0.05")
    print(f"{'  its peak memory':<46}{peak_mib(*ours):>9.1f} MiB{'':<31} target: half of the peer's")


def _peer() -> str:
    venv = cache_folder() / "vmlinux-to-elf"
    program = venv / "bin" / "kallsyms-finder"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "--quiet", _PEER], check=True)
    return str(program)


def _in_process(kernel: kinfo.Kernel) -> None:
    names = kernel.kallsyms.encoding.names
    plain = best(lambda: list(_plain(kernel)), 5)
    print(f"{_PLAIN_PYTHON:<46}{plain * 1e3:>9.1f} ms")
    row("kinfo, the same", best(lambda: list(names.blocks()), 5), "plain Python", plain, "at most 1.5")
    wanted = [one.address for one in kernel.symbols() if one.type in "tT"][::7]
    at_first = best(lambda: [kernel.at(va) for va in wanted], 1) / len(wanted)
    warm = best(lambda: [kernel.at(va) for va in wanted], 5) / len(wanted)
    print(f"{'kernel.at, all over the text':<46}{warm * 1e6:>9.2f} us, at first {at_first * 1e6:.1f} us   target: under 3 us")


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
    """A log with an address in every tenth line."""
    places = [one.address for one in kernel.symbols() if one.type in "tT"]
    log = folder / "log"
    with log.open("w") as file:
        for line in range(_LINES):
            address = f"{places[line * 7919 % len(places)] + 4:016x}"
            said = f"x{line % 31} : {address}" if line % 10 == 0 else "mmc0: new high speed SDHC card at address 1234, 29 GiB"
            file.write(f"[{line / 1000:12.6f}] {said}\n")
    started = time.perf_counter()
    with log.open("rb") as source:
        subprocess.run([KINFO, "symbolize", ram, "--kinfo", record], stdin=source, stdout=subprocess.DEVNULL, check=True)
    rate = _LINES / (time.perf_counter() - started)
    print(f"{f'kinfo symbolize, {_LINES} lines':<46}{rate:>9.0f} lines/s{'':<25} target: at least 100000")


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
