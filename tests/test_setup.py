"""The set-up of a bare machine: what is missing is installed, or the one line to type is said. `make bare` tries it whole."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "tools" / "debian.sh"
RUN = "python3 python3-venv python3-dev gcc libc6-dev"
BY_HAND = f"type this as root, then try again: apt-get update && apt-get install -y {RUN}\n"


class Machine:
    """A machine that has these programs and no others; `log` is what apt-get was asked for."""

    def __init__(self, folder: Path, user: int = 0) -> None:
        self.folder, self.log = folder, folder / "log"
        for name in ("mktemp", "rm", "tail", "env"):
            os.symlink(shutil.which(name) or "", folder / name)
        self.program("id", f"echo {user}")

    def program(self, name: str, body: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.folder / name).chmod(0o755)

    def apt_get(self, code: int = 0) -> None:
        self.program("apt-get", f'echo "$@" >>{self.log}; [ "$1" != install ] || exit {code}')

    def run(self, *lists: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.folder), "TMPDIR": str(self.folder)}
        return subprocess.run(["/bin/sh", SCRIPT, *lists], env=env, capture_output=True, text=True, check=False)


def test_root_installs_what_is_missing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.apt_get()
    done = machine.run("run")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"set-up: installing {RUN}\n")
    assert machine.log.read_text() == f"update -qq\ninstall -y -qq --no-install-recommends {RUN}\n"


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """A python3 with venv and headers, and a gcc that finds the C library's."""
    machine = Machine(tmp_path)
    machine.apt_get()
    (tmp_path / "Python.h").write_text("")
    machine.program("python3", f'case "$*" in *sysconfig*) echo {tmp_path} ;; esac')
    machine.program("gcc", "exit 0")
    assert (machine.run("run").stderr, machine.log.exists()) == ("", False)
    machine.program("gcc", "exit 1")
    machine.run("run")
    assert machine.log.read_text().endswith(" libc6-dev\n")


def test_others_take_sudo(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=1000)
    machine.apt_get()
    machine.program("sudo", f'echo sudo >>{machine.log}; exec "$@"')
    assert machine.run("run").returncode == 0
    assert machine.log.read_text().startswith("sudo\nupdate -qq\nsudo\ninstall ")


def test_without_sudo_the_line_is_said(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=1000)
    machine.apt_get()
    done = machine.run("run")
    assert (done.returncode, done.stderr, machine.log.exists()) == (1, f"set-up: packages are missing; {BY_HAND}", False)


def test_apt_get_fails(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.apt_get(100)
    machine.program("apt-get", "echo E: no network; exit 100")
    done = machine.run("run")
    assert (done.returncode, done.stderr) == (
        1,
        f"set-up: installing {RUN}\nE: no network\nset-up: apt-get failed; {BY_HAND}",
    )


def test_no_debian(tmp_path: Path) -> None:
    done = Machine(tmp_path).run("run")
    assert (done.returncode, done.stderr.partition(";")[0]) == (
        1,
        "set-up: this is no Debian: what these packages give is missing",
    )


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    done = Machine(tmp_path).run("all")
    assert (done.returncode, done.stderr) == (2, "debian.sh: no list is called 'all': run, ci, bare\n")


@pytest.mark.parametrize("script", [".ci/run", "tools/venv.sh", "Makefile"])
def test_packages_are_named_in_one_place(script: str) -> None:
    text = (ROOT / script).read_text()
    assert "debian.sh" in text
    assert "apt-get" not in text


def test_a_bare_machine_needs_root(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=1000)
    env = {**os.environ, "PATH": f"{machine.folder}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", ROOT / "tools" / "bare.sh"], env=env, capture_output=True, text=True, check=False)
    message = "make bare: needs root (debootstrap, chroot); try: sudo make bare\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
