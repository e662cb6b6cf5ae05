"""kinfo in one file: what is in it, where it unpacks itself, and what it says where it cannot run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.packages import pyz
from tools.packages.pyz import Target
from tools.packages.start import unpack
from tools.sessions import blocks

HERE = Target(f"3.{sys.version_info.minor}", platform.machine())
OTHER = Target("3.99", HERE.machine)

pytestmark = pytest.mark.skipif(
    EXTENSION_SUFFIXES[0] != f".{HERE.tag}.so", reason="this Python is no CPython on glibc, which kinfo.pyz is for"
)


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    with zipfile.ZipFile(folder / name, "w") as packed:
        for file, text in files.items():
            packed.writestr(file, text)
    return folder / name


MAIN = "import sys, other\ndef main():\n    print(other.WHO, *sys.argv[1:])\n    sys.exit(1)\n"
KINFO = {"kinfo/__init__.py": "", "kinfo/cli/__init__.py": "", "kinfo/cli/main.py": MAIN, "kinfo/tests/kept.py": ""}


@pytest.fixture
def wheels(tmp_path: Path) -> dict[Target, list[Path]]:
    """A kinfo of its own, and a compiled package of each target."""
    own = wheel(tmp_path, "kinfo-1-py3-none-any.whl", KINFO)
    return {
        one: [
            own,
            wheel(
                tmp_path / one.tag,
                "other-1-cp-cp-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
                {
                    "other.py": f"WHO = {one.python!r}\n",
                    "common.py": "",
                    "other/tests/big.py": "",
                    "other-1.data/platlib/l.py": "",
                },
            ),
        ]
        for one in (HERE, OTHER)
    }


@pytest.fixture
def archive(tmp_path: Path, wheels: dict[Target, list[Path]]) -> Path:
    path = tmp_path / "k.pyz"
    path.write_bytes(pyz.made(wheels))
    return path


def start(archive: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, archive, *words], env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_it_runs_what_is_for_this_python(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "cache"
    for _ in range(2):
        done = start(archive, "a", "b", KINFO_PYZ_FOLDER=str(place))
        assert (done.returncode, done.stdout, done.stderr) == (1, f"{HERE.python} a b\n", "")
    (folder,) = place.iterdir()
    assert folder.name.endswith(HERE.tag)
    assert place.stat().st_mode & 0o777 == 0o700
    held = {str(path.relative_to(folder)) for path in folder.rglob("*.py")}
    assert held == {*KINFO, "other.py", "common.py", "l.py"}


def test_the_documented_lines(archive: Path, tmp_path: Path) -> None:
    """Of packages.md: by the machine's Python, and by a Python of choice."""
    (block,) = (one for one in blocks((ROOT / "docs" / "packages.md").read_text()) if "./kinfo.pyz" in one.body)
    archive.rename(tmp_path / "kinfo.pyz").chmod(0o755)
    lines = block.body.replace("python3.12", sys.executable).splitlines()
    own = {"KINFO_PYZ_FOLDER": str(tmp_path / "cache"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for line in lines:
        done = subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (1, f"{HERE.python} decode region.bin\n"), done.stderr
    assert len(lines) == 2


def test_what_is_alike_is_in_it_once(wheels: dict[Target, list[Path]]) -> None:
    found = pyz.layers(wheels)
    assert {owners: set(files) for owners, files in found.items()} == {
        (HERE, OTHER): {*KINFO, "common.py", "l.py"},
        (HERE,): {"other.py"},
        (OTHER,): {"other.py"},
    }
    assert pyz.made(wheels) == pyz.made(wheels)


def test_many_may_start_at_once(archive: Path, tmp_path: Path) -> None:
    environment = os.environ | {"KINFO_PYZ_FOLDER": str(tmp_path / "cache")}
    children = [subprocess.Popen([sys.executable, archive], env=environment, stdout=subprocess.PIPE) for _ in range(4)]
    assert [child.communicate()[0] for child in children] == [f"{HERE.python}\n".encode()] * 4
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_where_it_unpacks_itself(archive: Path, tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    own = {"HOME": str(home), "TMPDIR": str(temporary), "XDG_CACHE_HOME": "", "KINFO_PYZ_FOLDER": ""}
    assert start(archive, **own).returncode == 1
    assert (home / ".cache" / "kinfo" / "pyz").is_dir()
    (tmp_path / "file").write_text("")
    assert start(archive, **own | {"XDG_CACHE_HOME": str(tmp_path / "file")}).returncode == 1  # no folder: the next place
    (place,) = temporary.iterdir()
    assert place.name == f"kinfo-pyz-{os.getuid()}"
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")  # as somebody else would who wants to be unpacked into
    done = start(archive, **own | {"XDG_CACHE_HOME": str(tmp_path / "file")})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"k.pyz: finds no folder to unpack itself into: {tmp_path}/file/kinfo/pyz: Not a directory; "
        f"{place}: is not a folder; name one with KINFO_PYZ_FOLDER=FOLDER\n"
    )


def test_a_folder_that_others_may_write_to(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "open"
    place.mkdir()
    place.chmod(0o777)
    done = start(archive, KINFO_PYZ_FOLDER=str(place))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{place}: others may write to it" in done.stderr
    assert list(place.iterdir()) == []


def test_what_is_half_unpacked_goes(tmp_path: Path) -> None:
    for name in (".new-old", ".new-now", "whole"):
        (tmp_path / name).mkdir()
    for name in (".new-old", "whole"):
        os.utime(tmp_path / name, (1, 1))
    unpack.clean(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {".new-now", "whole"}


def test_a_damaged_file_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    data = bytearray(archive.read_bytes())
    at = data.index(b"layer-0.zip") + 200
    data[at : at + 400] = bytes(400)
    archive.write_bytes(data)
    done = start(archive, KINFO_PYZ_FOLDER=str(tmp_path / "cache"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("k.pyz: is damaged: ")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_python_that_it_has_nothing_for(tmp_path: Path, wheels: dict[Target, list[Path]]) -> None:
    path = tmp_path / "k.pyz"
    path.write_bytes(pyz.made({OTHER: wheels[OTHER]}))
    done = start(path)
    words = f"has nothing for {sys.executable}, which is {HERE.tag}; start it with one of: {OTHER.tag}"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"k.pyz: {words}\n")


def test_a_c_library_that_is_too_old(archive: Path, wheels: dict[Target, list[Path]], tmp_path: Path) -> None:
    renamed = {
        one: [files[0], files[1].rename(files[1].with_name("o-1-cp-cp-manylinux_9_1_x.whl"))] for one, files in wheels.items()
    }
    archive.write_bytes(pyz.made(renamed))
    done = start(archive, KINFO_PYZ_FOLDER=str(tmp_path / "cache"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("k.pyz: needs glibc 9.1 or newer, this machine has 2.")


def test_an_old_python_is_told(tmp_path: Path) -> None:
    """By words that it can read: no f-string, no annotation, nothing that came later."""
    text = (
        (pyz.START / "first.py")
        .read_text()
        .replace("sys.version_info", "(2, 7, 18)", 1)
        .replace("sys.version_info[:3]", "(2, 7, 18)")
    )
    assert 'f"' not in text
    assert "->" not in text
    (tmp_path / "k").write_text(text)
    done = subprocess.run([sys.executable, tmp_path / "k"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"kinfo.pyz: needs Python 3.11 or newer, and {sys.executable} is 2.7.18; "
        f"start it with another, as in: python3.11 {tmp_path}/k\n"
    )


def test_the_oldest_glibc_that_runs_them() -> None:
    names = [
        "numpy-2-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "lz4-4-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
        "pyfdt-0.3-py3-none-any.whl",
    ]
    assert pyz.glibc_of([Path(name) for name in names]) == (2, 27)
    assert pyz.glibc_of([Path(name) for name in names[1:]]) == (2, 17)
    assert pyz.glibc_of([Path(name) for name in names[2:]]) == (0, 0)
    tags = list(pyz.platforms("aarch64"))
    assert (tags[0], tags[-3]) == ("manylinux_2_28_aarch64", "manylinux2014_aarch64")


def test_which_packages_are_compiled() -> None:
    assert pyz.is_compiled("numpy")
    assert not pyz.is_compiled("click")
