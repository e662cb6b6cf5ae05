"""Hand the trees of tests/early_cases to real kernels, and write down what these make of the kinfo memory.

`python -m tools.guests.devicetrees [--kernel NAME] [--image FILE] [CASE...]` boots each tree until the kernel has said where
its memory is, about a second of its time, and keeps the outcomes in devicetrees-NAME.json beside the other guests. The blob
is handed over as it is: QEMU's own is not used, and no boot loader changes it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import early_boards
from tools.guests.machines import GUESTS, GuestError, cache_folder
from tools.guests.packages import debs_of, unpack

QEMU = "qemu-system-aarch64"
_LIMIT = 120  # seconds for a boot
_STUB = 0x47000000  # mov x0, blob; mov x1 to x3, 0; br image
_LINE = re.compile(r"OF: reserved mem: (0x[0-9a-f]+)\.\.(0x[0-9a-f]+) \(\d+ KiB\) (no)?map (?:non-)?reusable (\S+)")
_MEMORY = re.compile(r" memory\[0x[0-9a-f]+\]\s*\[(0x[0-9a-f]+)-(0x[0-9a-f]+)\], .* flags: (0x[0-9a-f]+)")  # memblock_dump()
_NO_MAP = 4  # MEMBLOCK_NOMAP
_RESERVE = re.compile(r"memblock_reserve: \[(0x[0-9a-f]+)-(0x[0-9a-f]+)\] early_init_")
_PLACED = re.compile(
    r"memblock_phys_alloc_range: (\d+) bytes .* early_init_dt_alloc_reserved_memory_arch.*\n"
    r".*memblock_reserve: \[(0x[0-9a-f]+)-(0x[0-9a-f]+)\] memblock_alloc_range_nid"
)
_OVERLAP = re.compile(r"(\S+) \(0x[0-9a-f]+--0x[0-9a-f]+\) overlaps with (\S+) \(")
_DONE = ("psci: probing", "Kernel panic", "Unable to handle kernel")  # the first comes behind memblock's dump of itself
_SMALLEST = 216  # bytes of the smallest record, by the drivers' sources


def _stub(blob: int, image: int) -> bytes:
    """Moves (movz) with the upper half of an address: both are multiples of 64 KiB, or the image's offset is below them."""
    words = [0xD2A00000 | (blob >> 16) << 5, 0xD2800001, 0xD2800002, 0xD2800003]
    words += [0xD2A00004 | (image >> 16) << 5, 0xD61F0080]
    return b"".join(word.to_bytes(4, "little") for word in words)


