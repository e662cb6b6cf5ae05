"""Uptime: by the log, by the ticks, and what is said where the two differ or the rate is not known."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

import kinfo
from kinfo.kernel.boot.clock import Uptime, uptime
from kinfo.kernel.boot.summary import summary
from kinfo.report import kernel as report
from kinfo.report.style import Style
from tests.kernels import dumps
from tests.kernels.image import Kernel, Spec, make
from tests.kernels.printk import RESERVED, Ring
from tests.kernels.tables import Symbol
from tests.test_kernel_rules import opened

SECOND = 1_000_000_000
LOG = "the stamp of the log's newest line"


class Clock:
    """A kernel with a log ring, jiffies and their clock source."""

    def __init__(self, hz: int | None = 250, seconds: float = 45.6, stamp: float | None = 48.9, gap: int = 0) -> None:
        data = make(Spec()).places["data"] + 0x3000
        names = ("prb", "clocksource_jiffies", "kernel_config_data")
        extra = [Symbol(name, "d", data + 0x100 * at) for at, name in enumerate(names)]
        self.kernel = make(Spec(extra=[*extra, Symbol("jiffies_read", "t", 0x30020)]))
        assert self.kernel.places["data"] + 0x3000 == data
        self.gap, self.ring = gap, self.kernel.va("data") + 0x3400
        if hz:
            self._source(hz)
        rate = hz or 250
        self.poke("jiffies_64", round((1 << 32) - 300 * rate + seconds * rate).to_bytes(8, "little"))
        if stamp is not None:
            self._log(stamp)

    def poke(self, name: str, data: bytes, at: int = 0) -> None:
        pa = self.kernel.find(name).pa
        assert pa
        self.kernel.poke(pa + at, data)

    def _source(self, hz: int) -> None:
        tick = (SECOND + hz // 2) // hz
        words = (self.kernel.find("jiffies_read").va, 0xFFFFFFFF, tick << 8 | 8 << 32)
        self.poke("clocksource_jiffies", b"".join(word.to_bytes(8, "little") for word in words))

    def _log(self, stamp: float) -> None:
        """A ring of eight messages, of which the last four have wrapped around; the newest is not finished yet."""
        log = Ring(3, 9, gap=self.gap)
        for number in range(11):
            log.store(b"message", round((stamp - (10 - number)) * SECOND))
        log.store(b"half", state=RESERVED)
        self.lines = log.lines()
        self.poke("prb", self.ring.to_bytes(8, "little"))
        names = ("ring", "descs", "infos", "text")
        for va, data in log.pieces(dict(zip(names, range(self.ring, self.ring + 0x1000, 0x400), strict=True))).items():
            self._at(va, data)

    def _at(self, va: int, data: bytes) -> None:
        self.kernel.poke(va - self.kernel.va("data") + self.kernel.pa("data"), data)


def write_core(kernel: Kernel, path: Path, words: str) -> None:
    """An ELF core whose VMCOREINFO has these words behind OSRELEASE=."""
    dumps.write_elf(path, kernel._pieces(()), dumps.MACHINES[kernel.spec.arch], 64, words)


def found(clock: Clock, folder: Path) -> list[Uptime]:
    with opened(clock.kernel, folder) as kernel:
        return uptime(kernel)


@pytest.mark.parametrize("hz", [100, 128, 250, 300, 1000, 1024])
def test_the_rate_is_that_of_the_clock_source(hz: int, tmp_path: Path) -> None:
    log, ticks = found(Clock(hz, seconds=60, stamp=48.9), tmp_path)
    assert log == Uptime(48.9, LOG)
    assert ticks.seconds == pytest.approx(60, abs=0.1)
    assert ticks.source == f"jiffies at HZ={hz} (clocksource_jiffies)"


def test_ticks_that_stopped_in_a_panic(tmp_path: Path) -> None:
    log, ticks = found(Clock(), tmp_path)
    assert (log.seconds, ticks.seconds) == (48.9, 45.6)
    assert ticks.source.endswith("; 3.3 s behind the log: ticks stop with the interrupts, as in a panic")


def test_no_rate_is_claimed_that_is_not_known(tmp_path: Path) -> None:
    clock = Clock(hz=None)
    with opened(clock.kernel, tmp_path) as kernel:
        counts = uptime(kernel)[1]
        ticks = (1 << 32) - 300 * 250 + round(45.6 * 250)
        assert counts == Uptime(None, f"not known: jiffies are {ticks:#x}, and nothing in the memory says HZ")
        text = report.text(summary(kernel), Style(False))
        assert f"  uptime          {counts.source}\n" in text
        assert report.document(summary(kernel))["uptime"] == [
            {"seconds": 48.9, "source": LOG},
            {"seconds": None, "source": counts.source},
        ]


@pytest.mark.parametrize(
    ("at", "data"),
    [(0, bytes(8)), (8, b"\xff" * 8), (16, b"\1\0\0\0"), (16, bytes(4)), (20, b"\x09"), (17, b"\1")],
    ids=["another read", "mask", "mult", "mult 0", "shift", "no rate has this tick"],
)
def test_a_clock_source_that_is_not_the_one(at: int, data: bytes, tmp_path: Path) -> None:
    clock = Clock()
    clock.poke("clocksource_jiffies", data, at)
    assert found(clock, tmp_path)[1].seconds is None


def test_the_configuration_comes_first(tmp_path: Path) -> None:
    clock = Clock(hz=300)
    packed = zlib.compressobj(wbits=31)
    clock.poke("kernel_config_data", b"IKCFG_ST" + packed.compress(b"CONFIG_HZ=300\n") + packed.flush())
    assert found(clock, tmp_path)[1].source.startswith("jiffies at HZ=300 (the kernel's configuration)")


@pytest.mark.parametrize("gap", [0, 20])
def test_stamps_by_the_place_of_numbers(gap: int, tmp_path: Path) -> None:
    assert found(Clock(gap=gap), tmp_path)[0] == Uptime(48.9, LOG)


def test_vmcoreinfo_says_how_large_a_record_is(tmp_path: Path) -> None:
    clock = Clock(gap=8)
    assert len(found(clock, tmp_path)) == 1  # no release is known to have 96 bytes
    words = "".join(f"\n{key}={value}" for key, value in clock.lines.items())
    write_core(clock.kernel, tmp_path / "core", f"6.12.1-test{words}")
    with kinfo.open_kernel(str(tmp_path / "core")) as kernel:
        assert uptime(kernel)[0] == Uptime(48.9, LOG)
    write_core(
        clock.kernel, tmp_path / "other", "6.12.1-test" + words.replace("=96", "=88").replace("dev_info)=32", "dev_info)=24")
    )
    with kinfo.open_kernel(str(tmp_path / "other")) as kernel:
        assert [one.source != LOG for one in uptime(kernel)] == [True]


def test_ticks_before_boot_say_nothing(tmp_path: Path) -> None:
    assert [one.source for one in found(Clock(seconds=-1), tmp_path)] == [LOG]


def test_no_log_and_no_ticks(tmp_path: Path) -> None:
    kernel: Kernel = make(Spec(keep_all=False))
    with opened(kernel, tmp_path) as one:
        assert uptime(one) == []
