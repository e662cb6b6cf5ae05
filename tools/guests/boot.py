"""Boot a kernel under QEMU, hear what it tells, and dump its memory: once it keeps still, and again after it panicked."""

from __future__ import annotations

import base64
import gzip
import json
import re
import select
import socket
import subprocess
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import IO, Any

from tools.guests.initramfs import MARK, TOLD
from tools.guests.machines import Guest, GuestError, run

_LIMIT = 240  # seconds for a boot, for a panic, and for each dump
_PANICKED = b"end Kernel panic"


class Console:
    """The guest's serial line: what it printed so far, and a way to type."""

    def __init__(self, line: socket.socket, process: subprocess.Popen[str]) -> None:
        self.said = b""
        self._line, self._process = line, process

    def type(self, text: str) -> None:
        """Type `text` at the guest's console."""
        self._line.sendall(text.encode())

    def wait(self, words: bytes) -> None:
        """Until the guest has printed `words`, and the end of their line. Raises GuestError where it does not in time."""
        end = time.monotonic() + _LIMIT
        begin = len(self.said)
        while (at := self.said.find(words, max(0, begin - len(words)))) < 0 or b"\n" not in self.said[at:]:
            if time.monotonic() > end:
                raise GuestError(f"the guest did not print {words.decode()!r} within {_LIMIT} s: {self._last_words()}")
            if self._hear() and words != _PANICKED and _PANICKED in self.said:
                raise GuestError(f"the guest panicked: {self._last_words()}")

    def _hear(self) -> bool:
        if not select.select([self._line], [], [], 1)[0]:
            return False
        said = b""
        with suppress(ConnectionResetError):
            said = self._line.recv(1 << 16)
        if not said:
            self._process.wait()
            words = self._process.stderr.read() if self._process.stderr else ""
            raise GuestError(f"the guest stopped: {words.strip() or self._last_words()}")
        self.said += said
        return True

    def _last_words(self) -> str:
        lines = self.said[-256:].decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def boot(
    guest: Guest, kernel: Path, initramfs: Path, folder: Path, *, tells: Collection[str] = tuple(TOLD)
) -> dict[str, bytes]:
    """What the guest told, by name (`tells`); "oops" is what its console printed of the panic.

    Its memory lies in `folder` afterwards: as it kept still in ram.elf, as it had panicked in crash.elf.
    """
    with _machine(guest, kernel, initramfs) as (process, console):
        console.wait(f"{MARK} READY".encode())
        ask(process, "qmp_capabilities")
        _dump(process, folder / "ram.elf")
        before = len(console.said)
        ask(process, "cont")
        console.type("panic\n")
        console.wait(_PANICKED)
        _dump(process, folder / "crash.elf")
    told = _told(console.said[:before].decode(errors="replace"), tells)
    return {**told, "oops": console.said[before:]}


@contextmanager
def running(command: Sequence[str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A program with its input and output as pipes of text; it does not outlive the block."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _machine(guest: Guest, kernel: Path, initramfs: Path) -> Iterator[tuple[subprocess.Popen[str], Console]]:
    """A running QEMU with its monitor on stdin and stdout; it does not outlive the block, nor this process."""
    ours, theirs = socket.socketpair()
    machine = guest.machine
    command = ["setpriv", "--pdeathsig", "KILL", machine.program]
    command += ["-machine", machine.board, "-cpu", guest.cpu, "-m", str(machine.memory), "-smp", "2", "-accel", "tcg"]
    command += ["-nodefaults", "-nic", "none", "-display", "none", "-no-reboot", "-qmp", "stdio"]
    command += ["-chardev", f"socket,id=console,fd={theirs.fileno()}", "-serial", "chardev:console"]
    command += ["-kernel", str(kernel), "-initrd", str(initramfs), "-append", f"console={machine.console} quiet"]
    with ours, theirs, running(command, stderr=subprocess.PIPE, pass_fds=[theirs.fileno()]) as process:
        theirs.close()
        yield process, Console(ours, process)


@contextmanager
def deadline(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a QEMU that does not answer: the reader then meets the end of its output."""
    timer = Timer(_LIMIT, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _dump(process: subprocess.Popen[str], path: Path) -> None:
    """Stop the machine and write its memory to a file."""
    with deadline(process):
        ask(process, "stop")
        ask(process, "dump-guest-memory", protocol=f"file:{path}", paging=False, format="elf")
    path.chmod(0o644)
    with suppress(GuestError):  # most of the memory was never touched; not every file system has holes
        run(["fallocate", "--dig-holes", path])


def ask(process: subprocess.Popen[str], command: str, **arguments: object) -> None:
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


def _told(text: str, tells: Collection[str] = tuple(TOLD)) -> dict[str, bytes]:
    """The pieces between the marks of the console's output."""
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
