"""NamedTuple of our own: in every respect what typing's is, but for the time that it takes to make."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kinfo.findings import Finding, Rule

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from kinfo.named import NamedTuple


class Spot(NamedTuple):
    """A place."""

    name: str
    at: int | None = None
    size: int = 4

    @property
    def end(self) -> int:
        """Behind it."""
        return (self.at or 0) + self.size

    def __len__(self) -> int:
        return self.size


class Twin(typing.NamedTuple):
    """A place."""

    name: str
    at: int | None = None
    size: int = 4


class Wider(Spot):
    note = "derived from one"

    def more(self) -> int:
        return self.end + 1


class Empty(NamedTuple):
    pass


BOTH: tuple[Any, ...] = (Spot, Twin)


def said(call: Any) -> str:
    with pytest.raises((TypeError, ValueError, AttributeError)) as caught:
        call()
    return str(caught.value).replace("Twin", "Spot")


def test_values_and_fields_are_as_typing_has_them() -> None:
    for one in BOTH:
        made = one("a", size=9)
        assert made == ("a", None, 9)
        assert (made.name, made.at, made.size, made[0], [*made]) == ("a", None, 9, "a", ["a", None, 9])
        assert one._fields == one.__match_args__ == ("name", "at", "size")
        assert one._field_defaults == {"at": None, "size": 4}
        assert one.__slots__ == ()
        assert one._make(["a", 1, 2]) == one("a", 1, 2)
        assert made._replace(at=3, name="b") == ("b", 3, 9)
        assert type(made._replace(at=3)) is one
        assert list(made._asdict().items()) == [("name", "a"), ("at", None), ("size", 9)]
        assert repr(made).replace("Twin", "Spot") == "Spot(name='a', at=None, size=9)"
        assert hash(made) == hash(("a", None, 9))
        assert sys.getsizeof(made) == sys.getsizeof(("a", None, 9))
        assert typing.get_type_hints(one) == {"name": str, "at": int | None, "size": int}
        assert list(inspect.signature(one).parameters) == ["name", "at", "size"]
        assert inspect.signature(one).parameters["size"].default == 4
        assert inspect.getdoc(one.at) == "Alias for field number 1"
        assert one.__doc__ == "A place."


def test_mistakes_are_told_as_typing_tells_them() -> None:
    ours, theirs = (
        [
            said(one),
            said(lambda one=one: one("a", 1, 2, 3)),
            said(lambda one=one: one("a", nope=1)),
            said(lambda one=one: one("a", name="b")),
            said(lambda one=one: one._make(["a"])),
            said(lambda one=one: one("a")._replace(nope=1)),
        ]
        for one in BOTH
    )
    assert ours == theirs
    for one in BOTH:
        with pytest.raises(AttributeError):
            one("a").name = "b"
        with pytest.raises(AttributeError):
            one("a").other = "b"


def test_a_field_without_a_default_comes_first() -> None:
    from kinfo import named

    for base in (typing.NamedTuple, named.NamedTuple):
        with pytest.raises(TypeError):
            exec("class Wrong(base):\n    a: int = 1\n    b: int", {"base": base, "__name__": __name__})


def test_methods_and_what_is_derived() -> None:
    spot = Wider("a", 8)
    assert (spot.end, spot.more(), len(spot), spot.note) == (12, 13, 4, "derived from one")
    assert type(spot._replace(at=9)) is Wider
    assert repr(spot) == "Wider(name='a', at=8, size=4)"
    assert (Empty(), Empty._fields) == ((), ())
    match spot:
        case Spot(name, at):
            assert (name, at) == ("a", 8)
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_they_go_from_process_to_process(protocol: int) -> None:
    again = pickle.loads(pickle.dumps(Spot("a", 1), protocol))
    assert (again, type(again)) == (Spot("a", 1), Spot)


def test_two_kinds_share_no_defaults() -> None:
    assert Rule._field_defaults == Finding._field_defaults == {}
    assert (Spot("x").size, Twin("x").size) == (4, 4)
    anything: Any = Rule
    assert said(lambda: anything("a")).startswith("Rule.__new__() missing 5 required positional arguments: 'severity'")


@pytest.mark.parametrize("words", [["decode"], ["compare", "kinfo/samples/pixel-5.10.bin", "--exact"], ["find"]])
def test_hot_commands_make_none_of_typings(words: list[str]) -> None:
    """Of the kinfo modules that they import none makes its classes the slow way."""
    code = (
        "import sys, typing; made = []; old = typing._make_nmtuple\n"
        "typing._make_nmtuple = lambda name, *a, **k: (made.append(name), old(name, *a, **k))[1]\n"
        "from kinfo.cli.main import run; run(sys.argv[1:]); print(*made, file=sys.stderr)"
    )
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", code, *words, "kinfo/samples/pixel-5.10.bin"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == ""
