"""What crashed, by the log: arm64, arm and x86-64 oopses as kernels print them, other CPUs' lines in between; taint."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import kinfo
from kinfo.kernel.printk import taint
from kinfo.kernel.printk.crash import crash, machine
from kinfo.kernel.printk.message import Message
from tests.conftest import Cli
from tests.kernels.image import Spec, make
from tests.kernels.tables import Symbol
from tests.test_dmesg_cli import with_log


def log(text: str) -> list[Message]:
    """A message a line; those that begin with `|` are another CPU's."""
    found = []
    for number, line in enumerate(text.strip("\n").splitlines()):
        found.append(
            Message(number, number * 1000_000, 6, 0, 2, line.removeprefix("|").encode(), 2 if line[:1] == "|" else 7)
        )
    return found


ARM64 = """
Booting Linux on physical CPU 0x0000000000 [0x411fd070]
Machine model: Some Board
Kernel command line: quiet
Memory: 1000K/2000K available
WARNING: CPU: 0 PID: 1 at kernel/foo.c:12 warned+0x10/0x20
CPU: 0 UID: 0 PID: 1 Comm: swapper/0 Not tainted 6.12.1 #1
watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [cat:88]
Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
|Unrelated: CPU: 9 PID: 9 Comm: other Not tainted 6.12.1 #1
Mem abort info:
  ESR = 0x0000000096000004
Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP
Modules linked in: bad(OE) good soso(O+) [last unloaded: gone(P)]
CPU: 1 UID: 1000 PID: 77 Comm: two words Tainted: G        W  O       6.12.1 #1
Tainted: [W]=WARN, [O]=OOT_MODULE
Hardware name: linux,dummy-virt (DT)
pstate: 60400005 (nZCv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)
pc : bad_write+0x20/0x40 [bad]
|pc : elsewhere+0x1/0x2
lr : vfs_write+0xdc/0x380
sp : ffff800080003d60
Call trace:
 bad_write+0x20/0x40 [bad] (P)
| not_ours+0x1/0x2
 vfs_write+0xdc/0x380
 el0t_64_sync+0x198/0x1a0
Code: 12345678
---[ end trace 0000000000000000 ]---
Kernel panic - not syncing: Oops: Fatal exception
SMP: stopping secondary CPUs
---[ end Kernel panic - not syncing: Oops: Fatal exception ]---
"""


def test_arm64() -> None:
    found = crash(log(ARM64))
    assert found.panic
    assert found.panic.text == "Kernel panic - not syncing: Oops: Fatal exception"
    assert [event.seq for event in found.oops] == [7, 11]
    assert (found.cpu, found.uid, found.pid, found.comm) == (1, 1000, 77, "two words")
    assert (found.pc, found.lr) == ("bad_write+0x20/0x40 [bad]", "vfs_write+0xdc/0x380")
    assert found.trace == ("bad_write+0x20/0x40 [bad]", "vfs_write+0xdc/0x380", "el0t_64_sync+0x198/0x1a0")
    assert found.hardware == "linux,dummy-virt (DT)"
    assert [event.text[:12] for event in found.trouble] == ["WARNING: CPU", "watchdog: BU"]
    assert (found.first, found.last) == (7, 25)
    assert {name: event.text for name, event in machine(log(ARM64)).items()} == {
        "machine": "Some Board",
        "RAM": "1000K/2000K available",
        "command line": "quiet",
    }


def test_x86_64() -> None:
    """The registers of user space, which end a trace, are not where the kernel stood."""
    text = """
sysrq: Trigger a crash
Kernel panic - not syncing: sysrq triggered crash
CPU: 3 UID: 0 PID: 200 Comm: bash Kdump: loaded Tainted: P      D    OE     6.8.0-1 #1 Debian
Hardware name: QEMU Standard PC
Call Trace:
 <TASK>
 dump_stack_lvl+0x5d/0x80
 panic+0x118/0x2db
 ? _printk+0x5c/0x70
 sysrq_handle_crash+0x1a/0x20
 </TASK>
RIP: 0033:0x7f5a1c0f1240
"""
    found = crash(log(text))
    assert (found.cpu, found.pid, found.comm, found.pc, found.oops) == (3, 200, "bash", "", ())
    assert found.trace == ("? _printk+0x5c/0x70", "sysrq_handle_crash+0x1a/0x20")
    assert taint.taint(None, log(text)) == taint.Taint("PDOE", "the log at 0.002000 s")
    text = """
BUG: kernel NULL pointer dereference, address: 0000000000000000
#PF: supervisor write access in kernel mode
Oops: 0002 [#1] PREEMPT SMP NOPTI
CPU: 0 PID: 1 Comm: init Not tainted 6.1.0 #1
RIP: 0010:bad_write+0x5/0x10 [bad]
Call Trace:
 <TASK>
 vfs_write+0xc5/0x3b0
"""
    found = crash(log(text))
    assert [event.seq for event in found.oops] == [0, 2]
    assert (found.panic, found.pc, found.trace) == (None, "bad_write+0x5/0x10 [bad]", ("vfs_write+0xc5/0x3b0",))
    assert taint.taint(None, log(text)) == taint.Taint("", "the log at 0.003000 s")


