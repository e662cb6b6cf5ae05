"""Object storage as source and output of a survey, on a local server that speaks S3."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kinfo
from kinfo.errors import DumpError, KinfoError
from kinfo.survey import remote
from kinfo.survey.files import looked_at
from kinfo.survey.formats import form_of
from kinfo.survey.parts import Parts, PartsPlan
from kinfo.survey.run import survey_files
from kinfo.survey.storage import Bucket, joined_name
from tests.conftest import ROOT
from tests.object_store import STORED, Request, StoreServer, serving
from tests.test_survey import by_source, put, region, table_of


class TestNames:
    @pytest.mark.parametrize(
        ("name", "is_there"), [("s3://a/b", True), ("gs://a", True), ("s3:a", False), ("a/gs://b", False)]
    )
    def test_what_is_of_object_storage(self, name: str, is_there: bool) -> None:
        assert remote.is_remote(name) is is_there

    def test_secrets_are_in_no_table_and_no_message(self) -> None:
        assert remote.shown("s3://key:secret@bucket/a?scheme=http") == "s3://bucket/a?scheme=http"
        assert remote.shown("s3://bucket/a@b") == "s3://bucket/a@b"

    def test_urls_of_what_is_below(self) -> None:
        assert remote.url_of("s3://k:s@bucket/a?scheme=http", "bucket/a/b") == "s3://k:s@bucket/a/b?scheme=http"
        assert remote.url_of("s3://bucket/a", "bucket/a/b") == "s3://bucket/a/b"
        assert joined_name("s3://k:s@bucket/a?scheme=http", "b", "c") == "s3://k:s@bucket/a/b/c?scheme=http"
        assert joined_name("/a/", "b") == "/a/b"


pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install kinfo[survey]")


def test_an_object_is_read_as_a_file_is(tmp_path: Path) -> None:
    from pyarrow import fs

    path = put(tmp_path / "a", region("C") * 3)
    with remote.ObjectDump(fs.LocalFileSystem().open_input_file(str(path)), "s3://b/a", 5) as dump:
        assert dump.read(4096, 8) == region("C")[:8] == dump.view(4096, 8)
        assert dump.read(1 << 40, 8) == b""
        assert dump.read(3 * 4096 - 4, 8) == bytes(4)
        assert b"".join(bytes(view) for _, view in dump.windows(4, 8000)) == path.read_bytes()[4:8000]
        assert [one.offset for one in kinfo.decode_all(dump)] == [0, 4096, 8192]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    pytest.importorskip("moto", reason="moto is not installed: pip install 'moto[server]' runs what speaks S3")
    code = (
        "from moto.server import ThreadedMotoServer as S; s = S(port=0, verbose=False); s.start(); "
        "print(s.get_host_and_port()[1], flush=True); input()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=pipe, stdin=pipe, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        url = f"s3://key:secret@fleet?scheme=http&endpoint_override=127.0.0.1:{port}&allow_bucket_creation=true"
        place = remote.place_of(url)
        place.files.create_dir("fleet")
        yield url
        server.kill()


@pytest.fixture
def dumps(bucket: str, request: pytest.FixtureRequest) -> str:
    folder = joined_name(bucket, request.node.name)
    for seed in range(6):
        store(joined_name(folder, "dumps", str(seed % 2), f"{seed}.bin"), region(("A2", "C", "D")[seed % 3], seed))
    store(joined_name(folder, "dumps", "junk.bin"), b"no record" * 100)
    store(joined_name(folder, "dumps", "empty.bin"), b"")
    return folder


def store(url: str, data: bytes) -> None:
    place = remote.place_of(url)
    with place.files.open_output_stream(place.path) as file:
        file.write(data)


def test_as_source(dumps: str, tmp_path: Path) -> None:
    done = survey_files([joined_name(dumps, "dumps")], str(tmp_path / "t.csv"))
    assert done.kinds == {"record": 6, "none": 1, "unread": 1}
    rows = by_source([row | {"source": str(row["source"]).partition("?")[0]} for row in table_of(tmp_path / "t.csv")])
    assert "secret" not in (tmp_path / "t.csv").read_text()
    for seed in range(6):
        alone = looked_at(str(put(tmp_path / "x", region(("A2", "C", "D")[seed % 3], seed)))).rows[0]
        row = rows[f"{seed}.bin"]
        assert {name: row[name] for name in alone if name not in ("source", "modified", "settled")} == {
            name: alone[name] for name in alone if name not in ("source", "modified", "settled")
        }


def test_as_output(dumps: str) -> None:
    table = joined_name(dumps, "t.parquet")
    assert survey_files([joined_name(dumps, "dumps")], table).rows == 8
    with pytest.raises(KinfoError, match=r"s3://fleet/.*t\.parquet.*: exists already"):
        survey_files([joined_name(dumps, "dumps")], table)
    assert survey_files([joined_name(dumps, "dumps")], table, append=True).rows == 0
    store(joined_name(dumps, "dumps", "new.bin"), region("C", 50))
    assert survey_files([joined_name(dumps, "dumps")], table, append=True).rows == 1
    assert len(table_of(table)) == 9
    assert kinfo.survey_report(table).rows == 9
    place = remote.place_of(joined_name(dumps, "t.parquet.parts"))
    from pyarrow import fs

    assert not place.files.get_file_info(fs.FileSelector(place.path, allow_not_found=True, recursive=True))


def test_as_a_folder(dumps: str) -> None:
    table = joined_name(dumps, "p.parquet")
    assert survey_files([joined_name(dumps, "dumps")], table, partition="release").rows == 8
    assert len(table_of(table)) == 8


def test_what_is_not_there(bucket: str, tmp_path: Path) -> None:
    done = survey_files([joined_name(bucket, "nothing")], str(tmp_path / "t.csv"))
    assert done.kinds == {"unread": 1}
    with pytest.raises(DumpError, match=r"s3://fleet/nothing"):
        remote.opened(joined_name(bucket, "nothing"))
    done = survey_files([joined_name(bucket.replace("@fleet", "@other"), "x")], str(tmp_path / "u.csv"))
    assert done.kinds == {"unread": 1}


class Folders:
    """A folder of this machine as object storage has it: what is written makes the folders that it lies in."""

    def __init__(self) -> None:
        from pyarrow import fs

        self._files = fs.LocalFileSystem()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def open_output_stream(self, path: str) -> Any:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return self._files.open_output_stream(path)


def test_two_surveys_into_one_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one to come goes on; the other one notices, and takes nothing away."""
    monkeypatch.setattr(remote, "place_of", lambda url: remote.RemotePlace(Folders(), url.replace("s3:/", str(tmp_path))))
    form, plan = form_of("t.csv"), PartsPlan(".csv", "", False, "")
    rows = [form.payload(looked_at(str(put(tmp_path / "in" / name, region("C", at)))).rows) for at, name in enumerate("abc")]
    first, second = (Parts(Bucket(), "s3://b/t.csv", form) for _ in range(2))
    said = r"s3://b/t\.csv\.parts/lock: another survey has begun to write there; wait for its end, and run this again"
    with first.held(plan):
        first.add(rows[:1])
        with second.held(plan):
            second.add(rows[1:2])
            with pytest.raises(KinfoError, match=said):
                first.add(rows[2:])
            with pytest.raises(KinfoError, match=said):
                list(first.payloads())
            third = Parts(Bucket(), "s3://b/t.csv", form)
            monkeypatch.setattr(Parts, "_plan", lambda _: {})  # of another survey, whose parts are left out
            with third.held(plan):
                assert (len(first), len(second), len(third)) == (1, 2, 0)
            assert not (tmp_path / "b" / "t.csv.parts").exists()
            with pytest.raises(KinfoError, match=said):
                second.add(rows[2:])
    one = survey_files([str(tmp_path / "in" / "a"), str(tmp_path / "in" / "nothing")], "s3://b/t.csv")
    assert (one.rows, one.kinds) == (2, {"record": 1, "unread": 1})
    assert sorted(by_source(table_of("s3://b/t.csv"))) == ["a", "nothing"]