@contextmanager
def _machine(kernel: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    serial = folder / "serial"
    serial.write_bytes(b"")
    command = ["setpriv", "--pdeathsig", "KILL", QEMU, "-machine", "virt", "-cpu", "cortex-a57", "-m", "512", "-smp", "1"]
    command += ["-accel", "tcg", "-nodefaults", "-nic", "none", "-display", "none", "-no-reboot", "-serial", f"file:{serial}"]
    places = ((kernel, early_boards.IMAGE), (folder / "blob", early_boards.BLOB), (folder / "initrd", early_boards.INITRD))
    for path, address in places:
        command += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    command += ["-device", f"loader,file={folder / 'stub'},addr={_STUB:#x},force-raw=on,cpu-num=0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process, serial
    finally:
        process.kill()
        process.communicate()


def boot(kernel: Path, blob: bytes) -> str:
    """What the kernel says until its memory is set up. Raises GuestError where it says nothing of it in time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "blob").write_bytes(blob)
        (folder / "initrd").write_bytes(bytes(early_boards.INITRD_SIZE))
        (folder / "stub").write_bytes(_stub(early_boards.BLOB, early_boards.IMAGE))
        with _machine(kernel, folder) as (process, serial):
            end = time.monotonic() + _LIMIT
            while time.monotonic() < end:
                said = serial.read_text(errors="replace")
                if any(word in said for word in _DONE):
                    return said
                if process.poll() is not None:
                    raise GuestError(f"{QEMU} ended: {process.stderr.read().decode() if process.stderr else ''}")
                time.sleep(0.1)
            return serial.read_text(errors="replace")


def outcome(said: str, case: early_boards.Case) -> dict[str, Any]:
    """What became of the region, by the kernel's own lines and the machine's fixed places."""
    said, name = said.replace("\r", ""), case.region
    messages = [
        line.partition("] ")[2].strip() for line in said.splitlines() if "reserved mem" in line.lower() or "OVERLAP" in line
    ]
    found: dict[str, Any] = {"outcome": "lost", "why": "not registered", "messages": messages[:12]}
    if not _MEMORY.search(said):
        return found | {"outcome": "dead", "why": "the kernel does not come up"}
    match = next((one for one in _LINE.finditer(said) if one[4] == name), None)
    extent = (int(match[1], 16), int(match[2], 16), bool(match[3])) if match else None
    if extent is None and "Linux version 6.1." in said:
        extent = _unlisted(said, case)
    if extent is None:
        return found
    start, end, no_map = extent
    why = _why(said, name, start, end)
    known = {"outcome": "lost" if why else "held", "why": why, "start": hex(start), "end": hex(end), "nomap": no_map}
    return found | known


def _unlisted(said: str, case: early_boards.Case) -> tuple[int, int, bool] | None:
    """Where the region is on 6.1, which says nothing of what it lists: by memblock=debug, and by RAM told in pieces.

    Its list has 64 entries: with 64 regions before this one, and the complaint in the log, this one is not in it.
    """
    if ("not enough space" in said and case.place >= 64) or "unsupported node format" in said:
        return None
    start, size = case.asked
    if start is None:
        placed = [(int(match[2], 16), int(match[3], 16)) for match in _PLACED.finditer(said) if int(match[1]) == size]
        if not placed:
            return None
        # several of one size are served as lib/sort.c leaves equal entries: the first last, the others in their order
        low, high = placed[-2] if placed[1:] else placed[0]
        return low, high, _covered(_memory(said, no_map=True), low, high)
    end = start + size - 1
    if f"failed to reserve memory for node '{case.region}'" in said:
        return start, end, True
    if _covered(_memory(said, no_map=True), start, end):
        return start, end, True
    reserved = {(int(match[1], 16), int(match[2], 16)) for match in _RESERVE.finditer(said)}
    return (start, end, False) if (start, end) in reserved else None


def _memory(said: str, *, no_map: bool = False) -> list[tuple[int, int]]:
    """memblock.memory as it was dumped; with `no_map` what of it is not mapped."""
    rows = [(int(match[1], 16), int(match[2], 16), int(match[3], 16)) for match in _MEMORY.finditer(said)]
    return [(low, high) for low, high, flags in rows if not no_map or flags & _NO_MAP]


def _why(said: str, name: str, start: int, end: int) -> str:
    if re.search(rf"failed to reserve memory for node '{re.escape(name)}': base {start:#018x}", said):
        return "reservation failed"
    if f"node {name} compatible matching fail" in said:
        return "given back"
    if any(name in match.groups() for match in _OVERLAP.finditer(said)):
        return "overlaps another region"
    if not _covered(_memory(said), start, end):
        return "no RAM there"
    for what, base, size in (*_taken(), *(("the core header", *one) for one in _header(said))):
        if start < base + size and base <= end:
            return f"{what} is there"
    return "smaller than any record" if end - start + 1 < _SMALLEST else ""


def _header(said: str) -> list[tuple[int, int]]:
    """The core header of a crashed kernel, where the log says that memory is reserved for it: KiB, and where."""
    found = re.search(r"Reserving (\d+) KiB of memory at (0x[0-9a-f]+) for elfcorehdr", said)
    return [(int(found[2], 16), int(found[1]) << 10)] if found else []


def _taken() -> Iterator[tuple[str, int, int]]:
    yield "the initrd", early_boards.INITRD, early_boards.INITRD_SIZE
    yield "the blob", early_boards.BLOB, 0x1000
    yield "the image", early_boards.IMAGE, 0x2000000


def _covered(ranges: list[tuple[int, int]], start: int, end: int) -> bool:
    at = start
    for first, last in sorted(ranges):
        if first <= at <= last:
            at = last + 1
    return start <= end < at


def image_of(kernel: str, given: Path | None, folder: Path) -> Path:
    """The kernel's Image: the one given, or out of the package of the guest of this name."""
    if given:
        return given
    guest = next((one for one in GUESTS if one.name == kernel), None)
    if guest is None:
        raise GuestError(f"no guest is called {kernel}; give its Image with --image")
    return unpack(debs_of(guest, cache_folder() / "apt")[0], r".*/vmlinuz(-.*)?", folder)[0]


def run(kernel: str, image: Path, names: list[str], cache: Path) -> int:
    """Boot the trees and keep what came of them, but for those that are kept already. How many are not as expected."""
    path = cache / f"devicetrees-{kernel}.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    differ = 0
    for case in early_boards.cases():
        if names and case.name not in names:
            continue
        digest = hashlib.sha256(case.blob).hexdigest()
        if known.get(case.name, {}).get("blob") != digest:
            known[case.name] = {"blob": digest, **outcome(boot(image, case.blob), case)}
            path.write_text(json.dumps(known, indent=1) + "\n")
        differ += _report(case, kernel, known[case.name])
    print(f"{kernel}: {len(known)} trees, {differ} other than expected")
    return differ


def _report(case: early_boards.Case, kernel: str, said: Mapping[str, Any]) -> int:
    for expected in case.expected:
        if kernel in expected.kernels:
            start = hex(int(said["start"], 16)) if said["outcome"] == "held" else None
            if said["outcome"] != expected.outcome or (expected.start is not None and start != hex(expected.start)):
                print(f"{kernel} {case.name}: expected {expected.outcome}, got {said['outcome']} {start or ''} {said['why']}")
                return 1
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.guests.devicetrees", description=__doc__)
    parser.add_argument("cases", metavar="CASE", nargs="*")
    parser.add_argument("--kernel", action="append", help="6.1, 6.12 (default: both), or another with --image")
    parser.add_argument("--image", type=Path)
    options = parser.parse_args()
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            images = {name: image_of(name, options.image, Path(folder)) for name in options.kernel or ("6.1", "6.12")}
            return min(sum(run(name, image, options.cases, cache) for name, image in images.items()), 1)
    except (GuestError, OSError) as error:
        print(f"devicetrees: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