def test_arm() -> None:
    text = """
Unable to handle kernel NULL pointer dereference at virtual address 00000000
Internal error: Oops: 817 [#1] SMP ARM
CPU: 0 PID: 55 Comm: sh Tainted: G           O      5.10.0 #1
PC is at bad_write+0x8/0x14 [bad]
LR is at vfs_write+0xbc/0x480
"""
    found = crash(log(text))
    assert (found.cpu, found.pid, found.pc, found.lr) == (0, 55, "bad_write+0x8/0x14 [bad]", "vfs_write+0xbc/0x480")


def test_nothing_happened() -> None:
    found = crash(log("Linux version 6.12.1\nrandom: crng init done\nThe BUG: of a driver's text\n"))
    assert not found.happened
    assert (found.panic, found.oops, found.trouble, found.trace, found.cpu) == (None, (), (), (), None)
    assert crash([]).happened is False
    assert taint.taint(None, log("nothing")) is None


def test_letters() -> None:
    """Bits as in taint_flags[], kernel/panic.c of 6.16: PFSRMBUDAWCIOELKXTNJ."""
    assert "".join(letter for letter, _ in taint.FLAGS) == "PFSRMBUDAWCIOELKXTNJ"
    assert taint.letters(1 << 9 | 1 << 12 | 1 << 7) == "DWO"
    assert taint.of_modules(None, log(ARM64)) == {
        "bad": taint.Taint("OE", "the log at 0.012000 s"),
        "soso": taint.Taint("O", "the log at 0.012000 s"),
    }


class TestInfo:
    def test_the_first_screen(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = make(Spec())
        symbol = kernel.symbols[40]
        kernel = with_log(text=b"Internal error: Oops - \x1b[31mBUG: 0 [#1] SMP")
        kernel.write_raw(tmp_path / "ram.bin")
        done = kinfo_cli("info", tmp_path / "ram.bin")
        assert done.out.startswith("Crash\n  oops            Internal error: Oops - \\x1b[31mBUG: 0 [#1] SMP  [1.000000 s]\n")
        assert re.search(r"  log             messages 0 to 3, 0.000000 to 1.000000 s, by the variables of ", done.out)
        assert "\n\nKernel\n" in done.out
        assert f"  kinfo dmesg {tmp_path / 'ram.bin'} " in done.out
        kernel = with_log(text=b"pc : %016x" % (symbol.va + 4))
        kernel.write_raw(tmp_path / "ram.bin")
        done = kinfo_cli("info", tmp_path / "ram.bin")
        assert done.out.startswith("Crash\n  none            no panic and no oops among the log's 4 messages\n")

    def test_as_data(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = with_log(text=b"Kernel panic - not syncing: at last", names=("prb", "printk_rb_static"))
        kernel.write_raw(tmp_path / "ram.bin")
        data = json.loads(kinfo_cli("info", tmp_path / "ram.bin", "--format", "json").out)
        assert data["crash"]["panic"] == {"text": "Kernel panic - not syncing: at last", "seq": 3, "time_ns": 1_000_000_000}
        assert (data["crash"]["task"], data["crash"]["pc"], data["crash"]["oops"]) == (None, None, [])
        assert data["log"]["messages"] == 4
        assert data["log_unknown"] is None

    def test_no_log(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        make(Spec()).write_raw(tmp_path / "ram.bin")
        done = kinfo_cli("info", tmp_path / "ram.bin")
        assert done.out.startswith("Crash\n  not known       the log cannot be read: nothing in the variables of ")
        data = json.loads(kinfo_cli("info", tmp_path / "ram.bin", "--format", "json").out)
        assert (data["crash"], data["log"], data["taint"]) == (None, None, None)

    @pytest.mark.parametrize(("mask", "shown"), [(0, "none"), (1 << 9 | 1, "P: a module with a licence that is not free")])
    def test_taint_is_the_variable(self, tmp_path: Path, kinfo_cli: Cli, mask: int, shown: str) -> None:
        at = make(Spec()).places["data"] + 0x3000
        kernel = make(Spec(extra=[Symbol("tainted_mask", "d", at)]))
        pa = kernel.find("tainted_mask").pa
        assert pa
        kernel.poke(pa, mask.to_bytes(8, "little"))
        kernel.write_raw(tmp_path / "ram.bin")
        assert f"  taint           {shown}" in kinfo_cli("info", tmp_path / "ram.bin").out

    def test_a_panicked_guest(self, real_samples: Path, tmp_path: Path) -> None:
        """What its console said: CPU, task, trace; no taint, as Not tainted says."""
        from tests.test_dmesg_real import unpacked

        if not (real_samples / "crash-6.18").is_dir():
            pytest.skip("no crash-6.18 among the real samples")
        from kinfo.kernel.printk.triage import triage

        oops = unpacked(real_samples / "crash-6.18" / "oops.txt.zst", tmp_path).read_text()
        with kinfo.open_kernel(unpacked(real_samples / "crash-6.18" / "crash.elf.zst", tmp_path)) as kernel:
            seen = triage(kernel)
        found = seen.crash
        assert found
        assert found.panic
        assert f"] {found.panic.text}\n" in oops.replace("\r", "")
        assert (found.cpu, found.uid, found.pid, found.comm) == (1, 0, 1, "init")
        assert all(f" {frame}" in oops for frame in found.trace)
        assert found.trace[1] == "sysrq_handle_crash+0x24/0x38"
        assert seen.taint == taint.Taint("", "tainted_mask")
        assert seen.machine["RAM"].text.startswith("149268K/262144K available")
