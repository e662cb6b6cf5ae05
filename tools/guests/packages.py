"""Debian packages of another architecture, without root: a private apt root, and the few files wanted of a package."""

from __future__ import annotations

import lzma
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.guests.machines import GuestError, run

_SUITES = (("debian", "bookworm"), ("debian", "bookworm-backports"), ("debian-security", "bookworm-security"))
_PUBLIC = {"debian": "http://deb.debian.org/debian", "debian-security": "http://deb.debian.org/debian-security"}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ADDRESS = re.compile(r"(?:mirror\+)?(?:https?|file|ftp):[^\s\]]+")


class Apt:
    """apt with its own lists, state and cache under `root`, for one architecture and some of Debian's suites."""

    def __init__(self, root: Path, architecture: str = "arm64", suites: Sequence[tuple[str, str]] = _SUITES) -> None:
        self._debs = root / "debs"
        for folder in ("lists/partial", "archives/partial", "debs/partial"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "status").touch()
        (root / "sources.list").write_text(_sources(suites))
        options = {
            "Dir::State": root,
            "Dir::State::Lists": root / "lists",
            "Dir::State::status": root / "status",
            "Dir::Cache": root,
            "Dir::Etc::SourceList": root / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
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


def _sources(suites: Sequence[tuple[str, str]]) -> str:
    if not _KEYRING.exists():
        raise GuestError(f"{_KEYRING} is missing; install debian-archive-keyring")
    mirrors = _mirrors()
    return "".join(f"deb [signed-by={_KEYRING}] {mirrors[archive]} {suite} main\n" for archive, suite in suites)


def _mirrors() -> dict[str, str]:
    """The mirrors this machine uses for Debian's archives; the public one where it names none."""
    found = dict(_PUBLIC)
    for names in ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"):
        for path in sorted(Path("/etc/apt").glob(names)):
            for archive, address in _archives(path.read_text(errors="replace")):
                if found.get(archive) == _PUBLIC.get(archive, ""):
                    found[archive] = address
    return found


def _archives(sources: str) -> Iterator[tuple[str, str]]:
    """Each address in a list of sources, old style or new, with the last word of its path: the archive's name."""
    for line in sources.splitlines():
        for address in _ADDRESS.findall(line.partition("#")[0]):
            yield address.rstrip("/").rpartition("/")[2].removesuffix(".list"), address
