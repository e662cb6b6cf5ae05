"""What the library has to say while it works: of missing data, of work that takes long. Nobody hears it by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kinfo.typed import Protocol


class Listener(Protocol):
    """Whoever wants to know."""

    def told(self, text: str) -> None:
        """A line of words for people."""

    def progress(self, label: str, done: int, total: int) -> None:
        """Of work on `total` bytes so many are done; as often as there is news. `done` is `total` when it has ended."""


_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Whatever is told within goes to the listener."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell(text: str) -> None:
    """Say a line to whoever listens."""
    if listener := _LISTENER.get():
        listener.told(text)


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Work on `total` bytes: what it gives is to be called with the number of those that are done."""
    listener = _LISTENER.get()
    if listener is None:
        yield lambda _: None
        return
    try:
        yield lambda done: listener.progress(label, min(done, total - 1), total)
    finally:
        listener.progress(label, total, total)
