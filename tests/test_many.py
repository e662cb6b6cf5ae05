"""What is named becomes files, and one function goes over all of them, whatever becomes of one."""

from __future__ import annotations

import io
import itertools
import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfo import notices
from kinfo.errors import KinfoError
from kinfo.many.each import Result, each, killed_words
from kinfo.many.folders import folder_for
from kinfo.many.lists import names_in
from kinfo.many.named import Named, is_one_file
from kinfo.many.names import NamedFiles
from kinfo.many.patterns import matching
from kinfo.many.walk import HIDDEN, LINKED, SPECIAL, Walk, sorted_names


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def paths(names: NamedFiles) -> list[str]:
    return [one.path for one in names]


def problems(names: NamedFiles) -> list[str]:
    return [one.problem for one in names if one.problem]


# what is named


def test_a_folder_is_walked_in_one_order(tmp_path: Path) -> None:
    filled(tmp_path, "b/2", "b/1", "a.bin", "c", "b/z/9", "b/.hidden", ".git/config")
    names = NamedFiles([str(tmp_path)])
    wanted = ["a.bin", "b/1", "b/2", "b/z/9", "c"]
    assert paths(names) == [str(tmp_path / one) for one in wanted]
    assert names.passed == Counter({HIDDEN: 2})


@given(st.sets(st.integers(0, 300), max_size=60), st.integers(1, 70))
def test_names_come_sorted_however_few_are_held(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], most: int
) -> None:
    folder = filled(tmp_path_factory.mktemp("folder"), *map(str, numbers))
    assert list(sorted_names(str(folder), most)) == sorted(map(str, numbers))


def test_links_do_not_run_in_circles(tmp_path: Path) -> None:
    filled(tmp_path, "in/a", "elsewhere/b")
    (tmp_path / "in/up").symlink_to(tmp_path)
    (tmp_path / "in/other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/file").symlink_to(tmp_path / "elsewhere/b")
    (tmp_path / "in/self").symlink_to("self")
    (tmp_path / "in/nowhere").symlink_to("gone")
    names = NamedFiles([str(tmp_path / "in")])
    found = list(names)
    assert [Path(one.path).name for one in found] == ["a", "file", "nowhere", "self"]
    assert [bool(one.problem) for one in found] == [False, False, True, True]
    assert "nowhere: is a link that leads nowhere; mend or remove it" in found[2].problem
    assert "symbolic links" in found[3].problem
    assert names.passed == Counter({LINKED: 2})


def test_a_link_to_a_folder_is_walked_where_it_is_named(tmp_path: Path) -> None:
    filled(tmp_path, "day/a")
    (tmp_path / "latest").symlink_to("day")
    assert paths(NamedFiles([str(tmp_path / "latest")])) == [str(tmp_path / "latest/a")]


def test_devices_sockets_and_pipes_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    filled(tmp_path, "a")
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        names = NamedFiles(["."])
        assert paths(names) == ["./a"]
        assert names.passed == Counter({SPECIAL: 2})
        (tmp_path / "list").write_text("pipe\n/dev/zero\na\n")
        listed = NamedFiles((), "list")
        assert paths(listed) == ["pipe", "/dev/zero", "a"]
        assert [one.split(";")[0] for one in problems(listed)] == [
            "pipe: is a device, a socket or a pipe: it is not opened",
            "/dev/zero: is a device, a socket or a pipe: it is not opened",
        ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    filled(tmp_path, "a/1", "b/2", "c/3")
    (tmp_path / "b").chmod(0)
    try:
        found = list(NamedFiles([str(tmp_path)]))
    finally:
        (tmp_path / "b").chmod(0o755)
    assert [Path(one.path).name for one in found] == ["1", "b", "3"]
    assert "b: Permission denied; check the path and its permissions" in found[1].problem


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, "a/1", "b/2")
    scandir = os.scandir

    def refused(path: str) -> object:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    found = list(NamedFiles([str(tmp_path)]))
    assert [one.problem for one in found] == [f"{tmp_path}/a: Permission denied; check the path and its permissions", ""]


