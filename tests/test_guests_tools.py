"""What makes the guests, as far as it needs no machine: where packages come from, and which folders are up to date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.guests import __main__ as command
from tools.guests import initramfs, packages
from tools.guests.boot import _told
from tools.guests.machines import FORM, GUESTS, GuestError, is_made


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keyring.gpg"
    path.touch()
    monkeypatch.setattr(packages, "_KEYRING", path)
    return path


def test_the_archive_is_the_machines_own(tmp_path: Path, keyring: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "# deb http://old.example/debian bookworm main\ndeb [arch=amd64] http://one.example/debian x y\n"
    )
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "a.sources").write_text(
        "Types: deb\nURIs: https://two.example/pub/debian-security/\nSuites: z\n"
    )
    (tmp_path / "sources.list.d" / "b.list").write_text("deb https://three.example/tools stable main\n")
    assert packages.sources(("trixie", "trixie-security"), tmp_path) == (
        f"deb [signed-by={keyring}] http://one.example/debian trixie main\n"
        f"deb [signed-by={keyring}] https://two.example/pub/debian-security/ trixie-security main\n"
    )


def test_a_machine_without_the_security_archive(tmp_path: Path, keyring: Path) -> None:
    (tmp_path / "sources.list").write_text("deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n")
    assert packages.sources(("bookworm", "bookworm-security"), tmp_path) == (
        f"deb [signed-by={keyring}] mirror+file:/etc/apt/mirrors/debian.list bookworm main\n"
    )


def test_a_machine_without_an_archive(tmp_path: Path, keyring: Path) -> None:
    (tmp_path / "sources.list").write_text("deb https://three.example/tools stable main\n")
    message = f"no Debian archive is among the sources of {tmp_path}: add a line like `deb http://HOST/debian bookworm main`"
    with pytest.raises(GuestError) as raised:
        packages.sources(("bookworm",), tmp_path)
    assert str(raised.value) == message
    keyring.unlink()
    with pytest.raises(GuestError, match="is missing; install debian-archive-keyring"):
        packages.sources(("bookworm",), tmp_path)


@pytest.mark.parametrize(
    ("meta", "made"),
    [
        (None, False),
        ("{", False),
        ('{"name": "6.1"}', False),
        (json.dumps({"form": FORM - 1}), False),
        (json.dumps({"form": FORM}), True),
    ],
)
def test_a_folder_of_another_form_is_none(tmp_path: Path, meta: str | None, made: bool) -> None:
    if meta is not None:
        (tmp_path / "meta.json").write_text(meta)
    assert is_made(tmp_path) is made


def test_what_is_there_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KINFO_GUESTS", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["guests", "6.1", "6.12"])
    monkeypatch.setattr("shutil.which", lambda _program: None)
    for name, form in (("6.1", FORM), ("6.12", FORM - 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "meta.json").write_text(json.dumps({"form": form}))
    assert command.main() == 1
    assert capsys.readouterr().err == "guests: 6.12: qemu-system-aarch64 is missing; install Debian's qemu-system-arm\n"
    (tmp_path / "6.12" / "meta.json").write_text(json.dumps({"form": FORM}))
    assert command.main() == 0
    assert capsys.readouterr().err == ""


def test_every_guest_is_one() -> None:
    names = [guest.name for guest in GUESTS]
    assert len(set(names)) == len(names)
    assert all(guest.machine.console in ("ttyAMA0", "ttyS0") for guest in GUESTS)


def test_what_a_guest_did_not_tell_is_said() -> None:
    mark = initramfs.MARK
    with pytest.raises(GuestError, match=r"^the guest could not insmod loop$"):
        _told(f"{mark} FAILED insmod loop\n")
    with pytest.raises(GuestError, match=r"^the guest did not tell version$"):
        _told(f"{mark} READY\n")
    with pytest.raises(GuestError, match=r"^what the guest told of version is damaged: "):
        _told(f"{mark} version\nH4sI\n{mark} modules\n")
