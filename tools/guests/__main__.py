"""Make guests: `python -m tools.guests [NAME...]`; every one of them without a name."""

from __future__ import annotations

import argparse
import fcntl
import json
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from kinfo.errors import KinfoError
from tools.guests import initramfs
from tools.guests.boot import boot
from tools.guests.core import Core
from tools.guests.machines import FORM, GUESTS, Guest, GuestError, cache_folder, is_made, run
from tools.guests.packages import debs_of, unpack, version_of
from tools.guests.record import Facts
from tools.guests.told import Told

_MODULES = "|".join(initramfs.MODULES)
_KERNEL = rf".*/(vmlinuz|config)(-.*)?|.*/({_MODULES})\.ko(\.xz)?"


def make(guest: Guest, cache: Path) -> None:
    """One guest's folder, which appears when everything is in it."""
    began = time.monotonic()
    with _work_folder(cache / f".{guest.name}.in") as parts, _work_folder(cache / f".{guest.name}.part") as folder:
        *debs, busybox = debs_of(guest, cache / "apt")
        meta: dict[str, Any] = {"form": FORM, "name": guest.name, "package": debs[0].name.partition("_")[0]}
        meta |= {"version": version_of(debs[0]), "arch": guest.arch, "cpu": guest.cpu}
        unpack(busybox, r"\./(usr/)?bin/busybox", parts)
        files = {re.split(r"-|\.ko", path.name)[0]: path for deb in debs for path in unpack(deb, _KERNEL, parts)}
        initramfs.write(parts / "initramfs", parts / "busybox", [files[name] for name in initramfs.MODULES])
        raw = boot(guest, files["vmlinuz"], parts / "initramfs", folder)
        shutil.copy(files["config"], folder / "config.txt")
        meta |= describe(guest, raw, files["vmlinuz"], folder, cache)
        meta["seconds"] = round(time.monotonic() - began, 1)
        (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
        _put_in_place(folder, cache / guest.name)
    print(f"{guest.name}: {meta['release']}, {meta['symbols']} symbols, {meta['seconds']} s", flush=True)


def describe(guest: Guest, raw: Mapping[str, bytes], kernel: Path, folder: Path, cache: Path) -> dict[str, Any]:
    """Write what the guest told, and its record, beside its memory; what is to be known of it besides."""
    told = Told(raw)
    if guest.arch == "arm64" and not int(told.info["KERNELOFFSET"], 16):
        raise GuestError("the kernel lies where it was linked: QEMU gave it no seed for KASLR")
    for name in raw.keys() - {"kcore"}:
        (folder / f"{name}.txt").write_bytes(raw[name])
    (folder / "vmcoreinfo.txt").write_text(told.vmcoreinfo)
    with Core(folder / "ram.elf") as core:
        meta = {**told.meta(), "segments": [{"start": hex(start), "size": hex(size)} for start, size, _ in core.segments]}
        if not guest.has_record:
            return meta
        facts = Facts(told, core, kernel, folder / "config.txt", cache)
    (folder / "kinfo.bin").write_bytes(facts.record())
    run([sys.executable, "-m", "kinfo", "decode", folder / "kinfo.bin"])  # fails unless the record is judged sound
    return meta | facts.meta()


@contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """An empty folder that is gone afterwards, unless it was renamed; a killed run may have left one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(folder: Path, place: Path) -> None:
    """Rename a whole folder to where it belongs. The one it replaces goes first: no folder can be renamed over another."""
    with _work_folder(place.with_name(f".{place.name}.old")) as old:
        if place.exists():
            place.rename(old / place.name)
        folder.rename(place)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Only one run at a time in this cache; the second waits."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.guests", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"one of {', '.join(guest.name for guest in GUESTS)}")
    parser.add_argument("--force", action="store_true", help="make a guest anew that is there already")
    options = parser.parse_args()
    known = {guest.name: guest for guest in GUESTS}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"no guest is called {unknown[0]}")
    signal.signal(signal.SIGTERM, _stop)  # so that the clean-up runs, as after Ctrl-C
    cache = cache_folder()
    try:
        with _alone(cache):
            wanted = [known[name] for name in options.names or known]
            return _make_all([guest for guest in wanted if options.force or not is_made(cache / guest.name)], cache)
    except (GuestError, KinfoError, OSError) as error:
        print(f"guests: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _make_all(guests: Sequence[Guest], cache: Path) -> int:
    """Make them, one after another; one that fails is said, and costs the others nothing."""
    code = 0
    for guest in guests:
        machine = guest.machine
        try:
            if not shutil.which(machine.program):
                raise GuestError(f"{machine.program} is missing; install Debian's {machine.package}")
            make(guest, cache)
        except (GuestError, KinfoError, OSError) as error:
            print(f"guests: {guest.name}: {error}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
