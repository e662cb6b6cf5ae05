"""`kinfo dmesg`: what it prints, in every shape, and what it says where there is no log."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kinfo
from kinfo.errors import DrawError
from tests.conftest import Cli
from tests.kernels import dumps, printk
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.printk import Ring, places, ring_core
from tests.kernels.tables import Symbol

SECOND = 1_000_000_000


def some_ring() -> Ring:
    ring = Ring()
    ring.store(b"Booting Linux", 0, 6, 0, caller=0)
    ring.store(b"two\nlines", SECOND + 1234, 4, 0, caller=1)
    ring.store(b"\x1b[31mred\x07 \xff end", 3 * SECOND, 3, 3, caller=1 << 31 | 2, device=(b"usb", b"c1:2"))
    ring.store(b"debugging", 90061 * SECOND + 5000, 7, 1, caller=4000)
    return ring


@pytest.fixture
def core(tmp_path: Path) -> Path:
    ring_core(tmp_path / "core.elf", some_ring())
    return tmp_path / "core.elf"


def out(*arguments: str | Path) -> bytes:
    words = [sys.executable, "-m", "kinfo", "dmesg", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, check=False).stdout


def test_the_shapes(core: Path) -> None:
    red = b"\x1b[31mred\x07 \xff end\n"  # as it is, where it goes to no terminal
    assert out(core) == (
        b"[    0.000000] Booting Linux\n[    1.000001] two\n[    1.000001] lines\n"
        b"[    3.000000] " + red + b"[90061.000005] debugging\n"
    )
    assert out(core, "--raw") == (
        b"<6>[    0.000000] Booting Linux\n<4>[    1.000001] two\n<4>[    1.000001] lines\n"
        b"<27>[    3.000000] " + red + b"<15>[90061.000005] debugging\n"
    )
    assert out(core, "--caller") == (  # print_caller(): [%6s]
        b"[    0.000000][    T0] Booting Linux\n[    1.000001][    T1] two\n[    1.000001][    T1] lines\n"
        b"[    3.000000][    C2] " + red + b"[90061.000005][ T4000] debugging\n"
    )
    assert out(core, "--human").splitlines()[-1] == b"[1d 01:01:01.000005] debugging"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--level", "err"), [2]),
        (("--level", "warn,3"), [1, 2]),
        (("--level", "warn+"), [1, 2]),
        (("--level", "+info"), [0, 3]),
        (("--level", "err,+debug"), [2, 3]),
        (("--facility", "kern"), [0, 1]),
        (("--facility", "user,daemon"), [2, 3]),
        (("--facility", "3", "--level", "err"), [2]),
        (("--level", "emerg"), []),
    ],
)
def test_levels_and_facilities(core: Path, kinfo_cli: Cli, arguments: tuple[str, ...], wanted: list[int]) -> None:
    done = kinfo_cli("dmesg", core, "--format", "json", *arguments)
    assert (done.code, done.err) == (0, "")
    assert [one["seq"] for one in json.loads(done.out)["messages"]] == wanted


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--level", "warning"), "there is no level 'warning'; did you mean warn?"),
        (("--level", "9"), "there is no level '9'; choose one of: emerg, alert, crit, err, warn, notice, info, debug"),
        (("--level", ""), "there is no level ''; choose one of: "),
        (("--facility", "kernel"), "there is no facility 'kernel'; did you mean kern?"),
        (("--names",), "--names needs the kernel's symbols, and nothing leads to them; "),
    ],
)
def test_what_is_asked_for_in_vain(core: Path, kinfo_cli: Cli, arguments: tuple[str, ...], error: str) -> None:
    done = kinfo_cli("dmesg", core, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"kinfo: {error}")


def test_json(core: Path, kinfo_cli: Cli) -> None:
    done = kinfo_cli("dmesg", core, "--format", "json")
    data = json.loads(done.out)
    assert {key: data[key] for key in ("schema_version", "release", "form", "lost", "findings")} == {
        "schema_version": 1,
        "release": "6.12.1-test",
        "form": "VMCOREINFO",
        "lost": {},
        "findings": [],
    }
    assert data["messages"][2] == {
        "seq": 2,
        "time_ns": 3 * SECOND,
        "level": "err",
        "facility": "daemon",
        "caller": "C2",
        "continued": False,
        "text": "\\x1b[31mred\\x07 \\xff end",  # a byte that is no UTF-8 makes escapes of all that is not printable
        "dictionary": {"SUBSYSTEM": "usb", "DEVICE": "c1:2"},
    }


def on_a_terminal(*arguments: str | Path, **environment: str) -> bytes:
    reader, writer = pty.openpty()
    words = [sys.executable, "-m", "kinfo", "dmesg", *map(str, arguments)]
    with subprocess.Popen(
        words, stdout=writer, stderr=subprocess.DEVNULL, env=os.environ | {"TERM": "xterm"} | environment
    ) as child:
        os.close(writer)
        shown = b""
        try:
            while part := os.read(reader, 1 << 16):
                shown += part
        except OSError:  # the terminal's end
            pass
        child.wait()
    os.close(reader)
    return shown.replace(b"\r\n", b"\n")


def test_on_a_terminal_nothing_in_the_log_acts(core: Path) -> None:
    plain = on_a_terminal(core, NO_COLOR="1")
    assert plain.splitlines()[3] == b"[    3.000000] \\x1b[31mred\\x07 \\xff end"
    coloured = on_a_terminal(core, NO_COLOR="")
    assert b"\x1b[31m\\x1b[31mred" in coloured
    assert re.sub(rb"\x1b\[[\d;]*m", b"", coloured) == plain


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    ring = Ring(12, 18)
    for number in range(4000):
        ring.store(b"message %d" % number * 3, number)
    ring_core(tmp_path / "core.elf", ring)
    done = subprocess.run(
        f"{sys.executable} -m kinfo dmesg {tmp_path / 'core.elf'} | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_loss_is_said_with_exit_code_1(tmp_path: Path, kinfo_cli: Cli) -> None:
    ring = some_ring()
    ring.descs[1][1] = 1 << 40
    ring_core(tmp_path / "core.elf", ring)
    done = kinfo_cli("dmesg", tmp_path / "core.elf")
    assert done.code == 1
    assert done.out.startswith("[    0.000000] Booting Linux\n[    3.000000] ")
    assert done.err == (
        "kinfo: error log-damaged: 1 message cannot be shown; the others were proved one by one; "
        "dump the memory again where it may have changed while it was read\n"
    )
    ring = some_ring()
    ring.store(b"x" * 300)
    ring_core(tmp_path / "core.elf", ring)
    assert kinfo_cli("dmesg", tmp_path / "core.elf").code == 0
    assert kinfo_cli("dmesg", tmp_path / "core.elf", "--strict").code == 1


class TestRegions:
    def write(self, folder: Path, word: int = 8, *, note: bool = True, dynamic: bool = False) -> Ring:
        """Region files of v1: the static ring, and the one that log_buf_len= made."""
        ring, other = Ring(word=word), Ring(6, 12, word=word)
        for number in range(9):
            for one in (ring, other):
                one.store(b"message %d" % number, number)
        other.store(b"late", SECOND)
        where, there = places(), places(10, linear=True)
        where, there = ({name: va % (1 << 8 * word) for name, va in one.items()} for one in (where, there))
        pieces, pieces2 = ring.pieces(where), other.pieces(there)
        live = there if dynamic else where
        files = {
            "Kprintk_r20": pieces[where["ring"]],
            "Kprintk_r21": pieces2[there["ring"]] if dynamic else bytes(len(pieces[where["ring"]])),
            "Kprb22": live["ring"].to_bytes(word, "little"),
            "Kprb_desc23": pieces[where["descs"]],
            "Kprb_info24": pieces[where["infos"]],
            "Kprb_data25": pieces[where["text"]],
        }
        if note:
            lines = ring.lines() | {"OSRELEASE": "6.12.1", "SYMBOL(printk_rb_static)": f"{where['ring']:x}"}
            files["Kvmcorein2"] = "".join(f"{key}={value}\n" for key, value in lines.items()).encode()
        if dynamic:
            files |= {"Kunknown44": pieces2[there["text"]], "Kunknown45": pieces2[there["descs"]]}
            files |= {"Kunknown46": pieces2[there["infos"]], "Kunknown47": bytes(len(pieces2[there["text"]]))}
        folder.mkdir()
        for name, data in files.items():
            (folder / f"md_{name}.BIN").write_bytes(data + bytes(-len(data) % 4))
        return other if dynamic else ring

    @pytest.mark.parametrize("word", [8, 4])
    @pytest.mark.parametrize("note", [True, False])
    @pytest.mark.parametrize("dynamic", [True, False])
    def test_they_suffice(self, tmp_path: Path, word: int, note: bool, dynamic: bool) -> None:
        self.write(tmp_path / "md", word, note=note, dynamic=dynamic)
        log = kinfo.dmesg(tmp_path / "md")
        assert [message.raw for message in log.messages] == [
            *(b"message %d" % number for number in range(9)),
            *([b"late"] if dynamic else []),
        ]
        assert not log.findings
        assert log.messages == kinfo.dmesg(sorted((tmp_path / "md").iterdir())).messages

    def test_a_log_of_size_0(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        """The v3 posting registers the text of log_buf_len= with no bytes, and the driver leaves it out."""
        self.write(tmp_path / "md", dynamic=True)
        for number in (44, 47):
            (tmp_path / "md" / f"md_Kunknown{number}.BIN").unlink()
        done = kinfo_cli("dmesg", tmp_path / "md")
        assert done.code == 1
        assert done.out.splitlines() == [f"[    0.000000] message {number}" for number in range(9)]
        assert "log-not-dumped: 1 message is not in the dump; the last one that is here was printed 0.000000 s" in done.err

    def test_what_is_missing_is_named(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        self.write(tmp_path / "md")
        (tmp_path / "md" / "md_Kprb22.BIN").unlink()
        done = kinfo_cli("dmesg", tmp_path / "md")
        assert (done.code, done.out) == (2, "")
        assert "has no log: md_Kprb*.BIN missing; copy all md_K*.BIN files of one dump into one folder" in done.err
        (tmp_path / "empty").mkdir()
        assert "has no md_K*.BIN files" in kinfo_cli("dmesg", tmp_path / "empty").err


def with_log(spec: Spec = Spec(), names: tuple[str, ...] = ("prb", "printk_rb_static"), text: bytes = b"") -> Kernel:  # noqa: B008
    """A kernel with a log: the static ring's tables in its data."""
    at = make(spec).places["data"] + 0x3000
    extra = [Symbol(name, "d", at + 0x100 * number) for number, name in enumerate(names)]
    kernel = make(Spec(**{**vars(spec), "extra": extra}))
    assert kernel.places["data"] + 0x3000 == at
    base = kernel.va("data") + 0x3000
    where = {"ring": base + 0x100, "descs": base + 0x200, "infos": base + 0x600, "text": base + 0xD00}
    ring = Ring()
    for number in range(3):
        ring.store(b"message %d" % number, number)
    ring.store(text or b"pc : %016x" % (kernel.symbols[40].va + 4), SECOND)
    for va, data in {base: where["ring"].to_bytes(8, "little"), **ring.pieces(where)}.items():
        kernel.poke(va - kernel.voffset, data)
    return kernel


