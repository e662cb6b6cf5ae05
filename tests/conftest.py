"""Fixtures that several files use."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard
from hypothesis import HealthCheck, settings

from kinfo.cli.main import run
from tools.guests import machines

# A busy machine makes any example slow: no property has a deadline, nor the drawing of its examples. `make test` draws
# the same examples each time, so that what it says is about the change at hand; `make fuzz` draws new ones, and more.
settings.register_profile("kinfo", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kinfo")

# A shell's background job ignores Ctrl-C, and so would every command that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent

# No command that a test runs is influenced by settings of the machine that it runs on.
for name in [one for one in os.environ if one.startswith("KINFO_") and one not in ("KINFO_SAMPLES", "KINFO_GUESTS")]:
    del os.environ[name]
os.environ["KINFO_NO_SETTINGS"] = "1"


class Ran(NamedTuple):
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture
def kinfo_cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Runs the command line in this process."""

    def runner(*arguments: str | Path) -> Ran:
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return runner


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The folder of the samples that come with kinfo."""
    return ROOT / "kinfo" / "samples"


@pytest.fixture(scope="session")
def real_samples() -> Path:
    """Real records, where they are: KINFO_SAMPLES, or the folder beside a development checkout."""
    folder = Path(os.environ.get("KINFO_SAMPLES", ROOT.parent / "shared" / "samples"))
    if not folder.is_dir():
        pytest.skip("no real samples here: set KINFO_SAMPLES to their folder to run this")
    return folder


@pytest.fixture(scope="session")
def meminspect_sample(real_samples: Path) -> Path:
    """A kernel with meminspect v1: its region files, and what it said of itself."""
    folder = real_samples / "kernels" / "meminspect-v1"
    if not (folder / "meminspect" / "md").is_dir():
        pytest.skip("no region files among the real samples")
    return folder


class RealKernel(NamedTuple):
    """A booted kernel's memory, its record where that is beside the memory, and what the kernel said of itself."""

    ram: Path
    kinfo: str | None
    kallsyms: Path
    meta: dict[str, Any]


GUESTS = machines.cache_folder()


class BootedGuest(NamedTuple):
    """The folder of a guest that `python -m tools.guests` made: ram.elf, crash.elf, and what it said of itself."""

    folder: Path
    meta: dict[str, Any]

    @property
    def kinfo(self) -> str | None:
        """Its record, where one was made."""
        path = self.folder / "kinfo.bin"
        return str(path) if path.is_file() else None

    def lines(self, name: str) -> list[str]:
        """What it told under this name."""
        return (self.folder / f"{name}.txt").read_text().splitlines()


def booted(name: str) -> BootedGuest:
    """The guest of this name; the test is skipped where there is none, or one of an older form."""
    folder = GUESTS / name
    if not machines.is_made(folder):
        age = "is old here: make it anew" if folder.exists() else "is not here: make it"
        pytest.skip(f"guest {name} {age} with `python -m tools.guests {name}`")
    return BootedGuest(folder, json.loads((folder / "meta.json").read_text()))


@pytest.fixture(scope="session", params=[guest.name for guest in machines.GUESTS])
def guest(request: pytest.FixtureRequest) -> BootedGuest:
    """Every guest that is there."""
    return booted(request.param)


@pytest.fixture(scope="session", params=["sample", *(guest.name for guest in machines.GUESTS if guest.has_record)])
def real_kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RealKernel:
    """A guest of `python -m tools.guests`, or the sample's memory, unpacked."""
    name = request.param
    if name != "sample":
        folder, meta = booted(name)
        return RealKernel(folder / "ram.elf", str(folder / "kinfo.bin"), folder / "kallsyms.txt", meta)
    folder = request.getfixturevalue("real_samples") / "ram"
    if not (folder / "ram.elf.zst").is_file():
        pytest.skip("no memory among the real samples: set KINFO_SAMPLES to a folder with ram/ram.elf.zst")
    ram = tmp_path_factory.mktemp("sample") / "ram.elf"
    with (folder / "ram.elf.zst").open("rb") as packed, ram.open("wb") as out:
        zstandard.ZstdDecompressor().copy_stream(packed, out)
    return RealKernel(ram, None, folder / "kallsyms.txt", json.loads((folder / "meta.json").read_text()))