def test_a_file_that_goes_while_its_folder_is_read_is_no_problem(tmp_path: Path) -> None:
    filled(tmp_path, "a", "b", "c")
    names = iter(NamedFiles([str(tmp_path)]))
    assert next(names).path.endswith("a")
    (tmp_path / "b").unlink()
    assert [one.path for one in names] == [str(tmp_path / "c")]


def test_folders_deeper_than_paths_reach_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinfo.many.walk._DEEPEST", 3)
    filled(tmp_path, "1/2/a", "1/2/3/b")
    found = list(NamedFiles([str(tmp_path)]))
    assert [Path(one.path).name for one in found] == ["3", "a"]
    assert "is more than 3 folders deep; name this folder itself" in found[0].problem


def test_a_folder_that_is_one_source_is_named_as_a_whole(tmp_path: Path) -> None:
    filled(tmp_path, "dump/part", "dump/listing", "a")

    def is_one(folder: str) -> bool:
        return os.path.exists(f"{folder}/listing")

    assert paths(NamedFiles([str(tmp_path)], is_one=is_one)) == [str(tmp_path / "a"), str(tmp_path / "dump")]
    assert paths(NamedFiles([str(tmp_path / "dump")], is_one=is_one)) == [str(tmp_path / "dump")]
    assert list(Walk(is_one, Counter()).below(str(tmp_path / "dump"))) == [Named(str(tmp_path / "dump"))]


def test_what_is_one_file(tmp_path: Path) -> None:
    folder = filled(tmp_path, "a", "[b]*")
    assert all(is_one_file([one], None) for one in (f"{folder}/a", f"{folder}/[b]*", "gone", "-", "gone@0x8000"))
    several = [([str(folder)], None), ([f"{folder}/*"], None), (["a"], "list"), (["a", "a"], None), ([], "list")]
    assert not any(is_one_file(words, files_from) for words, files_from in several)


def test_patterns_that_the_shell_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    filled(tmp_path, "x/1.bin", "x/2.bin", "x/.3.bin", "x/y/4.bin", "z/y/5.bin", "z/6.txt")
    assert list(matching("x/*.bin")) == ["x/1.bin", "x/2.bin"]
    assert list(matching("x/.*.bin")) == ["x/.3.bin"]
    assert list(matching("*/y/[45].bin")) == ["x/y/4.bin", "z/y/5.bin"]
    assert list(matching("**/*.bin")) == ["x/1.bin", "x/2.bin", "x/y/4.bin", "z/y/5.bin"]
    assert list(matching("z/**")) == ["z/6.txt", "z/y/5.bin"]
    assert list(matching(f"{tmp_path}/?/*.txt")) == [f"{tmp_path}/z/6.txt"]
    assert list(matching("z/6.txt/*")) == []
    assert list(matching("*/gone")) == []
    assert paths(NamedFiles(["x/*.bin", "z"])) == ["x/1.bin", "x/2.bin", "z/6.txt", "z/y/5.bin"]
    assert paths(NamedFiles(["*"])) == ["x/1.bin", "x/2.bin", "x/y/4.bin", "z/6.txt", "z/y/5.bin"]
    assert problems(NamedFiles(["*.elf"])) == [
        "*.elf: no such file, and nothing fits it as a pattern; check the folder and the pattern"
    ]


def test_a_file_with_the_signs_of_a_pattern_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    filled(tmp_path, "a[1].bin", "a1.bin")
    assert paths(NamedFiles(["a[1].bin"])) == ["a[1].bin"]


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_a_list_of_files(tmp_path: Path, end: str) -> None:
    filled(tmp_path, "day/a", "day/b", "odd name*")
    blank = [""] if end == "\n" else []
    lines = [str(tmp_path / "day"), *blank, str(tmp_path / "odd name*"), str(tmp_path / "gone*")]
    text = end.join(lines).encode()
    (tmp_path / "list").write_bytes(text)
    wanted = [str(tmp_path / one) for one in ("day/a", "day/b", "odd name*", "gone*")]
    for names in (NamedFiles((), str(tmp_path / "list")), NamedFiles((), "-", stdin=io.BytesIO(text))):
        assert paths(names) == wanted
    assert problems(NamedFiles((), str(tmp_path / "list"))) == [
        f"{tmp_path}/gone*: No such file or directory; check the path and its permissions"
    ]


