"""Fixtures that several files use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from kinfo.cli.main import run

ROOT = Path(__file__).resolve().parent.parent


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
