"""What print formats ask of the kernel that wrote the records."""

from __future__ import annotations

from typing import Protocol


class Lookups(Protocol):
    """What a print format asks of the kernel that wrote the record."""

    def name(self, address: int, *, with_offset: bool) -> str | None:
        """The symbol at an address, as %pS (else %ps) shows it; None where it has none."""

    def text(self, address: int) -> str | None:
        """The string at an address of the kernel; None where it is not known."""

    def constant(self, name: str) -> int | None:
        """The value of an enumerator, or of a variable that keeps its value; None where it is not known."""

    def size(self, name: str) -> int | None:
        """Bytes of a struct, `struct page`; None where it is not known."""


class NoLookups:
    """Where nothing is known of the kernel."""

    def name(self, address: int, *, with_offset: bool) -> None:
        """None."""

    def text(self, address: int) -> None:
        """None."""

    def constant(self, name: str) -> None:
        """None."""

    def size(self, name: str) -> None:
        """None."""
