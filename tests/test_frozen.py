"""Frozen objects: fields in order, defaults, no change, and others made of them."""

from __future__ import annotations

import pickle
from functools import cached_property
from typing import Any

import pytest

from kinfo.frozen import Frozen


class Point(Frozen):
    x: int
    y: int = 7

    @cached_property
    def sum(self) -> int:
        return self.x + self.y


class Named(Point):
    y: int = 9
    name: str = ""


def test_fields_come_by_place_and_by_name() -> None:
    point = Point(1)
    assert (point.x, point.y, point.sum) == (1, 7, 8)
    assert (Point(1, 2).y, Point(y=3, x=1).y) == (2, 3)
    assert Named.field_names == ("x", "y", "name")
    assert (Named(1).y, Named(1, 2, "a").name) == (9, "a")


@pytest.mark.parametrize(
    ("values", "named", "said"),
    [
        ((), {}, "x not given"),
        ((), {"x": 1, "z": 1}, "takes each of x, y once"),
        ((), {"y": 1}, "Point: x not given"),
        ((1, 2, 3), {}, "once"),
        ((1,), {"x": 1}, "once"),
        ((1,), {"z": 1}, "takes each of x, y once"),
    ],
)
def test_wrong_fields_are_refused(values: tuple[int, ...], named: dict[str, int], said: str) -> None:
    made: Any = Point
    with pytest.raises(TypeError, match=said):
        made(*values, **named)


def test_nothing_can_be_changed_but_another_can_be_made() -> None:
    point: Any = Point(1)
    with pytest.raises(AttributeError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(AttributeError, match="cannot delete field 'x'"):
        del point.x
    assert point.sum == 8
    other = point._replace(x=5)
    assert (type(other), other.x, other.y, other.sum, point.x) == (Point, 5, 7, 12, 1)


def test_an_object_equals_itself_alone_and_can_go_to_another_process() -> None:
    point = Named(1, 2, "a")
    assert point != Named(1, 2, "a")
    assert len({point, point}) == 1
    copy = pickle.loads(pickle.dumps(point))
    assert (type(copy), copy.x, copy.name, copy.sum) == (Named, 1, "a", 3)
