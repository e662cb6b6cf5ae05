"""Debian packages of another architecture, without root: a private apt root, and the few files wanted of a package."""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tools.guests.machines import Guest, GuestError, run

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ADDRESS = re.compile(r"(?:mirror\+)?(?:https?|file|ftp):[^\s\]]+")


class Apt:
    """apt for an architecture and these suites, with lists, state and cache of its own under `root`."""

    def __init__(self, root: Path, arch: str, suites: Sequence[str]) -> None:
        self._debs = root / "debs"
        root = root / f"{arch}-{suites[0]}"
        for folder in (root / "lists/partial", root / "archives/partial", self._debs / "partial"):
            folder.mkdir(parents=True, exist_ok=True)
        (root / "status").touch()
        (root / "sources.list").write_text(sources(suites))
        options = {
            "Dir::State": root,
            "Dir::State::Lists": root / "lists",
            "Dir::State::status": root / "status",
            "Dir::Cache": root,
            "Dir::Etc::SourceList": root / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "APT::Architecture": arch,
            "APT::Architectures": arch,
            "APT::Sandbox::User": "root",  # nobody to become: everything here is the caller's own
            "Acquire::Retries": "3",
        }
        self._options = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        run(["apt-get", *self._options, "-qq", "update"])

    def newest(self, pattern: str) -> str:
        """The package whose name matches `pattern` and has the highest version in its name."""
        found = run(["apt-cache", *self._options, "search", "--names-only", f"^{pattern}$"])
        names = [line.split(" - ")[0] for line in found.splitlines()]
        if not names:
            raise GuestError(f"no package of the mirror matches {pattern}")
        return max(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])

    def fetch(self, package: str) -> Path:
        """The package's .deb, from the mirror unless it is here already."""
        [url] = run(["apt-get", *self._options, "-qq", "--print-uris", "download", package]).splitlines()
        name = url.split()[1]
        if not (self._debs / name).exists():
            loading = self._debs / "partial"  # apt writes under the final name while it loads
            run(["apt-get", *self._options, "-qq", "download", package], cwd=loading)
            (loading / name).rename(self._debs / name)
        return self._debs / name


def debs_of(guest: Guest, root: Path) -> list[Path]:
    """The packages of a guest's kernel, the one with the image first, then busybox's, out of the cache under `root`."""
    apt = _apt(root, guest.arch, guest.suites)
    kernel = apt.newest(guest.package)
    version = re.sub(r"linux-(image|binary)-", "", kernel)
    return [apt.fetch(name) for name in (kernel, *(one.format(version) for one in guest.beside), "busybox-static")]


@cache
def _apt(root: Path, arch: str, suites: Sequence[str]) -> Apt:
    return Apt(root, arch, suites)


def version_of(deb: Path) -> str:
    """The version a .deb says it has."""
    return run(["dpkg-deb", "--field", deb, "Version"]).strip()


def unpack(deb: Path, wanted: str, folder: Path) -> list[Path]:
    """The members whose path matches `wanted`, under their own name in `folder`, .xz undone."""
    files = []
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as source,
        tarfile.open(fileobj=source.stdout, mode="r|") as archive,
    ):
        for member in archive:
            content = archive.extractfile(member) if re.fullmatch(wanted, member.name) else None
            if content is not None:
                files.append(folder / Path(member.name).name.removesuffix(".xz"))
                with lzma.open(content) if member.name.endswith(".xz") else content as data, files[-1].open("wb") as out:
                    shutil.copyfileobj(data, out)
    if source.returncode or not files:
        raise GuestError(f"{deb.name}: cannot be unpacked, or holds nothing like {wanted}")
    return files


def sources(suites: Sequence[str], etc: Path = Path("/etc/apt")) -> str:
    """A sources.list with these suites, from the archives that this machine names; -security may be missing."""
    if not _KEYRING.exists():
        raise GuestError(f"{_KEYRING} is missing; install debian-archive-keyring")
    found = _mirrors(etc)
    if "debian" not in found:
        raise GuestError(
            f"no Debian archive is among the sources of {etc}: add a line like `deb http://HOST/debian bookworm main`"
        )
    places = [(found.get("debian-security" if suite.endswith("-security") else "debian"), suite) for suite in suites]
    return "".join(f"deb [signed-by={_KEYRING}] {address} {suite} main\n" for address, suite in places if address)


def _mirrors(etc: Path) -> dict[str, str]:
    """The addresses that this machine uses for Debian's archives, by the archive's name: the first of each."""
    found: dict[str, str] = {}
    for names in ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"):
        for path in sorted(etc.glob(names)):
            for archive, address in _archives(path.read_text(errors="replace")):
                found.setdefault(archive, address)
    return found


def _archives(text: str) -> Iterator[tuple[str, str]]:
    """Each address in a list of sources, old style or new, with the last word of its path: the archive's name."""
    for line in text.splitlines():
        for address in _ADDRESS.findall(line.partition("#")[0]):
            yield address.rstrip("/").rpartition("/")[2].removesuffix(".list"), address