@given(st.lists(st.binary(min_size=1, max_size=200).filter(lambda one: b"\0" not in one), min_size=1, max_size=80))
def test_a_list_with_nuls_holds_any_name(names: list[bytes]) -> None:
    assert [os.fsencode(one) for one in names_in("-", io.BytesIO(b"".join(one + b"\0" for one in names)))] == names


@given(
    st.lists(st.binary(max_size=3000).filter(lambda one: b"\0" not in one and b"\n" not in one), max_size=20), st.booleans()
)
def test_a_list_of_lines_holds_any_name_without_one(names: list[bytes], has_end: bool) -> None:
    data = b"\n".join(names) + (b"\n" if has_end else b"")
    wanted = [one for one in names if one]
    if not wanted:
        with pytest.raises(KinfoError, match="names no file"):
            list(names_in("-", io.BytesIO(data)))
    else:
        assert [os.fsencode(one) for one in names_in("-", io.BytesIO(data))] == wanted


_NO_LIST = (
    "--files-from {}: is no list: NULs follow each other in it; name a list of files, one a line; "
    "a dump is named without --files-from"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "--files-from {}: names no file; check the command that wrote the list"),
        *((data, _NO_LIST) for data in (b"\x7fELF\2\1\1" + bytes(9) + b"./.", bytes(5000), b"a\0./\0\0/\0")),
        (b"a\n" + b"x" * 9000, "--files-from {}: has a name of more than 4096 bytes; name a list of files, one a line"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(KinfoError) as caught:
        list(names_in(str(path)))
    assert str(caught.value) == message.format(path)


def test_lists_that_cannot_be_read(tmp_path: Path) -> None:
    for name, word in ((str(tmp_path), "Is a directory"), (f"{tmp_path}/gone", "No such file"), ("a\0b", "null byte")):
        with pytest.raises(KinfoError, match=word):
            list(names_in(name))
    with pytest.raises(KinfoError, match="no standard input here"):
        list(names_in("-"))


# where what comes of each of them goes


def test_a_folder_for_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    inside = str(tmp_path / "here" / "a" / "x.bin")
    assert [folder_for(one) for one in ("a/x.bin", "./a//x.bin", "a/../a/x.bin", inside)] == ["a/x.bin"] * 4
    assert folder_for("../x.bin") == f"%root{tmp_path}/x.bin" == folder_for(str(tmp_path / "x.bin"))
    assert (folder_for("-"), folder_for("./-"), folder_for("%stdin"), folder_for(".")) == ("%stdin", "-", "%25stdin", "")


_NAMES = st.text(st.sampled_from("ab.%-_ \n\udcfe"), min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
_PATHS = st.builds(
    lambda root, names: root + "/".join(names),
    st.sampled_from(["", "/", "../", "../../", "/root/"]),
    st.lists(_NAMES, min_size=1),
)


@given(_PATHS, _PATHS)
def test_no_two_files_have_one_folder_and_none_leads_out(one: str, other: str) -> None:
    folders = [folder_for(one), folder_for(other)]
    assert (folders[0] == folders[1]) == ((one == "-") == (other == "-") and os.path.abspath(one) == os.path.abspath(other))
    for folder in folders:
        assert not folder.startswith("/")
        assert ".." not in folder.split("/")


# one function over all of them


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_one_bad_item_never_stops_the_rest(jobs: int, tmp_path: Path) -> None:
    def work(name: str) -> int:
        notices.tell(f"at {name}")
        if name == "2":
            raise KinfoError("2: is wrong", "mend it")
        if name == "3":
            open(tmp_path / "gone").close()
        if name == "4":
            raise MemoryError
        if name == "5":
            raise ZeroDivisionError("by\nnothing")
        if name == "6":
            raise OSError(5, "Input/output error")
        return int(name)

    found = dict(each(work, map(str, range(9)), jobs=jobs))
    assert [found[str(number)].value for number in range(9)] == [0, 1, None, None, None, None, None, 7, 8]
    assert found["2"] == Result(None, "2: is wrong; mend it", ("at 2",))
    assert found["3"].problem == f"{tmp_path}/gone: No such file or directory; check the path and its permissions"
    assert found["4"].problem.startswith("4: out of memory; ")
    assert found["5"].problem.startswith("5: internal error at test_many.py:")
    assert "ZeroDivisionError: by nothing; please report it" in found["5"].problem
    assert found["6"].problem == "6: Input/output error; check the path and its permissions"
    assert found["8"] == Result(8, "", ("at 8",))


def test_what_is_named_and_cannot_be_read_is_its_outcome() -> None:
    items = [Named("a"), Named("b", "b: is gone; mend it"), Named("c")]
    found = list(each(lambda one: one.path, items, jobs=2))
    assert found == [(items[0], Result("a")), (items[1], Result(None, "b: is gone; mend it")), (items[2], Result("c"))]


def test_a_killed_process_costs_one_item_alone() -> None:
    """In the midst of many quick ones, which are handed out many at a time."""

    def work(item: int) -> int:
        if item == 700:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    found = [outcome for _, outcome in each(work, range(1500), jobs=2)]
    wrong = [number for number, outcome in enumerate(found) if outcome.value != number]
    assert wrong == [700]
    words = (
        "the process that read it was killed (signal 9), twice; is memory short? take it alone, or fewer at once: --jobs 1"
    )
    assert found[700].problem == f"700: {words}"


def test_what_is_said_of_a_killed_process() -> None:
    assert killed_words("signal 9").endswith("(signal 9), twice; is memory short? take it alone")
    assert "was it cut while it was read" in killed_words(f"signal {int(signal.SIGBUS)}")


def test_what_was_killed_once_is_done_again(tmp_path: Path) -> None:
    def work(item: int) -> int:
        if item == 3 and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert [outcome for _, outcome in each(work, range(6), jobs=2)] == [Result(number) for number in range(6)]
    assert (tmp_path / "killed").exists()


def test_items_are_taken_as_they_are_needed() -> None:
    taken = itertools.count()
    found = each(lambda item: item, taken, jobs=2, window=50)
    for number, (item, outcome) in zip(range(1000), found, strict=False):
        assert (item, outcome.value) == (number, number)
    assert next(taken) < 1000 + 60
    found.close()  # type: ignore[attr-defined]


def test_large_items_and_answers_pass() -> None:
    """Larger than what any pipe holds, on both ways at once."""
    items = [bytes([number]) * (1 << 20) for number in range(12)] + [b"small"] * 200
    assert [outcome.value for _, outcome in each(lambda item: item * 2, items, jobs=2)] == [item * 2 for item in items]


def test_one_item_starts_no_process() -> None:
    assert [outcome.value for _, outcome in each(lambda _: os.getpid(), ["a"], jobs=4)] == [os.getpid()]


def test_an_error_of_the_items_ends_the_processes() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise KinfoError("the list: is broken")

    pids: list[int] = []
    found = each(lambda _: os.getpid(), items(), jobs=2)
    with pytest.raises(KinfoError, match="is broken"):
        pids.extend(outcome.value or 0 for _, outcome in found)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_without_processes_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    with pytest.raises(KinfoError, match=r"no process can be started: Resource temporarily unavailable; .*--jobs 1"):
        list(each(str, range(4), jobs=2))
    assert [outcome.value for _, outcome in each(str, range(2), jobs=1)] == ["0", "1"]


def test_as_many_processes_as_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    fork = os.fork
    started: list[int] = []

    def second_refused() -> int:
        if started:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        started.append(1)
        return fork()

    monkeypatch.setattr(os, "fork", second_refused)
    assert [outcome.value for _, outcome in each(str, range(40), jobs=8)] == [str(number) for number in range(40)]