def test_storage_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __getattr__(self, name: str) -> object:
            def refuse(*_: object) -> None:
                raise OSError(f"AWS Error ACCESS_DENIED during {name}\nand more")

            return refuse

    monkeypatch.setattr(remote, "place_of", lambda _: remote.RemotePlace(Refusing(), "b/x"))
    with pytest.raises(KinfoError) as caught:
        survey_files(["s3://k:s@b/x"], str(tmp_path / "t.csv"))
    assert str(caught.value) == (
        "s3://b/x: cannot be listed: AWS Error ACCESS_DENIED during get_file_info; check the name, and your rights"
    )
    assert not os.path.exists(tmp_path / "t.csv.parts")
    (row,) = looked_at("s3://k:s@b/x").rows
    assert row["reason"] == "s3://b/x: AWS Error ACCESS_DENIED during get_file_info; check the name, and your rights"
    with pytest.raises(KinfoError, match=r"s3://b/t\.csv\.parts: AWS Error ACCESS_DENIED"):
        survey_files([str(tmp_path)], "s3://b/t.csv")
    dump = remote.ObjectDump.__new__(remote.ObjectDump)
    dump.file, dump.name, dump.size = Refusing(), "s3://b/x", 10
    with pytest.raises(DumpError, match="s3://b/x: cannot read at 0x0: AWS Error ACCESS_DENIED during read_at; try again"):
        dump.read(0, 4)