class TestKernel:
    def test_a_record_alone_leads_to_it(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        """No VMCOREINFO says where members lie: the ring itself shows which release's layout holds."""
        kernel = with_log()
        kernel.write_raw(tmp_path / "ram.bin")
        with kinfo.open_kernel(f"{tmp_path / 'ram.bin'}@{kernel.base:#x}") as opened:
            log = opened.log()
        assert (log.form, [message.seq for message in log.messages]) == ("the layout of 6.9", [0, 1, 2, 3])
        done = kinfo_cli("dmesg", tmp_path / "ram.bin", "--names")
        label = f"<{kernel.symbols[40].name}+0x4/"
        assert done.code == 0
        assert label in done.out.splitlines()[-1]

    def test_nothing_says_where_it_is(self, tmp_path: Path, kinfo_cli: Cli) -> None:
        kernel = make(Spec())
        kernel.write_raw(tmp_path / "ram.bin")
        done = kinfo_cli("dmesg", tmp_path / "ram.bin")
        assert done.code == 2
        assert "says where the kernel's log is; a kernel with CONFIG_KALLSYMS_ALL or CONFIG_VMCORE_INFO" in done.err


def test_the_logs_of_two_boots_are_a_draw(tmp_path: Path) -> None:
    """Two VMCOREINFO pages, each of which leads to a log that is whole: nothing tells which boot was the last."""
    boots: list[list[dumps.Piece]] = []
    for number in (0, 1):
        up, apart, ring = number << 28, number << 27, some_ring()
        where, prb = {name: va + up for name, va in places().items()}, printk.PRB + up
        voffset = printk.VOFFSET + up - apart
        lines = ring.lines() | {"SYMBOL(prb)": f"{prb:x}", "NUMBER(kimage_voffset)": f"{voffset:#x}"}
        lines |= {"NUMBER(VA_BITS)": "39", "NUMBER(PHYS_OFFSET)": "0x80000000"}
        text = f"OSRELEASE=6.1{number}.0\nPAGESIZE=4096\n" + "".join(f"{key}={value}\n" for key, value in lines.items())
        own = {prb: where["ring"].to_bytes(8, "little"), **ring.pieces(where)}
        page = dumps.Piece(0xA0000000 + apart, 0, text.encode().ljust(4096, b"\0"))
        boots.append([*(dumps.Piece(va - voffset, va, data) for va, data in own.items()), page])
    dumps.write_lime(tmp_path / "two.lime", sorted(boots[0] + boots[1]))
    words = r"has the logs of 2 boots, and nothing tells which ran last: Linux 6.10.0, up to 90061.000 s; Linux 6.11.0"
    with pytest.raises(DrawError, match=words):
        kinfo.dmesg(tmp_path / "two.lime")
    dumps.write_lime(tmp_path / "one.lime", sorted(boots[1]))
    log = kinfo.dmesg(tmp_path / "one.lime")
    assert (log.release, [message.seq for message in log.messages]) == ("6.11.0", [0, 1, 2, 3])
