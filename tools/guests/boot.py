"""Boot a kernel under QEMU, hear what it tells, and dump its memory once it keeps still."""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import IO

from tools.guests.initramfs import MARK, TOLD
from tools.guests.machines import GuestError, run

QEMU = "qemu-system-aarch64"
_LIMIT = 180  # seconds for a boot, and again for the dump
_MEMORY = 256  # MiB


def boot(
    kernel: Path, initramfs: Path, cpu: str, folder: Path, *, qemu: str = QEMU, tells: Collection[str] = tuple(TOLD)
) -> dict[str, bytes]:
    """What the guest told, by name (`tells`). Its memory lies in `folder`/ram.elf afterwards."""
    serial = folder / "serial.txt"
    with _machine(kernel, initramfs, cpu, serial, qemu) as process:
        _wait(process, serial)
        with _deadline(process):
            _dump(process, folder / "ram.elf")
    (folder / "ram.elf").chmod(0o644)
    with suppress(GuestError):  # most of the memory was never touched; not every file system has holes
        run(["fallocate", "--dig-holes", folder / "ram.elf"])
    told = _told(serial.read_text(errors="replace"), tells)
    serial.unlink()
    return told


@contextmanager
def _machine(kernel: Path, initramfs: Path, cpu: str, serial: Path, qemu: str) -> Iterator[subprocess.Popen[str]]:
    """A running QEMU with its monitor on stdin and stdout; it does not outlive the block, nor this process."""
    command = ["setpriv", "--pdeathsig", "KILL", qemu]
    command += ["-machine", "virt", "-cpu", cpu, "-m", str(_MEMORY), "-smp", "1", "-accel", "tcg"]
    command += ["-nodefaults", "-nic", "none", "-display", "none", "-no-reboot", "-qmp", "stdio", "-serial", f"file:{serial}"]
    command += ["-kernel", str(kernel), "-initrd", str(initramfs), "-append", "console=ttyAMA0 quiet panic=-1"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _wait(process: subprocess.Popen[str], serial: Path) -> None:
    """Until the guest says that it is ready."""
    end = time.monotonic() + _LIMIT
    ready = f"{MARK} READY".encode()
    while not (serial.exists() and ready in _tail(serial)):
        if process.poll() is not None:
            said = process.stderr.read() if process.stderr else ""
            raise GuestError(f"the guest stopped: {said.strip() or _last_words(serial)}")
        if time.monotonic() > end:
            raise GuestError(f"the guest was not ready within {_LIMIT} s: {_last_words(serial)}")
        time.sleep(0.2)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 256))
        return file.read()


def _last_words(serial: Path) -> str:
    words = _tail(serial).decode(errors="replace").split("\n") if serial.exists() else []
    return next((line.strip() for line in reversed(words) if line.strip()), "it said nothing")


@contextmanager
def _deadline(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a QEMU that does not answer: the reader then meets the end of its output."""
    timer = Timer(_LIMIT, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _dump(process: subprocess.Popen[str], path: Path) -> None:
    _ask(process, "qmp_capabilities")
    _ask(process, "stop")
    _ask(process, "dump-guest-memory", protocol=f"file:{path}", paging=False, format="elf")
    _ask(process, "quit")


def _ask(process: subprocess.Popen[str], command: str, **arguments: object) -> None:
    """Give QEMU's monitor a command and wait for its answer; greetings and events are passed over."""
    assert process.stdin
    assert process.stdout
    _send(process.stdin, {"execute": command, "arguments": arguments})
    for line in process.stdout:
        answer = json.loads(line)
        if "error" in answer:
            raise GuestError(f"QEMU refuses {command}: {answer['error']['desc']}")
        if "return" in answer:
            return
    raise GuestError(f"QEMU ended, or hung for {_LIMIT} s, before it answered {command}")


def _send(pipe: IO[str], message: object) -> None:
    try:
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()
    except BrokenPipeError:
        pass  # the reader says it: there is no answer


def _told(text: str, tells: Collection[str]) -> dict[str, bytes]:
    """The pieces between the marks of the serial log."""
    told = {}
    failed = re.search(rf"{MARK} FAILED (.*)", text)
    if failed:
        raise GuestError(f"the guest could not {failed[1].strip()}")
    for name in tells:
        found = re.search(rf"{MARK} {name}\s+([^@]*){MARK}", text)
        if not found:
            raise GuestError(f"the guest did not tell {name}")
        try:
            told[name] = gzip.decompress(base64.b64decode(found[1]))
        except (ValueError, EOFError, OSError) as error:
            raise GuestError(f"what the guest told of {name} is damaged: {error}") from None
    return told