def test_a_url_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(KinfoError, match=r"s3://\[: .*URI.*; write s3://bucket/key or gs://bucket/key"):
        survey_files(["s3://["], str(tmp_path / "t.csv"))


@pytest.fixture
def store_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreServer]:
    pytest.importorskip("pyarrow.fs", reason="pyarrow is not installed: pip install kinfo[survey]")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no machine of a cloud is asked which one it is
    with serving() as server:
        server.objects = {f"d/{name}": region("C", at) for at, name in enumerate(("a", "denied", "gone", "half", "new", "z"))}
        yield server


def refusing(status: int, code: str) -> Callable[[Request], bool]:
    def refuse(request: Request) -> bool:
        request.refuse(status, code)
        return True

    return refuse


class TestHostileStorage:
    def test_what_becomes_of_single_objects_stops_no_other(self, store_server: StoreServer, tmp_path: Path) -> None:
        cut: list[str] = []

        def half(request: Request) -> bool:
            if request.command == "HEAD" or cut:
                return False
            cut.append(request.key)
            request.answer_object(store_server.objects[request.key], sent=100)
            return True

        def new(request: Request) -> bool:
            if request.command == "GET":
                store_server.stored[request.key] = STORED + 60
            return False

        store_server.faults = {
            "d/denied": refusing(403, "AccessDenied"),
            "d/gone": refusing(404, "NoSuchKey"),
            "d/half": half,
            "d/new": new,
        }
        table = tmp_path / "t.csv"
        done = survey_files([store_server.url("d")], str(table))
        assert (done.files, done.kinds) == (6, {"record": 3, "unread": 3})
        assert done.changed == (store_server.url("d/new").replace("key:secret@", ""),)
        assert "secret" not in table.read_text()
        rows = {str(row["source"]).partition("?")[0].rpartition("/")[2]: row for row in table_of(table)}
        assert cut == ["d/half"]
        assert {name: (row["kind"], row["settled"]) for name, row in rows.items()} == {
            **dict.fromkeys(("a", "half", "z"), ("record", True)),
            **dict.fromkeys(("denied", "gone", "new"), ("unread", False)),
        }
        said = {
            "denied": "ACCESS_DENIED",
            "gone": "Path does not exist",
            "new": "was stored anew or removed while it was read",
        }
        assert all(text in str(rows[name]["reason"]) for name, text in said.items())
        store_server.faults.clear()
        again = survey_files([store_server.url("d")], str(table), append=True)
        assert (again.skipped, again.rows, again.kinds) == (3, 3, {"record": 3})

    def test_a_small_object_takes_one_request_for_its_bytes(self, store_server: StoreServer, tmp_path: Path) -> None:
        store_server.objects = {"d/a": region("C") + bytes(200_000)}
        assert survey_files([store_server.url("d")], str(tmp_path / "t.csv")).kinds == {"record": 1}
        assert [one for one in store_server.asked if one == "GET d/a"] == ["GET d/a"]

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_silent_server_is_not_waited_for(self, store_server: StoreServer, tmp_path: Path, number: int) -> None:
        asked, end = threading.Event(), threading.Event()

        def silent(request: Request) -> bool:
            if request.command == "GET":
                asked.set()
                end.wait()
            return False

        store_server.faults["d/a"] = silent
        words = ("survey", store_server.url("d"), "-o", str(tmp_path / "t.csv"))
        with subprocess.Popen(
            [sys.executable, "-m", "kinfo", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            try:
                assert asked.wait(60)
                child.send_signal(number)
                assert child.wait(60) == 128 + number
            finally:
                end.set()
                child.kill()
            assert child.stderr is not None
            assert child.stderr.read() == b""
        assert list(tmp_path.iterdir()) == []

    def test_large_objects_are_read_piece_by_piece_and_never_short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Short:
            def size(self) -> int:
                return 100

            def read_at(self, size: int, offset: int) -> bytes:
                return bytes(range(100))[offset : min(offset + size, 60)]

        dump = remote.ObjectDump(Short(), "s3://b/x", 5)
        with pytest.raises(DumpError, match="s3://b/x: 60 of 100 bytes came at 0x0; it was stored anew meanwhile, or cut"):
            dump.read(4, 8)
        monkeypatch.setattr(remote, "_WHOLE", 50)
        dump = remote.ObjectDump(Short(), "s3://b/x", 5)
        assert dump.read(4, 4) == bytes((4, 5, 6, 7))
        with pytest.raises(DumpError, match="s3://b/x: 2 of 4 bytes came at 0x3a; it was stored anew meanwhile, or cut"):
            dump.read(58, 4)
